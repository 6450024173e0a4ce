/**
 * Complex numbers as arrays: the last axis has two elements, real part and imaginary part.
 *
 * Invariant: functions take and return arrays of float dtype; axes are counted without the one of the two parts.
 */
import { isFloat, promote } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { concat } from '../../ir/graph/ops/concat.ts';
import { sliceAxis } from '../../ir/graph/ops/slice.ts';
import { showType } from '../../ir/type.ts';
import { call, fragment } from '../call.ts';
import { broadcastShapes } from '../nd/arithmetic.ts';
import type { NDArray } from '../ndarray.ts';

/** Throws unless the last axis of `z` has two elements. */
export const checkComplex = (name: string, z: Node): void => {
  if (!isFloat(z.type.dtype))
    throw new TigonError(
      'dtype',
      `${name}: ${showType(z.type)} holds no complex numbers: they are floats`,
      "convert first: x.astype('float32')",
    );
  if (z.type.shape.at(-1) === 2) return;
  throw new TigonError(
    'shape',
    `${name}: ${showType(z.type)} holds no complex numbers`,
    'they are floats along a last axis of size 2: nd.fft.complex(x) makes them; rfft transforms real arrays',
  );
};

/** Real and imaginary parts, without the last axis. */
export const partsOf = (b: GraphBuilder, z: Node): readonly [Node, Node] => {
  const axis = z.type.shape.length - 1;
  const shape = z.type.shape.slice(0, -1);
  const part = (i: number): Node => b.reshape(sliceAxis(b, z, axis, i, i + 1), shape);
  return [part(0), part(1)];
};

/** The complex numbers with these parts. */
export const complexOf = (b: GraphBuilder, re: Node, im: Node): Node => {
  const shape = [...re.type.shape, 1];
  return b.emit(concat, [b.reshape(re, shape), b.reshape(im, shape)], { axis: shape.length - 1 });
};

/** `x · y`. */
export const multiplied = (b: GraphBuilder, x: Node, y: Node): Node => {
  const [a, p] = partsOf(b, x);
  const [c, q] = partsOf(b, y);
  return complexOf(
    b,
    b.op('sub', b.op('mul', a, c), b.op('mul', p, q)),
    b.op('add', b.op('mul', a, q), b.op('mul', p, c)),
  );
};

/** The same numbers mirrored at the real axis. */
export const conjugated = (b: GraphBuilder, z: Node): Node => {
  const [re, im] = partsOf(b, z);
  return complexOf(b, re, b.op('neg', im));
};

const combining = fragment('complex', (b, given) => {
  const [re, im] = given as [Node, Node | undefined];
  const common = given.map((x) => x.type.dtype).reduce(promote);
  const dtype = isFloat(common) ? common : 'float32';
  const shape = broadcastShapes('complex', given);
  const at = (x: Node): Node => b.broadcastTo(b.cast(x, dtype), shape);
  return complexOf(b, at(re), im === undefined ? b.full(0, dtype, shape) : at(im));
});

/**
 * Complex numbers [..., 2] from real parts and imaginary parts (0 if left out), which broadcast. The dtype is the one they
 * promote to, float32 for integers and booleans.
 *
 * @throws {ShapeError} unless the shapes broadcast
 *
 * @example nd.fft.complex(nd.array([1, 2]), nd.array([3, 4]));   // [[1, 3], [2, 4]]
 */
export const complex = (re: NDArray, im?: NDArray): NDArray =>
  call(combining, im === undefined ? [re] : [re, im], { attrs: {}, key: '' });

const realParts = fragment('real', (b, [z]) => {
  checkComplex('real', z!);
  return partsOf(b, z!)[0];
});
/**
 * Real parts: [..., 2] gives [...], of the same dtype.
 *
 * @throws {ShapeError} unless the last axis has size 2
 * @throws {DTypeError} unless the array is of floats
 *
 * @example nd.fft.real(nd.array([[1, 3], [2, 4]]));   // [1, 2]
 */
export const real = (z: NDArray): NDArray => call(realParts, [z], { attrs: {}, key: '' });

const imaginaryParts = fragment('imag', (b, [z]) => {
  checkComplex('imag', z!);
  return partsOf(b, z!)[1];
});
/**
 * Imaginary parts: [..., 2] gives [...], of the same dtype.
 *
 * @throws {ShapeError} unless the last axis has size 2
 * @throws {DTypeError} unless the array is of floats
 *
 * @example nd.fft.imag(nd.array([[1, 3], [2, 4]]));   // [3, 4]
 */
export const imag = (z: NDArray): NDArray => call(imaginaryParts, [z], { attrs: {}, key: '' });

const conjugating = fragment('conjugate', (b, [z]) => {
  checkComplex('conjugate', z!);
  return conjugated(b, z!);
});
/**
 * Complex numbers [..., 2] with the other sign of the imaginary part, of the same dtype.
 *
 * @throws {ShapeError} unless the last axis has size 2
 * @throws {DTypeError} unless the array is of floats
 *
 * @example nd.fft.conjugate(nd.array([1, 2]));   // [1, -2]
 */
export const conjugate = (z: NDArray): NDArray => call(conjugating, [z], { attrs: {}, key: '' });

const products = fragment('multiply', (b, [x, y]) => {
  for (const z of [x!, y!]) checkComplex('multiply', z);
  const dtype = promote(x!.type.dtype, y!.type.dtype);
  const shape = broadcastShapes('multiply', [x!, y!]);
  const at = (z: Node): Node => b.broadcastTo(b.cast(z, dtype), shape);
  return multiplied(b, at(x!), at(y!));
});
/**
 * Products of complex numbers [..., 2], which broadcast. The dtype is the one they promote to.
 *
 * @throws {ShapeError} unless the last axes have size 2 and the shapes broadcast
 * @throws {DTypeError} unless both arrays are of floats
 *
 * @example nd.fft.multiply(nd.array([0, 1]), nd.array([[1, 2], [0, 1]]));   // [[-2, 1], [-1, 0]]
 */
export const multiply = (x: NDArray, y: NDArray): NDArray =>
  call(products, [x, y], { attrs: {}, key: '' });

const sizes = fragment('magnitude', (b, [z]) => {
  checkComplex('magnitude', z!);
  const squares = b.sum(b.op('mul', z!, z!), [z!.type.shape.length - 1]);
  // the root has no slope at 0
  const none = b.op('eq', squares, b.lit(0, squares));
  const safe = b.op('sqrt', b.op('select', none, b.lit(1, squares), squares));
  return b.op('select', none, b.lit(0, squares), safe);
});
/**
 * Sizes (absolute values) of complex numbers: [..., 2] gives [...], of the same dtype. The gradient at 0 is 0.
 *
 * @throws {ShapeError} unless the last axis has size 2
 * @throws {DTypeError} unless the array is of floats
 *
 * @example nd.fft.magnitude(nd.array([[3, 4], [0, -2]]));   // [5, 2]
 */
export const magnitude = (z: NDArray): NDArray => call(sizes, [z], { attrs: {}, key: '' });
