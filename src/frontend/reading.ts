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
import type { AnyTypedArray, TypedArray } from './nd/filled.ts';
import { type NDArray, storageOf } from './ndarray.ts';

/** Numbers in nested arrays, as deep as the array has axes; booleans for bool. */
export type Values = number | boolean | Values[];

const decode = (bytes: Uint8Array, dtype: DType): AnyTypedArray => {
  // A device may give a view: only bytes that fill their buffer can be handed out as they are.
  const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
  const { buffer } = own;
  switch (dtype) {
    case 'float32':
      return new Float32Array(buffer);
    case 'float64':
      return new Float64Array(buffer);
    case 'int64':
      return new BigInt64Array(buffer);
    case 'uint64':
      return new BigUint64Array(buffer);
    case 'int8':
      return new Int8Array(buffer);
    case 'int16':
      return new Int16Array(buffer);
    case 'uint16':
      return new Uint16Array(buffer);
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

/** The elements in row-major order: of int64 and uint64 as a `BigInt64Array` or `BigUint64Array`. */
export function data(x: NDArray): Promise<TypedArray>;
export function data<T extends AnyTypedArray>(x: NDArray): Promise<T>;
export async function data(x: NDArray): Promise<AnyTypedArray> {
  storageOf(x, 'data');
  const dense = contiguous(x);
  const { device } = dense;
  const bytes = await device.read(storageOf(dense, 'data'), dense.offset, dense.layout.bytes);
  const values = decode(bytes, x.dtype);
  if (dense !== x) dense.dispose();
  await device.relieve();
  return values;
}

/** The elements now, where the device allows it. */
export function dataSync(x: NDArray): TypedArray;
export function dataSync<T extends AnyTypedArray>(x: NDArray): T;
export function dataSync(x: NDArray): AnyTypedArray {
  storageOf(x, 'dataSync');
  const values = seen(x);
  if (values === undefined)
    throw failure(
      'device',
      `dataSync: ${x.device.name} cannot be read synchronously`,
      'use `await x.data()`',
    );
  return values;
}

/**
 * The elements where the host can see them without waiting, else undefined. For a look at once: later work may change
 * them, and integers of 64 bits come as the nearest numbers.
 */
export const peek = (x: NDArray): TypedArray | undefined => {
  const values = seen(x);
  return values === undefined || !isBig(values) ? values : Float64Array.from(values, Number);
};

const isBig = (values: AnyTypedArray): values is BigInt64Array | BigUint64Array =>
  values instanceof BigInt64Array || values instanceof BigUint64Array;

const seen = (x: NDArray): AnyTypedArray | undefined => {
  // nothing is copied together for a device that will not show it
  if (x.storage === undefined || x.device.readSync(x.storage, 0, 0) === undefined) return undefined;
  const dense = contiguous(x);
  const { device, storage } = dense;
  const bytes =
    storage === undefined ? undefined : device.readSync(storage, dense.offset, dense.layout.bytes);
  if (dense !== x) dense.dispose();
  return bytes === undefined ? undefined : decode(bytes, x.dtype);
};

/** Elements as numbers. Throws where one is an integer that no number holds exactly. */
export const numbers = (values: AnyTypedArray, where: string): TypedArray => {
  if (!isBig(values)) return values;
  return Float64Array.from(values, (value: bigint, i: number) => {
    const n = Number(value);
    if (Number.isSafeInteger(n)) return n;
    throw failure(
      'value',
      `${where}: element ${i} is ${value}, more than a JavaScript number holds exactly (2^53)`,
      'read BigInts: await x.data()',
    );
  });
};

/** Flat values as nested arrays. */
export const nest = (flat: AnyTypedArray, shape: readonly number[], dtype: DType): Values => {
  const values = numbers(flat, 'array');
  let position = 0;
  const level = (axis: number): Values => {
    if (axis === shape.length) {
      const value = values[position++]!;
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
