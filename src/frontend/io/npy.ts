/**
 * NumPy's `.npy`: one array, as a magic, a header that is a Python dictionary, and the elements.
 *
 * Invariant: decoding checks every length before it touches a byte, so a damaged file gives an error that names it;
 * encoding writes what `numpy.save` writes, byte for byte (version 1.0, the header padded to 64 bytes).
 */
import { bytesOf, type DType } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { Shape } from '../../ir/type.ts';
import { checkChoice, checkOptions } from '../options.ts';
import { bytesFrom, type Source, writeFile } from './files.ts';
import { checkBytes, checkTensor } from './given.ts';
import type { TensorBytes } from './safetensors.ts';
import { fromStored, reorder, swapBytes } from './stored.ts';

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/**
 * True for bytes that begin as this format does, whatever array (shape, dtype) follows.
 *
 * @throws {ValueError} if `bytes` is no Uint8Array
 *
 * @example npy.isNpy(await nd.serialize(nd.ones([2]), 'npy'));   // true
 */
export const isNpy = (bytes: Uint8Array): boolean => {
  checkBytes('npy', bytes);
  return MAGIC.every((b, i) => bytes[i] === b);
};

/** What NumPy calls our dtypes; it has no bfloat16. */
const DESCRIPTIONS: Readonly<Record<DType, string | undefined>> = {
  bool: '|b1',
  uint8: '|u1',
  int8: '|i1',
  int16: '<i2',
  uint16: '<u2',
  int64: '<i8',
  uint64: '<u8',
  float64: '<f8',
  uint32: '<u4',
  int32: '<i4',
  float16: '<f2',
  bfloat16: undefined,
  float32: '<f4',
};
const TYPES: Readonly<Record<string, DType>> = {
  b1: 'bool',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
};
const REFUSED: Readonly<Record<string, string>> = {
  c: 'complex numbers',
  O: 'Python objects, which are programs and not data',
  S: 'texts',
  U: 'texts',
  a: 'texts',
  V: 'records',
  M: 'dates',
  m: 'durations',
  f: 'floats of more than 64 bits',
};

/** Digits that NumPy leaves room for. */
const GROWTH = 21;

export interface NpyOptions {
  /** `F`: column after column, as Fortran does. Default `C`: row after row. */
  readonly order?: 'C' | 'F';
}

/**
 * The bytes of a `.npy` file, in parts that are written one after the other. An array of any shape, as `{ dtype, shape,
 * bytes }`; any dtype that NumPy has.
 *
 * @throws {DTypeError} for bfloat16, and for names that are no dtypes
 * @throws {ShapeError} for bytes that do not fill the shape
 * @throws {ValueError} for what is no stored array
 * @throws {OptionError} for another `order`
 *
 * @example const parts = npy.encode({ dtype: 'uint8', shape: [2], bytes: new Uint8Array([1, 2]) });
 */
export const encode = (tensor: TensorBytes, options: NpyOptions = {}): Uint8Array[] => {
  checkOptions('npy', options, ['order']);
  checkChoice('npy', 'order', options.order ?? 'C', ['C', 'F']);
  const bytes = checkTensor('npy: the array', tensor);
  const { dtype, shape } = tensor;
  const description = DESCRIPTIONS[dtype];
  if (description === undefined)
    throw new TigonError(
      'dtype',
      `npy: NumPy has no ${dtype}`,
      "convert first: x.astype('float32') holds it exactly",
    );
  // where both orders are the same, it is rows
  const columns =
    options.order === 'F' && bytes.length > 0 && shape.filter((d) => d !== 1).length > 1;
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const header = `{'descr': '${description}', 'fortran_order': ${columns ? 'True' : 'False'}, 'shape': (${axes}), }`;
  // room for the axis that grows, and at least one space, as NumPy leaves them
  const growing = shape[columns ? shape.length - 1 : 0];
  const room = growing === undefined ? 0 : GROWTH - String(growing).length;
  const length = (Math.floor((10 + header.length + room + 1) / 64) + 1) * 64;
  const head = new Uint8Array(length).fill(0x20);
  head.set([...MAGIC, 1, 0]);
  new DataView(head.buffer).setUint16(8, length - 10, true);
  head.set(new TextEncoder().encode(header), 10);
  head[length - 1] = 0x0a;
  return [head, columns ? reorder(bytes, shape, bytesOf(dtype), false) : bytes];
};

type Fail = (rule: string, help?: string) => never;

interface Header {
  readonly type: DType;
  readonly swapped: boolean;
  readonly columns: boolean;
  readonly shape: Shape;
}

const DICTIONARY =
  /^\{\s*(?:'(?:descr|fortran_order|shape)':\s*(?:'[^']*'|True|False|\([\d,\sL]*\)|\[.*\])\s*,?\s*){3}\}\s*$/s;

const parseHeader = (text: string, fail: Fail): Header => {
  if (!DICTIONARY.test(text)) fail('the header is not the dictionary that NumPy writes');
  const description = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  if (description === undefined)
    return fail('it holds records', 'save the fields as arrays of their own');
  const columns = /'fortran_order':\s*True/.test(text);
  const axes = /'shape':\s*\(([\d,\sL]*)\)/.exec(text)?.[1];
  if (axes === undefined) return fail('the header has no shape');
  const shape = axes
    .split(',')
    .map((d) => d.replace('L', '').trim())
    .filter((d) => d !== '')
    .map(Number);
  if (!shape.every(Number.isSafeInteger)) fail(`the shape (${axes}) is out of reason`);
  const order = description[0]!;
  const code = '<>|='.includes(order) ? description.slice(1) : description;
  const type = Object.hasOwn(TYPES, code) ? TYPES[code] : undefined;
  if (type === undefined)
    return fail(
      `it holds ${REFUSED[code[0] ?? ''] ?? 'elements'} ('${description}')`,
      'save numbers or booleans of up to 64 bits',
    );
  return { type, swapped: order === '>', columns, shape };
};

/** An array from a `.npy` file. */
export type NpyArray = TensorBytes;

/**
 * Reads a `.npy` file from memory, versions 1 to 3, either byte order, rows or columns first: an array of any shape and
 * of booleans, integers or floats, as `{ dtype, shape, bytes }`.
 *
 * @throws {DataError} that names `name`, for what is damaged or another format, and for elements of other kinds
 * @throws {ValueError} if `file` is no Uint8Array
 *
 * @example
 * const { shape, dtype } = npy.decode(await nd.serialize(nd.ones([2]), 'npy'));
 * shape;   // [2]
 * dtype;   // 'float32'
 */
export const decode = (file: Uint8Array, name = 'npy'): NpyArray => {
  const fail: Fail = (rule, help) => {
    throw new TigonError(
      'data',
      `${name}: not a readable .npy file: ${rule}`,
      help ?? 'the file is damaged, was cut off, or has another format',
    );
  };
  if (!isNpy(checkBytes(name, file))) fail('it does not begin with \\x93NUMPY');
  if (file.byteLength < 12) fail(`${file.byteLength} bytes are too few for a header`);
  const version = file[6]!;
  if (version < 1 || version > 3) fail(`version ${version} is unknown`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const [begin, length] =
    version === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  const end = begin + length;
  if (end > file.byteLength)
    fail(`the header says ${length} bytes, the file has ${file.byteLength - begin} after it`);
  const text = new TextDecoder(version === 3 ? 'utf-8' : 'latin1').decode(
    file.subarray(begin, end),
  );
  const { type, swapped, columns, shape } = parseHeader(text, fail);
  const width = bytesOf(type);
  const size = shape.reduce((n, d) => n * d, 1) * width;
  if (size !== file.byteLength - end)
    fail(`${type} [${shape.join(', ')}] is ${size} bytes, the file has ${file.byteLength - end}`);
  let bytes: Uint8Array = file.subarray(end);
  if (columns && shape.length > 1) bytes = reorder(bytes, shape, width, true);
  if (swapped && width > 1) {
    bytes = bytes.slice();
    swapBytes(bytes, width);
  }
  return fromStored(type, shape, bytes);
};

/**
 * Reads a `.npy` file from a path or from its bytes, as {@link decode}: an array of any shape and dtype.
 *
 * @throws {FileError} for a path that cannot be read (all as a rejected promise)
 * @throws {DataError} for what is damaged or another format, and for elements of other kinds
 * @throws {ValueError} if `source` is neither path nor bytes
 *
 * @example
 * const { shape } = await readNpy(await nd.serialize(nd.ones([2]), 'npy'));
 * shape;   // [2]
 */
export const readNpy = async (source: Source): Promise<NpyArray> => {
  const { bytes, name } = await bytesFrom(source, 'npy');
  return decode(bytes, name);
};

/**
 * Writes a `.npy` file; the file appears whole or not at all. An array of any shape; any dtype that NumPy has.
 *
 * @throws {FileError} for a path that cannot be written (as a rejected promise)
 * @throws {DTypeError} for bfloat16, and what else {@link encode} refuses, at once
 *
 * @example await writeNpy('bytes.npy', { dtype: 'uint8', shape: [2], bytes: new Uint8Array([1, 2]) });
 */
export const writeNpy = (
  path: string,
  tensor: TensorBytes,
  options: NpyOptions = {},
): Promise<void> => writeFile(path, encode(tensor, options));
