/**
 * What running folds and orders mean, on lists of numbers in double precision: for interpreters.
 *
 * Invariant: sorting is stable, and NaN comes last in both directions.
 */
import { isFloat } from '../dtype.ts';
import { roundTo } from '../rounding.ts';
import { valueIn } from '../scalar.ts';
import type { Ordering, Prefix } from './loop.ts';

/** Every partial result of folding `lists` (one list, or the two of `affine`). */
export const prefixOf = (
  { op, backward, values }: Pick<Prefix, 'op' | 'backward' | 'values'>,
  lists: readonly (readonly number[])[],
): number[] => {
  const { dtype } = values[0]!;
  const given = backward ? lists.map((l) => l.toReversed()) : lists;
  const step = (before: number, at: number): number => {
    const x = given[0]![at]!;
    switch (op) {
      case 'add':
      case 'mul':
      case 'max':
      case 'min':
        return valueIn(op, dtype)(before, x);
      case 'logadd':
        return logAdd(before, x);
      case 'affine':
        return x * before + given[1]![at]!;
      default:
        return op satisfies never;
    }
  };
  const results: number[] = [];
  given[0]!.forEach((first, i) => {
    const next = i > 0 ? step(results[i - 1]!, i) : op === 'affine' ? given[1]![0]! : first;
    results.push(isFloat(dtype) ? next : roundTo(dtype, next));
  });
  return backward ? results.reverse() : results;
};

/** `log(exp(x) + exp(y))` without overflow. */
const logAdd = (x: number, y: number): number => {
  const top = Math.max(x, y);
  if (!Number.isFinite(top)) return Number.isNaN(x) || Number.isNaN(y) ? Number.NaN : top;
  return top + Math.log1p(Math.exp(-Math.abs(x - y)));
};

/** The numbers of elements, each run of `width` sorted by `keys`; `elements` stand where they did before. */
export const sortRuns = (
  keys: readonly number[],
  { descending, width }: Pick<Ordering, 'descending' | 'width'>,
  elements: readonly number[] = keys.map((_, i) => i),
): number[] => {
  const compare = (a: number, b: number): number => {
    const [x, y] = [keys[a]!, keys[b]!];
    if (Number.isNaN(x) || Number.isNaN(y))
      return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
    return descending ? y - x : x - y;
  };
  const sorted: number[] = [];
  for (let from = 0; from < elements.length; from += width)
    sorted.push(...elements.slice(from, from + width).sort(compare));
  return sorted;
};
