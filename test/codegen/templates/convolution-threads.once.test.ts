/**
 * Convolutions from transformed tiles and along rows give the same bits on one thread, on two and on three.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GraphBuilder } from '../../../src/ir/graph/builder.ts';
import type { Graph } from '../../../src/ir/graph/graph.ts';
import { conv, convGradInput, convGradWeight } from '../../../src/ir/graph/ops/conv.ts';
import { tensor } from '../../../src/ir/type.ts';
import { compileGraph } from '../../../src/passes/pipeline.ts';
import { CpuDevice } from '../../../src/runtime/cpu/device.ts';
import { generator } from './nests.ts';

/** A convolution and both of its gradients. */
const graphOf = (
  images: number,
  channels: number,
  size: number,
  groups: number,
  stride: number,
): Graph => {
  const out = Math.floor((size - 1) / stride) + 1;
  const two = (n: number): number[] => [n, n];
  const attrs = { strides: two(stride), low: two(1), high: two(1), dilations: two(1), groups };
  const builder = new GraphBuilder();
  const [xs, ws, ys] = [
    [images, channels, size, size],
    [channels, channels / groups, 3, 3],
    [images, channels, out, out],
  ];
  const [x, w, dy] = [xs, ws, ys].map((shape) => builder.input(tensor('float32', shape!)));
  const outputs = [
    builder.emit(conv, [x!, w!], attrs),
    builder.emit(convGradInput, [dy!, w!], { ...attrs, shape: xs! }),
    builder.emit(convGradWeight, [x!, dy!], { ...attrs, shape: ws! }),
  ];
  return { name: 'convolutions', inputs: builder.inputs, outputs, assigns: [] };
};

const run = (graph: Graph, threads: number, schedule: RegExp): Uint8Array[] => {
  const device = new CpuDevice({ threads });
  const { program } = compileGraph(graph, device.caps);
  assert.is(program.kernels.filter((k) => schedule.test(k.notes.join())).length, 3);
  const pick = generator(3);
  const storages = [...graph.inputs, ...graph.outputs].map(({ type }) => {
    const storage = device.allocate(4 * type.size, 'array');
    const values = Float32Array.from({ length: type.size }, () => (pick(2001) - 1000) / 1000);
    device.write(storage, 0, new Uint8Array(values.buffer));
    return storage;
  });
  device.load(program).run(
    storages,
    storages.map(() => 0),
    [],
  );
  const got = graph.outputs.map(({ type }, i) =>
    device.readSync(storages[graph.inputs.length + i]!, 0, 4 * type.size),
  );
  device.dispose();
  return got;
};

test('results do not depend on the number of threads', () => {
  for (const [graph, schedule] of [
    [graphOf(4, 32, 14, 1, 1), /Winograd/],
    [graphOf(2, 48, 14, 48, 2), /along rows/],
  ] as const) {
    const one = run(graph, 1, schedule);
    assert.ok(one.some((bytes) => bytes.some((b) => b !== 0)));
    for (const threads of [2, 3]) assert.equal(run(graph, threads, schedule), one);
  }
});

test.run();
