/**
 * Compiled programs in IndexedDB.
 *
 * Invariant: as `Store` has it. All there is is read when it is opened, as programs are compiled while their caller waits;
 * what is put in is written later, and lost with a page that ends before.
 */
import * as platform from '#platform';
import type { Store } from './store.ts';

const STORE = 'programs';
/** Bytes of code that are kept: what was used longest ago goes first. */
const LIMIT_BYTES = 64 * 2 ** 20;

interface Row {
  readonly key: string;
  readonly value: unknown;
  /** When it was last used, in milliseconds. */
  readonly used: number;
  readonly bytes: number;
}

const settled = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** What a row takes, roughly: its code and its key. */
const bytesOf = (key: string, value: unknown): number => {
  const { code } = value as { readonly code?: { readonly bytes?: Uint8Array } };
  return key.length + (code?.bytes?.length ?? 0);
};

export class IndexedStore implements Store {
  readonly place: string;
  readonly #database: IDBDatabase;
  readonly #rows: Map<string, Row>;
  #warned = false;

  private constructor(database: IDBDatabase, rows: Map<string, Row>) {
    this.place = `IndexedDB, ${database.name}`;
    this.#database = database;
    this.#rows = rows;
  }

  /** Opens the database of this name, and reads it. */
  static async open(name: string): Promise<IndexedStore> {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'key' });
    const database = await settled(request);
    const found = (await settled(
      database.transaction(STORE).objectStore(STORE).getAll(),
    )) as readonly Row[];
    const store = new IndexedStore(database, new Map(found.map((row) => [row.key, row])));
    store.#shrink();
    return store;
  }

  get(key: string): unknown {
    const row = this.#rows.get(key);
    if (row === undefined) return undefined;
    this.#set({ ...row, used: Date.now() });
    return row.value;
  }

  put(key: string, value: unknown): void {
    this.#set({ key, value, used: Date.now(), bytes: bytesOf(key, value) });
    this.#shrink();
  }

  drop(key: string): void {
    this.#rows.delete(key);
    this.#write((rows) => rows.delete(key));
  }

  async clear(): Promise<void> {
    this.#rows.clear();
    await settled(this.#database.transaction(STORE, 'readwrite').objectStore(STORE).clear());
  }

  #set(row: Row): void {
    this.#rows.set(row.key, row);
    this.#write((rows) => rows.put(row));
  }

  #shrink(): void {
    let bytes = 0;
    const rows = [...this.#rows.values()].sort((a, b) => b.used - a.used);
    for (const row of rows) {
      bytes += row.bytes;
      if (bytes > LIMIT_BYTES) this.drop(row.key);
    }
  }

  #write(change: (rows: IDBObjectStore) => IDBRequest): void {
    const failed = (error: unknown): void => {
      if (this.#warned) return;
      this.#warned = true;
      platform.warn(`tigon: compiled programs are not kept in this browser: ${error}`);
    };
    try {
      const request = change(this.#database.transaction(STORE, 'readwrite').objectStore(STORE));
      request.onerror = () => failed(request.error);
    } catch (error) {
      failed(error);
    }
  }
}
