/**
 * A device in use: the add-on's functions, bound to one context.
 *
 * Invariant: nothing is remembered here but the handle; a closed context is refused by the add-on.
 */
import type { Addon, Shape } from './addon.ts';
import type {
  CudaContext,
  GraphNode,
  Handle,
  TensorMapDescription,
  TensorMapElement,
} from './api.ts';

const handles = new WeakMap<CudaContext, Handle>();

/** The add-on's number for a context. */
export const handleOf = (context: CudaContext): Handle => handles.get(context) ?? 0;

/** CUtensorMapDataType, CUtensorMapSwizzle, CUtensorMapL2promotion. */
const ELEMENTS: Readonly<Record<TensorMapElement, number>> = {
  uint8: 0,
  int32: 3,
  float16: 6,
  float32: 7,
  bfloat16: 9,
  tfloat32: 11,
};
const SWIZZLES: Readonly<Record<TensorMapDescription['swizzle'], number>> = {
  0: 0,
  32: 1,
  64: 2,
  128: 3,
};
const PROMOTIONS: Readonly<Record<TensorMapDescription['promotion'], number>> = {
  0: 0,
  64: 1,
  128: 2,
  256: 3,
};

type KernelNode = Extract<GraphNode, { kind: 'kernel' }>;

const shapeOf = ({ grid, threads, sharedBytes, cluster }: KernelNode): Shape => [
  grid[0],
  grid[1],
  grid[2],
  threads,
  sharedBytes,
  cluster ?? 1,
];

const addNode = (addon: Addon, context: Handle, graph: Handle, node: GraphNode): void => {
  switch (node.kind) {
    case 'kernel':
      addon.graphKernel(context, graph, node.after, node.kernel, node.args, ...shapeOf(node));
      return;
    case 'copy':
      addon.graphCopy(context, graph, node.after, node.to, node.from, node.bytes);
      return;
    case 'fill':
      addon.graphFill(context, graph, node.after, node.to, node.byte, node.bytes);
      return;
    default:
      node satisfies never;
  }
};

const setNode = (
  addon: Addon,
  context: Handle,
  exec: Handle,
  graph: Handle,
  index: number,
  node: GraphNode,
): void => {
  switch (node.kind) {
    case 'kernel':
      addon.setKernel(context, exec, graph, index, node.kernel, node.args, ...shapeOf(node));
      return;
    case 'copy':
      addon.setCopy(context, exec, graph, index, node.to, node.from, node.bytes);
      return;
    case 'fill':
      addon.setFill(context, exec, graph, index, node.to, node.byte, node.bytes);
      return;
    default:
      node satisfies never;
  }
};

const buildGraph = (addon: Addon, context: Handle, nodes: readonly GraphNode[]): Handle => {
  const graph = addon.graphCreate(context);
  try {
    for (const node of nodes) addNode(addon, context, graph, node);
  } catch (error) {
    addon.destroyGraph(graph);
    throw error;
  }
  return graph;
};

/** Opens device `index`. */
export const openContext = (addon: Addon, index: number): CudaContext => {
  const handle = addon.open(index);
  const context: CudaContext = {
    index,
    close: () => addon.close(handle),
    memoryInfo: () => addon.memoryInfo(handle),
    allocate: (bytes, stream) => addon.allocate(handle, bytes, stream),
    free: (address, stream) => addon.free(handle, address, stream),
    trim: (keepBytes) => addon.trim(handle, keepBytes),
    pin: (bytes) => addon.pin(handle, bytes),
    unpin: (pointer) => addon.unpin(pointer),
    stream: () => addon.stream(handle),
    destroyStream: (stream) => addon.destroyStream(stream),
    synchronize: (stream) => addon.synchronize(handle, stream),
    synchronizeAsync: async (stream) => addon.synchronizeAsync(handle, stream),
    ready: (stream) => addon.ready(handle, stream),
    event: (timing) => addon.event(handle, timing),
    destroyEvent: (event) => addon.destroyEvent(event),
    record: (event, stream) => addon.record(handle, event, stream),
    wait: (stream, event) => addon.wait(handle, stream, event),
    eventReady: (event) => addon.eventReady(handle, event),
    eventAsync: async (event) => addon.eventAsync(handle, event),
    elapsed: (from, to) => addon.elapsed(handle, from, to),
    upload: (stream, to, from, bytes) => addon.upload(handle, stream, to, from, bytes),
    download: (stream, to, from, bytes) => addon.download(handle, stream, to, from, bytes),
    copy: (stream, to, from, bytes) => addon.copy(handle, stream, to, from, bytes),
    copyPeer: (stream, to, toContext, from, bytes) =>
      addon.copyPeer(handle, stream, to, handleOf(toContext), from, bytes),
    fill: (stream, to, byte, bytes) => addon.fill(handle, stream, to, byte, bytes),
    loadModule: (image) => addon.loadModule(handle, image),
    unloadModule: (module) => addon.unloadModule(module),
    kernel: (module, name) => addon.kernel(handle, module, name),
    allowShared: (kernel, bytes) => addon.allowShared(handle, kernel, bytes),
    launch: (stream, kernel, [x, y, z], threads, sharedBytes, args, cluster = 1) =>
      addon.launch(handle, stream, kernel, args, x, y, z, threads, sharedBytes, cluster),
    tensorMap: ({ element, address, sizes, strides, box, swizzle, promotion }) =>
      addon.tensorMap(
        handle,
        ELEMENTS[element],
        address,
        sizes,
        strides,
        box,
        SWIZZLES[swizzle],
        PROMOTIONS[promotion],
      ),
    graph: (nodes) => buildGraph(addon, handle, nodes),
    instantiate: (graph) => addon.instantiate(handle, graph),
    setNode: (exec, graph, index, node) => setNode(addon, handle, exec, graph, index, node),
    launchGraph: (exec, stream) => addon.launchGraph(handle, exec, stream),
    destroyGraph: (graph) => addon.destroyGraph(graph),
    destroyExec: (exec) => addon.destroyExec(exec),
  };
  handles.set(context, handle);
  return context;
};
