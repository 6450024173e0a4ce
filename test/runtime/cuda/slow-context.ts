/**
 * A CUDA context whose stream gets on only when it is told to: what a device that is far behind looks like from here.
 *
 * Invariant: what was accepted runs in its order, and reads and writes memory only then; kernels are recorded, not run.
 */
import type { CudaContext, GraphNode } from '../../../src/runtime/native/api.ts';
import { NativeError } from '../../../src/runtime/native/api.ts';

export interface SlowContext {
  readonly context: CudaContext;
  /** Does the next pieces of work; all, if not said. */
  run(count?: number): void;
  /** Work that was accepted and not done. */
  readonly waiting: number;
  /** Bytes of device memory. */
  at(address: number, bytes: number): Uint8Array;
  /** What was launched: kernels, and graphs with what their nodes are given. */
  readonly launched: readonly string[];
}

const PAGE = 2 ** 32;

/** `bytes`: how much memory there is. */
export const slowContext = (bytes: number = 2 ** 30): SlowContext => {
  let nextHandle = 1;
  let used = 0;
  const memory = new Map<number, Uint8Array>();
  const pinned = new Map<number, Uint8Array<ArrayBuffer>>();
  const events = new Map<number, boolean>();
  const graphs = new Map<number, GraphNode[]>();
  const queue: (() => void)[] = [];
  const launched: string[] = [];
  const waiters: (() => void)[] = [];
  const find = (address: number, of: ReadonlyMap<number, Uint8Array>): Uint8Array => {
    const base = Math.floor(address / PAGE) * PAGE;
    const block = of.get(base);
    if (block === undefined) throw new Error(`no memory at ${address}`);
    return block.subarray(address - base);
  };
  const run = (count = Number.POSITIVE_INFINITY): void => {
    for (let i = 0; i < count && queue.length > 0; i++) queue.shift()!();
    if (queue.length === 0) for (const go of waiters.splice(0)) go();
  };
  const idle = (): Promise<void> =>
    queue.length === 0 ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve));
  const argumentsOf = (args: Uint8Array): string => {
    const view = new DataView(args.buffer, args.byteOffset, args.byteLength);
    return Array.from(
      { length: args.length / 8 },
      (_, i) => view.getUint32(8 * i, true) + PAGE * view.getUint32(8 * i + 4, true),
    ).join();
  };
  const show = (node: GraphNode): string =>
    node.kind === 'kernel' ? `${node.kernel}(${argumentsOf(node.args)})` : node.kind;
  const context: CudaContext = {
    index: 0,
    close: () => {},
    memoryInfo: () => ({ free: bytes - used, total: bytes }),
    allocate: (size) => {
      if (used + size > bytes)
        throw new NativeError('CUDA_ERROR_OUT_OF_MEMORY', 'cuMemAllocAsync', 'none', '', false);
      used += size;
      const address = nextHandle++ * PAGE;
      memory.set(address, new Uint8Array(size));
      return address;
    },
    free: (address) => {
      queue.push(() => {
        used -= memory.get(address)!.length;
        memory.delete(address);
      });
    },
    trim: () => {},
    pin: (size) => {
      const pointer = nextHandle++ * PAGE;
      const view = new Uint8Array(size);
      pinned.set(pointer, view);
      return { pointer, bytes: view.buffer };
    },
    unpin: (pointer) => void pinned.delete(pointer),
    stream: () => nextHandle++,
    destroyStream: () => {},
    synchronize: () => run(),
    synchronizeAsync: idle,
    ready: () => queue.length === 0,
    event: () => nextHandle++,
    destroyEvent: () => {},
    record: (event) => {
      events.set(event, false);
      queue.push(() => events.set(event, true));
    },
    wait: () => {},
    eventReady: (event) => events.get(event)!,
    eventAsync: idle,
    elapsed: () => 1,
    upload: (_, to, from, size) => {
      const view = new Uint8Array(from.buffer, from.byteOffset, size);
      const isPinned = [...pinned.values()].some((p) => p.buffer === from.buffer);
      const source = isPinned ? view : view.slice();
      queue.push(() => find(to, memory).set(source));
    },
    download: (_, to, from, size) => {
      queue.push(() => find(to, pinned).set(find(from, memory).subarray(0, size)));
    },
    copy: (_, to, from, size) => {
      queue.push(() => find(to, memory).set(find(from, memory).slice(0, size)));
    },
    copyPeer: () => {},
    fill: (_, to, byte, size) => {
      queue.push(() => find(to, memory).fill(byte, 0, size));
    },
    loadModule: () => nextHandle++,
    unloadModule: () => {},
    kernel: () => ({
      handle: nextHandle++,
      registers: 0,
      localBytes: 0,
      sharedBytes: 0,
      constantBytes: 0,
      threads: 1024,
    }),
    allowShared: () => {},
    launch: (_, kernel, _grid, _threads, _shared, args) => {
      launched.push(`${kernel}(${argumentsOf(args)})`);
      queue.push(() => {});
    },
    tensorMap: () => new Uint8Array(128),
    graph: (nodes) => {
      graphs.set(nextHandle, [...nodes]);
      return nextHandle++;
    },
    instantiate: (graph) => {
      graphs.set(nextHandle, [...graphs.get(graph)!]);
      return nextHandle++;
    },
    setNode: (exec, _, index, node) => {
      graphs.get(exec)![index] = node;
    },
    launchGraph: (exec) => {
      launched.push(graphs.get(exec)!.map(show).join(' '));
      queue.push(() => {});
    },
    destroyGraph: (graph) => void graphs.delete(graph),
    destroyExec: (exec) => void graphs.delete(exec),
  };
  return {
    context,
    run,
    get waiting() {
      return queue.length;
    },
    at: (address, size) => find(address, memory).slice(0, size),
    launched,
  };
};
