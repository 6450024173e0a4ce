/**
 * Rows of the ScalarOp table for operations on one number.
 *
 * Invariant: derivatives read the result rather than the operand where both would do: then one of the two is kept.
 */
import { type DType, isFloat } from './dtype.ts';
import { erf, roundEven, TWO_OVER_SQRT_PI } from './numbers.ts';
import { float, type ScalarOp, type ScalarRow, same } from './scalar-row.ts';

/** Operations on one number. */
type UnaryOp = Extract<
  ScalarOp,
  | 'neg'
  | 'abs'
  | 'sign'
  | 'exp'
  | 'expm1'
  | 'log'
  | 'log1p'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'tanh'
  | 'sigmoid'
  | 'erf'
  | 'relu'
  | 'sqrt'
  | 'rsqrt'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'isnan'
  | 'not'
>;

export const unaryOps: Readonly<Record<UnaryOp, ScalarRow>> = {
  neg: {
    arity: 1,
    dtype: same,
    value: (x) => -x,
    cost: 1,
    derivative: (a, _, _o, dy) => [a.op('neg', dy)],
  },
  abs: {
    arity: 1,
    dtype: same,
    value: Math.abs,
    cost: 1,
    derivative: (a, [x], _o, dy) => [a.op('mul', dy, a.op('sign', x!))],
  },
  sign: {
    arity: 1,
    dtype: same,
    value: Math.sign,
    cost: 2,
    derivative: (a, [x]) => [a.lit(0, x!)],
  },
  exp: {
    arity: 1,
    dtype: float,
    value: Math.exp,
    cost: 10,
    derivative: (a, _, y, dy) => [a.op('mul', dy, y)],
  },
  expm1: {
    arity: 1,
    dtype: float,
    value: Math.expm1,
    cost: 12,
    derivative: (a, _, y, dy) => [a.op('mul', dy, a.op('add', y, a.lit(1, y)))],
  },
  log: {
    arity: 1,
    dtype: float,
    value: Math.log,
    cost: 12,
    derivative: (a, [x], _o, dy) => [a.op('div', dy, x!)],
  },
  log1p: {
    arity: 1,
    dtype: float,
    value: Math.log1p,
    cost: 14,
    derivative: (a, [x], _o, dy) => [a.op('div', dy, a.op('add', x!, a.lit(1, x!)))],
  },
  sin: {
    arity: 1,
    dtype: float,
    value: Math.sin,
    cost: 14,
    derivative: (a, [x], _o, dy) => [a.op('mul', dy, a.op('cos', x!))],
  },
  cos: {
    arity: 1,
    dtype: float,
    value: Math.cos,
    cost: 14,
    derivative: (a, [x], _o, dy) => [a.op('neg', a.op('mul', dy, a.op('sin', x!)))],
  },
  tan: {
    arity: 1,
    dtype: float,
    value: Math.tan,
    cost: 24,
    derivative: (a, _, y, dy) => [a.op('mul', dy, a.op('add', a.op('mul', y, y), a.lit(1, y)))],
  },
  tanh: {
    arity: 1,
    dtype: float,
    value: Math.tanh,
    cost: 14,
    derivative: (a, _, y, dy) => [a.op('mul', dy, a.op('sub', a.lit(1, y), a.op('mul', y, y)))],
  },
  sigmoid: {
    arity: 1,
    dtype: float,
    value: (x) => 1 / (1 + Math.exp(-x)),
    cost: 14,
    derivative: (a, _, y, dy) => [a.op('mul', dy, a.op('mul', y, a.op('sub', a.lit(1, y), y)))],
  },
  erf: {
    arity: 1,
    dtype: float,
    value: erf,
    cost: 16,
    derivative: (a, [x], _o, dy) => [
      a.op(
        'mul',
        dy,
        a.op('mul', a.lit(TWO_OVER_SQRT_PI, x!), a.op('exp', a.op('neg', a.op('mul', x!, x!)))),
      ),
    ],
  },
  relu: {
    arity: 1,
    dtype: same,
    value: (x) => (x > 0 || Number.isNaN(x) ? x : 0),
    cost: 1,
    // By the result, not the operand: then only one of the two has to be kept.
    derivative: (a, _, y, dy) => [a.op('select', a.op('gt', y, a.lit(0, y)), dy, a.lit(0, dy))],
  },
  sqrt: {
    arity: 1,
    dtype: float,
    value: Math.sqrt,
    cost: 4,
    derivative: (a, _, y, dy) => [a.op('div', a.op('mul', dy, a.lit(0.5, y)), y)],
  },
  rsqrt: {
    arity: 1,
    dtype: float,
    value: (x) => 1 / Math.sqrt(x),
    cost: 6,
    derivative: (a, [x], y, dy) => [
      a.op('mul', a.op('mul', dy, a.lit(-0.5, y)), a.op('div', y, x!)),
    ],
  },
  floor: {
    arity: 1,
    dtype: float,
    value: Math.floor,
    cost: 1,
    derivative: (a, [x]) => [a.lit(0, x!)],
  },
  ceil: {
    arity: 1,
    dtype: float,
    value: Math.ceil,
    cost: 1,
    derivative: (a, [x]) => [a.lit(0, x!)],
  },
  round: {
    arity: 1,
    dtype: float,
    value: roundEven,
    cost: 1,
    derivative: (a, [x]) => [a.lit(0, x!)],
  },
  isnan: {
    arity: 1,
    dtype: (d: DType) => (isFloat(d) ? 'bool' : undefined),
    value: (x) => +Number.isNaN(x),
    cost: 1,
  },
  not: {
    arity: 1,
    dtype: (d: DType) => (d === 'bool' ? d : undefined),
    value: (x) => +!x,
    cost: 1,
  },
};
