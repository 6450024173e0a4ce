/**
 * Brings a nest into the form schedules want: few, long axes, and passes over the same elements on the same axis.
 *
 * Invariant: the nest means the same; sums run in the same row-major order.
 */
import {
  type Axis,
  type Idx,
  idxAxis,
  idxDiv,
  idxFlatten,
  idxMod,
  idxSubstitute,
  newAxis,
} from '../ir/dim.ts';
import type { Expr, Nest, ReduceExpr, Store } from '../ir/loop/loop.ts';
import { remember } from '../ir/remember.ts';
import { freeAxes, idxFree, indicesIn, reductionsIn } from './analysis.ts';
import { type Rewriting, rewriter } from './rewrite.ts';

const offsets = new WeakMap<Store, Idx>();

/** Element offset of a store. */
export const storeOffset = (s: Store): Idx =>
  remember(offsets, s, ({ index, buffer }) => idxFlatten(index, buffer.strides));

const rewriteNest = (
  nest: Nest,
  axes: readonly Axis[],
  rules: Rewriting,
  rename: (a: Axis) => Axis | undefined,
): Nest => {
  const { expr, idx } = rewriter(rules);
  const stores = nest.stores.map((s) => ({
    ...s,
    index: s.index.map(idx),
    value: expr(s.value),
    axes: s.axes.map(rename).filter((a) => a !== undefined),
    over: s.over.map(rename).filter((a) => a !== undefined),
  }));
  return { ...nest, axes, stores };
};

const divisions = (idx: Idx): number =>
  idx.terms.reduce(
    (n, { atom }) => n + (atom.kind === 'div' || atom.kind === 'mod' ? 1 + divisions(atom.arg) : 0),
    0,
  );

/** `outer`, `inner` as one axis, where no index then needs a division that it did not need before. */
const merged = (outer: Axis, inner: Axis, indices: readonly Idx[]): Axis | undefined => {
  const concerned = indices.filter((idx) => {
    const free = idxFree(idx);
    return free.has(outer) || free.has(inner);
  });
  // most pairs fail here, before anything is made for them
  if (concerned.some((idx) => isApart(idx, outer, inner))) return undefined;
  const both = newAxis(`${outer.name}${inner.name}`, outer.extent * inner.extent, outer.kind);
  const split = splitOf(both, outer, inner);
  for (const idx of concerned) {
    const after = idxSubstitute(idx, (a) => split(a) ?? idxAxis(a));
    if (divisions(after) > divisions(idx)) return undefined;
  }
  return both;
};

/** True when an index is a sum of multiples of axes, and those of these two do not make one of an axis for both. */
const isApart = (idx: Idx, outer: Axis, inner: Axis): boolean => {
  let [across, along] = [0, 0];
  for (const { coef, atom } of idx.terms) {
    if (atom.kind !== 'axis') return false;
    if (atom.axis === outer) across = coef;
    else if (atom.axis === inner) along = coef;
  }
  return across !== along * inner.extent;
};

const splitOf =
  (both: Axis, outer: Axis, inner: Axis) =>
  (a: Axis): Idx | undefined =>
    a === outer
      ? idxDiv(idxAxis(both), inner.extent)
      : a === inner
        ? idxMod(idxAxis(both), inner.extent)
        : undefined;

const rootsOf = (nest: Nest): Expr[] => nest.stores.map((s) => s.value);

/** Merges neighbouring parallel axes wherever all indices allow it. */
const mergeParallel = (nest: Nest): Nest => {
  let current = nest;
  for (let i = current.axes.length - 2; i >= 0; i--) {
    const outer = current.axes[i]!;
    const inner = current.axes[i + 1]!;
    if (current.stores.some((s) => s.axes.includes(outer) !== s.axes.includes(inner))) continue;
    const indices = [...indicesIn(rootsOf(current)), ...current.stores.map(storeOffset)];
    const both = merged(outer, inner, indices);
    if (!both) continue;
    const axes = [...current.axes.slice(0, i), both, ...current.axes.slice(i + 2)];
    current = rewriteNest(current, axes, { axis: splitOf(both, outer, inner) }, (a) =>
      a === outer ? undefined : a === inner ? both : a,
    );
  }
  return current;
};

/** Merges neighbouring axes of each reduction wherever the indices in it allow it. */
export const mergeReductions = (nest: Nest): Nest => {
  for (const e of reductionsIn(rootsOf(nest))) {
    for (let i = e.axes.length - 2; i >= 0; i--) {
      const outer = e.axes[i]!;
      const inner = e.axes[i + 1]!;
      const both = merged(outer, inner, indicesIn([e.body]));
      if (!both) continue;
      const axes = [...e.axes.slice(0, i), both, ...e.axes.slice(i + 2)];
      const body = rewriter({ axis: splitOf(both, outer, inner) }).expr(e.body);
      const rules: Rewriting = {
        replace: (x) => (x === e ? reduceLike(e, axes, body) : undefined),
      };
      return mergeReductions(rewriteNest(nest, nest.axes, rules, (a) => a));
    }
  }
  return nest;
};
const reduceLike = (e: ReduceExpr, axes: readonly Axis[], body: Expr): Expr =>
  rewriter({
    axes: (x) => (x === e ? axes : x.axes),
    replace: (x) => (x === e.body ? body : undefined),
  }).expr(e);

/** Axes that reductions of one extent run over; `height` keeps nested ones apart. */
const axisPool = (): ((extent: number, place: number, height: number) => Axis) => {
  const pool = new Map<string, Axis>();
  return (extent, place, height) =>
    remember(pool, `${extent},${place},${height}`, () =>
      newAxis(height === 0 && place === 0 ? 'k' : `k${place}_${height}`, extent, 'red'),
    );
};

/**
 * Gives reductions over equal extents the same axes, and those that pass over a row before it is stored the axis of the
 * row: then equal work in several passes is the same expression.
 */
const alignReductions = (nest: Nest): Nest => {
  const row = nest.axes[nest.axes.length - 1];
  const sharedAxis = axisPool();
  const heights = new Map<ReduceExpr, number>();
  const reductions = reductionsIn(rootsOf(nest));
  if (reductions.length === 0) return nest;
  for (const e of reductions) {
    let height = 0;
    for (const inner of reductionsIn([e.body]))
      if ([...freeAxes(inner)].some((a) => e.axes.includes(a)))
        height = Math.max(height, heights.get(inner)! + 1);
    heights.set(e, height);
  }
  const aligned = new Map<Expr, Expr>();
  const replace = (e: Expr): Expr | undefined => aligned.get(e);
  for (const e of reductions) {
    const height = heights.get(e)!;
    const single = e.axes.length === 1 ? e.axes[0]! : undefined;
    const onRow =
      row !== undefined && height === 0 && single?.extent === row.extent && !freeAxes(e).has(row);
    const axes = onRow ? [row] : e.axes.map((a, i) => sharedAxis(a.extent, i, height));
    const to = new Map(e.axes.map((a, i) => [a, idxAxis(axes[i]!)]));
    const inner = rewriter({ replace });
    const body = rewriter({
      axis: (a) => to.get(a),
    }).expr(inner.expr(e.body));
    aligned.set(
      e,
      rewriter({ axes: () => axes, replace: (x) => (x === e.body ? body : undefined) }).expr(e),
    );
  }
  return rewriteNest(nest, nest.axes, { replace }, (a) => a);
};

/** The nest without axes of extent 1, with merged axes and aligned reductions. */
export const normalize = (nest: Nest): Nest => {
  const long = (axes: readonly Axis[]): Axis[] => axes.filter((a) => a.extent !== 1);
  const dropped: Nest = {
    ...nest,
    axes: long(nest.axes),
    stores: nest.stores.map((s) => ({ ...s, axes: long(s.axes), over: long(s.over) })),
  };
  return alignReductions(mergeReductions(mergeParallel(dropped)));
};
