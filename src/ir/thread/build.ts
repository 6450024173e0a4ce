/**
 * Constructors of Thread IR: types are inferred, integer index arithmetic is folded as it is built.
 *
 * Invariant: an expression built here is well typed; index sums keep their constant part outermost (`x + 4`), so that
 * code generators can put it into the address.
 */
import { bytesOf, type DType, isNarrowFloat, isNarrowInteger, kindOf } from '../dtype.ts';
import { invariant } from '../errors.ts';
import { castTo, isExactIn, roundTo } from '../rounding.ts';
import { type ScalarOp, valueIn } from '../scalar.ts';
import type { MmaInputs } from './tensor.ts';
import {
  ELEMS,
  type Elem,
  isWideElem,
  type Register,
  type RegType,
  registerDType,
  registerOf,
  type TExpr,
  type ThreadBuffer,
  type TStmt,
} from './thread.ts';

const typesOf = (lanes: 1 | 4): Readonly<Record<Elem, RegType>> =>
  Object.fromEntries(ELEMS.map((elem) => [elem, { elem, lanes }])) as Record<Elem, RegType>;
const scalarTypes = typesOf(1);
const vectorTypes = typesOf(4);

/** The register type of `elem` with one or four lanes. */
export const regType = (elem: Elem, lanes: 1 | 4 = 1): RegType =>
  lanes === 1 ? scalarTypes[elem] : vectorTypes[elem];

export const register = (name: string, type: RegType): Register => ({ name, type });
export const get = (reg: Register): TExpr => ({ kind: 'get', type: reg.type, register: reg });

/** Memory of a workgroup. */
export const sharedBuffer = (name: string, dtype: DType, elements: number): ThreadBuffer => ({
  name,
  dtype,
  space: 'shared',
  access: 'readwrite',
  elements,
});

/** A constant, in all lanes of `type`. */
export const constantOf = (value: number, type: RegType): TExpr => ({ kind: 'const', type, value });
export const i32 = (value: number): TExpr => constantOf(value, scalarTypes.i32);
export const f32 = (value: number): TExpr => constantOf(value, scalarTypes.f32);

type Const = TExpr & { kind: 'const' };

const resultType = (op: ScalarOp, args: readonly TExpr[]): RegType => {
  const first = args[0]!.type;
  switch (op) {
    case 'eq':
    case 'ne':
    case 'lt':
    case 'le':
    case 'gt':
    case 'ge':
    case 'isnan':
    case 'not':
      return regType('bool', first.lanes);
    case 'select':
      return args[1]!.type;
    default:
      return first;
  }
};

/** An operation on constants, unless its value is a 64-bit integer that the IR has no number for. */
const fold = (op: ScalarOp, args: readonly Const[]): TExpr | undefined => {
  const type = resultType(op, args);
  const dtype = registerDType[type.elem];
  const of = registerDType[args.at(-1)!.type.elem];
  const value = roundTo(dtype, valueIn(op, of)(...args.map((a) => a.value)));
  return isExactIn(dtype, value) ? constantOf(value, type) : undefined;
};

const isPowerOfTwo = (n: number): boolean => n > 0 && (n & (n - 1)) === 0;

/** Identities of int32 that index arithmetic meets all the time; `undefined` where none applies. */
const simplifyInt = (op: ScalarOp, x: TExpr, y: TExpr): TExpr | undefined => {
  switch (op) {
    case 'add': {
      if (y.kind === 'const') return offsetBy(x, y.value);
      if (x.kind === 'const') return offsetBy(y, x.value);
      // constants outermost: (x + c) + y = (x + y) + c
      const left = constantIn(x);
      if (left !== undefined) return addConstant(operate('add', operandOf(x), y), left);
      const right = constantIn(y);
      return right === undefined ? undefined : addConstant(operate('add', x, operandOf(y)), right);
    }
    case 'sub':
      if (y.kind === 'const') return addConstant(x, -y.value);
      return x === y ? i32(0) : undefined;
    case 'mul':
      if (y.kind === 'const') return timesConstant(x, y);
      return x.kind === 'const' ? timesConstant(y, x) : undefined;
    default:
      return y.kind === 'const' ? divideInt(op, x, y.value) : undefined;
  }
};

const divideInt = (op: ScalarOp, x: TExpr, by: number): TExpr | undefined => {
  switch (op) {
    case 'floordiv':
      if (by === 1) return x;
      return isPowerOfTwo(by) ? operate('shr', x, i32(Math.log2(by))) : undefined;
    case 'mod':
      if (by === 1) return i32(0);
      return isPowerOfTwo(by) ? operate('and', x, i32(by - 1)) : undefined;
    case 'shl':
    case 'shr':
      return by === 0 ? x : undefined;
    default:
      return undefined;
  }
};

/** The constant that a sum ends with. */
const constantIn = (e: TExpr): number | undefined => {
  if (e.kind !== 'op' || e.op !== 'add') return undefined;
  const last = e.args[1]!;
  return last.kind === 'const' ? last.value : undefined;
};
const operandOf = (sum: TExpr): TExpr => (sum as TExpr & { kind: 'op' }).args[0]!;

const addConstant = (e: TExpr, c: number): TExpr =>
  e.kind === 'const'
    ? i32((e.value + c) | 0)
    : c === 0
      ? e
      : { kind: 'op', type: e.type, op: 'add', args: [e, i32(c)] };

/** The same, with the constant that is there already. */
const offsetBy = (e: TExpr, c: number): TExpr => {
  const inner = c === 0 ? undefined : constantIn(e);
  return inner === undefined ? addConstant(e, c) : addConstant(operandOf(e), inner + c);
};

const timesConstant = (e: TExpr, c: Const): TExpr | undefined => {
  if (e.kind === 'const') return i32(Math.imul(e.value, c.value));
  if (c.value === 0) return i32(0);
  if (c.value === 1) return e;
  const inner = constantIn(e);
  if (inner !== undefined)
    return addConstant(operate('mul', operandOf(e), c), Math.imul(inner, c.value));
  return { kind: 'op', type: e.type, op: 'mul', args: [e, c] };
};

/** What an operation on flags gives where one of them is known. */
const simplifyBool = (op: ScalarOp, x: TExpr, y: TExpr): TExpr | undefined => {
  if (op !== 'and' && op !== 'or') return undefined;
  const isAnd = op === 'and';
  if (x.kind === 'const') return (x.value !== 0) === isAnd ? y : x;
  if (y.kind === 'const') return (y.value !== 0) === isAnd ? x : y;
  return undefined;
};

/** A lane-wise scalar op, folded where its operands are known. */
export const operate = (op: ScalarOp, ...args: TExpr[]): TExpr => {
  // an index is read at once, where taking a list apart asks an iterator
  const x = args[0]!;
  const y = args[1]!;
  const { elem, lanes } = x.type;
  let constants = 0;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg.type.lanes !== lanes) invariant(false, `operands of ${op} have equal lanes`);
    if (arg.kind === 'const') constants++;
  }
  if (args.length === 2) {
    const isIndex = elem === 'i32' && lanes === 1 && y.type.elem === 'i32';
    if (isIndex && (constants < 2 || op === 'add' || op === 'mul')) {
      const simple = simplifyInt(op, x, y);
      if (simple !== undefined) return simple;
    } else if (constants > 0 && constants < 2 && elem === 'bool') {
      const simple = simplifyBool(op, x, y);
      if (simple !== undefined) return simple;
    }
  }
  if (constants === args.length) {
    const value = fold(op, args as Const[]);
    if (value !== undefined) return value;
  }
  if (op === 'select' && x.kind === 'const') return x.value ? y : args[2]!;
  return { kind: 'op', type: resultType(op, args), op, args };
};

export const add = (x: TExpr, y: TExpr): TExpr => operate('add', x, y);
export const mul = (x: TExpr, y: TExpr): TExpr => operate('mul', x, y);

/** `a * b + c`. */
export const fma = (a: TExpr, b: TExpr, c: TExpr): TExpr => ({
  kind: 'fma',
  type: c.type,
  a,
  b,
  c,
});

/** Conversion to a dtype; nothing to do where only the storage differs. From 64 bits to 16 or 8 it goes by 32. */
export const convert = (to: DType, arg: TExpr): TExpr => {
  const elem = registerOf(to);
  // in the text both are spelled alike
  if (isWideElem(elem) && arg.kind === 'const' && isExactIn(to, castTo(to, arg.value)))
    return constantOf(castTo(to, arg.value), regType(elem, arg.type.lanes));
  const isNarrow = isNarrowInteger(to) || isNarrowFloat(to);
  if (elem === arg.type.elem && !isNarrow) return arg;
  if (isNarrow && isWideElem(arg.type.elem)) return convert(to, convert(registerDType[elem], arg));
  return { kind: 'cast', type: regType(elem, arg.type.lanes), to, arg };
};

/** An i32 as what a narrow integer keeps of it: its low bits, sign-extended. Other values as they are. */
export const wrapTo = (dtype: DType, value: TExpr): TExpr => {
  if (!isNarrowInteger(dtype)) return value;
  const bits = 8 * bytesOf(dtype);
  if (kindOf(dtype) === 'uint') return operate('and', value, constantOf(2 ** bits - 1, value.type));
  const above = constantOf(32 - bits, value.type);
  return operate('shr', operate('shl', value, above), above);
};

/** One or four consecutive elements from `index` on. */
export const loadFrom = (buffer: ThreadBuffer, index: TExpr, lanes: 1 | 4 = 1): TExpr => ({
  kind: 'load',
  type: regType(registerOf(buffer.dtype), lanes),
  buffer,
  index,
});

export const splat = (arg: TExpr): TExpr =>
  arg.kind === 'const'
    ? constantOf(arg.value, regType(arg.type.elem, 4))
    : { kind: 'splat', type: regType(arg.type.elem, 4), arg };

export const vec4 = (a: TExpr, b: TExpr, c: TExpr, d: TExpr): TExpr => ({
  kind: 'vec4',
  type: regType(a.type.elem, 4),
  args: [a, b, c, d],
});

export const laneOf = (arg: TExpr, lane: 0 | 1 | 2 | 3): TExpr => {
  if (arg.kind === 'const') return constantOf(arg.value, regType(arg.type.elem, 1));
  if (arg.kind === 'splat') return arg.arg;
  return { kind: 'lane', type: regType(arg.type.elem, 1), arg, lane };
};

export const shuffle = (
  a: TExpr,
  b: TExpr,
  lanes: readonly [number, number, number, number],
): TExpr => ({ kind: 'shuffle', type: a.type, a, b, lanes });

export const letOf = (reg: Register, value: TExpr): TStmt => ({
  kind: 'let',
  register: reg,
  value,
});
export const varOf = (reg: Register, value: TExpr): TStmt => ({
  kind: 'var',
  register: reg,
  value,
});
export const setOf = (reg: Register, value: TExpr): TStmt => ({
  kind: 'set',
  register: reg,
  value,
});
export const storeTo = (buffer: ThreadBuffer, index: TExpr, value: TExpr): TStmt => ({
  kind: 'store',
  buffer,
  index,
  value,
});
export const forOf = (
  counter: Register,
  from: TExpr,
  to: TExpr,
  step: number,
  body: readonly TStmt[],
): TStmt => ({ kind: 'for', counter, from, to, step, body });
export const ifOf = (
  condition: TExpr,
  then: readonly TStmt[],
  otherwise: readonly TStmt[] = [],
): TStmt => ({ kind: 'if', condition, then, otherwise });
/** `reg` gets the `value` of the thread at `local ^ mask`. */
export const exchangeOf = (reg: Register, value: TExpr, mask: number): TStmt => ({
  kind: 'exchange',
  register: reg,
  value,
  mask,
});
export const barrier: TStmt = { kind: 'barrier' };

/** The bits of floats as one u32: two of 16 bits each, or one float32. */
export const bitsOf = (of: (TExpr & { kind: 'bits' })['of'], ...args: readonly TExpr[]): TExpr => {
  invariant(args.length * bytesOf(of) === 4, `${args.length} ${of} fill a word`);
  return { kind: 'bits', type: scalarTypes.u32, of, args };
};
/** `accumulator += a b`. */
export const mmaOf = (
  inputs: MmaInputs,
  accumulator: Register,
  a: TExpr,
  b: readonly [TExpr, TExpr],
): TStmt => ({ kind: 'mma', inputs, accumulator, a, b });
export const fragmentsOf = (
  reg: Register,
  buffer: ThreadBuffer,
  index: TExpr,
  transposed: boolean,
): TStmt => ({ kind: 'fragments', register: reg, buffer, index, transposed });
export const copyOf = (
  to: ThreadBuffer,
  index: TExpr,
  from: ThreadBuffer,
  at: TExpr,
  elements: number,
  when: TExpr = constantOf(1, scalarTypes.bool),
): TStmt => ({ kind: 'copy', to, index, from, at, elements, when });
export const commit: TStmt = { kind: 'commit' };
export const waitFor = (pending: number): TStmt => ({ kind: 'wait', pending });
