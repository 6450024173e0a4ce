/**
 * The GPU schedule of nests whose points have nothing to share: each thread takes one point, or four neighbours.
 *
 * Invariant: a store that does not depend on all axes is done by the thread at the origin of the others; a thread reads
 * what it overwrites before it writes it.
 */
import { pointsOf } from '../../ir/dim.ts';
import type { Nest } from '../../ir/loop/loop.ts';
import { i32, operate } from '../../ir/thread/build.ts';
import type { TExpr } from '../../ir/thread/thread.ts';
import { evaluationCost } from '../analysis.ts';
import type { Caps } from '../caps.ts';
import { Emitter } from '../emit/emitter.ts';
import { type Mode, SCALAR } from '../emit/mode.ts';
import { chooseLoops } from '../loops.ts';
import type { NestPlan } from '../plan.ts';
import { bytesMoved, flopsOf } from '../work.ts';
import { bindPoint, byMemory, inVectors, powerOfTwo, stridesAlong, writeStores } from './points.ts';

/** Threads of a workgroup that shares nothing: enough to hide latency, few enough to spread small arrays. */
const THREADS = 128;
/** A body as costly as this is not written twice for the rest of a vector. */
const COSTLY = 60;

export const planMap = (nest: Nest, caps: Caps, threads: number | undefined): NestPlan => {
  const values = nest.stores.map((s) => s.value);
  const axes = byMemory(nest.axes, values, nest.stores);
  const last = axes.at(-1);
  const points = pointsOf(axes);
  const cost = values.reduce((sum, v) => sum + evaluationCost(v), 0);
  const whole = caps.lanes === 4 && inVectors(last, values, nest.stores);
  // a single long axis: vectors, and what is left of the last one by itself
  const ragged =
    !whole &&
    caps.lanes === 4 &&
    axes.length === 1 &&
    last !== undefined &&
    last.extent > 4 &&
    cost < COSTLY &&
    stridesAlong(last, values, nest.stores).other === 0;
  const width = whole || ragged ? 4 : 1;
  const items = Math.ceil(points / width);
  const team = threads ?? Math.min(caps.threads, THREADS, powerOfTwo(items));
  return {
    grid: Math.ceil(items / team),
    threads: team,
    shared: [],
    cost: { flops: flopsOf(nest, chooseLoops(nest, 1)), bytes: bytesMoved(nest) },
    notes: [
      `map: ${axes.map((a) => `${a.name}:${a.extent}`).join(' ') || 'one point'}, ` +
        `${width === 4 ? 'four points' : 'a point'} a thread`,
    ],
    emit: ({ workgroup, local }, buffer) => {
      const em = new Emitter({ lanes: caps.lanes, compact: true, resolve: buffer });
      em.expect(values);
      const id = em.name('id', operate('add', operate('mul', workgroup, i32(team)), local));
      const at = (index: TExpr, mode: Mode): void => {
        em.scope('same', () => {
          bindPoint(em, axes, index);
          writeStores(em, nest.stores, axes, mode);
        });
      };
      const inside = (): void => {
        if (width === 1) {
          at(id, SCALAR);
          return;
        }
        const first = em.name('first', operate('mul', id, i32(4)));
        const vector: Mode = { along: last!, lane: 'all' };
        if (whole) {
          at(first, vector);
          return;
        }
        em.branch(
          operate('le', first, i32(points - 4)),
          () => at(first, vector),
          () => em.loop('rest', first, i32(points), 1, (v) => at(v, SCALAR)),
        );
      };
      if (items % team === 0) em.scope('same', inside);
      else em.branch(operate('lt', id, i32(items)), inside);
      return em.body;
    },
  };
};
