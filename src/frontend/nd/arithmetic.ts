/**
 * Functions of two operands: arithmetic, comparison, logic, with NumPy broadcasting and promotion.
 *
 * Invariant: a JavaScript number takes the dtype of the array it meets; if an integer array cannot hold it, the result is
 * int32 (integers) or float32 (fractions). Its value never enters a cache key.
 */
import { type DType, isFloat, promote } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import type { ScalarOp } from '../../ir/scalar.ts';
import { type Shape, showType } from '../../ir/type.ts';
import { call1, call2, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import { type Layout, scalarLayout } from '../layout.ts';
import { isNDArray, type NDArray, type Operand } from '../ndarray.ts';
import { shown } from '../options.ts';
import { fits } from './filled.ts';

/** The common shape of arrays under NumPy broadcasting, or a ShapeError that shows them all. */
export const broadcastShapes = (name: string, nodes: readonly Node[]): Shape => {
  const rank = Math.max(...nodes.map((n) => n.type.shape.length));
  return Array.from({ length: rank }, (_, i) => {
    let size = 1;
    for (const { type } of nodes) {
      const d = type.shape[i - rank + type.shape.length] ?? 1;
      if (d === 1 || d === size) continue;
      if (size !== 1)
        throw new TigonError(
          'shape',
          `${name}: cannot broadcast ${nodes.map((n) => showType(n.type)).join(' with ')} (${size} ≠ ${d} at axis ${i - rank})`,
          'axes must be equal or 1, counted from the last; expandDims or reshape adds axes of 1',
        );
      size = d;
    }
    return size;
  });
};

/** The operands with one dtype and one shape. */
export const aligned = (
  b: GraphBuilder,
  name: string,
  nodes: readonly Node[],
  dtype: DType,
): Node[] => {
  const shape = broadcastShapes(name, nodes);
  return nodes.map((n) => b.broadcastTo(b.cast(n, dtype), shape));
};

type Rule = 'arithmetic' | 'float' | 'compare' | 'logic';

const computeDtype = (rule: Rule, x: Node, y: Node): DType => {
  const dtype = promote(x.type.dtype, y.type.dtype);
  switch (rule) {
    case 'arithmetic':
      return dtype === 'bool' ? 'int32' : dtype;
    case 'float':
      return isFloat(dtype) ? dtype : 'float32';
    case 'compare':
      return dtype;
    case 'logic':
      return 'bool';
    default:
      return rule satisfies never;
  }
};

type Build = (b: GraphBuilder, x: Node, y: Node) => Node;

const binary =
  (name: string, op: ScalarOp, rule: Rule): Build =>
  (b, x, y) => {
    const [p, q] = aligned(b, name, [x, y], computeDtype(rule, x, y));
    return b.op(op, p!, q!);
  };

/** The dtype that a number is given as, beside an array of `dtype`. */
export const weakDtype = (dtype: DType, value: number): DType => {
  if (isFloat(dtype) || fits(value, dtype)) return dtype;
  return fits(value, 'int32') ? promote(dtype, 'int32') : 'float32';
};

const layoutFor = (x: Operand, other: Operand, name: string): Layout => {
  if (typeof x === 'number') {
    if (!isNDArray(other)) throw failure('value', `${name}: needs at least one array`);
    return scalarLayout(other.layout.device, weakDtype(other.dtype, x));
  }
  if (isNDArray(x)) return x.layout;
  throw notOperand(name, x);
};

export const notOperand = (name: string, x: unknown): Error =>
  failure(
    'value',
    `${name}: ${shown(x)} is not an operand`,
    'operands are NDArrays and numbers; nd.array(values) makes an array',
  );

/** Calls a function of two operands, of which one may be a number. */
const callBinary = (f: Fragment, x: Operand, y: Operand): NDArray =>
  call2(f, x, y, layoutFor(x, y, f.name), layoutFor(y, x, f.name));

/** A function of two operands, of which one may be a number. */
export type Binary = (x: Operand, y: Operand) => NDArray;

const twoOperands = (name: string, build: Build): Fragment =>
  fragment(name, (b, [x, y]) => build(b, x!, y!));

/** The function of two operands that a graph builder makes. */
export const binaryOf = (name: string, build: Build): Binary => {
  const f = twoOperands(name, build);
  return (x, y) => callBinary(f, x, y);
};

const operator = (name: string, op: ScalarOp, rule: Rule): Binary =>
  binaryOf(name, binary(name, op, rule));

export const addition: Fragment = twoOperands('add', binary('add', 'add', 'arithmetic'));
const power = operator('pow', 'pow', 'float');
const squared = fragment('square', (b, [x]) => b.op('mul', x!, x!));

/**
 * `x + y`. Shapes broadcast. Dtypes promote; booleans count as int32; a number takes the dtype of the array if that can
 * hold it.
 *
 * @throws {ShapeError} unless the shapes broadcast
 * @throws {ValueError} unless both are arrays or numbers, and one an array
 *
 * @example nd.add(nd.array([1, 2]), 10);   // [11, 12]
 */
export const add = (x: Operand, y: Operand): NDArray => callBinary(addition, x, y);
/**
 * `x - y`. Shapes broadcast. Dtypes promote; booleans count as int32; a number takes the dtype of the array if that can
 * hold it.
 *
 * @throws {ShapeError} unless the shapes broadcast
 * @throws {ValueError} unless both are arrays or numbers, and one an array
 *
 * @example nd.sub(nd.array([1, 2]), nd.array([[1], [2]]));   // [[0, 1], [-1, 0]]
 */
export const sub: Binary = operator('sub', 'sub', 'arithmetic');
/**
 * `x · y`, element by element. Shapes broadcast. Dtypes promote; booleans count as int32; a number takes the dtype of the
 * array if that can hold it.
 *
 * @throws {ShapeError} unless the shapes broadcast
 * @throws {ValueError} unless both are arrays or numbers, and one an array
 *
 * @example nd.mul(nd.array([1, 2]), nd.array([3, 4]));   // [3, 8]
 */
export const mul: Binary = operator('mul', 'mul', 'arithmetic');
/**
 * `x / y`. Shapes broadcast. Dtypes promote; integers and booleans give float32, in which a division by zero is ±∞ or NaN.
 *
 * @throws {ShapeError} unless the shapes broadcast
 * @throws {ValueError} unless both are arrays or numbers, and one an array
 *
 * @example nd.div(nd.array([1, 2], { dtype: 'int32' }), 2);   // [0.5, 1]
 */
export const div: Binary = operator('div', 'div', 'float');
/**
 * `floor(x / y)` before the quotient is rounded, so that it fits {@link mod}: `x` is `floorDiv(x, y) · y + mod(x, y)`.
 * Integer division by zero gives 0. Shapes broadcast. Dtypes promote; booleans count as int32.
 *
 * @throws {ShapeError} unless the shapes broadcast
 * @throws {ValueError} unless both are arrays or numbers, and one an array
 *
 * @example nd.floorDiv(nd.array([7, -7]), 2);   // [3, -4]
 */
export const floorDiv: Binary = operator('floorDiv', 'floordiv', 'arithmetic');
/**
 * Remainder with the sign of the divisor, as `%` in Python; of an integer by zero 0. Shapes broadcast. Dtypes promote;
 * booleans count as int32.
 *
 * @throws {ShapeError} unless the shapes broadcast
 * @throws {ValueError} unless both are arrays or numbers, and one an array
 *
 * @example nd.mod(nd.array([7, -7]), 3);   // [1, 2]
 */
export const mod: Binary = operator('mod', 'mod', 'arithmetic');
/**
 * `x ** y`. Shapes broadcast. Dtypes promote; integers and booleans give float32, but a square keeps integers as they are.
 *
 * @throws {ShapeError} unless the shapes broadcast
 * @throws {ValueError} unless both are arrays or numbers, and one an array
 *
 * @example nd.pow(nd.array([1, 2, 3]), 2);   // [1, 4, 9]
 */
export const pow = (x: Operand, y: Operand): NDArray =>
  y === 2 && isNDArray(x) && x.dtype !== 'bool' ? call1(squared, x) : power(x, y);
/**
 * The smaller of two, element by element; NaN if either is. Shapes broadcast. Dtypes promote; booleans count as int32.
 *
 * @throws {ShapeError} unless the shapes broadcast
 * @throws {ValueError} unless both are arrays or numbers, and one an array
 *
 * @example nd.minimum(nd.array([1, 5]), 3);   // [1, 3]
 */
export const minimum: Binary = operator('minimum', 'min', 'arithmetic');
/**
 * The larger of two, element by element; NaN if either is. Shapes broadcast. Dtypes promote; booleans count as int32.
 *
 * @throws {ShapeError} unless the shapes broadcast
 * @throws {ValueError} unless both are arrays or numbers, and one an array
 *
 * @example nd.maximum(nd.array([1, 5]), 3);   // [3, 5]
 */
export const maximum: Binary = operator('maximum', 'max', 'arithmetic');
/**
 * `x = y`, as bool. Shapes broadcast, any dtypes.
 *
 * @throws {ShapeError} unless the shapes broadcast
 * @throws {ValueError} unless both are arrays or numbers, and one an array
 *
 * @example nd.eq(nd.array([1, 2, 3]), 2);   // [0, 1, 0]
 */
export const eq: Binary = operator('eq', 'eq', 'compare');
/**
 * `x ≠ y`, as bool. Shapes broadcast, any dtypes.
 *
 * @throws {ShapeError} unless the shapes broadcast
 * @throws {ValueError} unless both are arrays or numbers, and one an array
 *
 * @example nd.ne(nd.array([1, 2, 3]), 2);   // [1, 0, 1]
 */
export const ne: Binary = operator('ne', 'ne', 'compare');
/**
 * `x < y`, as bool. Shapes broadcast, any dtypes.
 *
 * @throws {ShapeError} unless the shapes broadcast
 * @throws {ValueError} unless both are arrays or numbers, and one an array
 *
 * @example nd.lt(nd.array([1, 2, 3]), 2);   // [1, 0, 0]
 */
export const lt: Binary = operator('lt', 'lt', 'compare');
/**
 * `x ≤ y`, as bool. Shapes broadcast, any dtypes.
 *
 * @throws {ShapeError} unless the shapes broadcast
 * @throws {ValueError} unless both are arrays or numbers, and one an array
 *
 * @example nd.le(nd.array([1, 2, 3]), 2);   // [1, 1, 0]
 */
export const le: Binary = operator('le', 'le', 'compare');
/**
 * `x > y`, as bool. Shapes broadcast, any dtypes.
 *
 * @throws {ShapeError} unless the shapes broadcast
 * @throws {ValueError} unless both are arrays or numbers, and one an array
 *
 * @example nd.gt(nd.array([1, 2, 3]), 2);   // [0, 0, 1]
 */
export const gt: Binary = operator('gt', 'gt', 'compare');
/**
 * `x ≥ y`, as bool. Shapes broadcast, any dtypes.
 *
 * @throws {ShapeError} unless the shapes broadcast
 * @throws {ValueError} unless both are arrays or numbers, and one an array
 *
 * @example nd.ge(nd.array([1, 2, 3]), 2);   // [0, 1, 1]
 */
export const ge: Binary = operator('ge', 'ge', 'compare');
/**
 * Whether both are true (not 0), as bool. Shapes broadcast, any dtypes.
 *
 * @throws {ShapeError} unless the shapes broadcast
 * @throws {ValueError} unless both are arrays or numbers, and one an array
 *
 * @example nd.logicalAnd(nd.array([0, 1, 2]), nd.array([1, 1, 0]));   // [0, 1, 0]
 */
export const logicalAnd: Binary = operator('logicalAnd', 'and', 'logic');
/**
 * Whether one of the two is true (not 0), or both, as bool. Shapes broadcast, any dtypes.
 *
 * @throws {ShapeError} unless the shapes broadcast
 * @throws {ValueError} unless both are arrays or numbers, and one an array
 *
 * @example nd.logicalOr(nd.array([0, 1, 2]), nd.array([0, 1, 0]));   // [0, 1, 1]
 */
export const logicalOr: Binary = operator('logicalOr', 'or', 'logic');
/**
 * Whether one is true (not 0), but not both, as bool. Shapes broadcast, any dtypes.
 *
 * @throws {ShapeError} unless the shapes broadcast
 * @throws {ValueError} unless both are arrays or numbers, and one an array
 *
 * @example nd.logicalXor(nd.array([0, 1, 2]), nd.array([1, 1, 0]));   // [1, 0, 1]
 */
export const logicalXor: Binary = operator('logicalXor', 'xor', 'logic');
