/**
 * Functions that densities are made of, with values and gradients that stay finite where they should.
 *
 * Invariant: what is not chosen by a condition is computed from a harmless number, so that no NaN enters gradients.
 */
import * as nd from '../nd/index.ts';
import type { NDArray } from '../ndarray.ts';

export const HALF_LOG_TURN: number = 0.5 * Math.log(2 * Math.PI);
/** Euler's constant. */
export const EULER = 0.5772156649015329;
/** The least step from 1 in float32 and float64, and how far 1 is from the float of 16 bits below it. */
const EPSILON = 2 ** -23;
const STEPS: Readonly<Record<string, number>> = {
  float16: 2 ** -11,
  bfloat16: 2 ** -8,
  float64: 2 ** -52,
};

/** `x log y`, and 0 where both are 0. */
export const xlogy = (x: NDArray, y: NDArray): NDArray => {
  const none = nd.logicalAnd(nd.eq(x, 0), nd.eq(y, 0));
  return nd.mul(x, nd.log(nd.where(none, 1, y)));
};
/** `x log(1 + y)`, and 0 where both are. */
export const xlog1py = (x: NDArray, y: NDArray): NDArray => {
  const none = nd.logicalAnd(nd.eq(x, 0), nd.eq(y, -1));
  return nd.mul(x, nd.log1p(nd.where(none, 0, y)));
};
/** The logarithm of the beta function. */
export const logBeta = (a: NDArray, b: NDArray): NDArray =>
  nd
    .gammaln(a)
    .add(nd.gammaln(b))
    .sub(nd.gammaln(a.add(b)));
/** `log(n! / (k! (n - k)!))`. */
export const logChoose = (n: NDArray, k: NDArray): NDArray =>
  nd
    .gammaln(n.add(1))
    .sub(nd.gammaln(k.add(1)))
    .sub(nd.gammaln(nd.sub(n, k).add(1)));
/** Where the condition holds; elsewhere minus infinity. */
export const orNever = (condition: NDArray, logProb: NDArray): NDArray =>
  nd.where(condition, logProb, Number.NEGATIVE_INFINITY);
/** `x` where the condition holds, elsewhere a harmless number. */
export const safely = (condition: NDArray, x: NDArray, instead: number): NDArray =>
  nd.where(condition, x, instead);

/** Probabilities away from 0 and 1 by one step. */
export const inside = (p: NDArray): NDArray => {
  const step = STEPS[p.dtype] ?? EPSILON;
  return nd.clip(p, step, 1 - step);
};
/** `log(p / (1 - p))`. */
export const logitOf = (p: NDArray): NDArray => {
  const kept = inside(p);
  return nd.log(kept).sub(nd.log1p(kept.neg()));
};
/** Normal distribution function. */
export const normalCdf = (z: NDArray): NDArray => nd.erf(z.mul(Math.SQRT1_2)).add(1).mul(0.5);
/** Its inverse. */
export const normalQuantile = (p: NDArray): NDArray => nd.erfinv(p.mul(2).sub(1)).mul(Math.SQRT2);
/** `-(x log x + (1 - x) log(1 - x))` of probabilities, by their logits. */
export const coinEntropy = (p: NDArray, logit: NDArray): NDArray =>
  nd.softplus(logit).sub(nd.mul(p, logit));
