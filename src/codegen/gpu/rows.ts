/**
 * The GPU schedule of nests with long reductions: the threads of a row fold together, then write the row together.
 *
 * Invariants: folds of a row come before its writes; the loops and branches around a barrier are the same for all threads
 * of a workgroup; rows that stick out of the last workgroup fold another row again and write nothing; what a store may
 * overwrite is read by the thread that does the store alone.
 */
import { type Axis, pointsOf } from '../../ir/dim.ts';
import type { Nest, ReduceExpr, Store } from '../../ir/loop/loop.ts';
import { i32, operate } from '../../ir/thread/build.ts';
import type { TExpr } from '../../ir/thread/thread.ts';
import { evaluationCost, freeAxes, isSafe, reductionsIn } from '../analysis.ts';
import type { Caps } from '../caps.ts';
import { Emitter } from '../emit/emitter.ts';
import { isUnrolled } from '../emit/fold.ts';
import { SCALAR } from '../emit/mode.ts';
import { chooseLoops } from '../loops.ts';
import type { NestPlan } from '../plan.ts';
import { bytesMoved, flopsOf } from '../work.ts';
import { planMap } from './map.ts';
import { bindPoint, byMemory, inVectors, powerOfTwo, stridesAlong, writeStores } from './points.ts';
import { type Roster, scratchFor, seatOf, sharedPoints, teamOf } from './team.ts';
import { planGpuTiles } from './tiles.ts';

/** Threads that keep a GPU busy. */
const ENOUGH_THREADS = 65536;
/** Rows that neighbouring threads take, so that memory is read by whole lines. */
const NEIGHBOURS = 16;
const WORKGROUP = 128;

const workOf = (e: ReduceExpr): number =>
  pointsOf([...freeAxes(e)]) * pointsOf(e.axes) * evaluationCost(e.body);

/** The reduction that decides what a row is: the one with most work of those that depend on axes of the nest alone. */
const ruling = (nest: Nest): ReduceExpr | undefined =>
  reductionsIn(nest.stores.map((s) => s.value))
    .filter((e) => !isUnrolled(e) && [...freeAxes(e)].every((a) => nest.axes.includes(a)))
    .reduce<ReduceExpr | undefined>(
      (best, e) => (best === undefined || workOf(e) > workOf(best) ? e : best),
      undefined,
    );

interface Rows {
  readonly outer: readonly Axis[];
  readonly inner: readonly Axis[];
  readonly roster: Roster;
  readonly threads: number;
}

/** The schedule of a nest: rows where threads have something to fold together, else a map. */
export const planPoints = (nest: Nest, caps: Caps, threads: number | undefined): NestPlan => {
  const rule = ruling(nest);
  if (rule === undefined) return planGpuTiles(nest, caps, threads) ?? planMap(nest, caps, threads);
  const outer = nest.axes.filter((a) => freeAxes(rule).has(a));
  const rows = shareOut(nest, outer, rule, caps, threads);
  if (rows.roster.lanes === 1 && rows.inner.length === 0) return planMap(nest, caps, threads);
  return planRows(nest, rows, caps);
};

const shareOut = (
  nest: Nest,
  rowAxes: readonly Axis[],
  rule: ReduceExpr,
  caps: Caps,
  threads: number | undefined,
): Rows => {
  const innerStores = nest.stores.filter((s) => s.axes.some((a) => !rowAxes.includes(a)));
  const inner = byMemory(
    nest.axes.filter((a) => !rowAxes.includes(a)),
    innerStores.map((s) => s.value),
    innerStores,
  );
  const count = pointsOf(rowAxes);
  const length = Math.max(pointsOf(rule.axes), pointsOf(inner));
  const most = threads ?? caps.threads;
  const last = rowAxes.at(-1);
  // does memory run along the rows, or across them?
  const across =
    last !== undefined &&
    last.extent > 1 &&
    stridesAlong(last, [rule.body]).unit > 0 &&
    rule.axes.every((a) => stridesAlong(a, [rule.body]).unit === 0);
  const least = across ? Math.min(NEIGHBOURS, powerOfTwo(count), most) : 1;
  const each = count * length > 8 * ENOUGH_THREADS ? 16 : 4;
  const shared = caps.barriers ? most : across ? 1 : caps.subgroup;
  const useful = Math.min(powerOfTwo(length / each), shared);
  const lanes = across
    ? Math.min(most / least, useful, powerOfTwo(ENOUGH_THREADS / count))
    : Math.min(most, useful);
  const wanted = Math.max(lanes * least, Math.min(most, WORKGROUP, powerOfTwo(count * lanes)));
  const rows = (threads ?? wanted) / lanes;
  const team = threads ?? rows * lanes;
  return {
    outer: rowAxes,
    inner,
    roster: { lanes: team / rows, rows, along: !across, subgroup: caps.subgroup },
    threads: team,
  };
};

const planRows = (nest: Nest, { outer, inner, roster, threads }: Rows, caps: Caps): NestPlan => {
  const values = nest.stores.map((s) => s.value);
  const count = pointsOf(outer);
  const inside = new Set<Axis>(inner);
  const isInner = (s: Store): boolean => s.axes.some((a) => inside.has(a));
  const innerStores = nest.stores.filter(isInner);
  const rowStores = nest.stores.filter((s) => !isInner(s));
  const reductions = reductionsIn(values);
  const theirs = new Set(
    reductions.filter((e) => !isUnrolled(e) && [...freeAxes(e)].every((a) => outer.includes(a))),
  );
  const scratch = scratchFor(roster, [...theirs]);
  const innerValues = innerStores.map((s) => s.value);
  const width = caps.lanes === 4 && inVectors(inner.at(-1), innerValues, innerStores) ? 4 : 1;
  const ragged = count % roster.rows !== 0;
  return {
    grid: Math.ceil(count / roster.rows),
    threads,
    shared: [...scratch.values()],
    cost: { flops: flopsOf(nest, chooseLoops(nest, 1)), bytes: bytesMoved(nest) },
    notes: [
      `rows: ${count} of ${roster.lanes} threads${roster.along ? '' : ' across memory'}, ` +
        `${roster.rows} a workgroup${inner.length > 0 ? `, ${pointsOf(inner)} points each` : ''}`,
    ],
    emit: ({ workgroup, local }, buffer) => {
      const em = new Emitter({ lanes: caps.lanes, compact: true, resolve: buffer });
      em.siblings = reductions;
      em.expect(values);
      const seat = seatOf(em, roster, local);
      const first = operate('mul', workgroup, i32(roster.rows));
      const raw = em.name('place', operate('add', first, seat.row));
      const beyond = ragged ? em.name('beyond', operate('ge', raw, i32(count))) : undefined;
      const row = ragged ? em.name('clamped', operate('min', raw, i32(count - 1))) : raw;
      em.scope('same', () => {
        bindPoint(em, outer, row);
        em.team = teamOf(roster, seat, scratch, em.depth, (e) => theirs.has(e));
        // all threads of a row fold: behind tests for some of them they could not
        for (const e of reductions) if (em.isBound(e) && isSafe(e)) em.evaluate(e, SCALAR);
        if (innerStores.length > 0)
          sharedPoints(em, roster, seat, inner, width, beyond, (mode) =>
            writeStores(em, innerStores, [...outer, ...inner], mode),
          );
        writeRows(em, rowStores, outer, seat.lane, roster, beyond);
      });
      return em.body;
    },
  };
};

/** What is stored once a row, by its first thread. */
const writeRows = (
  em: Emitter,
  stores: readonly Store[],
  outer: readonly Axis[],
  lane: TExpr,
  roster: Roster,
  beyond: TExpr | undefined,
): void => {
  if (stores.length === 0) return;
  const conditions = [
    ...(roster.lanes > 1 ? [operate('eq', lane, i32(0))] : []),
    ...(beyond === undefined ? [] : [operate('not', beyond)]),
  ];
  const write = (): void => writeStores(em, stores, outer, SCALAR);
  if (conditions.length === 0) em.scope('same', write);
  else
    em.branch(
      conditions.reduce((x, y) => operate('and', x, y)),
      write,
    );
};
