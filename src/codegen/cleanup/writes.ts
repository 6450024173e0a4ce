/**
 * What lists of statements may change: the vars they set, and the buffers that hold something else behind them.
 *
 * Invariant: what a nested loop or branch may change counts, whether it is reached or not; a barrier changes all shared
 * memory, and so does a wait for copies or at a gate; only that: threads do not see what others write to global memory.
 */
import { remember } from '../../ir/remember.ts';
import type { SpecialStmt } from '../../ir/thread/special.ts';
import type { Register, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';

export interface Writes {
  readonly registers: ReadonlySet<Register>;
  readonly buffers: ReadonlySet<ThreadBuffer>;
}

/** The writes of statement lists, each found once. */
export class WritesOf {
  /** What a barrier or a wait changes. */
  readonly shared: readonly ThreadBuffer[];
  readonly #known = new Map<readonly TStmt[], Writes>();

  constructor(buffers: readonly ThreadBuffer[]) {
    this.shared = buffers.filter((b) => b.space === 'shared');
  }

  in(statements: readonly TStmt[]): Writes {
    return remember(this.#known, statements, () => this.#collect(statements));
  }

  #collect(statements: readonly TStmt[]): Writes {
    const registers = new Set<Register>();
    const buffers = new Set<ThreadBuffer>();
    const include = (inner: Writes): void => {
      for (const r of inner.registers) registers.add(r);
      for (const b of inner.buffers) buffers.add(b);
    };
    for (let i = 0; i < statements.length; i++) {
      const s = statements[i]!;
      switch (s.kind) {
        case 'set':
          registers.add(s.register);
          break;
        case 'store':
          buffers.add(s.buffer);
          break;
        case 'roles':
          for (const role of s.roles) include(this.in(role.body));
          break;
        case 'barrier':
        case 'wait':
        case 'gates':
        case 'await':
          for (const b of this.shared) buffers.add(b);
          break;
        case 'for':
          include(this.in(s.body));
          break;
        case 'if':
          include(this.in(s.then));
          include(this.in(s.otherwise));
          break;
        case 'let':
        case 'var':
        case 'exchange':
          break;
        default:
          s satisfies SpecialStmt;
          if ('accumulator' in s) registers.add(s.accumulator);
          if ('accumulators' in s) for (const r of s.accumulators) registers.add(r);
          if ('to' in s) buffers.add(s.to);
      }
    }
    return { registers, buffers };
  }
}
