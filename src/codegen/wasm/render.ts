/**
 * Thread IR → one WebAssembly function that runs a range of workgroups.
 *
 * Invariant: the function is `(pointer of each global buffer…, scratch, begin, end)`; addresses are computed modulo 2^32
 * from byte pointers not below `LOW_BYTES`, which is why small constant offsets may sit in the instruction.
 */
import { bytesOf } from '../../ir/dtype.ts';
import type {
  Register,
  RegType,
  TExpr,
  ThreadBuffer,
  ThreadKernel,
  TStmt,
} from '../../ir/thread/thread.ts';
import type { Caps } from '../caps.ts';
import {
  type Access,
  Accesses,
  Indices,
  type Linear,
  type RegisterFacts,
  registerFacts,
} from './address.ts';
import { FunctionBuilder } from './builder.ts';
import { cast, extract, insert, load, splat, splatLoads, store, valueType } from './numbers.ts';
import { withoutDeadSets } from './prune.ts';
import { type Range, rangeOf } from './ranges.ts';
import { spellings } from './scalar.ts';
import {
  f32,
  get,
  i32,
  type Label,
  type Local,
  memory,
  op,
  plus,
  set,
  shuffle,
  times,
  type Wasm,
  type WasmFunction,
} from './tree.ts';
import { inLane, type Vectors, vectors } from './vector.ts';

/** No buffer lies below this address. */
export const LOW_BYTES: number = 1 << 20;
const SHARED_ALIGNMENT = 64;

/** Bytes of workgroup memory, each buffer aligned. */
export const sharedBytesOf = (kernel: ThreadKernel): number => {
  let bytes = 0;
  for (const b of kernel.buffers)
    if (b.space === 'shared') bytes = align(bytes) + b.elements * bytesOf(b.dtype);
  return align(bytes);
};
const align = (bytes: number): number => Math.ceil(bytes / SHARED_ALIGNMENT) * SHARED_ALIGNMENT;

/** Renders a kernel. */
export const renderKernel = (kernel: ThreadKernel, caps: Caps): WasmFunction =>
  new Renderer(kernel, caps).render();

/** Where a buffer starts: a pointer and a constant beyond it. */
interface Place {
  readonly pointer: Wasm;
  readonly offset: number;
}

/** An access' index as a sum; its constant as what the instruction adds (`offset`) and what the key has in it. */
interface Address {
  readonly form: Linear;
  readonly key: string;
  readonly offset: number;
  readonly coarse: number;
  /** Bytes of an element. */
  readonly size: number;
}

/** What a block has made: addresses by key, and registers, which mean nothing outside it. */
interface Scope {
  readonly addresses: Map<string, Local>;
  readonly registers: Register[];
}
const newScope = (): Scope => ({ addresses: new Map(), registers: [] });

class Renderer {
  readonly #kernel: ThreadKernel;
  readonly #fb = new FunctionBuilder();
  readonly #v: Vectors;
  readonly #facts: RegisterFacts;
  readonly #indices: Indices;
  readonly #accesses = new Accesses();
  readonly #addresses = new Map<Access, Address>();
  readonly #places = new Map<ThreadBuffer, Place>();
  readonly #registers = new Map<Register, Local>();
  readonly #ranges = new Map<Register, Range>();
  /** What is at hand, innermost scope last. */
  readonly #scopes: Scope[] = [newScope()];
  /** How often each address occurs, to share only what is used again. */
  readonly #uses = new Map<string, number>();

  constructor(kernel: ThreadKernel, caps: Caps) {
    this.#kernel = kernel;
    this.#v = vectors(this.#fb, caps.fusedMultiplyAdd);
    this.#facts = registerFacts(kernel.body);
    this.#indices = new Indices(this.#facts);
  }

  render(): WasmFunction {
    const fb = this.#fb;
    const kernel = this.#kernel;
    for (const b of kernel.buffers)
      if (b.space === 'global')
        this.#places.set(b, { pointer: get(fb.param('i32', b.name)), offset: 0 });
    const scratch = get(fb.param('i32', 'scratch'));
    const workgroup = fb.param('i32', kernel.workgroup.name);
    const end = get(fb.param('i32', 'end'));
    let bytes = 0;
    for (const b of kernel.buffers) {
      if (b.space !== 'shared') continue;
      bytes = align(bytes);
      this.#places.set(b, { pointer: scratch, offset: bytes });
      bytes += b.elements * bytesOf(b.dtype);
    }
    this.#countAddresses(kernel.body);
    this.#registers.set(kernel.workgroup, workgroup);
    this.#ranges.set(kernel.workgroup, [0, Math.max(0, kernel.grid - 1)]);
    const label: Label = { name: 'next' };
    const body = fb.nested(() => {
      this.#block(kernel.body);
      fb.push(set(workgroup, plus(get(workgroup), i32(1))));
      fb.push({
        kind: 'branch',
        label,
        condition: op('i32.lt_s', get(workgroup), end),
      });
    });
    fb.push({
      kind: 'if',
      condition: op('i32.lt_s', get(workgroup), end),
      then: [{ kind: 'loop', label, body }],
      otherwise: [],
    });
    return withoutDeadSets(fb.finish(kernel.name, { notes: kernel.notes }));
  }

  /** Counts accesses by address; those in branches too, which loops do not prepare for. */
  #countAddresses(body: readonly TStmt[]): void {
    for (const access of this.#accesses.of(body)) {
      const { key } = this.#address(access);
      this.#uses.set(key, (this.#uses.get(key) ?? 0) + 1);
    }
    this.#countBranches(body);
  }
  #countBranches(body: readonly TStmt[]): void {
    for (const s of body) {
      if (s.kind === 'for') this.#countBranches(s.body);
      else if (s.kind === 'if') {
        this.#countAddresses(s.then);
        this.#countAddresses(s.otherwise);
      }
    }
  }

  // --- addresses

  #address(access: Access): Address {
    let address = this.#addresses.get(access);
    if (address === undefined) {
      const form = this.#indices.of(access.index, true);
      const split = this.#split(access.buffer, form);
      const base = this.#place(access.buffer).pointer;
      const name = base.kind === 'get' ? base.local.index : -1;
      const key = `${name}:${split.size}:${split.coarse}:${form.key}`;
      address = { form, key, ...split };
      this.#addresses.set(access, address);
    }
    return address;
  }

  /** What of an address' constant part goes into the instruction, and what into the sum. */
  #split(buffer: ThreadBuffer, form: Linear): { offset: number; coarse: number; size: number } {
    const size = bytesOf(buffer.dtype);
    const constant = this.#place(buffer).offset + form.constant * size;
    const coarse = constant >= 0 && constant < LOW_BYTES ? 0 : Math.floor(constant / 65536) * 65536;
    return { offset: constant - coarse, coarse, size };
  }

  #place(buffer: ThreadBuffer): Place {
    return this.#places.get(buffer)!;
  }

  #known(key: string): Local | undefined {
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const local = this.#scopes[i]!.addresses.get(key);
      if (local !== undefined) return local;
    }
    return undefined;
  }

  #sum(buffer: ThreadBuffer, form: Linear, coarse: number, size: number): Wasm {
    let sum = this.#place(buffer).pointer;
    for (const t of form.terms) sum = plus(sum, times(this.#value(t.atom), t.coef * size));
    return plus(sum, i32(coarse));
  }

  /** Pointer and constant offset of an element. */
  #element(access: Access): { address: Wasm; offset: number } {
    const { buffer, index } = access;
    const { form, key, offset, coarse, size } = this.#address(access);
    const sharable = form.stable && form.terms.length > 0;
    const known = sharable ? this.#known(key) : undefined;
    if (known !== undefined) return { address: get(known), offset };
    // the short form reads registers where the long one computes again what they hold
    const short = this.#indices.of(index, false);
    const own = this.#split(buffer, short);
    const address = this.#sum(buffer, short, own.coarse, size);
    if (!sharable || (this.#uses.get(key) ?? 0) < 2) return { address, offset: own.offset };
    const local = this.#fb.local('i32', `at_${buffer.name}`);
    // the shared address leaves out the constant that this access adds: see whether the short form does so too
    const same = own.coarse === coarse && own.offset === offset;
    this.#fb.push(set(local, same ? address : this.#sum(buffer, form, coarse, size)));
    this.#scopes.at(-1)!.addresses.set(key, local);
    return { address: get(local), offset };
  }

  /** Addresses of a loop that are fixed in it, and those that advance by a constant; gives the steps to append. */
  #prepareLoop(loop: Extract<TStmt, { kind: 'for' }>): readonly (readonly [Local, number])[] {
    const steps: (readonly [Local, number])[] = [];
    const scope = this.#scopes.at(-1)!.addresses;
    for (const access of this.#accesses.of(loop.body)) {
      const { form, key, coarse, size } = this.#address(access);
      if (!form.stable || form.terms.length === 0 || this.#known(key) !== undefined) continue;
      let step = 0;
      let open = false;
      for (const t of form.terms) {
        if (t.atom.kind === 'get' && t.atom.register === loop.counter) step = t.coef * loop.step;
        else if (!t.registers.every((r) => r !== loop.counter && this.#registers.has(r)))
          open = true;
      }
      if (open) continue;
      const { buffer } = access;
      const local = this.#fb.local('i32', `at_${buffer.name}`);
      this.#fb.push(set(local, this.#sum(buffer, form, coarse, size)));
      scope.set(key, local);
      if (step !== 0) steps.push([local, step * size]);
    }
    return steps;
  }

  // --- statements

  #block(body: readonly TStmt[]): void {
    for (const s of body) this.#statement(s);
  }

  #scoped(fill: () => void): Wasm[] {
    this.#scopes.push(newScope());
    const list = this.#fb.nested(fill);
    for (const r of this.#scopes.pop()!.registers) this.#registers.delete(r);
    return list;
  }

  #declare(register: Register): Local {
    const local = this.#fb.local(valueType(register.type), register.name);
    this.#registers.set(register, local);
    this.#scopes.at(-1)!.registers.push(register);
    return local;
  }

  #statement(s: TStmt): void {
    const fb = this.#fb;
    switch (s.kind) {
      case 'let': {
        const value = this.#value(s.value);
        fb.push(set(this.#declare(s.register), value));
        const range = this.#range(s.value);
        if (range !== undefined && s.register.type.elem === 'i32')
          this.#ranges.set(s.register, range);
        return;
      }
      case 'var': {
        const value = this.#value(s.value);
        fb.push(set(this.#declare(s.register), value));
        return;
      }
      case 'set':
        fb.push(set(this.#registers.get(s.register)!, this.#value(s.value)));
        return;
      case 'store': {
        const value = this.#value(s.value);
        const { lanes } = s.value.type;
        const { address, offset } = this.#element(s);
        fb.push(store(this.#v, s.buffer.dtype, lanes, address, offset, value));
        return;
      }
      case 'for':
        this.#loop(s);
        return;
      case 'if': {
        const condition = this.#value(s.condition);
        const then = this.#scoped(() => this.#block(s.then));
        const otherwise = this.#scoped(() => this.#block(s.otherwise));
        fb.push({ kind: 'if', condition, then, otherwise });
        return;
      }
      case 'barrier':
        // a workgroup is one thread here
        return;
      default:
        s satisfies never;
    }
  }

  #loop(s: Extract<TStmt, { kind: 'for' }>): void {
    const fb = this.#fb;
    const from = this.#value(s.from);
    const limit = this.#value(s.to);
    const fixed =
      limit.kind === 'const' || (s.to.kind === 'get' && !this.#facts.variables.has(s.to.register));
    const to = fixed ? limit : fb.bind(limit, 'i32', `${s.counter.name}_end`);
    const low = this.#range(s.from);
    const high = this.#range(s.to);
    if (low !== undefined && high !== undefined && s.step > 0)
      this.#ranges.set(s.counter, [low[0], Math.max(low[0], high[1] - 1)]);
    this.#scopes.push(newScope());
    const counter = this.#declare(s.counter);
    fb.push(set(counter, from));
    const label: Label = { name: s.counter.name };
    const more = op('i32.lt_s', get(counter), to);
    const run = (): void => {
      const steps = this.#prepareLoop(s);
      const body = this.#scoped(() => {
        this.#block(s.body);
        for (const [local, bytes] of steps) fb.push(set(local, plus(get(local), i32(bytes))));
        fb.push(set(counter, plus(get(counter), i32(s.step))));
        fb.push({ kind: 'branch', label, condition: more });
      });
      fb.push({ kind: 'loop', label, body });
    };
    const always = s.from.kind === 'const' && s.to.kind === 'const' && s.from.value < s.to.value;
    if (always) run();
    else fb.push({ kind: 'if', condition: more, then: fb.nested(run), otherwise: [] });
    for (const r of this.#scopes.pop()!.registers) this.#registers.delete(r);
  }

  // --- values

  readonly #nonNegative = (e: TExpr): boolean => (this.#range(e)?.[0] ?? -1) >= 0;

  #range(expr: TExpr): Range | undefined {
    return expr.type.elem === 'i32' ? rangeOf(expr, (r) => this.#ranges.get(r)) : undefined;
  }

  #constant(type: RegType, value: number): Wasm {
    if (type.lanes === 4)
      return type.elem === 'f32'
        ? this.#v.f(value)
        : this.#v.i(type.elem === 'bool' && value !== 0 ? -1 : value | 0);
    if (type.elem === 'f32') return f32(value);
    return i32(type.elem === 'bool' && value !== 0 ? 1 : value);
  }

  #value(e: TExpr): Wasm {
    const v = this.#v;
    switch (e.kind) {
      case 'const':
        return this.#constant(e.type, e.value);
      case 'get':
        return get(this.#registers.get(e.register)!);
      case 'op':
        return spellings[e.op]({
          v,
          type: e.args.at(-1)!.type,
          args: e.args.map((a) => this.#value(a)),
          exprs: e.args,
          nonNegative: this.#nonNegative,
        });
      case 'cast':
        return cast(v, e.arg.type.elem, e.to, e.type.lanes, this.#value(e.arg));
      case 'fma': {
        const [a, b, c] = [this.#value(e.a), this.#value(e.b), this.#value(e.c)];
        if (e.type.lanes === 4) return v.madd(a, b, c);
        // on one lane of the vector instruction, so that tails round as vectors do
        return v.fused
          ? inLane([a, b, c], (x, y, z) => v.madd(x!, y!, z!))
          : op('f32.add', op('f32.mul', a, b), c);
      }
      case 'load': {
        const { address, offset } = this.#element(e);
        return load(v, e.buffer.dtype, e.type.lanes, address, offset);
      }
      case 'splat': {
        if (e.arg.kind === 'const') return this.#constant(e.type, e.arg.value);
        if (e.arg.kind === 'load' && splatLoads(e.arg.buffer.dtype)) {
          const { address, offset } = this.#element(e.arg);
          return memory('v128.load32_splat', offset, address);
        }
        return splat(e.type.elem, this.#value(e.arg));
      }
      case 'vec4': {
        const [first, ...rest] = e.args.map((a) => this.#value(a));
        return rest.reduce(
          (sum: Wasm, x, i) => insert(e.type.elem, sum, i + 1, x),
          splat(e.type.elem, first!),
        );
      }
      case 'lane':
        return extract(e.type.elem, this.#value(e.arg), e.lane);
      case 'shuffle':
        return shuffle(this.#value(e.a), this.#value(e.b), e.lanes);
      default:
        return e satisfies never;
    }
  }
}
