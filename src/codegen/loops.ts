/**
 * Chooses the loops of a nest: the order of its axes and the one that vectors run along.
 *
 * Invariant: each store's axes come first in the order, so that it happens once for each of its elements.
 */
import { type Axis, pointsOf } from '../ir/dim.ts';
import type { Expr, Nest } from '../ir/loop/loop.ts';
import { operandsOf } from '../ir/loop/visit.ts';
import { scalarOps } from '../ir/scalar.ts';
import { freeAxes, movesWith, offsetOf, reductionsIn } from './analysis.ts';
import { accessCost, elementCost, foldChoice, laneCost } from './cost.ts';
import { storeOffset } from './normalize.ts';

export interface Loops {
  readonly order: readonly Axis[];
  readonly along: Axis | undefined;
  /** Cost of what happens at each depth (after the first d axes are bound), over the whole nest. */
  readonly costs: readonly number[];
  readonly cost: number;
}

/** Estimated cost of the nest with these loops. */
const costOf = (nest: Nest, order: readonly Axis[], along: Axis | undefined): Loops => {
  const costs = new Array<number>(order.length + 1).fill(0);
  const tripsTo: number[] = [1];
  for (const axis of order) tripsTo.push(tripsTo[tripsTo.length - 1]! * axis.extent);
  const place = new Map(order.map((a, i) => [a, i + 1]));
  const alongDepth = along ? place.get(along)! : Number.POSITIVE_INFINITY;
  const depthOf = (axes: Iterable<Axis>): number => {
    let depth = 0;
    for (const a of axes) depth = Math.max(depth, place.get(a) ?? 0);
    return depth;
  };
  /** How often code at `depth` runs, per lane: a scalar inside the vector loop runs once for four elements. */
  const add = (depth: number, varies: boolean, own: number): void => {
    const fours = along && depth >= alongDepth ? laneCost(along.extent) / (varies ? 1 : 4) : 1;
    costs[depth]! += own * tripsTo[depth]! * fours;
  };
  const seen = new Set<Expr>();
  const walk = (e: Expr, inside: ReadonlySet<Axis>): void => {
    if (seen.has(e)) return;
    seen.add(e);
    const free = freeAxes(e);
    const counted = !movesWith(e, inside);
    const varies = along !== undefined && free.has(along);
    if (e.kind === 'reduce') {
      if (counted) {
        const trips = pointsOf(e.axes);
        const own = varies
          ? trips * (0.3 + elementCost(e.body, along, new Set(e.axes)))
          : foldChoice(e.axes, e.body).cost;
        add(depthOf(free), varies, own + 4);
      }
      walk(e.body, new Set([...inside, ...e.axes]));
      return;
    }
    if (counted && e.kind === 'load')
      add(depthOf(free), varies, accessCost(offsetOf(e), varies ? along : undefined));
    if (counted && e.kind === 'op')
      add(depthOf(free), varies, scalarOps[e.op].cost / (varies ? 4 : 1));
    if (counted && e.kind === 'guard') add(depthOf(free), varies, 1);
    for (const arg of operandsOf(e)) walk(arg, inside);
  };
  for (const s of nest.stores) {
    walk(s.value, new Set());
    const varies = along !== undefined && s.axes.includes(along);
    add(depthOf(s.axes), varies, 1.2 * accessCost(storeOffset(s), varies ? along : undefined));
  }
  for (let d = 1; d < order.length; d++) costs[d]! += 3 * tripsTo[d]!;
  const cost = costs.reduce((a, b) => a + b, 0);
  return { order, along, costs, cost };
};

const isAllowed = (nest: Nest, order: readonly Axis[]): boolean =>
  nest.stores.every((s) => order.slice(0, s.axes.length).every((a) => s.axes.includes(a)));

/** The cheapest order of loops and vector axis. */
export const chooseLoops = (nest: Nest, lanes: 1 | 4): Loops => {
  const { axes } = nest;
  const reductions = reductionsIn(nest.stores.map((s) => s.value));
  // what reductions depend on goes outside, what repeats them inside
  const rows = axes.filter((a) => reductions.some((e) => freeAxes(e).has(a)));
  const grouped = [...rows, ...axes.filter((a) => !rows.includes(a))];
  const last = (list: readonly Axis[], axis: Axis): Axis[] => [
    ...list.filter((a) => a !== axis),
    axis,
  ];
  const orders = (along: Axis | undefined): (readonly Axis[])[] => {
    // without reductions, both are one
    if (rows.length === 0) return [along === undefined ? axes : last(axes, along)];
    if (along === undefined) return [axes, grouped];
    const rest = axes.filter((a) => !rows.includes(a));
    return [
      last(axes, along),
      rows.includes(along) ? [...last(rows, along), ...rest] : [...rows, ...last(rest, along)],
    ];
  };
  let best: Loops | undefined;
  for (const along of [undefined, ...(lanes === 4 ? [...axes].reverse() : [])]) {
    if (along && along.extent < 4) continue;
    for (const order of orders(along)) {
      if (!isAllowed(nest, order)) continue;
      const loops = costOf(nest, order, along);
      if (best === undefined || loops.cost < best.cost * 0.999) best = loops;
    }
  }
  return best ?? costOf(nest, axes, undefined);
};
