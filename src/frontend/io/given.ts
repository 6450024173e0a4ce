/**
 * What callers give to be written or read, checked before a byte is looked at.
 *
 * Invariant: what passes here can be encoded: known dtypes, as many bytes as the shape needs, pairs of names and arrays.
 */
import { bytesOf, DTYPES } from '../../ir/dtype.ts';
import { failure } from '../callsite.ts';
import { nearest, shown } from '../options.ts';
import type { TensorBytes } from './safetensors.ts';

/** The bytes of `tensor`, `{ dtype, shape, bytes }`. Throws unless they fill its shape; `what` names it. */
export const checkTensor = (what: string, tensor: TensorBytes): Uint8Array => {
  const { dtype, shape, bytes } = tensor ?? {};
  if (!Array.isArray(shape) || !(bytes instanceof Uint8Array))
    throw failure(
      'value',
      `${what}: ${shown(tensor)} is no stored array`,
      'pass { dtype, shape, bytes }; nd.save and nd.serialize take NDArrays',
    );
  if (!DTYPES.includes(dtype))
    throw failure(
      'dtype',
      `${what}: dtype is ${shown(dtype)}`,
      `use "${nearest(String(dtype), DTYPES) ?? 'float32'}"`,
    );
  const needed = shape.reduce((n, d) => n * d, 1) * bytesOf(dtype);
  if (bytes.byteLength === needed) return bytes;
  throw failure(
    'shape',
    `${what} has ${bytes.byteLength} bytes, ${dtype} [${shape.join(', ')}] needs ${needed}`,
  );
};

/** Throws unless `tensors` are pairs of names and arrays. */
export const checkPairs = <T>(what: string, tensors: Iterable<T>): Iterable<T> => {
  if (typeof tensors?.[Symbol.iterator] === 'function') return tensors;
  throw failure(
    'value',
    `${what}: the arrays are ${shown(tensors)}`,
    'pass pairs of names and arrays, or a Map: [["weight", tensor]]',
  );
};

/** Throws unless `file` is bytes. */
export const checkBytes = (what: string, file: Uint8Array): Uint8Array => {
  if (file instanceof Uint8Array) return file;
  throw failure('value', `${what}: ${shown(file)} is no bytes`, 'pass a Uint8Array');
};
