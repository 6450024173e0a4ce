/**
 * Runs a graph on a device: arrays go in and come out as doubles.
 *
 * Invariant: storages hold exactly what the program's buffers say; results are read after the run; memory is given back then,
 * a program when three others came.
 */

import type { Graph } from '../../src/ir/graph/graph.ts';
import { verifyProgram } from '../../src/ir/program/verify.ts';
import { externals } from '../../src/ir/program.ts';
import { type Compiled, compileGraph } from '../../src/passes/pipeline.ts';
import type { Device, Executable, Storage } from '../../src/runtime/device.ts';
import { collect, layOut, type Way } from './differential.ts';
import { decode, encode } from './wasm.ts';

/** How many graphs stay compiled: an example, its gradient and the gradient of that. */
const KEPT = 3;

/** Compiles for `device` and runs there. A graph that comes again with other data is not compiled again. */
export const byDevice = (device: Device): Way => {
  const kept = new Map<Graph, Loaded>();
  return async (graph, inputs) => {
    const loaded = kept.get(graph) ?? load(device, graph);
    kept.delete(graph);
    kept.set(graph, loaded);
    for (const [oldest, { executable }] of [...kept].slice(0, -KEPT)) {
      executable.dispose();
      kept.delete(oldest);
    }
    const memory = layOut(graph, loaded.compiled.program, inputs);
    await run(device, loaded, memory.externals);
    return collect(graph, loaded.compiled, memory);
  };
};

/** A graph that was compiled for a device and waits there. */
interface Loaded {
  readonly compiled: Compiled;
  readonly executable: Executable;
}

const load = (device: Device, graph: Graph): Loaded => {
  const compiled = compileGraph(graph, device.caps);
  verifyProgram(compiled.program, device.caps);
  return { compiled, executable: device.load(compiled.program) };
};

/** Runs a program on arrays, in the order of `externals(program)`; states and outputs are written back to them. */
const run = async (
  device: Device,
  { compiled: { program }, executable }: Loaded,
  arrays: readonly Float64Array[],
): Promise<void> => {
  const order = externals(program);
  const storages: Storage[] = [];
  const scalars: number[] = [];
  const placed = order.flatMap((index, i) => {
    const buffer = program.buffers[index]!;
    if (buffer.role === 'scalar') {
      scalars.push(arrays[i]![0]!);
      return [];
    }
    const storage = device.allocate(Math.max(buffer.bytes, 4), 'test');
    device.write(storage, 0, encode(buffer.dtype, [...arrays[i]!]));
    storages.push(storage);
    return [{ buffer, storage, array: arrays[i]! }];
  });
  executable.run(
    storages,
    storages.map(() => 0),
    scalars,
  );
  for (const { buffer, storage, array } of placed)
    if (buffer.role === 'state' || buffer.role === 'output')
      array.set(decode(buffer.dtype, await device.read(storage, 0, buffer.bytes)));
  for (const storage of storages) device.release(storage);
};
