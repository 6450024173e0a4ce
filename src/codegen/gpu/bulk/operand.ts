/**
 * What operands of a product are to copies of whole tiles: arrays of 16-bit floats, read as they lie.
 *
 * Invariant: an operand that passes is one element of memory for each place, in one direction neighbour by neighbour, in
 * all others in steps of 16 bytes; nothing is computed on the way.
 */
import type { Axis } from '../../../ir/dim.ts';
import { bytesOf } from '../../../ir/dtype.ts';
import type { LoopBuffer } from '../../../ir/loop/loop.ts';
import { LINE, type TensorMap } from '../../../ir/thread/bulk.ts';
import type { TExpr } from '../../../ir/thread/thread.ts';
import { offsetOf, stepAlong } from '../../analysis.ts';
import type { Emitter } from '../../emit/emitter.ts';
import type { Direction, Operand } from '../contraction/problem.ts';
import { plainRead } from '../tensor/operand.ts';

/** A dimension of an operand in memory. */
interface Dimension {
  readonly extent: number;
  /** In elements. */
  readonly stride: number;
}

/** An operand as tensor maps take it. */
export interface Source {
  readonly buffer: LoopBuffer;
  /** The first element. */
  readonly offset: number;
  /** Along what neighbours lie. */
  readonly along: Direction;
  /** How many neighbours there are. */
  readonly extent: number;
  /** All other dimensions, the least stride first: the other direction, and axes of the batch that it depends on. */
  readonly outer: readonly (Dimension & { readonly axis: Axis | 'across' })[];
}

/** Tensor maps have five dimensions. */
const MOST_BATCH_AXES = 3;
/** Where lines begin. */
const UNIT_BYTES = 16;

/** The operand as it lies in memory, or why tiles of it cannot be copied. */
export const sourceOf = (
  operand: Operand,
  batch: readonly Axis[],
  dtype: 'bfloat16' | 'float16',
): Source | { readonly refused: string } => {
  const plain = plainRead(operand.expr, dtype);
  if (plain === undefined || plain.bounds.length > 0)
    return { refused: 'an operand is computed: tiles are copied as they lie' };
  const { free, depth } = operand.axes;
  const [row, summand] = [free[0], depth[0]];
  if (row === undefined || summand === undefined || free.length > 1 || depth.length > 1)
    return { refused: 'an operand has more than one axis in one direction' };
  const { buffer } = plain.load;
  const offset = offsetOf(plain.load);
  const dimension = (axis: Axis): Dimension | undefined => {
    const stride = stepAlong(offset, axis);
    return stride === undefined || stride <= 0 ? undefined : { extent: axis.extent, stride };
  };
  const [rows, sum] = [dimension(row), dimension(summand)];
  const shared = batch.filter((axis) => stepAlong(offset, axis) !== 0);
  const outer = shared.map(dimension);
  const isLinear = offset.terms.every(({ atom }) => atom.kind === 'axis');
  if (!isLinear || rows === undefined || sum === undefined || outer.includes(undefined))
    return { refused: 'an operand does not lie in even steps' };
  const along = sum.stride === 1 ? 'depth' : 'free';
  const [inner, across] = along === 'depth' ? [sum, rows] : [rows, sum];
  if (inner.stride !== 1) return { refused: 'an operand has no neighbours in memory' };
  if (outer.length > MOST_BATCH_AXES)
    return { refused: `an operand has ${outer.length} axes of batches` };
  const unit = UNIT_BYTES / bytesOf(dtype);
  const steps = [offset.constant, across.stride, ...outer.map((d) => d!.stride)];
  if (steps.some((n) => n < 0 || n % unit !== 0))
    return { refused: 'lines of an operand do not begin at multiples of 16 bytes' };
  return {
    buffer,
    offset: offset.constant,
    along,
    extent: inner.extent,
    outer: [
      { axis: 'across' as const, ...across },
      ...shared.map((axis, i) => ({ axis, ...outer[i]! })),
    ].sort((a, b) => a.stride - b.stride),
  };
};

/** How boxes of so many lines are fetched of an operand. */
export const mapOf = (em: Emitter, source: Source, lines: number, name: string): TensorMap => ({
  name,
  buffer: em.resolve(source.buffer),
  offset: source.offset,
  extents: [source.extent, ...source.outer.map((d) => d.extent)],
  strides: [1, ...source.outer.map((d) => d.stride)],
  box: [LINE, ...source.outer.map((d) => (d.axis === 'across' ? lines : 1))],
});

/** The corner of a box: where its lines begin, and the first of them; the batch is bound. */
export const coordinatesOf = (
  em: Emitter,
  { outer }: Source,
  inLine: TExpr,
  line: TExpr,
): TExpr[] => [inLine, ...outer.map(({ axis }) => (axis === 'across' ? line : em.axisValue(axis)))];
