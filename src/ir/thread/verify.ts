/**
 * The rules of Thread IR, checked: what a renderer may assume of every kernel it is given.
 *
 * Invariant: a kernel that passes needs no checks when it is rendered; index values alone are left to the interpreter.
 */
import { TigonError } from '../errors.ts';
import { type LazyText, textOf } from '../lazy-text.ts';
import type { Role } from './bulk.ts';
import { type BulkVerifier, verifyBulk, verifyRoles } from './bulk-verify.ts';
import {
  type ExpressionVerifier,
  INDEX,
  sameRegType,
  showRegType,
  verifyExpression,
} from './expr-verify.ts';
import { fitsDevice, hasPartners, hasUnits, hasWarpgroups, type ThreadLimits } from './limits.ts';
import { type TensorVerifier, verifyTensor } from './tensor-verify.ts';
import {
  type Register,
  type RegType,
  registerOf,
  type TExpr,
  type ThreadBuffer,
  type ThreadKernel,
  type TStmt,
} from './thread.ts';
import { Uniformity } from './uniform.ts';
import { meetingIn } from './visit.ts';

/**
 * Checks that `kernel` keeps the rules of L3.
 *
 * @throws {VerifyError} that names the kernel, the statement and the broken rule
 *
 * @see {@link verifyGraph}
 */
export const verifyThread = (kernel: ThreadKernel, limits?: ThreadLimits): void => {
  const known = passed.get(kernel) ?? new Set();
  if (known.has(limits)) return;
  new Verifier(kernel, limits).kernelRules();
  passed.set(kernel, known.add(limits));
};

/** Under which limits a kernel keeps the rules: several stages and programs are made of the same ones. */
const passed = new WeakMap<ThreadKernel, Set<ThreadLimits | undefined>>();

class Verifier {
  private readonly kernel: ThreadKernel;
  private readonly limits: ThreadLimits | undefined;
  private readonly declared = new Set<Register>();
  private readonly visible = new Map<Register, 'let' | 'var'>();
  private readonly checked = new Set<TExpr>();
  private readonly uniform: Uniformity;
  private where = '';
  /** The role around the statement at hand. */
  private role: Role | undefined;
  private readonly rule = (holds: boolean, text: LazyText): void => {
    if (!holds)
      throw new TigonError(
        'verify',
        `thread kernel ${this.kernel.name}${this.where === '' ? '' : `, ${this.where}`}: ${textOf(text)}`,
      );
  };
  private readonly parts: ExpressionVerifier = {
    rule: this.rule,
    isVisible: (r) => this.visible.has(r),
    buffer: (b) => this.buffer(b),
    constantInBounds: (b, index, lanes) => this.constantInBounds(b, index, lanes),
    expression: (e) => this.expression(e),
    typed: (e, type) => this.typed(e, type),
  };
  private readonly bulk: BulkVerifier = {
    rule: this.rule,
    agreed: (e) => {
      this.typed(e, INDEX);
      this.rule(this.uniform.holds(e), 'it may differ between threads that do it together');
    },
    buffer: (b) => this.buffer(b),
    accumulator: (r) => this.accumulator(r),
    words: (e) => this.typed(e, { elem: 'u32', lanes: 4 }),
  };

  private readonly tensor: TensorVerifier = {
    rule: this.rule,
    typed: (e, type) => this.typed(e, type),
    buffer: (b) => this.buffer(b),
    constantInBounds: (b, index, lanes) => this.constantInBounds(b, index, lanes),
    accumulator: (r) => this.accumulator(r),
    units: () => hasUnits(this.kernel.threads, this.limits, this.rule),
  };

  constructor(kernel: ThreadKernel, limits: ThreadLimits | undefined) {
    this.kernel = kernel;
    this.limits = limits;
    this.uniform = new Uniformity(kernel.local);
  }

  kernelRules(): void {
    const { buffers, grid, threads, workgroup, local, body } = this.kernel;
    this.rule(Number.isInteger(grid) && grid >= 0, () => `a grid is a count, not ${grid}`);
    this.rule(
      Number.isInteger(threads) && threads > 0,
      () => `a workgroup has 1 thread or more, not ${threads}`,
    );
    this.rule(sameRegType(workgroup.type, INDEX), 'the workgroup id is an i32');
    this.rule(sameRegType(local.type, INDEX), "a thread's place is an i32");
    const firstShared = buffers.findIndex((b) => b.space === 'shared');
    this.rule(
      firstShared < 0 || buffers.slice(firstShared).every((b) => b.space === 'shared'),
      'global buffers come before shared ones',
    );
    this.rule(new Set(buffers).size === buffers.length, 'a buffer is listed twice');
    if (this.limits !== undefined) fitsDevice(this.kernel, this.limits, this.rule);
    this.introduce(workgroup, 'let');
    this.uniform.define(workgroup);
    this.introduce(local, 'let');
    this.block(body);
  }

  private introduce(register: Register, as: 'let' | 'var'): void {
    this.rule(!this.declared.has(register), () => `register ${register.name} is declared twice`);
    this.declared.add(register);
    this.visible.set(register, as);
  }

  /** Registers declared inside are not visible behind it; neither is what was checked while they were. */
  private block(statements: readonly TStmt[]): void {
    const inside: Register[] = [];
    const known = this.checked.size;
    for (const [i, s] of statements.entries()) {
      if (s.kind === 'roles' && s.roles.some((role) => role.registers !== undefined))
        this.rule(i === statements.length - 1, 'something follows roles that change registers');
      if (s.kind === 'let' || s.kind === 'var' || s.kind === 'exchange' || s.kind === 'fragments')
        inside.push(s.register);
      this.statement(s);
    }
    for (const register of inside) this.visible.delete(register);
    if (inside.length > 0 && this.checked.size > known) this.checked.clear();
  }

  private statement(s: TStmt): void {
    switch (s.kind) {
      case 'let':
      case 'var':
        this.where = `${s.kind} ${s.register.name}`;
        this.typed(s.value, s.register.type);
        this.introduce(s.register, s.kind);
        if (s.kind === 'let') this.uniform.define(s.register, s.value);
        break;
      case 'set':
        this.where = `set ${s.register.name}`;
        this.rule(this.visible.get(s.register) === 'var', 'only a visible var can be set');
        this.typed(s.value, s.register.type);
        break;
      case 'store':
        this.where = `store to ${s.buffer.name}`;
        this.buffer(s.buffer);
        this.rule(s.buffer.access !== 'read', 'the buffer is read only');
        this.typed(s.index, INDEX);
        this.typed(s.value, { elem: registerOf(s.buffer.dtype), lanes: s.value.type.lanes });
        this.constantInBounds(s.buffer, s.index, s.value.type.lanes);
        break;
      case 'for':
        this.where = `for ${s.counter.name}`;
        this.rule(sameRegType(s.counter.type, INDEX), 'a loop counter is an i32');
        this.typed(s.from, INDEX);
        this.typed(s.to, INDEX);
        this.rule(
          Number.isInteger(s.step) && s.step > 0,
          () => `the step is ${s.step}, not 1 or more`,
        );
        this.together(s, 'bounds', s.from, s.to);
        this.introduce(s.counter, 'let');
        this.uniform.define(s.counter, s.from, s.to);
        this.block(s.body);
        this.visible.delete(s.counter);
        this.checked.clear();
        break;
      case 'if':
        this.where = 'if';
        this.typed(s.condition, { elem: 'bool', lanes: 1 });
        this.together(s, 'condition', s.condition);
        this.block(s.then);
        this.block(s.otherwise);
        break;
      case 'exchange':
        this.where = `exchange ${s.register.name}`;
        this.typed(s.value, s.register.type);
        hasPartners(s.mask, this.kernel.threads, this.limits, this.rule);
        this.introduce(s.register, 'let');
        break;
      case 'mma':
      case 'fragments':
      case 'copy':
      case 'wait':
        this.where = s.kind;
        verifyTensor(s, this.tensor);
        if (s.kind === 'fragments') this.introduce(s.register, 'let');
        break;
      case 'roles':
        this.where = 'roles';
        hasWarpgroups(this.limits, this.rule);
        verifyRoles(s, this.kernel.threads, this.bulk);
        for (const role of s.roles) this.inRole(role);
        break;
      case 'gates':
      case 'expect':
      case 'arrive':
      case 'await':
      case 'fetch':
      case 'products':
      case 'settle':
        this.where = s.kind;
        hasWarpgroups(this.limits, this.rule);
        verifyBulk(s, this.role, this.bulk);
        break;
      case 'barrier':
      case 'commit':
        break;
      default:
        s satisfies never;
    }
  }

  /** Its body, where the warpgroup's place in the role is one for all and the thread's place in it is not. */
  private inRole(role: Role): void {
    this.rule(sameRegType(role.group.type, INDEX), "a warpgroup's place is an i32");
    this.rule(sameRegType(role.place.type, INDEX), "a thread's place is an i32");
    this.introduce(role.group, 'let');
    this.uniform.define(role.group);
    this.introduce(role.place, 'let');
    this.role = role;
    this.block(role.body);
    this.role = undefined;
    for (const register of [role.group, role.place]) this.visible.delete(register);
    this.checked.clear();
  }

  private accumulator(r: Register): void {
    this.rule(this.visible.get(r) === 'var', 'only to a visible var can be added');
    this.rule(
      sameRegType(r.type, { elem: 'f32', lanes: 4 }),
      () => `an accumulator is f32x4, not ${showRegType(r.type)}`,
    );
  }

  /** All threads that meet in `s` must agree on what decides whether they do. */
  private together(s: TStmt, what: string, ...deciding: readonly TExpr[]): void {
    const who = meetingIn(s);
    if (who === 'nobody') return;
    const [inside, threads] =
      who === 'workgroup'
        ? ['a barrier or exchange', 'threads']
        : ['a product or its fragments', 'threads of a warp'];
    this.rule(
      deciding.every((e) => this.uniform.holds(e, who)),
      () => `${inside} inside, and its ${what} may differ between ${threads}`,
    );
  }

  private buffer(buffer: ThreadBuffer): void {
    this.rule(
      this.kernel.buffers.includes(buffer),
      () => `${buffer.name} is no buffer of the kernel`,
    );
  }

  private constantInBounds(buffer: ThreadBuffer, index: TExpr, lanes: number): void {
    if (index.kind !== 'const') return;
    this.rule(
      index.value >= 0 && index.value + lanes <= buffer.elements,
      () => `${lanes} element(s) at ${index.value} of ${buffer.name}, which has ${buffer.elements}`,
    );
  }

  private typed(e: TExpr, type: RegType): void {
    this.rule(
      sameRegType(e.type, type),
      () => `${showRegType(type)} is needed, ${e.kind} gives ${showRegType(e.type)}`,
    );
    this.expression(e);
  }

  private expression(e: TExpr): void {
    if (this.checked.has(e)) return;
    this.checked.add(e);
    verifyExpression(e, this.parts);
  }
}
