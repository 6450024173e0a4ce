/**
 * Scattered accumulation: the buffer is zeroed, then values are added in order.
 *
 * Invariant: workgroups share out parallel axes alone, each zeroes exactly what it later adds to, and the order of
 * additions to one element is the order of the sequential axes: results are the same for any number of threads.
 */

import { type Axis, idxAxis, newAxis, pointsOf } from '../ir/dim.ts';
import { invariant } from '../ir/errors.ts';
import type { Nest, Store } from '../ir/loop/loop.ts';
import { constantOf, i32, loadFrom, operate, regType } from '../ir/thread/build.ts';
import { registerOf, type TExpr } from '../ir/thread/thread.ts';
import { evaluationCost, stepAlong } from './analysis.ts';
import type { Caps } from './caps.ts';
import { accessCost, elementCost } from './cost.ts';
import { Emitter } from './emit/emitter.ts';
import { type Mode, SCALAR } from './emit/mode.ts';
import { normalize, storeOffset } from './normalize.ts';
import type { NestPlan } from './plan.ts';
import { emitRows, share, vectorLoop } from './sharing.ts';
import { bytesMoved } from './work.ts';
import { zeroing } from './zeroing.ts';

/** The parallel axis that vectors run along: stores must be next to each other. */
const vectorAxis = (s: Store, lanes: 1 | 4): Axis | undefined => {
  if (lanes === 1) return undefined;
  const able = s.axes.filter((a) => a.extent >= 4 && stepAlong(storeOffset(s), a) === 1);
  const cost = (a: Axis): number => elementCost(s.value, a, new Set([a]));
  return able.sort((x, y) => cost(x) - cost(y))[0];
};

/** Plans a nest that is one accumulating store. */
export const planScatter = (nest: Nest, caps: Caps): NestPlan => {
  invariant(nest.stores.length === 1, 'an accumulating store has a nest of its own');
  const plain = normalize(nest);
  const s = plain.stores[0]!;
  const along = vectorAxis(s, caps.lanes);
  const leading = s.axes.filter((a) => a !== along);
  const zero = zeroing(s);
  const each = evaluationCost(s.value) + 2 * accessCost(storeOffset(s), along);
  const flops = pointsOf(s.axes) * pointsOf(s.over) * each;
  const parallelism = zero.separable ? caps.parallelism : 0;
  const sharing = share(leading, along, flops / (along ? 4 : 1), parallelism);
  const { groups, chunks, chunk, flattened } = sharing;
  return {
    grid: groups * chunks,
    threads: 1,
    shared: [],
    cost: { flops: Math.round(flops), bytes: bytesMoved(plain) },
    notes: [
      `scatter: ${pointsOf(s.over)} additions in order${along ? `, four lanes along ${along.name}` : ''}`,
    ],
    emit: ({ workgroup }, resolve) => {
      const em = new Emitter({ lanes: caps.lanes, resolve });
      const buffer = resolve(s.buffer);
      const combine = s.mode === 'max' ? 'max' : 'add';
      em.expect([s.value]);
      const group = chunks === 1 ? workgroup : operate('floordiv', workgroup, i32(chunks));
      const piece = chunks === 1 ? i32(0) : operate('mod', workgroup, i32(chunks));
      const from = em.name('first', operate('mul', piece, i32(chunk)));
      const end = operate('add', from, i32(chunk));
      const last = along ? operate('min', end, i32(along.extent)) : end;
      const range = chunks === 1 ? undefined : { from, to: em.name('last', last) };

      const nested = (axes: readonly Axis[], inside: () => void): void => {
        const [axis, ...deeper] = axes;
        if (axis === undefined) inside();
        else em.axisLoop(axis, () => nested(deeper, inside));
      };
      const lanes = (inside: (mode: Mode) => void): void => {
        if (along) vectorLoop(em, along, 1, range, inside);
        else em.scope('same', () => inside(SCALAR));
      };
      const clear = (mode: Mode): void => {
        const type = regType(registerOf(s.buffer.dtype), mode.lane === 'all' ? 4 : 1);
        em.store(s.buffer, em.index(zero.offset), constantOf(0, type));
      };
      const accumulate = (mode: Mode): void => {
        const index: TExpr = em.name('at', em.index(storeOffset(s)));
        const old = em.name('old', loadFrom(buffer, index, mode.lane === 'all' ? 4 : 1));
        em.store(s.buffer, index, operate(combine, old, em.evaluate(s.value, mode)));
      };
      if (zero.separable)
        emitRows(em, leading.slice(0, flattened), sharing, group, () => {
          const rest = leading.slice(flattened);
          nested(rest, () => {
            nested(zero.axes, () => lanes(clear));
            nested(s.over, () => lanes(accumulate));
          });
        });
      else {
        const size = s.buffer.shape.reduce((n, d) => n * d, 1);
        const flat = newAxis('z', size, 'par');
        const clearAll = (mode: Mode): void => {
          const type = regType(registerOf(s.buffer.dtype), mode.lane === 'all' ? 4 : 1);
          em.store(s.buffer, em.index(idxAxis(flat)), constantOf(0, type));
        };
        vectorLoop(em, flat, 1, undefined, clearAll);
        nested(s.over, () => nested(leading, () => lanes(accumulate)));
      }
      return em.body;
    },
  };
};
