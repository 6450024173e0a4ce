/**
 * What Thread IR means, as a program: runs a kernel on plain arrays.
 *
 * Invariants: workgroups run one after the other in any order; between two statements in which its threads meet
 * (barriers, exchanges, loops and branches around them), each thread runs to the end, one after the other in any order;
 * values are those of evaluate.ts, and memory refuses what would be a race on a device (memory.ts).
 */
import { Evaluator } from './evaluate.ts';
import { type Cells, KernelMemory } from './memory.ts';
import { type Place, Registers, type Run, type ScalarFn } from './registers.ts';
import { Sequence } from './sequence.ts';
import type { Register, TExpr, ThreadBuffer, ThreadKernel, TStmt } from './thread.ts';
import { synchronizes } from './visit.ts';

export interface InterpretOptions {
  /** Order of the workgroups, and of the threads of each: the result may not depend on it. */
  readonly order?: 'forward' | 'reverse' | 'random';
  readonly seed?: number;
}

/** Runs all workgroups of `kernel` over `memory`, which holds an array for each global buffer. */
export const interpretThread = (
  kernel: ThreadKernel,
  memory: ReadonlyMap<ThreadBuffer, Cells>,
  options: InterpretOptions = {},
): void => {
  const { order = 'forward', seed = 1 } = options;
  const machine = new Machine(kernel, memory, new Sequence(kernel.threads, order, seed));
  const body = machine.together(kernel.body);
  for (const id of new Sequence(kernel.grid, order, seed).next()) {
    machine.enter(id);
    body();
  }
};

class Machine {
  private readonly kernel: ThreadKernel;
  private readonly place: Place = { workgroup: 0, thread: 0 };
  private readonly memory: KernelMemory;
  private readonly registers: Registers;
  private readonly values: Evaluator;
  private readonly threads: Sequence;

  constructor(kernel: ThreadKernel, memory: ReadonlyMap<ThreadBuffer, Cells>, threads: Sequence) {
    this.kernel = kernel;
    this.memory = new KernelMemory(kernel, memory, this.place);
    this.registers = new Registers(kernel.threads, this.place);
    this.values = new Evaluator(this.memory, this.registers);
    this.threads = threads;
    this.registers.scalars(kernel.local).forEach((_, thread, local) => {
      local[thread] = thread;
    });
  }

  enter(workgroup: number): void {
    this.place.workgroup = workgroup;
    this.registers.scalars(this.kernel.workgroup).fill(workgroup);
    this.memory.begin();
  }

  /** Statements for all threads of a workgroup: runs of those in which threads do not meet go thread by thread. */
  together(statements: readonly TStmt[]): Run {
    const runs: Run[] = [];
    let alone: TStmt[] = [];
    const flush = (): void => {
      if (alone.length > 0) runs.push(this.each(this.block(alone)));
      alone = [];
    };
    for (const s of statements) {
      if (!synchronizes(s)) {
        alone.push(s);
        continue;
      }
      flush();
      runs.push(this.meeting(s));
    }
    flush();
    return inOrder(runs);
  }

  /** What one thread does, for all threads. */
  private each(run: Run): Run {
    if (this.kernel.threads === 1) return run;
    const { place, threads } = this;
    return () => {
      for (const thread of threads.next()) {
        place.thread = thread;
        run();
      }
    };
  }

  /** A statement in which threads meet. */
  private meeting(s: TStmt): Run {
    switch (s.kind) {
      case 'barrier':
        return () => this.memory.meet();
      case 'exchange':
        return this.exchange(s.register, s.value, s.mask);
      case 'for': {
        const from = this.agreed(s.from, `the bounds of ${s.counter.name}`);
        const to = this.agreed(s.to, `the bounds of ${s.counter.name}`);
        const counters = this.registers.scalars(s.counter);
        const body = this.together(s.body);
        const { step } = s;
        return () => {
          const end = to();
          for (let i = from(); i < end; i += step) {
            counters.fill(i);
            body();
          }
        };
      }
      case 'if': {
        const condition = this.agreed(s.condition, 'the condition');
        const then = this.together(s.then);
        const otherwise = this.together(s.otherwise);
        return () => (condition() ? then() : otherwise());
      }
      default:
        throw this.memory.error(`threads do not meet in a ${s.kind}`);
    }
  }

  /** What decides whether threads meet must be the same in all of them. */
  private agreed(e: TExpr, what: string): ScalarFn {
    const value = this.values.scalar(e);
    const { place } = this;
    const { threads } = this.kernel;
    return () => {
      place.thread = 0;
      const first = value();
      for (place.thread = 1; place.thread < threads; place.thread++)
        if (value() !== first)
          throw this.memory.error(
            `${what} around a barrier or exchange: ${value()} here, ${first} in thread 0`,
          );
      place.thread = 0;
      return first;
    };
  }

  /** First all threads give their value, then each takes that of its partner. */
  private exchange(register: Register, value: TExpr, mask: number): Run {
    const { place } = this;
    const { threads } = this.kernel;
    const partners = Array.from({ length: threads }, (_, thread) => thread ^ mask);
    partners.forEach((partner, thread) => {
      if (partner >= threads)
        throw this.memory.error(`thread ${thread} of ${threads} exchanges with ${partner}`);
    });
    if (register.type.lanes === 1) {
      const cells = this.registers.scalars(register);
      const given = new Float64Array(threads);
      const f = this.values.scalar(value);
      const give = this.each(() => {
        given[place.thread] = f();
      });
      return () => {
        give();
        for (let thread = 0; thread < threads; thread++) cells[thread] = given[partners[thread]!]!;
      };
    }
    const cells = this.registers.vectors(register);
    const given = Array.from({ length: threads }, () => new Float64Array(4));
    const f = this.values.vector(value);
    const give = this.each(() => given[place.thread]!.set(f()));
    return () => {
      give();
      for (let thread = 0; thread < threads; thread++)
        cells[thread]!.set(given[partners[thread]!]!);
    };
  }

  private block(statements: readonly TStmt[]): Run {
    return inOrder(statements.map((s) => this.statement(s)));
  }

  /** A statement in which one thread runs alone. */
  private statement(s: TStmt): Run {
    switch (s.kind) {
      case 'let':
      case 'var':
      case 'set':
        return s.register.type.lanes === 1
          ? this.registers.setScalar(s.register, this.values.scalar(s.value))
          : this.registers.setVector(s.register, this.values.vector(s.value));
      case 'store':
        return this.store(s.buffer, s.index, s.value);
      case 'for': {
        const from = this.values.scalar(s.from);
        const to = this.values.scalar(s.to);
        const counters = this.registers.scalars(s.counter);
        const body = this.block(s.body);
        const { place } = this;
        const { step } = s;
        return () => {
          const end = to();
          for (let i = from(); i < end; i += step) {
            counters[place.thread] = i;
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
      case 'exchange':
      case 'barrier':
        throw this.memory.error(`a thread alone cannot run a ${s.kind}`);
      default:
        return s satisfies never;
    }
  }

  private store(buffer: ThreadBuffer, index: TExpr, value: TExpr): Run {
    const at = this.values.address(buffer, index, value.type.lanes);
    const write = this.memory.write(buffer);
    if (value.type.lanes === 1) {
      const f = this.values.scalar(value);
      return () => {
        const v = f();
        write(at(), v);
      };
    }
    const f = this.values.vector(value);
    return () => {
      const v = f();
      const i = at();
      for (let lane = 0; lane < 4; lane++) write(i + lane, v[lane]!);
    };
  }
}

const inOrder = (runs: readonly Run[]): Run => {
  if (runs.length === 1) return runs[0]!;
  return () => {
    for (let i = 0; i < runs.length; i++) runs[i]!();
  };
};
