/**
 * Arrays made from numbers: the border between JavaScript values and device memory.
 *
 * Invariant: values are checked here (range, integrality where the dtype needs it); inside, elements are raw bytes.
 */
import { toBfloatBits } from '../../ir/bfloat.ts';
import { type DType, integerRange, isFloat, isWide } from '../../ir/dtype.ts';
import { toHalfBits } from '../../ir/half.ts';
import type { TensorType } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import { failure } from '../callsite.ts';
import { denseLayout } from '../layout.ts';
import { mode } from '../mode.ts';
import { allocated, type NDArray } from '../ndarray.ts';
import { shown } from '../options.ts';

/** What `data()` gives of all dtypes but int64 and uint64. */
export type TypedArray =
  | (Float32Array | Float64Array)
  | (Int8Array | Int16Array | Int32Array)
  | (Uint8Array | Uint16Array | Uint32Array);
/** What `data()` gives of any dtype, and `nd.array` takes without a copy per element. */
export type AnyTypedArray = TypedArray | BigInt64Array | BigUint64Array;

/** Memory to hold `count` elements of `dtype` (floats of 16 bits as their bit patterns). */
export const hostBuffer = (dtype: DType, count: number): AnyTypedArray => {
  switch (dtype) {
    case 'float64':
      return new Float64Array(count);
    case 'int64':
      return new BigInt64Array(count);
    case 'uint64':
      return new BigUint64Array(count);
    case 'int16':
      return new Int16Array(count);
    case 'int8':
      return new Int8Array(count);
    case 'float32':
      return new Float32Array(count);
    case 'int32':
      return new Int32Array(count);
    case 'uint32':
      return new Uint32Array(count);
    case 'float16':
    case 'bfloat16':
    case 'uint16':
      return new Uint16Array(count);
    case 'uint8':
    case 'bool':
      return new Uint8Array(count);
    default:
      return dtype satisfies never;
  }
};

/** What a {@link hostBuffer} of `dtype` holds for `value`, which fits it. */
export const hostElement = (dtype: DType, value: number | bigint): number | bigint => {
  if (isWide(dtype) && dtype !== 'float64') return BigInt(value);
  if (dtype === 'float16') return toHalfBits(Number(value));
  return dtype === 'bfloat16' ? toBfloatBits(Number(value)) : Number(value);
};

/** True when an array of `dtype` can hold `value` exactly (floats: any number). */
export const fits = (value: number | bigint, dtype: DType): boolean => {
  if (isFloat(dtype)) return true;
  if (typeof value === 'bigint' && isWide(dtype))
    return (dtype === 'int64' ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value)) === value;
  const [low, high] = integerRange(dtype);
  // An integer beyond 2^53 that came as a number has lost digits already.
  const isWhole = isWide(dtype) ? Number.isSafeInteger(value) : Number.isInteger(Number(value));
  return isWhole && value >= low && value <= high;
};

/** Throws unless an array of `dtype` can hold `value`. */
export const checkFits = (where: string, value: unknown, dtype: DType): void => {
  if (typeof value !== 'number' && typeof value !== 'bigint')
    throw failure(
      'value',
      `${where}: ${shown(value)} is not a number`,
      'convert it first: Number(…)',
    );
  if (fits(value, dtype)) return;
  const [low, high] = integerRange(dtype);
  const range =
    dtype === 'bool'
      ? '0 or 1'
      : isWide(dtype)
        ? `an integer below 2^53 in size, or a BigInt of 64 bits${low === 0 ? ', not negative' : ''}`
        : `an integer from ${low} to ${high}`;
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
  if (value !== 0) host.fill(hostElement(type.dtype, value) as never);
  return store(x, host);
};
