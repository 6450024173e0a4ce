/** Compiling, modules, launches, graphs, tensor maps and NCCL through the add-on, on stand-ins for the libraries. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type GraphNode, NativeError } from '../../src/runtime/native/api.ts';
import { failure } from '../support/processes.ts';
import { misbehave, onFake, packed, readBack } from './native-fake/libraries.ts';

const nativeFailure = async (f: () => unknown): Promise<NativeError> => {
  const error: unknown = await failure(f);
  assert.instance(error, NativeError);
  return error as NativeError;
};
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const image = Buffer.from('fake');

onFake('compiles to a cubin or to PTX, with the warnings', async (_, cuda) => {
  const real = cuda.compile('code', 'name', ['--gpu-architecture=sm_80']);
  assert.is(text(real.image), 'fake cubin code');
  assert.is(real.log, '');
  const virtual = await cuda.compileAsync('odd code', 'name', ['--gpu-architecture=compute_80']);
  assert.is(text(virtual.image), 'fake ptx odd code');
  assert.is(virtual.log, 'warning: odd\n');
});

onFake('text that does not compile: the log, with the name of the text', async (_, cuda) => {
  for (const body of [
    () => cuda.compile('wrong', 'kernel.cu', []),
    () => cuda.compileAsync('wrong', 'kernel.cu', []),
  ]) {
    const error = await nativeFailure(body);
    assert.is(error.code, 'NVRTC_ERROR_COMPILATION');
    assert.is(error.log, 'kernel.cu(1): error: identifier "wrong" is undefined\n');
    assert.match(
      error.message,
      /^nvrtcCompileProgram: NVRTC_ERROR_COMPILATION\nkernel\.cu\(1\): error/,
    );
  }
});

onFake('several texts compile at once, while JavaScript goes on', async (_, cuda) => {
  misbehave('two slow');
  const before = performance.now();
  const made = await Promise.all(
    ['a', 'b', 'c'].map((source) => cuda.compileAsync(source, source, [])),
  );
  assert.ok(performance.now() - before < 3 * 200);
  assert.equal(
    made.map(({ image }) => text(image)),
    ['fake ptx a', 'fake ptx b', 'fake ptx c'],
  );
});

onFake('kernels and what the compiler made of them', (context) => {
  const module = context.loadModule(image);
  const { handle, ...info } = context.kernel(module, 'add');
  assert.ok(handle > 0);
  const expected = {
    registers: 104,
    localBytes: 103,
    sharedBytes: 101,
    constantBytes: 102,
    threads: 100,
  };
  assert.equal(info, expected);
});

onFake('images and kernels that are none', async (context) => {
  const bad = await nativeFailure(() => context.loadModule(Buffer.from('elf')));
  assert.is(bad.code, 'CUDA_ERROR_INVALID_IMAGE');
  assert.match(bad.message, /NVRTC may be newer than the driver\nlinker: this is no image$/);
  const module = context.loadModule(image);
  const unknown = await nativeFailure(() => context.kernel(module, 'nothing'));
  assert.is(unknown.code, 'CUDA_ERROR_NOT_FOUND');
  assert.match(unknown.message, 'kernel nothing');
  const kernel = context.kernel(module, 'add').handle;
  context.unloadModule(module);
  await nativeFailure(() => context.kernel(module, 'add'));
  const gone = await nativeFailure(() => context.launch(0, kernel, [1, 1, 1], 1, 0, packed([])));
  assert.match(gone.message, 'no such kernel');
});

onFake('launches: parameters, shape, clusters, shared memory', async (context) => {
  const module = context.loadModule(image);
  const add = context.kernel(module, 'add').handle;
  const shape = context.kernel(module, 'shape').handle;
  const to = context.allocate(24, 0);
  const args = packed([to], [2, 5]);
  context.fill(0, to, 0, 24);
  context.launch(0, add, [1, 1, 1], 32, 0, args);
  // parameters were taken when the call returned
  args.fill(0);
  assert.equal([...readBack(context, to, 2)], [5, 5]);
  context.launch(0, shape, [2, 3, 4], 64, 100, packed([to]));
  assert.equal([...readBack(context, to, 6)], [2, 3, 4, 64, 100, 1]);
  context.allowShared(shape, 200 * 1024);
  context.launch(0, shape, [16, 1, 1], 128, 200 * 1024, packed([to]), 16);
  assert.equal([...readBack(context, to, 6)], [16, 1, 1, 128, 200 * 1024, 16]);
  const many = await nativeFailure(() => context.launch(0, add, [1, 1, 1], 2048, 0, args));
  assert.is(many.code, 'CUDA_ERROR_INVALID_VALUE');
  const much = await nativeFailure(() => context.allowShared(shape, 2 ** 20));
  assert.is(much.code, 'CUDA_ERROR_INVALID_VALUE');
});

onFake('a graph runs its nodes in the order of their dependencies, again and again', (context) => {
  const module = context.loadModule(image);
  const [add, double] = ['add', 'double'].map((name) => context.kernel(module, name).handle);
  const launch = { grid: [1, 1, 1], threads: 1, sharedBytes: 0 } as const;
  const [a, b] = [context.allocate(8, 0), context.allocate(8, 0)];
  const nodes: readonly GraphNode[] = [
    { kind: 'fill', to: a, byte: 1, bytes: 8, after: [] },
    { kind: 'kernel', kernel: add!, ...launch, args: packed([a], [2, 7]), after: [0] },
    { kind: 'kernel', kernel: double!, ...launch, args: packed([a]), after: [1] },
    { kind: 'copy', to: b, from: a, bytes: 8, after: [2] },
  ];
  const graph = context.graph(nodes);
  const exec = context.instantiate(graph);
  const one = 0x01010101 + 7;
  for (let i = 0; i < 2; i++) {
    context.fill(0, b, 0, 8);
    context.launchGraph(exec, 0);
    assert.equal([...readBack(context, b, 2)], [2 * one, one]);
  }
  const shape = context.kernel(module, 'shape').handle;
  const places = context.allocate(24, 0);
  const clusters = context.graph([
    { kind: 'kernel', kernel: shape, ...launch, args: packed([places]), after: [], cluster: 2 },
  ]);
  context.launchGraph(context.instantiate(clusters), 0);
  assert.equal([...readBack(context, places, 6)], [1, 1, 1, 1, 0, 2]);
});

onFake('nodes get other parameters, those of the graph stay', (context) => {
  const module = context.loadModule(image);
  const add = context.kernel(module, 'add').handle;
  const launch = { grid: [1, 1, 1], threads: 1, sharedBytes: 0 } as const;
  const [a, b, c] = [context.allocate(4, 0), context.allocate(4, 0), context.allocate(4, 0)];
  const node = (value: number): GraphNode => ({
    kind: 'kernel',
    kernel: add,
    ...launch,
    args: packed([a], [1, value]),
    after: [0],
  });
  const graph = context.graph([
    { kind: 'fill', to: a, byte: 0, bytes: 4, after: [] },
    node(1),
    { kind: 'copy', to: b, from: a, bytes: 4, after: [1] },
  ]);
  const exec = context.instantiate(graph);
  context.setNode(exec, graph, 0, { kind: 'fill', to: a, byte: 2, bytes: 3, after: [] });
  context.setNode(exec, graph, 1, node(10));
  context.setNode(exec, graph, 2, { kind: 'copy', to: c, from: a, bytes: 4, after: [1] });
  for (const at of [a, b, c]) context.fill(0, at, 0, 4);
  context.launchGraph(exec, 0);
  assert.equal([...readBack(context, b, 1), ...readBack(context, c, 1)], [0, 0x020202 + 10]);
  context.launchGraph(context.instantiate(graph), 0);
  assert.equal([...readBack(context, b, 1)], [1]);
});

onFake('graphs that cannot be: nothing is left of them', async (context) => {
  const forward = await nativeFailure(() =>
    context.graph([{ kind: 'fill', to: 0, byte: 0, bytes: 0, after: [0] }]),
  );
  assert.match(forward.message, 'node 0 comes after node 0, which is not there yet');
  const graph = context.graph([{ kind: 'fill', to: 0, byte: 0, bytes: 0, after: [] }]);
  misbehave('two no-instances');
  const full = await nativeFailure(() => context.instantiate(graph));
  assert.is(full.code, 'CUDA_ERROR_OUT_OF_MEMORY');
  assert.is(full.call, 'cuGraphInstantiate');
});

onFake('updates that cannot be', async (context) => {
  const module = context.loadModule(image);
  const [add, double] = ['add', 'double'].map((name) => context.kernel(module, name).handle);
  const launch = { grid: [1, 1, 1], sharedBytes: 0, args: packed([]), after: [] } as const;
  const fill: GraphNode = { kind: 'fill', to: 0, byte: 0, bytes: 0, after: [] };
  const graph = context.graph([{ kind: 'kernel', kernel: add!, threads: 1, ...launch }]);
  const other = context.graph([fill]);
  const exec = context.instantiate(graph);
  const cases: readonly [() => void, string, RegExp][] = [
    [
      () => context.setNode(exec, graph, 0, fill),
      'CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE',
      /of another kind/,
    ],
    [
      () =>
        context.setNode(exec, graph, 0, { kind: 'kernel', kernel: double!, threads: 1, ...launch }),
      'CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE',
      /keeps its kernel/,
    ],
    [
      () =>
        context.setNode(exec, graph, 0, { kind: 'kernel', kernel: add!, threads: 2048, ...launch }),
      'CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE',
      /cuGraphExecKernelNodeSetParams/,
    ],
    [() => context.setNode(exec, graph, 1, fill), 'CUDA_ERROR_INVALID_VALUE', /no node 1 of 1/],
    [() => context.setNode(exec, other, 0, fill), 'CUDA_ERROR_INVALID_VALUE', /from another graph/],
  ];
  for (const [body, code, message] of cases) {
    const error = await nativeFailure(body);
    assert.is(error.code, code);
    assert.match(error.message, message);
  }
});

onFake('a runnable graph outlives its graph and the modules of its kernels', (context) => {
  const module = context.loadModule(image);
  const add = context.kernel(module, 'add').handle;
  const to = context.allocate(4, 0);
  const launch = {
    grid: [1, 1, 1],
    threads: 1,
    sharedBytes: 0,
    args: packed([to], [1, 3]),
  } as const;
  const graph = context.graph([{ kind: 'kernel', kernel: add, ...launch, after: [] }]);
  const exec = context.instantiate(graph);
  context.destroyGraph(graph);
  context.unloadModule(module);
  context.fill(0, to, 0, 4);
  context.launchGraph(exec, 0);
  assert.equal([...readBack(context, to, 1)], [3]);
  context.destroyExec(exec);
});

onFake('tensor maps: 128 bytes of what was said', async (context) => {
  const description = {
    element: 'bfloat16',
    address: 4096,
    sizes: [64, 32],
    strides: [128],
    box: [8, 16],
    swizzle: 128,
    promotion: 256,
  } as const;
  const words = [...new BigUint64Array(context.tensorMap(description).buffer)].map(Number);
  assert.equal(words, [9, 2, 4096, 64, 32, 128, 8, 16, 1, 0, 3, 3, 0, 0, 0, 0]);
  const wide = await nativeFailure(() => context.tensorMap({ ...description, box: [257, 1] }));
  assert.match(wide.message, 'a side of a box is 1 to 256');
  const few = await nativeFailure(() => context.tensorMap({ ...description, strides: [] }));
  assert.match(few.message, 'given are 2, 2 and 0');
});

onFake('NCCL: sums over the devices of this process', async (context, cuda) => {
  const contexts = [context, cuda.open(1)];
  const nccl = await cuda.openNccl();
  const communicators = await nccl.communicators(contexts);
  const places = contexts.map((one, i) => {
    const at = one.allocate(8, 0);
    one.upload(0, at, Float32Array.of(i + 1, 10 * (i + 1)), 8);
    one.synchronize(0);
    return at;
  });
  nccl.group(() => {
    communicators.forEach((communicator, i) => {
      nccl.allReduce(communicator, 0, places[i]!, places[i]!, 2, 'float32', 'add');
    });
  });
  for (const [i, one] of contexts.entries())
    assert.equal([...new Float32Array(readBack(one, places[i]!, 2).buffer)], [3, 30]);

  const alone = () => nccl.allReduce(communicators[0]!, 0, 0, 0, 2, 'float32', 'add');
  const error = await nativeFailure(alone);
  assert.is(error.code, 'ncclInvalidUsage');
  assert.match(error.message, /^ncclAllReduce: text of NCCL \(ncclInvalidUsage\)\nthe last error/);
  // a group that fails inside was ended: the next error is again that of being alone
  await nativeFailure(() =>
    nccl.group(() => nccl.broadcast(communicators[0]!, 0, 0, 0, 1, 'int32', 0)),
  );
  assert.is((await nativeFailure(alone)).code, 'ncclInvalidUsage');
  for (const communicator of communicators) nccl.destroy(communicator);
  await nativeFailure(() => nccl.destroy(communicators[0]!));
  await nativeFailure(() => nccl.communicators([context, context]));
  contexts[1]!.close();
});

onFake('NCCL: one part of a group of processes', async (context, cuda) => {
  const nccl = await cuda.openNccl();
  const id = nccl.uniqueId();
  assert.is(id.length, 128);
  nccl.destroy(await nccl.communicator(context, id, 1, 2));
  const error = await nativeFailure(() => nccl.communicator(context, id, 2, 2));
  assert.is(error.code, 'ncclInvalidArgument');
  await nativeFailure(() => nccl.communicator(context, id.subarray(1), 0, 2));
});

test.run();
