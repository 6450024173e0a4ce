/**
 * Where parts of buffers may begin that the launches of a loop see one after the other.
 *
 * Invariant: what is stacked with `stackStrides` can be bound element by element.
 */
import { bytesOf } from '../dtype.ts';
import { stridesOf, type TensorType } from '../type.ts';

/**
 * Windows begin at multiples of this many bytes: what a device binds at, or loads four neighbours from. A CPU takes them
 * anywhere.
 */
export const windowAlignment = (caps: {
  readonly target: 'wasm' | 'wgsl' | 'cuda';
  readonly alignment: number;
}): number => (caps.target === 'wasm' ? 1 : caps.alignment);

/** Strides of a stack along the first axis: row-major, but that each element begins where a window may. */
export const stackStrides = ({ dtype, shape }: TensorType, alignment: number): number[] => {
  const strides = stridesOf(shape);
  const bytes = strides[0]! * bytesOf(dtype);
  strides[0] = (Math.ceil(bytes / alignment) * alignment) / bytesOf(dtype);
  return strides;
};
