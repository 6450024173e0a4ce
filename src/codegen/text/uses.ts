/**
 * How a kernel uses its buffers and its ids: what the layout of memory is chosen by.
 *
 * Invariant: every load and store of the kernel is counted, with the loops it stands in.
 */
import { expressionsOf } from '../../ir/thread/special.ts';
import type { Register, TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';
import { operandsOf } from '../../ir/thread/visit.ts';

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
  /** Registers that are read. */
  readonly registers: ReadonlySet<Register>;
  /** Whether threads exchange registers. */
  readonly exchanges: boolean;
}

export const usesOf = (body: readonly TStmt[]): Uses => {
  const all: Use[] = [];
  const registers = new Set<Register>();
  let exchanges = false;
  const expression = (e: TExpr, depth: number): void => {
    if (e.kind === 'get') registers.add(e.register);
    if (e.kind === 'load')
      all.push({ buffer: e.buffer, store: false, lanes: e.type.lanes, index: e.index, depth });
    for (const operand of operandsOf(e)) expression(operand, depth);
  };
  const block = (statements: readonly TStmt[], depth: number): void => {
    for (const s of statements) {
      switch (s.kind) {
        case 'let':
        case 'var':
        case 'set':
          expression(s.value, depth);
          break;
        case 'exchange':
          expression(s.value, depth);
          exchanges = true;
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
        case 'roles':
          for (const role of s.roles) block(role.body, depth);
          break;
        case 'barrier':
          break;
        default:
          if (s.kind === 'mma') registers.add(s.accumulator);
          for (const e of expressionsOf(s)) expression(e, depth);
      }
    }
  };
  block(body, 0);
  return { all, registers, exchanges };
};
