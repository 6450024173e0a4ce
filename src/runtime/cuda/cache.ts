/**
 * Compiled kernels on disk: a program that was compiled once on this machine is loaded by the next process.
 *
 * Invariants: a file appears whole or not at all, and is used only if what it holds has the checksum it says; the key
 * names everything that the image depends on; the folder is bounded, what was used longest ago goes first. A cache that
 * cannot be written to costs time, nothing else: the first failure is said once.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import * as platform from '#platform';

/** What an image depends on beside the source and the options. */
export interface CacheKey {
  readonly compilerVersion: readonly [number, number];
  readonly driverVersion: number;
  readonly capability: number;
}

const MAGIC = 'TIGON CUBIN 1\n';
const DIGEST_BYTES = 32;
const HEAD_BYTES = MAGIC.length + DIGEST_BYTES;
const ENDING = '.cubin';
export const LIMIT_BYTES: number = 512 * 2 ** 20;
/** How much is left when the folder became too large. */
const KEPT = 0.75;
/** A file that was begun and is as old as this was left behind by a process that ended. */
const ABANDONED_MS = 3_600_000;

const digestOf = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** Whoever else uses the folder may have been faster. */
const remove = (path: string): void => {
  try {
    fs.rmSync(path, { force: true });
  } catch {
    // what is left there is the next one's to remove
  }
};

let writes = 0;

export class DiskCache {
  readonly folder: string;
  readonly #key: CacheKey;
  readonly #limitBytes: number;
  /** Bytes of the folder: known since the first time that something was written. */
  #bytes: number | undefined;
  #warned = false;

  constructor(folder: string, key: CacheKey, limitBytes: number = LIMIT_BYTES) {
    this.folder = folder;
    this.#key = key;
    this.#limitBytes = limitBytes;
  }

  /** Where the image of a source is. */
  path(source: string, options: readonly string[]): string {
    const { compilerVersion, driverVersion, capability } = this.#key;
    const parts = [compilerVersion, driverVersion, capability, options, source];
    return join(this.folder, digestOf(Buffer.from(JSON.stringify(parts))).toString('hex') + ENDING);
  }

  /** The image, if there is a sound one. */
  get(path: string): Uint8Array<ArrayBuffer> | undefined {
    let file: Buffer;
    try {
      file = fs.readFileSync(path);
    } catch {
      return undefined;
    }
    if (file.length < HEAD_BYTES || file.toString('latin1', 0, MAGIC.length) !== MAGIC)
      return undefined;
    const image = new Uint8Array(file.subarray(HEAD_BYTES));
    if (!digestOf(image).equals(file.subarray(MAGIC.length, HEAD_BYTES))) return undefined;
    try {
      const now = new Date();
      fs.utimesSync(path, now, now);
    } catch {
      // a folder that is only read has its own order
    }
    return image;
  }

  /** Keeps an image, in place of whatever was there. */
  put(path: string, image: Uint8Array): void {
    const temporary = `${path}.${process.pid}-${writes++}.tmp`;
    try {
      fs.mkdirSync(this.folder, { recursive: true });
      fs.writeFileSync(
        temporary,
        Buffer.concat([Buffer.from(MAGIC, 'latin1'), digestOf(image), image]),
      );
      fs.renameSync(temporary, path);
      this.#bytes =
        this.#bytes === undefined ? this.#measure() : this.#bytes + HEAD_BYTES + image.length;
      if (this.#bytes > this.#limitBytes) this.#shrink();
    } catch (error) {
      remove(temporary);
      if (this.#warned) return;
      this.#warned = true;
      platform.warn(
        `tigon: compiled kernels are not kept in ${this.folder}: ${error instanceof Error ? error.message : error}; TIGON_CACHE names another folder`,
      );
    }
  }

  /** Forgets an image that the driver does not take. */
  drop(path: string): void {
    remove(path);
  }

  #files(): { readonly path: string; readonly bytes: number; readonly used: number }[] {
    return fs.readdirSync(this.folder).flatMap((name) => {
      const path = join(this.folder, name);
      const stat = fs.statSync(path, { throwIfNoEntry: false });
      if (stat === undefined) return [];
      if (name.endsWith('.tmp') && Date.now() - stat.mtimeMs > ABANDONED_MS) remove(path);
      return name.endsWith(ENDING) ? [{ path, bytes: stat.size, used: stat.mtimeMs }] : [];
    });
  }

  #measure(): number {
    return this.#files().reduce((sum, file) => sum + file.bytes, 0);
  }

  #shrink(): void {
    const files = this.#files().sort((a, b) => a.used - b.used);
    let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    for (const file of files) {
      if (bytes <= KEPT * this.#limitBytes) break;
      remove(file.path);
      bytes -= file.bytes;
    }
    this.#bytes = bytes;
  }
}

/** `cuda` in `TIGON_CACHE`, or in this user's cache folder. */
export const cacheFolder = (): string => {
  const chosen = platform.environment('TIGON_CACHE');
  return join(chosen ? chosen : platform.files!.cacheFolder(), 'cuda');
};
