/**
 * Compiled programs in a folder.
 *
 * Invariant: as `Store` has it; values are in the format of this engine's structured cloning, whose version is in the key.
 */
import v8 from 'node:v8';
import { DiskCache } from '../../runtime/disk-cache.ts';
import type { Store } from './store.ts';

export class DiskStore implements Store {
  readonly place: string;
  readonly #cache: DiskCache;

  constructor(folder: string) {
    this.place = folder;
    const key = process.versions.v8;
    this.#cache = new DiskCache({ folder, what: 'compiled programs', ending: '.program', key });
  }

  get(key: string): unknown {
    const bytes = this.#cache.get(this.#cache.path(key));
    return bytes === undefined ? undefined : v8.deserialize(bytes);
  }

  put(key: string, value: unknown): void {
    this.#cache.put(this.#cache.path(key), v8.serialize(value));
  }

  drop(key: string): void {
    this.#cache.drop(this.#cache.path(key));
  }

  async clear(): Promise<void> {
    this.#cache.clear();
  }
}
