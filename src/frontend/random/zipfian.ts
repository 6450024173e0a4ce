/**
 * Classes by Zipf's law, for sampled softmax: those with small numbers, the common ones, come often.
 *
 * Invariant: class `k` of `range` has probability log((k + 2) / (k + 1)) / log(range + 1); these sum to 1.
 */
import { checkArray } from '../call.ts';
import { failure } from '../callsite.ts';
import { add, div, mul } from '../nd/arithmetic.ts';
import { astype, clip, expm1, floor, log } from '../nd/math.ts';
import type { NDArray } from '../ndarray.ts';
import { shown } from '../options.ts';
import { uniform } from './basic.ts';

const checkCount = (what: string, value: number, least: number): void => {
  if (!Number.isInteger(value) || value < least)
    throw failure(
      'value',
      `random.randZipfian: ${what} is ${shown(value)}`,
      `pass an integer ≥ ${least}`,
    );
};

/**
 * Draws `sampled` class numbers below `range`, int32 [sampled], each `k` with probability log((k + 2) / (k + 1)) /
 * log(range + 1). Also says how often classes are expected among so many, float32: those of `trueClasses` (integers of
 * any shape, which stays), and those drawn [sampled].
 *
 * @throws {ValueError} unless `sampled` ≥ 0 and `range` ≥ 1 are integers
 *
 * @example
 * const labels = nd.array([3], { dtype: 'int32' });
 * const [samples, expectedTrue, expectedSampled] = random.randZipfian(labels, 4, 5);
 * samples.shape;              // [4]
 * await expectedTrue.item();   // 0.4981, of 4 · log(5 / 4) / log(6)
 */
export const randZipfian = (
  trueClasses: NDArray,
  sampled: number,
  range: number,
): [samples: NDArray, expectedTrue: NDArray, expectedSampled: NDArray] => {
  checkArray('random.randZipfian', trueClasses);
  checkCount('sampled', sampled, 0);
  checkCount('range', range, 1);
  const whole = Math.log(range + 1);
  const expected = (classes: NDArray): NDArray => {
    const k = astype(classes, 'float32');
    return mul(log(div(add(k, 2), add(k, 1))), sampled / whole);
  };
  const { device } = trueClasses;
  // rounding may put the last number at the end of the range
  const drawn = clip(floor(expm1(uniform([sampled], 0, whole, { device }))), 0, range - 1);
  const samples = astype(drawn, 'int32');
  return [samples, expected(trueClasses), expected(samples)];
};
