/**
 * What the add-on exports, as it is: one function for each thing it does, over numbers and bytes.
 *
 * Invariant: agrees with `addon/*.cc`, where each function's comment lists the same arguments in the same order.
 */
import type { Address, CompiledImage, CudaProperties, Handle } from './api.ts';

/** Why a file is not the library that was looked for. */
export interface Problem {
  /**
   * `absent`: not opened; `old`: lacks functions, which `detail` names; `new`: makes code that the driver does not load;
   * `refuses`: does not start, `code` says why.
   */
  readonly problem: 'absent' | 'old' | 'new' | 'refuses';
  readonly detail: string;
  readonly code?: string;
  /** Where it lies, when it was opened. */
  readonly file?: string;
  readonly version?: number;
}

export interface Opened {
  readonly problem?: undefined;
  readonly path: string;
  readonly version: number;
}

export interface OpenedCompiler extends Opened {
  readonly architectures: readonly number[];
}

/** Grid along x, y and z, threads, bytes of dynamic shared memory, blocks of a cluster. */
export type Shape = readonly [number, number, number, number, number, number];

export interface Addon {
  setErrorMaker(make: (code: string, call: string, detail: string, log: string) => Error): void;
  openDriver(path: string): Opened | Problem;
  /** Opens the files `beforehand`, too: libraries that the compiler looks for by their bare names. */
  openCompiler(
    path: string,
    beforehand: readonly string[],
    driverVersion: number,
  ): OpenedCompiler | Problem;
  openNccl(path: string): Opened | Problem;

  devices(): readonly CudaProperties[];
  open(index: number): Handle;
  close(context: Handle): void;
  memoryInfo(context: Handle): { readonly free: number; readonly total: number };

  compile(source: string, name: string, options: readonly string[]): CompiledImage;
  compileAsync(source: string, name: string, options: readonly string[]): Promise<CompiledImage>;

  allocate(context: Handle, bytes: number, stream: Handle): Address;
  free(context: Handle, address: Address, stream: Handle): void;
  trim(context: Handle, keepBytes: number): void;
  pin(context: Handle, bytes: number): { readonly pointer: Address; readonly bytes: ArrayBuffer };
  unpin(pointer: Address): void;

  upload(context: Handle, stream: Handle, to: Address, from: ArrayBufferView, bytes: number): void;
  download(context: Handle, stream: Handle, to: Address, from: Address, bytes: number): void;
  copy(context: Handle, stream: Handle, to: Address, from: Address, bytes: number): void;
  copyPeer(
    context: Handle,
    stream: Handle,
    to: Address,
    toContext: Handle,
    from: Address,
    bytes: number,
  ): void;
  fill(context: Handle, stream: Handle, to: Address, byte: number, bytes: number): void;

  stream(context: Handle): Handle;
  destroyStream(stream: Handle): void;
  synchronize(context: Handle, stream: Handle): void;
  synchronizeAsync(context: Handle, stream: Handle): Promise<void>;
  ready(context: Handle, stream: Handle): boolean;
  event(context: Handle, timing: boolean): Handle;
  destroyEvent(event: Handle): void;
  record(context: Handle, event: Handle, stream: Handle): void;
  wait(context: Handle, stream: Handle, event: Handle): void;
  eventReady(context: Handle, event: Handle): boolean;
  eventAsync(context: Handle, event: Handle): Promise<void>;
  elapsed(context: Handle, from: Handle, to: Handle): number;

  loadModule(context: Handle, image: Uint8Array): Handle;
  unloadModule(module: Handle): void;
  kernel(
    context: Handle,
    module: Handle,
    name: string,
  ): {
    readonly handle: Handle;
    readonly registers: number;
    readonly localBytes: number;
    readonly sharedBytes: number;
    readonly constantBytes: number;
    readonly threads: number;
  };
  allowShared(context: Handle, kernel: Handle, bytes: number): void;
  launch(context: Handle, stream: Handle, kernel: Handle, args: Uint8Array, ...shape: Shape): void;
  /** `element`, `swizzle` and `promotion` are the driver's numbers. */
  tensorMap(
    context: Handle,
    element: number,
    address: Address,
    sizes: readonly number[],
    strides: readonly number[],
    box: readonly number[],
    swizzle: number,
    promotion: number,
  ): Uint8Array<ArrayBuffer>;

  graphCreate(context: Handle): Handle;
  graphKernel(
    context: Handle,
    graph: Handle,
    after: readonly number[],
    kernel: Handle,
    args: Uint8Array,
    ...shape: Shape
  ): void;
  graphCopy(
    context: Handle,
    graph: Handle,
    after: readonly number[],
    to: Address,
    from: Address,
    bytes: number,
  ): void;
  graphFill(
    context: Handle,
    graph: Handle,
    after: readonly number[],
    to: Address,
    byte: number,
    bytes: number,
  ): void;
  instantiate(context: Handle, graph: Handle): Handle;
  setKernel(
    context: Handle,
    exec: Handle,
    graph: Handle,
    index: number,
    kernel: Handle,
    args: Uint8Array,
    ...shape: Shape
  ): void;
  setCopy(
    context: Handle,
    exec: Handle,
    graph: Handle,
    index: number,
    to: Address,
    from: Address,
    bytes: number,
  ): void;
  setFill(
    context: Handle,
    exec: Handle,
    graph: Handle,
    index: number,
    to: Address,
    byte: number,
    bytes: number,
  ): void;
  launchGraph(context: Handle, exec: Handle, stream: Handle): void;
  destroyGraph(graph: Handle): void;
  destroyExec(exec: Handle): void;

  ncclCommunicators(contexts: readonly Handle[]): Promise<readonly Handle[]>;
  ncclUniqueId(): Uint8Array<ArrayBuffer>;
  ncclCommunicator(context: Handle, id: Uint8Array, rank: number, ranks: number): Promise<Handle>;
  ncclDestroy(communicator: Handle): void;
  ncclGroupStart(): void;
  ncclGroupEnd(): void;
  /** `element` and `operator` are NCCL's numbers. */
  ncclAllReduce(
    communicator: Handle,
    stream: Handle,
    to: Address,
    from: Address,
    count: number,
    element: number,
    operator: number,
  ): void;
  ncclBroadcast(
    communicator: Handle,
    stream: Handle,
    to: Address,
    from: Address,
    count: number,
    element: number,
    root: number,
  ): void;
}
