/** Work happens when somebody waits for it and not before; streams, events, graphs, copies between devices. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { GraphNode } from '../../src/runtime/native/api.ts';
import { Bench, emulated, packed } from './support.ts';

const floatsOf = (buffer: ArrayBuffer): readonly number[] => [...new Float32Array(buffer)];

emulated('a download is there when the stream was waited for', async (cuda) => {
  const { context, stream, memory } = bound(new Bench(cuda));
  const x = memory(new Float32Array([1, 2]));
  const pinned = context.pin(8);
  context.download(stream, pinned.pointer, x, 8);
  assert.ok(floatsOf(pinned.bytes).every(Number.isNaN), 'not there yet');
  await context.synchronizeAsync(stream);
  assert.equal(floatsOf(pinned.bytes), [1, 2]);
});

emulated('whether a stream is done is answered with no, then with yes', (cuda) => {
  const { context, stream, memory } = bound(new Bench(cuda));
  memory(new Float32Array([1]));
  assert.not(context.ready(stream));
  assert.ok(context.ready(stream));
});

emulated('pinned memory is read when the stream gets there', (cuda) => {
  const bench = new Bench(cuda);
  const { context, stream, memory } = bound(bench);
  const pinned = context.pin(4);
  new Float32Array(pinned.bytes)[0] = 1;
  const x = memory(4);
  context.upload(stream, x, new Float32Array(pinned.bytes), 4);
  new Float32Array(pinned.bytes)[0] = 2;
  assert.equal(bench.floats(x, 1), [2]);
});

emulated('other memory was read when an upload returns', (cuda) => {
  const bench = new Bench(cuda);
  const from = new Float32Array([1]);
  const x = bench.memory(from);
  from[0] = 2;
  assert.equal(bench.floats(x, 1), [1]);
});

emulated('a stream that waits for an event sees what came before it', (cuda) => {
  const bench = new Bench(cuda);
  const { context, stream, memory } = bound(bench);
  const x = memory(new Float32Array([1]));
  const twice = bench.kernel('plain', 'times_two');
  bench.launch(twice, [x], { threads: 1 });
  const event = context.event(false);
  context.record(event, stream);
  bench.launch(twice, [x], { threads: 1 });

  const other = context.stream();
  context.wait(other, event);
  const pinned = context.pin(4);
  context.download(other, pinned.pointer, x, 4);
  context.synchronize(other);
  assert.equal(floatsOf(pinned.bytes), [2], 'the second kernel comes behind the event');
  assert.equal(bench.floats(x, 1), [4]);
});

emulated('a stream that does not wait finds memory that is not there', (cuda) => {
  const bench = new Bench(cuda);
  const x = bench.memory(new Float32Array([1]));
  const other = bench.context.stream();
  const pinned = bench.context.pin(4);
  bench.context.download(other, pinned.pointer, x, 4);
  assert.throws(() => bench.context.synchronize(other), /that its stream did not allocate yet/);
});

emulated('events: done or not, and the time between', async (cuda) => {
  const bench = new Bench(cuda);
  const { context, stream } = bound(bench);
  const [start, end] = [context.event(true), context.event(true)];
  context.record(start, stream);
  bench.memory(new Float32Array(1000));
  context.record(end, stream);
  assert.not(context.eventReady(end));
  assert.ok(context.eventReady(end));
  await context.eventAsync(end);
  assert.ok(context.elapsed(start, end) >= 0);
  const late = context.event(true);
  context.record(late, stream);
  assert.throws(() => context.elapsed(start, late), /CUDA_ERROR_NOT_READY/);
});

emulated('memory ends', (cuda) => {
  const { context, stream } = bound(new Bench(cuda));
  const { total, free } = context.memoryInfo();
  assert.is(free, total);
  const half = context.allocate(total / 2, stream);
  assert.is(context.memoryInfo().free, total / 2);
  assert.throws(() => context.allocate(total, stream), /CUDA_ERROR_OUT_OF_MEMORY/);
  context.free(half, stream);
  // its stream has not got to freeing it: that makes room now
  context.free(context.allocate(total, stream), stream);
  context.synchronize(stream);
  assert.is(context.memoryInfo().free, total);
});

emulated('copies and fills', (cuda) => {
  const bench = new Bench(cuda);
  const { context, stream, memory } = bound(bench);
  const [x, y] = [memory(new Float32Array([1, 2, 3, 4])), memory(16)];
  context.fill(stream, y, 0, 16);
  context.copy(stream, y + 4, x + 8, 8);
  assert.equal(bench.floats(y, 4), [0, 3, 4, 0]);
  assert.throws(() => context.copy(stream, y + 8, x, 12), /CUDA_ERROR_INVALID_VALUE/);

  const other = new Bench(cuda);
  const z = other.memory(16);
  other.context.synchronize(other.stream);
  context.copyPeer(stream, z, other.context, x, 16);
  context.synchronize(stream);
  assert.equal(other.floats(z, 4), [1, 2, 3, 4]);
});

const bound = (bench: Bench) => ({
  context: bench.context,
  stream: bench.stream,
  memory: bench.memory.bind(bench),
});

/** Nodes that double a number and add one to it. */
const nodesOn = (bench: Bench, x: number, after: readonly (readonly number[])[]): GraphNode[] =>
  after.map((before, i) => ({
    kind: 'kernel',
    kernel: bench.kernel('plain', i % 2 === 0 ? 'times_two' : 'plus_one'),
    grid: [1, 1, 1],
    threads: 1,
    sharedBytes: 0,
    args: packed([{ address: x }]),
    after: before,
  }));

/** What a graph makes of 1, launched again and again. */
const outcomes = (bench: Bench, after: readonly (readonly number[])[]): ReadonlySet<number> => {
  const { context, stream } = bench;
  const x = bench.memory(4);
  const exec = context.instantiate(context.graph(nodesOn(bench, x, after)));
  return new Set(
    Array.from({ length: 20 }, () => {
      context.upload(stream, x, new Float32Array([1]), 4);
      context.launchGraph(exec, stream);
      return bench.floats(x, 1)[0]!;
    }),
  );
};

emulated('nodes of a graph run after those that they depend on', (cuda) => {
  assert.equal([...outcomes(new Bench(cuda), [[], [0], [1], [2]])], [7]);
});

emulated('a dependency that is missing shows', (cuda) => {
  assert.ok(outcomes(new Bench(cuda), [[], [0], [0], [2]]).size > 1);
});

emulated('a graph of copies and fills, and nodes that are set anew', (cuda) => {
  const bench = new Bench(cuda);
  const { context, stream, memory } = bound(bench);
  const [x, y, z] = [memory(new Float32Array([1, 2])), memory(8), memory(8)];
  const kernel = (address: number): GraphNode => ({
    kind: 'kernel',
    kernel: bench.kernel('plain', 'times_two'),
    grid: [1, 1, 1],
    threads: 1,
    sharedBytes: 0,
    args: packed([{ address }]),
    after: [1],
  });
  const graph = context.graph([
    { kind: 'fill', to: y, byte: 0, bytes: 8, after: [] },
    { kind: 'copy', to: y, from: x, bytes: 4, after: [0] },
    kernel(y),
  ]);
  const exec = context.instantiate(graph);
  context.launchGraph(exec, stream);
  // what was launched keeps what it was launched with
  context.setNode(exec, graph, 0, { kind: 'fill', to: z, byte: 0, bytes: 8, after: [] });
  context.setNode(exec, graph, 1, { kind: 'copy', to: z, from: x + 4, bytes: 4, after: [0] });
  context.setNode(exec, graph, 2, kernel(z));
  context.launchGraph(exec, stream);
  context.destroyGraph(graph);
  assert.equal(bench.floats(y, 2), [2, 0]);
  assert.equal(bench.floats(z, 2), [4, 0]);
});

test.run();
