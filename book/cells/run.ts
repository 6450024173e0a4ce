/**
 * Runs a compiled cell in its scope.
 *
 * Invariant: knows no module by itself; strict mode, `this` is undefined, and a promise as the last value is awaited.
 */
import type { CompiledCell } from './compile.ts';
import type { Scope, Values } from './scope.ts';
import { Resources } from './stack.ts';

/** A cell was stopped from outside. */
export class Interrupted extends Error {
  constructor() {
    super('stopped');
    this.name = 'Interrupted';
  }
}

/** What cells get from outside. */
export interface Surrounding {
  /** Finds a module by its specifier. */
  readonly modules: (specifier: string) => Promise<object>;
  /** Its first element is set to stop what runs; shared memory, if another thread is to set it. */
  readonly stop: Int32Array;
}

interface Helpers {
  readonly stop: Int32Array;
  readonly meta: { readonly url: string };
  import(
    specifier: string,
    names: readonly (readonly [string, string])[],
    into: Values,
  ): Promise<void>;
  load(specifier: unknown): Promise<object>;
  using(): Resources;
  interrupted(): never;
}

type Program = (scope: Values, own: Values, helpers: Helpers) => Promise<unknown>;

const helpersOf = (own: Scope, { modules, stop }: Surrounding, url: string): Helpers => ({
  stop,
  meta: { url },
  async import(specifier, names, into) {
    const module = await modules(specifier);
    for (const [imported, name] of names)
      if (imported === '*') into[name] = module;
      else if (imported in module) into[name] = Reflect.get(module, imported) as unknown;
      // It may be the name of a type, which nobody reads.
      else own.deny(name, `'${specifier}' exports nothing that is called ${imported}`);
  },
  load: (specifier) => modules(String(specifier)),
  using: () => new Resources(),
  interrupted() {
    throw new Interrupted();
  },
});

/**
 * Runs a cell that may read and change `scope`, and declares its names in `own` (the same scope, but for cells apart).
 * Gives the value of its last expression.
 *
 * @throws whatever the cell throws, as a rejection
 */
export const runCell = (
  compiled: CompiledCell,
  scope: Scope,
  own: Scope,
  surrounding: Surrounding,
): Promise<unknown> => {
  own.declare(compiled.declares);
  const url = /sourceURL=(.*)$/.exec(compiled.code)?.[1] ?? '';
  // An indirect eval sees only the engine's names, and adds no lines of its own.
  // biome-ignore lint/security/noGlobalEval: running what the reader wrote is what cells are for
  const indirect = globalThis.eval;
  const program = indirect(compiled.code) as Program;
  return Reflect.apply(program, undefined, [
    scope.values,
    own.values,
    helpersOf(own, surrounding, url),
  ]);
};
