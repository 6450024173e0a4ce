/**
 * MXNet's file of arrays (`mx.nd.save`, `.params`): a list of arrays, with names or without.
 *
 * Invariant: what MXNet 1.x wrote for dense arrays in memory of the CPU is written again byte for byte; every length is
 * checked before it is used. Little-endian throughout:
 *
 *     u64 0x112, u64 0, u64 count, arrays, u64 names (0 or count), then for each: u64 length, UTF-8
 *     array: u32 magic, i32 storage (0: dense), shape, i32 1, i32 0 (the CPU), i32 type, elements
 *     shape: i32 axes, i64 for each
 *
 * Before magics (version 0) an array began with its number of axes and had u32 sizes; version 1 has no storage. Arrays
 * without axes or without elements are what version 3 (NumPy's shapes) is for.
 */
import { bytesOf, type DType } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { Shape } from '../../ir/type.ts';
import { failure } from '../callsite.ts';
import { checkList, checkOptions, shown } from '../options.ts';
import { bytesFrom, type Source, writeFile } from './files.ts';
import { checkBytes, checkTensor } from './given.ts';
import type { TensorBytes } from './safetensors.ts';
import { fromStored } from './stored.ts';

const LIST = 0x112;
const V1 = 0xf993fac8;
const V2 = 0xf993fac9;
const V3 = 0xf993faca;

/** In the order of their numbers. */
const TYPES: readonly DType[] = [
  'float32',
  'float64',
  'float16',
  'uint8',
  'int32',
  'int8',
  'int64',
  'bool',
  'int16',
  'uint16',
  'uint32',
  'uint64',
  'bfloat16',
];

/**
 * True for bytes that begin as this format does, whatever arrays (shapes, dtypes) follow.
 *
 * @throws {ValueError} if `bytes` is no Uint8Array
 *
 * @example mxnet.isMxnet(await nd.serialize([nd.ones([2])], 'params'));   // true
 */
export const isMxnet = (bytes: Uint8Array): boolean =>
  checkBytes('mxnet', bytes).length >= 16 &&
  bytes[0] === 0x12 &&
  bytes[1] === 1 &&
  bytes.subarray(2, 16).every((b) => b === 0);

/** Arrays of a file. */
export interface MxnetFile {
  readonly tensors: readonly TensorBytes[];
  /** One for each array; none when they have no names. */
  readonly names: readonly string[];
}

export interface MxnetOptions {
  /** 2: what every MXNet since 1.0 reads; 3: with NumPy's shapes, since 1.6. Default: 3 where arrays need it, else 2. */
  readonly version?: 2 | 3;
}

const needsNumpyShapes = ({ shape }: TensorBytes): boolean =>
  shape.length === 0 || shape.includes(0);

const headOf = ({ dtype, shape }: TensorBytes, version: 2 | 3): Uint8Array => {
  const head = new Uint8Array(24 + 8 * shape.length);
  const view = new DataView(head.buffer);
  view.setUint32(0, version === 2 ? V2 : V3, true);
  view.setInt32(8, shape.length, true);
  shape.forEach((d, i) => {
    view.setBigInt64(12 + 8 * i, BigInt(d), true);
  });
  const after = 12 + 8 * shape.length;
  view.setInt32(after, 1, true);
  view.setInt32(after + 8, typeNumber(dtype), true);
  return head;
};
const typeNumber = (dtype: DType): number => TYPES.indexOf(dtype);

const words = (...values: readonly number[]): Uint8Array =>
  new Uint8Array(BigUint64Array.from(values, BigInt).buffer);

/**
 * The bytes of a file, in parts that are written one after the other. Arrays of any shape and dtype, as `{ dtype,
 * shape, bytes }`.
 *
 * @throws {ShapeError} for bytes that do not fill the shape, and shapes that version 2 does not have
 * @throws {ValueError} for what is no stored array, and unless there are no names, or one for each array, each once
 * @throws {DTypeError} for names that are no dtypes
 * @throws {OptionError} for another `version`
 *
 * @example
 * const tensor = { dtype: 'uint8', shape: [2], bytes: new Uint8Array([1, 2]) } as const;
 * const parts = mxnet.encode({ names: ['a'], tensors: [tensor] });
 */
export const encode = (file: MxnetFile, options: MxnetOptions = {}): Uint8Array[] => {
  checkOptions('mxnet', options, ['version']);
  const { tensors, names } = file ?? {};
  for (const [what, list] of Object.entries({ tensors, names }))
    checkList('mxnet', what, list, 'pass { tensors: […], names: […] }');
  const bytes = tensors.map((tensor, i) => checkTensor(`mxnet: array ${i}`, tensor));
  if (names.length > 0 && names.length !== tensors.length)
    throw new TigonError('value', `mxnet: ${names.length} names for ${tensors.length} arrays`);
  if (new Set(names).size !== names.length)
    throw new TigonError('value', 'mxnet: a name is there twice');
  const numpy = tensors.findIndex(needsNumpyShapes);
  const version = options.version ?? (numpy >= 0 ? 3 : 2);
  if (version !== 2 && version !== 3)
    throw failure('option', `mxnet: version is ${shown(version)}`, 'pass 2 or 3, or leave it out');
  if (version === 2 && numpy >= 0)
    throw new TigonError(
      'shape',
      `mxnet: array ${numpy} [${tensors[numpy]!.shape.join(', ')}] has no elements or no axes, which version 2 takes for no array`,
      'leave out { version: 2 }',
    );
  const parts: Uint8Array[] = [words(LIST, 0, tensors.length)];
  for (const [i, tensor] of tensors.entries()) parts.push(headOf(tensor, version), bytes[i]!);
  parts.push(words(names.length));
  for (const name of names) {
    const text = new TextEncoder().encode(name);
    parts.push(words(text.length), text);
  }
  return parts;
};

type Fail = (rule: string, help?: string) => never;

/** Reads from the front to the end. */
class Reader {
  readonly #file: Uint8Array;
  readonly #view: DataView;
  readonly #fail: Fail;
  #at = 0;
  /** What is being read, for messages. */
  what = 'the header';
  constructor(file: Uint8Array, fail: Fail) {
    this.#file = file;
    this.#view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    this.#fail = fail;
  }
  get left(): number {
    return this.#file.length - this.#at;
  }
  #take(count: number): number {
    if (count > this.left)
      this.#fail(`${this.what} needs ${count} bytes, of which ${this.left} are there: cut off?`);
    this.#at += count;
    return this.#at - count;
  }
  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }
  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }
  u64(): number {
    return Number(this.#view.getBigUint64(this.#take(8), true));
  }
  bytes(count: number): Uint8Array {
    const from = this.#take(count);
    return this.#file.subarray(from, from + count);
  }
}

const readShape = (r: Reader, axes: number, read: () => number, fail: Fail): number[] => {
  if (axes > 64) fail(`${r.what} says it has ${axes} axes`);
  const shape = Array.from({ length: axes }, read);
  if (!shape.every((d) => Number.isSafeInteger(d))) fail(`${r.what} has sizes out of reason`);
  return shape;
};

const STORAGES = ['dense', 'row_sparse', 'csr'];

const shapeOf = (r: Reader, fail: Fail): Shape => {
  const magic = r.u32();
  const wide = (): number => r.u64();
  if (magic === V1) return checked(r, readShape(r, r.u32(), wide, fail), false, fail);
  if (magic !== V2 && magic !== V3) {
    if (magic > 64) fail(`${r.what} begins with ${magic.toString(16)}, which is no array`);
    return checked(
      r,
      readShape(r, magic, () => r.u32(), fail),
      false,
      fail,
    );
  }
  const storage = r.i32();
  if (storage !== 0)
    fail(
      `${r.what} is stored as ${STORAGES[storage] ?? storage}`,
      "make it dense in MXNet first: x.tostype('default')",
    );
  const axes = r.i32();
  if (axes < 0) fail(`${r.what} has no shape: it was saved before it had a value`);
  return checked(r, readShape(r, axes, wide, fail), magic === V3, fail);
};

/** Shapes of old arrays: no axes, or none of a size, mean that there is no array. */
const checked = (r: Reader, shape: Shape, numpy: boolean, fail: Fail): Shape =>
  numpy || (shape.length > 0 && !shape.includes(0))
    ? shape
    : fail(`${r.what} has no value`, 'save it after its parameters were initialized');

const readArray = (r: Reader, fail: Fail): TensorBytes => {
  const shape = shapeOf(r, fail);
  // the device that it was on
  r.i32();
  r.i32();
  const number = r.i32();
  const type = TYPES[number];
  if (type === undefined) return fail(`${r.what} has elements of the unknown type ${number}`);
  const size = shape.reduce((n, d) => n * d, 1) * bytesOf(type);
  return fromStored(type, shape, r.bytes(size));
};

/**
 * Reads a file from memory, of all versions of MXNet: arrays of any shape and dtype, as `{ dtype, shape, bytes }`.
 * Sparse arrays are refused.
 *
 * @throws {DataError} that names `name`, for what is damaged, sparse, or another format
 * @throws {ValueError} if `file` is no Uint8Array
 *
 * @example
 * const { names } = mxnet.decode(await nd.serialize({ a: nd.ones([2]) }, 'params'));
 * names;   // ['a']
 */
export const decode = (file: Uint8Array, name = 'mxnet'): MxnetFile => {
  const fail: Fail = (rule, help) => {
    throw new TigonError(
      'data',
      `${name}: not a readable MXNet file: ${rule}`,
      help ?? 'the file is damaged, was cut off, or has another format',
    );
  };
  const r = new Reader(checkBytes(name, file), fail);
  if (r.u64() !== LIST) fail('it does not begin with 0x112');
  r.u64();
  const count = r.u64();
  const tensors: TensorBytes[] = [];
  for (let i = 0; i < count; i++) {
    r.what = `array ${i}`;
    tensors.push(readArray(r, fail));
  }
  r.what = 'the list of names';
  const named = r.u64();
  if (named !== 0 && named !== count) fail(`${named} names for ${count} arrays`);
  const names: string[] = [];
  for (let i = 0; i < named; i++) {
    r.what = `name ${i}`;
    names.push(new TextDecoder().decode(r.bytes(r.u64())));
  }
  if (r.left > 0) fail(`${r.left} bytes are left over`);
  return { tensors, names };
};

/**
 * Reads a file from a path or from its bytes, as {@link decode}: arrays of any shape and dtype.
 *
 * @throws {FileError} for a path that cannot be read (all as a rejected promise)
 * @throws {DataError} for what is damaged, sparse, or another format
 * @throws {ValueError} if `source` is neither path nor bytes
 *
 * @example
 * const { tensors } = await readMxnet(await nd.serialize({ a: nd.ones([2]) }, 'params'));
 * tensors[0]!.shape;   // [2]
 */
export const readMxnet = async (source: Source): Promise<MxnetFile> => {
  const { bytes, name } = await bytesFrom(source, 'mxnet');
  return decode(bytes, name);
};

/**
 * Writes a file; it appears whole or not at all. Arrays of any shape and dtype.
 *
 * @throws {FileError} for a path that cannot be written (as a rejected promise)
 * @throws {ShapeError} and what else {@link encode} refuses, at once
 *
 * @example
 * const tensor = { dtype: 'uint8', shape: [2], bytes: new Uint8Array([1, 2]) } as const;
 * await writeMxnet('arrays.params', { names: ['a'], tensors: [tensor] });
 */
export const writeMxnet = (
  path: string,
  file: MxnetFile,
  options: MxnetOptions = {},
): Promise<void> => writeFile(path, encode(file, options));
