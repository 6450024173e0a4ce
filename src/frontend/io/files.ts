/**
 * Files, decompression and checksums wherever Tigon runs: the platform's own, with errors for people.
 *
 * Invariant: `writeFile` leaves either the whole new file or what was there before, never a part of it.
 */
import * as platform from '#platform';
import { TigonError } from '../../ir/errors.ts';
import type { Compression, Files } from '../../runtime/platform/platform.ts';
import { failure } from '../callsite.ts';
import { shown } from '../options.ts';

export type { Compression } from '../../runtime/platform/platform.ts';

const filesFor = (doing: string): Files => {
  if (platform.files !== undefined) return platform.files;
  throw failure('file', `${doing}: there is no file system here`, 'pass the bytes instead');
};

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  EEXIST: 'a part of the path is a file',
  ENOTDIR: 'a part of the path is not a directory',
  ENOSPC: 'the disk is full',
  EROFS: 'the file system is read-only',
};

const reason = (error: unknown): string => {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === 'string' && Object.hasOwn(REASONS, code)) return REASONS[code]!;
  return error instanceof Error ? error.message : String(error);
};

const helpFor = (error: unknown): string | undefined => {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'EISDIR') return 'the path needs the name of a file at its end';
  const folder = typeof process === 'undefined' ? undefined : process.cwd?.();
  return code === 'ENOENT' && folder !== undefined
    ? `paths that are not absolute begin in ${folder}`
    : undefined;
};

const checkPath = (action: string, path: unknown): void => {
  if (typeof path !== 'string' || path === '')
    throw failure('value', `${action} a file: the path is ${shown(path)}`, 'pass a path as a text');
};

/** The whole file. Throws a FileError that names the path. */
export const readFile = async (path: string): Promise<Uint8Array<ArrayBuffer>> => {
  checkPath('reading', path);
  const files = filesFor(`reading ${path}`);
  try {
    return await files.read(path);
  } catch (error) {
    throw failure('file', `cannot read ${path}: ${reason(error)}`, helpFor(error));
  }
};

/** Where a file is: a path, or its bytes. */
export type Source = string | Uint8Array | ArrayBuffer;

/** The bytes of a file, and what to call it in messages. */
export const bytesFrom = async (
  source: Source,
  format: string,
): Promise<{ readonly bytes: Uint8Array; readonly name: string }> => {
  if (typeof source === 'string') return { bytes: await readFile(source), name: source };
  if (source instanceof Uint8Array) return { bytes: source, name: format };
  if (source instanceof ArrayBuffer) return { bytes: new Uint8Array(source), name: format };
  throw failure(
    'value',
    `reading ${format}: the source is ${shown(source)}`,
    'pass a path, or the bytes of a file',
  );
};

/** Writes `parts` one after the other; the file appears whole or not at all. Makes missing folders. */
export const writeFile = async (path: string, parts: readonly Uint8Array[]): Promise<void> => {
  checkPath('writing', path);
  const files = filesFor(`writing ${path}`);
  try {
    await files.write(path, parts);
  } catch (error) {
    throw failure('file', `cannot write ${path}: ${reason(error)}`, helpFor(error));
  }
};

/** True when `path` is a file that can be looked at. */
export const fileExists = async (path: string): Promise<boolean> =>
  (await platform.files?.exists(path)) ?? false;

/** Undoes `compression`. Throws a DataError that names `name` when the stream is corrupt or ends early. */
export const decompress = async (
  bytes: Uint8Array<ArrayBuffer>,
  compression: Compression,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> => {
  try {
    return await platform.decompress(bytes, compression);
  } catch (error) {
    throw new TigonError(
      'data',
      `${name}: not a whole ${compression} stream (${reason(error)})`,
      'the file is damaged or was cut off: fetch it again',
    );
  }
};

/** Lower-case hexadecimal SHA-256. */
export const sha256 = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> => {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
};
