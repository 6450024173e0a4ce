/**
 * Walks loop expressions once per distinct node.
 *
 * Invariant: opaque references inside indices (loaded indices) are visited like operands.
 */
import type { Idx } from '../dim.ts';
import type { Expr } from './loop.ts';

export interface ExprVisitor {
  /** Called for each distinct expression, operands first. */
  expr?(expr: Expr): void;
  /** Called for each index: of loads, index values and guards. */
  index?(idx: Idx): void;
}

/** Direct operands, opaque references included. */
export const operandsOf = (expr: Expr): readonly Expr[] => {
  switch (expr.kind) {
    case 'const':
    case 'acc':
      return NONE;
    case 'index':
      return opaqueIn([expr.idx]);
    case 'load':
      return opaqueIn(expr.index);
    case 'op':
      return expr.args;
    case 'cast':
      return [expr.arg];
    case 'guard':
      return [expr.then, expr.otherwise, ...opaqueIn(indicesOf(expr))];
    case 'reduce':
      return [expr.body];
    default:
      return expr satisfies never;
  }
};

const NONE: readonly Expr[] = [];

const opaqueIn = (index: readonly Idx[]): readonly Expr[] => {
  let found = NONE;
  for (let i = 0; i < index.length; i++) {
    const { terms } = index[i]!;
    for (let t = 0; t < terms.length; t++) {
      const { atom } = terms[t]!;
      if (atom.kind === 'opaque') found = [...found, atom.ref as Expr];
      else if (atom.kind !== 'axis') {
        const inside = opaqueIn([atom.arg]);
        if (inside.length > 0) found = [...found, ...inside];
      }
    }
  }
  return found;
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
  const operands = operandsOf(root);
  for (let i = 0; i < operands.length; i++) visitExpr(operands[i]!, visitor, seen);
  if (visitor.index !== undefined) for (const idx of indicesOf(root)) visitor.index(idx);
  visitor.expr?.(root);
};
