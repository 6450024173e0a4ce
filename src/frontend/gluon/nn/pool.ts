/**
 * Pooling: the maximum or the mean of windows over the axes of space.
 *
 * Invariant: sizes, options and errors are the same for one, two and three axes of space.
 */
import type { NDArray } from '../../methods.ts';
import { avgPool, maxPool } from '../../nd/pools.ts';
import type { Rank } from './layout.ts';
import { type MaxPoolOptions, Pool } from './pool-base.ts';

export interface AvgPoolOptions extends MaxPoolOptions {
  /** Count padding in the mean. Default true. */
  readonly countIncludePad?: boolean;
}

abstract class MaxPool extends Pool {
  constructor(rank: Rank, poolSize: number | readonly number[], options: MaxPoolOptions) {
    super(`MaxPool${rank}D`, rank, poolSize, options, 'maxPool');
  }
  protected override compute(x: NDArray): NDArray {
    return maxPool(x, this.window());
  }
}

abstract class AvgPool extends Pool {
  readonly countIncludePad: boolean;
  constructor(rank: Rank, poolSize: number | readonly number[], options: AvgPoolOptions) {
    super(`AvgPool${rank}D`, rank, poolSize, options, 'avgPool', ['countIncludePad']);
    this.countIncludePad = options.countIncludePad ?? true;
  }
  protected override compute(x: NDArray): NDArray {
    return avgPool(x, { ...this.window(), countPadding: this.countIncludePad });
  }
}

/**
 * Largest value of each window along one axis: [batch, channels, width] → [batch, channels, width'], with
 * `width' = floor((width + 2 padding - poolSize) / strides) + 1` (ceilMode: rounded up).
 *
 * Floats stay, integers and booleans give float32; the gradient goes to the first maximum of a window.
 *
 * @throws {OptionError} for sizes that are no integers in range, another layout
 * @throws {ShapeError} when the input has other axes, a window does not fit, or could lie in the padding alone
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.MaxPool1D(2)(nd.array([[[1, 3, 2, 0]]]));   // [[[3, 2]]]
 */
export class MaxPool1D extends MaxPool {
  constructor(poolSize: number | readonly number[] = 2, options: MaxPoolOptions = {}) {
    super(1, poolSize, options);
  }
}
/**
 * Largest value of each window of an image: [batch, channels, height, width] → [batch, channels, height', width'],
 * sizes, dtypes and errors as for {@link MaxPool1D} (floats stay).
 *
 * @throws {ShapeError} when windows do not fit
 *
 * @example
 * new nn.MaxPool2D(2)(nd.ones([8, 20, 24, 24])).shape;   // [8, 20, 12, 12]
 */
export class MaxPool2D extends MaxPool {
  constructor(poolSize: number | readonly number[] = 2, options: MaxPoolOptions = {}) {
    super(2, poolSize, options);
  }
}
/**
 * Largest value of each window of a volume: [batch, channels, depth, height, width], sizes, dtypes and errors as for
 * {@link MaxPool1D} (floats stay).
 *
 * @throws {ShapeError} when windows do not fit
 *
 * @example
 * new nn.MaxPool3D(2)(nd.ones([1, 2, 4, 4, 4])).shape;   // [1, 2, 2, 2, 2]
 */
export class MaxPool3D extends MaxPool {
  constructor(poolSize: number | readonly number[] = 2, options: MaxPoolOptions = {}) {
    super(3, poolSize, options);
  }
}
/**
 * Mean of each window along one axis; sizes, dtypes and errors as for {@link MaxPool1D} (floats stay). What a window of
 * `ceilMode` has beyond the padded input never counts.
 *
 * @throws {ShapeError} when windows do not fit
 *
 * @example
 * new nn.AvgPool1D(2)(nd.array([[[1, 3, 2, 0]]]));   // [[[2, 1]]]
 */
export class AvgPool1D extends AvgPool {
  constructor(poolSize: number | readonly number[] = 2, options: AvgPoolOptions = {}) {
    super(1, poolSize, options);
  }
}
/**
 * Mean of each window of an image: [batch, channels, height, width]; sizes, dtypes and errors as for {@link AvgPool1D}
 * (floats stay).
 *
 * @throws {ShapeError} when windows do not fit
 *
 * @example
 * new nn.AvgPool2D(2, { strides: 1 })(nd.ones([1, 1, 4, 4])).shape;   // [1, 1, 3, 3]
 */
export class AvgPool2D extends AvgPool {
  constructor(poolSize: number | readonly number[] = 2, options: AvgPoolOptions = {}) {
    super(2, poolSize, options);
  }
}
/**
 * Mean of each window of a volume: [batch, channels, depth, height, width]; sizes, dtypes and errors as for
 * {@link AvgPool1D} (floats stay).
 *
 * @throws {ShapeError} when windows do not fit
 *
 * @example
 * new nn.AvgPool3D(2)(nd.ones([1, 2, 4, 4, 4])).shape;   // [1, 2, 2, 2, 2]
 */
export class AvgPool3D extends AvgPool {
  constructor(poolSize: number | readonly number[] = 2, options: AvgPoolOptions = {}) {
    super(3, poolSize, options);
  }
}
