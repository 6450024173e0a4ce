/**
 * Names in generated text: those of Thread IR where they can stand, else something close.
 *
 * Invariant: no two things of a text have one name, and none has a name that is taken: a word of the language, or a
 * function that comes along.
 */
import { remember } from '../../ir/remember.ts';

/** Gives each thing a name of its own. */
export class Identifiers {
  readonly #names = new Map<object, string>();
  readonly #used = new Set<string>();
  readonly #taken: (name: string) => boolean;
  readonly #ending: string;

  /** `ending`: what every name ends in. */
  constructor(taken: (name: string) => boolean, ending = '') {
    this.#taken = taken;
    this.#ending = ending;
  }

  /** The name of a thing, chosen at the first call. */
  of(thing: object, wanted: string): string {
    return remember(this.#names, thing, () => this.fresh(wanted));
  }

  /** A name that nothing has. */
  fresh(wanted: string): string {
    const plain = wanted.replace(/[^A-Za-z0-9_]/g, '_').replace(/^_+/, '');
    const base = /^[A-Za-z]/.test(plain) ? plain : `n${plain}`;
    let name = `${base}${this.#ending}`;
    for (let i = 1; this.#taken(name) || this.#used.has(name); i++)
      name = `${base}_${i}${this.#ending}`;
    this.#used.add(name);
    return name;
  }
}

/** How the names of a text are chosen. */
export interface Naming {
  /**
   * Whether variables are called after the kernel's buffers, for people: else by position, so that kernels that do the
   * same to other buffers have one text.
   */
  readonly own: boolean;
  readonly identifiers: () => Identifiers;
}

/** For devices: no word of WGSL, and nothing that comes along, ends in an underscore. */
export const plainNames: Naming = {
  own: false,
  identifiers: () => new Identifiers(() => false, '_'),
};
