/**
 * Value numbering: equal computations become one `Value`, folded and in a canonical form.
 *
 * Invariant: int32 sums are linear forms, whatever the order they were written in; nothing is folded that could give
 * another number at run time.
 */

import { remember } from '../../ir/remember.ts';
import { castTo, isExactIn } from '../../ir/rounding.ts';
import type { ScalarOp } from '../../ir/scalar.ts';
import type { Register, RegType, TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';
import { bounds, MAX, MIN } from './bounds.ts';
import { folded } from './folding.ts';
import type { Maker } from './sums.ts';
import {
  type Block,
  deeper,
  I32,
  isIndex,
  type Linear,
  type Shape,
  type Term,
  type Value,
} from './value.ts';

const ANY = [MIN, MAX] as const;

/** Values by their operands. */
type Table = Map<number | string, Value>;
const newMap = (): Table => new Map();

/** Kernels have fewer values than this. */
const MOST_VALUES = 2 ** 26;
const pairKey = (a: Value, b: Value): number => a.id * MOST_VALUES + b.id;
/** Most operations have one or two operands, and need no text. */
const keyOf = (args: readonly Value[]): number | string => {
  const a = args[0]!;
  if (args.length === 1) return a.id * MOST_VALUES;
  if (args.length === 2) return pairKey(a, args[1]!);
  let key = '';
  for (let i = 0; i < args.length; i++) key += `${args[i]!.id},`;
  return key;
};

/** Costs nothing where it is used, unless the source says where it is computed. */
const isFree = (shape: Shape, type: RegType, args: readonly Value[]): boolean => {
  switch (shape.kind) {
    case 'get':
      return true;
    case 'const':
      return type.lanes === 1;
    case 'op':
      return shape.op === 'add' && isIndex(type) && args[1]!.shape.kind === 'const';
    default:
      return false;
  }
};

/** Interns values for one kernel. */
export class Values implements Maker {
  readonly all: Value[] = [];
  private readonly byKey = new Map<string, Value>();
  /** Values by what makes them of their operands. */
  private readonly tables = new Map<string, Table>();
  /** Constants by type and number; what is missing may still be known by its text. */
  private readonly constants = new Map<RegType, Table>();
  private readonly buffers = new Map<ThreadBuffer, number>();
  private readonly top: Block;

  constructor(top: Block) {
    this.top = top;
  }

  constant(value: number, type: RegType): Value {
    const number = Object.is(value, -0) ? '-0' : value;
    const known = remember(this.constants, type, newMap);
    let constant = known.get(number);
    if (constant === undefined) {
      const key = `c${type.elem}${type.lanes}:${number}`;
      const shape: Shape = { kind: 'const', value };
      constant = isIndex(type)
        ? this.intern(key, shape, type, [], this.top, false, value, value)
        : this.intern(key, shape, type, [], this.top);
      known.set(number, constant);
    }
    return constant;
  }

  /** The value a register has in `version`, which began in block `since`. */
  read(
    register: Register,
    key: string,
    since: Block,
    pinned: boolean,
    lo: number = MIN,
    hi: number = MAX,
  ): Value {
    return this.intern(key, { kind: 'get', register }, register.type, [], since, pinned, lo, hi);
  }

  /**
   * `since`: the block in which the buffer got what it holds; `certain`: the outermost block that cannot run without
   * this load. A load that an outer block does anyway serves here too.
   */
  load(
    buffer: ThreadBuffer,
    type: RegType,
    index: Value,
    version: number,
    since: Block,
    certain: Block,
  ): Value {
    const number = remember(this.buffers, buffer, () => this.buffers.size);
    const key = `l${number}/${type.lanes}v${version}[${index.id}]@`;
    const least = deeper(index.home, since);
    const home = deeper(least, certain);
    for (let b: Block | undefined = home; b !== undefined && b.depth >= least.depth; b = b.parent) {
      const seen = this.byKey.get(`${key}${b.id}`);
      if (seen !== undefined) return seen;
    }
    return this.intern(`${key}${home.id}`, { kind: 'load', buffer }, type, [index], home, true);
  }

  op(op: ScalarOp, type: RegType, args: readonly Value[]): Value {
    return folded(this, op, type, args) ?? this.raw(op, type, args);
  }

  cast(to: (TExpr & { kind: 'cast' })['to'], type: RegType, arg: Value): Value {
    if (arg.shape.kind === 'const') {
      const value = castTo(to, arg.shape.value);
      if (isExactIn(to, value)) return this.constant(value, type);
    }
    return this.plain(`cast${to}`, { kind: 'cast', to }, type, [arg]);
  }

  fma(type: RegType, a: Value, b: Value, c: Value): Value {
    return this.plain('fma', { kind: 'fma' }, type, [a, b, c]);
  }

  splat(type: RegType, arg: Value): Value {
    if (arg.shape.kind === 'const') return this.constant(arg.shape.value, type);
    return this.plain('splat', { kind: 'splat' }, type, [arg]);
  }

  vec4(type: RegType, args: readonly [Value, Value, Value, Value]): Value {
    if (args.every((a) => a === args[0])) return this.splat(type, args[0]);
    return this.plain('vec4', { kind: 'vec4' }, type, args);
  }

  lane(type: RegType, arg: Value, lane: 0 | 1 | 2 | 3): Value {
    if (arg.shape.kind === 'const') return this.constant(arg.shape.value, type);
    if (arg.shape.kind === 'splat') return arg.args[0]!;
    if (arg.shape.kind === 'vec4') return arg.args[lane]!;
    return this.plain(`lane${lane}`, { kind: 'lane', lane }, type, [arg]);
  }

  shuffle(
    type: RegType,
    a: Value,
    b: Value,
    lanes: readonly [number, number, number, number],
  ): Value {
    if (lanes.every((l, i) => l === i)) return a;
    if (lanes.every((l, i) => l === i + 4)) return b;
    return this.plain(`shuffle${lanes.join('.')}`, { kind: 'shuffle', lanes }, type, [a, b]);
  }

  /** The `nth` exchange of the kernel, in block `at`: each is a value of its own. */
  exchange(nth: number, type: RegType, arg: Value, mask: number, at: Block): Value {
    return this.intern(`exchange${nth}`, { kind: 'exchange', mask }, type, [arg], at);
  }

  bits(of: (TExpr & { kind: 'bits' })['of'], type: RegType, args: readonly Value[]): Value {
    return this.plain(`bits${of}`, { kind: 'bits', of }, type, args);
  }

  /** The `nth` fragments of the kernel, in block `at`. */
  fragments(
    nth: number,
    { register, buffer, transposed }: TStmt & { kind: 'fragments' },
    index: Value,
    at: Block,
  ): Value {
    const shape: Shape = { kind: 'fragments', buffer, transposed };
    return this.intern(`fragments${nth}`, shape, register.type, [index], at);
  }

  private table(name: string): Table {
    return remember(this.tables, name, newMap);
  }

  private plain(name: string, shape: Shape, type: RegType, args: readonly Value[]): Value {
    const table = this.table(name);
    const key = keyOf(args);
    const seen = table.get(key);
    if (seen !== undefined) return seen;
    const value = this.computed(shape, type, args, ANY, undefined);
    table.set(key, value);
    return value;
  }

  /** A new value, at home where all its operands are known. */
  private computed(
    shape: Shape,
    type: RegType,
    args: readonly Value[],
    range: readonly [number, number],
    linear: Linear | undefined,
  ): Value {
    let home = this.top;
    let pinned = false;
    for (let i = 0; i < args.length; i++) {
      const arg = args[i]!;
      if (arg.home.depth > home.depth) home = arg.home;
      if (arg.pinned) pinned = true;
    }
    return this.make(shape, type, args, home, pinned, range[0], range[1], linear);
  }

  private intern(
    key: string,
    shape: Shape,
    type: RegType,
    args: readonly Value[],
    home: Block,
    pinned = false,
    lo = MIN,
    hi = MAX,
  ): Value {
    const seen = this.byKey.get(key);
    if (seen !== undefined) return seen;
    const value = this.make(shape, type, args, home, pinned, lo, hi, undefined);
    this.byKey.set(key, value);
    return value;
  }

  private make(
    shape: Shape,
    type: RegType,
    args: readonly Value[],
    home: Block,
    pinned: boolean,
    lo: number,
    hi: number,
    linear: Linear | undefined,
  ): Value {
    const value: Value = {
      id: this.all.length,
      shape,
      type,
      args,
      home,
      pinned,
      lo,
      hi,
      linear,
      free: isFree(shape, type, args),
      uses: 0,
      spot: undefined,
      forced: false,
      hint: undefined,
      place: undefined,
      written: undefined,
    };
    this.all.push(value);
    return value;
  }

  /** An operation as it stands, with the bounds of its result. */
  raw(op: ScalarOp, type: RegType, args: readonly Value[]): Value {
    const table = this.table(op);
    const key = keyOf(args);
    const seen = table.get(key);
    if (seen !== undefined) return seen;
    const range = isIndex(type) ? bounds(op, args) : ANY;
    const value = this.computed({ kind: 'op', op }, type, args, range, undefined);
    table.set(key, value);
    return value;
  }

  sum(
    op: 'add' | 'sub' | 'mul',
    a: Value,
    b: Value,
    terms: readonly Term[],
    count: number,
    constant: number,
  ): Value {
    const table = this.table(op);
    const key = pairKey(a, b);
    const seen = table.get(key);
    if (seen !== undefined) return seen;
    const args = [a, b];
    const linear = { terms: count < terms.length ? terms.slice(0, count) : terms, constant };
    const value = this.computed({ kind: 'op', op }, I32, args, bounds(op, args), linear);
    table.set(key, value);
    return value;
  }
}
