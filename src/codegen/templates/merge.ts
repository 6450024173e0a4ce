/**
 * Axes that are walked through together become one, so that vectors run across the rows of whole matrices.
 *
 * Invariant: the merged axis enumerates the old ones row-major; values at corresponding positions stay the same.
 */
import {
  type Axis,
  type Idx,
  idxAdd,
  idxAxis,
  idxDiv,
  idxMod,
  idxScale,
  newAxis,
} from '../../ir/dim.ts';
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
  let all: readonly Idx[] | undefined;
  for (let i = result.axes.length - 2; i >= 0; i--) {
    const [outer, inner] = [result.axes[i]!, result.axes[i + 1]!];
    all ??= [...indicesIn(result.exprs), ...result.indices];
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
    all = undefined;
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

const hasQuotients = ({ terms }: Idx): boolean =>
  terms.some(({ atom }) => atom.kind === 'div' || atom.kind === 'mod');

/** What an index takes quotients and remainders of `axis` by, least first. */
const divisorsOf = (indices: readonly Idx[], axis: Axis): number[] => {
  const found = new Set<number>();
  const walk = (idx: Idx): void => {
    for (const { atom } of idx.terms) {
      if (atom.kind !== 'div' && atom.kind !== 'mod') continue;
      const { arg, by } = atom;
      if (stepAlong(arg, axis) === 1 && arg.terms.length === 1 && arg.constant === 0) found.add(by);
      walk(arg);
    }
  };
  indices.forEach(walk);
  return [...found].sort((a, b) => a - b);
};

/**
 * Splits axes of which indices take quotients and remainders (heads of an attention that are neighbours in what it is
 * projected to), so that what is left of an index moves by steps, and vectors can be read along it.
 */
export const splitAxes = (
  axes: readonly Axis[],
  exprs: readonly Expr[],
): { readonly axes: readonly Axis[]; readonly exprs: readonly Expr[] } => {
  const indices = indicesIn(exprs).filter(hasQuotients);
  if (indices.length === 0) return { axes, exprs };
  for (const [i, axis] of axes.entries()) {
    const by = divisorsOf(indices, axis)[0];
    if (by === undefined || by >= axis.extent || axis.extent % by !== 0) continue;
    const outer = newAxis(axis.name, axis.extent / by, axis.kind);
    const inner = newAxis(axis.name, by, axis.kind);
    const at = idxAdd(idxScale(idxAxis(outer), by), idxAxis(inner));
    const map = rewriter({ axis: (a) => (a === axis ? at : undefined) });
    return splitAxes(
      [...axes.slice(0, i), outer, inner, ...axes.slice(i + 1)],
      exprs.map(map.expr),
    );
  }
  return { axes, exprs };
};

/** The same contraction, its summed axes split where an operand takes quotients of them. */
export const splitSums = (c: Contraction): Contraction => {
  const { axes, exprs } = splitAxes(c.k, [c.a, c.b]);
  return axes === c.k ? c : { ...c, k: axes, a: exprs[0]!, b: exprs[1]! };
};
