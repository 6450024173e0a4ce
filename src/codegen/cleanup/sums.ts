/**
 * Sums of indices, written so that their outer parts leave the loops.
 *
 * Invariant: terms are ordered by block, outer ones first, then by age; terms of one block share their common factor;
 * the constant is added last, because loads and stores take constants for free.
 */
import { gcd } from '../../ir/dim.ts';
import type { ScalarOp } from '../../ir/scalar.ts';
import type { RegType } from '../../ir/thread/thread.ts';
import { MIN } from './bounds.ts';
import { I32, type Term, type Value } from './value.ts';

/** What makes the values of a sum. */
export interface Maker {
  constant(value: number, type: RegType): Value;
  /** An operation as it stands. */
  raw(op: ScalarOp, type: RegType, args: readonly Value[]): Value;
  /** An operation that is the sum of the first `count` of `terms` and a constant. */
  sum(
    op: 'add' | 'sub' | 'mul',
    a: Value,
    b: Value,
    terms: readonly Term[],
    count: number,
    constant: number,
  ): Value;
}

const scaled = (make: Maker, term: Term): Value => {
  const { value, coef } = term;
  return coef === 1 ? value : make.sum('mul', value, make.constant(coef, I32), [term], 1, 0);
};

/** `outer + terms[at..end)`: all before them are in `outer`. */
const added = (
  make: Maker,
  outer: Value | undefined,
  terms: readonly Term[],
  at: number,
  end: number,
): Value => {
  let sum = outer;
  for (let i = at; i < end; i++) {
    const term = terms[i]!;
    if (sum === undefined) sum = scaled(make, term);
    else {
      const negative = term.coef < 0 && term.coef > MIN;
      const part = scaled(make, negative ? { value: term.value, coef: -term.coef } : term);
      sum = make.sum(negative ? 'sub' : 'add', sum, part, terms, i + 1, 0);
    }
  }
  return sum!;
};

/** The same, where those terms live in one block: what divides all of them is multiplied once. */
const extended = (
  make: Maker,
  outer: Value | undefined,
  terms: readonly Term[],
  at: number,
  end: number,
): Value => {
  let factor = 0;
  for (let i = at; i < end && factor !== 1; i++) factor = gcd(terms[i]!.coef, factor);
  if (end - at === 1 || factor <= 1) return added(make, outer, terms, at, end);
  const group = terms.slice(at, end);
  const parts = group.map((t) => ({ value: t.value, coef: t.coef / factor }));
  const inner = added(make, undefined, parts, 0, parts.length);
  const product = make.sum('mul', inner, make.constant(factor, I32), group, group.length, 0);
  return outer === undefined ? product : make.sum('add', outer, product, terms, end, 0);
};

/**
 * Outer terms first, the constant last: loads and stores take constants for free. `begun` is the sum of the first
 * `done`, where that is known.
 */
export const ordered = (
  make: Maker,
  terms: readonly Term[],
  constant: number,
  begun?: Value,
  done = 0,
): Value => {
  let sum = begun;
  let at = done;
  while (at < terms.length) {
    const { depth } = terms[at]!.value.home;
    let end = at + 1;
    while (end < terms.length && terms[end]!.value.home.depth === depth) end++;
    sum = extended(make, sum, terms, at, end);
    at = end;
  }
  if (sum === undefined) return make.constant(constant, I32);
  return constant === 0
    ? sum
    : make.sum('add', sum, make.constant(constant, I32), terms, terms.length, constant);
};

/** `a + scale * b`, both ordered by block and then by age. */
export const mergeTerms = (
  a: readonly Term[],
  b: readonly Term[],
  scale: number,
): readonly Term[] => {
  if (b.length === 0) return a;
  if (a.length === 0 && scale === 1) return b;
  const terms: Term[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const x = a[i];
    const y = b[j];
    if (x !== undefined && (y === undefined || precedes(x.value, y.value))) {
      terms.push(x);
      i++;
      continue;
    }
    let coef = Math.imul(y!.coef, scale);
    j++;
    if (x !== undefined && x.value === y!.value) {
      coef = (coef + x.coef) | 0;
      i++;
    }
    if (coef !== 0) terms.push({ value: y!.value, coef });
  }
  return terms;
};
const precedes = (a: Value, b: Value): boolean =>
  a.home.depth !== b.home.depth ? a.home.depth < b.home.depth : a.id < b.id;
