/**
 * Arrays to files and back: `nd.save` and `nd.load`, whatever the format.
 *
 * Invariant: what a file is, is told by how it begins; what to write, by the ending of the path or by name. A file appears
 * whole or not at all, and arrays are made only when the whole file was read.
 */
import { type TensorType, tensor } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import { joinedBytes } from '../bytes.ts';
import { contiguous } from '../callable.ts';
import { failure } from '../callsite.ts';
import { defaultDevice } from '../default-device.ts';
import { upload } from '../nd/filled.ts';
import { isNDArray, type NDArray, storageOf } from '../ndarray.ts';
import { checkChoice, checkOptions, shown } from '../options.ts';
import { bytesFrom, type Source, writeFile } from './files.ts';
import { decode as decodeMxnet, encode as encodeMxnet, isMxnet } from './mxnet.ts';
import { decode as decodeNpy, encode as encodeNpy, isNpy } from './npy.ts';
import { decode as decodeNpz, encode as encodeNpz } from './npz.ts';
import {
  decode as decodeSafetensors,
  encode as encodeSafetensors,
  type TensorBytes,
} from './safetensors.ts';
import { fitting } from './stored.ts';
import { isZip } from './zip.ts';

const FORMATS = ['params', 'npy', 'npz', 'safetensors'] as const;
/** `params`: MXNet's list of arrays. */
export type ArrayFormat = (typeof FORMATS)[number];
/** One array, a list, or arrays by name. */
export type Arrays =
  | NDArray
  | readonly NDArray[]
  | Readonly<Record<string, NDArray>>
  | ReadonlyMap<string, NDArray>;
/** What a file holds: `.npy` one array, MXNet's files a list when they have no names, others arrays by name. */
export type LoadedArrays = NDArray | NDArray[] | Record<string, NDArray>;

/** The elements of `x`, row-major. */
export const tensorOf = async (x: NDArray, where: string): Promise<TensorBytes> => {
  const dense = contiguous(x);
  const { device, offset, layout } = dense;
  const bytes = await device.read(storageOf(dense, where), offset, layout.bytes);
  return { dtype: x.dtype, shape: x.shape, bytes: bytes.slice() };
};

interface Listed {
  readonly names: readonly string[] | undefined;
  readonly arrays: readonly NDArray[];
}

const listed = (where: string, arrays: Arrays): Listed => {
  if (isNDArray(arrays)) return { names: undefined, arrays: [arrays] };
  const named =
    arrays instanceof Map
      ? [...(arrays as ReadonlyMap<string, NDArray>)]
      : Array.isArray(arrays)
        ? undefined
        : typeof arrays === 'object' && arrays !== null
          ? Object.entries(arrays)
          : undefined;
  const list: readonly unknown[] | undefined =
    named?.map(([, x]) => x) ?? (Array.isArray(arrays) ? arrays : undefined);
  const odd = list?.findIndex((x) => !isNDArray(x)) ?? 0;
  if (list === undefined || odd >= 0)
    throw failure(
      'value',
      list === undefined
        ? `${where}: ${shown(arrays)} is no array`
        : `${where}: ${named === undefined ? `item ${odd}` : `"${named[odd]![0]}"`} is ${shown(list[odd])}, not an NDArray`,
      'pass an array, a list of arrays, or arrays by name: { weight, bias }',
    );
  return { names: named?.map(([name]) => name), arrays: list as readonly NDArray[] };
};

const encoded = (
  format: ArrayFormat,
  names: readonly string[] | undefined,
  tensors: readonly TensorBytes[],
  where: string,
): Uint8Array[] => {
  const named = (fallback: string): [string, TensorBytes][] =>
    tensors.map((t, i) => [names?.[i] ?? `${fallback}${i}`, t]);
  switch (format) {
    case 'params':
      return encodeMxnet({ tensors, names: names ?? [] });
    case 'npy':
      if (tensors.length === 1 && names === undefined) return encodeNpy(tensors[0]!);
      throw failure(
        'value',
        `${where}: a .npy file holds one array, not ${tensors.length}${names === undefined ? '' : ' with names'}`,
        'write a .npz file, which holds several',
      );
    case 'npz':
      return [encodeNpz(named('arr_'))];
    case 'safetensors':
      if (names !== undefined) return encodeSafetensors(named(''));
      throw failure(
        'value',
        `${where}: arrays in a safetensors file have names`,
        'pass arrays by name: { weight, bias }',
      );
    default:
      return format satisfies never;
  }
};

const partsOf = async (
  where: string,
  arrays: Arrays,
  format: ArrayFormat,
): Promise<Uint8Array[]> => {
  const { names, arrays: list } = listed(where, arrays);
  const tensors = await Promise.all(list.map((x) => tensorOf(x, where)));
  return encoded(format, names, tensors, where);
};

/** MXNet's users give files any ending: what is not another format's is theirs. */
const formatOf = (path: string): ArrayFormat =>
  FORMATS.find((format) => path.toLowerCase().endsWith(`.${format}`)) ?? 'params';

/**
 * Writes arrays to a file: NumPy's formats for paths that end in `.npy` (one array) and `.npz` (several; without names
 * `arr_0`, `arr_1`, ...), safetensors for `.safetensors`, else MXNet's list. The file appears whole or not at all. Any
 * shapes and dtypes that the format has.
 *
 * @throws {ValueError} for what is no array, a path that is no text, several arrays or names for `.npy`, and none for
 *   `.safetensors`
 * @throws {DTypeError} for bfloat16 in NumPy's formats
 * @throws {FileError} for a path that cannot be written
 *
 * @example
 * await nd.save('arrays.npz', { weight: nd.ones([2, 3]), bias: nd.zeros([3]) });
 */
export const save = async (path: string, arrays: Arrays): Promise<void> => {
  if (typeof path !== 'string')
    throw failure(
      'value',
      `nd.save: the path is ${shown(path)}`,
      'pass a path and arrays: nd.save(path, arrays); nd.serialize(arrays, format) gives bytes',
    );
  await writeFile(path, await partsOf('nd.save', arrays, formatOf(path)));
};

/**
 * The bytes that `nd.save` writes, for where there are no files: any shapes and dtypes. `format`: as the endings of
 * paths.
 *
 * @throws {ValueError} and {DTypeError}, as {@link save}
 * @throws {OptionError} for another `format`
 */
export const serialize = async (arrays: Arrays, format: ArrayFormat): Promise<Uint8Array> => {
  checkChoice('nd.serialize', 'format', format, FORMATS);
  return joinedBytes(await partsOf('nd.serialize', arrays, format));
};

const arrayOf = (given: TensorBytes, device: Device, name: string): NDArray => {
  const { dtype, shape, bytes } = fitting(device, given, name);
  const type: TensorType = tensor(dtype, shape);
  return upload(type, bytes, device, 'nd.load');
};

const byName = (
  tensors: Iterable<readonly [string, TensorBytes]>,
  device: Device,
): Record<string, NDArray> => {
  const found: Record<string, NDArray> = Object.create(null);
  for (const [name, t] of [...tensors]) found[name] = arrayOf(t, device, `nd.load: "${name}"`);
  return found;
};

export interface LoadOptions {
  /** Where the arrays are made. Default: `device.default()`. */
  readonly device?: Device;
}

/**
 * Reads arrays of any shape and dtype from a path or from the bytes of a file: `.npy`, `.npz`, safetensors or MXNet's
 * list, whichever it is. On devices without 64-bit elements (WebGPU) float64 becomes float32, int64 and uint64 become
 * int32 and uint32 where they fit.
 *
 * @throws {FileError} for a path that cannot be read
 * @throws {DataError} for what is damaged or another format
 * @throws {ValueError} if `source` is neither path nor bytes, and for integers that do not fit
 *
 * @example
 * const bytes = await nd.serialize([nd.array([1, 2])], 'params');
 * const [x] = await nd.load(bytes);   // x: [1, 2]
 */
export const load = async (source: Source, options: LoadOptions = {}): Promise<LoadedArrays> => {
  checkOptions('nd.load', options, ['device']);
  const device = options.device ?? defaultDevice();
  const { bytes, name } = await bytesFrom(source, 'nd.load');
  if (isNpy(bytes)) return arrayOf(decodeNpy(bytes, name), device, name);
  if (isZip(bytes)) return byName(decodeNpz(bytes, name), device);
  if (!isMxnet(bytes)) return byName(decodeSafetensors(bytes, name).tensors, device);
  const { tensors, names } = decodeMxnet(bytes, name);
  if (names.length === 0) return tensors.map((t, i) => arrayOf(t, device, `nd.load: array ${i}`));
  return byName(
    tensors.map((t, i) => [names[i]!, t]),
    device,
  );
};
