/**
 * The GPU schedule of maps that read across memory, as transposes do: square tiles staged in shared memory.
 *
 * Invariant: threads read along the source's contiguous axis and write along the result's; the tile has an odd pitch, so
 * that neither way meets the same memory bank twice.
 */
import { type Axis, idxAdd, idxAxis, idxScale, newAxis, pointsOf } from '../../ir/dim.ts';
import { bytesOf } from '../../ir/dtype.ts';
import { load, newBuffer } from '../../ir/loop/expr.ts';
import type { Expr, LoadExpr, LoopBuffer, Nest, Store } from '../../ir/loop/loop.ts';
import { i32, operate, sharedBuffer } from '../../ir/thread/build.ts';
import {
  registerDType,
  registerOf,
  type TExpr,
  type ThreadBuffer,
} from '../../ir/thread/thread.ts';
import { evaluationCost, freeAxes, isSafe, offsetOf, stepAlong, visitLoads } from '../analysis.ts';
import type { Caps } from '../caps.ts';
import { Emitter } from '../emit/emitter.ts';
import { SCALAR } from '../emit/mode.ts';
import { storeOffset } from '../normalize.ts';
import type { NestPlan } from '../plan.ts';
import { rewriter } from '../rewrite.ts';
import { writeTo } from '../stores.ts';
import { bytesMoved } from '../work.ts';
import { bindPoint } from './points.ts';

/** Side of a tile: a line of memory is read whole. */
const SIDE = 32;
const PITCH = SIDE + 1;
/** Arrays smaller than this stay in caches whichever way they are read. */
const SMALL = 1 << 14;

interface Crossing {
  /** Along which the result is contiguous, and along which the crossing loads are. */
  readonly across: Axis;
  readonly along: Axis;
  readonly loads: readonly LoadExpr[];
}

const crossingOf = (nest: Nest): Crossing | undefined => {
  const [first] = nest.stores;
  if (first === undefined || nest.stores.some((s) => s.axes.length !== nest.axes.length))
    return undefined;
  const across = nest.axes.find(
    (a) => a.extent >= SIDE / 2 && stepAlong(storeOffset(first), a) === 1,
  );
  if (across === undefined) return undefined;
  const found = new Map<Axis, Set<LoadExpr>>();
  for (const s of nest.stores)
    visitLoads(s.value, (l) => {
      if (![...freeAxes(l)].every((a) => nest.axes.includes(a)) || !isSafe(l)) return;
      const offset = offsetOf(l);
      const step = stepAlong(offset, across);
      if (step === undefined || step === 0 || step === 1) return;
      const along = nest.axes.find((a) => a.extent >= SIDE / 2 && stepAlong(offset, a) === 1);
      if (along !== undefined) found.set(along, (found.get(along) ?? new Set()).add(l));
    });
  let best: Crossing | undefined;
  for (const [along, loads] of found)
    if (best === undefined || loads.size > best.loads.length)
      best = { across, along, loads: [...loads] };
  return best;
};

/** An axis cut into tiles: which one, and where in it. */
interface Cut {
  readonly axis: Axis;
  readonly tile: Axis;
  readonly inside: Axis;
}
const cut = (axis: Axis): Cut => ({
  axis,
  tile: newAxis(`${axis.name}_tile`, Math.ceil(axis.extent / SIDE), 'par'),
  inside: newAxis(`${axis.name}_in`, SIDE, 'par'),
});

/** The tiled schedule, where something is read across memory and large enough to matter. */
export const planGpuTiles = (
  nest: Nest,
  caps: Caps,
  threads: number | undefined,
): NestPlan | undefined => {
  const crossing = pointsOf(nest.axes) < SMALL ? undefined : crossingOf(nest);
  const team = threads ?? Math.min(256, caps.threads);
  if (crossing === undefined || team % SIDE !== 0) return undefined;
  const widest = Math.max(4, ...crossing.loads.map((l) => bytesOf(l.dtype)));
  const most = Math.floor(caps.sharedBytes / (SIDE * PITCH * widest));
  const loads = crossing.loads.slice(0, most);
  if (loads.length === 0) return undefined;

  const across = cut(crossing.across);
  const along = cut(crossing.along);
  const cuts = [across, along];
  const at = (c: Cut) => idxAdd(idxScale(idxAxis(c.tile), SIDE), idxAxis(c.inside));
  const isCut = (a: Axis): boolean => cuts.some((c) => c.axis === a);
  const axis = (a: Axis) => {
    const c = cuts.find((x) => x.axis === a);
    return c && at(c);
  };
  const shape = { shape: [SIDE, PITCH] };
  const staged = new Map<Expr, { buffer: LoopBuffer; shared: ThreadBuffer; source: Expr }>();
  const plain = rewriter({ axis });
  for (const [i, l] of loads.entries()) {
    const dtype = registerDType[registerOf(l.dtype)];
    const name = `tile${i === 0 ? '' : i}`;
    staged.set(l, {
      buffer: newBuffer(name, { dtype: l.dtype, ...shape }),
      shared: sharedBuffer(name, dtype, SIDE * PITCH),
      source: plain.expr(l),
    });
  }
  const place = [idxAxis(across.inside), idxAxis(along.inside)];
  const { expr, idx } = rewriter({
    axis,
    replace: (e) => {
      const tile = staged.get(e);
      return tile && load(tile.buffer, place);
    },
  });
  const outer = nest.axes.filter((a) => !isCut(a));
  const grid = [...outer, along.tile, across.tile];
  const axes = [...grid, along.inside, across.inside];
  const stores = nest.stores.map(
    (s): Store => ({ ...s, index: s.index.map(idx), value: expr(s.value), axes }),
  );
  const values = stores.map((s) => s.value);
  const tiles = [...staged.values()];
  return {
    grid: pointsOf(grid),
    threads: team,
    shared: tiles.map((t) => t.shared),
    cost: {
      flops: nest.stores.reduce((n, s) => n + pointsOf(s.axes) * evaluationCost(s.value), 0),
      bytes: bytesMoved(nest),
    },
    notes: [
      `tiles: ${SIDE} x ${SIDE} of ${crossing.along.name} and ${crossing.across.name}, ` +
        `${tiles.length} staged in shared memory`,
    ],
    emit: ({ workgroup, local }, buffer) => {
      const own = new Map<LoopBuffer, ThreadBuffer>(tiles.map((t) => [t.buffer, t.shared]));
      const em = new Emitter({
        lanes: 1,
        compact: true,
        resolve: (b) => own.get(b) ?? buffer(b),
      });
      em.expect([...values, ...tiles.map((t) => t.source)]);
      const minor = em.name('minor', operate('mod', local, i32(SIDE)));
      const major = em.name('major', operate('floordiv', local, i32(SIDE)));
      em.scope('same', () => {
        bindPoint(em, grid, workgroup);
        /** All points of the tile that exist, neighbouring threads along `inner`. */
        const each = (outside: Cut, inner: Cut, visit: () => void): void =>
          em.loop('line', major, i32(SIDE), team / SIDE, (line) => {
            em.bind(outside.inside, line);
            em.bind(inner.inside, minor);
            const exists = [outside, inner].flatMap((c): TExpr[] =>
              c.axis.extent % SIDE === 0
                ? []
                : [operate('lt', em.index(at(c)), i32(c.axis.extent))],
            );
            if (exists.length === 0) em.scope('same', visit);
            else
              em.branch(
                exists.reduce((x, y) => operate('and', x, y)),
                visit,
              );
          });
        each(across, along, () => {
          for (const t of tiles) {
            const value = em.scalar(t.source);
            em.store(t.buffer, em.index(idxAdd(idxScale(place[0]!, PITCH), place[1]!)), value);
          }
        });
        em.push({ kind: 'barrier' });
        each(along, across, () => {
          const results = values.map((v) => em.scalar(v));
          stores.forEach((s, i) => {
            writeTo(em, s, results[i]!, SCALAR);
          });
        });
      });
      return em.body;
    },
  };
};
