/**
 * Element types of files: those that arrays have, and those that are converted when they are read.
 *
 * Invariant: what is converted fits, or the error names the first element that does not; fractions of 64 bits are rounded
 * to float32. Bytes come out little-endian, in memory of their own.
 */
import type { DType } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { Shape } from '../../ir/type.ts';
import type { TensorBytes } from './safetensors.ts';

interface Row {
  readonly bytes: number;
  readonly dtype: DType;
  /** Reads the element at a byte, where it must be converted. */
  readonly read?: (view: DataView, at: number) => number;
}

/** Element types that files may have. */
export type StoredType = DType | ('uint16' | 'uint64' | 'int8' | 'int16' | 'int64' | 'float64');

const rows: Readonly<Record<StoredType, Row>> = {
  bool: { bytes: 1, dtype: 'bool', read: (v, at) => +(v.getUint8(at) !== 0) },
  uint8: { bytes: 1, dtype: 'uint8' },
  uint16: { bytes: 2, dtype: 'int32', read: (v, at) => v.getUint16(at, true) },
  uint32: { bytes: 4, dtype: 'uint32' },
  uint64: { bytes: 8, dtype: 'uint32', read: (v, at) => Number(v.getBigUint64(at, true)) },
  int8: { bytes: 1, dtype: 'int32', read: (v, at) => v.getInt8(at) },
  int16: { bytes: 2, dtype: 'int32', read: (v, at) => v.getInt16(at, true) },
  int32: { bytes: 4, dtype: 'int32' },
  int64: { bytes: 8, dtype: 'int32', read: (v, at) => Number(v.getBigInt64(at, true)) },
  float16: { bytes: 2, dtype: 'float16' },
  bfloat16: { bytes: 2, dtype: 'bfloat16' },
  float32: { bytes: 4, dtype: 'float32' },
  float64: { bytes: 8, dtype: 'float32', read: (v, at) => v.getFloat64(at, true) },
};

export const storedBytes = (type: StoredType): number => rows[type].bytes;

const hostOf = (
  dtype: DType,
  count: number,
):
  | Float32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer> => {
  if (dtype === 'float32') return new Float32Array(count);
  if (dtype === 'bool') return new Uint8Array(count);
  return dtype === 'uint32' ? new Uint32Array(count) : new Int32Array(count);
};

/** The array that little-endian bytes of a stored type are. `name` says where they are from, for errors. */
export const fromStored = (
  type: StoredType,
  shape: Shape,
  bytes: Uint8Array,
  name: string,
): TensorBytes => {
  const row: Row = rows[type];
  if (row.read === undefined) return { dtype: row.dtype, shape, bytes: bytes.slice() };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.byteLength / row.bytes;
  const out = hostOf(row.dtype, count);
  for (let i = 0; i < count; i++) {
    const value = row.read(view, i * row.bytes);
    out[i] = value;
    if (row.dtype !== 'float32' && out[i] !== value)
      throw new TigonError(
        'value',
        `${name}: element ${i} (${type}) is ${value}, which does not fit ${row.dtype}`,
        'arrays hold no integers of 64 bits: convert the file first, to float64 for example',
      );
  }
  return { dtype: row.dtype, shape, bytes: new Uint8Array(out.buffer) };
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
