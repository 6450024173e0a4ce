/**
 * Statements of tensor.ts and bulk.ts by their parts: most passes need to know no more of them.
 *
 * Invariant: every expression, register and buffer of a statement is a part of it, once; buffers of maps are named by the
 * map alone.
 */
import { inWords, type PlainBulk, type TileOperand } from './bulk.ts';
import type { TensorStmt } from './tensor.ts';
import type { Register, TExpr, ThreadBuffer } from './thread.ts';

/** Statements that have no statements in them. */
export type SpecialStmt = TensorStmt | PlainBulk;

/** What becomes of the parts of a statement. */
export interface Parts {
  expression(e: TExpr): TExpr;
  register(r: Register): Register;
  buffer(b: ThreadBuffer): ThreadBuffer;
}

/** The statement with other parts. */
export const withParts = (s: SpecialStmt, { expression, register, buffer }: Parts): SpecialStmt => {
  const tile = (o: TileOperand): TileOperand => ({
    ...o,
    buffer: buffer(o.buffer),
    at: expression(o.at),
  });
  switch (s.kind) {
    case 'mma': {
      const b = [expression(s.b[0]), expression(s.b[1])] as const;
      return { ...s, accumulator: register(s.accumulator), a: expression(s.a), b };
    }
    case 'fragments': {
      const { register: r, buffer: b, index } = s;
      return { ...s, register: register(r), buffer: buffer(b), index: expression(index) };
    }
    case 'copy': {
      const [to, from] = [buffer(s.to), buffer(s.from)];
      const index = expression(s.index);
      return { ...s, to, from, index, at: expression(s.at), when: expression(s.when) };
    }
    case 'gates':
      return { ...s, buffer: buffer(s.buffer) };
    case 'expect':
    case 'arrive':
      return { ...s, gates: buffer(s.gates), index: expression(s.index) };
    case 'await': {
      const index = expression(s.index);
      return { ...s, gates: buffer(s.gates), index, phase: expression(s.phase) };
    }
    case 'fetch': {
      const [to, gates] = [buffer(s.to), buffer(s.gates)];
      const [index, gate] = [expression(s.index), expression(s.gate)];
      return { ...s, to, gates, index, gate, coordinates: s.coordinates.map(expression) };
    }
    case 'products': {
      const a = inWords(s.a) ? { words: s.a.words.map(expression) } : tile(s.a);
      return { ...s, accumulators: s.accumulators.map(register), a, b: tile(s.b) };
    }
    case 'settle':
      return { ...s, accumulators: s.accumulators.map(register) };
    case 'commit':
    case 'wait':
      return s;
    default:
      return s satisfies never;
  }
};

/** Parts as they are. */
export const SAME: Parts = { expression: (e) => e, register: (r) => r, buffer: (b) => b };

/** The expressions of a statement, in the order of `withParts`. */
export const expressionsOf = (s: SpecialStmt): readonly TExpr[] => {
  const found: TExpr[] = [];
  withParts(s, {
    ...SAME,
    expression: (e) => {
      found.push(e);
      return e;
    },
  });
  return found;
};
