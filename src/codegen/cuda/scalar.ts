/**
 * How CUDA C++ says each scalar op, on one number and on four lanes, and each conversion.
 *
 * Invariant: a scalar and a lane are computed alike; integers that may overflow go through functions that wrap.
 */
import type { DType } from '../../ir/dtype.ts';
import type { ScalarOp } from '../../ir/scalar.ts';
import { type Elem, isWideElem } from '../../ir/thread/thread.ts';
import {
  binary,
  type Code,
  type Comparison,
  call,
  conditional,
  converted,
  type Operator,
  prefix,
} from '../text/code.ts';
import {
  byElem,
  extremeOf,
  known,
  type Operands,
  type Spelling,
  wholeDivision,
} from '../text/spelling.ts';
import { integer, scalarConstant, typeName } from './types.ts';

/** A number in all lanes. */
const same = (o: Operands, value: number, elem: Elem = o.type.elem): Code => {
  const one = scalarConstant(elem, value, (bits) => bits);
  return o.type.lanes === 1 ? one : call(o.library('splat', elem, 1), one);
};

const library =
  (name: string): Spelling =>
  (o) =>
    call(o.library(name), ...o.args);

/** A function of C, which has a name for floats and one for doubles. */
const real =
  (name: string): Spelling =>
  (o) =>
    o.type.elem === 'f64' ? call(`::${name}`, ...o.args) : call(o.library(`${name}f`), ...o.args);

/** An operator, which vectors bring along. */
const infixOf = (o: Operands, operator: Operator, a: Code, b: Code): Code => {
  if (o.type.lanes === 4) o.library(`operator${operator}`);
  return binary(operator, a, b);
};
const infix =
  (operator: Operator): Spelling =>
  (o) =>
    infixOf(o, operator, o.args[0]!, o.args[1]!);

/** Signed integers wrap where they may overflow; operators of vectors do so themselves. */
const arithmetic = (operator: '+' | '-' | '*', wrapped: string): Spelling =>
  byElem({
    f32: infix(operator),
    i32: (o) => (o.exact || o.type.lanes === 4 ? infix(operator) : library(wrapped))(o),
    u32: infix(operator),
  });

const not = (o: Operands, x: Code): Code => {
  if (o.type.lanes === 4) o.library('operator!');
  return prefix('!', x);
};
const both = (o: Operands, a: Code, b: Code): Code =>
  infixOf(o, o.type.lanes === 4 ? '&' : '&&', a, b);
const either = (o: Operands, a: Code, b: Code): Code =>
  infixOf(o, o.type.lanes === 4 ? '|' : '||', a, b);

/** Order of bools: false is less than true. */
const boolOrder = (o: Operands, operator: Comparison, a: Code, b: Code): Code => {
  switch (operator) {
    case '<':
      return both(o, not(o, a), b);
    case '<=':
      return either(o, not(o, a), b);
    case '>':
      return both(o, a, not(o, b));
    case '>=':
      return either(o, a, not(o, b));
    case '==':
    case '!=':
      return infixOf(o, operator, a, b);
    default:
      return operator satisfies never;
  }
};

const comparison =
  (operator: Comparison): Spelling =>
  (o) =>
    o.type.elem === 'bool' ? boolOrder(o, operator, o.args[0]!, o.args[1]!) : infix(operator)(o);

const extreme = (name: 'minimum' | 'maximum'): Spelling =>
  byElem({
    f32: extremeOf(name, name === 'minimum' ? 'atmost' : 'atleast'),
    i32: library(name),
    u32: library(name),
  });

const division = (remainder: boolean): Spelling => {
  const byFunction = library(remainder ? 'mod' : 'floordiv');
  const one = wholeDivision(remainder, (_, n) => integer(n));
  const whole: Spelling = (o) => (o.type.lanes === 1 ? one : byFunction)(o);
  return byElem({ f32: byFunction, i32: whole, u32: whole });
};

/** By the low five bits of the amount, or six. */
const shift =
  (operator: '<<' | '>>', name: string): Spelling =>
  (o) => {
    const by = known(o.exprs[1]!);
    const plain = o.type.lanes === 1 && (operator === '>>' || o.type.elem[0] === 'u');
    return by !== undefined && plain
      ? binary(operator, o.args[0]!, integer(by & (isWideElem(o.type.elem) ? 63 : 31)))
      : call(o.library(name), ...o.args);
  };

const bitwise =
  (operator: '&' | '|' | '^'): Spelling =>
  (o) => {
    if (o.type.elem !== 'bool') return infix(operator)(o);
    const [a, b] = o.args;
    if (operator === '^') return infixOf(o, '!=', a!, b!);
    return operator === '&' ? both(o, a!, b!) : either(o, a!, b!);
  };

const negative: Spelling = (o) => {
  if (o.type.lanes === 4) o.library('operator negative');
  return prefix('-', o.args[0]!);
};
const itself: Spelling = (o) => o.args[0]!;

/** One row an op; a new op is a type error here until it has a spelling. */
export const spellings: Readonly<Record<ScalarOp, Spelling>> = {
  neg: byElem({
    f32: negative,
    i32: (o) =>
      o.exact ? negative(o) : call(o.library('wrapped_difference'), same(o, 0), o.args[0]!),
    u32: (o) => infixOf(o, '-', same(o, 0), o.args[0]!),
  }),
  abs: byElem({ f32: real('fabs'), i32: library('size_of'), u32: itself }),
  sign: library('sign'),
  exp: real('exp'),
  expm1: real('expm1'),
  log: real('log'),
  log1p: real('log1p'),
  sin: real('sin'),
  cos: real('cos'),
  tan: real('tan'),
  tanh: real('tanh'),
  sigmoid: library('sigmoid'),
  erf: real('erf'),
  relu: byElem({
    f32: library('relu'),
    i32: (o) => call(o.library('maximum'), o.args[0]!, same(o, 0)),
    u32: itself,
  }),
  sqrt: real('sqrt'),
  rsqrt: real('rsqrt'),
  floor: real('floor'),
  ceil: real('ceil'),
  round: real('rint'),
  isnan: library('is_nan'),
  not: (o) => not(o, o.args[0]!),
  add: arithmetic('+', 'wrapped_sum'),
  sub: arithmetic('-', 'wrapped_difference'),
  mul: arithmetic('*', 'wrapped_product'),
  div: infix('/'),
  floordiv: division(false),
  mod: division(true),
  pow: (o) => {
    if (known(o.exprs[1]!) !== 2) return call(o.library('power'), ...o.args);
    const x = o.held(0);
    return infixOf(o, '*', x, x);
  },
  copysign: library('with_sign'),
  min: extreme('minimum'),
  max: extreme('maximum'),
  eq: comparison('=='),
  ne: comparison('!='),
  lt: comparison('<'),
  le: comparison('<='),
  gt: comparison('>'),
  ge: comparison('>='),
  and: bitwise('&'),
  or: bitwise('|'),
  xor: bitwise('^'),
  shl: shift('<<', 'shift_left'),
  shr: shift('>>', 'shift_right'),
  select: (o) => {
    const [condition, yes, no] = o.args;
    if (o.type.lanes === 1) return conditional(condition!, yes!, no!);
    return call(o.library('select'), yes!, no!, condition!);
  },
  threefry: library('threefry'),
};

const NARROW = { int8: 'to_char', uint8: 'to_byte', int16: 'to_short', uint16: 'to_word' } as const;

/** Conversion as `castTo` of the scalar table. `o.type` is what is converted. */
export const convert = (o: Operands, to: DType): Code => {
  const x = o.args[0]!;
  const from = o.type.elem;
  /** What C++ converts exactly. */
  const plain = (elem: Elem, name: string): Code =>
    o.type.lanes === 1
      ? converted(typeName({ elem, lanes: 1 }), x)
      : call(o.library(name, from), x);
  const float = (): Code => (from === 'f32' ? x : plain('f32', 'to_float'));
  const saturated = (name: string): Code => call(o.library(name), x);
  switch (to) {
    case 'float32':
      return float();
    case 'float64':
      return from === 'f64' ? x : plain('f64', '');
    case 'float16':
      return call(o.library('to_half', 'f32'), float());
    case 'bfloat16':
      return call(o.library('to_bfloat', 'f32'), float());
    case 'int32':
      if (from === 'i32') return x;
      return from === 'bool' ? plain('i32', 'to_int') : saturated('to_int');
    case 'uint32':
      if (from === 'u32') return x;
      return from === 'bool' ? plain('u32', 'to_unsigned') : saturated('to_unsigned');
    case 'int64':
      if (from === 'i64') return x;
      if (from === 'i32' || from === 'u32' || from === 'bool') return plain('i64', '');
      return saturated('to_long');
    case 'uint64':
      if (from === 'u64') return x;
      return from === 'u32' || from === 'bool' ? plain('u64', '') : saturated('to_unsigned_long');
    case 'int8':
    case 'uint8':
    case 'int16':
    case 'uint16':
      return from === 'bool' ? plain('i32', 'to_int') : saturated(NARROW[to]);
    case 'bool':
      return from === 'bool' ? x : infixOf(o, '!=', x, same(o, 0));
    default:
      return to satisfies never;
  }
};
