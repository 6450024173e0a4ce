/**
 * Rewrites loop expressions: other axes, other loads, other sub-expressions.
 *
 * Invariant: equal inputs give the identical (interned) output, so sharing survives.
 */
import { type Axis, type Idx, idxAxis, idxSubstitute, type Opaque } from '../ir/dim.ts';
import { cast, guard, indexValue, load, reduce, scalar } from '../ir/loop/expr.ts';
import type { Expr, ReduceExpr } from '../ir/loop/loop.ts';
import { remember } from '../ir/remember.ts';

export interface Rewriting {
  /** What stands for an axis. */
  axis?(a: Axis): Idx | undefined;
  /** Axes of a reduction, when the rewriting renames or merges them. */
  axes?(e: ReduceExpr): readonly Axis[];
  /** What stands for an expression (as written before rewriting). */
  replace?(e: Expr): Expr | undefined;
}

export interface Rewriter {
  expr(e: Expr): Expr;
  idx(idx: Idx): Idx;
}

/** A rewriter with its own memory: use one for all roots that belong together. */
export const rewriter = (rules: Rewriting): Rewriter => {
  const done = new Map<Expr, Expr>();
  const axis = (a: Axis): Idx => rules.axis?.(a) ?? idxAxis(a);
  const opaque = (ref: Opaque): Expr => expr(ref as Expr);
  const idx = (x: Idx): Idx => idxSubstitute(x, axis, opaque);
  const rebuild = (e: Expr): Expr => {
    switch (e.kind) {
      case 'const':
      case 'acc':
        return e;
      case 'index':
        return indexValue(idx(e.idx));
      case 'op':
        return scalar(e.op, ...e.args.map(expr));
      case 'cast':
        return cast(expr(e.arg), e.dtype);
      case 'load':
        return load(e.buffer, e.index.map(idx));
      case 'guard':
        return guard(
          e.bounds.map((b) => ({ ...b, idx: idx(b.idx) })),
          expr(e.then),
          expr(e.otherwise),
        );
      case 'reduce': {
        if (rules.axes) return reduce(e.op, rules.axes(e), expr(e.body));
        // an axis that is bound again inside is another one there
        const hidden = e.axes.filter((a) => rules.axis?.(a) !== undefined);
        return reduce(
          e.op,
          e.axes,
          hidden.length > 0 ? without(hidden).expr(e.body) : expr(e.body),
        );
      }
      default:
        return e satisfies never;
    }
  };
  const nested = new Map<string, Rewriter>();
  const without = (hidden: readonly Axis[]): Rewriter => {
    const key = hidden.map((a) => a.id).join();
    const axis: Rewriting['axis'] = (a) => (hidden.includes(a) ? undefined : rules.axis?.(a));
    return remember(nested, key, () => rewriter({ ...rules, axis }));
  };
  const rewritten = (e: Expr): Expr => rules.replace?.(e) ?? rebuild(e);
  const expr = (e: Expr): Expr => remember(done, e, rewritten);
  return { expr, idx };
};
