/**
 * How a kernel uses its buffers and its ids: what the layout of memory is chosen by.
 *
 * Invariant: every load and store of the kernel is counted, with the loops it stands in.
 */
import type { Register, TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';

/** A load or a store. */
export interface Use {
  readonly buffer: ThreadBuffer;
  readonly store: boolean;
  readonly lanes: 1 | 4;
  readonly index: TExpr;
  /** Loops around it. */
  readonly depth: number;
}

export interface Uses {
  readonly all: readonly Use[];
  readonly registers: ReadonlySet<Register>;
}

export const usesOf = (body: readonly TStmt[]): Uses => {
  const all: Use[] = [];
  const registers = new Set<Register>();
  const expression = (e: TExpr, depth: number): void => {
    switch (e.kind) {
      case 'const':
        return;
      case 'get':
        registers.add(e.register);
        return;
      case 'op':
      case 'vec4':
        for (const a of e.args) expression(a, depth);
        return;
      case 'cast':
      case 'splat':
      case 'lane':
        expression(e.arg, depth);
        return;
      case 'fma':
        for (const a of [e.a, e.b, e.c]) expression(a, depth);
        return;
      case 'shuffle':
        for (const a of [e.a, e.b]) expression(a, depth);
        return;
      case 'load':
        all.push({ buffer: e.buffer, store: false, lanes: e.type.lanes, index: e.index, depth });
        expression(e.index, depth);
        return;
      default:
        e satisfies never;
    }
  };
  const block = (statements: readonly TStmt[], depth: number): void => {
    for (const s of statements) {
      switch (s.kind) {
        case 'let':
        case 'var':
        case 'set':
        case 'exchange':
          expression(s.value, depth);
          break;
        case 'store': {
          const { lanes } = s.value.type;
          all.push({ buffer: s.buffer, store: true, lanes, index: s.index, depth });
          expression(s.index, depth);
          expression(s.value, depth);
          break;
        }
        case 'for':
          expression(s.from, depth);
          expression(s.to, depth);
          block(s.body, depth + 1);
          break;
        case 'if':
          expression(s.condition, depth);
          block(s.then, depth);
          block(s.otherwise, depth);
          break;
        case 'barrier':
          break;
        default:
          s satisfies never;
      }
    }
  };
  block(body, 0);
  return { all, registers };
};
