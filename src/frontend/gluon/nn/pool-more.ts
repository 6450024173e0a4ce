/**
 * Pooling by p-norms, and means over a fixed number of parts.
 *
 * Invariant: sizes, options and errors are the same for one, two and three axes of space.
 */
import type { NDArray } from '../../methods.ts';
import { perAxis } from '../../nd/axes.ts';
import { adaptiveAvgPool, lpPool } from '../../nd/pooling.ts';
import type { Rank } from './layout.ts';
import { Folding, type LayoutOptions, type MaxPoolOptions, Pool } from './pool-base.ts';
import { finite } from './shared.ts';

export interface LPPoolOptions extends MaxPoolOptions {
  /** The power. Default 2. */
  readonly p?: number;
}

abstract class LPPool extends Pool {
  readonly p: number;
  constructor(rank: Rank, poolSize: number | readonly number[], options: LPPoolOptions) {
    super(`LPPool${rank}D`, rank, poolSize, options, 'lpPool', ['p']);
    this.p = finite(`LPPool${rank}D`, 'p', options.p ?? 2, 'a number ≥ 1', (p) => p >= 1);
  }
  protected override compute(x: NDArray): NDArray {
    return lpPool(x, { ...this.window(), p: this.p });
  }
}

/**
 * The p-norm of each window, `(Σ |x|ᵖ)^(1/p)`: [batch, channels, width]; sizes, dtypes and errors as for
 * {@link MaxPool1D} (floats stay). Windows of zeros take no gradient.
 *
 * @throws {OptionError} unless `p` is a number ≥ 1
 * @throws {ShapeError} when windows do not fit
 *
 * @example
 * new nn.LPPool1D(2)(nd.array([[[3, 4, 0, 1]]]));   // [[[5, 1]]]
 */
export class LPPool1D extends LPPool {
  constructor(poolSize: number | readonly number[] = 2, options: LPPoolOptions = {}) {
    super(1, poolSize, options);
  }
}
/**
 * The p-norm of each window, `(Σ |x|ᵖ)^(1/p)`: [batch, channels, height, width]; sizes, dtypes and errors as for
 * {@link MaxPool1D} (floats stay). Windows of zeros take no gradient.
 *
 * @throws {OptionError} unless `p` is a number ≥ 1
 * @throws {ShapeError} when windows do not fit
 *
 * @example
 * new nn.LPPool2D(2, { p: 1 })(nd.ones([1, 2, 4, 4])).shape;   // [1, 2, 2, 2]
 */
export class LPPool2D extends LPPool {
  constructor(poolSize: number | readonly number[] = 2, options: LPPoolOptions = {}) {
    super(2, poolSize, options);
  }
}
/**
 * The p-norm of each window, `(Σ |x|ᵖ)^(1/p)`: [batch, channels, depth, height, width]; sizes, dtypes and errors as for
 * {@link MaxPool1D} (floats stay). Windows of zeros take no gradient.
 *
 * @throws {OptionError} unless `p` is a number ≥ 1
 * @throws {ShapeError} when windows do not fit
 *
 * @example
 * new nn.LPPool3D(2)(nd.ones([1, 2, 4, 4, 4])).shape;   // [1, 2, 2, 2, 2]
 */
export class LPPool3D extends LPPool {
  constructor(poolSize: number | readonly number[] = 2, options: LPPoolOptions = {}) {
    super(3, poolSize, options);
  }
}

abstract class AdaptiveAvgPool extends Folding {
  readonly outputSize: readonly number[];
  constructor(rank: Rank, outputSize: number | readonly number[], options: LayoutOptions) {
    const kind = `AdaptiveAvgPool${rank}D`;
    const size = perAxis(kind, 'outputSize', outputSize, rank, 1);
    super(kind, rank, options, 'adaptiveAvgPool', (x) => adaptiveAvgPool(x, size));
    this.outputSize = size;
  }
}

/**
 * Means over parts: [batch, channels, width] → [batch, channels, outputSize]. Part `i` of an axis goes from
 * `floor(i · old / new)` to before `ceil((i + 1) · old / new)`.
 *
 * Floats stay, integers and booleans give float32.
 *
 * @throws {OptionError} for sizes that are no integers ≥ 1, or another layout
 * @throws {ShapeError} when the input has other axes
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.AdaptiveAvgPool1D(2)(nd.array([[[1, 2, 3, 4, 5]]]));   // [[[2, 4]]]
 */
export class AdaptiveAvgPool1D extends AdaptiveAvgPool {
  constructor(outputSize: number | readonly number[] = 1, options: LayoutOptions = {}) {
    super(1, outputSize, options);
  }
}
/**
 * Means over parts: [batch, channels, height, width] → [batch, channels, ...outputSize]. Part `i` of an axis goes from
 * `floor(i · old / new)` to before `ceil((i + 1) · old / new)`.
 *
 * Floats stay, integers and booleans give float32.
 *
 * @throws {OptionError} for sizes that are no integers ≥ 1, or another layout
 * @throws {ShapeError} when the input has other axes
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.AdaptiveAvgPool2D([1, 3])(nd.ones([2, 4, 5, 7])).shape;   // [2, 4, 1, 3]
 */
export class AdaptiveAvgPool2D extends AdaptiveAvgPool {
  constructor(outputSize: number | readonly number[] = 1, options: LayoutOptions = {}) {
    super(2, outputSize, options);
  }
}
/**
 * Means over parts: [batch, channels, depth, height, width] → [batch, channels, ...outputSize]. Part `i` of an axis
 * goes from `floor(i · old / new)` to before `ceil((i + 1) · old / new)`.
 *
 * Floats stay, integers and booleans give float32.
 *
 * @throws {OptionError} for sizes that are no integers ≥ 1, or another layout
 * @throws {ShapeError} when the input has other axes
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.AdaptiveAvgPool3D(1)(nd.ones([2, 4, 5, 7, 3])).shape;   // [2, 4, 1, 1, 1]
 */
export class AdaptiveAvgPool3D extends AdaptiveAvgPool {
  constructor(outputSize: number | readonly number[] = 1, options: LayoutOptions = {}) {
    super(3, outputSize, options);
  }
}
