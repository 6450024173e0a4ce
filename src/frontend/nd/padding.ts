/**
 * Elements added around an array: a number, or its own elements repeated.
 *
 * Invariant: repeating is one read for each axis, at positions that are computed and not stored.
 */
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { iota } from '../../ir/graph/ops/leaf.ts';
import { pad as padOp } from '../../ir/graph/ops/slice.ts';
import { take as takeOp } from '../../ir/graph/ops/take.ts';
import { showType } from '../../ir/type.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkChoice, checkList, checkOptions } from '../options.ts';
import { checkFits } from './filled.ts';

interface PadAttrs {
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly value: number;
}
const padding: Fragment<PadAttrs> = fragment<PadAttrs>('pad', (b, [x], { low, high, value }) =>
  b.emit(padOp, [x!], { low, high, interior: low.map(() => 0), value }),
);
/** What {@link pad} adds. */
export type PadMode = 'constant' | 'edge' | 'reflect' | 'symmetric' | 'wrap';
export interface PadOptions {
  /** What to fill with, in mode `constant`. Default 0. */
  readonly value?: number;
  /**
   * What to add: a number (`constant`, the default), the first and last element again and again (`edge`), the elements
   * mirrored at the ends without (`reflect`) or with the end itself (`symmetric`), or those of the other end (`wrap`).
   */
  readonly mode?: PadMode;
}

const MODES: readonly PadMode[] = ['constant', 'edge', 'reflect', 'symmetric', 'wrap'];

interface RepeatAttrs extends Omit<PadAttrs, 'value'> {
  readonly mode: Exclude<PadMode, 'constant'>;
}
/** Where each element of a longer axis comes from, which begins `low` before it. */
const source = (
  b: GraphBuilder,
  mode: RepeatAttrs['mode'],
  size: number,
  low: number,
  length: number,
): Node => {
  const place = b.emit(iota, [], { axis: 0, dtype: 'int32', shape: [length] });
  const from = b.op('sub', place, b.lit(low, place));
  // positions beyond the ends are cut off by whoever reads
  if (mode === 'edge' || size === 1) return from;
  const period = mode === 'wrap' ? size : mode === 'reflect' ? 2 * size - 2 : 2 * size;
  const at = b.op('mod', from, b.lit(period, from));
  if (mode === 'wrap') return at;
  return b.op('min', at, b.op('sub', b.lit(mode === 'reflect' ? period : period - 1, at), at));
};
const repeating: Fragment<RepeatAttrs> = fragment<RepeatAttrs>(
  'pad',
  (b, [x], { low, high, mode }) =>
    low.reduce((y, before, axis) => {
      const size = y.type.shape[axis]!;
      const length = before + size + high[axis]!;
      if (length === size) return y;
      return b.emit(takeOp, [y, source(b, mode, size, before, length)], { axis });
    }, x!),
);
/**
 * `x` with elements added before and after each axis: one `[before, after]` (or one number for both) per axis. Any
 * dtype, which stays.
 *
 * @throws {ShapeError} unless there are widths of integers ≥ 0 for each axis, and for repeating what has no elements
 * @throws {ValueError} for a `value` that the dtype does not hold
 * @throws {OptionError} for another `mode`
 *
 * @example
 * nd.pad(nd.array([1, 2, 3]), [[2, 1]], { mode: 'reflect' });   // [3, 2, 1, 2, 3, 2]
 */
export const pad = (
  x: NDArray,
  widths: readonly (number | readonly [number, number])[],
  options?: PadOptions,
): NDArray => {
  checkArray('pad', x);
  checkOptions('pad', options, ['value', 'mode']);
  checkList(
    'pad',
    'the list of widths',
    widths,
    'pass one [before, after] pair per axis: pad([[1, 1], [0, 2]])',
  );
  const pairs = widths.map((w) => (typeof w === 'number' ? ([w, w] as const) : w));
  const isPair = (pair: readonly number[] | null): boolean =>
    pair?.length === 2 && pair.every((n) => Number.isInteger(n) && n >= 0);
  if (pairs.length !== x.ndim || !pairs.every(isPair))
    throw failure(
      'shape',
      `pad: widths ${JSON.stringify(widths)} do not fit ${showType(x.type)}`,
      'pass one [before, after] pair of integers ≥ 0 per axis',
    );
  const value = options?.value ?? 0;
  checkFits('pad: value', value, x.dtype);
  const mode = checkChoice('pad', 'mode', options?.mode ?? 'constant', MODES);
  const attrs = {
    low: pairs.map((p) => p[0]),
    high: pairs.map((p) => p[1]),
    value,
  };
  if (mode !== 'constant') {
    if (x.size === 0)
      throw failure(
        'shape',
        `pad: ${showType(x.type)} has no elements to repeat`,
        'pad with a value',
      );
    return call(repeating, [x], {
      attrs: { ...attrs, mode },
      key: `${attrs.low.join('.')}|${attrs.high.join('.')}|${mode}`,
    });
  }
  return call(padding, [x], {
    attrs,
    key: `${attrs.low.join('.')}|${attrs.high.join('.')}|${attrs.value}`,
  });
};
