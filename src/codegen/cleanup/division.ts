/**
 * Indices divided by constants: taken apart where a sum shows its quotient, put together where both parts meet again.
 *
 * Invariant: quotients are rounded down, so `by * (x div by) + x mod by` is `x` for every int32 `x`.
 */
import type { ScalarOp } from '../../ir/scalar.ts';
import { type Linear, linearOf, type Term, type Value } from './value.ts';

/** A value divided by a constant. */
interface Division {
  readonly of: Value;
  readonly by: number;
}

const isPowerOfTwo = (n: number): boolean => n > 0 && (n & (n - 1)) === 0;

/** What `op(a, c)` divides by, if it is a quotient or a remainder. */
export const divisorOf = (op: string, c: number | undefined): number | undefined => {
  if (c === undefined || c < 1) return undefined;
  switch (op) {
    case 'floordiv':
    case 'mod':
      return c;
    case 'shr':
      return c < 31 ? 2 ** c : undefined;
    case 'and':
      return isPowerOfTwo(c + 1) ? c + 1 : undefined;
    default:
      return undefined;
  }
};

const divisionIn = (v: Value, op: ScalarOp, other: ScalarOp): Division | undefined => {
  const { shape } = v;
  if (shape.kind !== 'op' || (shape.op !== op && shape.op !== other)) return undefined;
  const [of, c] = v.args as readonly [Value, Value];
  const by = divisorOf(shape.op, c.shape.kind === 'const' ? c.shape.value : undefined);
  return by === undefined ? undefined : { of, by };
};
const quotientIn = (v: Value): Division | undefined => divisionIn(v, 'floordiv', 'shr');
const remainderIn = (v: Value): Division | undefined => divisionIn(v, 'mod', 'and');

/** `sum` as `by * quotient + rest`, the rest with coefficients from 0 to `by - 1`. */
export const divided = (
  { terms, constant }: Linear,
  by: number,
): { readonly quotient: Linear; readonly rest: Linear } => {
  const split = (n: number): readonly [number, number] => {
    const q = Math.floor(n / by);
    return [q, n - q * by];
  };
  const parts = terms.map(({ value, coef }) => ({ value, coef: split(coef) }));
  const [quotient, rest] = split(constant);
  const side = (which: 0 | 1): Term[] =>
    parts.map(({ value, coef }) => ({ value, coef: coef[which] })).filter((t) => t.coef !== 0);
  return {
    quotient: { terms: side(0), constant: quotient },
    rest: { terms: side(1), constant: rest },
  };
};

/** Two terms that are `coef * x`, and what is left beside them. */
export interface Reunion {
  readonly whole: Linear;
  readonly coef: number;
  readonly others: readonly Term[];
}

/** Finds a remainder in a sum that has the quotient beside it. */
export const reunited = (terms: readonly Term[]): Reunion | undefined => {
  if (terms.length < 2) return undefined;
  for (let i = 0; i < terms.length; i++) {
    const part = terms[i]!;
    // most terms are no divisions at all
    if (part.value.shape.kind !== 'op') continue;
    const rest = remainderIn(part.value);
    if (rest === undefined) continue;
    const partner = terms.find(({ value, coef }) => {
      const quotient = quotientIn(value);
      return (
        quotient?.of === rest.of &&
        quotient.by === rest.by &&
        coef === Math.imul(part.coef, rest.by)
      );
    });
    if (partner !== undefined)
      return {
        whole: linearOf(rest.of),
        coef: part.coef,
        others: terms.filter((t) => t !== part && t !== partner),
      };
  }
  return undefined;
};
