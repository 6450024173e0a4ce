/**
 * Keys of an order: which of two comes first, and the search for a place among those that are in order.
 *
 * Invariant: NaN comes last in both directions; of equal keys none comes before the other.
 */
import type { Axis } from '../../ir/dim.ts';
import { type DType, isFloat } from '../../ir/dtype.ts';
import { invariant } from '../../ir/errors.ts';
import type { Nest, Ordering } from '../../ir/loop/loop.ts';
import { get, i32, operate } from '../../ir/thread/build.ts';
import { registerDType, registerOf, type TExpr } from '../../ir/thread/thread.ts';
import type { Emitter } from '../emit/emitter.ts';
import { SCALAR } from '../emit/mode.ts';

/** The order of a nest. */
export const orderIn = ({ running }: Nest): Ordering => {
  invariant(running?.kind === 'order', 'the nest has an order');
  return running;
};

/** The dtype that keys have in registers and in scratch memory. */
export const keyDType = ({ key }: Ordering): DType => registerDType[registerOf(key.dtype)];

/** Whether a key has to come before another one. */
export const comesBefore = ({ key, descending }: Ordering, x: TExpr, y: TExpr): TExpr => {
  if (!isFloat(key.dtype)) return operate(descending ? 'gt' : 'lt', x, y);
  const notAfter = operate('not', operate(descending ? 'le' : 'ge', x, y));
  return operate('and', notAfter, operate('not', operate('isnan', x)));
};

/** Evaluates `what` with the axis of the order at `place`. */
export const atPlace = <T>(em: Emitter, axis: Axis, place: TExpr, what: () => T): T => {
  let result: T | undefined;
  em.scope('same', () => {
    em.bind(axis, place);
    result = what();
  });
  return result as T;
};

/** The key of element number `element`. */
export const keyOf = (em: Emitter, { axis, key }: Ordering, element: TExpr): TExpr =>
  atPlace(em, axis, element, () => em.name('key', em.evaluate(key, SCALAR)));

/** The number of the element that stands at `place` before the merge. */
export const elementAt = (em: Emitter, { axis, merge }: Ordering, place: TExpr): TExpr =>
  atPlace(em, axis, place, () => em.name('element', em.evaluate(merge!.elements, SCALAR)));

/**
 * The first of the numbers `from..to` for which `holds` is false, where it is true up to there and false from there on;
 * `to` where it holds for all. At most `2^steps - 1` numbers are looked at; `holds` may be asked for numbers beyond `to`.
 */
export const search = (
  em: Emitter,
  from: TExpr,
  to: TExpr,
  steps: TExpr,
  holds: (n: TExpr) => TExpr,
): TExpr => {
  const low = em.variable('low', from);
  const high = em.variable('high', to);
  em.loop('step', i32(0), steps, 1, () => {
    const [lo, hi] = [get(low), get(high)];
    const middle = em.name('middle', operate('shr', operate('add', lo, hi), i32(1)));
    const open = em.name('open', operate('lt', lo, hi));
    const on = em.name('on', operate('and', open, holds(middle)));
    const end = operate('and', open, operate('not', on));
    em.set(high, operate('select', end, middle, hi));
    em.set(low, operate('select', on, operate('add', middle, i32(1)), lo));
  });
  return get(low);
};
