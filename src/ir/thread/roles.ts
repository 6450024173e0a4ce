/**
 * Warpgroups that go their own ways, under interpretation: each runs until it has to wait at a gate, then another does.
 *
 * Invariants: a tile comes only when no warpgroup can go on; where none can and no tile is on its way, they wait for each
 * other forever, and that is an error that says who waits for what.
 */
import {
  type BulkStmt,
  boxBytes,
  inWords,
  type Role,
  type TileOperand,
  WARPGROUP,
} from './bulk.ts';
import { type Factors, Flights } from './flights.ts';
import { Gates } from './gates.ts';
import type { KernelMemory } from './memory.ts';
import type { Registers, Run, ScalarFn } from './registers.ts';
import type { Sequence } from './sequence.ts';
import { WARP } from './tensor.ts';
import type { TExpr, ThreadBuffer, TStmt } from './thread.ts';

/** Threads that meet: the workgroup, a warp, or those of a warpgroup that take part in its role. */
export interface Team {
  readonly first: number;
  readonly count: number;
  readonly order: Sequence;
}

/** What runs statements in which no team waits. */
export interface Crew {
  team: Team;
  /** The statements, for the team that runs then. */
  together(statements: readonly TStmt[]): Run;
  /** What all threads of the team say. */
  agreed(e: TExpr, what: string): ScalarFn;
  /** Four words of every thread of the team, in the order of its threads. */
  words(e: TExpr): () => readonly Float64Array[];
}

/** What a team waits for. */
interface Stop {
  readonly what: string;
  over(): boolean;
}
/** What a team does, with the stops on its way. */
type Course = () => Generator<Stop, void>;

/** Statements of bulk.ts that a team does at once. */
type Action = Exclude<BulkStmt, { kind: 'roles' | 'await' }>;

/** Tiles on their way among which one is chosen to come next. */
const CHOICES = 64;

export class Roles {
  readonly #memory: KernelMemory;
  readonly #registers: Registers;
  readonly #crew: Crew;
  readonly #sequence: (count: number) => Sequence;
  readonly #choices: Sequence;
  readonly #gates = new Map<ThreadBuffer, Gates>();
  #flights: Flights;

  constructor(
    memory: KernelMemory,
    registers: Registers,
    crew: Crew,
    sequence: (count: number) => Sequence,
  ) {
    this.#memory = memory;
    this.#registers = registers;
    this.#crew = crew;
    this.#sequence = sequence;
    this.#choices = sequence(CHOICES);
    this.#flights = new Flights(memory, registers);
  }

  /** A workgroup begins. */
  begin(): void {
    this.#gates.clear();
    this.#flights = new Flights(this.#memory, this.#registers);
  }

  /** What the team that runs does. */
  action(s: Action): Run {
    const crew = this.#crew;
    switch (s.kind) {
      case 'gates':
        return () => {
          this.#memory.meet();
          this.#gates.set(s.buffer, new Gates(s.arrivals));
        };
      case 'expect': {
        const index = this.#gate(s.gates, s.index);
        return () => {
          this.#gatesOf(s.gates).expect(index(), s.bytes * this.#warps());
          this.#arrive(s.gates, index());
        };
      }
      case 'arrive': {
        const index = this.#gate(s.gates, s.index);
        return () => this.#arrive(s.gates, index());
      }
      case 'fetch': {
        const gate = this.#gate(s.gates, s.gate);
        const index = crew.agreed(s.index, 'the place of a tile');
        const corner = s.coordinates.map((c) => crew.agreed(c, 'the coordinates of a tile'));
        const bytes = boxBytes(s.map);
        return () => {
          if (this.#warps() !== 1) throw this.#memory.error('a tile is asked for by several warps');
          const gates = this.#gatesOf(s.gates);
          const at = gate();
          const place = corner.map((c) => c());
          this.#flights.fetch(s.map, place, s.to, index(), () => gates.come(at, bytes));
        };
      }
      case 'products': {
        const { a } = s;
        const left = inWords(a) ? this.#words(a.words) : this.#operand(a);
        const right = this.#operand(s.b);
        return () => this.#flights.begin(crew.team.first, { ...s, a: left(), b: right() });
      }
      case 'settle':
        return () => this.#flights.settle(crew.team.first, s.pending, s.accumulators);
      default:
        return s satisfies never;
    }
  }

  /** All roles, until every warpgroup has come to the end of its own. */
  run({ roles }: BulkStmt & { kind: 'roles' }): Run {
    const crew = this.#crew;
    const courses = roles.map((role) => this.#course(role.body));
    const teams: { readonly team: Team; readonly course: Course; readonly role: Role }[] = [];
    let first = 0;
    roles.forEach((role, r) => {
      for (let group = 0; group < role.groups; group++, first += WARPGROUP) {
        const team = { first, count: role.threads, order: this.#sequence(role.threads) };
        teams.push({ team, course: courses[r]!, role });
        this.#registers.scalars(role.group).fill(group, first, first + WARPGROUP);
        const places = this.#registers.scalars(role.place);
        for (let i = 0; i < WARPGROUP; i++) places[first + i] = i;
      }
    });
    const order = this.#sequence(teams.length);
    return () => {
      const all = crew.team;
      const going = teams.map(({ team, course }) => ({
        team,
        way: course(),
        stop: undefined as Stop | undefined,
        done: false,
      }));
      while (going.some((g) => !g.done)) {
        let moved = false;
        for (const i of order.next()) {
          const one = going[i]!;
          if (one.done || one.stop?.over() === false) continue;
          crew.team = one.team;
          const next = one.way.next();
          if (next.done === true) one.done = true;
          else one.stop = next.value;
          moved = true;
        }
        const choose = (count: number): number => this.#choices.next()[0]! % count;
        if (moved || this.#flights.land(choose)) continue;
        const waits = going.flatMap((g) =>
          g.done ? [] : [`warpgroup ${g.team.first / WARPGROUP} for ${g.stop!.what}`],
        );
        throw this.#memory.error(`nobody can go on: ${waits.join(', ')}`);
      }
      crew.team = all;
      const left = this.#flights.underWay();
      if (left !== undefined) throw this.#memory.error(`the roles end, but ${left}`);
    };
  }

  /** Statements with the stops in them. */
  #course(statements: readonly TStmt[]): Course {
    const parts: (Run | Course)[] = [];
    const stops = new Set<Run | Course>();
    let plain: TStmt[] = [];
    const flush = (): void => {
      if (plain.length > 0) parts.push(this.#crew.together(plain));
      plain = [];
    };
    for (const s of statements) {
      if (!waitsIn(s)) {
        plain.push(s);
        continue;
      }
      flush();
      const course = this.#waiting(s);
      stops.add(course);
      parts.push(course);
    }
    flush();
    return function* () {
      for (const part of parts) {
        const steps = part();
        if (stops.has(part)) yield* steps as Generator<Stop, void>;
      }
    };
  }

  /** A statement in which the team may have to wait. */
  #waiting(s: TStmt): Course {
    const crew = this.#crew;
    switch (s.kind) {
      case 'await': {
        const index = this.#gate(s.gates, s.index);
        const phase = crew.agreed(s.phase, 'the phase of a gate');
        return this.#stop(s.gates, index, phase);
      }
      case 'for': {
        const from = crew.agreed(s.from, `the bounds of ${s.counter.name}`);
        const to = crew.agreed(s.to, `the bounds of ${s.counter.name}`);
        const counters = this.#registers.scalars(s.counter);
        const body = this.#course(s.body);
        return function* () {
          const end = to();
          for (let i = from(); i < end; i += s.step) {
            const { first, count } = crew.team;
            counters.fill(i, first, first + count);
            yield* body();
          }
        };
      }
      case 'if': {
        const condition = crew.agreed(s.condition, 'the condition');
        const then = this.#course(s.then);
        const otherwise = this.#course(s.otherwise);
        return function* () {
          yield* condition() ? then() : otherwise();
        };
      }
      default:
        throw this.#memory.error(`nobody waits in a ${s.kind}`);
    }
  }

  #stop(buffer: ThreadBuffer, index: ScalarFn, phase: ScalarFn): Course {
    const roles = this;
    return function* () {
      const gates = roles.#gatesOf(buffer);
      const [i, p] = [index(), phase()];
      if (p !== 0 && p !== 1) throw roles.#memory.error(`a phase is 0 or 1, not ${p}`);
      const over = (): boolean => gates.passed(i, p);
      if (!over()) yield { what: `phase ${p} of ${buffer.name}[${i}]`, over };
    };
  }

  #words(words: readonly TExpr[]): () => Factors['a'] {
    const steps = words.map((e) => this.#crew.words(e));
    return () => steps.map((threads) => threads());
  }

  #operand(operand: TileOperand): () => Factors['b'] {
    const at = this.#crew.agreed(operand.at, 'the place of a tile');
    return () => ({ ...operand, first: at() });
  }

  /** The number of a gate, checked. */
  #gate(buffer: ThreadBuffer, index: TExpr): ScalarFn {
    const number = this.#crew.agreed(index, 'the number of a gate');
    return () => {
      const i = number();
      if (!this.#gatesOf(buffer).has(i))
        throw this.#memory.error(`${buffer.name} has no gate ${i}`);
      return i;
    };
  }

  #gatesOf(buffer: ThreadBuffer): Gates {
    const gates = this.#gates.get(buffer);
    if (gates === undefined) throw this.#memory.error(`${buffer.name} has no gates yet`);
    return gates;
  }

  #warps(): number {
    return this.#crew.team.count / WARP;
  }

  #arrive(buffer: ThreadBuffer, index: number): void {
    if (!this.#gatesOf(buffer).arrive(index, this.#warps()))
      throw this.#memory.error(`more warps arrive at ${buffer.name}[${index}] than it waits for`);
  }
}

/** Whether a team may have to wait in a statement. */
const waitsIn = (s: TStmt): boolean => {
  switch (s.kind) {
    case 'await':
      return true;
    case 'for':
      return s.body.some(waitsIn);
    case 'if':
      return s.then.some(waitsIn) || s.otherwise.some(waitsIn);
    default:
      return false;
  }
};
