/**
 * What every device offers: capabilities that scheduling reads, memory, and programs made ready to replay.
 *
 * Invariant: a `Storage` is a range of device memory counted apart from the arrays that look at it; a program never
 * learns who its callers are, a caller never learns how it is run.
 */
import type { Caps } from '../codegen/caps.ts';
import type { Code } from '../codegen/wasm/program.ts';
import type { Program } from '../ir/program.ts';
import type { Collective } from './collective.ts';

/**
 * A range of device memory. `holders` counts arrays, tapes and views that may read it: a state that nobody else holds
 * is updated in place, any other gets fresh memory. It may be counted too high (never too low).
 */
export interface Storage {
  readonly device: Device;
  readonly bytes: number;
  /** Device address (CPU: byte offset in the WebAssembly memory). 0 once freed. */
  readonly pointer: number;
  holders: number;
}

/** A buffer bound to a program: `storage` from byte `offset` on. */
export interface Binding {
  readonly storage: Storage;
  readonly offset: number;
}

/** A program that is ready to run. */
export interface Executable {
  readonly program: Program;
  /** How often it has filled what it keeps from call to call; undefined where it keeps nothing. */
  readonly fills?: number;
  /**
   * Runs it once. `buffers` and `offsets` (bytes) follow `externals(program)` without the scalars, which come apart in
   * the order of their buffers. Returns when the results may be used by later calls on the same device (not
   * necessarily finished). Errors of asynchronous devices surface at the next synchronization.
   */
  run(buffers: readonly Storage[], offsets: readonly number[], scalars: readonly number[]): void;
  /** Frees arena and code. Idempotent. */
  dispose(): void;
}

export type { Code };

/** Code that was made of a program before, and who wants new code. */
export interface CodeKeeper {
  readonly code?: Code;
  keep?(code: Code): void;
}

export interface Device {
  readonly kind: 'cpu' | 'webgpu' | 'cuda';
  /** `cpu()`, `webgpu(0)`, ... */
  readonly name: string;
  readonly caps: Caps;
  /** All that code of programs depends on beside the program; undefined where code is not kept. */
  readonly codeKey?: string;
  /**
   * Fresh memory, contents undefined.
   *
   * @throws {OutOfMemoryError} that lists the largest holders
   */
  allocate(bytes: number, label: string): Storage;
  /** Returns memory to the pool at once. Idempotent. Ordinary users never call it: garbage collection does. */
  release(storage: Storage): void;
  /**
   * Makes a program ready to run.
   *
   * @throws {OutOfMemoryError} when there is no room for its intermediate results
   * @throws {DeviceError} on a device that was lost
   */
  load(program: Program, keeper?: CodeKeeper): Executable;
  /** Bytes into memory, from byte `offset` on. */
  write(storage: Storage, offset: number, bytes: Uint8Array): void;
  /**
   * A copy of bytes, once all work before has been done.
   *
   * @throws {DeviceError} with the first error of that work
   */
  read(storage: Storage, offset: number, bytes: number): Promise<Uint8Array>;
  /** A view or copy of the bytes now, or `undefined` where the device cannot do it synchronously. */
  readSync(storage: Storage, offset: number, bytes: number): Uint8Array | undefined;
  /**
   * Resolves when all work so far is done.
   *
   * @throws {DeviceError} with the first error of that work
   */
  synchronize(): Promise<void>;
  /** How devices of this kind sum among each other, where they have a way of their own for `devices`. */
  collective?(devices: readonly Device[]): Collective | undefined;
  /** Bytes in use, bytes held by the pool, the most ever in use. */
  memory(): MemoryReport;
  /** True when many bytes await garbage collection: whoever can should let a macrotask pass. */
  readonly pressure: boolean;
  /** Gives finalizers a turn when the pressure signal is up; costs nothing otherwise. */
  relieve(): Promise<void> | undefined;
}

export interface MemoryReport {
  readonly inUse: number;
  readonly pooled: number;
  readonly peak: number;
  readonly largest: readonly { readonly bytes: number; readonly label: string }[];
}
