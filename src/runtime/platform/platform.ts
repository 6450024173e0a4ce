/**
 * What differs between Node and browsers: the one list of it, which both sides implement under `#platform`.
 *
 * Invariant: nothing here runs at import; each function either works or says that it cannot. Both sides export each member
 * by itself, so that pages load what they use.
 */

import type { Gpu } from '../webgpu/gpu-types.ts';

/** A thread running worker source. It never keeps the process alive. */
export interface WorkerHandle {
  terminate(): void;
}

export type Compression = 'gzip' | 'brotli';

/** A file system. Paths are the host's own; failures are the host's errors. */
export interface Files {
  read(path: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Writes the parts one after the other; the file appears whole or not at all. Makes missing folders. */
  write(path: string, parts: readonly Uint8Array[]): Promise<void>;
  /** True when `path` is a file that can be looked at. */
  exists(path: string): Promise<boolean>;
  /** Where this user keeps what can be fetched again. */
  cacheFolder(): string;
  join(...parts: readonly string[]): string;
}

export interface Platform {
  readonly kind: 'node' | 'browser';
  /** Undefined where there are no files. */
  readonly files: Files | undefined;
  /** Undoes a compression; rejects when the stream is damaged, cut off or of a kind unknown here. */
  decompress(
    bytes: Uint8Array<ArrayBuffer>,
    compression: Compression,
  ): Promise<Uint8Array<ArrayBuffer>>;
  /** Writes a line where warnings go. */
  warn(line: string): void;
  /**
   * Replaces the progress line of a terminal, or ends it (undefined). False where nobody is looking at one.
   */
  progress(line: string | undefined): boolean;
  /** Logical processors this process may use. */
  cores(): number;
  /** An environment variable, where there are any. */
  environment(name: string): string | undefined;
  /** Whether this thread may block in `Atomics.wait` (the main thread of a browser may not). */
  mayBlock(): boolean;
  /** Why threads cannot share memory here, and what would change that; undefined where they can. */
  unshared(): string | undefined;
  /** Runs JavaScript text in a thread; it finds `data` in a variable of that name. */
  spawnWorker(source: string, data: unknown, failed: (message: string) => void): WorkerHandle;
  /**
   * Has garbage collected and lets finalizers run, which takes a few tasks. Where programs cannot ask for it, they make it
   * likely, and stop when there was `enough`.
   */
  collect(enough: () => boolean): Promise<void>;
  /**
   * Collects garbage of the running job too, so that weak references to unreachable objects are empty when it returns.
   * False where that cannot be done.
   */
  collectNow(): boolean;
  /** Turns on relaxed SIMD in engines that have it behind a flag. */
  enableRelaxedSimd(): void;
  /** WebGPU. Rejects with what to install or do when there is none. */
  openGpu(): Promise<Gpu>;
  /** What to do when WebGPU finds no adapter. */
  gpuDriverHelp(): string;
}
