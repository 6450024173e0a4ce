/**
 * Pooling beyond maximum and mean of windows: sums, p-norms, means over parts of equal size, and all kinds by name.
 *
 * Invariant: images are [batch, channels, ...space]; sums are float32, whatever the dtype of the result.
 */
import type { DType } from '../../ir/dtype.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { dot } from '../../ir/graph/ops/dot.ts';
import { iota } from '../../ir/graph/ops/leaf.ts';
import { type WindowAttrs, windowSum } from '../../ir/graph/ops/window.ts';
import { showType } from '../../ir/type.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkChoice, checkOptions, shown } from '../options.ts';
import { spatial } from './convolution.ts';
import { floating, single } from './math.ts';
import {
  type AvgPoolOptions,
  avgPool,
  maxPool,
  POOL,
  type PoolOptions,
  windowKey,
  windowOf,
} from './pools.ts';

interface NormAttrs {
  readonly window: WindowAttrs;
  readonly p: number;
}
const lengths: Fragment<NormAttrs> = fragment<NormAttrs>('lpPool', (b, [x], { window, p }) => {
  const size = b.op('abs', single(b, x!));
  const powers =
    p === 1 ? size : p === 2 ? b.op('mul', size, size) : b.op('pow', size, b.lit(p, size));
  const total = b.emit(windowSum, [powers], window);
  const { dtype } = floating(b, x!).type;
  if (p === 1) return b.cast(total, dtype);
  // The root is steep at 0: windows of zeros give 0 and take no gradient.
  const some = b.op('gt', total, b.lit(0, total));
  const safe = b.op('select', some, total, b.lit(1, total));
  const root = p === 2 ? b.op('sqrt', safe) : b.op('pow', safe, b.lit(1 / p, safe));
  return b.cast(b.op('select', some, root, b.lit(0, root)), dtype);
});

export interface LpPoolOptions extends PoolOptions {
  /** The power. Default 2. */
  readonly p?: number;
}
const powerOf = (name: string, p: number | undefined): number => {
  if (p === undefined || (p >= 1 && Number.isFinite(p))) return p ?? 2;
  throw failure('option', `${name}: p is ${shown(p)}`, 'pass a number ≥ 1');
};

/**
 * The p-norm of each window of the axes after the first two, `(Σ |x|ᵖ)^(1/p)`: [batch, channels, ...space] to the same
 * with fewer places. Floats keep their dtype (sums are float32 at least), integers and booleans give float32. Windows
 * of zeros take no gradient.
 *
 * @throws {ShapeError} for arrays without axes of space, and windows larger than the padded image
 * @throws {OptionError} unless `kernel` and strides are integers ≥ 1, padding ≥ 0, one or one per axis of space, and
 *   `p` is a number ≥ 1
 *
 * @example
 * nd.lpPool(nd.array([[[3, 4, 0, 1]]]), { kernel: 2 });   // [[[5, 1]]]
 */
export const lpPool = (x: NDArray, options: LpPoolOptions): NDArray => {
  checkOptions('lpPool', options, [...POOL, 'p']);
  const attrs = { window: windowOf('lpPool', x, options), p: powerOf('lpPool', options.p) };
  return call(lengths, [x], { attrs, key: `${windowKey(attrs.window)}|${attrs.p}` });
};

const totals: Fragment<WindowAttrs> = fragment<WindowAttrs>('sumPool', (b, [x], attrs) =>
  b.cast(b.emit(windowSum, [single(b, x!)], attrs), floating(b, x!).type.dtype),
);
/**
 * Sum of each window of the axes after the first two: [batch, channels, ...space] to the same with fewer places. Floats
 * keep their dtype (sums are float32 at least), integers and booleans give float32.
 *
 * @throws {ShapeError} for arrays without axes of space, and windows larger than the padded image
 * @throws {OptionError} unless `kernel` and strides are integers ≥ 1, and padding ≥ 0, one or one per axis of space
 *
 * @example
 * nd.sumPool(nd.array([[[3, 4, 0, 1]]]), { kernel: 2 });   // [[[7, 1]]]
 */
export const sumPool = (x: NDArray, options: PoolOptions): NDArray => {
  checkOptions('sumPool', options, POOL);
  const attrs = windowOf('sumPool', x, options);
  return call(totals, [x], { attrs, key: windowKey(attrs) });
};

/** [parts, size]: row `i` averages elements `floor(i · size / parts)` before `ceil((i + 1) · size / parts)`. */
const averages = (b: GraphBuilder, dtype: DType, size: number, parts: number): Node => {
  const shape = [parts, size];
  const whole = (axis: number): Node => b.emit(iota, [], { axis, dtype: 'int32', shape });
  const number = (n: number): Node => b.full(n, 'int32', shape);
  const cut = (up: Node): Node => b.op('floordiv', b.op('mul', up, number(size)), number(parts));
  const begin = cut(whole(0));
  const next = b.op('add', whole(0), number(1));
  const end = b.op('neg', cut(b.op('neg', next)));
  const inside = b.op('and', b.op('ge', whole(1), begin), b.op('lt', whole(1), end));
  const share = b.op('div', b.full(1, dtype, shape), b.cast(b.op('sub', end, begin), dtype));
  return b.op('select', inside, share, b.lit(0, share));
};

interface AdaptiveAttrs {
  readonly size: readonly number[];
}
const adapting: Fragment<AdaptiveAttrs> = fragment<AdaptiveAttrs>(
  'adaptiveAvgPool',
  (b, [x], { size }) => {
    const rank = x!.type.shape.length;
    let y = single(b, x!);
    size.forEach((parts, i) => {
      const axis = i + 2;
      const old = y.type.shape[axis]!;
      if (old === parts) return;
      const product = b.emit(dot, [y, averages(b, y.type.dtype, old, parts)], {
        aBatch: [],
        bBatch: [],
        aContract: [axis],
        bContract: [1],
      });
      // The new axis comes out last.
      const order = Array.from({ length: rank }, (_, k) =>
        k < axis ? k : k === axis ? rank - 1 : k - 1,
      );
      y = b.transpose(product, order);
    });
    return b.cast(y, floating(b, x!).type.dtype);
  },
);

/**
 * Means over parts: [batch, channels, ...space] → [batch, channels, ...size]. Along each axis part `i` goes from
 * `floor(i · old / new)` to before `ceil((i + 1) · old / new)`; parts may overlap by one. Floats keep their dtype,
 * integers and booleans give float32.
 *
 * @throws {ShapeError} for arrays without axes of space, or without elements in them
 * @throws {OptionError} unless `size` is an integer ≥ 1, or one per axis of space
 *
 * @example
 * nd.adaptiveAvgPool(nd.array([[[1, 2, 3, 4, 5]]]), 2);   // [[[2, 4]]]
 */
export const adaptiveAvgPool = (x: NDArray, size: number | readonly number[]): NDArray => {
  checkArray('adaptiveAvgPool', x);
  if (x.ndim < 3)
    throw failure(
      'shape',
      `adaptiveAvgPool: takes [batch, channels, ...space], not ${showType(x.type)}`,
    );
  const rank = x.ndim - 2;
  const sizes = spatial('adaptiveAvgPool', 'size', size, [], rank, 1);
  if (x.shape.indexOf(0, 2) >= 0)
    throw failure('shape', `adaptiveAvgPool: ${showType(x.type)} has no elements to average`);
  // Parts of equal size are windows.
  if (sizes.every((d, i) => x.shape[i + 2]! % d === 0))
    return avgPool(x, { kernel: sizes.map((d, i) => x.shape[i + 2]! / d) });
  return call(adapting, [x], { attrs: { size: sizes }, key: `${sizes}` });
};

export interface PoolingOptions extends Omit<AvgPoolOptions, 'kernel'> {
  /** Size of the window; not needed with `globalPool`. */
  readonly kernel?: number | readonly number[];
  /** Default 'max'. */
  readonly poolType?: 'max' | 'avg' | 'sum' | 'lp';
  /** One window over all of space. Default false. */
  readonly globalPool?: boolean;
  /** Of 'lp'. Default 2. */
  readonly p?: number;
}
/**
 * Pooling of any kind over the axes after the first two, chosen by name: [batch, channels, ...space] to the same with
 * fewer places, or one for each axis with `globalPool` (then `kernel`, strides and padding do not count). Floats keep
 * their dtype, integers and booleans give float32.
 *
 * @throws {ShapeError} for arrays without axes of space, and windows larger than the padded image
 * @throws {OptionError} without a `kernel` or `globalPool`, for another `poolType`, and what the kind itself refuses
 *   ({@link lpPool} `p`)
 *
 * @example
 * nd.pooling(nd.array([[[1, 3], [5, 7]]]), { poolType: 'avg', globalPool: true });   // [[[2], [6]]]
 */
export const pooling = (x: NDArray, options: PoolingOptions): NDArray => {
  checkArray('pooling', x);
  checkOptions('pooling', options, [...POOL, 'countPadding', 'poolType', 'globalPool', 'p']);
  if (x.ndim < 3)
    throw failure('shape', `pooling: takes [batch, channels, ...space], not ${showType(x.type)}`);
  const { poolType = 'max', globalPool = false, p, countPadding, ...rest } = options ?? {};
  checkChoice('pooling', 'poolType', poolType, ['max', 'avg', 'sum', 'lp']);
  const kernel = globalPool ? x.shape.slice(2) : options?.kernel;
  if (kernel === undefined)
    throw failure(
      'option',
      'pooling: kernel is missing',
      'pass { kernel } or { globalPool: true }',
    );
  const window: PoolOptions = globalPool ? { kernel } : { ...rest, kernel };
  switch (poolType) {
    case 'max':
      return maxPool(x, window);
    case 'avg':
      return avgPool(x, countPadding === undefined ? window : { ...window, countPadding });
    case 'sum':
      return sumPool(x, window);
    case 'lp':
      return lpPool(x, p === undefined ? window : { ...window, p });
    default:
      return poolType satisfies never;
  }
};
