/**
 * Axes of loop expressions replaced by indices, and axes merged: the L2 rewriting that contraction schedules need.
 *
 * Invariant: the value at corresponding positions stays the same; merged axes enumerate the old ones row-major.
 */
import {
  type Axis,
  type Idx,
  idxAxis,
  idxDiv,
  idxMod,
  idxSubstitute,
  newAxis,
} from '../../ir/dim.ts';
import { cast, guard, indexValue, load, reduce, scalar } from '../../ir/loop/expr.ts';
import type { Expr } from '../../ir/loop/loop.ts';
import { visitExpr } from '../../ir/loop/visit.ts';
import { offsetOf, stepAlong } from '../analysis.ts';

/** Rewrites an expression: axes by `axis`, the accumulator by `acc`. */
export interface Substitution {
  readonly axis: (a: Axis) => Idx;
  readonly acc?: Expr;
}

/** Makes a function that rewrites expressions, and one that rewrites indices; shared parts are rewritten once. */
export const substitution = ({
  axis,
  acc,
}: Substitution): { expr: (e: Expr) => Expr; index: (i: Idx) => Idx } => {
  const done = new Map<Expr, Expr>();
  const index = (i: Idx): Idx => idxSubstitute(i, axis, (ref) => expr(ref as Expr));
  const expr = (e: Expr): Expr => {
    let result = done.get(e);
    if (result === undefined) {
      result = rewrite(e);
      done.set(e, result);
    }
    return result;
  };
  const rewrite = (e: Expr): Expr => {
    switch (e.kind) {
      case 'const':
        return e;
      case 'acc':
        return acc ?? e;
      case 'index':
        return indexValue(index(e.idx));
      case 'op':
        return scalar(e.op, ...e.args.map(expr));
      case 'cast':
        return cast(expr(e.arg), e.dtype);
      case 'load':
        return load(e.buffer, e.index.map(index));
      case 'guard':
        return guard(
          e.bounds.map((b) => ({ ...b, idx: index(b.idx) })),
          expr(e.then),
          expr(e.otherwise),
        );
      case 'reduce':
        return reduce(e.op, e.axes, expr(e.body));
      default:
        return e satisfies never;
    }
  };
  return { expr, index };
};

/** Every index of the expressions, loads by their offset in memory. */
const indicesIn = (exprs: readonly Expr[]): Idx[] => {
  const found: Idx[] = [];
  const seen = new Set<Expr>();
  for (const root of exprs)
    visitExpr(
      root,
      {
        expr: (e) => {
          if (e.kind === 'load') found.push(offsetOf(e));
          else if (e.kind === 'index') found.push(e.idx);
          else if (e.kind === 'guard') found.push(...e.bounds.map((b) => b.idx));
        },
      },
      seen,
    );
  return found;
};

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
    const map = substitution({
      axis: (a) =>
        a === outer
          ? idxDiv(idxAxis(one), inner.extent)
          : a === inner
            ? idxMod(idxAxis(one), inner.extent)
            : idxAxis(a),
    });
    result = {
      axes: [...result.axes.slice(0, i), one, ...result.axes.slice(i + 2)],
      exprs: result.exprs.map(map.expr),
      indices: result.indices.map(map.index),
    };
  }
  return result;
};
