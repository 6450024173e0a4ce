/**
 * What `using` keeps until its block ends.
 *
 * Invariant: disposed of in the reverse order; everything is disposed of, whatever fails meanwhile.
 */
type Disposal = () => unknown;

const SYNC = ['dispose', 'nodejs.dispose'] as const;
const ASYNC = ['asyncDispose', 'nodejs.asyncDispose'] as const;

/** The symbols that stand for disposing: the engine's, or those that libraries use without it. */
const symbolsOf = ([name, other]: readonly [string, string]): readonly symbol[] => {
  const own: unknown = Reflect.get(Symbol, name);
  return [
    ...(typeof own === 'symbol' ? [own] : []),
    Symbol.for(other),
    Symbol.for(`Symbol.${name}`),
  ];
};

const disposalOf = (value: unknown, names: readonly (readonly [string, string])[]): Disposal => {
  if (value === null || value === undefined) return () => undefined;
  for (const symbol of names.flatMap(symbolsOf)) {
    const method: unknown = Reflect.get(Object(value), symbol);
    if (typeof method === 'function') return () => Reflect.apply(method, value, []) as unknown;
  }
  throw new TypeError('using: the value has no Symbol.dispose method');
};

const joined = (error: unknown, suppressed: unknown): unknown => {
  const Suppressed: unknown = Reflect.get(globalThis, 'SuppressedError');
  return typeof Suppressed === 'function'
    ? Reflect.construct(Suppressed, [error, suppressed])
    : error;
};

/** Belongs to one run of one block. */
export class Resources {
  readonly #disposals: Disposal[] = [];
  #failure: { readonly error: unknown } | undefined;

  add<T>(value: T): T {
    this.#disposals.push(disposalOf(value, [SYNC]));
    return value;
  }

  /** For `await using`. */
  addLater<T>(value: T): T {
    this.#disposals.push(disposalOf(value, [ASYNC, SYNC]));
    return value;
  }

  /** The block ends with an error. */
  fail(error: unknown): void {
    this.#note(error);
  }

  dispose(): void {
    for (const disposal of this.#disposals.reverse())
      try {
        disposal();
      } catch (error) {
        this.#note(error);
      }
    this.#end();
  }

  async disposeLater(): Promise<void> {
    for (const disposal of this.#disposals.reverse())
      try {
        await disposal();
      } catch (error) {
        this.#note(error);
      }
    this.#end();
  }

  #note(error: unknown): void {
    this.#failure = {
      error: this.#failure === undefined ? error : joined(error, this.#failure.error),
    };
  }

  #end(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
