/**
 * Blocks side by side: all take the same input, and their results are joined.
 *
 * Invariant: children are named as in a row: '0', '1', …; results are joined in that order.
 */
import type { NDArray } from '../../methods.ts';
import { concat } from '../../nd/concat.ts';
import { checkList, checkOptions } from '../../options.ts';
import { HybridSequential, type Layer, Sequential } from './container.ts';

export interface ConcatenateOptions {
  /** The axis along which results are joined. Default: the last. */
  readonly axis?: number;
}

const joined = (row: Iterable<Layer>, x: NDArray, axis: number): NDArray =>
  concat(
    Array.from(row, (layer) => layer(x)),
    axis,
  );

/** The blocks, in a list: one that is no list has its own message. */
const listed = (where: string, layers: readonly Layer[]): readonly Layer[] => {
  const help = 'pass blocks in a list: new nn.Concatenate([new nn.Dense(8), new nn.Identity()])';
  checkList(where, 'the first argument', layers, help);
  return layers;
};

const axisIn = (where: string, options: ConcatenateOptions): number => {
  checkOptions(where, options, ['axis']);
  return options.axis ?? -1;
};

/**
 * Blocks side by side, run imperatively: `concat([a(x), b(x), …], axis)`. Its hybrid children are still compiled by
 * `hybridize()`, each for itself.
 *
 * Results agree in all sizes but that of `axis` (default: the last); their promoted dtype is that of the result.
 *
 * @throws {ValueError} for anything but a list of blocks, or when called without any
 * @throws {ShapeError} when results differ off the axis, or do not have it
 *
 * @example
 * const both = new nn.Concatenate([new nn.Identity(), new nn.HybridLambda((x) => x.mul(10))]);
 * both(nd.array([[1, 2]]));   // [[1, 2, 10, 20]]
 */
export class Concatenate extends Sequential {
  readonly axis: number;

  constructor(layers: readonly Layer[] = [], options: ConcatenateOptions = {}) {
    super(...listed('Concatenate', layers));
    this.axis = axisIn('Concatenate', options);
  }

  override forward(x: NDArray): NDArray {
    return joined(this, x, this.axis);
  }
}

/**
 * Blocks side by side: `concat([a(x), b(x), …], axis)`; after `hybridize()` they run as one compiled program.
 *
 * Shapes, dtypes and errors are those of {@link Concatenate}.
 *
 * @throws {ShapeError} as Concatenate
 *
 * @example
 * const both = new nn.HybridConcatenate([new nn.Dense(3), new nn.Dense(5)], { axis: 1 });
 * both.initialize();
 * both(nd.ones([2, 4])).shape;   // [2, 8]
 */
export class HybridConcatenate extends HybridSequential {
  readonly axis: number;

  constructor(layers: readonly Layer[] = [], options: ConcatenateOptions = {}) {
    super(...listed('HybridConcatenate', layers));
    this.axis = axisIn('HybridConcatenate', options);
  }

  override forward(x: NDArray): NDArray {
    return joined(this, x, this.axis);
  }
}

/** Another name of {@link Concatenate}. */
/** Another name of {@link HybridConcatenate}. */
export { Concatenate as Concurrent, HybridConcatenate as HybridConcurrent };
