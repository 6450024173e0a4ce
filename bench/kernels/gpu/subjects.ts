/**
 * Tigon's kernels to be measured against the ceilings of a WebGPU device: contractions, attention, and what memory bounds.
 *
 * Invariant: programs are compiled as for any other caller and run on buffers of their own.
 */
import { hybridize, nd } from 'tigon';
import { bringEveryFamily } from '../../../src/codegen/every-family.ts';
import type { Graph } from '../../../src/ir/graph/graph.ts';
import { externals, type Program } from '../../../src/ir/program.ts';
import { compileGraph } from '../../../src/passes/pipeline.ts';
import type { WebGpuDevice } from '../../../src/runtime/webgpu/device.ts';
import { attentions, longAttentions } from '../attentions.ts';
import { contractions, largeSquares } from '../contractions.ts';
import type { Subject } from './timing.ts';

/** A program with memory of its own, filled with small numbers. */
export const loaded = (device: WebGpuDevice, program: Program): (() => void) => {
  const executable = device.load(program);
  const bound = externals(program).map((b) => program.buffers[b]!);
  const arrays = bound.filter(({ role }) => role !== 'scalar');
  const storages = arrays.map(({ bytes, dtype, name }, i) => {
    const storage = device.allocate(bytes, name);
    const values =
      dtype === 'float32'
        ? Float32Array.from({ length: bytes / 4 }, (_, at) => ((at * 7919 + i) % 17) / 80 - 0.1)
        : new Uint8Array(bytes);
    device.write(storage, 0, new Uint8Array(values.buffer));
    return storage;
  });
  const offsets = storages.map(() => 0);
  const scalars = bound.filter(({ role }) => role === 'scalar').map(() => 1e-6);
  return () => executable.run(storages, offsets, scalars);
};

const compiled = (device: WebGpuDevice, graph: Graph): (() => void) => {
  bringEveryFamily();
  return loaded(device, compileGraph(graph, device.caps).program);
};

/** Rows as long as a transformer's; as many as fill a graphics card. */
const ROWS = { software: [512, 1024], hardware: [16384, 4096] } as const;

/** Functions of one array that memory bounds; `trips` counts how often each element is read or written at least. */
const STREAMS: readonly (readonly [
  name: string,
  trips: number,
  fn: (x: nd.NDArray) => nd.NDArray,
])[] = [
  ['map', 2, (x) => x.mul(1.5)],
  ['sum of rows', 1, (x) => x.sum({ axis: 1 })],
  ['softmax of rows', 2, (x) => x.softmax({ axis: 1 })],
  [
    'layernorm of rows',
    2,
    (x) => {
      const c = x.sub(x.mean({ axis: 1, keepDims: true }));
      return c.div(c.square().mean({ axis: 1, keepDims: true }).add(1e-5).sqrt());
    },
  ],
];

/** Everything, made when it is its turn. */
export const subjectsOn = (
  device: WebGpuDevice,
): readonly { readonly name: string; readonly make: () => Subject }[] => {
  const { software } = device.adapter;
  const [rows, columns] = software ? ROWS.software : ROWS.hardware;
  const bytes = 4 * rows * columns;
  return [
    ...[
      ...contractions,
      ...attentions,
      ...(software ? [] : [...largeSquares, ...longAttentions]),
    ].map(({ name, flops, graph }) => ({
      name,
      make: (): Subject => ({
        name,
        bound: 'flops',
        work: flops,
        launch: compiled(device, graph),
      }),
    })),
    ...STREAMS.map(([word, trips, fn]) => {
      const name = `${word} [${rows}, ${columns}]`;
      const make = (): Subject => {
        const x = nd.ones([rows, columns], { device });
        const f = hybridize(fn);
        return { name, bound: 'bytes', work: trips * bytes, launch: () => f(x).dispose() };
      };
      return { name, make };
    }),
  ];
};
