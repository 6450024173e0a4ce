/**
 * The ScalarOp table: one row per operation on single numbers: arity, dtype rule, reference value, derivative.
 *
 * Invariant: everything that knows a scalar op (graph ops, loop and thread interpreters, code generators) reads this
 * table; each code generator holds an exhaustive `Record<ScalarOp, ...>` of spellings, so a new row is a type error
 * until every target can say it.
 */
import { type DType, isFloat, isWide } from './dtype.ts';
import { threefry } from './numbers.ts';
import { wrapWide } from './rounding.ts';
import {
  type Algebra,
  compare,
  float,
  logic,
  type ScalarOp,
  type ScalarRow,
  same,
  shift,
} from './scalar-row.ts';
import { unaryOps } from './scalar-unary.ts';

export { type Algebra, SCALAR_OPS, type ScalarOp, type ScalarRow } from './scalar-row.ts';

/** Whether the sign is set: of negative zero too. The sign of NaN does not survive JavaScript: it counts as unset. */
const isNegative = (x: number): boolean => x < 0 || Object.is(x, -0);

/**
 * The floor of the quotient, by way of the remainder as NumPy has it: `x / y` may be rounded up to a whole number.
 * `floorQuotient * y + mod` is x.
 */
const floorQuotient = (x: number, y: number): number => {
  if (y === 0) return x / y;
  const rest = x % y;
  const below = rest !== 0 && rest < 0 !== y < 0;
  const quotient = (x - rest) / y - (below ? 1 : 0);
  if (quotient === 0) return isNegative(x / y) ? -0 : 0;
  const low = Math.floor(quotient);
  return quotient - low > 0.5 ? low + 1 : low;
};

const table: Readonly<Record<ScalarOp, ScalarRow>> = {
  ...unaryOps,
  add: {
    arity: 2,
    dtype: same,
    value: (x, y) => x + y,
    cost: 1,
    derivative: (_a, _x, _o, dy) => [dy, dy],
  },
  sub: {
    arity: 2,
    dtype: same,
    value: (x, y) => x - y,
    cost: 1,
    derivative: (a, _x, _o, dy) => [dy, a.op('neg', dy)],
  },
  mul: {
    arity: 2,
    dtype: same,
    value: (x, y) => x * y,
    cost: 1,
    derivative: (a, [x, y], _o, dy) => [a.op('mul', dy, y!), a.op('mul', dy, x!)],
  },
  div: {
    arity: 2,
    dtype: float,
    value: (x, y) => x / y,
    cost: 3,
    derivative: (a, [, y], out, dy) => {
      const dx = a.op('div', dy, y!);
      return [dx, a.op('neg', a.op('mul', dx, out))];
    },
  },
  /** Floor division, for floats and integers; integer division by zero gives 0. */
  floordiv: {
    arity: 2,
    dtype: same,
    value: floorQuotient,
    cost: 4,
    derivative: (a, [x, y]) => [a.lit(0, x!), a.lit(0, y!)],
  },
  /** Remainder with the sign of the divisor (Python's and NumPy's `%`), that of zero too. */
  mod: {
    arity: 2,
    dtype: same,
    cost: 5,
    value: (x, y) => {
      const r = x % y;
      if (r === 0) return isNegative(y) ? -0 : 0;
      return r < 0 !== y < 0 ? r + y : r;
    },
    derivative: (a, [x, y], _o, dy) => [dy, a.op('neg', a.op('mul', dy, a.op('floordiv', x!, y!)))],
  },
  pow: {
    arity: 2,
    dtype: float,
    value: (x, y) => x ** y,
    cost: 24,
    derivative: (a, [x, y], out, dy) => {
      const zero = a.lit(0, x!);
      const safe = a.op('select', a.op('gt', x!, zero), x!, a.lit(1, x!));
      const dx = a.op('mul', dy, a.op('mul', y!, a.op('pow', x!, a.op('sub', y!, a.lit(1, y!)))));
      return [
        a.op('select', a.op('eq', y!, a.lit(0, y!)), a.lit(0, dy), dx),
        a.op('mul', dy, a.op('mul', out, a.op('log', safe))),
      ];
    },
  },
  /** The size of the first with the sign of the second, zeros and NaN included. */
  copysign: {
    arity: 2,
    dtype: float,
    value: (x, y) => (isNegative(y) ? -Math.abs(x) : Math.abs(x)),
    cost: 1,
    derivative: (a, [x, y], _o, dy) => [
      a.op('mul', dy, a.op('mul', a.op('sign', x!), a.op('copysign', a.lit(1, y!), y!))),
      a.lit(0, y!),
    ],
  },
  min: {
    arity: 2,
    dtype: same,
    value: (x, y) => (Number.isNaN(x) || Number.isNaN(y) ? Number.NaN : Math.min(x, y)),
    cost: 1,
    derivative: (a, [x, y], _o, dy) => splitTies(a, 'lt', x!, y!, dy),
  },
  max: {
    arity: 2,
    dtype: same,
    value: (x, y) => (Number.isNaN(x) || Number.isNaN(y) ? Number.NaN : Math.max(x, y)),
    cost: 1,
    derivative: (a, [x, y], _o, dy) => splitTies(a, 'gt', x!, y!, dy),
  },
  eq: { arity: 2, dtype: compare, value: (x, y) => +(x === y), cost: 1 },
  ne: { arity: 2, dtype: compare, value: (x, y) => +(x !== y), cost: 1 },
  lt: { arity: 2, dtype: compare, value: (x, y) => +(x < y), cost: 1 },
  le: { arity: 2, dtype: compare, value: (x, y) => +(x <= y), cost: 1 },
  gt: { arity: 2, dtype: compare, value: (x, y) => +(x > y), cost: 1 },
  ge: { arity: 2, dtype: compare, value: (x, y) => +(x >= y), cost: 1 },
  and: { arity: 2, dtype: logic, value: (x, y) => x & y, cost: 1 },
  or: { arity: 2, dtype: logic, value: (x, y) => x | y, cost: 1 },
  xor: { arity: 2, dtype: logic, value: (x, y) => x ^ y, cost: 1 },
  shl: { arity: 2, dtype: shift, value: (x, y) => x << y, cost: 1 },
  /** Right shift: arithmetic for signed, logical for unsigned integers (those come as non-negative numbers). */
  shr: { arity: 2, dtype: shift, value: (x, y) => (x > 0x7fffffff ? x >>> y : x >> y), cost: 1 },
  select: {
    arity: 3,
    dtype: (c: DType, x: DType, y: DType) => (c === 'bool' && x === y ? x : undefined),
    value: (c, x, y) => (c ? x : y),
    cost: 1,
    derivative: (a, [c], _o, dy) => [
      null,
      a.op('select', c!, dy, a.lit(0, dy)),
      a.op('select', c!, a.lit(0, dy), dy),
    ],
  },
  /** Counter-based random bits; see {@link threefry}. */
  threefry: {
    arity: 4,
    dtype: (...d: DType[]) => (d.every((t) => t === 'uint32') ? 'uint32' : undefined),
    value: threefry,
    cost: 70,
  },
};

/** Half of the gradient to each side of a tie, as NumPy-style frameworks and PyTorch do. */
function splitTies<V>(a: Algebra<V>, wins: 'lt' | 'gt', x: V, y: V, dy: V): readonly V[] {
  const zero = a.lit(0, dy);
  const half = a.op('mul', dy, a.lit(0.5, dy));
  const tie = a.op('select', a.op('eq', x, y), half, zero);
  return [a.op('select', a.op(wins, x, y), dy, tie), a.op('select', a.op(wins, y, x), dy, tie)];
}

/** What is true of each operation on numbers on every device: arity, dtypes, value, derivative. */
export const scalarOps: Readonly<Record<ScalarOp, ScalarRow>> = table;

/** On 64-bit integers: what doubles and 32-bit operators of JavaScript would get wrong. Amounts of shifts count modulo 64. */
const wideValues: { readonly [op in ScalarOp]?: (x: bigint, y: bigint) => bigint } = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  and: (x, y) => x & y,
  or: (x, y) => x | y,
  xor: (x, y) => x ^ y,
  shl: (x, y) => x << (y & 63n),
  shr: (x, y) => x >> (y & 63n),
};

/**
 * The value function on operands of `dtype`: integer products wrap, which doubles cannot show beyond 2^53, and division
 * of integers by zero gives 0. Of 64-bit integers the result is the number nearest to it: exact up to 2^53.
 */
export const valueIn = (op: ScalarOp, dtype: DType): ((...args: number[]) => number) => {
  const { value } = table[op];
  if (isFloat(dtype)) return value;
  if (op === 'floordiv' || op === 'mod') return (x, y) => (y === 0 ? 0 : value(x!, y!));
  if (!isWide(dtype)) return op === 'mul' ? (x, y) => Math.imul(x!, y!) : value;
  const wide = wideValues[op];
  return wide ? (x, y) => wrapWide(dtype, wide(BigInt(x!), BigInt(y!))) : value;
};

/**
 * True for names of operations on numbers.
 *
 * @throws nothing
 *
 * @example ir.isScalarOp('exp');   // true
 */
export const isScalarOp = (name: string): name is ScalarOp => Object.hasOwn(table, name);
