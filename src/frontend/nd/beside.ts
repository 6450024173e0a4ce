/**
 * Numbers given where an array is put beside another one.
 *
 * Invariant: a number becomes an array of the dtype that it has in arithmetic with the other one.
 */
import { isNDArray, type NDArray, type Operand } from '../ndarray.ts';
import { notOperand, weakDtype } from './arithmetic.ts';
import { arrayFor } from './creation.ts';

/** `value` as an array to be put beside `x`. */
export const arrayBeside = (name: string, value: Operand, x: NDArray): NDArray => {
  if (isNDArray(value)) return value;
  if (typeof value !== 'number') throw notOperand(name, value);
  return arrayFor(name, value, { dtype: weakDtype(x.dtype, value), device: x.device });
};
