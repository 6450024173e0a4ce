/**
 * Dropout: what a net in training forgets.
 *
 * Invariant: one draw a call, whatever the shape; what is kept is scaled so that the mean stays.
 */
import { summedIn } from '../../ir/dtype.ts';
import { call, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions } from '../options.ts';
import { KEY } from './draw.ts';
import { sourceOf, unit } from './source.ts';
import { drawOperands } from './state.ts';

interface DropAttrs {
  readonly axes: readonly number[];
}
const dropping: Fragment<DropAttrs> = fragment<DropAttrs>(
  'dropout',
  (b, [x, k0, k1, d, rate], { axes }) => {
    const { shape, dtype } = x!.type;
    const drawn = shape.map((n, i) => (axes.includes(i) ? 1 : n));
    const inner = summedIn(dtype);
    const u = unit(sourceOf(b, [k0!, k1!, d!], drawn, inner));
    const share = b.cast(rate!, inner);
    const keep = b.broadcastTo(b.op('ge', u, b.broadcastTo(share, drawn)), shape);
    const factor = b.cast(b.op('div', b.lit(1, share), b.op('sub', b.lit(1, share), share)), dtype);
    const scaled = b.op('mul', x!, b.broadcastTo(factor, shape));
    return b.op('select', keep, scaled, b.lit(0, scaled));
  },
);
/**
 * `x` with a share `rate` of its elements set to 0 at random and the others scaled by `1 / (1 - rate)`.
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
  if (rate === 0) return x;
  const axes = options?.axes ?? [];
  return call(dropping, [x, ...drawOperands(x.device, 1), rate], {
    attrs: { axes },
    key: axes.join('.'),
    scalars: [undefined, ...KEY, summedIn(x.dtype)],
  });
};
