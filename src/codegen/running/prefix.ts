/**
 * Running folds where a workgroup is one thread: down the rows with a row of sums, or along a line with one.
 *
 * Invariant: elements are folded in order, one after the other, whatever the number of workgroups.
 */
import { type Axis, pointsOf } from '../../ir/dim.ts';
import { runningValue } from '../../ir/loop/expr.ts';
import type { Nest } from '../../ir/loop/loop.ts';
import { get, i32, loadFrom, operate, sharedBuffer, storeTo } from '../../ir/thread/build.ts';
import { type Register, registerDType, registerOf, type TExpr } from '../../ir/thread/thread.ts';
import { evaluationCost, offsetOf, stepAlong, visitLoads } from '../analysis.ts';
import type { Caps } from '../caps.ts';
import { Emitter } from '../emit/emitter.ts';
import { type Mode, SCALAR } from '../emit/mode.ts';
import { storeOffset } from '../normalize.ts';
import type { NestPlan } from '../plan.ts';
import { emitRows, share, vectorLoop } from '../sharing.ts';
import { writeTo } from '../stores.ts';
import { advance, prefixIn, resultOf } from './combine.ts';
import { bytesOfRunning } from './work.ts';

/** Columns done together: their sums stay in the first-level cache. */
const TILE = 1024;

/** Neighbours that are read together at least. */
const LEAST_CHUNK = 256;

/** The axis across which memory is read in its order: vectors run along it. */
const acrossAxis = (nest: Nest, others: readonly Axis[], caps: Caps): Axis | undefined => {
  if (caps.lanes === 1) return undefined;
  return others.find((a) => {
    if (a.extent < 4 || nest.stores.some((s) => stepAlong(storeOffset(s), a) !== 1)) return false;
    let strided = false;
    for (const v of prefixIn(nest).values)
      visitLoads(v, (l) => {
        const step = stepAlong(offsetOf(l), a);
        strided ||= step !== 0 && step !== 1;
      });
    return !strided;
  });
};

export const planPrefix = (nest: Nest, caps: Caps): NestPlan => {
  const prefix = prefixIn(nest);
  const { axis, op, values, backward } = prefix;
  const { dtype } = values[0]!;
  const acc = runningValue(prefix);
  const others = nest.axes.filter((a) => a !== axis && a.extent !== 1);
  const along = acrossAxis(nest, others, caps);
  const leading = others.filter((a) => a !== along);
  const each = values.reduce((c, v) => c + evaluationCost(v), 3);
  const flops = pointsOf(nest.axes) * each;
  const sharing = share(leading, along, flops / (along ? 4 : 1), caps.parallelism, {
    leastChunk: LEAST_CHUNK,
  });
  const { groups, chunks, chunk, flattened } = sharing;
  const held = registerDType[registerOf(dtype)];
  const size = Math.min(TILE, Math.ceil((along?.extent ?? 0) / 4) * 4);
  const row = sharedBuffer('so_far', held, size);
  return {
    grid: groups * chunks,
    threads: 1,
    shared: along ? [row] : [],
    cost: { flops, bytes: bytesOfRunning(nest) },
    notes: [
      `running ${op}: ${pointsOf(others)} lines of ${axis.extent}${along ? `, four lanes along ${along.name}` : ''}`,
    ],
    emit: ({ workgroup }, resolve) => {
      const em = new Emitter({ lanes: caps.lanes, resolve });
      em.expect([...values, ...nest.stores.map((s) => s.value)]);
      const group = chunks === 1 ? workgroup : operate('floordiv', workgroup, i32(chunks));
      const piece = chunks === 1 ? i32(0) : operate('mod', workgroup, i32(chunks));
      const nested = (axes: readonly Axis[], inside: () => void): void => {
        const [first, ...deeper] = axes;
        if (first === undefined) em.scope('same', inside);
        else em.axisLoop(first, () => nested(deeper, inside));
      };
      /** Runs along the axis, in its direction; its first place comes by itself. */
      const run = (inside: (isFirst: boolean) => void): void => {
        const { extent } = axis;
        const at = (k: TExpr): TExpr => (backward ? operate('sub', i32(extent - 1), k) : k);
        em.scope('same', () => {
          em.bind(axis, at(i32(0)));
          inside(true);
        });
        em.loop(axis.name, i32(1), i32(extent), 1, (k) => {
          em.bind(axis, em.name('at', at(k)));
          inside(false);
        });
      };
      /** Goes on from `before` with the element at hand, and stores what it gives. */
      const step = (before: TExpr | undefined, mode: Mode): TExpr => {
        const element = values.map((v) => em.evaluate(v, mode));
        const next = before === undefined ? resultOf(element) : advance(op, before, element);
        const named = em.name('next', next);
        em.setAccumulator(named, acc);
        for (const s of nest.stores) writeTo(em, s, em.evaluate(s.value, mode), mode);
        return named;
      };

      const line = (): void => {
        let soFar: Register | undefined;
        run((isFirst) => {
          if (isFirst) soFar = em.variable('so_far', step(undefined, SCALAR));
          else em.set(soFar!, step(get(soFar!), SCALAR));
        });
      };
      const columns = (across: Axis): void => {
        const from = em.name('first', operate('mul', piece, i32(chunk)));
        const end = operate('add', from, i32(chunk));
        const to = em.name('last', operate('min', end, i32(across.extent)));
        em.loop('tile', from, to, TILE, (first) => {
          const stop = em.name('stop', operate('min', operate('add', first, i32(TILE)), to));
          run((isFirst) =>
            vectorLoop(em, across, 1, { from: first, to: stop }, (mode) => {
              const place = em.name('place', operate('sub', em.axisValue(across), first));
              const lanes = mode.lane === 'all' ? 4 : 1;
              const held = isFirst ? undefined : em.name('held', loadFrom(row, place, lanes));
              em.push(storeTo(row, place, step(held, mode)));
            }),
          );
        });
      };
      emitRows(em, leading.slice(0, flattened), sharing, group, () =>
        nested(leading.slice(flattened), () => (along ? columns(along) : line())),
      );
      return em.body;
    },
  };
};
