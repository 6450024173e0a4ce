/**
 * Pooling: the maximum or the mean of windows, or of everything, over the axes of space.
 *
 * Invariant: images are [batch, channels, ...space]; nothing is learnt, so there are no parameters.
 */
import type { NDArray } from '../../methods.ts';
import { avgPool, maxPool } from '../../nd/neural.ts';
import { max, mean } from '../../nd/reduce.ts';
import { checkOptions } from '../../options.ts';
import { HybridBlock } from '../block.ts';
import { expectRank, perAxis } from './shared.ts';

export interface MaxPoolOptions {
  /** Default: `poolSize`. */
  readonly strides?: number | readonly number[];
  /** Added on both sides: nothing to a maximum, zeros to a mean. Default 0. */
  readonly padding?: number | readonly number[];
  /** Keep a last window that only partly fits, if it begins inside the padded input on the left. Default false. */
  readonly ceilMode?: boolean;
}
export interface AvgPoolOptions extends MaxPoolOptions {
  /** Count padding in the mean. Default true. */
  readonly countIncludePad?: boolean;
}
const POOL = ['strides', 'padding', 'ceilMode'] as const;

const SPACE = ['width', 'height, width', 'depth, height, width'] as const;
type Rank = 1 | 2 | 3;
const formOf = (rank: Rank): string => `[batch, channels, ${SPACE[rank - 1]}]`;

abstract class Pool extends HybridBlock {
  readonly poolSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: readonly number[];
  readonly ceilMode: boolean;
  readonly #rank: Rank;

  constructor(
    name: string,
    rank: Rank,
    poolSize: number | readonly number[],
    options: MaxPoolOptions,
  ) {
    super();
    this.#rank = rank;
    this.poolSize = perAxis(name, 'poolSize', poolSize, rank, 1);
    this.strides = perAxis(name, 'strides', options.strides ?? poolSize, rank, 1);
    this.padding = perAxis(name, 'padding', options.padding ?? 0, rank, 0);
    this.ceilMode = options.ceilMode ?? false;
  }

  protected window(
    name: string,
    x: NDArray,
  ): {
    kernel: readonly number[];
    strides: readonly number[];
    padding: readonly number[];
    ceil: boolean;
  } {
    expectRank(name, x, this.#rank + 2, formOf(this.#rank));
    return {
      kernel: this.poolSize,
      strides: this.strides,
      padding: this.padding,
      ceil: this.ceilMode,
    };
  }
}

abstract class MaxPool extends Pool {
  readonly #name: string;
  constructor(rank: Rank, poolSize: number | readonly number[], options: MaxPoolOptions) {
    const name = `MaxPool${rank}D`;
    checkOptions(name, options, POOL);
    super(name, rank, poolSize, options);
    this.#name = name;
  }
  override forward(x: NDArray): NDArray {
    return maxPool(x, this.window(this.#name, x));
  }
}

abstract class AvgPool extends Pool {
  readonly countIncludePad: boolean;
  readonly #name: string;
  constructor(rank: Rank, poolSize: number | readonly number[], options: AvgPoolOptions) {
    const name = `AvgPool${rank}D`;
    checkOptions(name, options, [...POOL, 'countIncludePad']);
    super(name, rank, poolSize, options);
    this.#name = name;
    this.countIncludePad = options.countIncludePad ?? true;
  }
  override forward(x: NDArray): NDArray {
    return avgPool(x, { ...this.window(this.#name, x), countPadding: this.countIncludePad });
  }
}

/**
 * Largest value of each window along one axis: [batch, channels, width] → [batch, channels, width'], with
 * `width' = floor((width + 2 padding - poolSize) / strides) + 1` (ceilMode: rounded up).
 *
 * Floats; the gradient goes to the first maximum of a window. ShapeError when a window does not fit.
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
 * Largest value of each window of an image: [batch, channels, height, width] → [batch, channels, height', width'], sizes
 * and errors as for {@link MaxPool1D}.
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
 * Largest value of each window of a volume: [batch, channels, depth, height, width], sizes and errors as for
 * {@link MaxPool1D}.
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
 * Mean of each window along one axis; sizes and errors as for {@link MaxPool1D}. What a window of `ceilMode` has beyond
 * the padded input never counts.
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
 * Mean of each window of an image: [batch, channels, height, width]; see {@link AvgPool1D}.
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
 * Mean of each window of a volume: [batch, channels, depth, height, width]; see {@link AvgPool1D}.
 *
 * @example
 * new nn.AvgPool3D(2)(nd.ones([1, 2, 4, 4, 4])).shape;   // [1, 2, 2, 2, 2]
 */
export class AvgPool3D extends AvgPool {
  constructor(poolSize: number | readonly number[] = 2, options: AvgPoolOptions = {}) {
    super(3, poolSize, options);
  }
}

type Fold = (
  x: NDArray,
  options: { readonly axis: readonly number[]; readonly keepDims: true },
) => NDArray;

abstract class GlobalPool extends HybridBlock {
  readonly #name: string;
  readonly #rank: Rank;
  readonly #fold: Fold;
  constructor(name: string, rank: Rank, fold: Fold) {
    super();
    this.#name = `Global${name}${rank}D`;
    this.#rank = rank;
    this.#fold = fold;
  }
  override forward(x: NDArray): NDArray {
    expectRank(this.#name, x, this.#rank + 2, formOf(this.#rank));
    const axis = Array.from({ length: this.#rank }, (_, i) => i + 2);
    return this.#fold(x, { axis, keepDims: true });
  }
}

/**
 * Largest value of each channel: [batch, channels, width] → [batch, channels, 1]. Equal maxima share the gradient.
 *
 * @example
 * new nn.GlobalMaxPool1D()(nd.ones([2, 3, 7])).shape;   // [2, 3, 1]
 */
export class GlobalMaxPool1D extends GlobalPool {
  constructor() {
    super('MaxPool', 1, max);
  }
}
/**
 * Largest value of each channel: [batch, channels, height, width] → [batch, channels, 1, 1].
 *
 * @example
 * new nn.GlobalMaxPool2D()(nd.ones([2, 3, 7, 7])).shape;   // [2, 3, 1, 1]
 */
export class GlobalMaxPool2D extends GlobalPool {
  constructor() {
    super('MaxPool', 2, max);
  }
}
/**
 * Largest value of each channel: [batch, channels, depth, height, width] → [batch, channels, 1, 1, 1].
 *
 * @example
 * new nn.GlobalMaxPool3D()(nd.ones([2, 3, 4, 4, 4])).shape;   // [2, 3, 1, 1, 1]
 */
export class GlobalMaxPool3D extends GlobalPool {
  constructor() {
    super('MaxPool', 3, max);
  }
}
/**
 * Mean of each channel: [batch, channels, width] → [batch, channels, 1].
 *
 * @example
 * new nn.GlobalAvgPool1D()(nd.ones([2, 3, 7])).shape;   // [2, 3, 1]
 */
export class GlobalAvgPool1D extends GlobalPool {
  constructor() {
    super('AvgPool', 1, mean);
  }
}
/**
 * Mean of each channel: [batch, channels, height, width] → [batch, channels, 1, 1].
 *
 * @example
 * new nn.GlobalAvgPool2D()(nd.ones([2, 3, 7, 7])).shape;   // [2, 3, 1, 1]
 */
export class GlobalAvgPool2D extends GlobalPool {
  constructor() {
    super('AvgPool', 2, mean);
  }
}
/**
 * Mean of each channel: [batch, channels, depth, height, width] → [batch, channels, 1, 1, 1].
 *
 * @example
 * new nn.GlobalAvgPool3D()(nd.ones([2, 3, 4, 4, 4])).shape;   // [2, 3, 1, 1, 1]
 */
export class GlobalAvgPool3D extends GlobalPool {
  constructor() {
    super('AvgPool', 3, mean);
  }
}
