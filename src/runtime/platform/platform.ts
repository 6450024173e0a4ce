/**
 * What differs between Node and browsers: the one list of it, which both sides implement under `#platform`.
 *
 * Invariant: nothing here runs at import; each function either works or says that it cannot.
 */

/** A thread running worker source. It never keeps the process alive. */
export interface WorkerHandle {
  terminate(): void;
}

export interface Platform {
  readonly kind: 'node' | 'browser';
  /** Logical processors this process may use. */
  cores(): number;
  /** An environment variable, where there are any. */
  environment(name: string): string | undefined;
  /** Whether this thread may block in `Atomics.wait` (the main thread of a browser may not). */
  mayBlock(): boolean;
  /** Runs JavaScript text in a thread; it finds `data` in a variable of that name. */
  spawnWorker(source: string, data: unknown, failed: (message: string) => void): WorkerHandle;
  /** Full garbage collection now; false where programs cannot ask for it. */
  collectGarbage(): boolean;
  /** Turns on relaxed SIMD in engines that have it behind a flag. */
  enableRelaxedSimd(): void;
  /** Resolves in a later task, after finalizers that were due. */
  macrotask(): Promise<void>;
}
