/**
 * Whether a nest computes or moves elements of 64 bits: no register holds four of those.
 *
 * Invariant: such a nest is planned for one lane, whatever the device has.
 */
import { isWide } from '../ir/dtype.ts';
import { operandsIn } from '../ir/loop/access.ts';
import type { Expr, Nest } from '../ir/loop/loop.ts';
import { operandsOf } from '../ir/loop/visit.ts';

export const hasWideElements = (nest: Nest): boolean => {
  const seen = new Set<Expr>();
  const wide = (e: Expr): boolean => {
    if (seen.has(e)) return false;
    seen.add(e);
    return isWide(e.dtype) || operandsOf(e).some(wide);
  };
  return (
    nest.stores.some((s) => isWide(s.buffer.dtype) || wide(s.value)) || operandsIn(nest).some(wide)
  );
};
