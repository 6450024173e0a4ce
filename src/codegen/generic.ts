/**
 * The schedule for every nest without a contraction: maps, rows, reductions, in lanes where that pays.
 *
 * Invariant: results do not depend on the number of threads, only how the elements are shared out does.
 */

import { type Axis, pointsOf } from '../ir/dim.ts';
import { invariant } from '../ir/errors.ts';
import type { Expr, LoopBuffer, Nest, Store } from '../ir/loop/loop.ts';
import { operandsOf, visitExpr } from '../ir/loop/visit.ts';
import { i32, operate, sharedBuffer } from '../ir/thread/build.ts';
import type { TExpr } from '../ir/thread/thread.ts';
import { freeAxes, isSafe, reductionsIn, visitLoads } from './analysis.ts';
import type { Caps } from './caps.ts';
import { planColumns } from './columns.ts';
import { stepCost } from './cost.ts';
import { splitDivided } from './divided.ts';
import { Emitter, type RowCache } from './emit/emitter.ts';
import { type Mode, SCALAR } from './emit/mode.ts';
import { planInterleaved } from './interleave.ts';
import { chooseLoops, type Loops } from './loops.ts';
import { normalize } from './normalize.ts';
import { boundPeaks } from './peaks.ts';
import type { NestPlan } from './plan.ts';
import { planScatter } from './scatter.ts';
import { emitRows, type Sharing, share, vectorLoop } from './sharing.ts';
import { writeTo } from './stores.ts';
import { planTiles } from './tiles.ts';
import { bytesMoved, flopsOf } from './work.ts';

/** Scalar operations that take longer than writing a value and reading it back. */
const LEAST_KEPT = 8;

/**
 * Values that several passes over a row compute and that cost more than reading them back, with a buffer for each.
 * The passes are the bodies of reductions over `axis` and the stores at its elements.
 */
const rowCaches = (nest: Nest, loops: Loops, caps: Caps): Map<Expr, RowCache> => {
  const caches = new Map<Expr, RowCache>();
  const axis = loops.order[loops.order.length - 1];
  if (axis === undefined) return caches;
  const roots = nest.stores.map((s) => s.value);
  const passes: Expr[][] = reductionsIn(roots)
    .filter((e) => e.axes.length === 1 && e.axes[0] === axis)
    .map((e) => [e.body]);
  passes.push(nest.stores.filter((s) => s.axes.includes(axis)).map((s) => s.value));
  const visit = (pass: readonly Expr[], each: (e: Expr) => boolean): void => {
    const seen = new Set<Expr>();
    const walk = (e: Expr): void => {
      if (seen.has(e) || !freeAxes(e).has(axis)) return;
      seen.add(e);
      if (each(e) && e.kind !== 'reduce') operandsOf(e).forEach(walk);
    };
    pass.forEach(walk);
  };
  const count = new Map<Expr, number>();
  for (const pass of passes)
    visit(pass, (e) => {
      count.set(e, (count.get(e) ?? 0) + 1);
      return true;
    });
  const isWorth = (e: Expr): boolean =>
    count.get(e)! > 1 &&
    e.kind !== 'reduce' &&
    e.dtype === 'float32' &&
    stepCost([e], axis) >= LEAST_KEPT;
  const chosen = new Set<Expr>();
  for (const pass of passes)
    visit(pass, (e) => {
      if (isWorth(e)) chosen.add(e);
      return !isWorth(e);
    });
  const lanes = loops.along && loops.along !== axis ? 4 : 1;
  let room = caps.sharedBytes;
  for (const e of chosen) {
    const elements = axis.extent * lanes;
    room -= elements * 4;
    if (room < 0) break;
    const name = `row${caches.size === 0 ? '' : caches.size}`;
    const buffer = sharedBuffer(name, 'float32', elements);
    caches.set(e, { axis, buffer });
  }
  return caches;
};

/**
 * How many leading axes may be shared out: a store at an outer level whose old value is read must happen after all of
 * its readers, so they stay in one workgroup.
 */
const updatedInPlace = (nest: Nest): number => {
  const read = new Set<LoopBuffer>();
  for (const s of nest.stores) visitLoads(s.value, (l) => read.add(l.buffer));
  return nest.stores
    .filter((s) => read.has(s.buffer) && s.axes.length < nest.axes.length)
    .reduce((least, s) => Math.min(least, s.axes.length), Number.POSITIVE_INFINITY);
};

/** Plans a nest that has no contraction. */
export const planNest = (nest: Nest, caps: Caps): NestPlan => {
  invariant(nest.contract === undefined, 'the generic schedule takes nests without contraction');
  if (pointsOf(nest.axes) === 0)
    return {
      grid: 1,
      threads: 1,
      shared: [],
      cost: { flops: 0, bytes: 0 },
      notes: ['empty'],
      emit: () => [],
    };
  if (nest.stores.some((s) => s.mode !== 'set')) return planScatter(nest, caps);
  const plain = boundPeaks(normalize(splitDivided(nest)));
  const loops = chooseLoops(plain, caps.lanes);
  const special =
    planColumns(plain, loops, caps) ??
    planInterleaved(plain, caps) ??
    planTiles(plain, loops, caps);
  if (special) return special;
  const { order, along } = loops;
  const caches = rowCaches(plain, loops, caps);
  const alongAt = along ? order.indexOf(along) : order.length;
  const leading = order.slice(0, alongAt);
  // a chunk repeats what its row computes: only where that is little
  const above = loops.costs.slice(0, alongAt + 1).reduce((a, b) => a + b, 0);
  const fixed = updatedInPlace(plain);
  const canChunk = along !== undefined && above * 16 < loops.cost && fixed > alongAt;
  // a flattened range repeats what its outer axes alone decide
  const repeated = (count: number): number =>
    loops.costs.slice(1, count).reduce((a, b) => a + b, 0) * order[count - 1]!.extent;
  const sharing = share(
    leading,
    canChunk ? along : undefined,
    loops.cost - Math.min(loops.costs[0]! * 8, loops.cost),
    caps.parallelism,
    { mayFlatten: (count) => count <= fixed && repeated(count) * 4 < loops.cost },
  );
  const grid = sharing.groups * sharing.chunks;
  const names = (list: readonly Axis[]): string =>
    list.map((a) => `${a.name}:${a.extent}`).join(' ');
  return {
    grid,
    threads: 1,
    shared: [...caches.values()].map((c) => c.buffer),
    cost: { flops: flopsOf(plain, loops), bytes: bytesMoved(plain) },
    notes: [
      `generic: loops ${names(order) || 'none'}${along ? `, four lanes along ${along.name}` : ''}` +
        `${grid > 1 ? `, ${sharing.groups} x ${sharing.chunks} workgroups` : ''}` +
        `${caches.size > 0 ? `, ${caches.size} kept per row` : ''}`,
    ],
    emit: ({ workgroup }, buffer) => {
      const em = new Emitter({ lanes: caps.lanes, resolve: buffer });
      for (const [e, cache] of caches) em.caches.set(e, cache);
      const roots = plain.stores.map((s) => s.value);
      em.siblings = reductionsIn(roots);
      em.expect(roots);
      emitLoops(em, plain, loops, sharing, workgroup);
      return em.body;
    },
  };
};

const emitLoops = (
  em: Emitter,
  nest: Nest,
  loops: Loops,
  sharing: Sharing,
  workgroup: TExpr,
): void => {
  const { order, along } = loops;
  const { chunks, chunk, flattened } = sharing;
  const group = chunks === 1 ? workgroup : operate('floordiv', workgroup, i32(chunks));
  const piece = chunks === 1 ? i32(0) : em.name('piece', operate('mod', workgroup, i32(chunks)));
  const alongAt = along ? order.indexOf(along) : -1;

  /**
   * Stores whose axes are all bound after `depth` of them, in the given mode; deeper ones run between reads and writes.
   * `later` runs what writes.
   */
  const at = (depth: number, mode: Mode, later = (write: () => void): void => write()): void => {
    const stores = nest.stores.filter((s) => s.axes.length === depth);
    const values = stores.map((s) => em.evaluate(s.value, mode));
    const axis = order[depth];
    // passes that keep values for later ones come first
    if (em.caches.size > 0)
      for (const e of em.siblings) if (em.isBound(e) && isSafe(e)) em.evaluate(e, mode);
    if (axis === along && axis !== undefined) {
      const from = em.name('first', operate('mul', piece, i32(chunk)));
      const end = operate('add', from, i32(chunk));
      const clipped = axis.extent % chunk === 0 ? end : operate('min', end, i32(axis.extent));
      const range = chunks === 1 ? undefined : { from, to: em.name('last', clipped) };
      const { vectors, together } = tripOf(nest, loops);
      vectorLoop(em, axis, vectors, range, (inside, afterwards) =>
        at(depth + 1, inside, together ? afterwards : undefined),
      );
    } else if (axis !== undefined) em.axisLoop(axis, () => at(depth + 1, mode));
    const write = (): void => {
      stores.forEach((s, i) => {
        writeTo(em, s, values[i]!, mode);
      });
    };
    // each chunk of a row would write what belongs to the row: the first does
    if (chunks > 1 && depth <= alongAt && stores.length > 0)
      em.branch(operate('eq', piece, i32(0)), write);
    else later(write);
  };
  // stores without axes belong to no row
  if (flattened > 0 && nest.stores.some((s) => s.axes.length < flattened)) {
    em.branch(operate('eq', workgroup, i32(0)), () => {
      for (const s of nest.stores) if (s.axes.length < flattened) writeOutside(em, s, order);
    });
  }
  emitRows(em, order.slice(0, flattened), sharing, group, () => at(flattened, SCALAR));
};

/** A store of an outer level, by loops of its own. */
const writeOutside = (em: Emitter, s: Store, order: readonly Axis[]): void => {
  const visit = (depth: number): void => {
    if (depth === s.axes.length) writeTo(em, s, em.scalar(s.value), SCALAR);
    else em.axisLoop(order[depth]!, () => visit(depth + 1));
  };
  em.scope('same', () => visit(0));
};

/** Whether random words are drawn: two vectors of them take little longer than one. */
const draws = (nest: Nest): boolean => {
  let found = false;
  for (const s of nest.stores)
    visitExpr(s.value, {
      expr: (e) => {
        found ||= e.kind === 'op' && e.op === 'threefry';
      },
    });
  return found;
};

/** Up to here a trip's vectors are done one after the other; up to here four are done together; up to here two. */
const [BRIEF, LONG, LONGEST] = [8, 64, 128];

/**
 * Vectors for each trip, and whether all are computed before any is written. What takes long is a chain of dependent
 * steps, and processors hold about as many waiting instructions as one has: engines tell chains in turns that nothing
 * orders, as reading after writing does.
 */
const tripOf = (nest: Nest, loops: Loops): { vectors: number; together: boolean } => {
  const { along, order } = loops;
  if (along === undefined || along !== order[order.length - 1])
    return { vectors: 1, together: false };
  const cost = stepCost(
    nest.stores.map((s) => s.value),
    along,
  );
  let vectors = cost <= LONG || draws(nest) ? 4 : cost <= LONGEST ? 2 : 1;
  while (vectors > 1 && along.extent < 4 * vectors) vectors /= 2;
  return { vectors, together: vectors > 1 && cost > BRIEF };
};
