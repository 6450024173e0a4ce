/**
 * What Thread IR means, as a program: runs a kernel on plain arrays.
 *
 * Invariants: workgroups run one after the other in any order; between two statements in which its threads meet
 * (barriers, exchanges, loops and branches around them), each thread runs to the end, one after the other in any order;
 * where only warps meet (products of matrices), each warp runs to the end of the statement, one after the other;
 * where warpgroups have roles, each runs until it has to wait (roles.ts);
 * values are those of evaluate.ts, and memory refuses what would be a race on a device (memory.ts).
 */
import { Evaluator } from './evaluate.ts';
import { type Cells, KernelMemory } from './memory.ts';
import { type Place, Registers, type Run, type ScalarFn } from './registers.ts';
import { type Crew, Roles, type Team } from './roles.ts';
import { Sequence } from './sequence.ts';
import { WARP } from './tensor.ts';
import type { Register, TExpr, ThreadBuffer, ThreadKernel, TStmt } from './thread.ts';
import { meetingIn } from './visit.ts';
import { type Warps, warpFragments, warpProduct } from './warps.ts';

export interface InterpretOptions {
  /** Order of the workgroups, and of the threads of each: the result may not depend on it. */
  readonly order?: 'forward' | 'reverse' | 'random';
  readonly seed?: number;
}

/**
 * Runs all workgroups of `kernel` over `memory`, which holds an array for each global buffer.
 *
 * @throws {VerifyError} where the kernel leaves a buffer, races, or waits for what never comes: with workgroup and
 * place
 *
 * @see {@link interpretGraph}
 */
export const interpretThread = (
  kernel: ThreadKernel,
  memory: ReadonlyMap<ThreadBuffer, Cells>,
  options: InterpretOptions = {},
): void => {
  const { order = 'forward', seed = 1 } = options;
  const machine = new Machine(kernel, memory, (count) => new Sequence(count, order, seed));
  const body = machine.together(kernel.body);
  for (const id of new Sequence(kernel.grid, order, seed).next()) {
    machine.enter(id);
    body();
    machine.leave();
  }
};

class Machine implements Crew, Warps {
  private readonly kernel: ThreadKernel;
  readonly place: Place = { workgroup: 0, thread: 0 };
  readonly memory: KernelMemory;
  readonly registers: Registers;
  readonly values: Evaluator;
  private readonly warps: readonly Team[];
  private readonly warpOrder: Sequence;
  private readonly roles: Roles;
  /** The threads that run now. */
  team: Team;

  constructor(
    kernel: ThreadKernel,
    memory: ReadonlyMap<ThreadBuffer, Cells>,
    sequence: (count: number) => Sequence,
  ) {
    this.kernel = kernel;
    this.memory = new KernelMemory(kernel, memory, this.place);
    this.registers = new Registers(kernel.threads, this.place);
    this.values = new Evaluator(this.memory, this.registers);
    const { threads } = kernel;
    this.team = { first: 0, count: threads, order: sequence(threads) };
    const order = sequence(WARP);
    const warps = Math.floor(threads / WARP);
    this.warps = Array.from({ length: warps }, (_, w) => ({ first: w * WARP, count: WARP, order }));
    this.warpOrder = sequence(warps);
    this.roles = new Roles(this.memory, this.registers, this, sequence);
    this.registers.scalars(kernel.local).forEach((_, thread, local) => {
      local[thread] = thread;
    });
  }

  enter(workgroup: number): void {
    this.place.workgroup = workgroup;
    this.registers.scalars(this.kernel.workgroup).fill(workgroup);
    this.memory.begin();
    this.roles.begin();
  }

  leave(): void {
    this.memory.end();
  }

  /** Statements for all threads of a team: runs of those in which threads do not meet go thread by thread. */
  together(statements: readonly TStmt[]): Run {
    const runs: Run[] = [];
    let alone: TStmt[] = [];
    const flush = (): void => {
      if (alone.length > 0) runs.push(this.each(this.block(alone)));
      alone = [];
    };
    for (const s of statements) {
      const who = meetingIn(s);
      if (who === 'nobody') {
        alone.push(s);
        continue;
      }
      flush();
      const run = this.meeting(s);
      runs.push(who === 'warp' ? this.byWarp(run) : run);
    }
    flush();
    return inOrder(runs);
  }

  /** What one thread does, for all threads that run now. */
  each(run: Run): Run {
    if (this.kernel.threads === 1) return run;
    const { place } = this;
    return () => {
      const { first, order } = this.team;
      for (const thread of order.next()) {
        place.thread = first + thread;
        run();
      }
    };
  }

  /** What a warp does, for all warps that run now. */
  private byWarp(run: Run): Run {
    const { threads } = this.kernel;
    if (threads % WARP !== 0)
      throw this.memory.error(`${threads} threads are no whole number of warps`);
    return () => {
      const all = this.team;
      if (this.warps.includes(all)) return run();
      for (const warp of this.warpOrder.next()) {
        this.team = this.warps[warp]!;
        run();
      }
      this.team = all;
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
            const { first, count } = this.team;
            counters.fill(i, first, first + count);
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
      case 'mma':
        return warpProduct(s, this);
      case 'fragments':
        return warpFragments(s, this);
      case 'gates':
      case 'expect':
      case 'arrive':
      case 'fetch':
      case 'products':
      case 'settle':
        return this.roles.action(s);
      case 'roles':
        return this.roles.run(s);
      default:
        throw this.memory.error(`threads do not meet in a ${s.kind}`);
    }
  }

  /** What decides whether threads meet must be the same in all of them. */
  agreed(e: TExpr, what: string): ScalarFn {
    const value = this.values.scalar(e);
    const { place } = this;
    return () => {
      const { first, count } = this.team;
      place.thread = first;
      const agreed = value();
      for (place.thread = first + 1; place.thread < first + count; place.thread++)
        if (value() !== agreed)
          throw this.memory.error(
            `${what} around what threads do together: ${value()} here, ${agreed} in thread ${first}`,
          );
      place.thread = first;
      return agreed;
    };
  }

  words(e: TExpr): () => readonly Float64Array[] {
    const value = this.values.vector(e);
    const given: Float64Array[] = [];
    const give = this.each(() => {
      given[this.place.thread - this.team.first] = value().slice();
    });
    return () => {
      give();
      return given;
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
        const { first, count } = this.team;
        for (let thread = first; thread < first + count; thread++)
          cells[thread] = given[partners[thread]!]!;
      };
    }
    const cells = this.registers.vectors(register);
    const given = Array.from({ length: threads }, () => new Float64Array(4));
    const f = this.values.vector(value);
    const give = this.each(() => given[place.thread]!.set(f()));
    return () => {
      give();
      const { first, count } = this.team;
      for (let thread = first; thread < first + count; thread++)
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
      case 'copy': {
        const elements = s.elements;
        const index = this.values.address(s.to, s.index, elements);
        const at = this.values.address(s.from, s.at, elements);
        const when = this.values.scalar(s.when);
        const issue = this.memory.copy(s.to, s.from, elements);
        return () => {
          const whole = when() !== 0;
          issue(index(), whole ? at() : 0, whole);
        };
      }
      case 'commit':
        return () => this.memory.copies.commit(this.place.thread);
      case 'wait':
        return () => this.memory.copies.wait(this.place.thread, s.pending);
      case 'exchange':
      case 'barrier':
      case 'mma':
      case 'fragments':
      case 'gates':
      case 'roles':
      case 'expect':
      case 'arrive':
      case 'await':
      case 'fetch':
      case 'products':
      case 'settle':
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
