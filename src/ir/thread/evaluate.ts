/**
 * What expressions of Thread IR are worth: each is compiled to a closure once and evaluated many times.
 *
 * Invariant: every f32 operation is rounded to f32 (`fma` as a rounded product, then a rounded sum), integers wrap at
 * 32 bits, or at 64: those are computed in doubles, exactly up to 2^53.
 */

import { castTo, roundTo } from '../rounding.ts';
import { valueIn } from '../scalar.ts';
import type { KernelMemory } from './memory.ts';
import type { Registers, ScalarFn, VectorFn } from './registers.ts';
import { type Elem, registerDType, type TExpr, type ThreadBuffer } from './thread.ts';
import { wordOf } from './words.ts';

/** The closures of expressions over registers and memory: each gives what it is worth in the thread that runs. */
export class Evaluator {
  private readonly memory: KernelMemory;
  private readonly registers: Registers;
  private readonly expressions = new Map<TExpr, ScalarFn | VectorFn>();

  constructor(memory: KernelMemory, registers: Registers) {
    this.memory = memory;
    this.registers = registers;
  }

  /** Position of the first of `lanes` elements. */
  address(buffer: ThreadBuffer, index: TExpr, lanes: number): ScalarFn {
    return this.memory.address(buffer, this.scalar(index), lanes);
  }

  scalar(e: TExpr): ScalarFn {
    let f = this.expressions.get(e) as ScalarFn | undefined;
    if (f === undefined) {
      f = this.compileScalar(e);
      this.expressions.set(e, f);
    }
    return f;
  }

  vector(e: TExpr): VectorFn {
    let f = this.expressions.get(e) as VectorFn | undefined;
    if (f === undefined) {
      f = this.compileVector(e);
      this.expressions.set(e, f);
    }
    return f;
  }

  private compileScalar(e: TExpr): ScalarFn {
    switch (e.kind) {
      case 'const': {
        const { value } = e;
        return () => value;
      }
      case 'get':
        return this.registers.scalar(e.register);
      case 'op':
        return scalarOp(
          e,
          e.args.map((a) => this.scalar(a)),
        );
      case 'cast': {
        const arg = this.scalar(e.arg);
        const { to } = e;
        return () => castTo(to, arg());
      }
      case 'fma': {
        const [a, b, c] = [this.scalar(e.a), this.scalar(e.b), this.scalar(e.c)];
        if (e.type.elem === 'f64') return () => a() * b() + c();
        return () => Math.fround(Math.fround(a() * b()) + c());
      }
      case 'load': {
        const read = this.memory.read(e.buffer);
        const at = this.address(e.buffer, e.index, 1);
        return () => read(at());
      }
      case 'lane': {
        const arg = this.vector(e.arg);
        const { lane } = e;
        return () => arg()[lane]!;
      }
      case 'bits': {
        const { of } = e;
        const [first, second = first] = e.args.map((a) => this.scalar(a));
        return () => wordOf(of, first!(), second!());
      }
      case 'splat':
      case 'vec4':
      case 'shuffle':
        throw this.memory.error(`${e.kind} gives four lanes, one is needed`);
      default:
        return e satisfies never;
    }
  }

  /** The array a node returns is its own: it holds until the node is evaluated again. */
  private compileVector(e: TExpr): VectorFn {
    const out = new Float64Array(4);
    switch (e.kind) {
      case 'const':
        out.fill(e.value);
        return () => out;
      case 'get':
        return this.registers.vector(e.register);
      case 'op':
        return this.vectorOp(e, out);
      case 'cast': {
        const arg = this.vector(e.arg);
        const { to } = e;
        return () => {
          const v = arg();
          for (let i = 0; i < 4; i++) out[i] = castTo(to, v[i]!);
          return out;
        };
      }
      case 'fma': {
        const [a, b, c] = [this.vector(e.a), this.vector(e.b), this.vector(e.c)];
        return () => {
          const [x, y, z] = [a(), b(), c()];
          for (let i = 0; i < 4; i++) out[i] = Math.fround(Math.fround(x[i]! * y[i]!) + z[i]!);
          return out;
        };
      }
      case 'load': {
        const read = this.memory.read(e.buffer);
        const at = this.address(e.buffer, e.index, 4);
        return () => {
          const i = at();
          for (let lane = 0; lane < 4; lane++) out[lane] = read(i + lane);
          return out;
        };
      }
      case 'splat': {
        const arg = this.scalar(e.arg);
        return () => out.fill(arg());
      }
      case 'vec4': {
        const args = e.args.map((a) => this.scalar(a));
        return () => {
          for (let i = 0; i < 4; i++) out[i] = args[i]!();
          return out;
        };
      }
      case 'shuffle': {
        const [a, b] = [this.vector(e.a), this.vector(e.b)];
        const { lanes } = e;
        return () => {
          const [x, y] = [a(), b()];
          for (let i = 0; i < 4; i++) {
            const lane = lanes[i]!;
            out[i] = lane < 4 ? x[lane]! : y[lane - 4]!;
          }
          return out;
        };
      }
      case 'lane':
      case 'bits':
        throw this.memory.error(`${e.kind} gives one lane, four are needed`);
      default:
        return e satisfies never;
    }
  }

  private vectorOp(e: TExpr & { kind: 'op' }, out: Float64Array): VectorFn {
    const args = e.args.map((a) => this.vector(a));
    const lanes = args.map(() => 0);
    const lane = scalarOp(
      e,
      lanes.map((_, i) => () => lanes[i]!),
    );
    return () => {
      const values = args.map((a) => a());
      for (let i = 0; i < 4; i++) {
        for (let j = 0; j < values.length; j++) lanes[j] = values[j]![i]!;
        out[i] = lane();
      }
      return out;
    };
  }
}

const wrap = (elem: Elem, x: number): number => {
  switch (elem) {
    case 'f32':
      return Math.fround(x);
    case 'i32':
      return x | 0;
    case 'u32':
      return x >>> 0;
    case 'bool':
    case 'f64':
      return x;
    case 'i64':
    case 'u64':
      return roundTo(registerDType[elem], x);
    default:
      return elem satisfies never;
  }
};

/** One lane of an operation. Index arithmetic and f32 sums are most of what runs: those have closures of their own. */
const scalarOp = (e: TExpr & { kind: 'op' }, args: readonly ScalarFn[]): ScalarFn => {
  const [a, b, c] = args as readonly [ScalarFn, ScalarFn, ScalarFn];
  const { elem } = e.type;
  const value = valueIn(e.op, registerDType[e.args.at(-1)!.type.elem]);
  if (elem === 'i32') {
    if (e.op === 'add') return () => (a() + b()) | 0;
    if (e.op === 'sub') return () => (a() - b()) | 0;
    if (e.op === 'mul') return () => Math.imul(a(), b());
  }
  if (elem === 'f32' && e.op === 'add') return () => Math.fround(a() + b());
  switch (args.length) {
    case 1:
      return () => wrap(elem, value(a()));
    case 2:
      return () => wrap(elem, value(a(), b()));
    case 3:
      return () => wrap(elem, value(a(), b(), c()));
    default:
      return () => wrap(elem, value(...args.map((f) => f())));
  }
};
