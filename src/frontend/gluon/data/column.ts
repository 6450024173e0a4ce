/**
 * One column of a dataset: samples that are alike, and batches gathered from them.
 *
 * Invariant: `gather(indices)` equals the stack of `at(i)` over the indices; typed arrays stay in host memory and cost
 * a copy of the rows that are asked for, NDArrays are gathered where they live.
 */
import type { DType } from '../../../ir/dtype.ts';
import { type Shape, tensor } from '../../../ir/type.ts';
import type { Device } from '../../../runtime/device.ts';
import { failure } from '../../callsite.ts';
import { array, type Nested } from '../../nd/creation.ts';
import { type AnyTypedArray, type TypedArray, upload } from '../../nd/filled.ts';
import { at, take } from '../../nd/indexing.ts';
import { isNDArray, type NDArray } from '../../ndarray.ts';

export interface Column {
  readonly length: number;
  at(index: number, device: Device): NDArray;
  gather(indices: Int32Array, device: Device): NDArray;
}

const sampleBytes = (shape: Shape): number => shape.reduce((n, d) => n * d, 1);

/** Samples of `shape`, row after row in a typed array. */
export const hostColumn = (values: TypedArray, shape: Shape, dtype: DType): Column => {
  const size = sampleBytes(shape);
  const gather = (indices: Int32Array): TypedArray => {
    const rows = new (values.constructor as new (count: number) => TypedArray)(
      indices.length * size,
    );
    for (let i = 0; i < indices.length; i++) {
      const from = indices[i]! * size;
      rows.set(values.subarray(from, from + size), i * size);
    }
    return rows;
  };
  return {
    length: size === 0 ? 0 : values.length / size,
    at: (index, device) =>
      upload(tensor(dtype, shape), gather(Int32Array.of(index)), device, 'sample'),
    gather: (indices, device) =>
      upload(tensor(dtype, [indices.length, ...shape]), gather(indices), device, 'batch'),
  };
};

/** Samples of bytes that stand for the numbers `byte / 255`, float32. */
export const byteColumn = (values: Uint8Array, shape: Shape): Column => {
  const size = sampleBytes(shape);
  const table = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);
  const gather = (indices: Int32Array): Float32Array => {
    const rows = new Float32Array(indices.length * size);
    let to = 0;
    for (let i = 0; i < indices.length; i++) {
      const from = indices[i]! * size;
      for (let k = from; k < from + size; k++) rows[to++] = table[values[k]!]!;
    }
    return rows;
  };
  return {
    length: size === 0 ? 0 : values.length / size,
    at: (index, device) =>
      upload(tensor('float32', shape), gather(Int32Array.of(index)), device, 'sample'),
    gather: (indices, device) =>
      upload(tensor('float32', [indices.length, ...shape]), gather(indices), device, 'batch'),
  };
};

/** The rows of an NDArray, on its own device. */
const arrayColumn = (x: NDArray): Column => ({
  length: x.shape[0]!,
  at: (index) => at(x, index),
  gather: (indices) => {
    const positions = upload(tensor('int32', [indices.length]), indices, x.device, 'indices');
    const rows = take(x, positions);
    positions.dispose();
    return rows;
  },
});

/** What a dataset can be made of: arrays whose first axis counts samples. */
export type ColumnSource = NDArray | AnyTypedArray | readonly Nested[];

/** The column that `source` means. Typed arrays and nested arrays follow the rules of `nd.array`. */
export const columnOf = (where: string, source: ColumnSource): Column => {
  if (isNDArray(source)) {
    if (source.ndim > 0) return arrayColumn(source);
    throw failure('shape', `${where}: an array without axes has no samples`);
  }
  if (ArrayBuffer.isView(source) || Array.isArray(source)) return arrayColumn(array(source));
  throw failure(
    'value',
    `${where}: ${String(source)} is not an array`,
    'pass NDArrays, typed arrays or nested arrays, one for each column: new ArrayDataset(x, y)',
  );
};
