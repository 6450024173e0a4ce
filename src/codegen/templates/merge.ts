/**
 * Axes that are walked through together become one, so that vectors run across the rows of whole matrices.
 *
 * Invariant: the merged axis enumerates the old ones row-major; values at corresponding positions stay the same.
 */
import { type Axis, type Idx, idxAxis, idxDiv, idxMod, newAxis } from '../../ir/dim.ts';
import type { Contraction, Expr } from '../../ir/loop/loop.ts';
import { freeAxes, indicesIn, stepAlong } from '../analysis.ts';
import { rewriter } from '../rewrite.ts';

export interface Merged {
  readonly axes: readonly Axis[];
  readonly exprs: readonly Expr[];
  readonly indices: readonly Idx[];
}

/**
 * Merges neighbouring `axes` that all indices walk through as if they were one (`[row, column]` of a whole matrix), so
 * that vectors may run across rows. Axes of one element are dropped.
 */
export const mergeAxes = (
  axes: readonly Axis[],
  exprs: readonly Expr[],
  indices: readonly Idx[] = [],
): Merged => {
  let result: Merged = { axes: axes.filter((a) => a.extent !== 1), exprs, indices };
  for (let i = result.axes.length - 2; i >= 0; i--) {
    const [outer, inner] = [result.axes[i]!, result.axes[i + 1]!];
    const all = [...indicesIn(result.exprs), ...result.indices];
    const joined = all.every((idx) => {
      const [a, b] = [stepAlong(idx, outer), stepAlong(idx, inner)];
      return a !== undefined && b !== undefined && a === b * inner.extent;
    });
    if (!joined) continue;
    const one = newAxis(`${outer.name}_${inner.name}`, outer.extent * inner.extent, outer.kind);
    const map = rewriter({
      axis: (a) =>
        a === outer
          ? idxDiv(idxAxis(one), inner.extent)
          : a === inner
            ? idxMod(idxAxis(one), inner.extent)
            : undefined,
    });
    result = {
      axes: [...result.axes.slice(0, i), one, ...result.axes.slice(i + 2)],
      exprs: result.exprs.map(map.expr),
      indices: result.indices.map(map.idx),
    };
  }
  return result;
};

/**
 * Batch axes that one operand does not depend on are free axes of the other: what is packed of the first then serves the
 * whole batch.
 */
export const foldBatch = (c: Contraction): { batch: Axis[]; m: Axis[]; n: Axis[] } => {
  const [ofA, ofB] = [freeAxes(c.a), freeAxes(c.b)];
  const batch: Axis[] = [];
  const m: Axis[] = [];
  const n: Axis[] = [];
  for (const axis of c.batch) {
    if (axis.extent === 1) continue;
    if (!ofA.has(axis)) n.push(axis);
    else if (!ofB.has(axis)) m.push(axis);
    else batch.push(axis);
  }
  return { batch, m: [...m, ...c.m], n: [...n, ...c.n] };
};
