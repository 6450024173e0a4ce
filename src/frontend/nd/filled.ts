/**
 * Arrays made from numbers: the border between JavaScript values and device memory.
 *
 * Invariant: values are checked here (range, integrality where the dtype needs it); inside, elements are raw bytes.
 */
import { toBfloatBits } from '../../ir/bfloat.ts';
import { type DType, isFloat } from '../../ir/dtype.ts';
import { toHalfBits } from '../../ir/half.ts';
import type { TensorType } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import { failure } from '../callsite.ts';
import { denseLayout } from '../layout.ts';
import { mode } from '../mode.ts';
import { allocated, type NDArray } from '../ndarray.ts';
import { shown } from '../options.ts';

/** What `data()` gives and `nd.array` takes without a copy per element. */
export type TypedArray = Float32Array | Int32Array | Uint32Array | Uint8Array;

/** Memory to hold `count` elements of `dtype` (floats of 16 bits as their bit patterns). */
export const hostBuffer = (
  dtype: DType,
  count: number,
): Float32Array | Int32Array | Uint32Array | Uint8Array | Uint16Array => {
  switch (dtype) {
    case 'float32':
      return new Float32Array(count);
    case 'int32':
      return new Int32Array(count);
    case 'uint32':
      return new Uint32Array(count);
    case 'float16':
    case 'bfloat16':
      return new Uint16Array(count);
    case 'uint8':
    case 'bool':
      return new Uint8Array(count);
    default:
      return dtype satisfies never;
  }
};

/** What a {@link hostBuffer} of `dtype` holds for `value`. */
export const hostElement = (dtype: DType, value: number): number => {
  if (dtype === 'float16') return toHalfBits(value);
  return dtype === 'bfloat16' ? toBfloatBits(value) : value;
};

const LIMITS: Readonly<Partial<Record<DType, readonly [number, number]>>> = {
  uint8: [0, 255],
  int32: [-2147483648, 2147483647],
  uint32: [0, 4294967295],
};

/** True when an array of `dtype` can hold `value` exactly (floats: any number). */
export const fits = (value: number, dtype: DType): boolean => {
  if (isFloat(dtype)) return true;
  if (dtype === 'bool') return value === 0 || value === 1;
  const [low, high] = LIMITS[dtype]!;
  return Number.isInteger(value) && value >= low && value <= high;
};

/** Throws unless an array of `dtype` can hold `value`. */
export const checkFits = (where: string, value: unknown, dtype: DType): void => {
  if (typeof value !== 'number')
    throw failure('value', `${where}: ${shown(value)} is not a number`);
  if (fits(value, dtype)) return;
  const limits = LIMITS[dtype];
  const range = limits === undefined ? '0 or 1' : `an integer from ${limits[0]} to ${limits[1]}`;
  throw failure(
    'value',
    `${where}: ${value} does not fit ${dtype} (${range})`,
    'pass { dtype: "float32" }, or convert the values first',
  );
};

/** An array with these raw elements, in device memory. */
export const upload = (
  type: TensorType,
  elements: ArrayBufferView,
  device: Device,
  label: string,
): NDArray => {
  return store(allocated(denseLayout(device, type), label), elements);
};

const store = (x: NDArray, elements: ArrayBufferView): NDArray => {
  const bytes = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  if (bytes.length > 0) x.device.write(x.storage!, 0, bytes);
  mode.scope?.push(x);
  return x;
};

/** An array full of one number; inside a trace a constant. */
export const filled = (
  type: TensorType,
  value: number,
  device: Device,
  label = 'full',
): NDArray => {
  if (mode.trace !== undefined)
    return mode.trace.wrap(mode.trace.builder.full(value, type.dtype, type.shape));
  // First, because it says what is wrong with more than there is room for.
  const x = allocated(denseLayout(device, type), label);
  const host = hostBuffer(type.dtype, type.size);
  if (value !== 0) host.fill(hostElement(type.dtype, value));
  return store(x, host);
};
