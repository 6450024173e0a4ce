/**
 * Orders on a GPU: each thread looks up, by halving, where its elements come among those of the run beside their own;
 * in shared memory as long as runs fit there, then from memory to memory.
 *
 * Invariants: an element is moved by one thread, and to a place of its own: of equal ones those of the left run come
 * first. Between looking and moving there is a barrier, and after moving.
 */
import { pointsOf } from '../../ir/dim.ts';
import { runningValue } from '../../ir/loop/expr.ts';
import type { Nest } from '../../ir/loop/loop.ts';
import {
  constantOf,
  get,
  i32,
  loadFrom,
  operate,
  regType,
  sharedBuffer,
  storeTo,
} from '../../ir/thread/build.ts';
import { registerOf, type TExpr } from '../../ir/thread/thread.ts';
import type { Caps } from '../caps.ts';
import { Emitter } from '../emit/emitter.ts';
import { SCALAR } from '../emit/mode.ts';
import type { NestPlan } from '../plan.ts';
import { comesBefore, elementAt, keyDType, keyOf, orderIn, search } from '../running/keys.ts';
import { bytesOfRunning } from '../running/work.ts';
import { bindPoint, powerOfTwo, writeStores } from './points.ts';

const WORKGROUP = 128;

export const planGpuOrder = (nest: Nest, caps: Caps, threads: number | undefined): NestPlan =>
  orderIn(nest).merge === undefined
    ? planRuns(nest, caps, threads)
    : planMerge(nest, caps, threads);

const add = (x: TExpr, y: TExpr): TExpr => operate('add', x, y);
const sub = (x: TExpr, y: TExpr): TExpr => operate('sub', x, y);
const least = (x: TExpr, y: TExpr): TExpr => operate('min', x, y);

/** Stores `element` as what comes to `place`. */
const give = (em: Emitter, nest: Nest, place: TExpr, element: TExpr): void => {
  const order = orderIn(nest);
  em.bind(order.axis, place);
  em.setAccumulator(element, runningValue(order));
  const bound = nest.axes.filter((a) => em.isAxisBound(a));
  writeStores(em, nest.stores, bound, SCALAR);
};

/** How many of the run beside come before an element with `key`: equal ones only where that is the left run. */
const countBefore = (
  em: Emitter,
  nest: Nest,
  key: TExpr,
  isRight: TExpr,
  length: TExpr,
  steps: TExpr,
  keyBeside: (n: TExpr) => TExpr,
): TExpr => {
  const order = orderIn(nest);
  return search(em, i32(0), length, steps, (n) => {
    const beside = keyBeside(n);
    const strictly = comesBefore(order, beside, key);
    const orEqual = operate('not', comesBefore(order, key, beside));
    return operate('select', isRight, orEqual, strictly);
  });
};

const planRuns = (nest: Nest, caps: Caps, threads: number | undefined): NestPlan => {
  const order = orderIn(nest);
  const { axis } = order;
  const others = nest.axes.filter((a) => a !== axis && a.extent !== 1);
  const width = Math.min(order.width, powerOfTwo(axis.extent));
  const levels = Math.log2(width);
  const runsPerLine = Math.ceil(axis.extent / width);
  const runs = pointsOf(others) * runsPerLine;
  const lanes = Math.min(threads ?? caps.threads, width);
  const each = width / lanes;
  const team =
    threads ?? Math.max(lanes, Math.min(WORKGROUP, powerOfTwo(runs * lanes), caps.threads));
  const together = team / lanes;
  const keys = sharedBuffer('keys', keyDType(order), together * width);
  const elements = sharedBuffer('elements', 'int32', together * width);
  return {
    grid: Math.ceil(runs / together),
    threads: team,
    shared: [keys, elements],
    cost: { flops: runs * width * levels * levels * 4, bytes: bytesOfRunning(nest) },
    notes: [`order: ${runs} runs of ${width}, ${lanes} threads each, ${together} in a workgroup`],
    emit: ({ workgroup, local }, resolve) => {
      const em = new Emitter({ lanes: 1, compact: true, resolve });
      em.expect([order.key, ...nest.stores.map((s) => s.value)]);
      const lane = em.name('lane', operate('mod', local, i32(lanes)));
      const own = em.name('own', operate('floordiv', local, i32(lanes)));
      const raw = em.name('run', add(operate('mul', workgroup, i32(together)), own));
      const run = runs % together === 0 ? raw : em.name('clamped', least(raw, i32(runs - 1)));
      const inLine = runsPerLine === 1 ? i32(0) : operate('mod', run, i32(runsPerLine));
      em.scope('same', () => {
        bindPoint(em, others, operate('floordiv', run, i32(runsPerLine)));
        const base = em.name('base', operate('mul', inLine, i32(width)));
        const size = em.name('size', least(sub(i32(axis.extent), base), i32(width)));
        const start = em.name('start', operate('mul', own, i32(width)));
        const places = Array.from({ length: each }, (_, e) =>
          em.name('place', add(lane, i32(e * lanes))),
        );
        const isIn = places.map((p) => em.name('is_in', operate('lt', p, size)));
        places.forEach((place, e) => {
          em.branch(isIn[e]!, () => {
            const element = em.name('element', add(base, place));
            const at = em.name('at', add(start, place));
            em.push(storeTo(keys, at, keyOf(em, order, element)));
            em.push(storeTo(elements, at, element));
          });
        });
        em.push({ kind: 'barrier' });
        const keyType = regType(registerOf(order.key.dtype));
        em.loop('level', i32(0), i32(levels), 1, (level) => {
          const half = em.name('half', operate('shl', i32(1), level));
          const moves = places.map((place, e) => {
            const key = em.variable('key', constantOf(0, keyType));
            const element = em.variable('element', i32(0));
            const to = em.variable('to', i32(0));
            em.branch(isIn[e]!, () => {
              const at = em.name('at', add(start, place));
              em.set(key, loadFrom(keys, at));
              em.set(element, loadFrom(elements, at));
              const number = em.name('number', operate('shr', place, level));
              const isRight = operate('ne', operate('and', number, i32(1)), i32(0));
              const other = operate('shl', operate('xor', number, i32(1)), level);
              const beside = em.name('beside', other);
              const length = operate('max', least(sub(size, beside), half), i32(0));
              const from = em.name('from', add(start, beside));
              const last = em.name('last', sub(add(start, size), i32(1)));
              const count = countBefore(
                em,
                nest,
                get(key),
                em.name('is_right', isRight),
                length,
                add(level, i32(1)),
                (n) => em.name('key', loadFrom(keys, least(add(from, n), last))),
              );
              const pair = operate('shl', operate('shr', number, i32(1)), add(level, i32(1)));
              const inRun = operate('and', place, sub(half, i32(1)));
              em.set(to, add(start, add(add(pair, inRun), count)));
            });
            return { key, element, to };
          });
          em.push({ kind: 'barrier' });
          moves.forEach(({ key, element, to }, e) => {
            em.branch(isIn[e]!, () => {
              em.push(storeTo(keys, get(to), get(key)));
              em.push(storeTo(elements, get(to), get(element)));
            });
          });
          em.push({ kind: 'barrier' });
        });
        const isReal = runs % together === 0 ? undefined : operate('lt', raw, i32(runs));
        places.forEach((place, e) => {
          const condition =
            isReal === undefined ? isIn[e]! : operate('and', isIn[e]!, em.name('is_real', isReal));
          em.branch(condition, () => {
            const element = em.name('element', loadFrom(elements, add(start, place)));
            give(em, nest, em.name('at', add(base, place)), element);
          });
        });
      });
      return em.body;
    },
  };
};

const planMerge = (nest: Nest, caps: Caps, threads: number | undefined): NestPlan => {
  const order = orderIn(nest);
  const { axis, width } = order;
  const half = width / 2;
  const others = nest.axes.filter((a) => a !== axis && a.extent !== 1);
  const total = pointsOf(others) * axis.extent;
  const team = threads ?? Math.min(caps.threads, WORKGROUP);
  const steps = Math.ceil(Math.log2(half + 1));
  return {
    grid: Math.ceil(total / team),
    threads: team,
    shared: [],
    cost: { flops: total * steps * 4, bytes: bytesOfRunning(nest) },
    notes: [`order: runs of ${half} merged to runs of ${width}, an element a thread`],
    emit: ({ workgroup, local }, resolve) => {
      const em = new Emitter({ lanes: 1, compact: true, resolve });
      em.expect([order.key, order.merge!.elements, ...nest.stores.map((s) => s.value)]);
      const id = em.name('id', add(operate('mul', workgroup, i32(team)), local));
      const move = (): void => {
        bindPoint(em, others, operate('floordiv', id, i32(axis.extent)));
        const place = em.name('place', operate('mod', id, i32(axis.extent)));
        const element = elementAt(em, order, place);
        const key = keyOf(em, order, element);
        const start = em.name('start', operate('and', place, i32(-width)));
        const isRight = em.name('is_right', operate('ge', sub(place, start), i32(half)));
        const beside = operate('select', isRight, start, add(start, i32(half)));
        const from = em.name('from', beside);
        const length = operate('max', least(sub(i32(axis.extent), from), i32(half)), i32(0));
        const count = countBefore(em, nest, key, isRight, length, i32(steps), (n) => {
          const at = em.name('at', least(add(from, n), i32(axis.extent - 1)));
          return keyOf(em, order, elementAt(em, order, at));
        });
        const own = operate('select', isRight, sub(place, i32(half)), place);
        give(em, nest, em.name('to', add(own, count)), element);
      };
      if (total % team === 0) em.scope('same', move);
      else em.branch(operate('lt', id, i32(total)), move);
      return em.body;
    },
  };
};
