/**
 * Indices read from memory: made safe before they address anything.
 *
 * Invariant: the index returned lies in `[0, size)` whatever the data holds.
 */
import { type Idx, idxConst, idxOpaque } from '../../dim.ts';
import { constant, scalar } from '../../loop/expr.ts';
import type { Expr } from '../../loop/loop.ts';

/** The value of `position` clamped to `[0, size)`, as an index. */
export const clampedIndex = (position: Expr, size: number): Idx => {
  if (position.kind === 'index' && position.idx.lo >= 0 && position.idx.hi < size)
    return position.idx;
  const clamped = scalar(
    'min',
    scalar('max', position, constant(0, 'int32')),
    constant(size - 1, 'int32'),
  );
  return clamped.kind === 'const' ? idxConst(clamped.value) : idxOpaque(clamped, 0, size - 1);
};
