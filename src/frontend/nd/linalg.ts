/**
 * Products of matrices, all through the one `dot` primitive.
 *
 * Invariant: operands are promoted to one float dtype; batch axes broadcast, contracted sizes must be equal.
 */
import { isFloat, promote } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { dot as dotOp } from '../../ir/graph/ops/dot.ts';
import { type Shape, sameShape, showType } from '../../ir/type.ts';
import { call, type Fragment, fragment } from '../call.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions, checkSwitch } from '../options.ts';

const promoted = (b: GraphBuilder, x: Node, y: Node): [Node, Node] => {
  const common = promote(x.type.dtype, y.type.dtype);
  const dtype = isFloat(common) ? common : 'float32';
  return [b.cast(x, dtype), b.cast(y, dtype)];
};

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

const inner = (name: string, x: Node, y: Node, p: number, q: number): void => {
  if (p === q) return;
  const [rows, columns] = y.type.shape.slice(-2);
  throw new TigonError(
    'shape',
    `${name}: inner sizes differ: a ${showType(x.type)} · b ${showType(y.type)} (${p} ≠ ${q})`,
    columns === p && rows !== undefined
      ? 'b looks like [out, in]; use a.matmul(b.T)'
      : 'the last axis of a must be as long as the second to last of b',
  );
};

/** NumPy's matmul: the last two axes are matrices, the others broadcast; vectors are rows or columns. */
const multiply: Fragment = fragment('matmul', (b, [a, c]) => {
  const [x, y] = promoted(b, a!, c!);
  const p = x.type.shape;
  const q = y.type.shape;
  if (p.length === 0 || q.length === 0)
    throw new TigonError(
      'shape',
      `matmul: takes arrays with axes: a ${showType(x.type)} · b ${showType(y.type)}`,
      'use mul for products with a number',
    );
  inner('matmul', x, y, p[p.length - 1]!, q[Math.max(0, q.length - 2)]!);
  if (q.length <= 2)
    return b.emit(dotOp, [x, y], {
      aBatch: [],
      bBatch: [],
      aContract: [p.length - 1],
      bContract: [0],
    });
  const left = p.length === 1 ? b.reshape(x, [1, p[0]!]) : x;
  const lead = batchShape(left.type.shape.slice(0, -2), q.slice(0, -2), x, y);
  const batch = range(lead.length);
  const result = b.emit(
    dotOp,
    [
      b.broadcastTo(left, [...lead, ...left.type.shape.slice(-2)]),
      b.broadcastTo(y, [...lead, ...q.slice(-2)]),
    ],
    { aBatch: batch, bBatch: batch, aContract: [lead.length + 1], bContract: [lead.length] },
  );
  return p.length === 1 ? b.reshape(result, [...lead, q[q.length - 1]!]) : result;
});

const batchShape = (p: Shape, q: Shape, x: Node, y: Node): Shape => {
  const rank = Math.max(p.length, q.length);
  return range(rank).map((i) => {
    const d = p[i - rank + p.length] ?? 1;
    const e = q[i - rank + q.length] ?? 1;
    if (d === e || e === 1) return d;
    if (d === 1) return e;
    throw new TigonError(
      'shape',
      `matmul: batch sizes differ: a ${showType(x.type)} · b ${showType(y.type)} (${d} ≠ ${e})`,
      'axes before the last two must be equal or 1',
    );
  });
};

/**
 * Matrix product `x · y` as in NumPy: the last two axes are matrices, [..., m, n] and [..., n, p] give [..., m, p]; axes
 * before them broadcast; vectors [n] are rows on the left, columns on the right.
 *
 * Dtypes promote to a float; integers and booleans give float32 (products of float16 and bfloat16 are summed in float32).
 *
 * @throws {ShapeError} when inner sizes differ, batch axes do not broadcast, or an array has no axes
 *
 * @example nd.ones([2, 3]).matmul(nd.ones([3, 4])).shape   // [2, 4]
 */
export const matmul = (x: NDArray, y: NDArray): NDArray =>
  call(multiply, [x, y], { attrs: {}, key: '' });

const contracting: Fragment = fragment('dot', (b, [a, c]) => {
  const [x, y] = promoted(b, a!, c!);
  const p = x.type.shape;
  const q = y.type.shape;
  if (p.length === 0 || q.length === 0) {
    const shape = p.length === 0 ? q : p;
    return b.op('mul', b.broadcastTo(x, shape), b.broadcastTo(y, shape));
  }
  const at = Math.max(0, q.length - 2);
  inner('dot', x, y, p[p.length - 1]!, q[at]!);
  return b.emit(dotOp, [x, y], {
    aBatch: [],
    bBatch: [],
    aContract: [p.length - 1],
    bContract: [at],
  });
});
/**
 * Sum of products over the last axis of `x` [...p, n] and the second to last of `y` [...q, n, m] (the only one, for a
 * vector): [...p, ...q, m]. A number, or an array without axes, is multiplied with each element. Dtypes promote to a
 * float; integers and booleans give float32.
 *
 * @throws {ShapeError} when inner sizes differ
 *
 * @example nd.dot(nd.array([1, 2]), nd.array([3, 4]));   // 11
 */
export const dot = (x: NDArray, y: NDArray): NDArray =>
  call(contracting, [x, y], { attrs: {}, key: '' });

interface BatchAttrs {
  readonly a: boolean;
  readonly b: boolean;
}
const batched: Fragment<BatchAttrs> = fragment<BatchAttrs>('batchDot', (b, [p, q], attrs) => {
  const [x, y] = promoted(b, p!, q!);
  const rank = x.type.shape.length;
  const lead = x.type.shape.slice(0, -2);
  if (rank < 3 || y.type.shape.length !== rank || !sameShape(lead, y.type.shape.slice(0, -2)))
    throw new TigonError(
      'shape',
      `batchDot: takes two arrays of matrices with equal batch axes: a ${showType(x.type)} · b ${showType(y.type)}`,
      'matmul broadcasts batch axes',
    );
  const left = attrs.a ? rank - 2 : rank - 1;
  const right = attrs.b ? rank - 1 : rank - 2;
  inner('batchDot', x, y, x.type.shape[left]!, y.type.shape[right]!);
  const batch = range(rank - 2);
  return b.emit(dotOp, [x, y], {
    aBatch: batch,
    bBatch: batch,
    aContract: [left],
    bContract: [right],
  });
});
export interface BatchDotOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}
/**
 * Products of matrices [...b, m, n] and [...b, n, p], one per index of the axes before the last two, which must be equal:
 * [...b, m, p]. Dtypes promote to a float; integers and booleans give float32.
 *
 * @throws {ShapeError} when inner sizes differ, and unless both have three axes at least and equal batch axes
 * @throws {OptionError} for other options, and unless `transposeA` and `transposeB` are booleans
 *
 * @example nd.batchDot(nd.ones([2, 1, 3]), nd.ones([2, 3, 1]));   // [[[3]], [[3]]]
 */
export const batchDot = (x: NDArray, y: NDArray, options?: BatchDotOptions): NDArray => {
  checkOptions('batchDot', options, ['transposeA', 'transposeB']);
  checkSwitch('batchDot', 'transposeA', options?.transposeA);
  checkSwitch('batchDot', 'transposeB', options?.transposeB);
  const attrs = { a: options?.transposeA ?? false, b: options?.transposeB ?? false };
  return call(batched, [x, y], { attrs, key: `${attrs.a}${attrs.b}` });
};

/** `x · wᵀ + b` over the last axis of `x`: what a dense layer computes. */
const affine: Fragment = fragment('linear', (b, [a, weight, bias]) => {
  const [x, w] = promoted(b, a!, weight!);
  const { shape } = x.type;
  if (
    w.type.shape.length !== 2 ||
    shape.length === 0 ||
    shape[shape.length - 1] !== w.type.shape[1]
  )
    throw new TigonError(
      'shape',
      `linear: x ${showType(x.type)} · w ${showType(w.type)}: the last axis of x must be as long as the second of w`,
      'w is [out, in]',
    );
  const y = b.emit(dotOp, [x, w], {
    aBatch: [],
    bBatch: [],
    aContract: [shape.length - 1],
    bContract: [1],
  });
  return bias === undefined
    ? y
    : b.op('add', y, b.broadcastTo(b.cast(bias, y.type.dtype), y.type.shape));
});
/**
 * `x · weightᵀ + bias` over the last axis of `x` [..., in]; `weight` is [out, in], `bias` [out]; the result [..., out].
 * Dtypes of `x` and `weight` promote to a float (integers and booleans give float32), to which `bias` is cast.
 *
 * @throws {ShapeError} when inner sizes differ, or the bias does not broadcast to the result
 *
 * @example nd.linear(nd.array([[1, 2]]), nd.array([[1, 0], [0, 1], [1, 1]]));   // [[1, 2, 3]]
 */
export const linear = (x: NDArray, weight: NDArray, bias?: NDArray): NDArray =>
  call(affine, bias === undefined ? [x, weight] : [x, weight, bias], { attrs: {}, key: '' });
