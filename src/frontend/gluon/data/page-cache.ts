/**
 * Downloaded files that outlive a page: the browser's Cache Storage.
 *
 * Invariant: what comes out has the checksum it went in with; a browser that keeps nothing is no failure.
 */
import * as platform from '#platform';
import { sha256 } from '../../io/files.ts';
import type { RemoteFile } from './fetch.ts';

const CACHE = 'tigon-data';

/** An address that is nobody's: only a name in the cache. */
const keyOf = ({ name, sha256 }: RemoteFile): string => `https://tigon.invalid/${sha256}/${name}`;

/** Cache Storage, where there is one: pages that are not secure have none, and private windows may refuse it. */
const open = async (): Promise<Cache | undefined> => {
  const { caches } = globalThis as { caches?: CacheStorage };
  return caches?.open(CACHE).catch(() => undefined);
};

/** The file from the cache if it is there undamaged. */
export const fromPageCache = async (
  file: RemoteFile,
): Promise<Uint8Array<ArrayBuffer> | undefined> => {
  const response = await (await open())?.match(keyOf(file));
  if (response === undefined) return undefined;
  const bytes = new Uint8Array(await response.arrayBuffer());
  return (await sha256(bytes)) === file.sha256 ? bytes : undefined;
};

/** Puts a file into the cache; one that is full only says so. */
export const toPageCache = async (
  file: RemoteFile,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> => {
  try {
    await (await open())?.put(keyOf(file), new Response(bytes));
  } catch (error) {
    platform.warn(`tigon: not kept for the next time: ${String(error)}`);
  }
};
