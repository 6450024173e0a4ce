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
 * Writes arrays to a file: NumPy's formats for paths that end in `.npy` (one array) and `.npz` (several), safetensors for
 * `.safetensors`, else MXNet's list of arrays. The file appears whole or not at all.
 *
 * @example
 * await nd.save('arrays.npz', { weight: nd.ones([2, 3]), bias: nd.zeros([3]) });
 */
export const save: Module['save'] = async (path, given) => (await formats()).save(path, given);
/**
 * The bytes that `nd.save` writes, for where there are no files. Formats: `params` (MXNet's list), `npy`, `npz`,
 * `safetensors`.
 *
 * @example
 * const bytes = await nd.serialize(nd.array([1, 2]), 'npy');
 * await nd.load(bytes);   // [1, 2]
 */
export const serialize: Module['serialize'] = async (given, format) =>
  (await formats()).serialize(given, format);
/**
 * Reads arrays from a path or from the bytes of a file, whichever of those formats it is: one array from `.npy`, a list
 * from MXNet's files without names, else arrays by name.
 *
 * @example
 * const bytes = await nd.serialize({ x: nd.array([1, 2]) }, 'params');
 * const { x } = await nd.load(bytes) as Record<string, nd.NDArray>;
 * x;   // [1, 2]
 */
export const load: Module['load'] = async (source, options) =>
  (await formats()).load(source, options);
