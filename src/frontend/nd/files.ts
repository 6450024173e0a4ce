/**
 * Arrays to files and back: what `nd` has of it. The formats are loaded when they are first used.
 *
 * Invariant: does nothing of its own; see io/arrays.ts.
 */
import type * as arrays from '../io/arrays.ts';

export type { ArrayFormat, Arrays, LoadedArrays, LoadOptions } from '../io/arrays.ts';

type Module = typeof arrays;
const formats = (): Promise<Module> => import('../io/arrays.ts');

/**
 * Writes arrays to a file: NumPy's formats for paths that end in `.npy` (one array) and `.npz` (several; without names
 * `arr_0`, `arr_1`, ...), safetensors for `.safetensors`, else MXNet's list of arrays. The file appears whole or not at
 * all; folders that are missing are made. Any shapes and dtypes; NumPy has no bfloat16.
 *
 * @throws {ValueError} for what is no array, several arrays in `.npy`, arrays without names in `.safetensors`
 * @throws {DTypeError} for bfloat16 in `.npy` and `.npz`
 * @throws {FileError} when the file cannot be written
 *
 * @example
 * await nd.save('arrays.npz', { weight: nd.ones([2, 3]), bias: nd.zeros([3]) });
 */
export const save: Module['save'] = async (path, given) => (await formats()).save(path, given);
/**
 * The bytes that `nd.save` writes, for where there are no files. Formats: `params` (MXNet's list), `npy`, `npz`,
 * `safetensors`. Any shapes and dtypes; NumPy has no bfloat16.
 *
 * @throws {ValueError} for what is no array, several arrays as `npy`, arrays without names as `safetensors`
 * @throws {DTypeError} for bfloat16 as `npy` and `npz`
 * @throws {OptionError} for another format
 *
 * @example
 * const bytes = await nd.serialize(nd.array([1, 2]), 'npy');
 * await nd.load(bytes);   // [1, 2]
 */
export const serialize: Module['serialize'] = async (given, format) =>
  (await formats()).serialize(given, format);
/**
 * Reads arrays from a path or from the bytes of a file, whichever of those formats it is: one array from `.npy`, a list
 * from MXNet's files without names, else arrays by name. Shapes and dtypes are those of the file; on devices without
 * 64-bit elements (WebGPU) float64 becomes float32, int64 and uint64 become int32 and uint32 where they fit.
 *
 * @throws {FileError} when the file cannot be read
 * @throws {DataError} when it is damaged, or of no known format
 * @throws {ValueError} unless the source is a path or bytes
 *
 * @example
 * const bytes = await nd.serialize({ x: nd.array([1, 2]) }, 'params');
 * const { x } = await nd.load(bytes) as Record<string, nd.NDArray>;
 * x;   // [1, 2]
 */
export const load: Module['load'] = async (source, options) =>
  (await formats()).load(source, options);
