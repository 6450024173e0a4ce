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

const isConst = (e: TExpr): e is Extract<TExpr, { kind: 'const' }> => e.kind === 'const';
const isInt = (e: TExpr): boolean => e.type.elem === 'i32' && e.type.lanes === 1;

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

/** The value of an operation on constants, unless it is a 64-bit integer that the IR has no number for. */
const fold = (
  op: ScalarOp,
  type: RegType,
  args: readonly (TExpr & { kind: 'const' })[],
): number | undefined => {
  const dtype = registerDType[type.elem];
  const of = registerDType[args.at(-1)!.type.elem];
  const value = roundTo(dtype, valueIn(op, of)(...args.map((a) => a.value)));
  return isExactIn(dtype, value) ? value : undefined;
};

const isPowerOfTwo = (n: number): boolean => n > 0 && (n & (n - 1)) === 0;

/** Integer identities that index arithmetic meets all the time; `undefined` where none applies. */
const simplifyInt = (op: ScalarOp, x: TExpr, y: TExpr): TExpr | undefined => {
  if (isConst(x) && !isConst(y) && (op === 'add' || op === 'mul')) return operate(op, y, x);
  if (op === 'add') {
    if (isConst(y)) {
      if (y.value === 0) return x;
      const inner = sumWithConstant(x);
      return inner && addConstant(inner[0], inner[1] + y.value);
    }
    // constants outermost: (x + c) + y = (x + y) + c
    const left = sumWithConstant(x);
    if (left) return addConstant(operate('add', left[0], y), left[1]);
    const right = sumWithConstant(y);
    if (right) return addConstant(operate('add', x, right[0]), right[1]);
    return undefined;
  }
  if (!isConst(y)) return op === 'sub' && x === y ? i32(0) : undefined;
  const c = y.value;
  if (op === 'sub') return addConstant(x, -c);
  if (op === 'mul') {
    if (c === 0) return i32(0);
    if (c === 1) return x;
    const inner = sumWithConstant(x);
    return inner && addConstant(operate('mul', inner[0], y), Math.imul(inner[1], c));
  }
  if (op === 'floordiv' && c === 1) return x;
  if (op === 'mod' && c === 1) return i32(0);
  if (op === 'floordiv' && isPowerOfTwo(c)) return operate('shr', x, i32(Math.log2(c)));
  if (op === 'mod' && isPowerOfTwo(c)) return operate('and', x, i32(c - 1));
  if ((op === 'shl' || op === 'shr') && c === 0) return x;
  return undefined;
};

const sumWithConstant = (e: TExpr): readonly [TExpr, number] | undefined => {
  if (e.kind !== 'op' || e.op !== 'add') return undefined;
  const last = e.args[1]!;
  return isConst(last) ? [e.args[0]!, last.value] : undefined;
};
const addConstant = (e: TExpr, c: number): TExpr =>
  isConst(e)
    ? i32((e.value + c) | 0)
    : c === 0
      ? e
      : { kind: 'op', type: e.type, op: 'add', args: [e, i32(c)] };

/** A lane-wise scalar op, folded where its operands are known. */
export const operate = (op: ScalarOp, ...args: TExpr[]): TExpr => {
  // an index is read at once, where taking a list apart asks an iterator
  const x = args[0]!;
  const y = args[1]!;
  const { lanes } = x.type;
  let constants = 0;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg.type.lanes !== lanes) invariant(false, `operands of ${op} have equal lanes`);
    if (arg.kind === 'const') constants++;
  }
  const type = resultType(op, args);
  if (constants === args.length) {
    const value = fold(op, type, args as (TExpr & { kind: 'const' })[]);
    if (value !== undefined) return constantOf(value, type);
  }
  if (op === 'select' && isConst(x)) return x.value ? y : args[2]!;
  if (op === 'and' && type.elem === 'bool') {
    if (isConst(x)) return x.value ? y : x;
    if (isConst(y)) return y.value ? x : y;
  }
  if (op === 'or' && type.elem === 'bool') {
    if (isConst(x)) return x.value ? x : y;
    if (isConst(y)) return y.value ? y : x;
  }
  if (args.length === 2 && isInt(x) && isInt(y)) {
    const simple = simplifyInt(op, x, y);
    if (simple !== undefined) return simple;
  }
  return { kind: 'op', type, op, args };
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
  if (isWideElem(elem) && isConst(arg) && isExactIn(to, castTo(to, arg.value)))
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
  isConst(arg)
    ? constantOf(arg.value, regType(arg.type.elem, 4))
    : { kind: 'splat', type: regType(arg.type.elem, 4), arg };

export const vec4 = (a: TExpr, b: TExpr, c: TExpr, d: TExpr): TExpr => ({
  kind: 'vec4',
  type: regType(a.type.elem, 4),
  args: [a, b, c, d],
});

export const laneOf = (arg: TExpr, lane: 0 | 1 | 2 | 3): TExpr => {
  if (isConst(arg)) return constantOf(arg.value, regType(arg.type.elem, 1));
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
