/**
 * How WGSL says each scalar op, on one number and on four lanes, and each conversion.
 *
 * Invariant: a scalar and a lane are computed alike. What may see NaN or an infinity goes through functions that look at
 * bits: compilers of WGSL may assume that there are none.
 */
import { type DType, integerRange } from '../../ir/dtype.ts';
import type { ScalarOp } from '../../ir/scalar.ts';
import type { RegType } from '../../ir/thread/thread.ts';
import { binary, type Code, type Comparison, call, int, prefix, uint } from '../text/code.ts';
import {
  byElem,
  extremeOf,
  known,
  type Operands,
  type Spelling,
  wholeDivision,
} from '../text/spelling.ts';
import { noWide, typeName } from './text.ts';

const same = (o: Operands, value: Code): Code =>
  o.type.lanes === 1 ? value : call(typeName(o.type), value);
const unsigned = (o: Operands): RegType => ({ elem: 'u32', lanes: o.type.lanes });

const builtin =
  (name: string): Spelling =>
  (o) =>
    call(name, ...o.args);
const library =
  (name: string): Spelling =>
  (o) =>
    call(o.library(name), ...o.args);
const infix =
  (operator: '+' | '-' | '*' | '/'): Spelling =>
  (o) =>
    binary(operator, o.args[0]!, o.args[1]!);

/** Order of bools: false is less than true. */
const boolOrder = (operator: Comparison, a: Code, b: Code): Code => {
  switch (operator) {
    case '<':
      return binary('&', prefix('!', a), b);
    case '<=':
      return binary('|', prefix('!', a), b);
    case '>':
      return binary('&', a, prefix('!', b));
    case '>=':
      return binary('|', a, prefix('!', b));
    case '==':
    case '!=':
      return binary(operator, a, b);
    default:
      return operator satisfies never;
  }
};

const comparison =
  (operator: Comparison): Spelling =>
  (o) => {
    const [a, b] = o.args;
    if (o.type.elem === 'bool') return boolOrder(operator, a!, b!);
    if (o.type.elem === 'f32' && operator === '!=') return call(o.library('differ'), a!, b!);
    return binary(operator, a!, b!);
  };

const extreme = (name: 'min' | 'max'): Spelling =>
  byElem({
    f32: extremeOf(name, name === 'min' ? 'atmost' : 'atleast'),
    i32: builtin(name),
    u32: builtin(name),
  });

const division = (remainder: boolean): Spelling => {
  const whole = wholeDivision(remainder, (o, n, use) =>
    use === 'mask' ? same(o, int(n)) : same({ ...o, type: unsigned(o) }, uint(n)),
  );
  return byElem({ f32: library(remainder ? 'mod' : 'floordiv'), i32: whole, u32: whole });
};

/** By the low five bits of the amount. */
const shift =
  (operator: '<<' | '>>'): Spelling =>
  (o) => {
    const by = known(o.exprs[1]!);
    const type = unsigned(o);
    const in32 = { ...o, type };
    if (by !== undefined) return binary(operator, o.args[0]!, same(in32, uint(by & 31)));
    const bits =
      o.type.elem === 'u32' ? o.args[1]! : call(`bitcast<${typeName(type)}>`, o.args[1]!);
    return binary(operator, o.args[0]!, binary('&', bits, same(in32, uint(31))));
  };

const bitwise =
  (operator: '&' | '|' | '^'): Spelling =>
  (o) =>
    binary(operator === '^' && o.type.elem === 'bool' ? '!=' : operator, o.args[0]!, o.args[1]!);

const negative: Spelling = (o) => prefix('-', o.args[0]!);
const itself: Spelling = (o) => o.args[0]!;

/** One row an op; a new op is a type error here until it has a spelling. */
export const spellings: Readonly<Record<ScalarOp, Spelling>> = {
  neg: byElem({
    f32: negative,
    i32: negative,
    u32: (o) => binary('-', same(o, uint(0)), o.args[0]!),
  }),
  abs: byElem({ f32: builtin('abs'), i32: builtin('abs'), u32: itself }),
  sign: byElem({
    f32: library('sign'),
    i32: builtin('sign'),
    u32: (o) => call('min', o.args[0]!, same(o, uint(1))),
  }),
  exp: library('exp'),
  expm1: library('expm1'),
  log: library('log'),
  log1p: library('log1p'),
  sin: library('sin'),
  cos: library('cos'),
  tan: library('tan'),
  tanh: library('tanh'),
  sigmoid: library('sigmoid'),
  erf: library('erf'),
  relu: byElem({
    f32: library('relu'),
    i32: (o) => call('max', o.args[0]!, same(o, int(0))),
    u32: itself,
  }),
  sqrt: builtin('sqrt'),
  rsqrt: builtin('inverseSqrt'),
  floor: builtin('floor'),
  ceil: builtin('ceil'),
  round: builtin('round'),
  isnan: library('isnan'),
  not: (o) => prefix('!', o.args[0]!),
  add: infix('+'),
  sub: infix('-'),
  mul: infix('*'),
  div: infix('/'),
  floordiv: division(false),
  mod: division(true),
  pow: (o) => {
    if (known(o.exprs[1]!) !== 2) return call(o.library('pow'), ...o.args);
    const x = o.held(0);
    return binary('*', x, x);
  },
  copysign: library('copysign'),
  min: extreme('min'),
  max: extreme('max'),
  eq: comparison('=='),
  ne: comparison('!='),
  lt: comparison('<'),
  le: comparison('<='),
  gt: comparison('>'),
  ge: comparison('>='),
  and: bitwise('&'),
  or: bitwise('|'),
  xor: bitwise('^'),
  shl: shift('<<'),
  shr: shift('>>'),
  select: (o) => call('select', o.args[2]!, o.args[1]!, o.args[0]!),
  threefry: library('threefry'),
};

/** Conversion as `castTo` of the scalar table. `o.type` is what is converted. */
export const convert = (o: Operands, to: DType): Code => {
  const x = o.args[0]!;
  const from = o.type.elem;
  const { lanes } = o.type;
  const as = (elem: RegType['elem'], value: Code = x): Code =>
    call(typeName({ elem, lanes }), value);
  const inAll = (elem: 'i32' | 'u32', value: number): Code => {
    const one = elem === 'i32' ? int(value) : uint(value);
    return lanes === 1 ? one : call(typeName({ elem, lanes }), one);
  };
  switch (to) {
    case 'float32':
      return from === 'f32' ? x : as('f32');
    case 'float16':
      // by bits: compilers drop the conversion to f16 and back
      return call(o.library('tohalf', 'f32'), from === 'f32' ? x : as('f32'));
    case 'bfloat16':
      return call(o.library('tobfloat', 'f32'), from === 'f32' ? x : as('f32'));
    case 'int32':
      if (from === 'f32') return call(o.library('truncate', 'i32'), x);
      if (from === 'u32') return as('i32', call('min', x, inAll('u32', 0x7fffffff)));
      return from === 'bool' ? as('i32') : x;
    case 'uint32':
      if (from === 'f32') return call(o.library('truncate', 'u32'), x);
      if (from === 'i32') return as('u32', call('max', x, inAll('i32', 0)));
      return from === 'bool' ? as('u32') : x;
    case 'int8':
    case 'uint8':
    case 'int16':
    case 'uint16': {
      const [least, greatest] = integerRange(to);
      if (from === 'u32') return as('i32', call('min', x, inAll('u32', greatest)));
      if (from === 'bool') return as('i32');
      return call('clamp', convert(o, 'int32'), inAll('i32', least), inAll('i32', greatest));
    }
    case 'float64':
    case 'int64':
    case 'uint64':
      throw noWide();
    case 'bool':
      if (from === 'bool') return x;
      if (from === 'f32') return call(o.library('nonzero', 'f32'), x);
      return binary('!=', x, inAll(from === 'u32' ? from : 'i32', 0));
    default:
      return to satisfies never;
  }
};
