/**
 * Files and compression in Node.
 *
 * Invariant: `write` leaves either the whole new file or what was there before, never a part of it.
 */
import fs from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import type { Files, Platform } from './platform.ts';

/** The same bytes, with an ArrayBuffer that TypeScript knows to be unshared; no copy. */
const whole = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);

let writes = 0;

const write = async (path: string, parts: readonly Uint8Array[]): Promise<void> => {
  const temporary = `${path}.${process.pid}-${writes++}.tmp`;
  await fs.mkdir(dirname(path), { recursive: true });
  try {
    const file = await fs.open(temporary, 'wx');
    try {
      for (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(temporary, path);
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
};

const cacheFolder = (): string => {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (XDG_CACHE_HOME) return join(XDG_CACHE_HOME, 'tigon');
  if (process.platform === 'win32' && LOCALAPPDATA) return join(LOCALAPPDATA, 'tigon', 'cache');
  const folder = process.platform === 'darwin' ? ['Library', 'Caches'] : ['.cache'];
  return join(homedir(), ...folder, 'tigon');
};

export const files: Files = {
  read: async (path) => whole(await fs.readFile(path)),
  write,
  exists: (path) =>
    fs.stat(path).then(
      (stat) => stat.isFile(),
      () => false,
    ),
  cacheFolder,
  join,
};

export const decompress: Platform['decompress'] = async (bytes, compression) =>
  whole(await promisify(compression === 'gzip' ? zlib.gunzip : zlib.brotliDecompress)(bytes));
