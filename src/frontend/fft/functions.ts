/**
 * Fourier transforms along axes: of complex arrays, of real ones, and back.
 *
 * Invariant: complex arrays are [..., 2] (see complex.ts), axes are counted without the last one of these; transforms
 * are computed in float32 and come back in the dtype given. All are linear, and so are their gradients.
 */
import { type DType, isFloat } from '../../ir/dtype.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { concat } from '../../ir/graph/ops/concat.ts';
import { iota } from '../../ir/graph/ops/leaf.ts';
import { pad, sliceAxis } from '../../ir/graph/ops/slice.ts';
import { showType } from '../../ir/type.ts';
import { call, checkArray, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import { axisOf } from '../nd/axes.ts';
import type { NDArray } from '../ndarray.ts';
import { checkChoice, checkOptions, shown } from '../options.ts';
import { complexOf, conjugated, multiplied, partsOf } from './complex.ts';
import { rootsOf, transformOf } from './transform.ts';

/** Where transforms are divided by their length `n`: backwards (default), by its root both ways, or forwards. */
export type FftNorm = 'backward' | 'ortho' | 'forward';

export interface FftOptions {
  /** How many elements along the axis are transformed: more are left out, missing ones are zeros. Default: all. */
  readonly n?: number;
  /** Default: the last (of complex arrays the last but that of the two parts). */
  readonly axis?: number;
  /** Default `backward`. */
  readonly norm?: FftNorm;
}

type Kind = 'complex' | 'fromReal' | 'toReal';
interface Step {
  readonly axis: number;
  readonly n: number;
  readonly kind: Kind;
}
interface Attrs {
  readonly steps: readonly Step[];
  readonly sign: 1 | -1;
  readonly norm: FftNorm;
}

/** `x` with `n` elements along an axis. */
const sized = (b: GraphBuilder, x: Node, axis: number, n: number): Node => {
  const { shape } = x.type;
  const given = shape[axis]!;
  if (given >= n) return sliceAxis(b, x, axis, 0, n);
  const zeros = shape.map(() => 0);
  const high = zeros.with(axis, n - given);
  return b.emit(pad, [x], { low: zeros, high, interior: zeros, value: 0 });
};

/** Moves an axis to the end of `count` axes that stay, or back from there. */
const moved = (b: GraphBuilder, x: Node, axis: number, last: number, back: boolean): Node => {
  const axes = x.type.shape.map((_, i) => i);
  const order = [
    ...axes.filter((a) => a !== axis && a <= last),
    axis,
    ...axes.filter((a) => a > last),
  ];
  if (!back) return b.transpose(x, order);
  const inverse = new Array<number>(order.length);
  order.forEach((a, i) => {
    inverse[a] = i;
  });
  return b.transpose(x, inverse);
};

const scaled = (b: GraphBuilder, x: Node, by: number): Node =>
  by === 1 ? x : b.op('mul', x, b.lit(by, x));

/** Divided by the length, or its root, as the norm has it. */
const scaleOf = (n: number, sign: 1 | -1, norm: FftNorm): number => {
  if (norm === 'ortho') return 1 / Math.sqrt(n);
  return (norm === 'backward') === (sign === 1) ? 1 / n : 1;
};

/** The numbers at places `-k mod n` along the axis before the last, for k from 0 to `count - 1`. */
const reversed = (b: GraphBuilder, z: Node, count: number): Node => {
  const axis = z.type.shape.length - 2;
  const n = z.type.shape[axis]!;
  const first = sliceAxis(b, z, axis, 0, 1);
  const begin = z.type.shape.map((_, i) => (i === axis ? n - 1 : 0));
  const end = z.type.shape.map((d, i) => (i === axis ? 0 : d));
  const step = z.type.shape.map((_, i) => (i === axis ? -1 : 1));
  const rest = b.slice(z, begin, end, step);
  const round = b.emit(concat, count > n ? [first, rest, first] : [first, rest], { axis });
  return sliceAxis(b, round, axis, 0, count);
};

/** `exp(sign · 2πi · k / n)` for the k of an array [..., count, 2]. */
const turnsFor = (b: GraphBuilder, shape: readonly number[], n: number, sign: 1 | -1): Node => {
  const [count] = shape.slice(-2);
  const k = b.emit(iota, [], { axis: 0, dtype: 'int32', shape: [count!] });
  return b.broadcastTo(rootsOf(b, k, n, sign), shape);
};

/** `i · z`, or `-i · z`. */
const quarterTurn = (b: GraphBuilder, z: Node, sign: 1 | -1): Node => {
  const [re, im] = partsOf(b, z);
  return sign === 1 ? complexOf(b, b.op('neg', im), re) : complexOf(b, im, b.op('neg', re));
};

/** Half of the spectrum of real numbers [..., n]: with two neighbours as one complex number, a transform half as long. */
const fromReal = (b: GraphBuilder, x: Node): Node => {
  const batch = x.type.shape.slice(0, -1);
  const n = x.type.shape.at(-1)!;
  const count = Math.floor(n / 2) + 1;
  if (n % 2 === 1 || n === 0) {
    const whole = transformOf(b, complexOf(b, x, b.lit(0, x)), -1);
    return sliceAxis(b, whole, batch.length, 0, count);
  }
  const z = transformOf(b, b.reshape(x, [...batch, n / 2, 2]), -1);
  const other = conjugated(b, reversed(b, z, count));
  const axis = batch.length;
  const own = b.emit(concat, [z, sliceAxis(b, z, axis, 0, 1)], { axis });
  const even = b.op('add', own, other);
  const odd = quarterTurn(b, b.op('sub', own, other), -1);
  const turned = multiplied(b, odd, turnsFor(b, odd.type.shape, n, -1));
  return scaled(b, b.op('add', even, turned), 0.5);
};

/** Real numbers [..., n] from half of their spectrum, not scaled. What cannot be there (see irfft) is left out. */
const toReal = (b: GraphBuilder, given: Node, n: number): Node => {
  const batch = given.type.shape.slice(0, -2);
  const axis = batch.length;
  const count = Math.floor(n / 2) + 1;
  const half = sized(b, given, axis, count);
  const [re, im] = partsOf(b, half);
  const k = b.emit(iota, [], { axis, dtype: 'int32', shape: re.type.shape });
  const isReal = (at: number): Node => b.op('eq', k, b.lit(at, k));
  const alone = n % 2 === 0 ? b.op('or', isReal(0), isReal(n / 2)) : isReal(0);
  const z = complexOf(b, re, b.op('select', alone, b.lit(0, im), im));
  if (n % 2 === 1) {
    const rest = sliceAxis(b, z, axis, 1, count);
    const begin = rest.type.shape.map((d, i) => (i === axis ? d - 1 : 0));
    const end = rest.type.shape.map((d, i) => (i === axis ? -1 : d));
    const step = rest.type.shape.map((_, i) => (i === axis ? -1 : 1));
    const mirrored = count === 1 ? [] : [conjugated(b, b.slice(rest, begin, end, step))];
    return partsOf(b, transformOf(b, b.emit(concat, [z, ...mirrored], { axis }), 1))[0];
  }
  const own = sliceAxis(b, z, axis, 0, n / 2);
  const begin = z.type.shape.map((_, i) => (i === axis ? n / 2 : 0));
  const end = z.type.shape.map((d, i) => (i === axis ? 0 : d));
  const step = z.type.shape.map((_, i) => (i === axis ? -1 : 1));
  const other = conjugated(b, b.slice(z, begin, end, step));
  const even = b.op('add', own, other);
  const odd = multiplied(b, b.op('sub', own, other), turnsFor(b, own.type.shape, n, 1));
  const packed = transformOf(b, b.op('add', even, quarterTurn(b, odd, 1)), 1);
  return b.reshape(packed, [...batch, n]);
};

const floatOf = (dtype: DType): DType => (isFloat(dtype) ? dtype : 'float32');

const transforms = fragment<Attrs>('fft', (b, [x], { steps, sign, norm }) => {
  let value = b.cast(x!, 'float32');
  for (const { axis, n, kind } of steps) {
    const rank = value.type.shape.length;
    const lastOf = (isComplex: boolean, r: number): number => r - (isComplex ? 2 : 1);
    const before = moved(b, value, axis, lastOf(kind !== 'fromReal', rank), false);
    let after: Node;
    if (kind === 'complex') after = transformOf(b, sized(b, before, rank - 2, n), sign);
    else if (kind === 'fromReal') after = fromReal(b, sized(b, before, rank - 1, n));
    else after = toReal(b, before, n);
    const done = moved(b, after, axis, lastOf(kind !== 'toReal', after.type.shape.length), true);
    value = scaled(b, done, scaleOf(n, sign, norm));
  }
  return b.cast(value, floatOf(x!.type.dtype));
});

const OPTIONS = ['n', 'axis', 'norm'];
const NORMS: readonly FftNorm[] = ['backward', 'ortho', 'forward'];

const checkLength = (name: string, n: number): number => {
  if (Number.isInteger(n) && n >= 1) return n;
  throw failure('value', `${name}: n is ${shown(n)}`, 'an integer, 1 at least');
};

/** The rank without the axis of the two parts, checked. */
const rankOf = (name: string, x: NDArray, kind: Kind): number => {
  checkArray(name, x);
  if (kind === 'fromReal') return x.ndim;
  if (x.shape.at(-1) !== 2)
    throw failure(
      'shape',
      `${name}: ${showType(x.type)} holds no complex numbers`,
      'they are floats along a last axis of size 2: nd.fft.complex(x) makes them; rfft transforms real arrays',
    );
  return x.ndim - 1;
};

const along = (
  name: string,
  x: NDArray,
  kind: Kind,
  sign: 1 | -1,
  options: FftOptions | undefined,
): NDArray => {
  checkOptions(name, options, OPTIONS);
  const axis = axisOf(name, options?.axis ?? -1, rankOf(name, x, kind));
  const given = x.shape[axis]!;
  const n = checkLength(name, options?.n ?? (kind === 'toReal' ? 2 * (given - 1) : given));
  const norm = checkChoice(name, 'norm', options?.norm ?? 'backward', NORMS);
  const attrs: Attrs = { steps: [{ axis, n, kind }], sign, norm };
  return call(transforms, [x], { attrs, key: JSON.stringify(attrs) });
};

/**
 * The discrete Fourier transform along an axis of complex arrays [..., n, 2].
 *
 * @example
 * const z = nd.fft.complex(nd.array([1, 0, 0, 0]));
 * nd.fft.fft(z);   // [[1, 0], [1, 0], [1, 0], [1, 0]]
 */
export const fft = (x: NDArray, options?: FftOptions): NDArray =>
  along('fft', x, 'complex', -1, options);

/**
 * The inverse of {@link fft}.
 *
 * @example nd.fft.ifft(nd.array([[4, 0], [0, 0], [0, 0], [0, 0]]));   // [[1, 0], [1, 0], [1, 0], [1, 0]]
 */
export const ifft = (x: NDArray, options?: FftOptions): NDArray =>
  along('ifft', x, 'complex', 1, options);

/**
 * The transform of real arrays [..., n], without the half that mirrors the other: complex, [..., floor(n / 2) + 1, 2].
 *
 * @example nd.fft.rfft(nd.array([1, 2, 3, 4]));   // [[10, 0], [-2, 2], [-2, 0]]
 */
export const rfft = (x: NDArray, options?: FftOptions): NDArray =>
  along('rfft', x, 'fromReal', -1, options);

/**
 * The inverse of {@link rfft}: real arrays of length `n` (default: even, `2 · (m - 1)`) from complex [..., m, 2]. The
 * imaginary parts of the first number, and of the last for an even `n`, count as 0, as those of real arrays are.
 *
 * @example nd.fft.irfft(nd.array([[10, 0], [-2, 2], [-2, 0]]));   // [1, 2, 3, 4]
 */
export const irfft = (x: NDArray, options?: FftOptions): NDArray =>
  along('irfft', x, 'toReal', 1, options);

export interface FftnOptions {
  /** How many elements along each of the axes. Default: all. */
  readonly s?: readonly number[];
  /** Default: all (of complex arrays all but that of the two parts); of the functions for two axes the last two. */
  readonly axes?: readonly number[];
  /** Default `backward`. */
  readonly norm?: FftNorm;
}

const alongSeveral = (
  name: string,
  x: NDArray,
  kind: Kind,
  sign: 1 | -1,
  options: FftnOptions | undefined,
  two: boolean,
): NDArray => {
  checkOptions(name, options, ['s', 'axes', 'norm']);
  const rank = rankOf(name, x, kind);
  const { s } = options ?? {};
  const all = Array.from({ length: s?.length ?? rank }, (_, i) => i - (s?.length ?? rank));
  const axes = (options?.axes ?? (two ? [-2, -1] : all)).map((a) => axisOf(name, a, rank));
  if (s !== undefined && s.length !== axes.length)
    throw failure('value', `${name}: ${s.length} sizes for ${axes.length} axes`, 'one for each');
  const last = axes.length - 1;
  const steps = axes.map((axis, i): Step => {
    const given = x.shape[axis]!;
    const isReal = kind !== 'complex' && i === last;
    const n = s?.[i] ?? (isReal && kind === 'toReal' ? 2 * (given - 1) : given);
    return { axis, n: checkLength(name, n), kind: isReal ? kind : 'complex' };
  });
  const norm = checkChoice(name, 'norm', options?.norm ?? 'backward', NORMS);
  // real numbers become complex along the last axis first, and real again along it last
  const attrs: Attrs = { steps: kind === 'fromReal' ? steps.toReversed() : steps, sign, norm };
  if (steps.length === 0)
    throw failure('value', `${name}: there is no axis to transform along`, 'give one at least');
  return call(transforms, [x], { attrs, key: JSON.stringify(attrs) });
};

/**
 * {@link fft} along several axes of complex arrays.
 *
 * @example nd.fft.fftn(nd.fft.complex(nd.eye(2)));   // [[[2, 0], [0, 0]], [[0, 0], [2, 0]]]
 */
export const fftn = (x: NDArray, options?: FftnOptions): NDArray =>
  alongSeveral('fftn', x, 'complex', -1, options, false);
/** The inverse of {@link fftn}. */
export const ifftn = (x: NDArray, options?: FftnOptions): NDArray =>
  alongSeveral('ifftn', x, 'complex', 1, options, false);
/** {@link fft} along two axes, the last ones: of complex arrays [..., m, n, 2]. */
export const fft2 = (x: NDArray, options?: FftnOptions): NDArray =>
  alongSeveral('fft2', x, 'complex', -1, options, true);
/** The inverse of {@link fft2}. */
export const ifft2 = (x: NDArray, options?: FftnOptions): NDArray =>
  alongSeveral('ifft2', x, 'complex', 1, options, true);
/** {@link rfft} along the last of several axes of real arrays, {@link fft} along the others. */
export const rfftn = (x: NDArray, options?: FftnOptions): NDArray =>
  alongSeveral('rfftn', x, 'fromReal', -1, options, false);
/** The inverse of {@link rfftn}. */
export const irfftn = (x: NDArray, options?: FftnOptions): NDArray =>
  alongSeveral('irfftn', x, 'toReal', 1, options, false);
/**
 * The transform of real arrays [..., m, n] along the last two axes: complex, [..., m, floor(n / 2) + 1, 2].
 *
 * @example nd.fft.rfft2(nd.ones([2, 2]));   // [[[4, 0], [0, 0]], [[0, 0], [0, 0]]]
 */
export const rfft2 = (x: NDArray, options?: FftnOptions): NDArray =>
  alongSeveral('rfft2', x, 'fromReal', -1, options, true);
/** The inverse of {@link rfft2}. */
export const irfft2 = (x: NDArray, options?: FftnOptions): NDArray =>
  alongSeveral('irfft2', x, 'toReal', 1, options, true);
