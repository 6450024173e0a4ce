/**
 * Batches of sequences out of one long text, for language models: the books' two ways.
 *
 * Invariant: targets are the inputs one token later; each pass begins at a random token, so that no pass sees the same
 * cuts; the orders follow `random.seed`.
 */
import { tensor } from '../../ir/type.ts';
import { failure } from '../callsite.ts';
import { defaultDevice } from '../default-device.ts';
import { RandomSampler } from '../gluon/data/sampler.ts';
import { upload } from '../nd/filled.ts';
import type { NDArray } from '../ndarray.ts';
import { checkCount, checkOptions, shown } from '../options.ts';

export interface SequenceOptions {
  readonly batchSize: number;
  /** Tokens of a sequence. */
  readonly steps: number;
}

/** Batches `[x, y]` of int32 [batch, steps]; each pass asks for a new iterator. */
export interface Batches extends Iterable<[x: NDArray, y: NDArray]> {
  /** How many batches a pass has at least. */
  readonly length: number;
}

const checked = (
  where: string,
  corpus: Int32Array,
  { batchSize, steps, ...rest }: SequenceOptions,
): void => {
  checkOptions(where, rest, ['batchSize', 'steps']);
  checkCount(where, 'batchSize', batchSize);
  checkCount(where, 'steps', steps);
  if (!(corpus instanceof Int32Array))
    throw failure(
      'value',
      `${where}: the corpus is ${shown(corpus)}`,
      'pass numbers of tokens: vocab.encode(tokens)',
    );
  const least = batchSize * steps + steps;
  if (corpus.length < least)
    throw failure(
      'value',
      `${where}: ${corpus.length} tokens are too few for ${batchSize} sequences of ${steps}`,
      `take at least ${least} tokens, or a smaller batch`,
    );
};

/** A random number below `count`. */
const below = (count: number): number => {
  const [first] = new RandomSampler(count);
  return first!;
};

/** Sequences that begin at these tokens, and the same one token later. */
const pair = (corpus: Int32Array, starts: readonly number[], steps: number): [NDArray, NDArray] => {
  const rows = (shift: number): NDArray => {
    const values = new Int32Array(starts.length * steps);
    for (const [i, start] of starts.entries())
      values.set(corpus.subarray(start + shift, start + shift + steps), i * steps);
    const type = tensor('int32', [starts.length, steps]);
    return upload(type, values, defaultDevice(), 'sequences');
  };
  return [rows(0), rows(1)];
};

/**
 * Batches of sequences from all over a corpus (an Int32Array of token numbers) in a random order: `[x, y]`, int32 [batch,
 * steps]. A sequence has nothing to do with those of the batch before, so a state begins anew.
 *
 * @throws {ValueError} for what is no Int32Array, and one that is too short for a batch
 * @throws {OptionError} unless `batchSize` and `steps` are integers ≥ 1
 *
 * @example
 * const batches = seqDataIterRandom(Int32Array.from({ length: 30 }, (_, i) => i), { batchSize: 2, steps: 5 });
 * for (const [x, y] of batches) y.sub(x).min().itemSync() === 1;
 */
export const seqDataIterRandom = (corpus: Int32Array, options: SequenceOptions): Batches => {
  checked('seqDataIterRandom', corpus, options);
  const { batchSize, steps } = options;
  const lengthFrom = (offset: number): number =>
    Math.floor(Math.floor((corpus.length - offset - 1) / steps) / batchSize);
  return {
    length: lengthFrom(steps - 1),
    *[Symbol.iterator]() {
      const offset = below(steps);
      const count = Math.floor((corpus.length - offset - 1) / steps);
      const starts = Array.from(new RandomSampler(count), (i) => offset + i * steps);
      for (let i = 0; i + batchSize <= count; i += batchSize)
        yield pair(corpus, starts.slice(i, i + batchSize), steps);
    },
  };
};

/**
 * Batches in which each row goes on where the same row of the batch before ended: `[x, y]`, int32 [batch, steps], from a
 * corpus (an Int32Array of token numbers). A state may be kept from batch to batch.
 *
 * @throws {ValueError} for what is no Int32Array, and one that is too short for a batch
 * @throws {OptionError} unless `batchSize` and `steps` are integers ≥ 1
 *
 * @example
 * const batches = seqDataIterConsecutive(new Int32Array(30), { batchSize: 2, steps: 5 });
 * batches.length;   // 2
 */
export const seqDataIterConsecutive = (corpus: Int32Array, options: SequenceOptions): Batches => {
  checked('seqDataIterConsecutive', corpus, options);
  const { batchSize, steps } = options;
  /** Tokens of a row. */
  const widthFrom = (offset: number): number =>
    Math.floor((corpus.length - offset - 1) / batchSize);
  return {
    length: Math.floor(widthFrom(steps - 1) / steps),
    *[Symbol.iterator]() {
      const offset = below(steps);
      const width = widthFrom(offset);
      const rows = Array.from({ length: batchSize }, (_, i) => offset + i * width);
      for (let at = 0; at + steps <= width; at += steps)
        yield pair(
          corpus,
          rows.map((row) => row + at),
          steps,
        );
    },
  };
};
