/**
 * Dropout: what a net in training forgets.
 *
 * Invariant: one draw a call, whatever the shape; what is kept is scaled so that the mean stays.
 */
import { isFloat, summedIn } from '../../ir/dtype.ts';
import { dropOut } from '../../ir/graph/ops/draws.ts';
import { showType } from '../../ir/type.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import { axesOf } from '../nd/axes.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions } from '../options.ts';
import { KEY } from './draw.ts';
import { sourceOf } from './source.ts';
import { drawOperands } from './state.ts';

interface DropAttrs {
  readonly axes: readonly number[];
}
const dropping: Fragment<DropAttrs> = fragment<DropAttrs>(
  'dropout',
  (b, [x, k0, k1, d, rate], { axes }) => {
    const { shape, dtype } = x!.type;
    const drawn = shape.map((n, i) => (axes.includes(i) ? 1 : n));
    return dropOut(sourceOf(b, [k0!, k1!, d!], drawn, summedIn(dtype)), x!, rate!);
  },
);
/**
 * `x` with a share `rate` of its elements set to 0 at random and the others scaled by `1 / (1 - rate)`.
 *
 * Any shape, which stays, as does the dtype of floats; float64 is drawn and scaled in double. `axes`: along these axes
 * one draw counts for all elements.
 *
 * @throws {ValueError} unless 0 ≤ rate < 1
 * @throws {DTypeError} for integers and booleans
 * @throws {ShapeError} for axes that `x` does not have
 *
 * @example autograd.trainMode(() => nd.dropout(nd.ones([4]), 0)).array();   // [1, 1, 1, 1]
 */
export const dropout = (
  x: NDArray,
  rate: number,
  options?: { readonly axes?: readonly number[] },
): NDArray => {
  checkOptions('dropout', options, ['axes']);
  if (!(rate >= 0 && rate < 1))
    throw failure('value', `dropout: rate ${rate} must be from 0 to below 1`);
  checkArray('dropout', x);
  if (!isFloat(x.dtype))
    throw failure(
      'dtype',
      `dropout: takes floats, not ${showType(x.type)}`,
      "what is kept is scaled: convert it first, x.astype('float32')",
    );
  const axes = axesOf('dropout', options?.axes ?? [], x.ndim);
  if (rate === 0) return x;
  return call(dropping, [x, ...drawOperands(x.device, 1), rate], {
    attrs: { axes },
    key: axes.join('.'),
    scalars: [undefined, ...KEY, summedIn(x.dtype)],
  });
};
