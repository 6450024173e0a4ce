/**
 * NumPy's `.npz`: named arrays, each a `.npy` file, in a ZIP archive.
 *
 * Invariant: names are those of the arrays, without `.npy`; the same arrays in the same order give the same bytes.
 */
import { TigonError } from '../../ir/errors.ts';
import { joinedBytes } from '../bytes.ts';
import { checkOptions } from '../options.ts';
import { bytesFrom, type Source, writeFile } from './files.ts';
import { checkBytes, checkPairs, checkTensor } from './given.ts';
import { decode as decodeNpy, encode as encodeNpy, type NpyArray } from './npy.ts';
import type { TensorBytes } from './safetensors.ts';
import { unzip, zip } from './zip.ts';

export interface NpzOptions {
  /** Deflate the arrays, as `numpy.savez_compressed`. Default false. */
  readonly compress?: boolean;
}

/**
 * The bytes of a `.npz` file. Arrays of any shape, as `{ dtype, shape, bytes }`, each with its name; any dtype that
 * NumPy has.
 *
 * @throws {ValueError} for names that are empty or there twice, and unless there are pairs of names and stored arrays
 * @throws {DTypeError} for bfloat16, and for names that are no dtypes
 * @throws {ShapeError} for bytes that do not fill the shape
 *
 * @example const parts = npz.encode([['a', { dtype: 'uint8', shape: [2], bytes: new Uint8Array([1, 2]) }]]);
 */
export const encode = (
  tensors: Iterable<readonly [string, TensorBytes]>,
  options: NpzOptions = {},
): Uint8Array => {
  checkOptions('npz', options, ['compress']);
  const files = new Map<string, Uint8Array>();
  for (const [name, tensor] of checkPairs('npz', tensors)) {
    if (name === '' || files.has(`${name}.npy`))
      throw new TigonError('value', `npz: the name "${name}" is empty or taken twice`);
    checkTensor(`npz: "${name}"`, tensor);
    files.set(`${name}.npy`, joinedBytes(encodeNpy(tensor)));
  }
  return zip(files, options.compress ?? false);
};

/**
 * Reads a `.npz` file from memory: arrays of any shape and dtype by name, as `{ dtype, shape, bytes }`.
 *
 * @throws {DataError} that names `name` and the array, for what is damaged or another format
 * @throws {ValueError} if `file` is no Uint8Array
 *
 * @example
 * const arrays = npz.decode(await nd.serialize({ a: nd.ones([2]) }, 'npz'));
 * arrays.get('a')!.shape;   // [2]
 */
export const decode = (file: Uint8Array, name = 'npz'): Map<string, NpyArray> => {
  const tensors = new Map<string, NpyArray>();
  for (const [path, bytes] of unzip(checkBytes(name, file), name)) {
    if (!path.endsWith('.npy'))
      throw new TigonError(
        'data',
        `${name}: "${path}" is no array`,
        'a .npz file holds .npy files',
      );
    tensors.set(path.slice(0, -4), decodeNpy(bytes, `${name}: ${path}`));
  }
  return tensors;
};

/**
 * Reads a `.npz` file from a path or from its bytes, as {@link decode}: arrays of any shape and dtype by name.
 *
 * @throws {FileError} for a path that cannot be read (all as a rejected promise)
 * @throws {DataError} for what is damaged or another format
 * @throws {ValueError} if `source` is neither path nor bytes
 *
 * @example
 * const arrays = await readNpz(await nd.serialize({ a: nd.ones([2]) }, 'npz'));
 * [...arrays.keys()];   // ['a']
 */
export const readNpz = async (source: Source): Promise<Map<string, NpyArray>> => {
  const { bytes, name } = await bytesFrom(source, 'npz');
  return decode(bytes, name);
};

/**
 * Writes a `.npz` file; the file appears whole or not at all. Arrays of any shape, each with its name; any dtype that
 * NumPy has.
 *
 * @throws {FileError} for a path that cannot be written (as a rejected promise)
 * @throws {ValueError} and what else {@link encode} refuses, at once
 *
 * @example await writeNpz('arrays.npz', [['a', { dtype: 'uint8', shape: [2], bytes: new Uint8Array([1, 2]) }]]);
 */
export const writeNpz = (
  path: string,
  tensors: Iterable<readonly [string, TensorBytes]>,
  options: NpzOptions = {},
): Promise<void> => writeFile(path, [encode(tensors, options)]);
