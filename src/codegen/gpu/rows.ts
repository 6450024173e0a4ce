/**
 * The GPU schedule of nests with long reductions: the threads of a row fold together, then write the row together.
 *
 * Invariants: folds of a row come before its writes, with a barrier between where something read is overwritten; the
 * loops and branches around a barrier are the same for all threads of a workgroup; rows that stick out of the last
 * workgroup fold another row again and write nothing.
 */
import { type Axis, pointsOf } from '../../ir/dim.ts';
import type { Expr, LoopBuffer, Nest, ReduceExpr, Store } from '../../ir/loop/loop.ts';
import { i32, operate } from '../../ir/thread/build.ts';
import type { TExpr } from '../../ir/thread/thread.ts';
import { evaluationCost, freeAxes, reductionsIn, visitLoads } from '../analysis.ts';
import type { Caps } from '../caps.ts';
import { Emitter } from '../emit/emitter.ts';
import { isUnrolled } from '../emit/fold.ts';
import { type Mode, SCALAR } from '../emit/mode.ts';
import { flopsOf } from '../generic.ts';
import { chooseLoops } from '../loops.ts';
import type { NestPlan } from '../plan.ts';
import { bytesMoved, writeTo } from '../sharing.ts';
import { planMap } from './map.ts';
import {
  absent,
  atOrigin,
  bindPoint,
  byMemory,
  inVectors,
  powerOfTwo,
  stridesAlong,
} from './points.ts';
import { type Roster, scratchFor, seatOf, sharedPoints, teamOf } from './team.ts';
import { planGpuTiles } from './tiles.ts';

/** Threads that keep a GPU busy. */
const ENOUGH_THREADS = 65536;
/** Rows that neighbouring threads take, so that memory is read by whole lines. */
const NEIGHBOURS = 16;
const WORKGROUP = 128;

/** Stores whose buffer the nest reads too. */
const updating = (nest: Nest): Store[] => {
  const read = new Set<LoopBuffer>();
  for (const s of nest.stores) visitLoads(s.value, (l) => read.add(l.buffer));
  return nest.stores.filter((s) => read.has(s.buffer));
};

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
  const updates = updating(nest);
  // what is updated at an outer level is read by all points below it: they stay in one workgroup
  const outermost = updates.filter((s) => s.axes.length < nest.axes.length);
  if (rule === undefined && outermost.length === 0)
    return planGpuTiles(nest, caps, threads) ?? planMap(nest, caps, threads);
  const outer = nest.axes.filter(
    (a) =>
      (rule === undefined || freeAxes(rule).has(a)) && outermost.every((s) => s.axes.includes(a)),
  );
  const rows = shareOut(nest, outer, rule, caps, threads, updates.length > 0);
  if (rows.roster.lanes === 1 && rows.inner.length === 0 && outermost.length === 0)
    return planMap(nest, caps, threads);
  return planRows(nest, rows, updates.length > 0);
};

const shareOut = (
  nest: Nest,
  rowAxes: readonly Axis[],
  rule: ReduceExpr | undefined,
  caps: Caps,
  threads: number | undefined,
  whole: boolean,
): Rows => {
  const innerStores = nest.stores.filter((s) => s.axes.some((a) => !rowAxes.includes(a)));
  const inner = byMemory(
    nest.axes.filter((a) => !rowAxes.includes(a)),
    innerStores.map((s) => s.value),
    innerStores,
  );
  const count = pointsOf(rowAxes);
  const length = Math.max(rule === undefined ? 1 : pointsOf(rule.axes), pointsOf(inner));
  const most = threads ?? caps.threads;
  const last = rowAxes.at(-1);
  // does memory run along the rows, or across them?
  const across =
    rule !== undefined &&
    last !== undefined &&
    last.extent > 1 &&
    stridesAlong(last, [rule.body]).unit > 0 &&
    rule.axes.every((a) => stridesAlong(a, [rule.body]).unit === 0);
  const least = across ? Math.min(NEIGHBOURS, powerOfTwo(count)) : 1;
  const each = count * length > 8 * ENOUGH_THREADS ? 16 : 4;
  const useful = powerOfTwo(length / each);
  const lanes = across
    ? Math.min(most / least, useful, powerOfTwo(ENOUGH_THREADS / count))
    : Math.min(most, useful);
  const wanted = Math.max(lanes * least, Math.min(most, WORKGROUP, powerOfTwo(count * lanes)));
  let rows = (threads ?? wanted) / lanes;
  // in place, no row may be folded again by others while it is written
  while (whole && count % rows !== 0) rows /= 2;
  const team = threads ?? rows * lanes;
  return {
    outer: rowAxes,
    inner,
    roster: { lanes: team / rows, rows, along: !across, subgroup: caps.subgroup },
    threads: team,
  };
};

const planRows = (
  nest: Nest,
  { outer, inner, roster, threads }: Rows,
  inPlace: boolean,
): NestPlan => {
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
  const width = inVectors(
    inner.at(-1),
    innerStores.map((s) => s.value),
    innerStores,
  )
    ? 4
    : 1;
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
      const em = new Emitter({ lanes: 4, compact: true, resolve: buffer });
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
        const results = rowStores.map((s) => em.scalar(s.value));
        if (inPlace)
          prepare(
            em,
            innerStores.map((s) => s.value),
          );
        const barrier = (): void => {
          if (inPlace && roster.lanes > 1) em.push({ kind: 'barrier' });
        };
        barrier();
        if (innerStores.length > 0) {
          sharedPoints(em, roster, seat, inner, width, beyond, (mode) =>
            writeInner(em, innerStores, [...outer, ...inner], mode),
          );
          barrier();
        }
        writeRows(em, rowStores, results, outer, seat.lane, roster, beyond);
      });
      return em.body;
    },
  };
};

/** Computes what the row's writes need of folds before any of them. */
const prepare = (em: Emitter, values: readonly Expr[]): void => {
  for (const e of reductionsIn(values)) if (em.isBound(e)) em.evaluate(e, SCALAR);
};

const writeInner = (
  em: Emitter,
  stores: readonly Store[],
  bound: readonly Axis[],
  mode: Mode,
): void => {
  const modes = stores.map((s) =>
    mode.along !== undefined && !s.axes.includes(mode.along) ? SCALAR : mode,
  );
  const results = stores.map((s, i) => em.evaluate(s.value, modes[i]!));
  stores.forEach((s, i) => {
    atOrigin(em, absent(s, bound), () => writeTo(em, s, results[i]!, modes[i]!));
  });
};

const writeRows = (
  em: Emitter,
  stores: readonly Store[],
  results: readonly TExpr[],
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
  const write = (): void =>
    stores.forEach((s, i) => {
      atOrigin(em, absent(s, outer), () => writeTo(em, s, results[i]!, SCALAR));
    });
  if (conditions.length === 0) em.scope('same', write);
  else
    em.branch(
      conditions.reduce((x, y) => operate('and', x, y)),
      write,
    );
};
