/**
 * The rules of Thread IR, checked: what a renderer may assume of every kernel it is given.
 *
 * Invariant: a kernel that passes needs no checks when it is rendered; index values alone are left to the interpreter.
 */
import { bytesOf } from '../dtype.ts';
import { TigonError } from '../errors.ts';
import { type LazyText, textOf } from '../lazy-text.ts';
import { isExactIn } from '../rounding.ts';
import { scalarOps } from '../scalar.ts';
import type { Role } from './bulk.ts';
import { type BulkVerifier, verifyBulk, verifyRoles } from './bulk-verify.ts';
import { WARP } from './tensor.ts';
import { type TensorVerifier, verifyTensor } from './tensor-verify.ts';
import {
  isFloatElem,
  isWideElem,
  type Register,
  type RegType,
  registerDType,
  registerOf,
  type TExpr,
  type ThreadBuffer,
  type ThreadKernel,
  type TStmt,
} from './thread.ts';
import { Uniformity } from './uniform.ts';
import { bodiesOf, meetingIn } from './visit.ts';

/** What a device allows; its `Caps` are one. */
export interface ThreadLimits {
  readonly sharedBytes: number;
  readonly keptBytes?: number;
  /** Most threads of a workgroup. */
  readonly threads: number;
  /** Exchange masks are below it. */
  readonly subgroup: number;
  /** Matrix units, if any. */
  readonly tensorCores: string;
}

const show = (t: RegType): string => (t.lanes === 1 ? t.elem : `${t.elem}x${t.lanes}`);
const same = (a: RegType, b: RegType): boolean => a.elem === b.elem && a.lanes === b.lanes;
const INDEX: RegType = { elem: 'i32', lanes: 1 };

/** Where warpgroups have roles, their number is the schedule's choice: devices that have them have room for eight. */
const MOST_WITH_ROLES = 1024;
const hasRoles = (body: readonly TStmt[]): boolean =>
  body.some((s) => s.kind === 'roles' || bodiesOf(s).some(hasRoles));

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
  private readonly bulk: BulkVerifier = {
    rule: (holds, text) => this.rule(holds, text),
    agreed: (e) => {
      this.typed(e, INDEX);
      this.rule(this.uniform.holds(e), 'it may differ between threads that do it together');
    },
    buffer: (b) => this.buffer(b),
    accumulator: (r) => this.accumulator(r),
    words: (e) => this.typed(e, { elem: 'u32', lanes: 4 }),
  };

  private readonly tensor: TensorVerifier = {
    rule: (holds, text) => this.rule(holds, text),
    typed: (e, type) => this.typed(e, type),
    buffer: (b) => this.buffer(b),
    constantInBounds: (b, index, lanes) => this.constantInBounds(b, index, lanes),
    accumulator: (r) => this.accumulator(r),
    units: () => {
      const { threads } = this.kernel;
      this.rule(threads % WARP === 0, () => `${threads} threads are no whole number of warps`);
      this.rule(this.limits?.tensorCores !== 'none', 'the device has no matrix units');
    },
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
    this.rule(same(workgroup.type, INDEX), 'the workgroup id is an i32');
    this.rule(same(local.type, INDEX), "a thread's place is an i32");
    const firstShared = buffers.findIndex((b) => b.space === 'shared');
    this.rule(
      firstShared < 0 || buffers.slice(firstShared).every((b) => b.space === 'shared'),
      'global buffers come before shared ones',
    );
    this.rule(new Set(buffers).size === buffers.length, 'a buffer is listed twice');
    if (this.limits !== undefined) this.withinLimits(this.limits);
    this.introduce(workgroup, 'let');
    this.uniform.define(workgroup);
    this.introduce(local, 'let');
    this.block(body);
  }

  private withinLimits(limits: ThreadLimits): void {
    const shared = this.kernel.buffers.filter((b) => b.space === 'shared');
    const bytes = shared.reduce((n, b) => n + b.elements * bytesOf(b.dtype), 0);
    const most = limits.sharedBytes + (limits.keptBytes ?? 0);
    this.rule(bytes <= most, () => `${bytes} bytes of shared memory, the device has ${most}`);
    const threads = hasRoles(this.kernel.body) ? MOST_WITH_ROLES : limits.threads;
    this.rule(
      this.kernel.threads <= threads,
      () => `${this.kernel.threads} threads in a workgroup, the device has ${threads}`,
    );
  }

  private rule(holds: boolean, text: LazyText): void {
    if (!holds)
      throw new TigonError(
        'verify',
        `thread kernel ${this.kernel.name}${this.where === '' ? '' : `, ${this.where}`}: ${textOf(text)}`,
      );
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
        this.rule(same(s.counter.type, INDEX), 'a loop counter is an i32');
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
        this.partners(s.mask);
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
        this.warpgroups();
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
        this.warpgroups();
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
    this.rule(same(role.group.type, INDEX), "a warpgroup's place is an i32");
    this.rule(same(role.place.type, INDEX), "a thread's place is an i32");
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
      same(r.type, { elem: 'f32', lanes: 4 }),
      () => `an accumulator is f32x4, not ${show(r.type)}`,
    );
  }

  /** Tiles and their products need matrix units that warpgroups drive. */
  private warpgroups(): void {
    const units = this.limits?.tensorCores ?? 'sm90a';
    this.rule(units === 'sm90a', 'the device has no matrix units for warpgroups');
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

  /** Every thread has a partner to exchange with. */
  private partners(mask: number): void {
    const { threads } = this.kernel;
    this.rule(Number.isInteger(mask) && mask > 0, () => `the mask is ${mask}, not 1 or more`);
    const { subgroup } = this.limits ?? { subgroup: Number.POSITIVE_INFINITY };
    this.rule(
      mask < subgroup,
      () => `mask ${mask}, the device exchanges between ${subgroup} threads`,
    );
    const run = 2 ** (Math.floor(Math.log2(mask)) + 1);
    this.rule(
      threads % run === 0,
      () => `mask ${mask} needs workgroups of a multiple of ${run} threads, not ${threads}`,
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
    this.rule(same(e.type, type), () => `${show(type)} is needed, ${e.kind} gives ${show(e.type)}`);
    this.expression(e);
  }

  private expression(e: TExpr): void {
    if (this.checked.has(e)) return;
    this.checked.add(e);
    const { elem, lanes } = e.type;
    this.rule(
      lanes === 1 || !isWideElem(elem),
      () => `${show(e.type)}: 64-bit elements have one lane`,
    );
    switch (e.kind) {
      case 'const':
        this.rule(
          isFloatElem(elem) ||
            (Number.isInteger(e.value) && isExactIn(registerDType[elem], e.value)),
          () => `constant ${e.value} is no ${show(e.type)}`,
        );
        break;
      case 'get':
        this.rule(
          this.visible.has(e.register),
          () => `register ${e.register.name} is not visible here`,
        );
        this.rule(
          same(e.type, e.register.type),
          () => `register ${e.register.name} is ${show(e.register.type)}`,
        );
        break;
      case 'op': {
        const result = scalarOps[e.op].dtype(...e.args.map((a) => registerDType[a.type.elem]));
        this.rule(
          e.args.length === scalarOps[e.op].arity &&
            result === registerDType[elem] &&
            e.args.every((a) => a.type.lanes === lanes),
          () =>
            `${e.op}(${e.args.map((a) => show(a.type)).join(', ')}) cannot give ${show(e.type)}`,
        );
        for (const a of e.args) this.expression(a);
        break;
      }
      case 'cast':
        this.rule(elem === registerOf(e.to), () => `cast to ${e.to} cannot give ${show(e.type)}`);
        this.rule(
          e.to === 'bool' || bytesOf(e.to) >= 4 || !isWideElem(e.arg.type.elem),
          () => `cast of ${show(e.arg.type)} to ${e.to} goes by 32 bits`,
        );
        this.typed(e.arg, { elem: e.arg.type.elem, lanes });
        break;
      case 'fma':
        this.rule(isFloatElem(elem), 'fma is for floats');
        for (const a of [e.a, e.b, e.c]) this.typed(a, e.type);
        break;
      case 'load':
        this.buffer(e.buffer);
        this.rule(
          e.buffer.space === 'shared' || e.buffer.access !== 'write',
          () => `${e.buffer.name} is write only`,
        );
        this.rule(
          elem === registerOf(e.buffer.dtype),
          () => `${e.buffer.name} holds ${e.buffer.dtype}, not ${show(e.type)}`,
        );
        this.typed(e.index, INDEX);
        this.constantInBounds(e.buffer, e.index, lanes);
        break;
      case 'splat':
        this.rule(lanes === 4, 'splat gives four lanes');
        this.typed(e.arg, { elem, lanes: 1 });
        break;
      case 'vec4':
        this.rule(lanes === 4, 'vec4 gives four lanes');
        for (const a of e.args) this.typed(a, { elem, lanes: 1 });
        break;
      case 'lane':
        this.rule(lanes === 1, 'lane gives one lane');
        this.typed(e.arg, { elem, lanes: 4 });
        break;
      case 'shuffle':
        this.rule(
          lanes === 4 && e.lanes.every((l) => Number.isInteger(l) && l >= 0 && l < 8),
          'shuffle takes lanes 0 to 7',
        );
        this.typed(e.a, e.type);
        this.typed(e.b, e.type);
        break;
      case 'bits':
        this.rule(elem === 'u32' && lanes === 1, 'bits are one u32');
        this.rule(
          e.args.length * bytesOf(e.of) === 4,
          () => `${e.args.length} ${e.of} fill no word`,
        );
        for (const a of e.args) this.typed(a, { elem: 'f32', lanes: 1 });
        break;
      default:
        e satisfies never;
    }
  }
}
