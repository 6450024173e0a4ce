/**
 * Elements looked at under other sizes, in another order of axes, stretched, or in part, with arguments that fit.
 *
 * Invariant: eagerly these are views wherever strides ≥ 0 can say it; recorded and traced they are graph ops like any
 * other.
 */
import { bytesOf } from '../../ir/dtype.ts';
import { type Shape, tensor } from '../../ir/type.ts';
import { call, type Fragment, fragment, type View } from '../call.ts';
import { type Layout, reshapeStrides, stridedLayout, stridesIn } from '../layout.ts';
import type { NDArray } from '../ndarray.ts';

const viewAs = (layout: Layout, shape: Shape, strides: readonly number[], elements = 0): View => ({
  layout: stridedLayout(layout.device, tensor(layout.type.dtype, shape), strides),
  offset: elements * bytesOf(layout.type.dtype),
});

interface ShapeAttrs {
  readonly shape: Shape;
}
const reshaping: Fragment<ShapeAttrs> = fragment<ShapeAttrs>(
  'reshape',
  (b, [x], { shape }) => b.reshape(x!, shape),
  {
    view: (layout, { shape }) => {
      const strides = reshapeStrides(layout, shape);
      return strides === undefined ? undefined : viewAs(layout, shape, strides);
    },
  },
);

/** The same elements in row-major order as `shape`, which has as many. */
export const reshapeTo = (x: NDArray, shape: Shape): NDArray =>
  call(reshaping, [x], { attrs: { shape }, key: shape.join('.') });

interface AxesAttrs {
  readonly axes: readonly number[];
}
const transposing: Fragment<AxesAttrs> = fragment<AxesAttrs>(
  'transpose',
  (b, [x], { axes }) => b.transpose(x!, axes),
  {
    view: (layout, { axes }) => {
      const strides = stridesIn(layout);
      return viewAs(
        layout,
        axes.map((a) => layout.type.shape[a]!),
        axes.map((a) => strides[a]!),
      );
    },
  },
);
/** Axis `i` of the result is axis `axes[i]` of `x`, each named once. */
export const transposeTo = (x: NDArray, axes: readonly number[]): NDArray =>
  call(transposing, [x], { attrs: { axes }, key: axes.join('.') });

const stretching: Fragment<ShapeAttrs> = fragment<ShapeAttrs>(
  'broadcastTo',
  (b, [x], { shape }) => b.broadcastTo(x!, shape),
  {
    view: (layout, { shape }) => {
      const lead = shape.length - layout.type.shape.length;
      const strides = stridesIn(layout);
      return viewAs(
        layout,
        shape,
        shape.map((d, i) =>
          i < lead || layout.type.shape[i - lead] !== d ? 0 : strides[i - lead]!,
        ),
      );
    },
  },
);
/** `x` repeated to `shape`, whose trailing axes are its own where those are not 1. */
export const stretchTo = (x: NDArray, shape: Shape): NDArray =>
  call(stretching, [x], { attrs: { shape }, key: shape.join('.') });

export interface SliceAttrs {
  readonly begin: readonly number[];
  readonly end: readonly number[];
  readonly step: readonly number[];
}
const slicing: Fragment<SliceAttrs> = fragment<SliceAttrs>(
  'slice',
  (b, [x], { begin, end, step }) => b.slice(x!, begin, end, step),
  {
    view: (layout, { begin, end, step }) => {
      // Buffers are addressed from their first byte up, so elements in reverse order have to move.
      if (step.some((s) => s < 0)) return undefined;
      const strides = stridesIn(layout);
      const shape = begin.map((from, i) => Math.max(0, Math.ceil((end[i]! - from) / step[i]!)));
      return viewAs(
        layout,
        shape,
        strides.map((s, i) => s * step[i]!),
        shape.includes(0) ? 0 : begin.reduce((n, from, i) => n + from * strides[i]!, 0),
      );
    },
  },
);
/** The part of `x` from `begin` before `end` by `step`, all axes given and in range. */
export const slicePart = (x: NDArray, attrs: SliceAttrs): NDArray =>
  call(slicing, [x], {
    attrs,
    key: `${attrs.begin.join('.')}|${attrs.end.join('.')}|${attrs.step.join('.')}`,
  });
