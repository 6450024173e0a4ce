/**
 * Images of another size, and elements moved between channels and space.
 *
 * Invariant: images are [batch, channels, ...space]; only the axes of space change (pixelShuffle: channels too).
 */
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { iota } from '../../ir/graph/ops/leaf.ts';
import { take } from '../../ir/graph/ops/take.ts';
import { showType } from '../../ir/type.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkChoice, checkOptions } from '../options.ts';
import { spatial } from './convolution.ts';
import { floating, single } from './math.ts';
import { repeat, reshape, transpose } from './shape.ts';

const spaceOf = (name: string, x: NDArray): number => {
  checkArray(name, x);
  if (x.ndim >= 3) return x.ndim - 2;
  throw failure('shape', `${name}: takes [batch, channels, ...space], not ${showType(x.type)}`);
};

interface ResizeAttrs {
  readonly size: readonly number[];
  readonly alignCorners: boolean;
}

/** Axis `axis` of `x` at `size` places, values in between by their distances from the two nearest. */
const interpolate = (
  b: GraphBuilder,
  x: Node,
  axis: number,
  size: number,
  alignCorners: boolean,
): Node => {
  const old = x.type.shape[axis]!;
  if (old === size) return x;
  const place = b.emit(iota, [], { axis: 0, dtype: x.type.dtype, shape: [size] });
  const factor = alignCorners ? (size === 1 ? 0 : (old - 1) / (size - 1)) : old / size;
  const shift = alignCorners ? 0 : factor / 2 - 0.5;
  const from = b.op('add', b.op('mul', place, b.lit(factor, place)), b.lit(shift, place));
  const last = b.lit(old - 1, from);
  const bounded = b.op('min', b.op('max', from, b.lit(0, from)), last);
  const low = b.op('floor', bounded);
  const high = b.op('min', b.op('add', low, b.lit(1, low)), last);
  const at = (position: Node): Node => b.emit(take, [x, b.cast(position, 'int32')], { axis });
  const [near, far] = [at(low), at(high)];
  const share = b.broadcast(b.op('sub', bounded, low), near.type.shape, [axis]);
  return b.op('add', near, b.op('mul', share, b.op('sub', far, near)));
};
const resizing: Fragment<ResizeAttrs> = fragment<ResizeAttrs>(
  'resize',
  (b, [x], { size, alignCorners }) => {
    let y = single(b, x!);
    size.forEach((d, i) => {
      y = interpolate(b, y, i + 2, d, alignCorners);
    });
    return b.cast(y, floating(b, x!).type.dtype);
  },
);

export interface ResizeOptions {
  /** The outermost places of both images are the same; false: their edges are. Default false. */
  readonly alignCorners?: boolean;
}
/**
 * Linear interpolation of all axes of space to `size`: [batch, channels, ...space] → [batch, channels, ...size]. Floats
 * keep their dtype (computed in float32 at least), integers and booleans give float32.
 *
 * @throws {ShapeError} for arrays without axes of space, or without elements in them
 * @throws {OptionError} unless `size` is an integer ≥ 1, or one per axis of space
 *
 * @example
 * nd.resize(nd.array([[[1, 3]]]), 4);                           // [[[1, 1.5, 2.5, 3]]]
 * nd.resize(nd.array([[[1, 3]]]), 3, { alignCorners: true });   // [[[1, 2, 3]]]
 */
export const resize = (
  x: NDArray,
  size: number | readonly number[],
  options?: ResizeOptions,
): NDArray => {
  checkOptions('resize', options, ['alignCorners']);
  const rank = spaceOf('resize', x);
  if (x.shape.indexOf(0, 2) >= 0)
    throw failure('shape', `resize: ${showType(x.type)} has no elements to interpolate`);
  const sizes = spatial('resize', 'size', size, [], rank, 1);
  const alignCorners = options?.alignCorners ?? false;
  return call(resizing, [x], {
    attrs: { size: sizes, alignCorners },
    key: `${sizes}/${alignCorners}`,
  });
};

export interface UpSamplingOptions extends ResizeOptions {
  /** Copies of elements, or linear interpolation. Default 'nearest'. */
  readonly sampleType?: 'nearest' | 'bilinear';
}
/**
 * Images `scale` times as large: [batch, channels, ...space] → [batch, channels, ...(scale · space)]. Copies keep any
 * dtype; interpolation (`bilinear`, to which alone `alignCorners` applies) gives float32 for integers and booleans.
 *
 * @throws {ShapeError} for arrays without axes of space, and for interpolation between no elements
 * @throws {OptionError} unless `scale` is an integer ≥ 1, or one per axis of space, and for another `sampleType`
 *
 * @example
 * nd.upSampling(nd.array([[[1, 3]]]), 2);                               // [[[1, 1, 3, 3]]]
 * nd.upSampling(nd.array([[[1, 3]]]), 2, { sampleType: 'bilinear' });   // [[[1, 1.5, 2.5, 3]]]
 */
export const upSampling = (
  x: NDArray,
  scale: number | readonly number[],
  options?: UpSamplingOptions,
): NDArray => {
  checkOptions('upSampling', options, ['sampleType', 'alignCorners']);
  const { sampleType = 'nearest', ...rest } = options ?? {};
  checkChoice('upSampling', 'sampleType', sampleType, ['nearest', 'bilinear']);
  const scales = spatial('upSampling', 'scale', scale, [], spaceOf('upSampling', x), 1);
  if (sampleType === 'nearest') return scales.reduce((y, s, i) => repeat(y, s, i + 2), x);
  const size = scales.map((s, i) => s * x.shape[i + 2]!);
  return resize(x, size, rest);
};

/**
 * Channels spread over space: [batch, channels · Π factor, ...space] → [batch, channels, ...(factor · space)]; channel
 * `c · Π factor + k` becomes place `k` of each small block. Any dtype, which stays. (Shi et al., "Real-time single
 * image super-resolution", CVPR 2016.)
 *
 * @throws {ShapeError} for arrays without axes of space, and channels that do not divide into blocks
 * @throws {OptionError} unless `factor` is an integer ≥ 1, or one per axis of space
 *
 * @example
 * nd.pixelShuffle(nd.array([[[1, 2], [3, 4]]]), 2);   // [[[1, 3, 2, 4]]]
 */
export const pixelShuffle = (x: NDArray, factor: number | readonly number[]): NDArray => {
  const rank = spaceOf('pixelShuffle', x);
  const factors = spatial('pixelShuffle', 'factor', factor, [], rank, 1);
  const block = factors.reduce((n, f) => n * f, 1);
  const [batch, channels, ...space] = x.shape as [number, number, ...number[]];
  if (channels % block !== 0)
    throw failure(
      'shape',
      `pixelShuffle: ${channels} channels of ${showType(x.type)} do not divide into blocks of ${block}`,
      'the number of channels must be a multiple of the product of the factors',
    );
  const apart = reshape(x, [batch, channels / block, ...factors, ...space]);
  const pairs = factors.flatMap((_, i) => [2 + rank + i, 2 + i]);
  return reshape(transpose(apart, [0, 1, ...pairs]), [
    batch,
    channels / block,
    ...space.map((d, i) => d * factors[i]!),
  ]);
};
