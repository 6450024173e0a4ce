/**
 * What pooling layers have in common: windows, layouts, folds over all of space.
 *
 * Invariant: nothing is learnt, so there are no parameters; functions see images with channels first.
 */
import { inName } from '../../callsite.ts';
import type { NDArray } from '../../methods.ts';
import { perAxis } from '../../nd/axes.ts';
import { checkOptions } from '../../options.ts';
import { HybridBlock } from '../block.ts';
import { type Images, imagesOf, type Layout, type Rank } from './layout.ts';

export interface LayoutOptions {
  /** Channels before space (default: NCW, NCHW, NCDHW) or last (NWC, NHWC, NDHWC), for input and result. */
  readonly layout?: Layout;
}
export interface MaxPoolOptions extends LayoutOptions {
  /** Default: `poolSize`. */
  readonly strides?: number | readonly number[];
  /** Added on both sides: nothing to a maximum, zeros to a mean. Default 0. */
  readonly padding?: number | readonly number[];
  /** Keep a last window that only partly fits, if it begins inside the padded input on the left. Default false. */
  readonly ceilMode?: boolean;
}
const POOL = ['strides', 'padding', 'ceilMode', 'layout'] as const;

/** The window of a pooling layer, as functions take it. */
export interface PoolWindow {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly padding: readonly number[];
  readonly ceil: boolean;
}

/** A layer from images to images of another size. Subclasses say what they compute, channels first. */
abstract class Spatial extends HybridBlock {
  readonly layout: Layout;
  readonly #kind: string;
  readonly #part: string;
  readonly #images: Images;

  /** `part`: the function that computes, whose errors are told in the name of the layer. */
  constructor(kind: string, rank: Rank, layout: Layout | undefined, part: string) {
    super();
    this.#kind = kind;
    this.#part = part;
    this.#images = imagesOf(kind, rank, layout);
    this.layout = this.#images.layout;
  }

  protected abstract compute(x: NDArray): NDArray;

  override forward(x: NDArray): NDArray {
    const image = this.#images.read(this.#kind, x);
    return this.#images.write(inName(this.#kind, this.#part, () => this.compute(image)));
  }
}

/** A layer over sliding windows. */
export abstract class Pool extends Spatial {
  readonly poolSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: readonly number[];
  readonly ceilMode: boolean;

  constructor(
    kind: string,
    rank: Rank,
    poolSize: number | readonly number[],
    options: MaxPoolOptions,
    part: string,
    more: readonly string[] = [],
  ) {
    checkOptions(kind, options, [...POOL, ...more]);
    super(kind, rank, options.layout, part);
    this.poolSize = perAxis(kind, 'poolSize', poolSize, rank, 1);
    this.strides = perAxis(kind, 'strides', options.strides ?? poolSize, rank, 1);
    this.padding = perAxis(kind, 'padding', options.padding ?? 0, rank, 0);
    this.ceilMode = options.ceilMode ?? false;
  }

  protected window(): PoolWindow {
    const { poolSize: kernel, strides, padding, ceilMode: ceil } = this;
    return { kernel, strides, padding, ceil };
  }
}

/** A layer with a fixed way to fold all of space, or parts of it. */
export abstract class Folding extends Spatial {
  readonly #fold: (x: NDArray) => NDArray;

  constructor(
    kind: string,
    rank: Rank,
    options: LayoutOptions,
    part: string,
    fold: (x: NDArray) => NDArray,
  ) {
    checkOptions(kind, options, ['layout']);
    super(kind, rank, options.layout, part);
    this.#fold = fold;
  }

  protected override compute(x: NDArray): NDArray {
    return this.#fold(x);
  }
}
