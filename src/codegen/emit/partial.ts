/**
 * Partial results of a fold: what one accumulator holds, how it takes one more element, how two become one.
 *
 * Invariant: joining is symmetric, so that those who exchange their partial results end with the same one; positions are
 * those of the first extreme in row-major order, whoever met it.
 */
import { idxAxis } from '../../ir/dim.ts';
import { isFloat } from '../../ir/dtype.ts';
import { indexValue } from '../../ir/loop/expr.ts';
import type { ReduceExpr } from '../../ir/loop/loop.ts';
import {
  constantOf,
  fma,
  get,
  laneOf,
  operate,
  regType,
  shuffle,
  wrapTo,
} from '../../ir/thread/build.ts';
import type { Register, TExpr } from '../../ir/thread/thread.ts';
import { positionOver } from '../analysis.ts';
import { better, combine, isArg, neutralOf, tied } from './combine.ts';
import type { Emitter } from './emitter.ts';
import type { Mode } from './mode.ts';

export interface Accumulator {
  readonly value: Register;
  /** Where the extreme was met, for argmax and argmin. */
  readonly position: Register | undefined;
}
export interface Partial {
  readonly value: TExpr;
  readonly position: TExpr | undefined;
}

export const partialOf = (a: Accumulator): Partial => ({
  value: get(a.value),
  position: a.position && get(a.position),
});

/** What a fold of nothing gives. */
export const neutral = (e: ReduceExpr, lanes: 1 | 4): Partial => ({
  value: neutralOf(e.op, e.body.dtype, lanes),
  position: isArg(e.op) ? constantOf(0, regType('i32', lanes)) : undefined,
});

export const accumulator = (em: Emitter, e: ReduceExpr, lanes: 1 | 4): Accumulator => {
  const { value, position } = neutral(e, lanes);
  return {
    value: em.variable(`acc_${e.op}`, value),
    position: position && em.variable('position', position),
  };
};

export const setAccumulator = (em: Emitter, a: Accumulator, to: Partial): void => {
  if (a.position) em.set(a.position, to.position!);
  em.set(a.value, to.value);
};

/** `before` with the body at the bound axes folded in. `ordered`: elements come in row-major order. */
export const step = (
  em: Emitter,
  e: ReduceExpr,
  mode: Mode,
  before: Partial,
  ordered: boolean,
): Partial => {
  const { body } = e;
  if (isArg(e.op)) {
    const value = em.evaluate(body, mode);
    const here = em.evaluate(indexValue(positionOver(e.axes, idxAxis)), mode);
    const strictly = better(e.op, body.dtype, value, before.value);
    // Only the first of equals counts, and it is met first only in row-major order.
    const earlier = operate(
      'and',
      tied(body.dtype, value, before.value),
      operate('lt', here, before.position!),
    );
    const wins = em.name('wins', ordered ? strictly : operate('or', strictly, earlier));
    return {
      value: operate('select', wins, value, before.value),
      position: operate('select', wins, here, before.position!),
    };
  }
  const product = e.op === 'add' && body.kind === 'op' && body.op === 'mul' && isFloat(body.dtype);
  if (product && !em.isShared(body)) {
    const [a, b] = body.args.map((x) => em.evaluate(x, mode));
    return { value: fma(a!, b!, before.value), position: undefined };
  }
  return {
    value: combine(e.op, body.dtype, before.value, em.evaluate(body, mode)),
    position: undefined,
  };
};

/** The body at the bound axes, as the first element of a fold. */
export const firstStep = (em: Emitter, e: ReduceExpr, mode: Mode): Partial => ({
  value: em.evaluate(e.body, mode),
  position: isArg(e.op) ? em.evaluate(indexValue(positionOver(e.axes, idxAxis)), mode) : undefined,
});

export const join = (em: Emitter, e: ReduceExpr, x: Partial, y: Partial): Partial => {
  const { dtype } = e.body;
  if (!isArg(e.op)) return { value: combine(e.op, dtype, x.value, y.value), position: undefined };
  const earlier = operate('lt', y.position!, x.position!);
  const wins = em.name(
    'wins',
    operate(
      'or',
      better(e.op, dtype, y.value, x.value),
      operate('and', tied(dtype, x.value, y.value), earlier),
    ),
  );
  return {
    value: em.name('best', operate('select', wins, y.value, x.value)),
    position: em.name('position', operate('select', wins, y.position!, x.position!)),
  };
};

/** Partial results folded in pairs. */
export const tree = (em: Emitter, e: ReduceExpr, partials: readonly Partial[]): Partial => {
  let level = partials;
  while (level.length > 1) {
    const next: Partial[] = [];
    for (let i = 0; i < level.length; i += 2)
      next.push(level[i + 1] ? join(em, e, level[i]!, level[i + 1]!) : level[i]!);
    level = next;
  }
  return level[0]!;
};

/** The four lanes of a vector folded into one. */
export const horizontal = (em: Emitter, e: ReduceExpr, x: Partial): Partial => {
  const value = em.name('lanes', x.value);
  if (isArg(e.op) || e.body.dtype === 'bool') {
    const position = x.position && em.name('positions', x.position);
    const lanes = ([0, 1, 2, 3] as const).map((lane) => ({
      value: em.name('lane', laneOf(value, lane)),
      position: position && em.name('position', laneOf(position, lane)),
    }));
    return tree(em, e, lanes);
  }
  const half = em.name(
    'lanes',
    combine(e.op, e.body.dtype, value, shuffle(value, value, [2, 3, 0, 1])),
  );
  const all = combine(e.op, e.body.dtype, half, shuffle(half, half, [1, 0, 3, 2]));
  return { value: laneOf(em.name('lanes', all), 0), position: undefined };
};

/** The value of the reduction, from its only partial result. */
export const finish = (e: ReduceExpr, x: Partial): TExpr => {
  const { value } = x;
  if (isArg(e.op)) return x.position!;
  return wrapTo(e.dtype, value);
};
