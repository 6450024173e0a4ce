/**
 * Diagonals and triangles as vectors, as MXNet has them: taken from matrices and put into them.
 *
 * Invariant: `offset` is how far a diagonal lies above the middle one (below it, if negative); vectors of triangles hold
 * rows one after the other.
 */
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { literal } from '../../ir/graph/ops/leaf.ts';
import { take } from '../../ir/graph/ops/take.ts';
import { showType } from '../../ir/type.ts';
import { call, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { checkSquare } from './common.ts';

interface DiagonalAttrs {
  readonly offset: number;
}
interface TriangleAttrs extends DiagonalAttrs {
  readonly lower: boolean;
}

/** Places (row-major) of the elements of a triangle or a diagonal of an n x n matrix, in order. */
const placesOf = (n: number, holds: (row: number, column: number) => boolean): number[] => {
  const places: number[] = [];
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) if (holds(i, j)) places.push(i * n + j);
  return places;
};

const inTriangle =
  ({ lower, offset }: TriangleAttrs) =>
  (row: number, column: number): boolean =>
    lower ? column - row <= offset : column - row >= offset;
const onDiagonal =
  ({ offset }: DiagonalAttrs) =>
  (row: number, column: number): boolean =>
    column - row === offset;

const list = (b: GraphBuilder, values: readonly number[]): Node =>
  b.emit(literal, [], { values, dtype: 'int32', shape: [values.length] });

/** The elements of square matrices at some places, as vectors. */
const extract = (b: GraphBuilder, x: Node, places: readonly number[]): Node => {
  const batch = x.type.shape.slice(0, -2);
  const n = x.type.shape.at(-1)!;
  const flat = b.reshape(x, [...batch, n * n]);
  return b.emit(take, [flat, list(b, places)], { axis: batch.length });
};

/** n x n matrices with the elements of vectors at some places, and zeros elsewhere. */
const place = (b: GraphBuilder, x: Node, n: number, places: readonly number[]): Node => {
  const { shape } = x.type;
  const axis = shape.length - 1;
  const from = new Array<number>(n * n).fill(-1);
  places.forEach((at, i) => {
    from[at] = i;
  });
  const index = list(b, from);
  const found = b.emit(take, [x, index], { axis });
  const at = b.broadcast(index, found.type.shape, [axis]);
  const isThere = b.op('ge', at, b.lit(0, at));
  return b.reshape(b.op('select', isThere, found, b.lit(0, found)), [...shape.slice(0, -1), n, n]);
};

const checkOffset = (name: string, offset: number): number => {
  if (Number.isInteger(offset)) return offset;
  throw failure('value', `${name}: offset is ${shown(offset)}, not an integer`);
};

const extractions: Fragment<DiagonalAttrs> = fragment<DiagonalAttrs>(
  'extractDiag',
  (b, [x], attrs) => {
    checkSquare('extractDiag', x!);
    return extract(b, x!, placesOf(x!.type.shape.at(-1)!, onDiagonal(attrs)));
  },
);

export interface OffsetOptions {
  /** Default 0. */
  readonly offset?: number;
}

/**
 * A diagonal of square matrices, as vectors: [..., n, n] gives [..., n - |offset|], none outside. The dtype stays.
 *
 * @throws {ShapeError} unless the matrices are square
 * @throws {ValueError} unless `offset` is an integer
 *
 * @example nd.linalg.extractDiag(nd.array([[1, 2], [3, 4]]), { offset: 1 });   // [2]
 */
export const extractDiag = (x: NDArray, options?: OffsetOptions): NDArray => {
  checkOptions('extractDiag', options, ['offset']);
  const offset = checkOffset('extractDiag', options?.offset ?? 0);
  return call(extractions, [x], { attrs: { offset }, key: `${offset}` });
};

const checkVector = (name: string, x: Node): number => {
  const n = x.type.shape.at(-1);
  if (n !== undefined) return n;
  throw new TigonError('shape', `${name}: takes vectors, not ${showType(x.type)}`);
};

const makings: Fragment<DiagonalAttrs> = fragment<DiagonalAttrs>('makeDiag', (b, [x], attrs) => {
  const n = checkVector('makeDiag', x!) + Math.abs(attrs.offset);
  return place(b, x!, n, placesOf(n, onDiagonal(attrs)));
});

/**
 * Square matrices with a vector as a diagonal, and zeros elsewhere: [..., k] gives [..., n, n] with n = k + |offset|. The
 * dtype stays.
 *
 * @throws {ShapeError} for an array without axes
 * @throws {ValueError} unless `offset` is an integer
 *
 * @example nd.linalg.makeDiag(nd.array([1, 2]));   // [[1, 0], [0, 2]]
 */
export const makeDiag = (x: NDArray, options?: OffsetOptions): NDArray => {
  checkOptions('makeDiag', options, ['offset']);
  const offset = checkOffset('makeDiag', options?.offset ?? 0);
  return call(makings, [x], { attrs: { offset }, key: `${offset}` });
};

export interface TrianOptions extends OffsetOptions {
  /** Default true. With an offset above 0, the upper triangle from there on; below 0, the lower one. */
  readonly lower?: boolean;
}

const triangleOf = (name: string, options: TrianOptions | undefined): TriangleAttrs => {
  checkOptions(name, options, ['offset', 'lower']);
  const offset = checkOffset(name, options?.offset ?? 0);
  return { offset, lower: offset === 0 ? (options?.lower ?? true) : offset < 0 };
};

const triangleParts: Fragment<TriangleAttrs> = fragment<TriangleAttrs>(
  'extractTrian',
  (b, [x], attrs) => {
    checkSquare('extractTrian', x!);
    return extract(b, x!, placesOf(x!.type.shape.at(-1)!, inTriangle(attrs)));
  },
);

/**
 * A triangle of square matrices as vectors, row after row: [..., n, n] gives [..., n · (n + 1) / 2] for offset 0. The
 * dtype stays.
 *
 * @throws {ShapeError} unless the matrices are square
 * @throws {ValueError} unless `offset` is an integer
 *
 * @example nd.linalg.extractTrian(nd.array([[1, 2], [3, 4]]));   // [1, 3, 4]
 */
export const extractTrian = (x: NDArray, options?: TrianOptions): NDArray => {
  const attrs = triangleOf('extractTrian', options);
  return call(triangleParts, [x], { attrs, key: Object.values(attrs).join() });
};

const triangleMatrices: Fragment<TriangleAttrs> = fragment<TriangleAttrs>(
  'makeTrian',
  (b, [x], attrs) => {
    const count = checkVector('makeTrian', x!);
    for (let n = Math.abs(attrs.offset); n <= count + Math.abs(attrs.offset); n++) {
      const places = placesOf(n, inTriangle(attrs));
      if (places.length === count) return place(b, x!, n, places);
    }
    throw new TigonError(
      'shape',
      `makeTrian: ${count} elements (${showType(x!.type)}) fill no triangle at offset ${attrs.offset}`,
      'a triangle of an n x n matrix has n (n + 1) / 2 elements',
    );
  },
);

/**
 * Square matrices with a vector as a triangle, row after row, and zeros elsewhere: [..., n · (n + 1) / 2] gives [...,
 * n, n] for offset 0. The dtype stays.
 *
 * @throws {ShapeError} for an array without axes, and a number of elements that fills no triangle
 * @throws {ValueError} unless `offset` is an integer
 *
 * @example nd.linalg.makeTrian(nd.array([1, 3, 4]));   // [[1, 0], [3, 4]]
 */
export const makeTrian = (x: NDArray, options?: TrianOptions): NDArray => {
  const attrs = triangleOf('makeTrian', options);
  return call(triangleMatrices, [x], { attrs, key: Object.values(attrs).join() });
};
