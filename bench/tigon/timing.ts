/**
 * When work is done: at the call on the CPU, after waiting for the queue on a GPU.
 *
 * Invariant: waiting is timed as part of the work.
 */
import type { Explanation, nd } from 'tigon';
import { WebGpuDevice } from '../../src/runtime/webgpu/device.ts';
import type { Counts, Figures, Prepared } from '../protocol.ts';

type Device = nd.NDArray['device'];

/** Work that ends with an array. */
export const finishing = (device: Device, work: () => nd.NDArray): Prepared['run'] =>
  device.kind === 'cpu'
    ? () => work().dispose()
    : async () => {
        work().dispose();
        await device.synchronize();
      };

/** Work that ends with a number, which the host reads where that means waiting. */
export const reading = (device: Device, work: () => nd.NDArray): Prepared['run'] =>
  device.kind === 'cpu'
    ? () => work().dispose()
    : async () => {
        const result = work();
        await result.item();
        result.dispose();
      };

/** Runs until what is kept between runs is there. */
const WARM_RUNS = 3;

/** What one run asks of a WebGPU device, once it has run before. */
export const countsOf = async (
  device: Device,
  run: Prepared['run'],
): Promise<{ readonly counts?: Counts }> => {
  if (!(device instanceof WebGpuDevice)) return {};
  for (let i = 0; i < WARM_RUNS; i++) await run();
  const before = { ...device.counters };
  await run();
  const { dispatches, submits, bindGroups } = device.counters;
  return {
    counts: {
      dispatches: dispatches - before.dispatches,
      submits: submits - before.submits,
      bindGroups: bindGroups - before.bindGroups,
    },
  };
};

/** Figures of compiled programs (forward and backward together). */
export const figuresOf = (explanation: Explanation): Figures => {
  const programs = explanation.programs.map((p) => p.program);
  const sum = (of: (p: (typeof programs)[number]) => number): number =>
    programs.reduce((n, p) => n + of(p), 0);
  return {
    kernels: sum((p) => p.steps.length),
    plannedPeakBytes: Math.max(...programs.map((p) => p.arenaBytes)),
    lowerBoundBytes: Math.max(...programs.map((p) => p.lowerBoundBytes)),
  };
};
