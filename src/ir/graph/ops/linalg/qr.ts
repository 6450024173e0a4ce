/**
 * QR factors by reflections (Householder): `a = q · r` with orthonormal columns `q` and an upper triangle `r`.
 *
 * The product of reflections I - u uᵀ is I - U T Uᵀ, where T inverts a triangle of products of the u (T. Joffrain et al.,
 * "Accumulating Householder transformations, revisited", 2006): q is made by products.
 * Invariants: signs are LAPACK's; at least as many rows as columns. The gradient (S. Walter and L. Lehmann, "Algorithmic
 * differentiation of linear algebra functions", 2010) is that of a matrix of full column rank.
 */
import { tensor } from '../../../type.ts';
import type { GraphBuilder } from '../../builder.ts';
import type { Node, Op } from '../../graph.ts';
import { defineOp } from '../define.ts';
import { take } from '../take.ts';
import {
  batchOf,
  block,
  forEach,
  identity,
  maskedBy,
  matrixRule,
  placesIn,
  product,
  sizesOf,
  spread,
  transposed,
} from './define.ts';
import { repeat } from './repeat.ts';
import { triangularSolve } from './triangular.ts';

export type QrAttrs = {
  /** 0: the factor with orthonormal columns; 1: the triangle. */
  readonly result: number;
  /** As many columns of `q` (and rows of `r`) as `a` has rows. */
  readonly complete: boolean;
};

/** A factor of matrices [..., m, n], m >= n. */
export const qr: Op<QrAttrs> = defineOp<QrAttrs>({
  name: 'qr',
  kind: 'composite',
  schema: { result: { kind: 'int', default: 0 }, complete: { kind: 'bool', default: false } },
  type: (inputs, { result, complete }) => {
    const rule = matrixRule('qr', inputs, ['a']);
    const { dtype, shape } = inputs[0]!;
    const [m, n] = [shape.at(-2)!, shape.at(-1)!];
    rule.check(m >= n, `${m} rows are fewer than ${n} columns`, 'factor the first columns');
    const inner = complete ? m : n;
    return tensor(dtype, [...batchOf(shape), ...(result === 0 ? [m, inner] : [inner, n])]);
  },
  decompose: (b, [a], { result, complete }) => {
    const [m, n] = sizesOf(a!);
    const inner = complete ? m : n;
    if (n === 0 || m === 0)
      return result === 0
        ? identity(b, a!, [...batchOf(a!.type.shape), m, inner])
        : rowsOf(b, a!, inner);
    const { triangle, vectors } = reflect(b, a!);
    return result === 0
      ? accumulate(b, vectors, inner)
      : maskedBy(b, rowsOf(b, triangle, inner), 'le');
  },
  gradient: (b, node, dy) => {
    const { result, complete } = node.attrs;
    const [a] = node.inputs as [Node];
    if (complete && a.type.shape.at(-1) !== a.type.shape.at(-2)) return [b.lit(Number.NaN, a)];
    const other = b.emit(qr, [a], { result: 1 - result, complete });
    const [q, r] = result === 0 ? [node as Node, other] : [other, node as Node];
    // m = r drᵀ - dqᵀ q, and da = (dq + q (its lower triangle, mirrored)) r⁻ᵀ
    const inner =
      result === 0
        ? b.op('neg', product(b, dy, q, { left: 'transposed' }))
        : product(b, r, dy, { right: 'transposed' });
    const below = maskedBy(b, inner, 'gt');
    const mirrored = b.op('add', maskedBy(b, inner, 'ge'), transposed(b, below));
    const more = product(b, q, mirrored);
    const total = result === 0 ? b.op('add', dy, more) : more;
    const solved = b.emit(triangularSolve, [r, transposed(b, total)], {
      upper: true,
      transposed: false,
      unit: false,
    });
    return [transposed(b, solved)];
  },
});

const rowsOf = (b: GraphBuilder, x: Node, rows: number): Node =>
  block(b, x, 0, rows, 0, x.type.shape.at(-1)!);

/** What is left of the matrix, and the vectors of the reflections as columns; a vector of zeros reflects nothing. */
const reflect = (b: GraphBuilder, a: Node): { readonly triangle: Node; readonly vectors: Node } => {
  const { shape } = a.type;
  const rank = shape.length;
  const [, n] = sizesOf(a);
  const { states, outputs } = repeat(b, {
    trips: n,
    states: [a],
    step: (inner, number, [rest]) => {
      const column = inner.emit(take, [rest!, number], { axis: rank - 1 });
      const vectorShape = column.type.shape;
      const places = placesIn(inner, vectorShape);
      const here = inner.broadcast(number, vectorShape, []);
      const zero = inner.lit(0, column);
      const head = inner.emit(take, [column, number], { axis: rank - 2 });
      const tail = inner.op('select', inner.op('gt', places, here), column, zero);
      const below = inner.sum(inner.op('mul', tail, tail), [rank - 2]);
      const size = inner.op('sqrt', inner.op('add', inner.op('mul', head, head), below));
      const own = inner.op('add', head, inner.op('copysign', size, head));
      const square = inner.op('add', inner.op('mul', own, own), below);
      const none = inner.op('eq', below, inner.lit(0, below));
      const two = inner.op('div', inner.lit(2, square), square);
      const scale = inner.op('select', none, inner.lit(0, square), inner.op('sqrt', two));
      const isHead = inner.op('eq', places, here);
      const raw = inner.op('select', isHead, forEach(inner, own, vectorShape), tail);
      const vector = inner.op('mul', raw, forEach(inner, scale, vectorShape));
      const rows = spread(inner, vector, shape, 'column');
      const along = inner.sum(inner.op('mul', rows, rest!), [rank - 2]);
      const less = inner.op('mul', rows, spread(inner, along, shape, 'row'));
      return { states: [inner.op('sub', rest!, less)], outputs: [vector] };
    },
  });
  const axes = shape.map((_, i) => i);
  return { triangle: states[0]!, vectors: b.transpose(outputs[0]!, [...axes.slice(1), 0]) };
};

/** The first columns of the product of all reflections. */
const accumulate = (b: GraphBuilder, vectors: Node, columns: number): Node => {
  const { shape } = vectors.type;
  const [m] = sizesOf(vectors);
  const ones = identity(b, vectors, [...batchOf(shape), m, columns]);
  const top = rowsOf(b, vectors, columns);
  const between = product(b, vectors, vectors, { left: 'transposed' });
  const solved = b.emit(triangularSolve, [between, transposed(b, top)], {
    upper: true,
    transposed: false,
    unit: true,
  });
  return b.op('sub', ones, product(b, vectors, solved));
};
