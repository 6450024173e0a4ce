/**
 * Scattered accumulation on a GPU without atomics: each thread owns some elements and goes through all that is added.
 *
 * Invariants: an element has one owner, who zeroes it and adds to it in the order of the sequential axes: results are the
 * same bits each time. Who owns what: one point of the parallel axes, and a range of the places that are scattered to.
 */
import { type Axis, idxAxis, newAxis, pointsOf } from '../../ir/dim.ts';
import { invariant } from '../../ir/errors.ts';
import type { Nest, Store } from '../../ir/loop/loop.ts';
import { constantOf, i32, loadFrom, operate, regType } from '../../ir/thread/build.ts';
import { registerOf, type TExpr } from '../../ir/thread/thread.ts';
import { evaluationCost } from '../analysis.ts';
import type { Caps } from '../caps.ts';
import { Emitter } from '../emit/emitter.ts';
import { SCALAR } from '../emit/mode.ts';
import { normalize, storeOffset } from '../normalize.ts';
import type { NestPlan } from '../plan.ts';
import { bytesMoved } from '../work.ts';
import { type Zeroing, zeroing } from '../zeroing.ts';
import { bindPoint, byMemory, powerOfTwo } from './points.ts';

/** Threads that are worth going through everything: more find less to do each. */
const THREADS = 16384;
const WORKGROUP = 128;

interface Ownership {
  /** A thread has one point of these. */
  readonly parallel: readonly Axis[];
  /** All that is added, in order. */
  readonly sequential: readonly Axis[];
  readonly zero: Omit<Zeroing, 'separable'>;
}

/** Where the parallel axes do not tell elements apart, all are gone through by each thread. */
const ownership = (s: Store): Ownership => {
  const zero = zeroing(s);
  if (zero.separable)
    return { parallel: byMemory(s.axes, [s.value], [s]), sequential: s.over, zero };
  const size = s.buffer.shape.reduce((n, d) => n * d, 1);
  const all = newAxis('z', size, 'par');
  return {
    parallel: [],
    sequential: [...s.over, ...s.axes],
    zero: { axes: [all], offset: idxAxis(all), place: storeOffset(s) },
  };
};

export const planGpuScatter = (nest: Nest, caps: Caps, threads: number | undefined): NestPlan => {
  invariant(nest.stores.length === 1, 'an accumulating store has a nest of its own');
  const plain = normalize(nest);
  const s = plain.stores[0]!;
  const { parallel, sequential, zero } = ownership(s);
  const points = pointsOf(parallel);
  const places = pointsOf(zero.axes);
  const wanted = Math.max(1, Math.min(places, Math.ceil(THREADS / points)));
  const range = Math.ceil(places / wanted);
  const ranges = Math.ceil(places / range);
  const total = points * ranges;
  const team = threads ?? Math.min(caps.threads, WORKGROUP, powerOfTwo(total));
  return {
    grid: Math.ceil(total / team),
    threads: team,
    shared: [],
    cost: {
      flops: pointsOf(s.axes) * pointsOf(s.over) * (evaluationCost(s.value) + 1),
      bytes: bytesMoved(plain),
    },
    notes: [
      `scatter: ${points} points x ${ranges} ranges of ${range} places, ` +
        `${pointsOf(sequential)} additions gone through by each`,
    ],
    emit: ({ workgroup, local }, resolve) => {
      const em = new Emitter({ lanes: 1, compact: true, resolve });
      const buffer = resolve(s.buffer);
      const combine = s.mode === 'max' ? 'max' : 'add';
      const id = em.name('id', operate('add', operate('mul', workgroup, i32(team)), local));
      const own = (): void => {
        const which =
          ranges === 1 ? i32(0) : points === 1 ? id : operate('floordiv', id, i32(points));
        const from = em.name('from', operate('mul', which, i32(range)));
        const end = operate('add', from, i32(range));
        const to = em.name('to', places % range === 0 ? end : operate('min', end, i32(places)));
        bindPoint(em, parallel, ranges === 1 ? id : operate('mod', id, i32(points)));
        em.loop('place', from, to, 1, (v) => {
          bindPoint(em, zero.axes, v);
          const nothing = constantOf(0, regType(registerOf(s.buffer.dtype)));
          em.store(s.buffer, em.index(zero.offset), nothing);
        });
        each(em, sequential, () => {
          const accumulate = (): void => {
            const index = em.name('at', em.index(storeOffset(s)));
            const old = em.name('old', loadFrom(buffer, index));
            em.store(s.buffer, index, operate(combine, old, em.evaluate(s.value, SCALAR)));
          };
          if (ranges === 1) accumulate();
          else em.branch(within(em.name('place', em.index(zero.place)), from, to), accumulate);
        });
      };
      if (total % team === 0) em.scope('same', own);
      else em.branch(operate('lt', id, i32(total)), own);
      return em.body;
    },
  };
};

const within = (x: TExpr, from: TExpr, to: TExpr): TExpr =>
  operate('and', operate('ge', x, from), operate('lt', x, to));

/** Nested loops over `axes`, in order. */
const each = (em: Emitter, axes: readonly Axis[], body: () => void): void => {
  const [axis, ...rest] = axes;
  if (axis === undefined) em.scope('same', body);
  else em.axisLoop(axis, () => each(em, rest, body));
};
