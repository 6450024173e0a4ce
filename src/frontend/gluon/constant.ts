/**
 * Constants: arrays that belong to a block, are saved and moved with it, and are never trained.
 *
 * Invariant: its values are those it was made with until `setData` replaces them.
 */

import { onto } from '#several';
import { array } from '../nd/creation.ts';
import { astype } from '../nd/math.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { Parameter } from './parameter.ts';

/**
 * A parameter with given values and without a gradient.
 *
 * Any shape and dtype, those of the values; lists become float32, as in `nd.array`.
 *
 * @throws {ValueError | ShapeError} for values that `nd.array` does not take
 * @throws {OptionError} when `gradReq` is set
 *
 * @example
 * class Shift extends HybridBlock {
 *   by = new Constant([1, 2, 3]);
 *   override forward(x: nd.NDArray) { return x.add(this.by.data()); }
 * }
 */
export class Constant extends Parameter {
  constructor(value: NDArray | Parameters<typeof array>[0]) {
    const first = isNDArray(value) ? value : array(value);
    super({
      shape: first.shape,
      dtype: first.dtype,
      differentiable: false,
      init: { draw: ({ dtype, device }) => onto(astype(first, dtype), device, 'Constant') },
    });
  }
}
