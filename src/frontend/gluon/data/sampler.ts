/**
 * Samplers: in which order a loader visits samples.
 *
 * Invariant: an order depends on the seed and on how many times the sampler was gone through before, nothing else.
 */
import { failure } from '../../callsite.ts';
import { checkOptions } from '../../options.ts';
import { getState, setState } from '../../random.ts';
import { prng, shuffle } from './prng.ts';

/** Numbers of samples in the order of a pass; each pass asks for a new iterator. */
export interface Sampler extends Iterable<number> {
  /** How many numbers a pass gives. */
  readonly length: number;
}

const checkLength = (where: string, length: number): number => {
  if (Number.isInteger(length) && length >= 0) return length;
  throw failure('value', `${where}: the number of samples is ${String(length)}`);
};

/**
 * `0, 1, ..., length - 1`.
 *
 * @throws {ValueError} unless `length` is an integer ≥ 0
 *
 * @example [...new SequentialSampler(3)];   // [0, 1, 2]
 */
export class SequentialSampler implements Sampler {
  readonly length: number;
  constructor(length: number) {
    this.length = checkLength('SequentialSampler', length);
  }
  *[Symbol.iterator](): Iterator<number> {
    for (let i = 0; i < this.length; i++) yield i;
  }
}

/**
 * The numbers below `length` in a new random order at each pass. Without a seed, one is drawn as `random.seed` says.
 *
 * @throws {ValueError} unless `length` and `seed` are integers ≥ 0
 * @throws {OptionError} for unknown options
 *
 * @example [...new RandomSampler(3, { seed: 1 })].sort();   // [0, 1, 2]
 */
export class RandomSampler implements Sampler {
  readonly length: number;
  readonly #seed: readonly number[];
  #passes = 0;
  constructor(length: number, options: { readonly seed?: number | undefined } = {}) {
    checkOptions('RandomSampler', options, ['seed']);
    this.length = checkLength('RandomSampler', length);
    const { seed } = options;
    if (seed !== undefined && (!Number.isSafeInteger(seed) || seed < 0))
      throw failure('value', `shuffling: the seed ${String(seed)} is not an integer ≥ 0`);
    this.#seed = seed === undefined ? drawnSeed() : [seed];
  }
  [Symbol.iterator](): Iterator<number> {
    const order = Int32Array.from({ length: this.length }, (_, i) => i);
    shuffle(order, prng(...this.#seed, this.#passes++));
    return order.values();
  }
}

const drawnSeed = (): readonly number[] => {
  const state = getState();
  const { seed, draws } = state;
  setState({ ...state, draws: draws + 1 });
  return [seed, draws];
};
