/**
 * ZIP archives: named files in one, stored or deflated, as NumPy makes them.
 *
 * Invariant: reading goes by the directory at the end, whose places, lengths and checksums are all checked; writing is
 * deterministic. Deflating is fflate's, since that is the part where a mistake would not be seen; the container is read
 * here, since fflate does not check checksums.
 */
import { inflateSync, type Zippable, zipSync } from 'fflate';
import { TigonError } from '../../ir/errors.ts';

/** True for bytes that begin as archives do. */
export const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);

/** The earliest time that archives can say. */
const EPOCH = new Date(1980, 0, 1);

/** An archive of the given files, in their order. */
export const zip = (
  files: Iterable<readonly [string, Uint8Array]>,
  compress: boolean,
): Uint8Array => {
  const entries: Zippable = Object.create(null);
  for (const [name, bytes] of files) entries[name] = bytes;
  return zipSync(entries, { level: compress ? 6 : 0, mtime: EPOCH });
};

let table: Uint32Array | undefined;
const crc32 = (bytes: Uint8Array): number => {
  table ??= Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    return c;
  });
  let c = 0xffffffff;
  for (const byte of bytes) c = table[(c ^ byte) & 255]! ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
};

type Fail = (rule: string) => never;

interface Directory {
  readonly count: number;
  readonly begin: number;
}

/** Where the directory is: what the end of the archive says, in 32 or in 64 bits. */
const directoryOf = (file: Uint8Array, view: DataView, fail: Fail): Directory => {
  let end = file.length - 22;
  while (end >= 0 && end > file.length - 65558 && view.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0 || view.getUint32(end, true) !== 0x06054b50)
    return fail('it has no directory at its end: cut off?');
  const small = { count: view.getUint16(end + 10, true), begin: view.getUint32(end + 16, true) };
  const wide = end >= 20 && view.getUint32(end - 20, true) === 0x07064b50;
  if (!wide) return small;
  const at = Number(view.getBigUint64(end - 12, true));
  if (at + 56 > end || view.getUint32(at, true) !== 0x06064b50)
    return fail('its wide directory is not where it should be');
  return {
    count: Number(view.getBigUint64(at + 32, true)),
    begin: Number(view.getBigUint64(at + 48, true)),
  };
};

interface Entry {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
}

/** Sizes beyond 32 bits stand in an extra field, in this order, those that are needed. */
const widened = (
  view: DataView,
  from: number,
  to: number,
  values: readonly [size: number, packed: number, offset: number],
): number[] => {
  for (let at = from; at + 4 <= to; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    let next = at + 4;
    return values.map((v) => {
      if (v !== 0xffffffff || next + 8 > to) return v;
      next += 8;
      return Number(view.getBigUint64(next - 8, true));
    });
  }
  return [...values];
};

const entriesOf = (file: Uint8Array, view: DataView, fail: Fail): Entry[] => {
  const { count, begin } = directoryOf(file, view, fail);
  const entries: Entry[] = [];
  let at = begin;
  for (let i = 0; i < count; i++) {
    if (at + 46 > file.length || view.getUint32(at, true) !== 0x02014b50)
      return fail(`entry ${i} of its directory is damaged`);
    const [nameLength, extra, comment] = [28, 30, 32].map((k) => view.getUint16(at + k, true));
    const after = at + 46 + nameLength!;
    const next = after + extra! + comment!;
    if (next > file.length) return fail(`entry ${i} of its directory is cut off`);
    const [size, packed, offset] = widened(view, after, after + extra!, [
      view.getUint32(at + 24, true),
      view.getUint32(at + 20, true),
      view.getUint32(at + 42, true),
    ]);
    entries.push({
      name: new TextDecoder().decode(file.subarray(at + 46, after)),
      flags: view.getUint16(at + 8, true),
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed: packed!,
      size: size!,
      offset: offset!,
    });
    at = next;
  }
  return entries;
};

const inflated = (packed: Uint8Array, entry: Entry, fail: Fail): Uint8Array => {
  if (entry.method === 0) return packed;
  if (entry.method !== 8) return fail(`"${entry.name}" is packed by method ${entry.method}`);
  try {
    return inflateSync(packed, { out: new Uint8Array(entry.size) });
  } catch {
    return fail(`"${entry.name}" is damaged: it does not inflate`);
  }
};

/** The files of an archive by name. Throws a DataError that names `name`. */
export const unzip = (file: Uint8Array, name: string): Map<string, Uint8Array> => {
  const fail: Fail = (rule) => {
    throw new TigonError(
      'data',
      `${name}: not a readable archive: ${rule}`,
      'the file is damaged, was cut off, or has another format',
    );
  };
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const files = new Map<string, Uint8Array>();
  for (const entry of entriesOf(file, view, fail)) {
    const { offset, packed, size } = entry;
    if ((entry.flags & 1) !== 0) fail(`"${entry.name}" is encrypted`);
    if (files.has(entry.name)) fail(`"${entry.name}" is there twice`);
    if (offset + 30 > file.length || view.getUint32(offset, true) !== 0x04034b50)
      fail(`"${entry.name}" is not where the directory says`);
    const begin =
      offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
    if (begin + packed > file.length) fail(`"${entry.name}" is cut off`);
    const bytes = inflated(file.subarray(begin, begin + packed), entry, fail);
    if (bytes.length !== size) fail(`"${entry.name}" has ${bytes.length} bytes, not ${size}`);
    if (crc32(bytes) !== entry.crc) fail(`"${entry.name}" is damaged: its checksum differs`);
    files.set(entry.name, bytes);
  }
  return files;
};
