/**
 * Estimates what an expression costs for each element, in scalar operations, when four lanes run along an axis or none do.
 *
 * Invariant: only relative costs of schedules for one nest are compared; figures are not times.
 */
import { type Axis, type Idx, pointsOf } from '../ir/dim.ts';
import type { Expr } from '../ir/loop/loop.ts';
import { operandsOf } from '../ir/loop/visit.ts';
import { scalarOps } from '../ir/scalar.ts';
import { freeAxes, idxFree, movesWith, offsetOf, stepAlong } from './analysis.ts';

/** Share of lanes that do work when an axis of this extent is cut in fours with a scalar tail. */
export const laneCost = (extent: number): number =>
  extent === 0 ? 1 : ((Math.floor(extent / 4) + (extent % 4)) * 4) / extent;

/** Cost of reading or writing one element at `offset`. */
export const accessCost = (offset: Idx, along: Axis | undefined): number => {
  if (along === undefined) return 1;
  if (!idxFree(offset).has(along)) return 0.1;
  const step = stepAlong(offset, along);
  if (step === 1) return 0.3;
  if (step === -1 || step === 2) return 0.6;
  return step === undefined ? 3 : 1.6;
};

/** Arithmetic of the node itself for one element. */
const ownCost = (e: Expr, along: Axis | undefined): number => {
  switch (e.kind) {
    case 'const':
    case 'acc':
      return 0;
    case 'index':
      return 0.3;
    case 'cast':
    case 'op':
      return (e.kind === 'op' ? scalarOps[e.op].cost : 1) / (along ? 4 : 1);
    case 'load':
      return accessCost(offsetOf(e), along);
    case 'guard':
      return along ? 0.7 : 1;
    case 'reduce':
      return 0;
    default:
      return e satisfies never;
  }
};

/** The best axis to fold in fours, and the cost of the whole fold when nothing around it is a vector. */
export const foldChoice = (
  axes: readonly Axis[],
  body: Expr,
): { readonly axis: Axis | undefined; readonly cost: number } => {
  const trips = pointsOf(axes);
  const moving = new Set(axes);
  let best: { axis: Axis | undefined; cost: number } = {
    axis: undefined,
    cost: trips * (1 + elementCost(body, undefined, moving)),
  };
  for (const axis of axes) {
    if (axis.extent < 4) continue;
    const each = 0.25 + elementCost(body, axis, moving);
    const cost = trips * laneCost(axis.extent) * each + 4;
    if (cost < best.cost) best = { axis, cost };
  }
  return best;
};

/**
 * Cost for one step of the `moving` axes: parts that depend on none of them are computed outside and cost nothing.
 * Shared parts count once.
 */
export const elementCost = (
  root: Expr,
  along: Axis | undefined,
  moving: ReadonlySet<Axis>,
): number => {
  const seen = new Set<Expr>();
  const walk = (e: Expr): number => {
    if (seen.has(e)) return 0;
    seen.add(e);
    if (e.kind !== 'acc' && !movesWith(e, moving)) return 0;
    const free = freeAxes(e);
    if (e.kind === 'reduce') {
      if (along === undefined || !free.has(along)) return foldChoice(e.axes, e.body).cost;
      const trips = pointsOf(e.axes);
      return trips * (0.3 + elementCost(e.body, along, new Set([...moving, ...e.axes])));
    }
    let cost = 0;
    for (const arg of operandsOf(e)) cost += walk(arg);
    return ownCost(e, along && free.has(along) ? along : undefined) + cost;
  };
  return walk(root);
};

/** Arithmetic of one step along `axis`: parts that do not depend on it are computed outside. Shared parts count once. */
export const stepCost = (roots: readonly Expr[], axis: Axis): number => {
  const seen = new Set<Expr>();
  const walk = (e: Expr): number => {
    if (seen.has(e) || !freeAxes(e).has(axis)) return 0;
    seen.add(e);
    if (e.kind === 'reduce') return 32;
    const own = e.kind === 'op' ? scalarOps[e.op].cost : e.kind === 'guard' ? 16 : 0.5;
    return operandsOf(e).reduce((sum, arg) => sum + walk(arg), own);
  };
  return roots.reduce((sum, e) => sum + walk(e), 0);
};
