/**
 * Compiled things on disk: what was compiled once on this machine is loaded by the next process.
 *
 * Invariants: a file appears whole or not at all, and is used only if what it holds has the checksum it says; the key
 * names everything that the content depends on; the folder is bounded, what was used longest ago goes first. A cache that
 * cannot be written to costs time, nothing else: the first failure is said once.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import * as platform from '#platform';

/** What is kept in a folder. */
export interface Kept {
  readonly folder: string;
  /** For people: `compiled kernels`. */
  readonly what: string;
  /** Of file names, with the dot. */
  readonly ending: string;
  /** What all of it depends on, as JSON has it: versions of compilers and drivers. */
  readonly key: unknown;
  /** Default: 512 MB. */
  readonly limitBytes?: number;
}

const MAGIC = 'TIGON CACHE 1\n';
const DIGEST_BYTES = 32;
const HEAD_BYTES = MAGIC.length + DIGEST_BYTES;
const LIMIT_BYTES: number = 512 * 2 ** 20;
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
  readonly #kept: Kept;
  readonly #limitBytes: number;
  /** Bytes of the folder: known since the first time that something was written. */
  #bytes: number | undefined;
  #warned = false;

  constructor(kept: Kept) {
    this.#kept = kept;
    this.#limitBytes = kept.limitBytes ?? LIMIT_BYTES;
  }

  /** Where something made of `parts` (as JSON has them) is. */
  path(...parts: readonly unknown[]): string {
    const { folder, ending, key } = this.#kept;
    const digest = digestOf(Buffer.from(JSON.stringify([key, ...parts])));
    return join(folder, digest.toString('hex') + ending);
  }

  /** What is there, if it is sound. */
  get(path: string): Uint8Array<ArrayBuffer> | undefined {
    let file: Buffer;
    try {
      file = fs.readFileSync(path);
    } catch {
      return undefined;
    }
    if (file.length < HEAD_BYTES || file.toString('latin1', 0, MAGIC.length) !== MAGIC)
      return undefined;
    const content = new Uint8Array(file.subarray(HEAD_BYTES));
    if (!digestOf(content).equals(file.subarray(MAGIC.length, HEAD_BYTES))) return undefined;
    try {
      const now = new Date();
      fs.utimesSync(path, now, now);
    } catch {
      // a folder that is only read has its own order
    }
    return content;
  }

  /** Keeps something, in place of whatever was there. */
  put(path: string, content: Uint8Array): void {
    const { folder, what } = this.#kept;
    const temporary = `${path}.${process.pid}-${writes++}.tmp`;
    try {
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(
        temporary,
        Buffer.concat([Buffer.from(MAGIC, 'latin1'), digestOf(content), content]),
      );
      fs.renameSync(temporary, path);
      this.#bytes =
        this.#bytes === undefined ? this.#measure() : this.#bytes + HEAD_BYTES + content.length;
      if (this.#bytes > this.#limitBytes) this.#shrink();
    } catch (error) {
      remove(temporary);
      if (this.#warned) return;
      this.#warned = true;
      platform.warn(
        `tigon: ${what} are not kept in ${folder}: ${error instanceof Error ? error.message : error}; TIGON_CACHE names another folder, or is off`,
      );
    }
  }

  /** Forgets what cannot be used after all. */
  drop(path: string): void {
    remove(path);
  }

  /** Forgets all that is in the folder. */
  clear(): void {
    if (!fs.existsSync(this.#kept.folder)) return;
    for (const { path } of this.#files()) remove(path);
    this.#bytes = 0;
  }

  #files(): { readonly path: string; readonly bytes: number; readonly used: number }[] {
    const { folder, ending } = this.#kept;
    return fs.readdirSync(folder).flatMap((name) => {
      const path = join(folder, name);
      const stat = fs.statSync(path, { throwIfNoEntry: false });
      if (stat === undefined) return [];
      if (name.endsWith('.tmp') && Date.now() - stat.mtimeMs > ABANDONED_MS) remove(path);
      return name.endsWith(ending) ? [{ path, bytes: stat.size, used: stat.mtimeMs }] : [];
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

/** A folder of this name in `TIGON_CACHE`, or in this user's cache folder; undefined where `TIGON_CACHE` is `off`. */
export const cacheFolder = (name: string): string | undefined => {
  const chosen = platform.environment('TIGON_CACHE');
  if (chosen === 'off') return undefined;
  return join(chosen ? chosen : platform.files!.cacheFolder(), name);
};
