/**
 * Pooling of everything: one number per channel, whatever the size of the images.
 *
 * Invariant: the axes of space stay, with size 1.
 */
import type { NDArray } from '../../methods.ts';
import { max, mean } from '../../nd/reduce.ts';
import type { Rank } from './layout.ts';
import { Folding, type LayoutOptions } from './pool-base.ts';

type Fold = (
  x: NDArray,
  options: { readonly axis: readonly number[]; readonly keepDims: true },
) => NDArray;

abstract class GlobalPool extends Folding {
  constructor(name: string, rank: Rank, fold: Fold, options: LayoutOptions) {
    const axis = Array.from({ length: rank }, (_, i) => i + 2);
    const part = name === 'MaxPool' ? 'max' : 'mean';
    super(`Global${name}${rank}D`, rank, options, part, (x) => fold(x, { axis, keepDims: true }));
  }
}

/**
 * Largest value of each channel: [batch, channels, width] → [batch, channels, 1]. Equal maxima share the gradient.
 *
 * Any dtype, which stays.
 *
 * @throws {ShapeError} when the input has other axes, or no elements in space
 * @throws {OptionError} for another layout
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.GlobalMaxPool1D()(nd.ones([2, 3, 7])).shape;   // [2, 3, 1]
 */
export class GlobalMaxPool1D extends GlobalPool {
  constructor(options: LayoutOptions = {}) {
    super('MaxPool', 1, max, options);
  }
}
/**
 * Largest value of each channel: [batch, channels, height, width] → [batch, channels, 1, 1].
 *
 * Any dtype, which stays.
 *
 * @throws {ShapeError} when the input has other axes, or no elements in space
 * @throws {OptionError} for another layout
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.GlobalMaxPool2D()(nd.ones([2, 3, 7, 7])).shape;   // [2, 3, 1, 1]
 */
export class GlobalMaxPool2D extends GlobalPool {
  constructor(options: LayoutOptions = {}) {
    super('MaxPool', 2, max, options);
  }
}
/**
 * Largest value of each channel: [batch, channels, depth, height, width] → [batch, channels, 1, 1, 1].
 *
 * Any dtype, which stays.
 *
 * @throws {ShapeError} when the input has other axes, or no elements in space
 * @throws {OptionError} for another layout
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.GlobalMaxPool3D()(nd.ones([2, 3, 4, 4, 4])).shape;   // [2, 3, 1, 1, 1]
 */
export class GlobalMaxPool3D extends GlobalPool {
  constructor(options: LayoutOptions = {}) {
    super('MaxPool', 3, max, options);
  }
}
/**
 * Mean of each channel: [batch, channels, width] → [batch, channels, 1].
 *
 * Floats stay (16 bits are summed in float32), integers and booleans give float32.
 *
 * @throws {ShapeError} when the input has other axes
 * @throws {OptionError} for another layout
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.GlobalAvgPool1D()(nd.ones([2, 3, 7])).shape;   // [2, 3, 1]
 */
export class GlobalAvgPool1D extends GlobalPool {
  constructor(options: LayoutOptions = {}) {
    super('AvgPool', 1, mean, options);
  }
}
/**
 * Mean of each channel: [batch, channels, height, width] → [batch, channels, 1, 1].
 *
 * Floats stay (16 bits are summed in float32), integers and booleans give float32.
 *
 * @throws {ShapeError} when the input has other axes
 * @throws {OptionError} for another layout
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.GlobalAvgPool2D()(nd.ones([2, 3, 7, 7])).shape;   // [2, 3, 1, 1]
 */
export class GlobalAvgPool2D extends GlobalPool {
  constructor(options: LayoutOptions = {}) {
    super('AvgPool', 2, mean, options);
  }
}
/**
 * Mean of each channel: [batch, channels, depth, height, width] → [batch, channels, 1, 1, 1].
 *
 * Floats stay (16 bits are summed in float32), integers and booleans give float32.
 *
 * @throws {ShapeError} when the input has other axes
 * @throws {OptionError} for another layout
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.GlobalAvgPool3D()(nd.ones([2, 3, 4, 4, 4])).shape;   // [2, 3, 1, 1, 1]
 */
export class GlobalAvgPool3D extends GlobalPool {
  constructor(options: LayoutOptions = {}) {
    super('AvgPool', 3, mean, options);
  }
}
