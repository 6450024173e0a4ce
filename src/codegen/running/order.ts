/**
 * Orders where a workgroup is one thread: runs are merged in scratch memory, two of them into one, then from memory to
 * memory, where each workgroup makes a piece of the result and finds by halving what it is made of.
 *
 * Invariant: of equal elements, those of the left run come first: the order is stable.
 */
import { pointsOf } from '../../ir/dim.ts';
import { runningValue } from '../../ir/loop/expr.ts';
import type { Nest } from '../../ir/loop/loop.ts';
import { get, i32, loadFrom, operate, sharedBuffer, storeTo } from '../../ir/thread/build.ts';
import type { TExpr } from '../../ir/thread/thread.ts';
import type { Caps } from '../caps.ts';
import { Emitter } from '../emit/emitter.ts';
import { SCALAR } from '../emit/mode.ts';
import { bindPoint } from '../gpu/points.ts';
import type { NestPlan } from '../plan.ts';
import { writeTo } from '../stores.ts';
import { atPlace, comesBefore, elementAt, keyDType, keyOf, orderIn, search } from './keys.ts';
import { bytesOfRunning } from './work.ts';

/** Places of a piece that a workgroup makes by merging. */
const PIECE = 2048;
/** Elements that are worth a workgroup of their own. */
const GRAIN = 1024;

export const planOrder = (nest: Nest, caps: Caps): NestPlan =>
  orderIn(nest).merge === undefined ? planRuns(nest, caps) : planMerge(nest);

const add = (x: TExpr, y: TExpr): TExpr => operate('add', x, y);
const sub = (x: TExpr, y: TExpr): TExpr => operate('sub', x, y);
const least = (x: TExpr, y: TExpr): TExpr => operate('min', x, y);

/** Stores `element` as what comes to a place. */
const give = (em: Emitter, nest: Nest, place: TExpr, element: TExpr): void => {
  const order = orderIn(nest);
  atPlace(em, order.axis, place, () => {
    em.setAccumulator(element, runningValue(order));
    for (const s of nest.stores) writeTo(em, s, em.evaluate(s.value, SCALAR), SCALAR);
  });
};

/** Two runs that become one: `key` and `element` of a place, and the places of the runs. */
interface Merge {
  readonly left: TExpr;
  readonly leftEnd: TExpr;
  readonly right: TExpr;
  readonly rightEnd: TExpr;
  read(place: TExpr): { readonly key: TExpr; readonly element: TExpr };
}

/** Merges `count` places from where two runs stand, one after the other. */
const mergeRuns = (
  em: Emitter,
  nest: Nest,
  { left, leftEnd, right, rightEnd, read }: Merge,
  count: TExpr,
  put: (n: TExpr, key: TExpr, element: TExpr) => void,
): void => {
  const order = orderIn(nest);
  const i = em.variable('left', left);
  const j = em.variable('right', right);
  const lastLeft = em.name('last', operate('max', sub(leftEnd, i32(1)), i32(0)));
  const lastRight = em.name('last', operate('max', sub(rightEnd, i32(1)), i32(0)));
  const a = read(em.name('from', least(get(i), lastLeft)));
  const b = read(em.name('from', least(get(j), lastRight)));
  const [leftKey, leftElement] = [em.variable('key', a.key), em.variable('element', a.element)];
  const [rightKey, rightElement] = [em.variable('key', b.key), em.variable('element', b.element)];
  em.loop('n', i32(0), count, 1, (n) => {
    const isBefore = comesBefore(order, get(rightKey), get(leftKey));
    const open = operate('lt', get(j), rightEnd);
    const empty = operate('ge', get(i), leftEnd);
    const takes = em.name('takes', operate('and', open, operate('or', empty, isBefore)));
    const choose = (yes: TExpr, no: TExpr): TExpr => operate('select', takes, yes, no);
    put(
      n,
      em.name('key', choose(get(rightKey), get(leftKey))),
      em.name('element', choose(get(rightElement), get(leftElement))),
    );
    em.set(i, add(get(i), choose(i32(0), i32(1))));
    em.set(j, add(get(j), choose(i32(1), i32(0))));
    const from = choose(least(get(j), lastRight), least(get(i), lastLeft));
    const next = read(em.name('from', from));
    em.set(leftKey, choose(get(leftKey), next.key));
    em.set(leftElement, choose(get(leftElement), next.element));
    em.set(rightKey, choose(next.key, get(rightKey)));
    em.set(rightElement, choose(next.element, get(rightElement)));
  });
};

/** Sorts runs of places by themselves: first runs of one, then twice as long ones. */
const planRuns = (nest: Nest, caps: Caps): NestPlan => {
  const order = orderIn(nest);
  const { axis, width } = order;
  const others = nest.axes.filter((a) => a !== axis && a.extent !== 1);
  const runsPerLine = Math.ceil(axis.extent / width);
  const runs = pointsOf(others) * runsPerLine;
  const length = Math.min(width, axis.extent);
  const levels = Math.ceil(Math.log2(Math.max(1, length)));
  const wanted = Math.ceil(Math.min(caps.parallelism * 8, (runs * length) / GRAIN));
  const each = Math.ceil(runs / wanted);
  const keys = sharedBuffer('keys', keyDType(order), 2 * length);
  const elements = sharedBuffer('elements', 'int32', 2 * length);
  return {
    grid: Math.ceil(runs / each),
    threads: 1,
    shared: [keys, elements],
    cost: { flops: runs * length * (levels + 1) * 8, bytes: bytesOfRunning(nest) },
    notes: [`order: ${runs} runs of ${length}, merged from one element on`],
    emit: ({ workgroup }, resolve) => {
      const em = new Emitter({ lanes: 1, resolve });
      em.expect([order.key, ...nest.stores.map((s) => s.value)]);
      const first = em.name('first', operate('mul', workgroup, i32(each)));
      const last = em.name('last', least(add(first, i32(each)), i32(runs)));
      em.loop('run', first, last, 1, (run) => {
        const inLine = runsPerLine === 1 ? i32(0) : operate('mod', run, i32(runsPerLine));
        bindPoint(em, others, operate('floordiv', run, i32(runsPerLine)));
        const base = em.name('base', operate('mul', inLine, i32(width)));
        const size = em.name('size', least(sub(i32(axis.extent), base), i32(length)));
        em.loop('place', i32(0), size, 1, (place) => {
          const element = em.name('element', add(base, place));
          em.push(storeTo(keys, place, keyOf(em, order, element)));
          em.push(storeTo(elements, place, element));
        });
        em.loop('level', i32(0), i32(levels), 1, (level) => {
          const from = em.name('from', operate('mul', operate('and', level, i32(1)), i32(length)));
          const to = em.name('to', sub(i32(length), from));
          const half = em.name('half', operate('shl', i32(1), level));
          const both = em.name('both', operate('shl', i32(2), level));
          const up = add(sub(add(size, both), i32(1)), i32(0));
          const pairs = em.name('pairs', operate('shr', up, add(level, i32(1))));
          em.loop('pair', i32(0), pairs, 1, (pair) => {
            const start = em.name('start', operate('mul', pair, both));
            const middle = em.name('middle', least(add(start, half), size));
            const end = em.name('end', least(add(start, both), size));
            const read: Merge['read'] = (place) => {
              const at = em.name('at', add(from, place));
              return {
                key: em.name('key', loadFrom(keys, at)),
                element: em.name('element', loadFrom(elements, at)),
              };
            };
            const merge = { left: start, leftEnd: middle, right: middle, rightEnd: end, read };
            const out = em.name('out', add(to, start));
            mergeRuns(em, nest, merge, sub(end, start), (n, key, element) => {
              const at = em.name('at', add(out, n));
              em.push(storeTo(keys, at, key));
              em.push(storeTo(elements, at, element));
            });
          });
        });
        const from = levels % 2 === 0 ? 0 : length;
        em.loop('place', i32(0), size, 1, (place) => {
          const element = em.name('element', loadFrom(elements, add(place, i32(from))));
          give(em, nest, em.name('at', add(base, place)), element);
        });
      });
      return em.body;
    },
  };
};

/** Merges pairs of runs from memory to memory, piece by piece. */
const planMerge = (nest: Nest): NestPlan => {
  const order = orderIn(nest);
  const { axis, width } = order;
  const half = width / 2;
  const others = nest.axes.filter((a) => a !== axis && a.extent !== 1);
  const piece = Math.min(PIECE, width);
  const pieces = Math.ceil(axis.extent / piece);
  const steps = Math.ceil(Math.log2(half + 1));
  return {
    grid: pointsOf(others) * pieces,
    threads: 1,
    shared: [],
    cost: { flops: pointsOf(nest.axes) * 8, bytes: bytesOfRunning(nest) },
    notes: [`order: runs of ${half} merged to runs of ${width}, in pieces of ${piece}`],
    emit: ({ workgroup }, resolve) => {
      const em = new Emitter({ lanes: 1, resolve });
      em.expect([order.key, order.merge!.elements, ...nest.stores.map((s) => s.value)]);
      bindPoint(em, others, operate('floordiv', workgroup, i32(pieces)));
      const number = operate('mod', workgroup, i32(pieces));
      const first = em.name('first', operate('mul', number, i32(piece)));
      const count = em.name('count', least(sub(i32(axis.extent), first), i32(piece)));
      const start = em.name('start', operate('and', first, i32(-width)));
      const middle = em.name('middle', least(add(start, i32(half)), i32(axis.extent)));
      const end = em.name('end', least(add(start, i32(width)), i32(axis.extent)));
      const read: Merge['read'] = (place) => {
        const element = elementAt(em, order, place);
        return { key: keyOf(em, order, element), element };
      };
      // how many of the places before this piece the left run has: more, as long as its next one comes before the right's
      const before = em.name('before', sub(first, start));
      const most = em.name('most', least(before, sub(middle, start)));
      const fewest = em.name('fewest', operate('max', sub(before, sub(end, middle)), i32(0)));
      const inside = (place: TExpr): TExpr =>
        em.name('place', operate('max', least(place, i32(axis.extent - 1)), i32(0)));
      const taken = search(em, fewest, most, i32(steps), (n) => {
        const left = read(inside(add(start, n)));
        const right = read(inside(sub(add(middle, sub(before, n)), i32(1))));
        return operate('not', comesBefore(order, right.key, left.key));
      });
      const left = em.name('left', add(start, taken));
      const right = em.name('right', add(middle, sub(before, taken)));
      const merge = { left, leftEnd: middle, right, rightEnd: end, read };
      mergeRuns(em, nest, merge, count, (n, _, element) =>
        give(em, nest, em.name('at', add(first, n)), element),
      );
      return em.body;
    },
  };
};
