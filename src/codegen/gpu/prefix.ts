/**
 * Running folds on a GPU: the threads of a line fold blocks of it together, or each thread goes down a line by itself.
 *
 * Invariants: a block is folded in a tree of fixed shape; loops and branches around barriers are the same for all threads
 * of a workgroup; lines that stick out of the last workgroup are folded again and not written.
 */
import { type Axis, pointsOf } from '../../ir/dim.ts';
import { runningValue } from '../../ir/loop/expr.ts';
import type { Nest } from '../../ir/loop/loop.ts';
import {
  exchangeOf,
  get,
  i32,
  laneOf,
  loadFrom,
  operate,
  sharedBuffer,
  storeTo,
  vec4,
} from '../../ir/thread/build.ts';
import {
  registerDType,
  registerOf,
  type TExpr,
  type ThreadBuffer,
} from '../../ir/thread/thread.ts';
import { evaluationCost, stepAlong } from '../analysis.ts';
import type { Caps } from '../caps.ts';
import { Emitter } from '../emit/emitter.ts';
import { LANES, type Mode, SCALAR } from '../emit/mode.ts';
import { storeOffset } from '../normalize.ts';
import type { NestPlan } from '../plan.ts';
import {
  advance,
  asFirst,
  emptyPart,
  joinParts,
  type Part,
  prefixIn,
  resultOf,
} from '../running/combine.ts';
import { bytesOfRunning } from '../running/work.ts';
import { bindPoint, byMemory, inVectors, powerOfTwo, writeStores } from './points.ts';

/** Lines that keep a GPU busy with a thread each. */
const ENOUGH_LINES = 8192;
/** A thread does lines that are this short by itself. */
const SHORT = 16;
const WORKGROUP = 128;

export const planGpuPrefix = (nest: Nest, caps: Caps, threads: number | undefined): NestPlan => {
  const { axis } = prefixIn(nest);
  const others = nest.axes.filter((a) => a !== axis && a.extent !== 1);
  const lines = pointsOf(others);
  const across = others.some((a) => nest.stores.every((s) => stepAlong(storeOffset(s), a) === 1));
  const alone = axis.extent <= SHORT || lines >= (across ? ENOUGH_LINES / 4 : 4 * ENOUGH_LINES);
  return alone ? planAlone(nest, others, caps, threads) : planTogether(nest, others, caps, threads);
};

const flopsOf = (nest: Nest): number =>
  pointsOf(nest.axes) * prefixIn(nest).values.reduce((c, v) => c + evaluationCost(v), 3);

/** Place `k` in the direction of the fold as a value of the axis. */
const placeOf = (nest: Nest, k: TExpr): TExpr => {
  const { backward, axis } = prefixIn(nest);
  return backward ? operate('sub', i32(axis.extent - 1), k) : k;
};

/** Each thread has a line. */
const planAlone = (
  nest: Nest,
  others: readonly Axis[],
  caps: Caps,
  threads: number | undefined,
): NestPlan => {
  const prefix = prefixIn(nest);
  const { axis, op, values } = prefix;
  const axes = byMemory(others, values, nest.stores);
  const lines = pointsOf(others);
  const team = threads ?? Math.min(caps.threads, WORKGROUP, powerOfTwo(lines));
  return {
    grid: Math.ceil(lines / team),
    threads: team,
    shared: [],
    cost: { flops: flopsOf(nest), bytes: bytesOfRunning(nest) },
    notes: [`running ${op}: ${lines} lines of ${axis.extent}, one a thread`],
    emit: ({ workgroup, local }, resolve) => {
      const em = new Emitter({ lanes: 1, compact: true, resolve });
      em.expect([...values, ...nest.stores.map((s) => s.value)]);
      const id = em.name('id', operate('add', operate('mul', workgroup, i32(team)), local));
      const line = (): void => {
        bindPoint(em, axes, id);
        const soFar = em.variable('so_far', resultOf(emptyPart(op, values[0]!.dtype, 1)));
        em.loop(axis.name, i32(0), i32(axis.extent), 1, (k) => {
          em.bind(axis, em.name('at', placeOf(nest, k)));
          const element = values.map((v) => em.evaluate(v, SCALAR));
          const started = asFirst(op, element, () => operate('eq', k, i32(0)));
          const next = em.name('next', advance(op, get(soFar), started));
          em.set(soFar, next);
          em.setAccumulator(next, runningValue(prefix));
          writeStores(
            em,
            nest.stores,
            nest.axes.filter((a) => em.isAxisBound(a)),
            SCALAR,
          );
        });
      };
      if (lines % team === 0) em.scope('same', line);
      else em.branch(operate('lt', id, i32(lines)), line);
      return em.body;
    },
  };
};

/** Threads of a line, and lines of a workgroup. */
interface Crew {
  readonly lanes: number;
  readonly lines: number;
  readonly subgroup: number;
}

const planTogether = (
  nest: Nest,
  others: readonly Axis[],
  caps: Caps,
  threads: number | undefined,
): NestPlan => {
  const prefix = prefixIn(nest);
  const { axis, op, values, backward } = prefix;
  const { dtype } = values[0]!;
  const acc = runningValue(prefix);
  const lines = pointsOf(others);
  const width = caps.lanes === 4 && inVectors(axis, values, nest.stores) ? 4 : 1;
  const groups = Math.ceil(axis.extent / width);
  const lanes = Math.min(threads ?? caps.threads, powerOfTwo(groups));
  const team =
    threads ?? Math.max(lanes, Math.min(WORKGROUP, powerOfTwo(lines * lanes), caps.threads));
  const crew: Crew = { lanes, lines: team / lanes, subgroup: caps.subgroup };
  const block = lanes;
  const blocks = Math.ceil(groups / block);
  const exchanged = Math.min(lanes, caps.subgroup);
  const scratch =
    exchanged === lanes
      ? []
      : emptyPart(op, dtype, 1).map((_, i) =>
          sharedBuffer(`parts${i}`, registerDType[registerOf(dtype)], team),
        );
  return {
    grid: Math.ceil(lines / crew.lines),
    threads: team,
    shared: scratch,
    cost: { flops: flopsOf(nest), bytes: bytesOfRunning(nest) },
    notes: [
      `running ${op}: ${lines} lines of ${axis.extent}, ${lanes} threads each, ${width} places a thread in ${blocks} blocks`,
    ],
    emit: ({ workgroup, local }, resolve) => {
      const em = new Emitter({ lanes: caps.lanes, compact: true, resolve });
      em.expect([...values, ...nest.stores.map((s) => s.value)]);
      const lane = em.name('lane', operate('mod', local, i32(lanes)));
      const own = operate('floordiv', local, i32(lanes));
      const raw = em.name('line', operate('add', operate('mul', workgroup, i32(crew.lines)), own));
      const ragged = lines % crew.lines !== 0;
      const beyond = ragged ? em.name('beyond', operate('ge', raw, i32(lines))) : undefined;
      const line = ragged ? em.name('clamped', operate('min', raw, i32(lines - 1))) : raw;
      const mode: Mode = width === 4 ? { along: axis, lane: 'all' } : SCALAR;
      /** Lanes of a vector in the direction of the fold. */
      const order = width === 1 ? [] : backward ? LANES.toReversed() : LANES;
      const partAt = (element: Part, i: (typeof LANES)[number]): Part =>
        element.map((v) => laneOf(v, i));

      em.scope('same', () => {
        bindPoint(em, others, line);
        const carry = emptyPart(op, dtype, 1).map((v) => em.variable('carry', v));
        em.loop('block', i32(0), i32(blocks), 1, (number) => {
          const group = em.name('group', operate('add', operate('mul', number, i32(block)), lane));
          const inside = groups % block === 0 ? undefined : operate('lt', group, i32(groups));
          const first = operate('mul', group, i32(width));
          const shifted = backward ? operate('sub', i32(axis.extent - width), first) : first;
          const at = em.name('at', shifted);
          const isFirst = (): TExpr => em.name('is_first', operate('eq', group, i32(0)));
          const elements = elementOf(em, nest, mode, at, inside);
          const element = width === 1 ? asFirst(op, elements, isFirst) : elements;
          // what the thread's own places come to, one after the other
          const running: Part[] = [];
          for (const i of order) {
            const next = partAt(element, i);
            const before = running.at(-1);
            const part = before ? joinParts(op, before, next) : asFirst(op, next, isFirst);
            running.push(named(em, part));
          }
          const total = running.at(-1) ?? element;
          const empty = emptyPart(op, dtype, 1);
          const { earlier, all } = exchange(
            em,
            prefix.op,
            crew,
            scratch,
            lane,
            local,
            empty,
            total,
          );
          const soFar = named(em, joinParts(op, carry.map(get), earlier));
          const results =
            width === 1
              ? [joinParts(op, soFar, element)]
              : running.map((p) => joinParts(op, soFar, p));
          const values = results.map((p) => em.name('next', resultOf(p)));
          const lanesOf = backward ? values.toReversed() : values;
          const [a, b, c, d] = lanesOf;
          const value = width === 1 ? a! : em.name('next', vec4(a!, b!, c!, d!));
          const conditions = [inside, beyond && operate('not', beyond)].filter(
            (x) => x !== undefined,
          );
          const write = (): void => {
            em.bind(axis, at);
            em.setAccumulator(value, acc);
            writeStores(em, nest.stores, [...others, axis], mode);
          };
          if (conditions.length === 0) em.scope('same', write);
          else
            em.branch(
              conditions.reduce((x, y) => operate('and', x, y)),
              write,
            );
          const next = named(em, joinParts(op, carry.map(get), all));
          next.forEach((v, i) => {
            em.set(carry[i]!, v);
          });
        });
      });
      return em.body;
    },
  };
};

const named = (em: Emitter, part: Part): Part => part.map((v) => em.name('part', v));

/** What is folded at place `at` of the axis, or a part of nothing where the thread has no place. */
const elementOf = (
  em: Emitter,
  nest: Nest,
  mode: Mode,
  at: TExpr,
  inside: TExpr | undefined,
): Part => {
  const { axis, op, values } = prefixIn(nest);
  const evaluate = (): Part => {
    em.bind(axis, at);
    return values.map((v) => em.name('element', em.evaluate(v, mode)));
  };
  let element: Part = [];
  if (inside === undefined) {
    em.scope('same', () => {
      element = evaluate();
    });
    return element;
  }
  const empty = emptyPart(op, values[0]!.dtype, mode.lane === 'all' ? 4 : 1);
  // of a recurrence, an element is a factor and a summand as a part is
  const held = empty.map((v) => em.variable('element', v));
  em.branch(inside, () => {
    evaluate().forEach((v, i) => {
      em.set(held[i]!, v);
    });
  });
  return held.map(get);
};

/** From the parts of all threads of a line: what the threads before come to, and what all of them do. */
const exchange = (
  em: Emitter,
  op: Parameters<typeof joinParts>[0],
  crew: Crew,
  scratch: readonly ThreadBuffer[],
  lane: TExpr,
  local: TExpr,
  empty: Part,
  own: Part,
): { readonly earlier: Part; readonly all: Part } => {
  let earlier = empty;
  let all = own;
  for (let mask = 1; mask < crew.lanes; mask *= 2) {
    const other = swap(em, crew, scratch, local, all, mask);
    const later = em.name('later', operate('ne', operate('and', lane, i32(mask)), i32(0)));
    const choose = (yes: Part, no: Part): Part =>
      named(
        em,
        yes.map((v, i) => operate('select', later, v, no[i]!)),
      );
    earlier = mask === 1 ? choose(other, empty) : choose(joinParts(op, other, earlier), earlier);
    all = choose(joinParts(op, other, all), joinParts(op, all, other));
  }
  return { earlier, all };
};

/** What the thread at `local ^ mask` has. */
const swap = (
  em: Emitter,
  { subgroup }: Crew,
  scratch: readonly ThreadBuffer[],
  local: TExpr,
  part: Part,
  mask: number,
): Part => {
  if (mask < subgroup)
    return part.map((v) => {
      const register = em.fresh('other', v.type);
      em.push(exchangeOf(register, v, mask));
      return get(register);
    });
  part.forEach((v, i) => {
    em.push(storeTo(scratch[i]!, local, v));
  });
  em.push({ kind: 'barrier' });
  const partner = em.name('partner', operate('xor', local, i32(mask)));
  const other = part.map((_, i) => em.name('other', loadFrom(scratch[i]!, partner)));
  em.push({ kind: 'barrier' });
  return other;
};
