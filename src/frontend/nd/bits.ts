/**
 * Functions of integers: their bits, shifts, common divisors.
 *
 * Invariant: results have the promoted dtype of the operands; booleans take part in `and`, `or`, `xor` and `not` as single
 * bits, elsewhere as 0 and 1.
 */
import {
  bytesOf,
  countedIn,
  type DType,
  isFloat,
  isInteger,
  isNarrowInteger,
  isWide,
  kindOf,
  promote,
} from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { showType } from '../../ir/type.ts';
import { aligned, type Binary, binaryOf } from './arithmetic.ts';
import { type Unary, unary } from './math.ts';

const refuse = (name: string, nodes: readonly Node[]): TigonError =>
  new TigonError(
    'dtype',
    `${name}: takes integers and booleans, not ${nodes.map((n) => showType(n.type)).join(' and ')}`,
    "convert first: x.astype('int32')",
  );

const integers = (name: string, x: Node, y: Node): DType => {
  const dtype = promote(x.type.dtype, y.type.dtype);
  if (isFloat(dtype)) throw refuse(name, [x, y]);
  return dtype;
};

const bitwise = (name: string, op: 'and' | 'or' | 'xor'): Binary =>
  binaryOf(name, (b, x, y) => {
    const [p, q] = aligned(b, name, [x, y], integers(name, x, y));
    return b.op(op, p!, q!);
  });
/**
 * The bits that are set in both. Shapes broadcast. Dtypes: integers promote; two booleans give bool.
 *
 * @throws {DTypeError} for floats
 * @throws {ShapeError} unless the shapes broadcast
 *
 * @example
 * nd.bitwiseAnd(nd.array([12, 7], { dtype: 'int32' }), 10);   // [8, 2]
 */
export const bitwiseAnd: Binary = bitwise('bitwiseAnd', 'and');
/**
 * The bits that are set in one of the two, or both. Shapes broadcast. Dtypes: integers promote; two booleans give bool.
 *
 * @throws {DTypeError} for floats
 * @throws {ShapeError} unless the shapes broadcast
 *
 * @example
 * nd.bitwiseOr(nd.array([12, 7], { dtype: 'int32' }), 10);   // [14, 15]
 */
export const bitwiseOr: Binary = bitwise('bitwiseOr', 'or');
/**
 * The bits that differ. Shapes broadcast. Dtypes: integers promote; two booleans give bool.
 *
 * @throws {DTypeError} for floats
 * @throws {ShapeError} unless the shapes broadcast
 *
 * @example
 * nd.bitwiseXor(nd.array([12, 7], { dtype: 'int32' }), 10);   // [6, 13]
 */
export const bitwiseXor: Binary = bitwise('bitwiseXor', 'xor');

/**
 * All bits turned around; `not` of booleans. Shape and dtype stay.
 *
 * @throws {DTypeError} for floats
 *
 * @example
 * nd.bitwiseNot(nd.array([0, 5], { dtype: 'int32' }));   // [-1, -6]
 */
export const bitwiseNot: Unary = unary('bitwiseNot', (b, x) => {
  const { dtype } = x.type;
  if (dtype === 'bool') return b.op('not', x);
  if (!isInteger(dtype)) throw refuse('bitwiseNot', [x]);
  // -1 - x, without a number for all bits of 64
  return b.op('sub', b.op('neg', x), b.lit(1, x));
});

/** Shifts know 32 and 64 bits; of narrow integers the low ones are kept. */
const shift = (name: string, op: 'shl' | 'shr'): Binary =>
  binaryOf(name, (b, x, y) => {
    const dtype = integers(name, x, y);
    const wide = countedIn(dtype);
    const [p, q] = aligned(b, name, [x, y], wide);
    // shifting out all bits leaves none, or the sign
    const most = b.lit(8 * bytesOf(wide) - 1, q!);
    const far = b.op('or', b.op('gt', q!, most), b.op('lt', q!, b.lit(0, q!)));
    const emptied = op === 'shr' && kindOf(wide) === 'int' ? b.op('shr', p!, most) : b.lit(0, p!);
    const value = b.op('select', far, emptied, b.op(op, p!, q!));
    if (!isNarrowInteger(dtype)) return value;
    // a cast keeps what fits: first the low bits alone, signed ones extended
    const bits = 8 * bytesOf(dtype);
    const low = b.op('and', value, b.lit(2 ** bits - 1, value));
    if (kindOf(dtype) === 'uint') return b.cast(low, dtype);
    const sign = b.lit(2 ** (bits - 1), low);
    return b.cast(b.op('sub', b.op('xor', low, sign), sign), dtype);
  });
/**
 * `x · 2 ** y`, as far as the bits of the dtype go; 0 for shifts below 0 or beyond all bits. Shapes broadcast. Dtypes:
 * integers promote; booleans give int32.
 *
 * @throws {DTypeError} for floats
 * @throws {ShapeError} unless the shapes broadcast
 *
 * @example
 * nd.leftShift(nd.array([1, 5], { dtype: 'int32' }), 2);   // [4, 20]
 */
export const leftShift: Binary = shift('leftShift', 'shl');
/**
 * `floor(x / 2 ** y)`; for shifts below 0 or beyond all bits 0, or -1 where `x` is negative. Shapes broadcast. Dtypes:
 * integers promote; booleans give int32.
 *
 * @throws {DTypeError} for floats
 * @throws {ShapeError} unless the shapes broadcast
 *
 * @example
 * nd.rightShift(nd.array([20, -5], { dtype: 'int32' }), 1);   // [10, -3]
 */
export const rightShift: Binary = shift('rightShift', 'shr');

/** Remainders that Euclid's algorithm takes at most: neighbours of the Fibonacci numbers are the worst. */
const remainders = (dtype: DType): number => (isWide(dtype) ? 93 : 47);

const divisor = (b: GraphBuilder, x: Node, y: Node): Node => {
  let [p, q] = [b.op('abs', x), b.op('abs', y)];
  for (let i = 0; i < remainders(x.type.dtype); i++) {
    const done = b.op('eq', q, b.lit(0, q));
    [p, q] = [b.op('select', done, p, q), b.op('mod', p, q)];
  }
  return p;
};
const numbers = (b: GraphBuilder, name: string, x: Node, y: Node): Node[] => {
  const dtype = integers(name, x, y);
  return aligned(b, name, [x, y], dtype === 'bool' ? 'int32' : dtype);
};
/**
 * The greatest common divisor; of 0 and a number the size of the number. Shapes broadcast. Dtypes: integers promote;
 * booleans give int32.
 *
 * @throws {DTypeError} for floats
 * @throws {ShapeError} unless the shapes broadcast
 *
 * @example
 * nd.gcd(nd.array([12, 0, -9], { dtype: 'int32' }), 6);   // [6, 6, 3]
 */
export const gcd: Binary = binaryOf('gcd', (b, x, y) => {
  const [p, q] = numbers(b, 'gcd', x, y);
  return divisor(b, p!, q!);
});
/**
 * The least common multiple; 0 if one is 0. Shapes broadcast. Dtypes: integers promote, and a multiple that the dtype does
 * not hold keeps its low bits; booleans give int32.
 *
 * @throws {DTypeError} for floats
 * @throws {ShapeError} unless the shapes broadcast
 *
 * @example
 * nd.lcm(nd.array([4, 0, -3], { dtype: 'int32' }), 6);   // [12, 0, 6]
 */
export const lcm: Binary = binaryOf('lcm', (b, x, y) => {
  const [p, q] = numbers(b, 'lcm', x, y);
  return b.op('mul', b.op('floordiv', b.op('abs', p!), divisor(b, p!, q!)), b.op('abs', q!));
});
