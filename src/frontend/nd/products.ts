/**
 * Products of arrays over axes of one's choice: inner, outer, tensor, Kronecker and cross products.
 *
 * Invariant: sums of products of floats are one `dot`; of integers they are exact in int32.
 */
import { countedIn, isFloat, promote, summedIn } from '../../ir/dtype.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { otherAxes } from '../../ir/graph/ops/define.ts';
import { dot as dotOp } from '../../ir/graph/ops/dot.ts';
import { showType } from '../../ir/type.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkList, checkOptions } from '../options.ts';
import { mul, sub } from './arithmetic.ts';
import { axisOf } from './axes.ts';
import { stack } from './concat.ts';
import { slice } from './indexing.ts';
import { neg } from './math.ts';
import { moveaxis } from './rearrange.ts';
import { expandDims, ravel, reshape } from './shape.ts';

export interface Sharing {
  /** Axes that both have and the result keeps, in pairs. */
  readonly aBatch: readonly number[];
  readonly bBatch: readonly number[];
  /** Axes that are summed over, in pairs. */
  readonly aContract: readonly number[];
  readonly bContract: readonly number[];
}

/** The operands in the dtype of their product: that of `promote`, booleans as int32. */
const promoted = (b: GraphBuilder, x: Node, y: Node): [Node, Node] => {
  const common = promote(x.type.dtype, y.type.dtype);
  const dtype = common === 'bool' ? 'int32' : common;
  return [b.cast(x, dtype), b.cast(y, dtype)];
};

/** The product over shared axes: the result has the batch axes, then the free ones of `x`, then those of `y`. */
export const contract = (b: GraphBuilder, x: Node, y: Node, sharing: Sharing): Node => {
  const [p, q] = promoted(b, x, y);
  const { aBatch, bBatch, aContract, bContract } = sharing;
  const free = (n: Node, shared: readonly number[]): number[] =>
    otherAxes(n.type.shape.length, shared);
  const aFree = free(p, [...aBatch, ...aContract]);
  const bFree = free(q, [...bBatch, ...bContract]);
  // a product of one row and one column is better folded with what makes them
  const asDot = aContract.length > 0 && aFree.length + bFree.length > 0;
  if (asDot && isFloat(p.type.dtype)) return b.emit(dotOp, [p, q], { ...sharing });
  const sizes = (n: Node, axes: readonly number[]): number[] => axes.map((a) => n.type.shape[a]!);
  const shape = [
    ...sizes(p, aBatch),
    ...sizes(p, aFree),
    ...sizes(q, bFree),
    ...sizes(p, aContract),
  ];
  const kept = aBatch.length + aFree.length + bFree.length;
  const summed = aContract.map((_, i) => kept + i);
  const placed = (n: Node, groups: readonly (readonly [readonly number[], number])[]): Node => {
    const order = groups.flatMap(([axes]) => axes);
    const to = groups.flatMap(([axes, at]) => axes.map((_, i) => at + i));
    return b.broadcast(b.transpose(n, order), shape, to);
  };
  const left = placed(p, [
    [aBatch, 0],
    [aFree, aBatch.length],
    [aContract, kept],
  ]);
  const right = placed(q, [
    [bBatch, 0],
    [bFree, aBatch.length + aFree.length],
    [bContract, kept],
  ]);
  const { dtype } = p.type;
  const wide = isFloat(dtype) ? summedIn(dtype) : countedIn(dtype);
  const product = b.op('mul', b.cast(left, wide), b.cast(right, wide));
  return isFloat(dtype) ? b.cast(b.sum(product, summed), dtype) : b.sum(product, summed);
};

const contracting: Fragment<Sharing> = fragment<Sharing>('tensordot', (b, [x, y], sharing) =>
  contract(b, x!, y!, sharing),
);

const over = (
  name: string,
  x: NDArray,
  y: NDArray,
  a: readonly number[],
  c: readonly number[],
): NDArray => {
  const odd = a.findIndex((axis, i) => x.shape[axis] !== y.shape[c[i]!]);
  if (odd >= 0)
    throw failure(
      'shape',
      `${name}: sizes differ: axis ${a[odd]} of a ${showType(x.type)} · axis ${c[odd]} of b ${showType(y.type)}`,
      'axes that are summed over have equal sizes',
    );
  return call(contracting, [x, y], {
    attrs: { aBatch: [], bBatch: [], aContract: a, bContract: c },
    key: `${a.join('.')}/${c.join('.')}`,
  });
};

/**
 * Sum of products over the last `axes` axes of `x` and the first of `y` (a number; default 2), or over the axes named
 * in two lists: the other axes of `x`, then those of `y`. Dtypes promote; booleans and integers of 8 and 16 bits give
 * int32; float16 and bfloat16 are added in float32.
 *
 * @throws {ShapeError} for axes out of range, unless both lists name as many, each once, and unless their sizes are
 *   equal
 * @throws {ValueError} unless `axes` is a number or a list of two
 *
 * @example
 * nd.tensordot(nd.ones([2, 3, 4]), nd.ones([4, 3, 5]), [[1, 2], [1, 0]]).shape;   // [2, 5]
 */
export const tensordot = (
  x: NDArray,
  y: NDArray,
  axes: number | readonly [number | readonly number[], number | readonly number[]] = 2,
): NDArray => {
  checkArray('tensordot', x);
  checkArray('tensordot', y);
  if (typeof axes === 'number') {
    if (!Number.isInteger(axes) || axes < 0 || axes > Math.min(x.ndim, y.ndim))
      throw failure(
        'shape',
        `tensordot: cannot sum over ${axes} axes of ${showType(x.type)} and ${showType(y.type)}`,
      );
    const count = Array.from({ length: axes }, (_, i) => i);
    return over(
      'tensordot',
      x,
      y,
      count.map((i) => x.ndim - axes + i),
      count,
    );
  }
  checkList('tensordot', 'axes', axes, 'pass a number, or the axes of both: [[1], [0]]');
  const [a, c] = [axes[0], axes[1]].map((given, i) =>
    [given].flat().map((axis) => axisOf('tensordot', axis, (i === 0 ? x : y).ndim)),
  ) as [number[], number[]];
  if (a.length !== c.length || new Set(a).size !== a.length || new Set(c).size !== c.length)
    throw failure(
      'shape',
      `tensordot: axes [${a.join(', ')}] of a and [${c.join(', ')}] of b are no pairs`,
      'name as many axes of one array as of the other, each once',
    );
  return over('tensordot', x, y, a, c);
};

/**
 * Sum of products over the last axes of both, [..., n] and [*others, n] give [..., *others]; of numbers (shape []),
 * their product. Dtypes promote; booleans and integers of 8 and 16 bits give int32.
 *
 * @throws {ShapeError} unless the last axes are equal
 *
 * @example
 * nd.inner(nd.array([1, 2]), nd.array([3, 4]));   // 11
 */
export const inner = (x: NDArray, y: NDArray): NDArray => {
  checkArray('inner', x);
  checkArray('inner', y);
  if (x.ndim === 0 || y.ndim === 0) return mul(x, y);
  return over('inner', x, y, [x.ndim - 1], [y.ndim - 1]);
};
/**
 * Sum of the products of all elements, both flattened: a number (shape []). Dtypes promote; booleans and integers of 8
 * and 16 bits give int32.
 *
 * @throws {ShapeError} unless both have as many elements
 *
 * @example
 * nd.vdot(nd.array([[1, 2]]), nd.array([[3], [4]]));   // 11
 */
export const vdot = (x: NDArray, y: NDArray): NDArray => {
  checkArray('vdot', x);
  checkArray('vdot', y);
  if (x.size !== y.size)
    throw failure(
      'shape',
      `vdot: ${x.size} elements of a ${showType(x.type)} · ${y.size} of b ${showType(y.type)}`,
      'both have as many elements',
    );
  return over('vdot', ravel(x), ravel(y), [0], [0]);
};
/**
 * The products of each element of one with each of the other, both flattened: a matrix [m, n]. Dtypes promote, booleans
 * give int32.
 *
 * @throws {ValueError} if one is no array
 *
 * @example
 * nd.outer(nd.array([1, 2]), nd.array([3, 4]));   // [[3, 4], [6, 8]]
 */
export const outer = (x: NDArray, y: NDArray): NDArray => {
  checkArray('outer', x);
  checkArray('outer', y);
  return mul(reshape(x, [x.size, 1]), ravel(y));
};

/**
 * The Kronecker product: `y` in place of each element of `x`, times that element; sizes multiply axis by axis, counted
 * from the last. Dtypes promote, booleans give int32.
 *
 * @throws {ValueError} if one is no array
 *
 * @example
 * nd.kron(nd.array([1, 2]), nd.array([3, 4]));   // [3, 4, 6, 8]
 */
export const kron = (x: NDArray, y: NDArray): NDArray => {
  checkArray('kron', x);
  checkArray('kron', y);
  const rank = Math.max(x.ndim, y.ndim);
  const [p, q] = [x, y].map((z) => [...new Array<number>(rank - z.ndim).fill(1), ...z.shape]) as [
    number[],
    number[],
  ];
  const product = mul(
    reshape(
      x,
      p.flatMap((d) => [d, 1]),
    ),
    reshape(
      y,
      q.flatMap((d) => [1, d]),
    ),
  );
  return reshape(
    product,
    p.map((d, i) => d * q[i]!),
  );
};
/**
 * The Kronecker products of columns: of matrices [i, r] and [j, r] a matrix [i · j, r], and so on. Dtypes promote,
 * booleans give int32.
 *
 * @throws {ShapeError} unless all are matrices with as many columns
 * @throws {ValueError} for no matrices
 *
 * @example
 * nd.khatriRao(nd.array([[1, 2]]), nd.array([[3, 4], [5, 6]]));   // [[3, 8], [5, 12]]
 */
export const khatriRao = (...matrices: readonly NDArray[]): NDArray => {
  for (const m of matrices) checkArray('khatriRao', m);
  for (const m of matrices) {
    if (m.ndim !== 2 || m.shape[1] !== matrices[0]!.shape[1])
      throw failure(
        'shape',
        `khatriRao: ${matrices.map((x) => showType(x.type)).join(' · ')}`,
        'takes matrices with as many columns each',
      );
  }
  if (matrices.length === 0) throw failure('value', 'khatriRao: needs at least one matrix');
  return matrices.reduce((x, y) =>
    reshape(mul(expandDims(x, 1), expandDims(y, 0)), [x.shape[0]! * y.shape[0]!, y.shape[1]!]),
  );
};

export interface CrossOptions {
  /** The axis of vectors in both and in the result. */
  readonly axis?: number;
  /** The axis of vectors in the first array. Default: the last. */
  readonly axisA?: number;
  /** The axis of vectors in the second array. Default: the last. */
  readonly axisB?: number;
  /** The axis of vectors in the result. Default: the last. */
  readonly axisC?: number;
}
/**
 * The cross product of vectors of 3 (or 2, whose third element is 0) in one axis; of two vectors of 2 the third element
 * alone, without that axis. The other axes broadcast; dtypes promote, booleans give int32.
 *
 * @throws {ShapeError} for vectors of another size, axes out of range, and other axes that do not broadcast
 *
 * @example
 * nd.cross(nd.array([1, 0, 0]), nd.array([0, 1, 0]));   // [0, 0, 1]
 */
export const cross = (x: NDArray, y: NDArray, options: CrossOptions = {}): NDArray => {
  checkArray('cross', x);
  checkArray('cross', y);
  checkOptions('cross', options, ['axis', 'axisA', 'axisB', 'axisC']);
  const { axis, axisA = axis ?? -1, axisB = axis ?? -1, axisC = axis ?? -1 } = options;
  const [atX, atY] = [axisOf('cross', axisA, x.ndim), axisOf('cross', axisB, y.ndim)];
  const [p, q] = [moveaxis(x, atX, -1), moveaxis(y, atY, -1)];
  const [m, n] = [p, q].map((v) => v.shape[v.ndim - 1]!) as [number, number];
  if (m < 2 || m > 3 || n < 2 || n > 3)
    throw failure(
      'shape',
      `cross: vectors of ${m} and ${n}: a ${showType(x.type)} · b ${showType(y.type)}`,
      'vectors have 2 or 3 elements; axisA and axisB name their axes',
    );
  const leads = [p, q].map((v) => v.shape.slice(0, -1).reverse()) as [number[], number[]];
  if (leads[0].some((d, i) => d !== 1 && (leads[1][i] ?? 1) !== 1 && d !== leads[1][i]))
    throw failure(
      'shape',
      `cross: cannot broadcast a ${showType(x.type)} with b ${showType(y.type)}`,
      'axes other than that of vectors must be equal or 1, counted from the last',
    );
  const part = (v: NDArray, i: number): NDArray => slice(v, '...', i);
  const difference = (i: number, j: number): NDArray =>
    sub(mul(part(p, i), part(q, j)), mul(part(p, j), part(q, i)));
  const third = difference(0, 1);
  if (m === 2 && n === 2) return third;
  const first =
    m === 3 && n === 3
      ? difference(1, 2)
      : m === 2
        ? mul(part(p, 1), part(q, 2))
        : neg(mul(part(p, 2), part(q, 1)));
  const second =
    m === 3 && n === 3
      ? difference(2, 0)
      : m === 2
        ? neg(mul(part(p, 0), part(q, 2)))
        : mul(part(p, 2), part(q, 0));
  return moveaxis(stack([first, second, third], -1), -1, axisC);
};
