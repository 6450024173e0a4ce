/**
 * Reading values: device memory to typed arrays, nested arrays and numbers.
 *
 * Invariant: what is returned is a copy that later work cannot change; every awaited read gives the memory pool a turn.
 */
import { fromBfloatBits } from '../ir/bfloat.ts';
import type { DType } from '../ir/dtype.ts';
import { fromHalfBits } from '../ir/half.ts';
import { showType } from '../ir/type.ts';
import { contiguous } from './callable.ts';
import { failure } from './callsite.ts';
import type { TypedArray } from './nd/filled.ts';
import { type NDArray, storageOf } from './ndarray.ts';

/** Numbers in nested arrays, as deep as the array has axes; booleans for bool. */
export type Values = number | boolean | Values[];

const decode = (bytes: Uint8Array, dtype: DType): TypedArray => {
  // A device may give a view: only bytes that fill their buffer can be handed out as they are.
  const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
  const { buffer } = own;
  switch (dtype) {
    case 'float32':
      return new Float32Array(buffer);
    case 'int32':
      return new Int32Array(buffer);
    case 'uint32':
      return new Uint32Array(buffer);
    case 'uint8':
    case 'bool':
      return new Uint8Array(buffer);
    case 'float16':
      return Float32Array.from(new Uint16Array(buffer), fromHalfBits);
    case 'bfloat16':
      return Float32Array.from(new Uint16Array(buffer), fromBfloatBits);
    default:
      return dtype satisfies never;
  }
};

/** The elements in row-major order. */
export const data = async (x: NDArray): Promise<TypedArray> => {
  storageOf(x, 'data');
  const dense = contiguous(x);
  const { device } = dense;
  const bytes = await device.read(storageOf(dense, 'data'), dense.offset, dense.layout.bytes);
  const values = decode(bytes, x.dtype);
  if (dense !== x) dense.dispose();
  await device.relieve();
  return values;
};

/** The elements now, where the device allows it. */
export const dataSync = (x: NDArray): TypedArray => {
  storageOf(x, 'dataSync');
  const values = peek(x);
  if (values === undefined)
    throw failure(
      'device',
      `dataSync: ${x.device.name} cannot be read synchronously`,
      'use `await x.data()`',
    );
  return values;
};

/**
 * The elements where the host can see them without waiting, else undefined. For a look at once: later work may change
 * them.
 */
export const peek = (x: NDArray): TypedArray | undefined => {
  // nothing is copied together for a device that will not show it
  if (x.storage === undefined || x.device.readSync(x.storage, 0, 0) === undefined) return undefined;
  const dense = contiguous(x);
  const { device, storage } = dense;
  const bytes =
    storage === undefined ? undefined : device.readSync(storage, dense.offset, dense.layout.bytes);
  if (dense !== x) dense.dispose();
  return bytes === undefined ? undefined : decode(bytes, x.dtype);
};

/** Flat values as nested arrays. */
export const nest = (flat: TypedArray, shape: readonly number[], dtype: DType): Values => {
  let position = 0;
  const level = (axis: number): Values => {
    if (axis === shape.length) {
      const value = flat[position++]!;
      return dtype === 'bool' ? value !== 0 : value;
    }
    return Array.from({ length: shape[axis]! }, () => level(axis + 1));
  };
  return level(0);
};

/** The one element of an array of size 1, which the caller has checked. */
export const single = (x: NDArray, where: string): void => {
  if (x.size === 1) return;
  throw failure(
    'shape',
    `${where}: ${showType(x.type)} has ${x.size} elements, not 1`,
    'reduce it first, or read all with `await x.array()`',
  );
};
