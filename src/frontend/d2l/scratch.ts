/**
 * Pieces of training that lessons first write themselves: a linear model, its loss, its optimizer.
 *
 * Invariant: nothing but functions of arrays: what a reader would write, and can read.
 */
import { gradientOf } from '../autograd.ts';
import { failure } from '../callsite.ts';
import { clipGlobalNorm } from '../gluon/clip.ts';
import type { Parameter } from '../gluon/parameter.ts';
import { add, div, mul, sub } from '../nd/arithmetic.ts';
import { dot } from '../nd/linalg.ts';
import { square } from '../nd/math.ts';
import { reshape } from '../nd/shape.ts';
import { assign } from '../nd/transfer.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { checkList, shown } from '../options.ts';

/**
 * The linear model `x·w + b`: floats [batch, d] times [d] or [d, outputs], plus a scalar, [1] or [outputs].
 *
 * @throws {ShapeError} when sizes do not fit
 *
 * @example linreg(nd.array([[1, 2]]), nd.array([3, 4]), nd.zeros([1]));   // [11]
 */
export const linreg = (x: NDArray, w: NDArray, b: NDArray): NDArray => add(dot(x, w), b);

/**
 * Half the squared error of each prediction, `(ŷ - y)² / 2`, in the shape of the predictions: floats; `y` has as many
 * elements.
 *
 * @throws {ShapeError} when there are not as many targets as predictions
 *
 * @example squaredLoss(nd.array([[1], [3]]), nd.array([2, 3]));   // [[0.5], [0]]
 */
export const squaredLoss = (predictions: NDArray, y: NDArray): NDArray =>
  div(square(sub(predictions, reshape(y, predictions.shape))), 2);

/**
 * A step of stochastic gradient descent: `p ← p - learningRate · gradient / batchSize` for arrays of floats of any shapes
 * with gradients (`attachGrad`), after a backward pass. The batch size is that of a sum of losses; 1 for a mean.
 *
 * @throws {ValueError} for what is no list of arrays, and a learning rate that is no number
 * @throws {GradientError} for arrays without gradient
 *
 * @example
 * const w = nd.array([1]).attachGrad();
 * autograd.record(() => w.square().sum()).backward();
 * sgd([w], 0.1);
 * w;   // [0.8]
 */
export const sgd = (
  params: readonly NDArray[],
  learningRate: number,
  batchSize: number | undefined = 1,
): void => {
  checkList('sgd', 'the list of parameters', params, 'write sgd([w, b], 0.1)');
  if (typeof learningRate !== 'number')
    throw failure('value', `sgd: the learning rate is ${shown(learningRate)}`, 'pass a number');
  for (const p of params) {
    if (!isNDArray(p)) throw failure('value', `sgd: ${shown(p)} is no array`, 'pass arrays');
    const gradient = gradientOf(p);
    if (gradient === undefined)
      throw failure('gradient', 'sgd: an array has no gradient', 'call w.attachGrad() first');
    assign(p, sub(p, mul(gradient, learningRate / batchSize)));
  }
};

/**
 * Scales gradients together so that their norm (the root of the sum of all squares) is `limit` at most; the gradients of
 * arrays of floats of any shapes (with `attachGrad`), or of a net's parameters.
 *
 * @throws {ValueError} without arrays, and unless `limit` > 0
 * @throws {GradientError} for arrays without gradient
 *
 * @example
 * const w = nd.array([3, 4]).attachGrad();
 * autograd.record(() => w.square().sum().div(2)).backward();
 * gradClipping([w], 1);
 * w.grad;   // [0.6, 0.8]
 */
export const gradClipping = (params: readonly (NDArray | Parameter)[], limit: number): void => {
  checkList('gradClipping', 'the list of parameters', params, 'write gradClipping([w, b], 1)');
  clipGlobalNorm(
    params.map((p) => {
      if (!isNDArray(p)) return p;
      const gradient = gradientOf(p);
      if (gradient !== undefined) return gradient;
      throw failure(
        'gradient',
        'gradClipping: an array has no gradient',
        'call attachGrad() first',
      );
    }),
    limit,
  );
};
