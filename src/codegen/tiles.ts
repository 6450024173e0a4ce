/**
 * Maps that read or write across memory (transposes): done in tiles, so that each cache line is fetched once, and in
 * them by blocks of four by four, which are read along memory and turned in registers.
 *
 * Invariant: tiles cover every element once; workgroups own ranges of tiles.
 */
import { type Axis, type Idx, pointsOf } from '../ir/dim.ts';
import type { DType } from '../ir/dtype.ts';
import type { LoadExpr, Nest } from '../ir/loop/loop.ts';
import { i32, operate, shuffle } from '../ir/thread/build.ts';
import type { TExpr } from '../ir/thread/thread.ts';
import {
  evaluationCost,
  isSafe,
  offsetOf,
  reductionsIn,
  stepAlong,
  visitLoads,
} from './analysis.ts';
import type { Caps } from './caps.ts';
import { Emitter } from './emit/emitter.ts';
import { type Mode, SCALAR } from './emit/mode.ts';
import type { Loops } from './loops.ts';
import { storeOffset } from './normalize.ts';
import type { NestPlan } from './plan.ts';
import { emitRows, share, vectorLoop } from './sharing.ts';
import { writeTo } from './stores.ts';
import { bytesMoved } from './work.ts';

/** A cache line of float32. */
const TILE = 16;
/** Smaller nests stay in the first-level cache whatever the order. */
const LEAST_POINTS = 4096;

/** The axis that something moves along by one element while it jumps along the vector axis. */
const crossAxis = (nest: Nest, along: Axis): Axis | undefined => {
  const offsets: Idx[] = nest.stores.map(storeOffset);
  for (const s of nest.stores) visitLoads(s.value, (l) => offsets.push(offsetOf(l)));
  const jumps = offsets.filter((o) => Math.abs(stepAlong(o, along) ?? 0) > 2);
  return nest.axes.find(
    (a) => a !== along && a.extent >= 4 && jumps.some((o) => stepAlong(o, a) === 1),
  );
};

/** Elements whose lanes can be exchanged. */
const TURNED: readonly DType[] = ['float32', 'int32', 'uint32'];
/** Arrays whose blocks stay in registers. */
const MOST_TURNED = 3;
const FOUR = [0, 1, 2, 3] as const;

/** What is read along `cross` while vectors run along `along`: turned, a block of it is four vectors. */
const turnedLoads = (nest: Nest, along: Axis, cross: Axis): LoadExpr[] => {
  const found = new Set<LoadExpr>();
  for (const s of nest.stores)
    visitLoads(s.value, (l) => {
      const offset = offsetOf(l);
      const jumps = Math.abs(stepAlong(offset, along) ?? 0) > 2 && stepAlong(offset, cross) === 1;
      if (jumps && isSafe(l) && TURNED.includes(l.dtype)) found.add(l);
    });
  return [...found];
};

/**
 * Whether more than what is turned is read at each place: then lines of all of it are used up one after the other, else
 * lines of what is turned. Rows a power of two apart share few places of the first-level cache: 2.5 times the time.
 */
const readsBeside = (nest: Nest, cross: Axis, turned: readonly LoadExpr[]): boolean => {
  let beside = false;
  for (const s of nest.stores)
    visitLoads(s.value, (l) => {
      if (stepAlong(offsetOf(l), cross) !== 0 && !turned.includes(l)) beside = true;
    });
  return beside;
};

interface Range {
  readonly from: TExpr;
  readonly to: TExpr;
}

/** Where the last whole four of a part of `axis` ends. */
const fours = (em: Emitter, axis: Axis, { from, to }: Range): TExpr => {
  if (axis.extent % 4 === 0) return to;
  const whole = operate('and', operate('sub', to, from), i32(-4));
  return em.name('whole', operate('add', from, whole));
};

/** Four vectors of four as their columns. */
const turned = (em: Emitter, [a, b, c, d]: readonly TExpr[]): TExpr[] => {
  const pair = (x: TExpr, y: TExpr, lanes: readonly [number, number, number, number]): TExpr =>
    em.name('pair', shuffle(x, y, lanes));
  const [low, low2] = [pair(a!, b!, [0, 4, 1, 5]), pair(c!, d!, [0, 4, 1, 5])];
  const [high, high2] = [pair(a!, b!, [2, 6, 3, 7]), pair(c!, d!, [2, 6, 3, 7])];
  return [
    pair(low, low2, [0, 1, 4, 5]),
    pair(low, low2, [2, 3, 6, 7]),
    pair(high, high2, [0, 1, 4, 5]),
    pair(high, high2, [2, 3, 6, 7]),
  ];
};

/** Plans a map that crosses memory; `undefined` where it does not. */
export const planTiles = (nest: Nest, loops: Loops, caps: Caps): NestPlan | undefined => {
  const { along } = loops;
  const points = pointsOf(nest.axes);
  if (along === undefined || along.extent < TILE || points < LEAST_POINTS) return undefined;
  if (nest.stores.some((s) => s.axes.length !== nest.axes.length)) return undefined;
  if (reductionsIn(nest.stores.map((s) => s.value)).length > 0) return undefined;
  const cross = crossAxis(nest, along);
  if (cross === undefined) return undefined;
  const outer = nest.axes.filter((a) => a !== along && a !== cross);
  const loads = turnedLoads(nest, along, cross);
  const byColumns = nest.stores.length > 1 || readsBeside(nest, cross, loads);
  const sharing = share(outer, cross, loops.cost, caps.parallelism);
  const { groups, chunks, chunk, flattened } = sharing;
  const each = nest.stores.reduce((c, s) => c + evaluationCost(s.value), 0);
  return {
    grid: groups * chunks,
    threads: 1,
    shared: [],
    cost: { flops: Math.round(points * each), bytes: bytesMoved(nest) },
    notes: [`tiles: ${cross.name} by ${along.name}, ${TILE} x ${TILE}`],
    emit: ({ workgroup }, buffer) => {
      const em = new Emitter({ lanes: 4, resolve: buffer });
      em.expect(nest.stores.map((s) => s.value));
      const group = chunks === 1 ? workgroup : operate('floordiv', workgroup, i32(chunks));
      const piece = chunks === 1 ? i32(0) : operate('mod', workgroup, i32(chunks));
      const from = em.name('first', operate('mul', piece, i32(chunk)));
      const end = operate('min', operate('add', from, i32(chunk)), i32(cross.extent));
      const to = em.name('last', end);
      const write = (mode: Mode): void => {
        const values = nest.stores.map((s) => em.evaluate(s.value, mode));
        nest.stores.forEach((s, i) => {
          writeTo(em, s, values[i]!, mode);
        });
      };
      const at = (v: TExpr, w: TExpr, fill: () => void): void => {
        em.scope('same', () => {
          em.bind(along, v);
          em.bind(cross, w);
          fill();
        });
      };
      /** Columns of `crossing` one after the other. */
      const columns = (crossing: Range, range: Range): void =>
        em.loop(cross.name, crossing.from, crossing.to, 1, (w) => {
          em.bind(cross, w);
          vectorLoop(em, along, 1, range, write);
        });
      const block = (v: TExpr, w: TExpr): void => {
        const vectors = loads.map((l) => {
          const read: TExpr[] = [];
          for (const r of FOUR)
            at(operate('add', v, i32(r)), w, () => {
              read.push(em.name(l.buffer.name, em.vector(l, cross)));
            });
          return turned(em, read);
        });
        for (const c of FOUR)
          at(v, operate('add', w, i32(c)), () => {
            loads.forEach((l, i) => {
              em.remember(l, { along, lane: 'all' }, vectors[i]![c]!);
            });
            write({ along, lane: 'all' });
          });
      };
      const blocks = (crossing: Range, range: Range): void => {
        const main = fours(em, cross, crossing);
        const whole = fours(em, along, range);
        const places = (fill: (v: TExpr) => void): void =>
          em.loop(along.name, range.from, whole, 4, fill);
        const others = (fill: (w: TExpr) => void): void =>
          em.loop(cross.name, crossing.from, main, 4, fill);
        if (byColumns) others((w) => places((v) => block(v, w)));
        else places((v) => others((w) => block(v, w)));
        if (along.extent % 4 !== 0)
          em.loop(along.name, whole, range.to, 1, (v) =>
            em.loop(cross.name, crossing.from, main, 1, (w) => at(v, w, () => write(SCALAR))),
          );
        if (cross.extent % 4 !== 0) columns({ from: main, to: crossing.to }, range);
      };
      const column = (): void => {
        em.loop(`${along.name}_tile`, i32(0), i32(along.extent), TILE, (start) => {
          const stop = operate('add', start, i32(TILE));
          const whole = along.extent % TILE === 0;
          const range = {
            from: start,
            to: em.name('stop', whole ? stop : operate('min', stop, i32(along.extent))),
          };
          em.loop(`${cross.name}_tile`, from, to, TILE, (first) => {
            const last = em.name('end', operate('min', operate('add', first, i32(TILE)), to));
            const crossing = { from: first, to: last };
            if (loads.length > 0 && loads.length <= MOST_TURNED) blocks(crossing, range);
            else columns(crossing, range);
          });
        });
      };
      const nested = (axes: readonly Axis[]): void => {
        const [axis, ...deeper] = axes;
        if (axis === undefined) em.scope('same', column);
        else em.axisLoop(axis, () => nested(deeper));
      };
      emitRows(em, outer.slice(0, flattened), sharing, group, () => nested(outer.slice(flattened)));
      return em.body;
    },
  };
};
