/**
 * Runs a graph on a device: arrays go in and come out as doubles.
 *
 * Invariant: storages hold exactly what the program's buffers say; results are read after the run; memory is given back.
 */

import { verifyProgram } from '../../src/ir/program/verify.ts';
import { externals, type Program } from '../../src/ir/program.ts';
import { compileGraph } from '../../src/passes/pipeline.ts';
import type { Device, Storage } from '../../src/runtime/device.ts';
import { collect, layOut, type Way } from './differential.ts';
import { decode, encode } from './wasm.ts';

/** Compiles for `device` and runs there. */
export const byDevice =
  (device: Device): Way =>
  async (graph, inputs) => {
    const compiled = compileGraph(graph, device.caps);
    verifyProgram(compiled.program, device.caps);
    const memory = layOut(graph, compiled.program, inputs);
    await run(device, compiled.program, memory.externals);
    return collect(graph, compiled, memory);
  };

/** Runs `program` on arrays, in the order of `externals(program)`; states and outputs are written back to them. */
const run = async (
  device: Device,
  program: Program,
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
  const executable = device.load(program);
  executable.run(
    storages,
    storages.map(() => 0),
    scalars,
  );
  for (const { buffer, storage, array } of placed)
    if (buffer.role === 'state' || buffer.role === 'output')
      array.set(decode(buffer.dtype, await device.read(storage, 0, buffer.bytes)));
  executable.dispose();
  for (const storage of storages) device.release(storage);
};
