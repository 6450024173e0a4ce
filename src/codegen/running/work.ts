/**
 * The work of nests that run along an axis, for reports and for choosing schedules.
 *
 * Invariant: counts each element of a buffer once, however often a schedule reads it.
 */
import { bytesOf } from '../../ir/dtype.ts';
import { readsOf, writesOf } from '../../ir/loop/access.ts';
import type { Nest } from '../../ir/loop/loop.ts';
import { spanOf } from '../../ir/type.ts';

/** Bytes that must move at least. */
export const bytesOfRunning = (nest: Nest): number =>
  [...readsOf(nest), ...writesOf(nest)].reduce(
    (sum, b) => sum + bytesOf(b.dtype) * spanOf(b.shape, b.strides),
    0,
  );
