/**
 * What Thread IR means, as a program: runs a kernel on plain arrays, and refuses what a device would get wrong silently.
 *
 * Invariants: every f32 operation is rounded to f32 (`fma` as a rounded product, then a rounded sum), integers wrap at
 * 32 bits; each workgroup starts with shared memory full of NaN; every access is bounds-checked, and two workgroups
 * that touch the same element, one of them writing, are an error.
 */
import { TigonError } from '../errors.ts';
import { castTo, roundTo, scalarOps } from '../scalar.ts';
import type { Elem, Register, TExpr, ThreadBuffer, ThreadKernel, TStmt } from './thread.ts';

/** Memory of one buffer: any typed array, or a plain array. */
export interface Cells {
  readonly length: number;
  [index: number]: number;
}

export interface InterpretOptions {
  /** Order of the workgroups: the result may not depend on it. */
  readonly order?: 'forward' | 'reverse' | 'random';
  readonly seed?: number;
}

type ScalarFn = () => number;
type VectorFn = () => Float64Array;
type Run = () => void;

/** Runs all workgroups of `kernel` over `memory`, which holds an array for each global buffer. */
export const interpretThread = (
  kernel: ThreadKernel,
  memory: ReadonlyMap<ThreadBuffer, Cells>,
  options: InterpretOptions = {},
): void => {
  const machine = new Machine(kernel, memory);
  const body = machine.block(kernel.body);
  for (const id of workgroupOrder(kernel.grid, options)) {
    machine.enter(id);
    body();
  }
};

const workgroupOrder = (grid: number, options: InterpretOptions): number[] => {
  const ids = Array.from({ length: grid }, (_, i) => i);
  if (options.order === 'reverse') ids.reverse();
  if (options.order === 'random') {
    let state = (options.seed ?? 1) | 0;
    for (let i = grid - 1; i > 0; i--) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      const j = (state >>> 8) % (i + 1);
      [ids[i], ids[j]] = [ids[j]!, ids[i]!];
    }
  }
  return ids;
};

/** Who wrote and who read each element of an array, as workgroup id + 1; several readers are -1. */
interface Owners {
  readonly writer: Int32Array;
  readonly reader: Int32Array;
}

class Machine {
  private readonly kernel: ThreadKernel;
  private readonly memory = new Map<ThreadBuffer, Cells>();
  private readonly shared: Float64Array[] = [];
  private readonly owners = new Map<Cells, Owners>();
  private readonly scalars = new Map<Register, Float64Array>();
  private readonly expressions = new Map<TExpr, ScalarFn | VectorFn>();
  private workgroup = 0;

  constructor(kernel: ThreadKernel, memory: ReadonlyMap<ThreadBuffer, Cells>) {
    this.kernel = kernel;
    for (const buffer of kernel.buffers) {
      if (buffer.space === 'shared') {
        const cells = new Float64Array(buffer.elements);
        this.shared.push(cells);
        this.memory.set(buffer, cells);
        continue;
      }
      const cells = memory.get(buffer);
      if (cells === undefined || cells.length < buffer.elements)
        throw this.error(`buffer ${buffer.name} needs memory of ${buffer.elements} elements`);
      this.memory.set(buffer, cells);
      if (buffer.access !== 'read' && !this.owners.has(cells))
        this.owners.set(cells, {
          writer: new Int32Array(cells.length),
          reader: new Int32Array(cells.length),
        });
    }
  }

  enter(workgroup: number): void {
    this.workgroup = workgroup;
    this.cell(this.kernel.workgroup)[0] = workgroup;
    for (const cells of this.shared) cells.fill(Number.NaN);
  }

  block(statements: readonly TStmt[]): Run {
    const runs = statements.map((s) => this.statement(s));
    if (runs.length === 1) return runs[0]!;
    return () => {
      for (let i = 0; i < runs.length; i++) runs[i]!();
    };
  }

  private error(text: string): TigonError {
    return new TigonError(
      'verify',
      `thread kernel ${this.kernel.name}, workgroup ${this.workgroup}: ${text}`,
    );
  }

  private cell(register: Register): Float64Array {
    let cell = this.scalars.get(register);
    if (cell === undefined) {
      cell = new Float64Array(register.type.lanes).fill(Number.NaN);
      this.scalars.set(register, cell);
    }
    return cell;
  }

  private statement(s: TStmt): Run {
    switch (s.kind) {
      case 'let':
      case 'var':
      case 'set':
        return this.assign(this.cell(s.register), s.value);
      case 'store':
        return this.store(s.buffer, s.index, s.value);
      case 'for': {
        const counter = this.cell(s.counter);
        const from = this.scalar(s.from);
        const to = this.scalar(s.to);
        const body = this.block(s.body);
        const { step } = s;
        return () => {
          const end = to();
          for (let i = from(); i < end; i += step) {
            counter[0] = i;
            body();
          }
        };
      }
      case 'if': {
        const condition = this.scalar(s.condition);
        const then = this.block(s.then);
        const otherwise = this.block(s.otherwise);
        return () => (condition() ? then() : otherwise());
      }
      case 'barrier':
        return () => {};
      default:
        return s satisfies never;
    }
  }

  private assign(cell: Float64Array, value: TExpr): Run {
    if (cell.length === 1) {
      const f = this.scalar(value);
      return () => {
        cell[0] = f();
      };
    }
    const f = this.vector(value);
    return () => {
      const v = f();
      cell[0] = v[0]!;
      cell[1] = v[1]!;
      cell[2] = v[2]!;
      cell[3] = v[3]!;
    };
  }

  private store(buffer: ThreadBuffer, index: TExpr, value: TExpr): Run {
    const at = this.address(buffer, index, value.type.lanes);
    const cells = this.cellsOf(buffer);
    const claim = this.claimWrite(buffer);
    const { dtype } = buffer;
    if (value.type.lanes === 1) {
      const f = this.scalar(value);
      return () => {
        const v = f();
        const i = at();
        claim?.(i);
        cells[i] = roundTo(dtype, v);
      };
    }
    const f = this.vector(value);
    return () => {
      const v = f();
      const i = at();
      for (let lane = 0; lane < 4; lane++) {
        claim?.(i + lane);
        cells[i + lane] = roundTo(dtype, v[lane]!);
      }
    };
  }

  private cellsOf(buffer: ThreadBuffer): Cells {
    const cells = this.memory.get(buffer);
    if (cells === undefined)
      throw this.error(`buffer ${buffer.name} is not a buffer of the kernel`);
    return cells;
  }

  private address(buffer: ThreadBuffer, index: TExpr, lanes: number): ScalarFn {
    const f = this.scalar(index);
    const last = buffer.elements - lanes;
    return () => {
      const i = f();
      if (!(i >= 0 && i <= last))
        throw this.error(
          `${lanes} element(s) at index ${i} of ${buffer.name}, which has ${buffer.elements}`,
        );
      return i;
    };
  }

  private claimWrite(buffer: ThreadBuffer): ((i: number) => void) | undefined {
    const owners = this.owners.get(this.cellsOf(buffer));
    if (owners === undefined) return undefined;
    const { writer, reader } = owners;
    return (i) => {
      const me = this.workgroup + 1;
      if (writer[i] !== 0 && writer[i] !== me)
        throw this.error(`${buffer.name}[${i}] is also written by workgroup ${writer[i]! - 1}`);
      if (reader[i] !== 0 && reader[i] !== me)
        throw this.error(`${buffer.name}[${i}] is written, and another workgroup reads it`);
      writer[i] = me;
    };
  }

  private claimRead(buffer: ThreadBuffer): ((i: number) => void) | undefined {
    const owners = this.owners.get(this.cellsOf(buffer));
    if (owners === undefined) return undefined;
    const { writer, reader } = owners;
    return (i) => {
      const me = this.workgroup + 1;
      if (writer[i] !== 0 && writer[i] !== me)
        throw this.error(`${buffer.name}[${i}] is read, and workgroup ${writer[i]! - 1} writes it`);
      reader[i] = reader[i] === 0 || reader[i] === me ? me : -1;
    };
  }

  private scalar(e: TExpr): ScalarFn {
    let f = this.expressions.get(e) as ScalarFn | undefined;
    if (f === undefined) {
      f = this.compileScalar(e);
      this.expressions.set(e, f);
    }
    return f;
  }

  private vector(e: TExpr): VectorFn {
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
      case 'get': {
        const cell = this.cell(e.register);
        return () => cell[0]!;
      }
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
        return () => Math.fround(Math.fround(a() * b()) + c());
      }
      case 'load': {
        const cells = this.cellsOf(e.buffer);
        const at = this.address(e.buffer, e.index, 1);
        const claim = this.claimRead(e.buffer);
        return () => {
          const i = at();
          claim?.(i);
          return cells[i]!;
        };
      }
      case 'lane': {
        const arg = this.vector(e.arg);
        const { lane } = e;
        return () => arg()[lane]!;
      }
      case 'splat':
      case 'vec4':
      case 'shuffle':
        throw this.error(`${e.kind} gives four lanes, one is needed`);
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
      case 'get': {
        const cell = this.cell(e.register);
        return () => cell;
      }
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
        const cells = this.cellsOf(e.buffer);
        const at = this.address(e.buffer, e.index, 4);
        const claim = this.claimRead(e.buffer);
        return () => {
          const i = at();
          for (let lane = 0; lane < 4; lane++) {
            claim?.(i + lane);
            out[lane] = cells[i + lane]!;
          }
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
        throw this.error('lane gives one lane, four are needed');
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
      return x;
    default:
      return elem satisfies never;
  }
};

/** One lane of an operation. Index arithmetic and f32 sums are most of what runs: those have closures of their own. */
const scalarOp = (e: TExpr & { kind: 'op' }, args: readonly ScalarFn[]): ScalarFn => {
  const [a, b, c] = args as readonly [ScalarFn, ScalarFn, ScalarFn];
  const { elem } = e.type;
  const { value } = scalarOps[e.op];
  if (elem === 'i32') {
    if (e.op === 'add') return () => (a() + b()) | 0;
    if (e.op === 'sub') return () => (a() - b()) | 0;
    if (e.op === 'mul') return () => Math.imul(a(), b());
  }
  if (elem === 'u32' && e.op === 'mul') return () => Math.imul(a(), b()) >>> 0;
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
