/**
 * Maps that read or write across memory (transposes): done in tiles, so that each cache line is fetched once.
 *
 * Invariant: tiles cover every element once; workgroups own ranges of tiles.
 */
import { type Axis, type Idx, pointsOf } from '../ir/dim.ts';
import type { Nest } from '../ir/loop/loop.ts';
import { i32, operate } from '../ir/thread/build.ts';
import { evaluationCost, offsetOf, reductionsIn, stepAlong, visitLoads } from './analysis.ts';
import type { Caps } from './caps.ts';
import { Emitter } from './emit/emitter.ts';
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
      const column = (): void => {
        em.loop(`${along.name}_tile`, i32(0), i32(along.extent), TILE, (start) => {
          const stop = operate('add', start, i32(TILE));
          const whole = along.extent % TILE === 0;
          const range = {
            from: start,
            to: em.name('stop', whole ? stop : operate('min', stop, i32(along.extent))),
          };
          em.loop(`${cross.name}_tile`, from, to, TILE, (first) => {
            const last = operate('min', operate('add', first, i32(TILE)), to);
            em.loop(cross.name, first, em.name('end', last), 1, (v) => {
              em.bind(cross, v);
              vectorLoop(em, along, 1, range, (mode) => {
                const values = nest.stores.map((s) => em.evaluate(s.value, mode));
                nest.stores.forEach((s, i) => {
                  writeTo(em, s, values[i]!, mode);
                });
              });
            });
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
