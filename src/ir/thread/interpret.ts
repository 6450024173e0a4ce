/**
 * What Thread IR means, as a program: runs a kernel on plain arrays.
 *
 * Invariant: statements run in order, workgroups one after the other in any order; values are those of evaluate.ts,
 * and memory refuses what would be a race on a device (memory.ts).
 */
import { roundTo } from '../scalar.ts';
import { Evaluator } from './evaluate.ts';
import { type Cells, KernelMemory } from './memory.ts';
import type { TExpr, ThreadBuffer, ThreadKernel, TStmt } from './thread.ts';

export interface InterpretOptions {
  /** Order of the workgroups: the result may not depend on it. */
  readonly order?: 'forward' | 'reverse' | 'random';
  readonly seed?: number;
}

type Run = () => void;

/** Runs all workgroups of `kernel` over `memory`, which holds an array for each global buffer. */
export const interpretThread = (
  kernel: ThreadKernel,
  memory: ReadonlyMap<ThreadBuffer, Cells>,
  options: InterpretOptions = {},
): void => {
  const machine = new Machine(kernel, memory);
  const body = machine.block(kernel.body);
  for (const id of workgroupOrder(kernel.grid, options)) {
    machine.enter(id);
    body();
  }
};

const workgroupOrder = (grid: number, options: InterpretOptions): number[] => {
  const ids = Array.from({ length: grid }, (_, i) => i);
  if (options.order === 'reverse') ids.reverse();
  if (options.order === 'random') {
    let state = (options.seed ?? 1) | 0;
    for (let i = grid - 1; i > 0; i--) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      const j = (state >>> 8) % (i + 1);
      [ids[i], ids[j]] = [ids[j]!, ids[i]!];
    }
  }
  return ids;
};

class Machine {
  private readonly memory: KernelMemory;
  private readonly values: Evaluator;
  /** The register that holds the id of the workgroup. */
  private readonly workgroup: Float64Array;

  constructor(kernel: ThreadKernel, memory: ReadonlyMap<ThreadBuffer, Cells>) {
    this.memory = new KernelMemory(kernel, memory);
    this.values = new Evaluator(this.memory);
    this.workgroup = this.values.cell(kernel.workgroup);
  }

  enter(workgroup: number): void {
    this.workgroup[0] = workgroup;
    this.memory.enter(workgroup);
  }

  block(statements: readonly TStmt[]): Run {
    const runs = statements.map((s) => this.statement(s));
    if (runs.length === 1) return runs[0]!;
    return () => {
      for (let i = 0; i < runs.length; i++) runs[i]!();
    };
  }

  private statement(s: TStmt): Run {
    switch (s.kind) {
      case 'let':
      case 'var':
      case 'set':
        return this.assign(this.values.cell(s.register), s.value);
      case 'store':
        return this.store(s.buffer, s.index, s.value);
      case 'for': {
        const counter = this.values.cell(s.counter);
        const from = this.values.scalar(s.from);
        const to = this.values.scalar(s.to);
        const body = this.block(s.body);
        const { step } = s;
        return () => {
          const end = to();
          for (let i = from(); i < end; i += step) {
            counter[0] = i;
            body();
          }
        };
      }
      case 'if': {
        const condition = this.values.scalar(s.condition);
        const then = this.block(s.then);
        const otherwise = this.block(s.otherwise);
        return () => (condition() ? then() : otherwise());
      }
      case 'barrier':
        return () => {};
      default:
        return s satisfies never;
    }
  }

  private assign(cell: Float64Array, value: TExpr): Run {
    if (cell.length === 1) {
      const f = this.values.scalar(value);
      return () => {
        cell[0] = f();
      };
    }
    const f = this.values.vector(value);
    return () => {
      const v = f();
      cell[0] = v[0]!;
      cell[1] = v[1]!;
      cell[2] = v[2]!;
      cell[3] = v[3]!;
    };
  }

  private store(buffer: ThreadBuffer, index: TExpr, value: TExpr): Run {
    const at = this.values.address(buffer, index, value.type.lanes);
    const cells = this.memory.cellsOf(buffer);
    const claim = this.memory.claimWrite(buffer);
    const { dtype } = buffer;
    if (value.type.lanes === 1) {
      const f = this.values.scalar(value);
      return () => {
        const v = f();
        const i = at();
        claim?.(i);
        cells[i] = roundTo(dtype, v);
      };
    }
    const f = this.values.vector(value);
    return () => {
      const v = f();
      const i = at();
      for (let lane = 0; lane < 4; lane++) {
        claim?.(i + lane);
        cells[i + lane] = roundTo(dtype, v[lane]!);
      }
    };
  }
}
