/**
 * Walks loop expressions once per distinct node.
 *
 * Invariant: opaque references inside indices (loaded indices) are visited like operands.
 */
import { type Idx, idxOpaques } from '../dim.ts';
import type { Expr } from './loop.ts';

export interface ExprVisitor {
  /** Called for each distinct expression, operands first. */
  expr?(expr: Expr): void;
  /** Called for each index: of loads, index values and guards. */
  index?(idx: Idx): void;
}

/** Direct operands, opaque references included. */
export const operandsOf = (expr: Expr): readonly Expr[] => {
  const fromIndex: Expr[] = [];
  for (const idx of indicesOf(expr)) idxOpaques(idx, (ref) => fromIndex.push(ref as Expr));
  switch (expr.kind) {
    case 'const':
    case 'acc':
      return [];
    case 'index':
    case 'load':
      return fromIndex;
    case 'op':
      return expr.args;
    case 'cast':
      return [expr.arg];
    case 'guard':
      return [expr.then, expr.otherwise, ...fromIndex];
    case 'reduce':
      return [expr.body];
    default:
      return expr satisfies never;
  }
};

/** The indices an expression itself holds. */
export const indicesOf = (expr: Expr): readonly Idx[] => {
  switch (expr.kind) {
    case 'index':
      return [expr.idx];
    case 'load':
      return expr.index;
    case 'guard':
      return expr.bounds.map((b) => b.idx);
    case 'const':
    case 'acc':
    case 'op':
    case 'cast':
    case 'reduce':
      return [];
    default:
      return expr satisfies never;
  }
};

export const visitExpr = (root: Expr, visitor: ExprVisitor, seen: Set<Expr> = new Set()): void => {
  if (seen.has(root)) return;
  seen.add(root);
  for (const operand of operandsOf(root)) visitExpr(operand, visitor, seen);
  if (visitor.index !== undefined) for (const idx of indicesOf(root)) visitor.index(idx);
  visitor.expr?.(root);
};
