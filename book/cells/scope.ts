/**
 * The scope that cells share: an object whose properties are their names.
 *
 * Invariant: a name that nobody declared is an error, as anywhere; one that is declared further down in the cell that runs
 * is not there yet.
 */
import type { Kind } from './scopes.ts';

export type Values = Record<string, unknown>;

export interface Scope {
  /** The names and what they are now. */
  readonly values: Values;
  /** What cells so far have declared. */
  readonly known: ReadonlyMap<string, Kind>;
  /** Announces what a cell declares, before it runs. */
  declare(names: ReadonlyMap<string, Kind>): void;
  /** A name is there, but reading it fails with this message. */
  deny(name: string, message: string): void;
}

export const createScope = (): Scope => {
  const known = new Map<string, Kind>();
  const denied = new Map<string, string>();
  const missing = new Proxy(Object.create(null) as Values, {
    has: () => false,
    get(_target, name) {
      if (typeof name === 'symbol') return undefined;
      throw new ReferenceError(
        denied.get(name) ??
          (known.has(name)
            ? `${name} has no value yet: it is declared further down, or in a cell that failed`
            : `${name} is not defined; cells run from the top to the bottom`),
      );
    },
    set(_target, name, value, receiver: object) {
      if (typeof name === 'string' && !known.has(name))
        throw new ReferenceError(`${name} is not defined`);
      return Reflect.defineProperty(receiver, name, {
        value,
        writable: true,
        enumerable: true,
        configurable: true,
      });
    },
  });
  const values = Object.create(missing) as Values;
  return {
    values,
    known,
    declare(names) {
      for (const [name, kind] of names) known.set(name, kind);
    },
    deny(name, message) {
      denied.set(name, message);
      delete values[name];
    },
  };
};
