/**
 * How many are right.
 *
 * Invariant: counted on the device; one number comes back, at the end.
 */

import { predictMode } from '../autograd.ts';
import { failure } from '../callsite.ts';
import { add, eq } from '../nd/arithmetic.ts';
import { astype } from '../nd/math.ts';
import { argmax, sum } from '../nd/reduce.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { shown } from '../options.ts';

/** A function of a batch, or a net: scores of classes. */
export type Model = (x: NDArray) => NDArray;

/** Batches of arrays and their labels. */
export type Loader = AsyncIterable<readonly NDArray[]> | Iterable<readonly NDArray[]>;

/** The two parts of a batch. */
export const partsOf = (where: string, batch: readonly NDArray[]): readonly [NDArray, NDArray] => {
  const [x, y] = batch;
  if (isNDArray(x) && isNDArray(y)) return [x, y];
  throw failure('value', `${where}: a batch is ${shown(batch)}`, 'batches are pairs [x, y]');
};

/** The number of right predictions, int32 []. */
export const correct = (scores: NDArray, labels: NDArray): NDArray => {
  if (!isNDArray(scores) || !isNDArray(labels) || scores.ndim !== labels.ndim + 1)
    throw failure(
      'shape',
      `accuracy: scores [${scores?.shape?.join(', ')}], labels [${labels?.shape?.join(', ')}]`,
      'pass scores [batch, classes] and labels [batch]',
    );
  const found = argmax(scores, { axis: 1 });
  return sum(astype(eq(found, astype(labels, 'int32')), 'int32'));
};

/**
 * The share of labels that have the highest score: scores [batch, classes] of any dtype but bool, labels [batch] of any
 * dtype.
 *
 * @throws {ShapeError} when labels do not fit scores (as a rejected promise)
 *
 * @example
 * const scores = nd.array([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]]);
 * await accuracy(scores, nd.array([0, 2]));   // 0.5
 */
export const accuracy = async (scores: NDArray, labels: NDArray): Promise<number> =>
  (await correct(scores, labels).item()) / labels.size;

/**
 * The share of labels that a net gives the highest score, over all batches `[x, y]` of a loader: `net(x)` is scores [batch,
 * classes], `y` labels [batch] of any dtype. In predict mode; read once, at the end.
 *
 * @throws {ShapeError} when labels do not fit scores (as a rejected promise)
 * @throws {ValueError} for batches that are no pairs of arrays, and where there are none
 *
 * @example
 * const share = await evaluateAccuracy(net, [[x, y]]);
 * share >= 0;   // true
 */
export const evaluateAccuracy = async (net: Model, loader: Loader): Promise<number> => {
  let right: NDArray | undefined;
  let count = 0;
  for await (const batch of loader) {
    const [x, y] = partsOf('evaluateAccuracy', batch);
    const now = predictMode(() => correct(net(x), y));
    right = right === undefined ? now : add(right, now);
    count += y.size;
    await x.device.relieve();
  }
  if (right === undefined)
    throw failure('value', 'evaluateAccuracy: there are no batches', 'pass a loader with some');
  return (await right.item()) / count;
};
