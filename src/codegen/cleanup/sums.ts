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
import { I32, type Linear, type Term, type Value } from './value.ts';

/** What makes the values of a sum. */
export interface Maker {
  constant(value: number, type: RegType): Value;
  /** An operation as it stands; `linear` is the sum that it is. */
  raw(op: ScalarOp, type: RegType, args: readonly Value[], linear?: Linear): Value;
}

const scaled = (make: Maker, term: Term): Value =>
  term.coef === 1
    ? term.value
    : make.raw('mul', I32, [term.value, make.constant(term.coef, I32)], {
        terms: [term],
        constant: 0,
      });

const added = (
  make: Maker,
  outer: Value | undefined,
  group: readonly Term[],
  before: readonly Term[],
): Value => {
  let sum = outer;
  const done = [...before];
  for (const term of group) {
    done.push(term);
    if (sum === undefined) sum = scaled(make, term);
    else {
      const negative = term.coef < 0 && term.coef > MIN;
      const part = scaled(make, negative ? { value: term.value, coef: -term.coef } : term);
      const linear = { terms: done.slice(), constant: 0 };
      sum = make.raw(negative ? 'sub' : 'add', I32, [sum, part], linear);
    }
  }
  return sum!;
};

/** `outer + terms[at..end)`, where those terms live in one block. */
const extended = (
  make: Maker,
  outer: Value | undefined,
  terms: readonly Term[],
  at: number,
  end: number,
): Value => {
  const group = terms.slice(at, end);
  const factor = group.reduce((g, t) => gcd(t.coef, g), 0);
  if (group.length > 1 && factor > 1) {
    const inner = added(
      make,
      undefined,
      group.map((t) => ({ value: t.value, coef: t.coef / factor })),
      [],
    );
    const product = make.raw('mul', I32, [inner, make.constant(factor, I32)], {
      terms: group,
      constant: 0,
    });
    return outer === undefined
      ? product
      : make.raw('add', I32, [outer, product], { terms: terms.slice(0, end), constant: 0 });
  }
  return added(make, outer, group, terms.slice(0, at));
};

/** Outer terms first, the constant last: loads and stores take constants for free. */
export const ordered = (make: Maker, terms: readonly Term[], constant: number): Value => {
  let sum: Value | undefined;
  let at = 0;
  if (terms.length === 1) {
    sum = scaled(make, terms[0]!);
    at = 1;
  }
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
    : make.raw('add', I32, [sum, make.constant(constant, I32)], { terms, constant });
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
