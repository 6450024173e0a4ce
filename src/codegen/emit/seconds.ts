/**
 * Reading every second element: two vectors of neighbours, and which of their lanes are wanted.
 *
 * Invariant: nothing beyond the buffer is read. Where it reaches as far, vectors begin at an even place, so that a reading
 * of the elements in between needs the same two.
 */
import { type Axis, type Idx, idxAxis, idxConst, idxOffset, idxSubstitute } from '../../ir/dim.ts';
import type { TExpr } from '../../ir/thread/thread.ts';

export interface Seconds {
  readonly at: readonly [Idx, Idx];
  readonly lanes: readonly [number, number, number, number];
}

/** Elements `offset`, + 2, + 4 and + 6 of a buffer of `elements`; `valueAt`: what an axis is bound to, beside theirs. */
export const everySecond = (
  given: Idx,
  elements: number,
  valueAt: (axis: Axis) => TExpr | undefined,
): Seconds => {
  const offset = idxSubstitute(given, (a) => {
    const value = valueAt(a);
    return value?.kind === 'const' ? idxConst(value.value) : idxAxis(a);
  });
  const isOdd = (offset.constant & 1) === 1;
  if (isOdd && offset.lo > 0 && elements > 0)
    return { at: [idxOffset(offset, -1), idxOffset(offset, 3)], lanes: [1, 3, 5, 7] };
  if (!isOdd && offset.lo >= 0 && offset.hi + 1 < elements)
    return { at: [offset, idxOffset(offset, 4)], lanes: [0, 2, 4, 6] };
  return { at: [offset, idxOffset(offset, 3)], lanes: [0, 2, 5, 7] };
};
