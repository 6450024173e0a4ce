/**
 * Which scalar ops are written between their operands, and how tightly they bind. All others are calls.
 *
 * Invariant: levels are those of the grammar: comparisons 1, sums 2, products 3; everything else binds tighter.
 */
import type { ScalarOp } from '../scalar.ts';

export interface InfixRow {
  readonly symbol: string;
  readonly level: number;
  /** Least level of an operand that needs no parentheses. */
  readonly left: number;
  readonly right: number;
}

const comparison = (symbol: string): InfixRow => ({ symbol, level: 1, left: 2, right: 2 });
const sum = (symbol: string): InfixRow => ({ symbol, level: 2, left: 2, right: 3 });
const product = (symbol: string): InfixRow => ({ symbol, level: 3, left: 3, right: 4 });

export const INFIX: Readonly<Partial<Record<ScalarOp, InfixRow>>> = {
  lt: comparison('<'),
  le: comparison('<='),
  gt: comparison('>'),
  ge: comparison('>='),
  eq: comparison('=='),
  ne: comparison('!='),
  add: sum('+'),
  sub: sum('-'),
  mul: product('*'),
  div: product('/'),
};

/** The scalar op a symbol stands for. */
export const infixOps: ReadonlyMap<string, ScalarOp> = new Map(
  Object.entries(INFIX).map(([op, row]) => [row.symbol, op as ScalarOp]),
);
