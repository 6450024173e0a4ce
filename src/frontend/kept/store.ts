/**
 * Where compiled programs are kept from one process to the next.
 *
 * Invariant: what `get` gives is what was put there under the same key, whole, or nothing; values are plain data as
 * structured cloning copies them. Nothing here throws: a store that fails costs time, nothing else.
 */
export interface Store {
  get(key: string): unknown;
  put(key: string, value: unknown): void;
  drop(key: string): void;
  /** Forgets all. */
  clear(): Promise<void>;
  /** Where that is, for people. */
  readonly place: string;
}
