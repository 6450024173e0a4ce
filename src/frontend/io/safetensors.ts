/**
 * The safetensors file format: named arrays as one JSON header and their bytes, the way checkpoints travel.
 *
 * Invariant: decoding checks every length and offset before it touches a byte, so a damaged file gives an error that
 * names it, never a wrong array; encoding is deterministic.
 */
import { bytesOf, DTYPES, type DType } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { Shape } from '../../ir/type.ts';
import { bytesFrom, type Source, writeFile } from './files.ts';
import { checkBytes, checkPairs, checkTensor } from './given.ts';

/** A stored array: little-endian row-major bytes. */
export interface TensorBytes {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly bytes: Uint8Array;
}

export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, TensorBytes>;
  readonly metadata: Readonly<Record<string, string>>;
}

const names: Readonly<Record<DType, string>> = {
  bool: 'BOOL',
  uint8: 'U8',
  uint32: 'U32',
  int32: 'I32',
  float16: 'F16',
  bfloat16: 'BF16',
  float32: 'F32',
  float64: 'F64',
  int8: 'I8',
  int16: 'I16',
  uint16: 'U16',
  int64: 'I64',
  uint64: 'U64',
};

const MAX_HEADER = 100_000_000;

/**
 * The bytes of a safetensors file, in parts that are written one after the other. Arrays of any shape and dtype, as `{
 * dtype, shape, bytes }`, each with its name; `metadata`: texts by name.
 *
 * @throws {ValueError} for a name that is there twice or is `__metadata__`, for metadata that is no text, and unless
 *   there are pairs of names and stored arrays
 * @throws {ShapeError} for bytes that do not fill the shape
 * @throws {DTypeError} for names that are no dtypes
 *
 * @example const parts = safetensors.encode([['a', { dtype: 'uint8', shape: [2], bytes: new Uint8Array([1, 2]) }]]);
 */
export const encode = (
  tensors: Iterable<readonly [string, TensorBytes]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] => {
  // Wide elements first keeps every array aligned to its element, as other readers want to map the file.
  const given = [...checkPairs('safetensors', tensors)];
  for (const [name, tensor] of given) checkTensor(`safetensors: "${name}"`, tensor);
  if (!isStringRecord(metadata))
    throw new TigonError(
      'value',
      'safetensors: metadata holds something else than texts',
      'pass texts by name; JSON.stringify makes texts of other values',
    );
  const entries = given.sort(
    ([a, x], [b, y]) => bytesOf(y.dtype) - bytesOf(x.dtype) || (a < b ? -1 : a > b ? 1 : 0),
  );
  const header: Record<string, unknown> = Object.create(null);
  if (Object.keys(metadata).length > 0) header['__metadata__'] = metadata;
  let offset = 0;
  for (const [name, { dtype, shape }] of entries) {
    const size = shape.reduce((n, d) => n * d, 1) * bytesOf(dtype);
    if (name === '__metadata__' || name in header)
      throw new TigonError('value', `safetensors: the name "${name}" is taken twice or reserved`);
    header[name] = { dtype: names[dtype], shape, data_offsets: [offset, offset + size] };
    offset += size;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(json.length / 8) * 8;
  const head = new Uint8Array(8 + padded).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true);
  head.set(json, 8);
  return [head, ...entries.map(([, { bytes }]) => bytes)];
};

/**
 * Reads a safetensors file from memory: arrays of any shape and dtype by name, as `{ dtype, shape, bytes }`, and the
 * metadata.
 *
 * @throws {DataError} that names `name`, for what is damaged or another format, and for types that are no dtype of ours
 * @throws {ValueError} if `file` is no Uint8Array
 *
 * @example
 * const { tensors } = safetensors.decode(await nd.serialize({ a: nd.ones([2]) }, 'safetensors'));
 * tensors.get('a')!.shape;   // [2]
 */
export const decode = (file: Uint8Array, name = 'safetensors'): SafetensorsFile => {
  const fail: (rule: string) => never = (rule) => {
    throw new TigonError(
      'data',
      `${name}: not a valid safetensors file: ${rule}`,
      'the file is damaged, was cut off, or has another format',
    );
  };
  checkBytes(name, file);
  if (file.byteLength < 8) fail(`${file.byteLength} bytes are too few for the length field`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headerLength = Number(view.getBigUint64(0, true));
  if (headerLength > MAX_HEADER) fail(`a header of ${headerLength} bytes is out of reason`);
  if (8 + headerLength > file.byteLength)
    fail(`the header says ${headerLength} bytes, the file has ${file.byteLength - 8} after it`);
  const header = parseHeader(file.subarray(8, 8 + headerLength), fail);
  const data = file.subarray(8 + headerLength);

  const tensors = new Map<string, TensorBytes>();
  let metadata: Record<string, string> = {};
  const ranges: { name: string; begin: number; end: number }[] = [];
  for (const [key, value] of Object.entries(header)) {
    if (key === '__metadata__') {
      if (!isStringRecord(value)) fail('"__metadata__" must map strings to strings');
      metadata = value;
      continue;
    }
    const { dtype, shape, begin, end } = parseEntry(key, value, data.byteLength, fail);
    ranges.push({ name: key, begin, end });
    tensors.set(key, { dtype, shape, bytes: data.slice(begin, end) });
  }
  ranges.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let position = 0;
  for (const { name: key, begin, end } of ranges) {
    if (begin !== position)
      fail(
        `"${key}" starts at byte ${begin}, ${begin < position ? 'inside' : 'not at the end of'} the array before it (${position})`,
      );
    position = end;
  }
  if (position !== data.byteLength)
    fail(`the arrays end at byte ${position} of ${data.byteLength}`);
  return { tensors, metadata };
};

type Fail = (rule: string) => never;

const parseHeader = (bytes: Uint8Array, fail: Fail): Record<string, unknown> => {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    fail('the header is not JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    fail('the header is not a JSON object');
  return header as Record<string, unknown>;
};

const isStringRecord = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((v) => typeof v === 'string');

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((d) => Number.isSafeInteger(d) && (d as number) >= 0);

interface Entry {
  readonly dtype: DType;
  readonly shape: number[];
  readonly begin: number;
  readonly end: number;
}

const parseEntry = (key: string, value: unknown, available: number, fail: Fail): Entry => {
  const { dtype: type, shape, data_offsets } = (value ?? {}) as Record<string, unknown>;
  const dtype = typeof type === 'string' ? dtypesByName.get(type) : undefined;
  if (dtype === undefined)
    return fail(
      `"${key}" has dtype ${JSON.stringify(type)}; known: ${[...dtypesByName.keys()].join(', ')}`,
    );
  if (!isCounts(shape)) return fail(`"${key}" has no shape of whole numbers`);
  if (!isCounts(data_offsets) || data_offsets.length !== 2)
    return fail(`"${key}" has no data_offsets [begin, end]`);
  const [begin, end] = data_offsets as [number, number];
  if (begin > end || end > available)
    return fail(`"${key}" lies at bytes ${begin} to ${end}, the data has ${available}: cut off?`);
  const size = shape.reduce((n, d) => n * d, 1) * bytesOf(dtype);
  if (size !== end - begin)
    return fail(
      `"${key}" is ${type} [${shape.join(', ')}] = ${size} bytes, but has ${end - begin}`,
    );
  return { dtype, shape, begin, end };
};

const dtypesByName = new Map<string, DType>(DTYPES.map((dtype) => [names[dtype], dtype]));

/**
 * Reads a safetensors file from a path or from its bytes, as {@link decode}: arrays of any shape and dtype by name.
 *
 * @throws {FileError} for a path that cannot be read (all as a rejected promise)
 * @throws {DataError} for what is damaged or another format, and for types that are no dtype of ours
 * @throws {ValueError} if `source` is neither path nor bytes
 *
 * @example
 * const { tensors } = await readSafetensors(await nd.serialize({ a: nd.ones([2]) }, 'safetensors'));
 * [...tensors.keys()];   // ['a']
 */
export const readSafetensors = async (source: Source): Promise<SafetensorsFile> => {
  const { bytes, name } = await bytesFrom(source, 'safetensors');
  return decode(bytes, name);
};

/**
 * Writes a safetensors file; the file appears whole or not at all. Arrays of any shape and dtype, each with its name.
 *
 * @throws {FileError} for a path that cannot be written (as a rejected promise)
 * @throws {ValueError} and what else {@link encode} refuses, at once
 *
 * @example await writeSafetensors('arrays.safetensors', [['a', { dtype: 'uint8', shape: [2], bytes: new Uint8Array([1, 2]) }]]);
 */
export const writeSafetensors = (
  path: string,
  tensors: Iterable<readonly [string, TensorBytes]>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> => writeFile(path, encode(tensors, metadata));
