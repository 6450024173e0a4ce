/**
 * CUDA as JavaScript sees it: the driver, its compiler (NVRTC) and NCCL, through an add-on that opens them at run time.
 *
 * Invariants: handles are numbers that are never used twice, so that one that was destroyed is an error and no crash;
 * `0` is the null handle (no stream: the default one). Addresses are numbers too (those of a process are below 2^53).
 * Every failure is a `NativeError` whose `code` is the driver's own name for it.
 */

/** A stream, event, module, kernel, graph or communicator. */
export type Handle = number;

/** Where bytes lie on a device, or in pinned memory of the host. */
export type Address = number;

/** What `openCuda` gives. */
export interface NativeCuda {
  /** CUDA version that the driver supports: 12040 is 12.4. */
  readonly driverVersion: number;
  readonly compilerVersion: readonly [major: number, minor: number];
  /** Capabilities (80, 90, …) that the compiler makes code for; empty where it does not say. */
  readonly architectures: readonly number[];
  /** Paths or names under which they were opened. */
  readonly libraries: { readonly driver: string; readonly compiler: string };
  readonly devices: readonly CudaProperties[];
  /** Retains the primary context of a device: the one that other libraries in this process share. */
  open(index: number): CudaContext;
  /** Compiles on this thread. Throws with the compiler's log. `name` stands in messages for the text. */
  compile(source: string, name: string, options: readonly string[]): CompiledImage;
  /** The same on another thread. */
  compileAsync(source: string, name: string, options: readonly string[]): Promise<CompiledImage>;
  /** Opens NCCL, which is looked for only now; rejects with where it was looked for. */
  openNccl(): Promise<NativeNccl>;
}

export interface CompiledImage {
  /** A cubin where the options name a real architecture (`sm_80`), else PTX text. */
  readonly image: Uint8Array<ArrayBuffer>;
  /** Warnings; empty if there are none. */
  readonly log: string;
}

export interface CudaProperties {
  readonly name: string;
  /** As `nvidia-smi` prints it: `GPU-…`; undefined where the driver does not say. */
  readonly uuid: string | undefined;
  /** 80 is 8.0. */
  readonly capability: number;
  readonly processors: number;
  readonly memoryBytes: number;
  /** Most shared memory of a block, when asked for (`allowShared`). */
  readonly sharedBytesPerBlock: number;
  readonly sharedBytesPerProcessor: number;
  readonly registersPerProcessor: number;
  readonly threadsPerBlock: number;
  readonly threadsPerProcessor: number;
  readonly warp: number;
  readonly l2Bytes: number;
  /** Whether memory is allocated in the order of a stream; without, allocating waits for the device. */
  readonly memoryPools: boolean;
  readonly clockKilohertz: number;
  readonly memoryClockKilohertz: number;
  readonly busBits: number;
  readonly clusters: boolean;
  readonly tensorMaps: boolean;
}

/** A device in use. All streams, events, modules and graphs belong to the context that made them. */
export interface CudaContext {
  readonly index: number;
  /** Destroys what is left of this context, pinned memory too; a second time does nothing. */
  close(): void;
  memoryInfo(): { readonly free: number; readonly total: number };

  allocate(bytes: number, stream: Handle): Address;
  free(address: Address, stream: Handle): void;
  /** Gives memory of the pool that is not in use back to the device, all but `keepBytes`. */
  trim(keepBytes: number): void;
  /** Memory of the host that copies run from and to by themselves. */
  pin(bytes: number): { readonly pointer: Address; readonly bytes: ArrayBuffer };
  /** Frees it; its ArrayBuffer has no bytes afterwards. */
  unpin(pointer: Address): void;

  /** A stream that does not wait for the default one. */
  stream(): Handle;
  destroyStream(stream: Handle): void;
  synchronize(stream: Handle): void;
  synchronizeAsync(stream: Handle): Promise<void>;
  /** Whether all work of the stream is done. */
  ready(stream: Handle): boolean;

  event(timing: boolean): Handle;
  destroyEvent(event: Handle): void;
  record(event: Handle, stream: Handle): void;
  /** Later work of the stream waits for the event; it may be one of another context. */
  wait(stream: Handle, event: Handle): void;
  eventReady(event: Handle): boolean;
  eventAsync(event: Handle): Promise<void>;
  /** Milliseconds between two events of `timing` that were reached. */
  elapsed(from: Handle, to: Handle): number;

  /**
   * Copies to the device. Memory that `pin` gave is read later, as the stream gets there; all other memory was read when
   * this returns.
   */
  upload(stream: Handle, to: Address, from: ArrayBufferView, bytes: number): void;
  /** Copies to pinned memory, which holds the bytes when the stream got there. */
  download(stream: Handle, to: Address, from: Address, bytes: number): void;
  /** Copies within the device. */
  copy(stream: Handle, to: Address, from: Address, bytes: number): void;
  /** Copies to another device, directly where the two can. The stream is of this context, which `from` belongs to. */
  copyPeer(stream: Handle, to: Address, toContext: CudaContext, from: Address, bytes: number): void;
  fill(stream: Handle, to: Address, byte: number, bytes: number): void;

  loadModule(image: Uint8Array): Handle;
  /** Its kernels are gone as well. */
  unloadModule(module: Handle): void;
  kernel(module: Handle, name: string): KernelInfo;
  /** Lets a kernel have this much dynamic shared memory; needed above 48 KiB. */
  allowShared(kernel: Handle, bytes: number): void;
  /** `args`: the parameters as one packed C struct. `cluster`: blocks of a cluster, along x. */
  launch(
    stream: Handle,
    kernel: Handle,
    grid: readonly [number, number, number],
    threads: number,
    sharedBytes: number,
    args: Uint8Array,
    cluster?: number,
  ): void;
  /** The 128 bytes that a kernel takes for bulk copies of tiles. */
  tensorMap(description: TensorMapDescription): Uint8Array<ArrayBuffer>;

  /** A graph of exactly these nodes and dependencies. */
  graph(nodes: readonly GraphNode[]): Handle;
  /** Makes it runnable. The graph has to live as long as nodes of what this gives are set. */
  instantiate(graph: Handle): Handle;
  /** Gives node `index` other parameters, from the next launch on: of the same kind, and the same kernel. */
  setNode(exec: Handle, graph: Handle, index: number, node: GraphNode): void;
  launchGraph(exec: Handle, stream: Handle): void;
  destroyGraph(graph: Handle): void;
  destroyExec(exec: Handle): void;
}

/** A kernel, and what the compiler made of it. */
export interface KernelInfo {
  readonly handle: Handle;
  /** Of each thread. */
  readonly registers: number;
  /** Of each thread: registers that did not fit, and arrays. */
  readonly localBytes: number;
  /** Of a block, not counting dynamic shared memory. */
  readonly sharedBytes: number;
  readonly constantBytes: number;
  /** Most threads of a block with these registers. */
  readonly threads: number;
}

/** One piece of work; it starts when the nodes with the indices `after` are done, which come before it. */
export type GraphNode =
  | {
      readonly kind: 'kernel';
      readonly kernel: Handle;
      readonly grid: readonly [number, number, number];
      readonly threads: number;
      readonly sharedBytes: number;
      readonly args: Uint8Array;
      readonly after: readonly number[];
      readonly cluster?: number;
    }
  | {
      readonly kind: 'copy';
      readonly to: Address;
      readonly from: Address;
      readonly bytes: number;
      readonly after: readonly number[];
    }
  | {
      readonly kind: 'fill';
      readonly to: Address;
      readonly byte: number;
      readonly bytes: number;
      readonly after: readonly number[];
    };

/** An array in device memory, and the tile of it that one instruction copies. Dimensions: the innermost first. */
export interface TensorMapDescription {
  readonly element: TensorMapElement;
  /** A multiple of 16. */
  readonly address: Address;
  /** Elements; one to five dimensions. */
  readonly sizes: readonly number[];
  /** Bytes from one to the next, of every dimension but the innermost; multiples of 16. */
  readonly strides: readonly number[];
  /** Elements of a tile, at most 256 along each dimension. */
  readonly box: readonly number[];
  /** Bytes within which a tile's rows are permuted in shared memory; 0: they are not. */
  readonly swizzle: 0 | 32 | 64 | 128;
  /** Bytes of L2 that are fetched at once. */
  readonly promotion: 0 | 64 | 128 | 256;
}

export type TensorMapElement = 'uint8' | 'int32' | 'float16' | 'bfloat16' | 'float32' | 'tfloat32';

/** Sums over devices, by NCCL. A communicator is one device's part in a group of them. */
export interface NativeNccl {
  /** 22203 is 2.22.3. */
  readonly version: number;
  readonly library: string;
  /** One communicator for each of these contexts, ranked in this order. Takes seconds; runs on another thread. */
  communicators(contexts: readonly CudaContext[]): Promise<readonly Handle[]>;
  /** The same over processes: 128 bytes that one of them makes and all others get. */
  uniqueId(): Uint8Array<ArrayBuffer>;
  /** This process' part; settles when all `ranks` have called it. */
  communicator(context: CudaContext, id: Uint8Array, rank: number, ranks: number): Promise<Handle>;
  destroy(communicator: Handle): void;
  /** Calls made within are started together: needed when one thread serves several communicators. */
  group(calls: () => void): void;
  /** `to` may be `from`. */
  allReduce(
    communicator: Handle,
    stream: Handle,
    to: Address,
    from: Address,
    count: number,
    element: NcclElement,
    operator: NcclOperator,
  ): void;
  broadcast(
    communicator: Handle,
    stream: Handle,
    to: Address,
    from: Address,
    count: number,
    element: NcclElement,
    root: number,
  ): void;
}

export type NcclElement =
  | ('int8' | 'uint8' | 'int32' | 'uint32' | 'int64' | 'uint64')
  | ('float16' | 'bfloat16' | 'float32' | 'float64');
export type NcclOperator = 'add' | 'mul' | 'max' | 'min' | 'mean';

/** The driver, the compiler or NCCL refused. `code` is its name for why: `CUDA_ERROR_OUT_OF_MEMORY`. */
export class NativeError extends Error {
  readonly code: string;
  /** The function that failed: `cuMemAllocAsync`. */
  readonly call: string;
  /** What the compiler or linker wrote; empty if there is none. */
  readonly log: string;
  /** The context is lost: every later call of it fails in the same way. */
  readonly fatal: boolean;
  constructor(code: string, call: string, message: string, log: string, fatal: boolean) {
    super(message);
    this.name = 'NativeError';
    this.code = code;
    this.call = call;
    this.log = log;
    this.fatal = fatal;
  }
}
