/**
 * What it costs to hand a compiled step to a WebGPU device: JavaScript alone, without waiting for what it starts.
 *
 * Invariant: the device is idle when the clock starts, and nothing is timed that it computes.
 */
import { autograd, explain, hybridize, nd, Trainer } from 'tigon';
import { SoftmaxCrossEntropyLoss } from 'tigon/loss';
import { externals } from '../../src/ir/program.ts';
import type { WebGpuDevice } from '../../src/runtime/webgpu/device.ts';
import type { Prepared, Subject } from '../protocol.ts';
import * as work from '../work.ts';
import { mlp } from './nets.ts';
import { countsOf, figuresOf } from './timing.ts';

/** Until the driver has compiled everything. */
const WARM_RUNS = 3;

/** Many small kernels: their number counts, not their work. */
const deepStep = (): { step: () => nd.NDArray; compiled: Parameters<typeof explain>[0] } => {
  const net = mlp(work.DEEP_NET);
  const x = nd.array(work.values('deep', work.DEEP_BATCH * work.DEEP_NET[0]!.inputs), {
    shape: [work.DEEP_BATCH, work.DEEP_NET[0]!.inputs],
  });
  const y = nd.array(work.labels('deep labels', work.DEEP_BATCH, 10));
  const loss = new SoftmaxCrossEntropyLoss();
  const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: work.LEARNING_RATE });
  const compiled = hybridize((a: nd.NDArray, b: nd.NDArray): nd.NDArray => {
    const l = autograd.record(() => loss(net(a), b));
    l.backward();
    trainer.step(work.DEEP_BATCH);
    return l.mean();
  });
  return { step: () => compiled(x, y), compiled };
};

/** Times `encode`, until it returns or until a microtask has submitted what it recorded. */
const prepared = async (
  device: WebGpuDevice,
  submitted: boolean,
  encode: () => (() => void) | undefined,
): Promise<Prepared> => {
  const timed = async (): Promise<number> => {
    const start = performance.now();
    const after = encode();
    if (submitted) await undefined;
    const ms = performance.now() - start;
    after?.();
    await device.synchronize();
    return ms;
  };
  for (let i = 0; i < WARM_RUNS; i++) await timed();
  return { run: timed, timed, ...(await countsOf(device, timed)) };
};

/** As a program calls it, until it is submitted: the step looked up, its arrays found, its result made. */
const called = (device: WebGpuDevice) => async (): Promise<Prepared> => {
  const { step, compiled } = deepStep();
  const encode = (): (() => void) => {
    const result = step();
    return () => result.dispose();
  };
  return { ...(await prepared(device, true, encode)), ...figuresOf(explain(compiled)) };
};

/** The runtime's part of it: what is recorded. */
const run = (device: WebGpuDevice) => async (): Promise<Prepared> => {
  const { step, compiled } = deepStep();
  step().dispose();
  const explanation = explain(compiled);
  const { program } = explanation.programs[0]!;
  const executable = device.load(program);
  const bound = externals(program).map((b) => program.buffers[b]!);
  const arrays = bound.filter(({ role }) => role !== 'scalar');
  const storages = arrays.map(({ bytes, name }) => device.allocate(bytes, name));
  for (const [i, storage] of storages.entries())
    device.write(storage, 0, new Uint8Array(arrays[i]!.bytes));
  const offsets = storages.map(() => 0);
  const scalars = bound.filter(({ role }) => role === 'scalar').map(() => 0);
  const encode = (): undefined => executable.run(storages, offsets, scalars) as undefined;
  return { ...(await prepared(device, false, encode)), ...figuresOf(explanation) };
};

export const encodingOn = (device: WebGpuDevice): Subject => ({
  encode: { step: called(device) },
  'encode-run': { step: run(device) },
});
