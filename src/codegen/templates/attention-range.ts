/**
 * Where a row of an attention meets what it may: from the bounds outside of which nothing takes part.
 *
 * Invariant: within the range of a row all bounds hold; outside of it some may.
 */
import { add, i32, mul, operate } from '../../ir/thread/build.ts';
import type { TExpr } from '../../ir/thread/thread.ts';
import type { Emitter } from '../emit/emitter.ts';
import { linear, type Problem } from '../gpu/attention/problem.ts';
import { roundUp } from './contraction.ts';

type Bounded = Pick<Problem, 'rows' | 'summed' | 'bounds'>;

/** An end is missing where nothing bounds it; where a bound is not linear, the range is empty. */
interface RowRange {
  readonly from: TExpr | undefined;
  readonly to: TExpr | undefined;
}

const rowRange = (problem: Bounded, row: TExpr): RowRange => {
  let from: TExpr | undefined;
  let to: TExpr | undefined;
  for (const { idx, lo, hi } of problem.bounds) {
    const line = linear(idx, problem);
    if (line === undefined || Math.abs(line.sum) !== 1) return { from: undefined, to: i32(0) };
    // lo <= row · r + sum · s + rest < hi
    const less = (end: number): TExpr =>
      operate('sub', i32(end - line.rest), mul(row, i32(line.row)));
    const [above, below] = [idx.lo < lo, idx.hi >= hi];
    if (line.sum === 1 ? above : below)
      from = larger(from, line.sum === 1 ? less(lo) : operate('sub', i32(1), less(hi)));
    if (line.sum === 1 ? below : above)
      to = smaller(to, line.sum === 1 ? less(hi) : operate('sub', i32(1), less(lo)));
  }
  return { from, to };
};

const larger = (x: TExpr | undefined, y: TExpr): TExpr =>
  x === undefined ? y : operate('max', x, y);

const smaller = (x: TExpr | undefined, y: TExpr): TExpr =>
  x === undefined ? y : operate('min', x, y);

const up = (em: Emitter, x: TExpr, to: number): TExpr =>
  x.kind === 'const'
    ? i32(roundUp(x.value, to))
    : em.name('up', operate('and', add(x, i32(to - 1)), i32(-to)));

const down = (em: Emitter, x: TExpr, to: number): TExpr =>
  x.kind === 'const' ? i32(x.value - (x.value % to)) : em.name('down', operate('and', x, i32(-to)));

/** Elements `low` to `high` of a block of the sum; `low` is a multiple of eight. */
export interface Part {
  readonly block: TExpr;
  readonly low: TExpr;
  readonly high: TExpr;
}

/**
 * How a row's part of a block is weighed: pairs of vectors that lie within all bounds from `from` to `to`, single vectors
 * before and up to `whole`, single elements up to `high`; `padded` is the next multiple of eight.
 */
export interface Span {
  readonly from: TExpr;
  readonly to: TExpr;
  readonly whole: TExpr;
  readonly padded: TExpr;
}

export const spanOf = (
  em: Emitter,
  problem: Bounded,
  { block, low, high }: Part,
  row: TExpr,
): Span => {
  const { extent } = problem.summed;
  const padded = extent % 8 === 0 && problem.bounds.length === 0 ? high : up(em, high, 8);
  const whole = extent % 8 === 0 ? padded : extent % 4 === 0 ? up(em, high, 4) : down(em, high, 4);
  const range = rowRange(problem, row);
  const inPart = (at: TExpr): TExpr =>
    operate('max', low, operate('min', operate('sub', at, block), high));
  const from = range.from && em.name('from', operate('min', up(em, inPart(range.from), 8), whole));
  const last = range.to && em.name('to', inPart(range.to));
  const end = last === undefined && extent % 8 === 0 ? whole : down(em, last ?? high, 8);
  const to = from === undefined || end === whole ? end : operate('max', from, end);
  return { from: from ?? low, to: em.name('to', to), whole, padded };
};
