/**
 * Index arithmetic in canonical form: sums are linear forms, quotients and remainders as simple as bounds allow.
 *
 * Invariant: an operation and its simpler form are equal for all int32 values within the bounds of the operands.
 */
import type { ScalarOp } from '../../ir/scalar.ts';
import { MAX, MIN } from './bounds.ts';
import { divided, divisorOf, reunited } from './division.ts';
import { type Maker, mergeTerms, ordered } from './sums.ts';
import { I32, type Linear, linearOf, type Term, type Value } from './value.ts';

const ZERO: Linear = { terms: [], constant: 0 };

/** The canonical form of an int32 operation; `by` is its second operand, if that is constant. */
export const indexOp = (
  make: Maker,
  op: ScalarOp,
  a: Value,
  b: Value,
  by: number | undefined,
): Value | undefined => {
  switch (op) {
    case 'add':
      return by === undefined ? total(make, a, b) : plus(make, a, by);
    case 'sub':
      return by === undefined ? sum(make, linearOf(a), linearOf(b), -1) : plus(make, a, -by | 0);
    case 'neg':
      return sum(make, ZERO, linearOf(a), -1);
    case 'mul':
      if (by !== undefined) return sum(make, ZERO, linearOf(a), by);
      if (a.shape.kind === 'const') return sum(make, ZERO, linearOf(b), a.shape.value);
      return undefined;
    case 'shl':
      return by !== undefined && by >= 0 && by < 31
        ? sum(make, ZERO, linearOf(a), 2 ** by)
        : undefined;
    case 'floordiv':
    case 'shr':
      return quotient(make, a, divisorOf(op, by));
    case 'mod':
    case 'and':
      return remainder(make, a, divisorOf(op, by));
    case 'min':
      return a.hi <= b.lo ? a : b.hi <= a.lo ? b : undefined;
    case 'max':
      return a.lo >= b.hi ? a : b.lo >= a.hi ? b : undefined;
    default:
      return undefined;
  }
};

const quotient = (make: Maker, a: Value, by: number | undefined): Value | undefined => {
  if (by === undefined) return undefined;
  if (by === 1) return a;
  if (Math.floor(a.lo / by) === Math.floor(a.hi / by))
    return make.constant(Math.floor(a.lo / by), I32);
  const parts = divisionOf(make, a, by);
  if (parts !== undefined) return sum(make, ZERO, parts.quotient, 1);
  return Number.isInteger(Math.log2(by))
    ? make.raw('shr', I32, [a, make.constant(Math.log2(by), I32)])
    : undefined;
};

const remainder = (make: Maker, a: Value, by: number | undefined): Value | undefined => {
  if (by === undefined) return undefined;
  if (by === 1) return make.constant(0, I32);
  if (a.lo >= 0 && a.hi < by) return a;
  const parts = divisionOf(make, a, by);
  if (parts !== undefined) return parts.rest;
  return Number.isInteger(Math.log2(by))
    ? make.raw('and', I32, [a, make.constant(by - 1, I32)])
    : undefined;
};

/** `a` as `by * quotient + rest`, where the bounds of a sum show that `rest` is what a division leaves. */
const divisionOf = (
  make: Maker,
  a: Value,
  by: number,
): { readonly quotient: Linear; readonly rest: Value } | undefined => {
  // a sum that may wrap around is none
  if (a.linear === undefined || (a.lo === MIN && a.hi === MAX)) return undefined;
  const parts = divided(a.linear, by);
  if (parts.quotient.terms.length === 0) return undefined;
  const rest = ordered(make, parts.rest.terms, parts.rest.constant);
  return rest.lo >= 0 && rest.hi < by ? { quotient: parts.quotient, rest } : undefined;
};

const plus = (make: Maker, a: Value, constant: number): Value => {
  const { terms, constant: before } = linearOf(a);
  // the constant part of a sum is its outermost operation
  const base = a.linear !== undefined && before !== 0 ? a.args[0]! : a;
  const total = (before + constant) | 0;
  if (terms.length === 0) return make.constant(total, I32);
  return total === 0
    ? base
    : make.sum('add', base, make.constant(total, I32), terms, terms.length, total);
};

/** `a + b`; where all of `b` changes in inner blocks, `a` is the beginning of the sum as it stands. */
const total = (make: Maker, a: Value, b: Value): Value => {
  const outer = linearOf(a);
  const inner = linearOf(b);
  const last = outer.terms.at(-1);
  const first = inner.terms[0];
  const follows =
    last !== undefined &&
    first !== undefined &&
    last.value.home.depth < first.value.home.depth &&
    outer.constant === 0;
  // a quotient and its remainder change in one block
  return follows
    ? ordered(make, [...outer.terms, ...inner.terms], inner.constant, a, outer.terms.length)
    : sum(make, outer, inner, 1);
};

/** `a + scale * b` */
const sum = (make: Maker, a: Linear, b: Linear, scale: number): Value => {
  let terms: readonly Term[] = mergeTerms(a.terms, b.terms, scale);
  let constant = (a.constant + Math.imul(b.constant, scale)) | 0;
  for (let found = reunited(terms); found !== undefined; found = reunited(terms)) {
    terms = mergeTerms(found.others, found.whole.terms, found.coef);
    constant = (constant + Math.imul(found.whole.constant, found.coef)) | 0;
  }
  return ordered(make, terms, constant);
};
