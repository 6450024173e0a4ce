/**
 * From samples to batches.
 *
 * Invariant: samples of one batch have one structure; their arrays one shape and dtype.
 */
import { showType } from '../../../ir/type.ts';
import { failure } from '../../callsite.ts';
import { stack } from '../../nd/concat.ts';
import { array } from '../../nd/creation.ts';
import { isNDArray, type NDArray } from '../../ndarray.ts';
import { checkList } from '../../options.ts';

/** The batch of samples of type `S`: arrays and numbers become arrays with one axis more. */
export type Batched<S> = S extends NDArray | number | boolean
  ? NDArray
  : S extends readonly unknown[]
    ? { -readonly [K in keyof S]: Batched<S[K]> }
    : never;

/**
 * Stacks samples part by part: NDArrays along a new first axis, numbers to float32, booleans to bool.
 *
 * Arrays [...] give [samples, ...] of their dtype.
 *
 * @throws {ShapeError} for arrays of different shapes or dtypes
 * @throws {ValueError} without samples, for what is no array, number or tuple, and for tuples of different lengths
 *
 * @example
 * const [x, y] = stackSamples([[nd.ones([3]), 0], [nd.zeros([3]), 1]]);
 * x;   // [[1, 1, 1], [0, 0, 0]]
 * y;   // [0, 1]
 */
export const stackSamples = <S>(samples: readonly S[]): Batched<S> => {
  checkList('stackSamples', 'the first argument', samples, 'pass samples in a list');
  if (samples.length === 0)
    throw failure('value', 'stackSamples: there are no samples', 'pass at least one');
  return stacked(samples, 'samples') as Batched<S>;
};

const stacked = (samples: readonly unknown[], where: string): unknown => {
  const first = samples[0];
  if (isNDArray(first)) {
    samples.forEach((x, i) => {
      if (!isNDArray(x) || x.type !== first.type)
        throw failure(
          'shape',
          `DataLoader: ${where} cannot be stacked: number 0 is ${showType(first.type)}, number ${i} ${
            isNDArray(x) ? showType(x.type) : typeof x
          }`,
          'pad them in a transform, or pass { batchify }',
        );
    });
    return stack(samples as NDArray[]);
  }
  if (typeof first === 'number' || typeof first === 'boolean')
    return array(samples as (number | boolean)[]);
  if (Array.isArray(first)) {
    const uneven = samples.findIndex((x) => !Array.isArray(x) || x.length !== first.length);
    if (uneven >= 0)
      throw failure(
        'value',
        `DataLoader: ${where} cannot be stacked: number 0 has ${first.length} parts, number ${uneven} has not`,
        'pass { batchify } for samples of different structure',
      );
    return first.map((_, k) =>
      stacked(
        samples.map((x) => (x as unknown[])[k]),
        `parts ${k} of the samples`,
      ),
    );
  }
  throw failure(
    'value',
    `DataLoader: ${where} are of type ${first === null ? 'null' : typeof first}, which cannot be stacked`,
    'samples are NDArrays, numbers or tuples of them; for others pass { batchify }',
  );
};
