/**
 * ONNX Runtime on the rows of the benchmark, in Node: native, or as WebAssembly. Models are compiled when they are loaded.
 *
 * Invariant: operands are made once; each run gives fresh results, as the runtime's users get them.
 */
import type { InferenceSession, Tensor } from 'onnxruntime-common';
import type { Prepared, Subject } from '../protocol.ts';
import * as work from '../work.ts';
import { type OnnxRow, onnxRows } from './onnx/models.ts';

/** What both packages export. */
export interface Runtime {
  readonly InferenceSession: {
    create(model: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => Tensor;
}

const prepare =
  (runtime: Runtime, options: InferenceSession.SessionOptions, make: () => OnnxRow) =>
  async (): Promise<Prepared> => {
    const { bytes, feeds, repeats } = make();
    const tensors = Object.fromEntries(
      Object.entries(feeds).map(([name, { data, shape }]) => [
        name,
        new runtime.Tensor('float32', data, shape),
      ]),
    );
    const start = performance.now();
    const session = await runtime.InferenceSession.create(bytes, options);
    const first = await session.run(tensors);
    const compileMs = performance.now() - start;
    const [output] = session.outputNames as readonly [string];
    const check = work.sample(first[output]!.data as Float32Array);
    const run = async (): Promise<void> => {
      for (let i = 0; i < repeats; i++) await session.run(tensors);
    };
    return { run, check, compileMs };
  };

export const subjectOf = (runtime: Runtime, options: InferenceSession.SessionOptions): Subject =>
  Object.fromEntries(
    Object.entries(onnxRows).map(([name, make]) => [
      name,
      { hybrid: prepare(runtime, options, make) },
    ]),
  );
