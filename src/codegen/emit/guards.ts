/**
 * Guarded values: branches where the guard protects reads or much work, selections elsewhere.
 *
 * Invariant: a side is read only where its guard says so; four lanes that agree take one branch together.
 */
import { type Axis, type Bound, idxOffset } from '../../ir/dim.ts';
import type { GuardExpr } from '../../ir/loop/loop.ts';
import {
  constantOf,
  get,
  i32,
  loadFrom,
  operate,
  regType,
  splat,
  vec4,
} from '../../ir/thread/build.ts';
import { type Register, registerOf, type TExpr } from '../../ir/thread/thread.ts';
import { evaluationCost, idxFree, isSafe, offsetOf, opaqueExprs, stepAlong } from '../analysis.ts';
import type { Emitter } from './emitter.ts';
import { indexScalar, indexVector } from './indices.ts';
import { LANES, type Mode, SCALAR } from './mode.ts';

/** Guards whose sides cost less than a branch are computed on both sides. */
const CHEAP_GUARD = 8;

const isCheap = (e: GuardExpr): boolean =>
  isSafe(e.then) && isSafe(e.otherwise) && evaluationCost(e) <= CHEAP_GUARD;

const all = (conditions: readonly TExpr[]): TExpr =>
  conditions.length === 0
    ? constantOf(1, regType('bool'))
    : conditions.reduce((x, y) => operate('and', x, y));

export const holds = (em: Emitter, b: Bound, mode: Mode): TExpr => {
  const value = indexScalar(em, b.idx, mode);
  return all([
    ...(b.idx.lo < b.lo ? [operate('ge', value, i32(b.lo))] : []),
    ...(b.idx.hi >= b.hi ? [operate('lt', value, i32(b.hi))] : []),
  ]);
};

const holdsVector = (em: Emitter, b: Bound, along: Axis): TExpr => {
  const value = indexVector(em, b.idx, along);
  const type = regType('i32', 4);
  return all([
    operate('ge', value, constantOf(b.lo, type)),
    operate('lt', value, constantOf(b.hi, type)),
  ]);
};

/** Conditions that each put all four lanes outside. */
const outsideOf = (em: Emitter, b: Bound, span: number): TExpr[] => {
  const first = indexScalar(em, b.idx, SCALAR);
  const last = operate('add', first, i32(span));
  const [low, high] = span >= 0 ? [first, last] : [last, first];
  return [operate('lt', high, i32(b.lo)), operate('ge', low, i32(b.hi))];
};

const both = (em: Emitter, e: GuardExpr, mode: Mode, condition: TExpr): TExpr =>
  operate('select', condition, em.evaluate(e.then, mode), em.evaluate(e.otherwise, mode));

/** `if` that leaves the value of one side in a variable; `otherwise` replaces the other side. */
const choose = (
  em: Emitter,
  e: GuardExpr,
  mode: Mode,
  condition: TExpr,
  otherwise?: (result: Register) => void,
): TExpr => {
  const known = e.otherwise.kind === 'const' ? e.otherwise.value : undefined;
  const type = regType(registerOf(e.dtype), mode.lane === 'all' ? 4 : 1);
  const result = em.variable('guarded', constantOf(known ?? 0, type));
  const other = (): void => {
    if (otherwise) otherwise(result);
    else if (known === undefined) em.set(result, em.evaluate(e.otherwise, mode));
  };
  em.branch(condition, () => em.set(result, em.evaluate(e.then, mode)), other);
  return get(result);
};

/**
 * A guarded element read without a branch: from the nearest place there is, and not used where the guard fails. For code
 * that runs for many threads at once, which branches keep from running together. `undefined` where that is no plain read.
 */
const nearest = (em: Emitter, e: GuardExpr, mode: Mode, condition: TExpr): TExpr | undefined => {
  const { then, otherwise } = e;
  if (!em.compact || then.kind !== 'load' || otherwise.kind !== 'const') return undefined;
  const lanes = mode.lane === 'all' ? 4 : 1;
  const buffer = em.resolve(then.buffer);
  const offset = offsetOf(then);
  if (buffer.access !== 'read' || buffer.elements < lanes || opaqueExprs([offset]).length > 0)
    return undefined;
  if (lanes === 4 && stepAlong(offset, mode.along!) !== 1) return undefined;
  const place = indexScalar(em, offset, lanes === 4 ? SCALAR : mode);
  const within = operate('min', operate('max', place, i32(0)), i32(buffer.elements - lanes));
  const value = em.name(then.buffer.name, loadFrom(buffer, within, lanes));
  const instead = constantOf(otherwise.value, value.type);
  return operate('select', lanes === 4 ? splat(condition) : condition, value, instead);
};

/** The guarded value at the bound axes, or in one lane. */
export const guardScalar = (em: Emitter, e: GuardExpr, mode: Mode): TExpr => {
  const condition = all(e.bounds.map((b) => holds(em, b, mode)));
  const read = nearest(em, e, mode, condition);
  if (read !== undefined) return read;
  return isCheap(e) ? both(em, e, mode, condition) : choose(em, e, mode, condition);
};

/** The guarded value in four lanes. */
export const guardVector = (em: Emitter, e: GuardExpr, along: Axis): TExpr => {
  const mode: Mode = { along, lane: 'all' };
  const varying = e.bounds.filter((b) => idxFree(b.idx).has(along));
  const uniform = all(
    e.bounds.filter((b) => !varying.includes(b)).map((b) => holds(em, b, SCALAR)),
  );
  if (varying.length === 0) return nearest(em, e, mode, uniform) ?? choose(em, e, mode, uniform);
  if (isCheap(e)) {
    const lanes = all([splat(uniform), ...varying.map((b) => holdsVector(em, b, along))]);
    return both(em, e, mode, lanes);
  }
  const perLane = (): TExpr => {
    const [a, b, c, d] = LANES.map((lane) => guardScalar(em, e, { along, lane }));
    return vec4(a!, b!, c!, d!);
  };
  const steps = varying.map((b) => stepAlong(b.idx, along));
  const plain = em.compact && e.then.kind === 'load' && e.otherwise.kind === 'const';
  if (plain || steps.includes(undefined)) return perLane();
  // four lanes are mostly all inside or all outside: only the border is done lane by lane
  const ends = varying.flatMap((b, i) => {
    const last: Bound = { ...b, idx: idxOffset(b.idx, 3 * steps[i]!) };
    return [holds(em, b, SCALAR), holds(em, last, SCALAR)];
  });
  const outside = [
    operate('not', uniform),
    ...varying.flatMap((b, i) => outsideOf(em, b, 3 * steps[i]!)),
  ].reduce((x, y) => operate('or', x, y));
  return choose(em, e, mode, all([uniform, ...ends]), (result) =>
    em.branch(
      outside,
      () => em.set(result, em.evaluate(e.otherwise, mode)),
      () => em.set(result, perLane()),
    ),
  );
};
