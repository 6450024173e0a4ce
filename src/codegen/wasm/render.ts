/**
 * Thread IR → one WebAssembly function that runs a range of workgroups.
 *
 * Invariant: the function is `(pointer of each global buffer…, scratch, begin, end)`; a register is declared in the
 * block that has its `let`, so a loop's rounds never see each other's values.
 */
import { TigonError } from '../../ir/errors.ts';
import type { BulkStmt } from '../../ir/thread/bulk.ts';
import type { TensorStmt } from '../../ir/thread/tensor.ts';
import {
  isWideElem,
  type Register,
  type RegType,
  type TExpr,
  type ThreadBuffer,
  type ThreadKernel,
  type TStmt,
} from '../../ir/thread/thread.ts';
import type { Caps } from '../caps.ts';
import { type Range, rangeOf } from '../ranges.ts';
import { FunctionBuilder } from './builder.ts';
import { cast } from './casts.ts';
import { isCrowded, testedFirst } from './crowded.ts';
import { tellDrawing } from './draws.ts';
import { sharedLayout } from './layout.ts';
import { extract, insert, load, splat, splatLoads, store, valueType } from './numbers.ts';
import { type Place, Pointers } from './pointers.ts';
import { withoutDeadSets } from './prune.ts';
import { spellings } from './scalar.ts';
import { spellings64 } from './scalar64.ts';
import { isAtMostZero, isPlusZero } from './signs.ts';
import { Survey } from './survey.ts';
import {
  f32,
  f64,
  get,
  i32,
  i64,
  type Label,
  type Local,
  memory,
  op,
  plus,
  type Reading,
  set,
  shuffle,
  type Wasm,
  type WasmFunction,
} from './tree.ts';
import { inLane, type Vectors, vectors } from './vector.ts';

/** Renders a kernel. */
export const renderKernel = (kernel: ThreadKernel, caps: Caps): WasmFunction =>
  new Renderer(kernel, caps).render();

class Renderer {
  readonly #kernel: ThreadKernel;
  readonly #fb = new FunctionBuilder();
  readonly #v: Vectors;
  readonly #survey: Survey;
  readonly #places = new Map<ThreadBuffer, Place>();
  readonly #pointers: Pointers;
  /** How registers are read. */
  readonly #registers = new Map<Register, Reading>();
  /** Those of counters, and of registers that somebody asked about. */
  readonly #ranges = new Map<Register, Range>();
  /** Random words that are computed. */
  readonly #drawn = new Map<TExpr, Wasm>();
  /** Registers that are declared, and how many were when each open block began: they mean nothing outside it. */
  readonly #declared: Register[] = [];
  readonly #blocks: number[] = [];

  constructor(kernel: ThreadKernel, caps: Caps) {
    this.#kernel = kernel;
    this.#v = vectors(this.#fb, caps.fusedMultiplyAdd);
    this.#survey = new Survey(kernel.body);
    this.#pointers = new Pointers(this.#fb, this.#survey, this.#places, {
      value: (e) => this.#value(e),
      declared: (register) => this.#registers.has(register),
    });
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
    for (const [b, offset] of sharedLayout(kernel).offsets)
      this.#places.set(b, { pointer: scratch, offset });
    this.#pointers.count();
    this.#registers.set(kernel.workgroup, get(workgroup));
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

  // --- statements

  #block(body: readonly TStmt[]): void {
    if (!this.#survey.draws) {
      for (let i = 0; i < body.length; i++) this.#statement(body[i]!);
      return;
    }
    tellDrawing(body, this.#survey.variables, this.#drawn, {
      v: this.#v,
      statement: (s) => this.#statement(s),
      value: (e) => this.#value(e),
    });
  }

  #scoped(fill: () => void): Wasm[] {
    this.#open();
    const list = this.#fb.nested(fill);
    this.#close();
    return list;
  }

  #open(): void {
    this.#blocks.push(this.#declared.length);
    this.#pointers.open();
  }
  #close(): void {
    for (let n = this.#declared.length - this.#blocks.pop()!; n > 0; n--)
      this.#registers.delete(this.#declared.pop()!);
    this.#pointers.close();
  }

  #declare(register: Register): Local {
    const local = this.#fb.local(valueType(register.type), register.name);
    this.#registers.set(register, get(local));
    this.#declared.push(register);
    return local;
  }

  #statement(s: TStmt): void {
    const fb = this.#fb;
    switch (s.kind) {
      case 'let':
      case 'var': {
        const value = this.#value(s.value);
        fb.push(set(this.#declare(s.register), value));
        return;
      }
      case 'set':
        fb.push(set(this.#registers.get(s.register)!.local, this.#value(s.value)));
        return;
      case 'store': {
        const value = this.#value(s.value);
        const { lanes } = s.value.type;
        const { address, offset } = this.#pointers.element(s);
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
      case 'exchange':
      case 'barrier':
        // a workgroup is one thread here: schedules for it exchange nothing
        return;
      default:
        s satisfies TensorStmt | BulkStmt;
        throw new TigonError('verify', 'there are no matrix units here');
    }
  }

  #loop(s: Extract<TStmt, { kind: 'for' }>): void {
    const fb = this.#fb;
    const from = this.#value(s.from);
    const limit = this.#value(s.to);
    const fixed =
      limit.kind === 'const' || (s.to.kind === 'get' && !this.#survey.variables.has(s.to.register));
    const to = fixed ? limit : fb.bind(limit, 'i32', `${s.counter.name}_end`);
    const low = this.#range(s.from);
    const high = this.#range(s.to);
    if (low !== undefined && high !== undefined && s.step > 0)
      this.#ranges.set(s.counter, [low[0], Math.max(low[0], high[1] - 1)]);
    this.#open();
    const counter = this.#declare(s.counter);
    fb.push(set(counter, from));
    const label: Label = { name: s.counter.name };
    const more = op('i32.lt_s', get(counter), to);
    const isFull = isCrowded(s.body);
    const run = (): void => {
      const steps = this.#pointers.prepareLoop(s);
      const round = this.#scoped(() => {
        this.#block(s.body);
        for (const [local, bytes] of steps) fb.push(set(local, plus(get(local), i32(bytes))));
        fb.push(set(counter, plus(get(counter), i32(s.step))));
      });
      const again: Wasm = { kind: 'branch', label, condition: more };
      fb.push(
        isFull ? testedFirst(label, more, round) : { kind: 'loop', label, body: [...round, again] },
      );
    };
    const always = s.from.kind === 'const' && s.to.kind === 'const' && s.from.value < s.to.value;
    if (always || isFull) run();
    else fb.push({ kind: 'if', condition: more, then: fb.nested(run), otherwise: [] });
    this.#close();
  }

  // --- values

  readonly #float = (r: Register): TExpr | undefined => this.#survey.floats.get(r);

  readonly #nonNegative = (e: TExpr): boolean => (this.#range(e)?.[0] ?? -1) >= 0;
  readonly #atMostZero = (e: TExpr): boolean => isAtMostZero(e, this.#float);
  readonly #isZero = (e: TExpr): boolean => isPlusZero(e, this.#float);

  #range(expr: TExpr): Range | undefined {
    return expr.type.elem === 'i32' ? rangeOf(expr, this.#registerRange) : undefined;
  }
  readonly #registerRange = (register: Register): Range | undefined => {
    const known = this.#ranges.get(register);
    const value = known === undefined ? this.#survey.values.get(register) : undefined;
    if (value === undefined) return known;
    const range = rangeOf(value, this.#registerRange);
    if (range !== undefined) this.#ranges.set(register, range);
    return range;
  };

  #constant(type: RegType, value: number): Wasm {
    if (type.lanes === 4)
      return type.elem === 'f32'
        ? this.#v.f(value)
        : this.#v.i(type.elem === 'bool' && value !== 0 ? -1 : value | 0);
    if (isWideElem(type.elem)) return type.elem === 'f64' ? f64(value) : i64(BigInt(value));
    if (type.elem === 'f32') return f32(value);
    return i32(type.elem === 'bool' && value !== 0 ? 1 : value);
  }

  #value(e: TExpr): Wasm {
    const v = this.#v;
    switch (e.kind) {
      case 'const':
        return this.#constant(e.type, e.value);
      case 'get':
        return this.#registers.get(e.register)!;
      case 'op': {
        const drawn = this.#drawn.get(e);
        if (drawn !== undefined) return drawn;
        const { type } = e.args.at(-1)!;
        return (isWideElem(type.elem) ? spellings64 : spellings)[e.op]({
          v,
          type,
          args: e.args.map((a) => this.#value(a)),
          exprs: e.args,
          nonNegative: this.#nonNegative,
          atMostZero: this.#atMostZero,
          isZero: this.#isZero,
        });
      }
      case 'cast':
        return cast(v, e.arg.type.elem, e.to, e.type.lanes, this.#value(e.arg));
      case 'fma': {
        const a = this.#value(e.a);
        const b = this.#value(e.b);
        const c = this.#value(e.c);
        if (e.type.elem === 'f64') return op('f64.add', op('f64.mul', a, b), c);
        if (e.type.lanes === 4) return v.madd(a, b, c);
        // on one lane of the vector instruction, so that tails round as vectors do
        return v.fused
          ? inLane([a, b, c], (x, y, z) => v.madd(x!, y!, z!))
          : op('f32.add', op('f32.mul', a, b), c);
      }
      case 'load': {
        const { address, offset } = this.#pointers.element(e);
        return load(v, e.buffer.dtype, e.type.lanes, address, offset);
      }
      case 'splat': {
        if (e.arg.kind === 'const') return this.#constant(e.type, e.arg.value);
        if (e.arg.kind === 'load' && splatLoads(e.arg.buffer.dtype)) {
          const { address, offset } = this.#pointers.element(e.arg);
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
      case 'bits':
        throw new TigonError('verify', 'there are no matrix units here');
      default:
        return e satisfies never;
    }
  }
}
