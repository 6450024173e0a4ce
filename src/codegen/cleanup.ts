/**
 * Thread IR to Thread IR: computes each thing once, as far out of the loops as it may be.
 *
 * Invariants: loads are never moved where they might not have run, nor past a write to their buffer; what depends on
 * memory or a `var` is computed no later than in the source; statements with effects keep their order.
 */
import type { Register, TExpr, ThreadBuffer, ThreadKernel, TStmt } from '../ir/thread/thread.ts';
import { type Block, type Value, Values } from './cleanup-values.ts';

/** The same kernel with common subexpressions shared, invariants hoisted, constants folded and dead code gone. */
export const cleanup = (kernel: ThreadKernel): ThreadKernel => {
  const pass = new Cleanup(kernel);
  return { ...kernel, body: pass.run(kernel) };
};

/** A statement with its expressions numbered; written out once all uses are known. */
type Step =
  | { readonly kind: 'compute'; readonly value: Value }
  | {
      readonly kind: 'var' | 'set';
      readonly register: Register;
      readonly value: Value;
    }
  | {
      readonly kind: 'store';
      readonly buffer: ThreadBuffer;
      readonly index: Value;
      readonly value: Value;
    }
  | {
      readonly kind: 'for';
      readonly counter: Register;
      readonly from: Value;
      readonly to: Value;
      readonly step: number;
      readonly body: Scope;
    }
  | {
      readonly kind: 'if';
      readonly condition: Value;
      readonly then: Scope;
      readonly otherwise: Scope;
    }
  | { readonly kind: 'barrier' };

interface Scope {
  readonly block: Block;
  readonly steps: Step[];
}

/** Since when a var or a buffer holds what it holds. */
interface Version {
  readonly number: number;
  readonly since: Block;
}

interface Writes {
  readonly registers: ReadonlySet<Register>;
  readonly buffers: ReadonlySet<ThreadBuffer>;
  readonly barrier: boolean;
}

class Cleanup {
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
  private readonly lets = new Map<Register, Value>();
  private readonly varVersions = new Map<Register, Version>();
  private readonly memoryVersions = new Map<ThreadBuffer, Version>();
  private readonly registerIds = new Map<Register, number>();
  private readonly readVars = new Set<Register>();
  private readonly writable: readonly ThreadBuffer[];
  private readonly writesOf = new Map<readonly TStmt[], Writes>();
  private block: Block = this.top;
  private blocks = 1;
  private versions = 1;

  constructor(kernel: ThreadKernel) {
    this.writable = kernel.buffers.filter((b) => b.access !== 'read');
    this.lets.set(
      kernel.workgroup,
      this.values.read(kernel.workgroup, 'workgroup', this.top, false, 0, kernel.grid - 1),
    );
  }

  run(kernel: ThreadKernel): readonly TStmt[] {
    const steps = this.number(kernel.body);
    this.countUses(steps);
    this.block = this.top;
    this.writeSteps(steps);
    return this.top.out;
  }

  // Numbering.

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
    for (const s of statements) this.numberStatement(s, steps);
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
      case 'barrier':
        for (const buffer of this.writable) this.bumpMemory(buffer);
        steps.push(s);
        break;
      default:
        s satisfies never;
    }
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
    const { registers, buffers, barrier } = this.writes(statements);
    const vars = [...registers].map((r) => [r, this.varVersions.get(r)] as const);
    const memory = (barrier ? this.writable : [...buffers]).map(
      (b) => [b, this.memoryVersions.get(b)] as const,
    );
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
    const { registers, buffers, barrier } = this.writes(statements);
    for (const register of registers) if (this.varVersions.has(register)) this.bumpVar(register);
    for (const buffer of barrier ? this.writable : buffers) this.bumpMemory(buffer);
  }

  private writes(statements: readonly TStmt[]): Writes {
    const known = this.writesOf.get(statements);
    if (known !== undefined) return known;
    const registers = new Set<Register>();
    const buffers = new Set<ThreadBuffer>();
    let barrier = false;
    const include = (inner: Writes): void => {
      for (const r of inner.registers) registers.add(r);
      for (const b of inner.buffers) buffers.add(b);
      barrier ||= inner.barrier;
    };
    for (const s of statements) {
      if (s.kind === 'set') registers.add(s.register);
      else if (s.kind === 'store') buffers.add(s.buffer);
      else if (s.kind === 'barrier') barrier = true;
      else if (s.kind === 'for') include(this.writes(s.body));
      else if (s.kind === 'if') {
        include(this.writes(s.then));
        include(this.writes(s.otherwise));
      }
    }
    const result = { registers, buffers, barrier };
    this.writesOf.set(statements, result);
    return result;
  }

  /** Values of expressions that mean the same wherever they occur. */
  private readonly known = new Map<TExpr, Value>();

  private value(e: TExpr): Value {
    const known = this.known.get(e);
    if (known !== undefined) return known;
    const value = this.valueHere(e);
    if (!value.pinned) this.known.set(e, value);
    return value;
  }

  private valueHere(e: TExpr): Value {
    const { values } = this;
    switch (e.kind) {
      case 'const':
        return values.constant(e.value, e.type);
      case 'get': {
        const known = this.lets.get(e.register);
        if (known !== undefined) return known;
        this.readVars.add(e.register);
        const version = this.varVersions.get(e.register) ?? { number: 0, since: this.top };
        const key = `var${this.registerId(e.register)}.${version.number}`;
        return values.read(e.register, key, version.since, true);
      }
      case 'op':
        return values.op(
          e.op,
          e.type,
          e.args.map((a) => this.value(a)),
        );
      case 'cast':
        return values.cast(e.to, e.type, this.value(e.arg));
      case 'fma':
        return values.fma(e.type, this.value(e.a), this.value(e.b), this.value(e.c));
      case 'load': {
        const index = this.value(e.index);
        const version = this.memoryVersions.get(e.buffer) ?? { number: 0, since: this.top };
        const { number, since } = version;
        return values.load(e.buffer, e.type, index, number, since, this.certain());
      }
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
      default:
        return e satisfies never;
    }
  }

  private registerId(register: Register): number {
    let id = this.registerIds.get(register);
    if (id === undefined) {
      id = this.registerIds.size;
      this.registerIds.set(register, id);
    }
    return id;
  }

  /** The outermost block that runs if and only if the current one runs at least once. */
  private certain(): Block {
    let { block } = this;
    while (block.kind === 'loop' && block.sure) block = block.parent!;
    return block;
  }

  // Placing.

  private countUses(steps: readonly Step[]): void {
    this.countRoots(steps, this.top);
    const { all } = this.values;
    for (let i = all.length - 1; i >= 0; i--) {
      const value = all[i]!;
      if (value.uses === 0) continue;
      const at = this.wantsRegister(value) ? this.placeOf(value) : value.spot!;
      for (const arg of value.args) use(arg, at);
    }
  }

  private countRoots(steps: readonly Step[], block: Block): void {
    for (const s of steps) {
      switch (s.kind) {
        case 'compute':
          s.value.forced = true;
          s.value.spot = s.value.spot === undefined ? block : common(s.value.spot, block);
          break;
        case 'var':
        case 'set':
          if (this.readVars.has(s.register)) use(s.value, block);
          break;
        case 'store':
          use(s.index, block);
          use(s.value, block);
          break;
        case 'for':
          use(s.from, block);
          use(s.to, block);
          this.countRoots(s.body.steps, s.body.block);
          break;
        case 'if':
          use(s.condition, block);
          this.countRoots(s.then.steps, s.then.block);
          this.countRoots(s.otherwise.steps, s.otherwise.block);
          break;
        case 'barrier':
          break;
        default:
          s satisfies never;
      }
    }
  }

  /** The block to compute a value in: around all uses, and out of every loop it does not change in. */
  private placeOf(value: Value): Block {
    let place = value.spot!;
    if (value.shape.kind === 'const') return beforeInnermostLoop(place);
    for (let b: Block = place; b !== value.home && b.parent !== undefined; b = b.parent)
      if (b.kind === 'loop') place = b.parent;
    return place;
  }

  private wantsRegister(value: Value): boolean {
    if (isFree(value)) return false;
    if (value.shape.kind === 'const') return this.placeOf(value) !== value.spot;
    return value.forced || value.uses > 1 || this.placeOf(value) !== value.spot;
  }

  // Writing.

  private writeSteps(steps: readonly Step[]): void {
    for (const s of steps) this.writeStep(s);
  }

  private writeStep(s: Step): void {
    switch (s.kind) {
      case 'compute':
        if (s.value.uses > 0) this.expression(s.value);
        break;
      case 'var':
      case 'set':
        if (this.readVars.has(s.register))
          this.emit({ kind: s.kind, register: s.register, value: this.expression(s.value) });
        break;
      case 'store': {
        const index = this.expression(s.index);
        this.emit({ kind: 'store', buffer: s.buffer, index, value: this.expression(s.value) });
        break;
      }
      case 'for': {
        const from = this.expression(s.from);
        const to = this.expression(s.to);
        const body = this.writeScope(s.body);
        if (body.length > 0)
          this.emit({ kind: 'for', counter: s.counter, from, to, step: s.step, body });
        break;
      }
      case 'if': {
        const condition = this.expression(s.condition);
        const then = this.writeScope(s.then);
        const otherwise = this.writeScope(s.otherwise);
        if (then.length + otherwise.length > 0)
          this.emit({ kind: 'if', condition, then, otherwise });
        break;
      }
      case 'barrier':
        this.emit(s);
        break;
      default:
        s satisfies never;
    }
  }

  private writeScope({ block, steps }: Scope): readonly TStmt[] {
    const outer = this.block;
    this.block = block;
    this.writeSteps(steps);
    this.block = outer;
    return block.out;
  }

  private emit(s: TStmt): void {
    this.block.out.push(s);
  }

  /** The expression for a value here; computes it into a register first where that is wanted. */
  private expression(value: Value): TExpr {
    if (value.register !== undefined) return get(value.register);
    if (!this.wantsRegister(value)) return this.spell(value);
    const place = this.placeOf(value);
    const register: Register = value.hint ?? { name: `t${value.id}`, type: value.type };
    const e = this.spell(value);
    place.out.push({ kind: 'let', register, value: e });
    value.register = register;
    return get(register);
  }

  private spell(value: Value): TExpr {
    const { shape, type } = value;
    const args = value.args.map((a) => this.expression(a));
    const [a, b, c, d] = args as [TExpr, TExpr, TExpr, TExpr];
    switch (shape.kind) {
      case 'const':
        return { kind: 'const', type, value: shape.value };
      case 'get':
        return get(shape.register);
      case 'op':
        return { kind: 'op', type, op: shape.op, args };
      case 'cast':
        return { kind: 'cast', type, to: shape.to, arg: a };
      case 'fma':
        return { kind: 'fma', type, a, b, c };
      case 'load':
        return { kind: 'load', type, buffer: shape.buffer, index: a };
      case 'splat':
        return { kind: 'splat', type, arg: a };
      case 'vec4':
        return { kind: 'vec4', type, args: [a, b, c, d] };
      case 'lane':
        return { kind: 'lane', type, arg: a, lane: shape.lane };
      case 'shuffle':
        return { kind: 'shuffle', type, a, b, lanes: shape.lanes };
      default:
        return shape satisfies never;
    }
  }
}

const get = (register: Register): TExpr => ({ kind: 'get', type: register.type, register });

/** Costs nothing where it is used: registers, immediate constants, and the offset of an address. */
const isFree = (value: Value): boolean => {
  const { shape, type, args } = value;
  if (shape.kind === 'get') return !value.forced;
  if (shape.kind === 'const') return type.lanes === 1;
  return (
    shape.kind === 'op' &&
    shape.op === 'add' &&
    type.elem === 'i32' &&
    type.lanes === 1 &&
    args[1]!.shape.kind === 'const' &&
    !value.forced
  );
};

/** Vector constants want a register in small loops; further out they would only occupy one. */
const beforeInnermostLoop = (spot: Block): Block => {
  let b = spot;
  while (b.kind === 'branch' && b.parent !== undefined) b = b.parent;
  return b.kind === 'loop' && b.innermost ? b.parent! : spot;
};

/** Counts a use of `value` in `block`; what is free where it is used passes the use on. */
const use = (value: Value, block: Block): void => {
  if (isFree(value) && value.args.length > 0) {
    value.spot = value.spot === undefined ? block : common(value.spot, block);
    use(value.args[0]!, block);
    return;
  }
  value.uses++;
  value.spot = value.spot === undefined ? block : common(value.spot, block);
};

const common = (a: Block, b: Block): Block => {
  let [x, y] = [a, b];
  while (x !== y) {
    if (x.depth >= y.depth) x = x.parent!;
    else y = y.parent!;
  }
  return x;
};
