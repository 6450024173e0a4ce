/**
 * What statements and expressions of Thread IR are made of.
 *
 * Invariant: every kind of expression and statement is listed; nothing here knows what they compute.
 */
import type { TExpr, TStmt } from './thread.ts';

/** The expressions an expression is computed from, in the order they are written. */
export const operandsOf = (e: TExpr): readonly TExpr[] => {
  switch (e.kind) {
    case 'const':
    case 'get':
      return [];
    case 'op':
    case 'vec4':
      return e.args;
    case 'cast':
    case 'splat':
    case 'lane':
      return [e.arg];
    case 'fma':
      return [e.a, e.b, e.c];
    case 'shuffle':
      return [e.a, e.b];
    case 'load':
      return [e.index];
    default:
      return e satisfies never;
  }
};

/** Whether the threads of a workgroup meet in a statement, in a barrier or an exchange. */
export const synchronizes = (s: TStmt): boolean => {
  switch (s.kind) {
    case 'barrier':
    case 'exchange':
      return true;
    case 'for':
      return s.body.some(synchronizes);
    case 'if':
      return s.then.some(synchronizes) || s.otherwise.some(synchronizes);
    case 'let':
    case 'var':
    case 'set':
    case 'store':
      return false;
    default:
      return s satisfies never;
  }
};
