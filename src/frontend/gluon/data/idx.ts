/**
 * The IDX file format of MNIST: a magic number, big-endian sizes, then the elements.
 *
 * Invariant: what comes back has exactly the bytes its header promises; anything else is an error that names the file.
 */
import { TigonError } from '../../../ir/errors.ts';
import { type Compression, decompress } from '../../io/files.ts';

/** An array of bytes as IDX stores it. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array<ArrayBuffer>;
}

const elementTypes: Readonly<Record<number, string>> = {
  8: 'unsigned byte',
  9: 'signed byte',
  11: 'int16',
  12: 'int32',
  13: 'float32',
  14: 'float64',
};

/**
 * Reads IDX bytes (already decompressed). `name` stands for the file in errors; `rank` is the number of axes wanted.
 *
 * Bytes of any shape; integers of other sizes and floats are not read.
 *
 * @throws {DataError} for bytes that are no IDX file, are cut off, have elements of another dtype or another number of
 *   axes
 *
 * @example
 * const bytes = new Uint8Array([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]);
 * parseIdx(bytes, 'two bytes').shape;   // [2]
 */
export const parseIdx = (bytes: Uint8Array<ArrayBuffer>, name: string, rank?: number): IdxArray => {
  const fail: (rule: string) => never = (rule) => {
    throw new TigonError(
      'data',
      `${name}: ${rule}`,
      'an IDX file starts with 00 00, an element type and the number of axes; fetch the file again',
    );
  };
  if (bytes.length < 4) fail(`${bytes.length} bytes are too few for an IDX header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  if (magic >>> 16 !== 0) fail(`wrong magic number 0x${magic.toString(16).padStart(8, '0')}`);
  const type = bytes[2]!;
  const axes = bytes[3]!;
  if (type !== 0x08)
    fail(
      `elements of type ${elementTypes[type] ?? `0x${type.toString(16)}`}, only unsigned bytes are read`,
    );
  if (axes === 0 || (rank !== undefined && axes !== rank))
    fail(`wrong magic number ${magic}: ${axes} axes where ${rank ?? 'at least 1'} were expected`);
  const start = 4 + 4 * axes;
  if (bytes.length < start) fail(`cut off inside the header (${bytes.length} of ${start} bytes)`);
  const shape = Array.from({ length: axes }, (_, i) => view.getUint32(4 + 4 * i));
  const size = shape.reduce((n, d) => n * d, 1);
  const found = bytes.length - start;
  if (found < size) fail(`cut off: [${shape.join(', ')}] needs ${size} bytes, ${found} are there`);
  if (found > size) fail(`${found - size} bytes too many after [${shape.join(', ')}]`);
  return { shape, data: bytes.subarray(start) };
};

const compressionOf = (bytes: Uint8Array, name: string): Compression | undefined =>
  bytes[0] === 0x1f && bytes[1] === 0x8b ? 'gzip' : name.endsWith('.br') ? 'brotli' : undefined;

/** Bytes that may be compressed, as they were before. */
export const unpacked = async (
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> => {
  const compression = compressionOf(bytes, name);
  return compression === undefined ? bytes : decompress(bytes, compression, name);
};

/**
 * Reads IDX bytes that may be compressed: gzip is recognized by its content, brotli by the name ending in `.br`.
 *
 * Bytes as for {@link parseIdx}, of any shape.
 *
 * @throws {DataError} for compressed bytes that are damaged, and as parseIdx
 *
 * @example
 * const { shape } = await readIdx(new Uint8Array([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]), 'two bytes');
 * shape;   // [2]
 */
export const readIdx = async (
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
  rank?: number,
): Promise<IdxArray> => {
  return parseIdx(await unpacked(bytes, name), name, rank);
};
