/**
 * Elements of files as arrays hold them, for devices that have 64-bit elements and for those that have none.
 *
 * Invariant: what is narrowed fits, or the error names the first element that does not; fractions are rounded to
 * float32. Bytes come out little-endian, in memory of their own.
 */
import { bytesOf, type DType, integerRange, isWide } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { Shape } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import type { TensorBytes } from './safetensors.ts';

/** The array that little-endian bytes are. */
export const fromStored = (dtype: DType, shape: Shape, bytes: Uint8Array): TensorBytes => ({
  dtype,
  shape,
  bytes: dtype === 'bool' ? bytes.map((v) => +(v !== 0)) : bytes.slice(),
});

const NARROWER = { float64: 'float32', int64: 'int32', uint64: 'uint32' } as const;
const isNarrowed = (dtype: DType): dtype is keyof typeof NARROWER => isWide(dtype);

const readers: Readonly<Record<keyof typeof NARROWER, (view: DataView, at: number) => number>> = {
  float64: (v, at) => v.getFloat64(at, true),
  int64: (v, at) => Number(v.getBigInt64(at, true)),
  uint64: (v, at) => Number(v.getBigUint64(at, true)),
};

/** The elements as a device can have them: of 64 bits as of 32 where it has none. `name` says where they are from. */
export const fitting = (device: Device, given: TensorBytes, name: string): TensorBytes => {
  const { dtype: from, shape, bytes } = given;
  if (device.caps.wide || !isNarrowed(from)) return given;
  const dtype = NARROWER[from];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.byteLength / bytesOf(from);
  const out =
    dtype === 'float32'
      ? new Float32Array(count)
      : dtype === 'int32'
        ? new Int32Array(count)
        : new Uint32Array(count);
  const [least, greatest] = integerRange(dtype);
  for (let i = 0; i < count; i++) {
    const value = readers[from](view, 8 * i);
    out[i] = value;
    if (dtype !== 'float32' && !(value >= least && value <= greatest))
      throw new TigonError(
        'value',
        `${name}: element ${i} (${from}) is ${value}, which does not fit ${dtype}`,
        `${device.name} has no integers of 64 bits: load it on device.cpu(), or convert the file`,
      );
  }
  return { dtype, shape, bytes: new Uint8Array(out.buffer) };
};

/** Each element's bytes the other way round, in place. */
export const swapBytes = (bytes: Uint8Array, width: number): void => {
  for (let at = 0; at + width <= bytes.length; at += width)
    bytes.subarray(at, at + width).reverse();
};

/** Elements of an array that lies column after column (`fromColumns`), or is to, in the other order. */
export const reorder = (
  bytes: Uint8Array,
  shape: Shape,
  width: number,
  fromColumns: boolean,
): Uint8Array<ArrayBuffer> => {
  const out = new Uint8Array(bytes.length);
  const rank = shape.length;
  const index = new Array<number>(rank).fill(0);
  const strides: number[] = [];
  let stride = 1;
  for (const d of shape) {
    strides.push(stride);
    stride *= d;
  }
  for (let row = 0; row < stride; row++) {
    const column = index.reduce((sum, i, axis) => sum + i * strides[axis]!, 0);
    const [from, to] = fromColumns ? [column, row] : [row, column];
    for (let k = 0; k < width; k++) out[to * width + k] = bytes[from * width + k]!;
    for (let axis = rank - 1; axis >= 0; axis--) {
      if (++index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
  return out;
};
