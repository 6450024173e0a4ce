/**
 * Powers and long products of matrices, and equations of tensors.
 *
 * Invariant: a chain of products is multiplied in the order that takes the fewest multiplications.
 */
import { TigonError } from '../../ir/errors.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { sizeOf } from '../../ir/graph/ops/define.ts';
import { identity, product } from '../../ir/graph/ops/linalg/define.ts';
import { solve as solveOp } from '../../ir/graph/ops/linalg/lu.ts';
import { sameShape, showType } from '../../ir/type.ts';
import { call } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkList, checkOptions, shown } from '../options.ts';
import { checkSquare, matrixFragment, simple } from './common.ts';
import { inverseOf } from './equations.ts';

const powersOf = matrixFragment<{ readonly n: number }>('matrixPower', (b, [a], { n }) => {
  checkSquare('matrixPower', a!);
  let square = n < 0 ? inverseOf(b, a!) : a!;
  let result: Node | undefined;
  for (let rest = Math.abs(n); rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = result === undefined ? square : product(b, result, square);
    if (rest > 1) square = product(b, square, square);
  }
  return result ?? identity(b, a!);
});

/**
 * `a` times itself, `n` times; of the inverse for negative `n`, the identity for 0. [..., n, n] stays; floats keep their
 * dtype, integers and booleans give float32.
 *
 * @throws {ShapeError} unless the matrices are square
 * @throws {ValueError} unless `n` is an integer
 *
 * @example nd.linalg.matrixPower(nd.array([[1, 1], [0, 1]]), 3);   // [[1, 3], [0, 1]]
 */
export const matrixPower = (a: NDArray, n: number): NDArray => {
  if (!Number.isInteger(n))
    throw failure('value', `matrixPower: n is ${shown(n)}`, 'powers of matrices are integers');
  return call(powersOf, [a], { attrs: { n }, key: `${n}` });
};

/** Where to cut products of matrices of sizes `d[i] x d[i + 1]`, for each range of them. */
const cutsFor = (d: readonly number[]): number[][] => {
  const n = d.length - 1;
  const cost = d.map(() => new Array<number>(d.length).fill(0));
  const cut = d.map(() => new Array<number>(d.length).fill(0));
  for (let length = 2; length <= n; length++)
    for (let i = 0; i + length <= n; i++) {
      const j = i + length;
      cost[i]![j] = Number.POSITIVE_INFINITY;
      for (let k = i + 1; k < j; k++) {
        const whole = cost[i]![k]! + cost[k]![j]! + d[i]! * d[k]! * d[j]!;
        if (whole >= cost[i]![j]!) continue;
        cost[i]![j] = whole;
        cut[i]![j] = k;
      }
    }
  return cut;
};

const chain = simple('multiDot', (b, given) => {
  const last = given.length - 1;
  const matrices = given.map((x, i) => {
    const { shape } = x.type;
    if (shape.length === 2) return x;
    if (shape.length === 1 && i === 0) return b.reshape(x, [1, shape[0]!]);
    if (shape.length === 1 && i === last) return b.reshape(x, [shape[0]!, 1]);
    throw new TigonError(
      'shape',
      `multiDot: operand ${i} is ${showType(x.type)}, not a matrix`,
      'all are matrices; the first and the last may be vectors',
    );
  });
  const sizes = [...matrices.map((x) => x.type.shape[0]!), matrices[last]!.type.shape[1]!];
  matrices.forEach((x, i) => {
    if (x.type.shape[1] !== sizes[i + 1])
      throw new TigonError(
        'shape',
        `multiDot: operands ${i} and ${i + 1} do not fit: ${showType(x.type)} · ${showType(matrices[i + 1]!.type)}`,
        'each has as many columns as the next one has rows',
      );
  });
  const cuts = cutsFor(sizes);
  const range = (i: number, j: number): Node =>
    j - i === 1 ? matrices[i]! : product(b, range(i, cuts[i]![j]!), range(cuts[i]![j]!, j));
  const whole = range(0, matrices.length);
  const shape = [
    ...(given[0]!.type.shape.length === 1 ? [] : [sizes[0]!]),
    ...(given[last]!.type.shape.length === 1 ? [] : [sizes.at(-1)!]),
  ];
  return b.reshape(whole, shape);
});

/**
 * The product of two or more matrices [m, n], [n, p], ..., in the order that takes the fewest multiplications. The
 * first and the last may be vectors, whose axis the result has not. Dtypes promote to a float; integers and booleans
 * give float32.
 *
 * @throws {ShapeError} when sizes differ, and for other arrays than matrices
 * @throws {ValueError} unless there is a list of two arrays at least
 *
 * @example nd.linalg.multiDot([nd.ones([2, 3]), nd.ones([3, 4]), nd.ones([4])]);   // [12, 12]
 */
export const multiDot = (arrays: readonly NDArray[]): NDArray => {
  checkList('multiDot', 'arrays', arrays, 'pass a list: multiDot([a, b, c])');
  if (arrays.length < 2)
    throw failure('value', `multiDot: multiplies ${arrays.length} arrays`, 'pass two at least');
  return chain(...arrays);
};

/** The shape without its first `ind` axes, and the sizes of the square matrix that both parts make. */
const squared = (name: string, a: Node, ind: number): number => {
  const rows = sizeOf(a.type.shape.slice(0, ind));
  const columns = sizeOf(a.type.shape.slice(ind));
  if (rows === columns) return rows;
  throw new TigonError(
    'shape',
    `${name}: ${showType(a.type)}: the first ${ind} axes have ${rows} elements, the others ${columns}`,
    'both must have equally many',
  );
};

const tensorInverse = matrixFragment<{ readonly ind: number }>('tensorinv', (b, [a], { ind }) => {
  const n = squared('tensorinv', a!, ind);
  const { shape } = a!.type;
  return b.reshape(inverseOf(b, b.reshape(a!, [n, n])), [
    ...shape.slice(ind),
    ...shape.slice(0, ind),
  ]);
});

/**
 * The inverse of a tensor, for products over the first `ind` axes: `tensordot(tensorinv(a, { ind }), a, ind)` is an
 * identity. [...p, ...q] with as many elements in p (`ind` axes) as in q gives [...q, ...p]. Floats keep their dtype;
 * integers and booleans give float32.
 *
 * @throws {ShapeError} unless both parts have equally many elements
 * @throws {ValueError} unless `ind` is an integer ≥ 1
 *
 * @example nd.linalg.tensorinv(nd.eye(4).mul(2).reshape([2, 2, 4])).shape;   // [4, 2, 2]
 */
export const tensorinv = (
  a: NDArray,
  options?: {
    /** Default 2. */
    readonly ind?: number;
  },
): NDArray => {
  checkOptions('tensorinv', options, ['ind']);
  const ind = options?.ind ?? 2;
  if (!Number.isInteger(ind) || ind < 1)
    throw failure('value', `tensorinv: ind is ${shown(ind)}`, 'a number of axes, 1 at least');
  return call(tensorInverse, [a], { attrs: { ind }, key: `${ind}` });
};

const tensorEquations = simple('tensorsolve', (b, [a, y]) => {
  const n = y!.type.size;
  const rank = y!.type.shape.length;
  if (!sameShape(a!.type.shape.slice(0, rank), y!.type.shape))
    throw new TigonError(
      'shape',
      `tensorsolve: the first axes of a ${showType(a!.type)} are not those of b ${showType(y!.type)}`,
      'the axes of a are those of b, then those of x',
    );
  squared('tensorsolve', a!, rank);
  const x = b.emit(solveOp, [b.reshape(a!, [n, n]), b.reshape(y!, [n, 1])], { transposed: false });
  return b.reshape(x, a!.type.shape.slice(rank));
});

/**
 * `x` with `tensordot(a, x, x.ndim) = b`: the axes of `a` [...b, ...x] are those of `b`, then those of `x`. Dtypes
 * promote to a float; integers and booleans give float32.
 *
 * @throws {ShapeError} unless `a` begins with the shape of `b` and its other axes have as many elements
 *
 * @example nd.linalg.tensorsolve(nd.eye(4).mul(2).reshape([2, 2, 4]), nd.ones([2, 2]));   // [0.5, 0.5, 0.5, 0.5]
 */
export const tensorsolve = (a: NDArray, b: NDArray): NDArray => tensorEquations(a, b);
