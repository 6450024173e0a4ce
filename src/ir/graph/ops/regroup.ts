/**
 * Index of one shape seen through another: what reshape does to an index, kept as simple as the shapes allow.
 *
 * Invariant: axes are regrouped between the nearest boundaries that both shapes share, so untouched axes pass through.
 */
import { type Idx, idxConst, idxFlatten, idxUnflatten } from '../../dim.ts';
import { type Shape, stridesOf } from '../../type.ts';

/** The index into `to` of the element that `index` names in `from` (equal sizes, row-major). */
export const regroup = (index: readonly Idx[], from: Shape, to: Shape): Idx[] => {
  if (to.some((d) => d === 0)) return to.map(() => idxConst(0));
  const out: Idx[] = [];
  let i = 0;
  let j = 0;
  while (j < to.length || i < from.length) {
    const [firstFrom, firstTo] = [i, j];
    let a = from[i++] ?? 1;
    let b = to[j++] ?? 1;
    while (a !== b) {
      if (a < b) a *= from[i++] ?? 1;
      else b *= to[j++] ?? 1;
    }
    const source = from.slice(firstFrom, i);
    const target = to.slice(firstTo, j);
    const part = index.slice(firstFrom, i);
    if (target.length === 1 && source.length === 1) out.push(part[0]!);
    else out.push(...idxUnflatten(idxFlatten(part, stridesOf(source)), target));
  }
  return out;
};
