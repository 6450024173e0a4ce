/**
 * Arrays joined along an axis, that they have or a new one, and cut along one.
 *
 * Invariant: what is joined is copied once; what is cut are views.
 */
import { promote } from '../../ir/dtype.ts';
import { concat as concatOp } from '../../ir/graph/ops/concat.ts';
import { showType } from '../../ir/type.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { checkList, shown } from '../options.ts';
import { axisOf } from './axes.ts';
import { expandDims } from './shape.ts';
import { slicePart } from './views.ts';

interface AxisAttrs {
  readonly axis: number;
}
const joining: Fragment<AxisAttrs> = fragment<AxisAttrs>('concat', (b, xs, { axis }) => {
  const dtype = xs.reduce((d, x) => promote(d, x.type.dtype), xs[0]!.type.dtype);
  return b.emit(
    concatOp,
    xs.map((x) => b.cast(x, dtype)),
    { axis },
  );
});
const firstOf = (name: string, xs: readonly NDArray[]): NDArray => {
  const help = `arrays go in one list: ${name}([a, b], axis)`;
  checkList(name, 'the first argument', xs, help);
  if (xs.length === 0) throw failure('value', `${name}: needs at least one array`);
  const odd = xs.findIndex((x) => !isNDArray(x));
  if (odd >= 0)
    throw failure('value', `${name}: item ${odd} is ${shown(xs[odd])}, not an NDArray`, help);
  return xs[0]!;
};
/**
 * Arrays one after the other along `axis` (default 0); all other sizes must be equal. Dtypes promote.
 *
 * @throws {ShapeError} for other sizes that differ, and an axis out of range
 * @throws {ValueError} for no arrays, or when they are not in one list
 *
 * @example nd.concat([nd.array([1, 2]), nd.array([3])]);   // [1, 2, 3]
 */
export const concat = (xs: readonly NDArray[], axis = 0): NDArray => {
  const first = firstOf('concat', xs);
  return call(joining, xs, { attrs: { axis: axisOf('concat', axis, first.ndim) }, key: `${axis}` });
};
/**
 * Arrays of equal shape along a new axis (default: the first). Dtypes promote.
 *
 * @throws {ShapeError} for shapes that differ, and an axis out of range
 * @throws {ValueError} for no arrays, or when they are not in one list
 *
 * @example nd.stack([nd.array([1, 2]), nd.array([3, 4])]);   // [[1, 2], [3, 4]]
 */
export const stack = (xs: readonly NDArray[], axis = 0): NDArray => {
  const first = firstOf('stack', xs);
  const odd = xs.find((x) => x.shape !== first.shape && x.shape.join() !== first.shape.join());
  if (odd !== undefined)
    throw failure(
      'shape',
      `stack: shapes differ: ${showType(first.type)} and ${showType(odd.type)}`,
      'all arrays must have one shape; to join along an axis that they have use concat',
    );
  const at = axisOf('stack', axis, first.ndim + 1);
  return concat(
    xs.map((x) => expandDims(x, at)),
    at,
  );
};
/**
 * `x` cut along `axis`: into equal parts (a number) or before the given positions. Any dtype, which stays.
 *
 * @throws {ShapeError} where parts would not be equal, and for an axis out of range
 * @throws {ValueError} unless positions ascend within the axis
 *
 * @example
 * const [a, b] = nd.split(nd.array([1, 2, 3, 4]), 2);
 * b;   // [3, 4]
 */
export const split = (x: NDArray, parts: number | readonly number[], axis = 0): NDArray[] => {
  checkArray('split', x);
  const at = axisOf('split', axis, x.ndim);
  const size = x.shape[at]!;
  if (typeof parts === 'number' && (!Number.isInteger(parts) || parts < 1 || size % parts !== 0))
    throw failure(
      'shape',
      `split: axis ${axis} of ${showType(x.type)} does not divide into ${parts} equal parts`,
      'pass the positions to cut before: split(x, [3, 5])',
    );
  if (typeof parts !== 'number')
    checkList('split', 'the number of parts', parts, 'pass a number, or an array of positions');
  const cuts =
    typeof parts === 'number'
      ? Array.from({ length: parts - 1 }, (_, i) => ((i + 1) * size) / parts)
      : parts;
  const edges = [0, ...cuts, size];
  if (
    edges.some((e, i) => !Number.isInteger(e) || e < 0 || e > size || (i > 0 && e < edges[i - 1]!))
  )
    throw failure('value', `split: positions [${cuts.join(', ')}] must ascend within 0 … ${size}`);
  return edges.slice(1).map((end, i) =>
    slicePart(x, {
      begin: x.shape.map((_, k) => (k === at ? edges[i]! : 0)),
      end: x.shape.map((d, k) => (k === at ? end : d)),
      step: x.shape.map(() => 1),
    }),
  );
};
