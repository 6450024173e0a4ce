/**
 * What schedules ask about loop expressions: which axes they depend on, how indices move along one, what is safe to read.
 *
 * Invariant: answers depend on the expression alone (expressions are immutable), so they are kept per expression.
 */
import {
  type Axis,
  type Bound,
  type Idx,
  idxAdd,
  idxConst,
  idxFlatten,
  idxScale,
  pointsOf,
} from '../ir/dim.ts';
import { freeAxes, idxFree, opaqueExprs } from '../ir/loop/free.ts';
import type { Expr, GuardExpr, LoadExpr, ReduceExpr } from '../ir/loop/loop.ts';
import { boundsOtherwise, rangeUnder } from '../ir/loop/ranges.ts';
import { operandsOf } from '../ir/loop/visit.ts';
import { remember } from '../ir/remember.ts';
import { scalarOps } from '../ir/scalar.ts';
import { spanOf } from '../ir/type.ts';

export { freeAxes, idxFree, opaqueExprs };

const NONE: ReadonlySet<Expr> = new Set();
const accOf = new WeakMap<Expr, ReadonlySet<Expr>>();

/** What an expression uses of the nest's product. */
export const accumulatorsIn = (e: Expr): ReadonlySet<Expr> => {
  let found = accOf.get(e);
  if (found === undefined) {
    found = e.kind === 'acc' ? new Set([e]) : NONE;
    for (const arg of operandsOf(e)) {
      const inside = accumulatorsIn(arg);
      if (inside.size === 0 || inside === found) continue;
      found = found.size === 0 ? inside : new Set([...found, ...inside]);
    }
    accOf.set(e, found);
  }
  return found;
};

/** True when the expression depends on one of these axes. */
export const movesWith = (e: Expr, axes: ReadonlySet<Axis>): boolean => {
  if (axes.size > 0) for (const axis of freeAxes(e)) if (axes.has(axis)) return true;
  return false;
};

/** True when the expression uses the result of the nest's product. */
export const usesAccumulator = (e: Expr): boolean => accumulatorsIn(e).size > 0;

/** How much `idx` grows for one step of `axis`; `undefined` where it is not the same everywhere. */
export const stepAlong = (idx: Idx, axis: Axis): number | undefined => {
  let step = 0;
  for (let i = 0; i < idx.terms.length; i++) {
    const { coef, atom } = idx.terms[i]!;
    switch (atom.kind) {
      case 'axis':
        if (atom.axis === axis) step += coef;
        break;
      case 'div':
      case 'mod':
        if (idxFree(atom.arg).has(axis)) return undefined;
        break;
      case 'opaque':
        if (freeAxes(atom.ref as Expr).has(axis)) return undefined;
        break;
      default:
        atom satisfies never;
    }
  }
  return step;
};

const offsets = new WeakMap<LoadExpr, Idx>();

/** Element offset of a load in its buffer. */
export const offsetOf = (e: LoadExpr): Idx =>
  remember(offsets, e, ({ index, buffer }) => idxFlatten(index, buffer.strides));

/** Every index in `roots`, which decide whether axes can be merged: loads by their offset in memory. */
export const indicesIn = (roots: readonly Expr[]): Idx[] => {
  const found: Idx[] = [];
  const seen = new Set<Expr>();
  const walk = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.kind === 'load') found.push(offsetOf(e));
    else if (e.kind === 'index') found.push(e.idx);
    else if (e.kind === 'guard') found.push(...e.bounds.map((b) => b.idx));
    operandsOf(e).forEach(walk);
  };
  roots.forEach(walk);
  return found;
};

/** Visits loads with the bounds of the guards (inside `e`) that they stand under. */
export const visitLoads = (
  e: Expr,
  visit: (load: LoadExpr, bounds: readonly Bound[]) => void,
): void => {
  const done = new Map<string, Set<Expr>>();
  const walk = (x: Expr, bounds: readonly Bound[], key: string): void => {
    const seen = remember(done, key, () => new Set());
    if (seen.has(x)) return;
    seen.add(x);
    if (x.kind === 'load') visit(x, bounds);
    if (x.kind === 'guard') {
      for (const o of opaqueExprs(x.bounds.map((b) => b.idx))) walk(o, bounds, key);
      walk(x.then, [...bounds, ...x.bounds], `${key}&${boundsKey(x)}`);
      walk(
        x.otherwise,
        [...bounds, ...boundsOtherwise(x.bounds, bounds)],
        `${key}|${boundsKey(x)}`,
      );
    } else {
      const operands = operandsOf(x);
      for (let i = 0; i < operands.length; i++) walk(operands[i]!, bounds, key);
    }
  };
  walk(e, [], '');
};

const boundsKey = (e: GuardExpr): string =>
  e.bounds.map((b) => `${b.lo}<=${b.idx.key}<${b.hi}`).join('&');

const safeOf = new WeakMap<Expr, boolean>();

/** True when evaluating `e` reads within its buffers even where guards around it fail. */
export const isSafe = (e: Expr): boolean => remember(safeOf, e, staysWithin);

const staysWithin = (e: Expr): boolean => {
  let safe = true;
  visitLoads(e, (load, bounds) => {
    const [lo, hi] = rangeUnder(offsetOf(load), bounds);
    if (lo < 0 || hi >= spanOf(load.buffer.shape, load.buffer.strides)) safe = false;
  });
  return safe;
};

const costs = new WeakMap<Expr, number>();

/** Arithmetic of one evaluation in multiply-adds (shared parts counted once for each use, capped). */
export const evaluationCost = (e: Expr): number => remember(costs, e, costOf);

const costOf = (e: Expr): number => {
  const own = e.kind === 'op' ? scalarOps[e.op].cost : e.kind === 'load' ? 0.5 : 0;
  const trip = e.kind === 'reduce' ? pointsOf(e.axes) : 1;
  const operands = operandsOf(e).reduce((sum, arg) => sum + evaluationCost(arg), 0);
  return Math.min(1e12, own + trip * operands) + (e.kind === 'reduce' ? trip : 0);
};

/** All reductions in an expression, innermost first. */
export const reductionsIn = (roots: readonly Expr[]): ReduceExpr[] => {
  const found: ReduceExpr[] = [];
  const seen = new Set<Expr>();
  const walk = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    operandsOf(e).forEach(walk);
    if (e.kind === 'reduce') found.push(e);
  };
  roots.forEach(walk);
  return found;
};

/** True when `part` occurs in `whole` (or is it). */
export const contains = (whole: Expr, part: Expr): boolean => {
  const seen = new Set<Expr>();
  const walk = (e: Expr): boolean => {
    if (e === part) return true;
    if (seen.has(e) || e.id < part.id) return false;
    seen.add(e);
    return operandsOf(e).some(walk);
  };
  return walk(whole);
};

/** Row-major position over `axes`. */
export const positionOver = (axes: readonly Axis[], value: (a: Axis) => Idx): Idx =>
  axes.reduce((sum, a) => idxAdd(idxScale(sum, a.extent), value(a)), idxConst(0));
