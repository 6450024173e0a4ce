/**
 * Reads a kernel and numbers its expressions, keeping account of what each var and buffer holds at each point.
 *
 * Invariant: a write gives its var or buffer a new version, at the end of the loop or branch it is in as well; a loop's
 * body starts from the versions after any of its rounds.
 */
import { remember } from '../../ir/remember.ts';
import { expressionsOf, type SpecialStmt } from '../../ir/thread/special.ts';
import type { Register, TExpr, ThreadBuffer, ThreadKernel, TStmt } from '../../ir/thread/thread.ts';
import type { Scope, Step } from './steps.ts';
import type { Block, Value } from './value.ts';
import { Values } from './values.ts';
import { WritesOf } from './writes.ts';

/** A kernel's steps, and all values they are made of, oldest first. */
export interface Numbered {
  readonly steps: readonly Step[];
  readonly top: Block;
  readonly values: readonly Value[];
  /** Vars that are read anywhere: sets of others are dropped. */
  readonly readVars: ReadonlySet<Register>;
}

export const numbered = (kernel: ThreadKernel): Numbered => new Numbering(kernel).run(kernel);

/** Since when a var or a buffer holds what it holds. */
interface Version {
  readonly number: number;
  readonly since: Block;
}

type Load = TExpr & { kind: 'load' };
/** What is computed from other expressions alone. */
type Operation = Exclude<TExpr, { kind: 'const' | 'get' | 'load' }>;

class Numbering {
  private readonly top: Block = {
    id: 0,
    depth: 0,
    parent: undefined,
    kind: 'top',
    sure: true,
    innermost: true,
    out: [],
  };
  private readonly values = new Values(this.top);
  /** Of what was never written. */
  private readonly first: Version = { number: 0, since: this.top };
  private readonly lets = new Map<Register, Value>();
  private readonly varVersions = new Map<Register, Version>();
  private readonly memoryVersions = new Map<ThreadBuffer, Version>();
  private readonly registerIds = new Map<Register, number>();
  private readonly readVars = new Set<Register>();
  private readonly writes: WritesOf;
  private block: Block = this.top;
  private blocks = 1;
  private versions = 1;
  private exchanges = 0;

  constructor(kernel: ThreadKernel) {
    this.writes = new WritesOf(kernel.buffers);
    this.lets.set(
      kernel.workgroup,
      this.values.read(kernel.workgroup, 'workgroup', this.top, false, 0, kernel.grid - 1),
    );
    const { local, threads } = kernel;
    this.lets.set(
      local,
      threads === 1
        ? this.values.constant(0, local.type)
        : this.values.read(local, 'local', this.top, false, 0, threads - 1),
    );
  }

  run(kernel: ThreadKernel): Numbered {
    const steps = this.number(kernel.body);
    return { steps, top: this.top, values: this.values.all, readVars: this.readVars };
  }

  private inner(kind: 'loop' | 'branch', sure: boolean): Block {
    return {
      id: this.blocks++,
      depth: this.block.depth + 1,
      parent: this.block,
      kind,
      sure,
      innermost: true,
      out: [],
    };
  }

  private number(statements: readonly TStmt[]): Step[] {
    const steps: Step[] = [];
    for (let i = 0; i < statements.length; i++) this.numberStatement(statements[i]!, steps);
    return steps;
  }

  private numberStatement(s: TStmt, steps: Step[]): void {
    switch (s.kind) {
      case 'let': {
        const value = this.value(s.value);
        value.hint ??= s.register;
        this.lets.set(s.register, value);
        if (value.pinned && value.shape.kind !== 'const') steps.push({ kind: 'compute', value });
        break;
      }
      case 'var':
      case 'set': {
        steps.push({ kind: s.kind, register: s.register, value: this.value(s.value) });
        this.bumpVar(s.register);
        break;
      }
      case 'store': {
        const index = this.value(s.index);
        const value = this.value(s.value);
        steps.push({ kind: 'store', buffer: s.buffer, index, value });
        this.bumpMemory(s.buffer);
        break;
      }
      case 'for':
        this.numberLoop(s, steps);
        break;
      case 'if': {
        const condition = this.value(s.condition);
        if (condition.shape.kind === 'const') {
          steps.push(...this.number(condition.shape.value ? s.then : s.otherwise));
          break;
        }
        const then = this.numberScope(s.then, this.inner('branch', false));
        const otherwise = this.numberScope(s.otherwise, this.inner('branch', false));
        this.bumpAll(s.then);
        this.bumpAll(s.otherwise);
        if (then.steps.length + otherwise.steps.length > 0)
          steps.push({ kind: 'if', condition, then, otherwise });
        break;
      }
      case 'exchange': {
        const arg = this.value(s.value);
        const value = this.values.exchange(
          this.exchanges++,
          s.register.type,
          arg,
          s.mask,
          this.block,
        );
        value.hint = s.register;
        this.lets.set(s.register, value);
        steps.push({ kind: 'compute', value });
        break;
      }
      case 'fragments': {
        const value = this.values.fragments(this.exchanges++, s, this.value(s.index), this.block);
        value.hint = s.register;
        this.lets.set(s.register, value);
        steps.push({ kind: 'compute', value });
        break;
      }
      case 'roles': {
        const roles = s.roles.map((role) => {
          const block = this.inner('branch', false);
          const { group, place, groups, threads } = role;
          const define = (r: Register, most: number): void => {
            const key = `role${block.id}.${r === group ? 'group' : 'place'}`;
            this.lets.set(r, this.values.read(r, key, block, false, 0, most));
          };
          define(group, groups - 1);
          define(place, threads - 1);
          return { role, body: this.numberScope(role.body, block) };
        });
        for (const role of s.roles) this.bumpAll(role.body);
        steps.push({ kind: 'roles', roles });
        break;
      }
      case 'barrier':
        for (const buffer of this.writes.shared) this.bumpMemory(buffer);
        steps.push(s);
        break;
      default:
        this.special(s, steps);
    }
  }

  private special(statement: SpecialStmt, steps: Step[]): void {
    const parts = expressionsOf(statement).map((e) => this.value(e));
    steps.push({ kind: 'special', statement, parts });
    const { registers, buffers } = this.writes.in([statement]);
    for (const register of registers) {
      if (statement.kind !== 'mma') this.readVars.add(register);
      this.bumpVar(register);
    }
    for (const buffer of buffers) this.bumpMemory(buffer);
  }

  private numberScope(statements: readonly TStmt[], block: Block): Scope {
    const outer = this.block;
    this.block = block;
    const restore = this.snapshot(statements);
    const steps = this.number(statements);
    restore();
    this.block = outer;
    return { block, steps };
  }

  /** The two branches of an `if` start from the same state. */
  private snapshot(statements: readonly TStmt[]): () => void {
    const { registers, buffers } = this.writes.in(statements);
    const vars = [...registers].map((r) => [r, this.varVersions.get(r)] as const);
    const memory = [...buffers].map((b) => [b, this.memoryVersions.get(b)] as const);
    return () => {
      for (const [r, v] of vars) if (v !== undefined) this.varVersions.set(r, v);
      for (const [b, v] of memory) {
        if (v !== undefined) this.memoryVersions.set(b, v);
        else this.memoryVersions.delete(b);
      }
    };
  }

  private numberLoop(s: TStmt & { kind: 'for' }, steps: Step[]): void {
    const from = this.value(s.from);
    const to = this.value(s.to);
    if (from.lo >= to.hi) return;
    const sure = from.hi < to.lo;
    if (sure && to.hi - from.lo <= s.step) {
      this.lets.set(s.counter, from);
      if (from.pinned) steps.push({ kind: 'compute', value: from });
      steps.push(...this.number(s.body));
      return;
    }
    const block = this.inner('loop', sure);
    const outer = this.block;
    for (let b: Block | undefined = outer; b !== undefined; b = b.parent) b.innermost = false;
    this.block = block;
    this.bumpAll(s.body);
    const hi = Math.max(from.lo, to.hi - 1);
    const key = `counter${block.id}`;
    this.lets.set(s.counter, this.values.read(s.counter, key, block, false, from.lo, hi));
    const body = { block, steps: this.number(s.body) };
    this.block = outer;
    this.bumpAll(s.body);
    if (body.steps.length > 0)
      steps.push({ kind: 'for', counter: s.counter, from, to, step: s.step, body });
  }

  private bumpVar(register: Register): void {
    this.varVersions.set(register, { number: this.versions++, since: this.block });
  }

  private bumpMemory(buffer: ThreadBuffer): void {
    this.memoryVersions.set(buffer, { number: this.versions++, since: this.block });
  }

  private bumpAll(statements: readonly TStmt[]): void {
    const { registers, buffers } = this.writes.in(statements);
    for (const register of registers) if (this.varVersions.has(register)) this.bumpVar(register);
    for (const buffer of buffers) this.bumpMemory(buffer);
  }

  /** Values of expressions that mean the same wherever they occur. */
  private readonly known = new Map<TExpr, Value>();

  private value(e: TExpr): Value {
    // leaves are found as fast as it is found that they are known
    if (e.kind === 'const') return this.values.constant(e.value, e.type);
    if (e.kind === 'get') return this.lets.get(e.register) ?? this.variable(e.register);
    if (e.kind === 'load') return this.load(e);
    const known = this.known.get(e);
    if (known !== undefined) return known;
    const value = this.operation(e);
    if (!value.pinned) this.known.set(e, value);
    return value;
  }

  private variable(register: Register): Value {
    this.readVars.add(register);
    const { number, since } = this.varVersions.get(register) ?? this.first;
    return this.values.read(register, `var${this.registerId(register)}.${number}`, since, true);
  }

  private load(e: Load): Value {
    const index = this.value(e.index);
    const { number, since } = this.memoryVersions.get(e.buffer) ?? this.first;
    return this.values.load(e.buffer, e.type, index, number, since, this.certain());
  }

  private valuesOf(exprs: readonly TExpr[]): Value[] {
    // lists that grow take room for many more
    const a = exprs[0]!;
    const b = exprs[1];
    if (b === undefined) return [this.value(a)];
    if (exprs.length === 2) return [this.value(a), this.value(b)];
    return exprs.map((e) => this.value(e));
  }

  private operation(e: Operation): Value {
    const { values } = this;
    switch (e.kind) {
      case 'op':
        return values.op(e.op, e.type, this.valuesOf(e.args));
      case 'cast':
        return values.cast(e.to, e.type, this.value(e.arg));
      case 'fma':
        return values.fma(e.type, this.value(e.a), this.value(e.b), this.value(e.c));
      case 'splat':
        return values.splat(e.type, this.value(e.arg));
      case 'vec4': {
        const [a, b, c, d] = e.args;
        return values.vec4(e.type, [this.value(a), this.value(b), this.value(c), this.value(d)]);
      }
      case 'lane':
        return values.lane(e.type, this.value(e.arg), e.lane);
      case 'shuffle':
        return values.shuffle(e.type, this.value(e.a), this.value(e.b), e.lanes);
      case 'bits':
        return values.bits(e.of, e.type, this.valuesOf(e.args));
      default:
        return e satisfies never;
    }
  }

  private registerId(register: Register): number {
    return remember(this.registerIds, register, () => this.registerIds.size);
  }

  /** The outermost block that runs if and only if the current one runs at least once. */
  private certain(): Block {
    let { block } = this;
    while (block.kind === 'loop' && block.sure) block = block.parent!;
    return block;
  }
}
