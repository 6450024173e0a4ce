/**
 * Sliding windows, element by element: which inputs they read, and all products of a convolution.
 *
 * Invariant: padding is no position and takes part in no product.
 */
import { stridesOf } from '../../type.ts';
import type { Convolution } from '../ops/convolution.ts';
import type { Sliding } from '../ops/geometry.ts';
import { forEachIndex } from './define.ts';

/** Input position read by window `o` at offset `k`, or `undefined` for padding. */
export const positionOf = (axis: Sliding, o: number, k: number): number | undefined => {
  const p = o * axis.stride + k * axis.dilation - axis.low;
  return p >= 0 && p < axis.size ? p : undefined;
};

/** Visits each product of the convolution, as offsets of its three elements. */
export const forEachProduct = (
  { images, groups, inPerGroup, outPerGroup, space, x, w, y }: Convolution,
  visit: (x: number, w: number, y: number) => void,
): void => {
  const [xs, ws, ys] = [stridesOf(x), stridesOf(w), stridesOf(y)];
  const windows = space.map((a) => a.count);
  const kernel = space.map((a) => a.kernel);
  forEachIndex(windows, (o) => {
    forEachIndex(kernel, (k) => {
      let inX = 0;
      let inW = 0;
      let inY = 0;
      for (let i = 0; i < space.length; i++) {
        const at = positionOf(space[i]!, o[i]!, k[i]!);
        if (at === undefined) return;
        inX += at * xs[i + 2]!;
        inW += k[i]! * ws[i + 2]!;
        inY += o[i]! * ys[i + 2]!;
      }
      forEachIndex([images, groups, outPerGroup, inPerGroup], ([n, g, f, c]) => {
        const out = g! * outPerGroup + f!;
        visit(
          inX + n! * xs[0]! + (g! * inPerGroup + c!) * xs[1]!,
          inW + out * ws[0]! + c! * ws[1]!,
          inY + n! * ys[0]! + out * ys[1]!,
        );
      });
    });
  });
};
