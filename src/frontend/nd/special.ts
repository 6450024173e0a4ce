/**
 * Special functions: gamma and what comes with it, the inverse of the error function.
 *
 * Invariant: floats keep their dtype, others become float32; gradients exist to any order that `polygamma` has.
 */
import type { Op } from '../../ir/graph/graph.ts';
import {
  digamma as digammaOp,
  gamma as gammaOp,
  lgamma as lgammaOp,
  polygamma as polygammaOp,
} from '../../ir/graph/ops/gamma.ts';
import { erfinv as erfinvOp } from '../../ir/graph/ops/normal.ts';
import { call, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { shown } from '../options.ts';
import { derived, floating, type Unary } from './math.ts';

const formula = (name: string, op: Op): Unary => derived(name, (b, x) => b.emit(op, [x], {}));

/**
 * The gamma function: `gamma(n + 1)` is n factorial. Infinite at 0, NaN at negative integers. Of the same shape; floats
 * keep their dtype, other dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example
 * nd.gamma(nd.array([1, 5, 0.5]));   // [1, 24, 1.77245]
 */
export const gamma: Unary = formula('gamma', gammaOp);
/**
 * `log |gamma(x)|`; infinite at 0 and negative integers. Of the same shape; floats keep their dtype, other dtypes give
 * float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example
 * nd.gammaln(nd.array([1, 10, 100]));   // [0, 12.80183, 359.13421]
 */
export const gammaln: Unary = formula('gammaln', lgammaOp);
/**
 * The derivative of {@link gammaln}; -Infinity at 0, NaN at negative integers. Of the same shape; floats keep their
 * dtype, other dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example
 * nd.digamma(nd.array([1, 10]));   // [-0.57722, 2.25175]
 */
export const digamma: Unary = formula('digamma', digammaOp);
/**
 * The number whose `erf` this is; infinite at -1 and 1, NaN beyond. Of the same shape; floats keep their dtype, other
 * dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example
 * nd.erfinv(nd.array([0, 0.5, -0.9]));   // [0, 0.47694, -1.16309]
 */
export const erfinv: Unary = formula('erfinv', erfinvOp);

interface Order {
  readonly n: number;
}
const derivative: Fragment<Order> = fragment<Order>('polygamma', (b, [x], attrs) =>
  b.emit(polygammaOp, [floating(b, x!)], { n: attrs.n }),
);
/**
 * The n-th derivative of {@link digamma}, n from 0 to 12; NaN for negative `x` when n is 2 or more. In the shape of
 * `x`; floats keep their dtype, other dtypes give float32.
 *
 * @throws {ValueError} unless `n` is an integer from 0 to 12
 *
 * @example
 * nd.polygamma(1, nd.array([1, 10]));   // [1.64493, 0.10517]
 */
export const polygamma = (n: number, x: NDArray): NDArray => {
  if (!Number.isInteger(n) || n < 0 || n > 12)
    throw failure('value', `polygamma: n is ${shown(n)}`, 'an integer from 0 to 12');
  return n === 0 ? digamma(x) : call(derivative, [x], { attrs: { n }, key: `${n}` });
};
