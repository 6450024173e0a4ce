/**
 * Gradients as functions of arrays, so that their gradients can be checked like those of any function.
 *
 * Invariant: the sum that is differentiated weighs results unevenly and squares them, so no part of the gradient cancels.
 */

import { autograd, nd } from '../../src/index.ts';
import { isFloat } from '../../src/ir/dtype.ts';

type F = (...x: nd.NDArray[]) => nd.NDArray | readonly nd.NDArray[];

/** The gradient of a number made of the results of `f`, with respect to all float operands. */
export const slopeOf =
  (f: F): F =>
  (...given) =>
    autograd.record(() => {
      const x = given.map((a) =>
        a.grad === undefined && isFloat(a.dtype) ? a.copy().attachGrad() : a,
      );
      const parts = [f(...x)].flat().filter((y) => isFloat((y as nd.NDArray).dtype));
      const total = (parts as nd.NDArray[])
        .map((y) => {
          const weight = nd
            .arange(1, y.size + 1)
            .mul(0.7)
            .sin()
            .reshape(y.shape);
          return y.mul(y).add(y).mul(weight).sum();
        })
        .reduce((a, b) => a.add(b));
      return autograd.grad(
        total,
        x.filter((a) => isFloat(a.dtype)),
        { createGraph: true },
      );
    });
