/**
 * Reading and writing at positions that arrays hold, mixed with ranges.
 *
 * Invariant: the axes that arrays index are one axis while they are read or written, so a read is one `take`, its gradient
 * one scattered sum. Of several values written to one place the last one counts. Positions are clamped to their axis.
 */
import { isFloat } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { inversePermutation, otherAxes, sizeOf } from '../../ir/graph/ops/define.ts';
import { takeGrad, take as takeOp } from '../../ir/graph/ops/take.ts';
import { lastWriter } from '../../ir/graph/ops/writer.ts';
import { type Shape, showType } from '../../ir/type.ts';
import { call, type Fragment, fragment } from '../call.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import { broadcastShapes } from './arithmetic.ts';
import { fits } from './filled.ts';

export interface PickedAttrs {
  /** Axes that arrays index, in order. */
  readonly axes: readonly number[];
  /** Where the axes of the positions stand in the result. */
  readonly place: number;
}

interface Folded {
  /** `x` as [indexed, …rest]. */
  readonly flat: Node;
  /** Positions in the first axis, in the shape that the arrays broadcast to. */
  readonly idx: Node;
  readonly order: readonly number[];
}

/** The indexed axes of `x` in front and as one, and the arrays as positions in it; negative ones count from the end. */
const fold = (
  b: GraphBuilder,
  name: string,
  [x, ...arrays]: readonly Node[],
  axes: readonly number[],
): Folded => {
  const { shape } = x!.type;
  const order = [...axes, ...otherAxes(shape.length, axes)];
  const sizes = axes.map((a) => shape[a]!);
  const common = broadcastShapes(name, arrays);
  if (sizes.includes(0) && sizeOf(common) > 0)
    throw new TigonError('shape', `${name}: there is nothing to take from in ${showType(x!.type)}`);
  const clamped = arrays.map((array, i) => {
    const idx = b.broadcastTo(b.cast(array, 'int32'), common);
    const size = b.lit(sizes[i]!, idx);
    const below = b.op('lt', idx, b.lit(0, idx));
    const at = b.op('select', below, b.op('add', idx, size), idx);
    return axes.length === 1
      ? at
      : b.op('min', b.op('max', at, b.lit(0, at)), b.lit(Math.max(0, sizes[i]! - 1), at));
  });
  const idx = clamped.reduce((flat, at, i) =>
    b.op('add', b.op('mul', flat, b.lit(sizes[i]!, flat)), at),
  );
  const rest = order.slice(axes.length).map((a) => shape[a]!);
  return { flat: b.reshape(b.transpose(x!, order), [sizeOf(sizes), ...rest]), idx, order };
};

/** For a result with `count` axes of positions at `place`: where each axis comes from when they stand in front. */
const placing = (rank: number, count: number, place: number): number[] => {
  const front = Array.from({ length: count }, (_, i) => i);
  const rest = Array.from({ length: rank - count }, (_, i) => count + i);
  return [...rest.slice(0, place), ...front, ...rest.slice(place)];
};

const picking: Fragment<PickedAttrs> = fragment<PickedAttrs>('at', (b, inputs, { axes, place }) => {
  const { flat, idx } = fold(b, 'at', inputs, axes);
  const found = b.emit(takeOp, [flat, idx], { axis: 0 });
  return b.transpose(found, placing(found.type.shape.length, idx.type.shape.length, place));
});

const keyOf = ({ axes, place }: PickedAttrs): string => `${axes.join('.')}/${place}`;

/** The parts of `x` at the positions in `arrays`. */
export const picked = (x: NDArray, arrays: readonly NDArray[], attrs: PickedAttrs): NDArray =>
  call(picking, [x, ...arrays], { attrs, key: keyOf(attrs) });

/** The given value in the shape of a read, with the axes of the positions in front and as one. */
const given = (b: GraphBuilder, value: Node, { flat, idx }: Folded, place: number): Node => {
  const rest = flat.type.shape.slice(1);
  const count = idx.type.shape.length;
  const shape = [...rest.slice(0, place), ...idx.type.shape, ...rest.slice(place)];
  const wide = b.broadcastTo(b.cast(value, flat.type.dtype), shape);
  const order = inversePermutation(placing(shape.length, count, place));
  return b.reshape(b.transpose(wide, order), [sizeOf(idx.type.shape), ...rest]);
};

/** A folded array back in its own shape. */
const unfold = (b: GraphBuilder, folded: Node, shape: Shape, order: readonly number[]): Node =>
  b.transpose(
    b.reshape(
      folded,
      order.map((a) => shape[a]!),
    ),
    inversePermutation(order),
  );

const writing: Fragment<PickedAttrs> = fragment<PickedAttrs>(
  'set',
  (b, [x, value, ...arrays], { axes, place }) => {
    const folded = fold(b, 'set', [x!, ...arrays], axes);
    const { flat, idx, order } = folded;
    if (idx.type.size === 0 || flat.type.size === 0) return x!;
    const values = given(b, value!, folded, place);
    const writer = b.emit(lastWriter, [idx], { size: flat.type.shape[0]! });
    const at = b.op('sub', writer, b.lit(1, writer));
    const rows = b.emit(takeOp, [values, at], { axis: 0 });
    const hit = b.op('ge', at, b.lit(0, at));
    const mask = b.broadcast(hit, flat.type.shape, [0]);
    return unfold(b, b.op('select', mask, rows, flat), x!.type.shape, order);
  },
);

const adding: Fragment<PickedAttrs> = fragment<PickedAttrs>(
  'indexAdd',
  (b, [x, value, ...arrays], { axes, place }) => {
    const folded = fold(b, 'indexAdd', [x!, ...arrays], axes);
    const { flat, idx, order } = folded;
    if (idx.type.size === 0 || flat.type.size === 0) return x!;
    const values = given(b, value!, folded, place);
    const line = b.reshape(idx, [idx.type.size]);
    const dtype = flat.type.dtype === 'bool' ? 'int32' : flat.type.dtype;
    const terms = b.cast(values, dtype);
    const sums = b.emit(takeGrad, [terms, line], { axis: 0, size: flat.type.shape[0]! });
    const total = b.cast(b.op('add', b.cast(flat, dtype), sums), flat.type.dtype);
    return unfold(b, total, x!.type.shape, order);
  },
);

const put =
  (f: Fragment<PickedAttrs>) =>
  (x: NDArray, arrays: readonly NDArray[], value: Operand, attrs: PickedAttrs): NDArray =>
    call(f, [x, value, ...arrays], {
      attrs,
      key: keyOf(attrs),
      scalars: [undefined, scalarFor(x, value)],
    });

/** The dtype that a number to be put into `x` is given as. */
export const scalarFor = (x: NDArray, value: Operand): NDArray['dtype'] =>
  isFloat(x.dtype) || (typeof value === 'number' && fits(value, x.dtype)) ? x.dtype : 'float32';

/** `x` with `value` (broadcast to the shape of the read) at those positions. */
export const written: ReturnType<typeof put> = put(writing);
/** `x` with `value` added at those positions, once for each time that a position occurs. */
export const increased: ReturnType<typeof put> = put(adding);
