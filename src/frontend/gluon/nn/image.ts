/**
 * Layers that move elements of images about: padding, larger images, channels to space.
 *
 * Invariant: images are [batch, channels, ...space]; nothing is learnt.
 */
import { failure, inName } from '../../callsite.ts';
import type { NDArray } from '../../methods.ts';
import { perAxis } from '../../nd/axes.ts';
import { type PadOptions, pad } from '../../nd/padding.ts';
import { pixelShuffle, type UpSamplingOptions, upSampling } from '../../nd/resize.ts';
import { checkChoice, checkOptions, shown } from '../../options.ts';
import { HybridBlock } from '../block.ts';
import type { Rank } from './layout.ts';
import { expectArray, expectRank } from './shared.ts';

/** One width for all sides of space, or `[before, after]` for each axis of space. */
export type PadWidths = number | readonly (readonly [before: number, after: number])[];

const widthsFor = (where: string, x: NDArray, widths: PadWidths): (readonly [number, number])[] => {
  expectArray(where, x);
  const rank = x.ndim - 2;
  const space =
    typeof widths === 'number'
      ? Array.from({ length: Math.max(rank, 0) }, () => [widths, widths] as const)
      : widths;
  if (rank < 1 || space.length !== rank)
    throw failure(
      'shape',
      `${where}: widths ${JSON.stringify(widths)} do not fit an array with ${x.ndim} axes`,
      'takes [batch, channels, ...space] and one [before, after] per axis of space',
    );
  return [[0, 0], [0, 0], ...space];
};

const padded = (where: string, x: NDArray, padding: PadWidths, options?: PadOptions): NDArray => {
  const widths = widthsFor(where, x, padding);
  return inName(where, 'pad', () => pad(x, widths, options));
};

const checkWidths = (where: string, widths: PadWidths): PadWidths => {
  const pairs = typeof widths === 'number' ? [[widths, widths]] : widths;
  const isPair = (pair: unknown): boolean =>
    Array.isArray(pair) && pair.length === 2 && pair.every((n) => Number.isInteger(n) && n >= 0);
  if (Array.isArray(pairs) && pairs.every(isPair)) return widths;
  throw failure(
    'option',
    `${where}: the widths are ${shown(widths)}`,
    'pass an integer ≥ 0, or one [before, after] per axis of space',
  );
};

/**
 * Images continued by their mirror image, without repeating the edge: [batch, channels, height, width], each side
 * longer by its width.
 *
 * Any dtype, which stays. Widths may be larger than the image: mirrored again.
 *
 * @throws {OptionError} unless widths are an integer ≥ 0, or one [before, after] per axis of space
 * @throws {ShapeError} when the input has other axes than the widths, or no elements
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.ReflectionPad2D([[0, 0], [2, 1]])(nd.array([[[[1, 2, 3]]]]));   // [[[[3, 2, 1, 2, 3, 2]]]]
 */
export class ReflectionPad2D extends HybridBlock {
  readonly padding: PadWidths;
  constructor(padding: PadWidths = 0) {
    super();
    this.padding = checkWidths('ReflectionPad2D', padding);
  }
  override forward(x: NDArray): NDArray {
    expectRank('ReflectionPad2D', x, 4, '[batch, channels, height, width]');
    return padded('ReflectionPad2D', x, this.padding, { mode: 'reflect' });
  }
}

/**
 * Images of any number of axes of space with a number around them: [batch, channels, ...space].
 *
 * Any dtype, which stays.
 *
 * @throws {OptionError} unless widths are an integer ≥ 0, or one [before, after] per axis of space; for a value that is
 *   no number
 * @throws {ShapeError} when the input has other axes than the widths
 * @throws {ValueError} for an input that is no array, or whose dtype does not hold the value
 *
 * @example
 * new nn.ConstantPad(1, 7)(nd.array([[[1, 2]]]));   // [[[7, 1, 2, 7]]]
 */
export class ConstantPad extends HybridBlock {
  readonly padding: PadWidths;
  readonly value: number;
  constructor(padding: PadWidths, value = 0) {
    super();
    this.padding = checkWidths('ConstantPad', padding);
    if (typeof value !== 'number')
      throw failure('option', `ConstantPad: value is ${shown(value)}`, 'pass a number');
    this.value = value;
  }
  override forward(x: NDArray): NDArray {
    return padded('ConstantPad', x, this.padding, { value: this.value });
  }
}

/**
 * Images of any number of axes of space with zeros around them: [batch, channels, ...space].
 *
 * Any dtype, which stays.
 *
 * @throws {OptionError} unless widths are an integer ≥ 0, or one [before, after] per axis of space
 * @throws {ShapeError} when the input has other axes than the widths
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.ZeroPad([[0, 2]])(nd.array([[[1, 2]]]));   // [[[1, 2, 0, 0]]]
 */
export class ZeroPad extends HybridBlock {
  readonly padding: PadWidths;
  constructor(padding: PadWidths) {
    super();
    this.padding = checkWidths('ZeroPad', padding);
  }
  override forward(x: NDArray): NDArray {
    return padded('ZeroPad', x, this.padding);
  }
}

/**
 * Images `scale` times as large, by copies of elements ('nearest') or linear interpolation ('bilinear', along all axes
 * of space): [batch, channels, ...space] → [batch, channels, ...(scale · space)].
 *
 * 'nearest' keeps any dtype; 'bilinear' keeps floats, and makes float32 of integers and booleans.
 *
 * @throws {OptionError} unless `scale` is an integer ≥ 1, or one per axis of space; for another `sampleType`
 * @throws {ShapeError} without an axis of space
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.UpSampling(2)(nd.array([[[1, 3]]]));                               // [[[1, 1, 3, 3]]]
 * new nn.UpSampling(2, { sampleType: 'bilinear' })(nd.array([[[1, 3]]]));   // [[[1, 1.5, 2.5, 3]]]
 */
export class UpSampling extends HybridBlock {
  readonly scale: number | readonly number[];
  readonly #options: UpSamplingOptions;
  constructor(scale: number | readonly number[], options: UpSamplingOptions = {}) {
    super();
    checkOptions('UpSampling', options, ['sampleType', 'alignCorners']);
    checkChoice('UpSampling', 'sampleType', options.sampleType ?? 'nearest', [
      'nearest',
      'bilinear',
    ]);
    const all = [scale].flat();
    if (!all.every((n) => Number.isInteger(n) && n >= 1))
      throw failure('option', `UpSampling: scale is ${shown(scale)}`, 'pass an integer ≥ 1');
    this.scale = scale;
    this.#options = { ...options };
  }
  override forward(x: NDArray): NDArray {
    expectArray('UpSampling', x);
    return upSampling(x, this.scale, this.#options);
  }
}

const SPACE = ['width', 'height, width', 'depth, height, width'] as const;

abstract class PixelShuffle extends HybridBlock {
  readonly factor: readonly number[];
  readonly #kind: string;
  constructor(rank: Rank, factor: number | readonly number[]) {
    super();
    this.#kind = `PixelShuffle${rank}D`;
    this.factor = perAxis(this.#kind, 'factor', factor, rank, 1);
  }
  override forward(x: NDArray): NDArray {
    const rank = this.factor.length as Rank;
    expectRank(this.#kind, x, rank + 2, `[batch, channels, ${SPACE[rank - 1]}]`);
    return pixelShuffle(x, this.factor);
  }
}

/**
 * Channels spread over one axis of space: [batch, channels · factor, width] → [batch, channels, width · factor]. (Shi
 * et al., "Real-time single image super-resolution", CVPR 2016.)
 *
 * Any dtype, which stays.
 *
 * @throws {OptionError} unless `factor` is an integer ≥ 1
 * @throws {ShapeError} when the input has other axes, or channels that are no multiple of the factor
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.PixelShuffle1D(2)(nd.array([[[1, 2], [3, 4]]]));   // [[[1, 3, 2, 4]]]
 */
export class PixelShuffle1D extends PixelShuffle {
  constructor(factor: number | readonly number[]) {
    super(1, factor);
  }
}

/**
 * Channels spread over images: [batch, channels · f₁ · f₂, height, width] → [batch, channels, height · f₁, width · f₂].
 *
 * Any dtype, which stays.
 *
 * @throws {OptionError} unless `factor` is an integer ≥ 1, or two of them
 * @throws {ShapeError} when the input has other axes, or channels that are no multiple of the factors
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.PixelShuffle2D([2, 3])(nd.ones([1, 12, 4, 4])).shape;   // [1, 2, 8, 12]
 */
export class PixelShuffle2D extends PixelShuffle {
  constructor(factor: number | readonly number[]) {
    super(2, factor);
  }
}

/**
 * Channels spread over volumes: [batch, channels · f₁ · f₂ · f₃, depth, height, width] → each axis of space times its
 * factor.
 *
 * Any dtype, which stays.
 *
 * @throws {OptionError} unless `factor` is an integer ≥ 1, or three of them
 * @throws {ShapeError} when the input has other axes, or channels that are no multiple of the factors
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.PixelShuffle3D(2)(nd.ones([1, 8, 2, 2, 2])).shape;   // [1, 1, 4, 4, 4]
 */
export class PixelShuffle3D extends PixelShuffle {
  constructor(factor: number | readonly number[]) {
    super(3, factor);
  }
}
