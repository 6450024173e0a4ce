/**
 * Ranges of int32 values: what settles comparisons, remainders and minima before they run.
 *
 * Invariant: bounds hold for every value an operation can give; one that may wrap around has the bounds of all int32.
 */
import type { ScalarOp } from '../../ir/scalar.ts';
import type { Value } from './value.ts';

export const MIN = -2147483648;
export const MAX = 2147483647;

/** What the bounds of two indices say about a comparison; `undefined` where they leave it open. */
export const compare = (op: ScalarOp, a: Value, b: Value): boolean | undefined => {
  switch (op) {
    case 'lt':
      return a.hi < b.lo ? true : a.lo >= b.hi ? false : undefined;
    case 'le':
      return a.hi <= b.lo ? true : a.lo > b.hi ? false : undefined;
    case 'gt':
      return compare('lt', b, a);
    case 'ge':
      return compare('le', b, a);
    case 'eq':
      return a === b ? true : a.hi < b.lo || b.hi < a.lo ? false : undefined;
    case 'ne':
      return a === b ? false : a.hi < b.lo || b.hi < a.lo ? true : undefined;
    default:
      return undefined;
  }
};

const within = (lo: number, hi: number): readonly [number, number] =>
  lo >= MIN && hi <= MAX ? [lo, hi] : [MIN, MAX];

/** Bounds of an int32 operation; those of one that may wrap say nothing. */
export const bounds = (op: ScalarOp, args: readonly Value[]): readonly [number, number] => {
  const a = args[0]!;
  const b = args[1]!;
  switch (op) {
    case 'add':
      return within(a.lo + b.lo, a.hi + b.hi);
    case 'sub':
      return within(a.lo - b.hi, a.hi - b.lo);
    case 'mul': {
      const ll = a.lo * b.lo;
      const lh = a.lo * b.hi;
      const hl = a.hi * b.lo;
      const hh = a.hi * b.hi;
      return within(Math.min(ll, lh, hl, hh), Math.max(ll, lh, hl, hh));
    }
    case 'min':
      return [Math.min(a.lo, b.lo), Math.min(a.hi, b.hi)];
    case 'max':
      return [Math.max(a.lo, b.lo), Math.max(a.hi, b.hi)];
    case 'select':
      return [Math.min(b.lo, args[2]!.lo), Math.max(b.hi, args[2]!.hi)];
    case 'floordiv':
      return b.lo === b.hi && b.lo > 0
        ? [Math.floor(a.lo / b.lo), Math.floor(a.hi / b.lo)]
        : [MIN, MAX];
    case 'shr':
      return b.lo === b.hi && b.lo >= 0 && b.lo < 32 ? [a.lo >> b.lo, a.hi >> b.lo] : [MIN, MAX];
    case 'mod':
      return b.lo === b.hi && b.lo > 0 ? [0, b.lo - 1] : [MIN, MAX];
    case 'and':
      return b.lo >= 0 ? [0, b.hi] : a.lo >= 0 ? [0, a.hi] : [MIN, MAX];
    default:
      return [MIN, MAX];
  }
};
