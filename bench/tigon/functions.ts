/**
 * The rows chain12 and layernorm as functions of arrays, for every device that they are timed on.
 */
import type { nd } from 'tigon';

/** Twelve operations on single numbers. */
export const chain = (x: nd.NDArray): nd.NDArray =>
  x
    .mul(1.01)
    .add(0.1)
    .relu()
    .sub(0.05)
    .tanh()
    .mul(2)
    .add(1)
    .mul(0.5)
    .sub(0.25)
    .square()
    .add(1)
    .sqrt();

/** Of each row, written out. */
export const layerNorm = (x: nd.NDArray): nd.NDArray => {
  const c = x.sub(x.mean({ axis: 1, keepDims: true }));
  const v = c.square().mean({ axis: 1, keepDims: true });
  return c.div(v.add(1e-5).sqrt());
};
