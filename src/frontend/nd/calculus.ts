/**
 * Functions along a line of samples: differences, interpolation, polynomials.
 *
 * Invariant: gradients flow to samples, coefficients and places alike, wherever the value depends on them smoothly.
 */
import { isFloat, promote, summedIn } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { writing } from '../../ir/graph/ops/formula.ts';
import { take as takeOp } from '../../ir/graph/ops/take.ts';
import { showType } from '../../ir/type.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure, inName } from '../callsite.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { add, mul, ne, sub } from './arithmetic.ts';
import { axisOf } from './axes.ts';
import { arrayBeside } from './beside.ts';
import { concat } from './concat.ts';
import { slice } from './indexing.ts';
import { floating } from './math.ts';
import { broadcastTo, ravel } from './shape.ts';
import { slicePart } from './views.ts';

export interface DiffOptions {
  /** How often. Default 1. */
  readonly n?: number;
  /** Default: the last. */
  readonly axis?: number;
  /** Put before `x` along the axis first. */
  readonly prepend?: Operand;
  /** Put after `x` along the axis first. */
  readonly append?: Operand;
}

const along = (x: NDArray, axis: number, begin: number, end: number): NDArray =>
  slicePart(x, {
    begin: x.shape.map((_, i) => (i === axis ? begin : 0)),
    end: x.shape.map((d, i) => (i === axis ? end : d)),
    step: x.shape.map(() => 1),
  });

/**
 * Differences of neighbours along an axis: `x[i + 1] - x[i]`, n times; of booleans, where they differ.
 *
 * Shapes: the axis gets shorter by `n` (down to 0). `prepend` and `append` have the other sizes of `x`; a number or an
 * array without axes stands for one step. Dtypes: of `x`, promoted with what is put before and after.
 *
 * @throws {ShapeError} for an axis out of range, and when `prepend` or `append` does not fit
 * @throws {ValueError} unless `n` is an integer ≥ 0
 *
 * @example
 * nd.diff(nd.array([1, 4, 9, 16]));   // [3, 5, 7]
 */
export const diff = (x: NDArray, options?: DiffOptions): NDArray => {
  checkArray('diff', x);
  checkOptions('diff', options, ['n', 'axis', 'prepend', 'append']);
  const n = options?.n ?? 1;
  if (!Number.isInteger(n) || n < 0)
    throw failure('value', `diff: n is ${shown(n)}`, 'pass an integer ≥ 0');
  const axis = axisOf('diff', options?.axis ?? -1, x.ndim);
  const part = (y: Operand | undefined): NDArray[] => {
    if (y === undefined) return [];
    const edge = arrayBeside('diff', y, x);
    if (edge.ndim > 0) return [edge];
    return [broadcastTo(edge, x.shape.with(axis, 1))];
  };
  const parts = [...part(options?.prepend), x, ...part(options?.append)];
  let y = parts.length === 1 ? x : inName('diff', 'concat', () => concat(parts, axis));
  for (let i = 0; i < n; i++) {
    const size = y.shape[axis]!;
    const [later, sooner] = [
      along(y, axis, Math.min(1, size), size),
      along(y, axis, 0, Math.max(0, size - 1)),
    ];
    y = y.dtype === 'bool' ? ne(later, sooner) : sub(later, sooner);
  }
  return y;
};

export interface EdiffOptions {
  /** Put after the differences. */
  readonly toEnd?: Operand;
  /** Put before the differences. */
  readonly toBegin?: Operand;
}
/**
 * Differences of neighbours of the flattened array, with something before and after them (flattened, too).
 *
 * Shapes: `size - 1` elements (0 at least) along one axis, and what is put before and after. Dtypes: of `x`, promoted with
 * that.
 *
 * @throws {ValueError} unless `toBegin` and `toEnd` are arrays or numbers
 *
 * @example
 * nd.ediff1d(nd.array([1, 4, 9]), { toBegin: 0 });   // [0, 3, 5]
 */
export const ediff1d = (x: NDArray, options?: EdiffOptions): NDArray => {
  checkArray('ediff1d', x);
  checkOptions('ediff1d', options, ['toEnd', 'toBegin']);
  const part = (y: Operand | undefined): NDArray[] =>
    y === undefined ? [] : [ravel(arrayBeside('ediff1d', y, x))];
  const all = [...part(options?.toBegin), diff(ravel(x)), ...part(options?.toEnd)];
  return all.length === 1 ? all[0]! : concat(all);
};

/**
 * The polynomial with these coefficients [n] (highest power first) at `x`, by Horner's rule: of the shape of `x`, 0 without
 * coefficients. Dtypes promote; booleans count as int32; a number as `x` takes the dtype of the coefficients if that can
 * hold it.
 *
 * @throws {ShapeError} unless the coefficients have one axis
 * @throws {ValueError} unless `x` is an array or a number
 *
 * @example
 * nd.polyval(nd.array([1, 0, -2]), nd.array([2, 3]));   // [2, 7]
 */
export const polyval = (coefficients: NDArray, x: Operand): NDArray => {
  checkArray('polyval', coefficients);
  if (coefficients.ndim !== 1)
    throw failure(
      'shape',
      `polyval: coefficients are a vector, not ${showType(coefficients.type)}`,
    );
  const at = arrayBeside('polyval', x, coefficients);
  let y = mul(at, 0);
  for (let i = 0; i < coefficients.size; i++) y = add(mul(y, at), slice(coefficients, i));
  return y;
};

interface InterpAttrs {
  readonly left: number | undefined;
  readonly right: number | undefined;
}
const interpolating: Fragment<InterpAttrs> = fragment<InterpAttrs>(
  'interp',
  (b, [x, xp, fp], { left, right }) => {
    for (const [name, p] of [
      ['xp', xp!],
      ['fp', fp!],
    ] as const)
      if (p.type.shape.length !== 1 || p.type.size === 0 || p.type.size !== xp!.type.size)
        throw new TigonError(
          'shape',
          `interp: ${name} is ${showType(p.type)}: xp ${showType(xp!.type)} · fp ${showType(fp!.type)}`,
          'both are vectors of one length, from 1 on',
        );
    const dtype = [x!, xp!, fp!].map((n) => floating(b, n).type.dtype).reduce(promote);
    const [at, places, values] = [x!, xp!, fp!].map((n) => b.cast(n, summedIn(dtype))) as [
      Node,
      Node,
      Node,
    ];
    const count = xp!.type.size;
    const { shape } = at.type;
    const f = writing(b, at);
    const wide = [...shape, count];
    const before = b.op(
      'le',
      b.broadcastTo(places, wide),
      b.broadcast(
        at,
        wide,
        shape.map((_, i) => i),
      ),
    );
    const passed = b.sum(b.cast(before, 'int32'), [shape.length]);
    const low = b.op(
      'max',
      b.op('min', b.op('sub', passed, b.lit(1, passed)), b.lit(Math.max(0, count - 2), passed)),
      b.lit(0, passed),
    );
    const high = b.op('min', b.op('add', low, b.lit(1, low)), b.lit(count - 1, low));
    const read = (from: Node, index: Node): Node => b.emit(takeOp, [from, index], { axis: 0 });
    const [x0, x1, y0, y1] = [
      read(places, low),
      read(places, high),
      read(values, low),
      read(values, high),
    ];
    const step = f('sub', x1, x0);
    const share = f('div', f('sub', at, x0), f('select', f('eq', step, 0), 1, step));
    const inside = f('add', y0, f('mul', share, f('sub', y1, y0)));
    const end = (index: number): Node =>
      b.broadcastTo(read(values, b.full(index, 'int32', [])), shape);
    const first = b.broadcastTo(read(places, b.full(0, 'int32', [])), shape);
    const last = b.broadcastTo(read(places, b.full(count - 1, 'int32', [])), shape);
    const below = f('select', f('lt', at, first), left ?? end(0), inside);
    const y = f('select', f('gt', at, last), right ?? end(count - 1), below);
    const common = promote(x!.type.dtype, fp!.type.dtype);
    return b.cast(y, isFloat(common) ? common : 'float32');
  },
);
export interface InterpOptions {
  /** Below the first place. Default: the first value. */
  readonly left?: number;
  /** Beyond the last place. Default: the last value. */
  readonly right?: number;
}
/**
 * Between the points (xp, fp), whose places ascend: straight lines, level beyond both ends.
 *
 * Shapes: `x` of any shape, which the result has; `xp` and `fp` [n], n ≥ 1. Dtypes: `x` and `fp` promote to a float
 * (integers and booleans give float32); computed in float32, in double if one of the three is float64.
 *
 * @throws {ShapeError} unless `xp` and `fp` are vectors of one length, 1 at least
 * @throws {ValueError} unless `left` and `right` are numbers
 *
 * @example
 * nd.interp(nd.array([0.5, 2, 9]), nd.array([0, 1, 3]), nd.array([10, 20, 40]));   // [15, 30, 40]
 */
export const interp = (x: NDArray, xp: NDArray, fp: NDArray, options?: InterpOptions): NDArray => {
  checkOptions('interp', options, ['left', 'right']);
  const { left, right } = options ?? {};
  for (const [name, value] of Object.entries({ left, right }))
    if (value !== undefined && typeof value !== 'number')
      throw failure('value', `interp: ${name} is ${shown(value)}`, 'pass a number');
  return call(interpolating, [x, xp, fp], { attrs: { left, right }, key: `${left}/${right}` });
};
