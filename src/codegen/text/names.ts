/**
 * Names in generated text: those of Thread IR where they can stand, else something close.
 *
 * Invariant: no two things of a text have one name, and none has a name that is taken: a word of the language, or a
 * function that comes along.
 */

/** Gives each thing a name of its own. */
export class Identifiers {
  readonly #names = new Map<object, string>();
  readonly #used = new Set<string>();
  readonly #taken: (name: string) => boolean;

  constructor(taken: (name: string) => boolean) {
    this.#taken = taken;
  }

  /** The name of a thing, chosen at the first call. */
  of(thing: object, wanted: string): string {
    const known = this.#names.get(thing);
    if (known !== undefined) return known;
    const name = this.fresh(wanted);
    this.#names.set(thing, name);
    return name;
  }

  /** A name that nothing has. */
  fresh(wanted: string): string {
    const plain = wanted.replace(/[^A-Za-z0-9_]/g, '_').replace(/^_+/, '');
    const base = /^[A-Za-z]/.test(plain) ? plain : `n${plain}`;
    let name = base;
    for (let i = 1; this.#taken(name) || this.#used.has(name); i++) name = `${base}_${i}`;
    this.#used.add(name);
    return name;
  }
}
