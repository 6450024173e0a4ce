/**
 * Small programs for tests of devices, and numbers to run them on.
 *
 * Invariant: what they compute is exact, but for the sines.
 */
import type { DType } from '../../src/ir/dtype.ts';
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import type { ScalarOp } from '../../src/ir/scalar.ts';
import { tensor } from '../../src/ir/type.ts';
import { compileGraph } from '../../src/passes/pipeline.ts';
import type { Device, Executable, Storage } from '../../src/runtime/device.ts';
import { encodeElements } from '../../src/runtime/elements.ts';
import { decode } from './wasm.ts';

/** Numbers in memory of their own. */
export const upload = (device: Device, dtype: DType, values: readonly number[]): Storage => {
  const bytes = encodeElements(dtype, values);
  const storage = device.allocate(bytes.length, 'test');
  device.write(storage, 0, bytes);
  return storage;
};

/** The numbers at a place. */
export const read = async (
  device: Device,
  dtype: DType,
  storage: Storage,
  offset = 0,
  bytes: number = storage.bytes,
): Promise<number[]> => decode(dtype, await device.read(storage, offset, bytes));

/** `output = a op b` over `size` elements. */
export const binary = (device: Device, op: ScalarOp, dtype: DType, size: number): Executable => {
  const b = new GraphBuilder();
  const type = tensor(dtype, [size]);
  const graph = b.graph(op, [b.op(op, b.input(type), b.input(type))]);
  return device.load(compileGraph(graph, device.caps).program);
};

/** `state = state + step * x` over `size` elements; `step` is a number. */
export const accumulate = (device: Device, dtype: DType, size: number): Executable => {
  const b = new GraphBuilder();
  const type = tensor(dtype, [size]);
  const state = b.input(type, { name: 'state' });
  const x = b.input(type, { name: 'x' });
  const step = b.input(tensor(dtype, []), { name: 'step', role: 'scalar' });
  const value = b.op('add', state, b.op('mul', x, b.broadcastTo(step, [size])));
  const graph = b.graph('accumulate', [], [{ target: state, value }]);
  return device.load(compileGraph(graph, device.caps).program);
};

/** What `chainProgram` computes. */
export const sines = (steps: number, columns: number, grid: number, bias: number): Float32Array => {
  let x = Float32Array.from({ length: columns * grid }, (_, i) => i / 100);
  for (let s = 0; s < steps; s++) {
    const y = new Float32Array(x.length);
    for (let g = 0; g < grid; g++)
      for (let i = 0; i < columns; i++)
        y[g * columns + i] = Math.sin(
          Math.fround(Math.fround(x[i * grid + g]! + Math.fround(i / columns)) + bias),
        );
    x = y;
  }
  return x;
};

/** 0, 1, 2, … */
export const ramp = (size: number, scale = 1): number[] =>
  Array.from({ length: size }, (_, i) => i * scale);
