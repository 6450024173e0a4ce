/**
 * What one call costs whatever the machine: kernels launched, bytes they move, memory for what lies between.
 *
 * Invariant: counted, never estimated; a call that is counted is not timed.
 */
import type { Device } from '../../runtime/device.ts';
import { activity } from '../activity.ts';
import type { Monitor } from '../call.ts';
import type { Explanation } from '../explain.ts';
import { mode, withMode } from '../mode.ts';
import type { NDArray } from '../ndarray.ts';
import { mapArrays } from '../signature.ts';
import type { Leaf } from '../tape.ts';
import { drop } from './timing.ts';

/** Of one call. */
export interface Counts {
  /** Programs run: an imperative function is a program of its own. */
  readonly programs: number;
  /** Kernels launched in them. */
  readonly launches: number;
  /** Bytes of the arrays that the kernels read and write. */
  readonly movedBytes: number;
  /** Bytes of all arrays between arguments and results, gradients of parameters among them. */
  readonly intermediateBytes: number;
  /** The most memory that was needed for them at once. */
  readonly peakBytes: number;
  /** Bytes that went to the device and came back; undefined where the device is the host. */
  readonly uploadedBytes: number | undefined;
  readonly readBytes: number | undefined;
}

interface Transfers {
  readonly uploadedBytes: number | undefined;
  readonly readBytes: number | undefined;
}

const transfersOf = (device: Device): Transfers => {
  const { counters } = device as Device & { readonly counters?: Transfers };
  return { uploadedBytes: counters?.uploadedBytes, readBytes: counters?.readBytes };
};

const difference = (after: number | undefined, before: number | undefined): number | undefined =>
  after === undefined || before === undefined ? undefined : after - before;

/** Bytes of the memory behind arrays, each once. */
const bytesBehind = (arrays: readonly NDArray[]): number => {
  const seen = new Set(arrays.map(({ storage }) => storage));
  return [...seen].reduce((sum, storage) => sum + (storage?.bytes ?? 0), 0);
};

interface Memory {
  readonly intermediateBytes: number;
  readonly peakBytes: number;
}

/** Of compiled programs: what was planned. */
const planned = ({ programs }: Explanation): Memory => ({
  intermediateBytes: programs.reduce(
    (sum, { program }) =>
      sum + program.buffers.reduce((n, b) => n + (b.role === 'temp' ? b.bytes : 0), 0),
    0,
  ),
  peakBytes: Math.max(...programs.map(({ program }) => program.arenaBytes)),
});

/**
 * Runs `call` once; the memory it takes is looked at after each function. Gradients that it writes stay allocated from
 * call to call.
 */
const watched = (call: () => unknown, device: Device): readonly [result: unknown, Memory] => {
  const made: NDArray[] = [];
  const leaves = new Set<Leaf>();
  const before = device.memory().inUse;
  let most = before;
  const look = (): void => {
    most = Math.max(most, device.memory().inUse);
  };
  const monitor: Monitor = (_name, operands) => {
    look();
    for (const x of mode.recording ? operands : [])
      if (typeof x !== 'number' && x.origin?.kind === 'leaf') leaves.add(x.origin);
  };
  const result = withMode({ scope: made, monitor }, call);
  look();
  const results: NDArray[] = [];
  mapArrays(result, (x) => results.push(x));
  const resultBytes = bytesBehind(results);
  const gradients = [...leaves].flatMap(({ gradient }) => gradient ?? []);
  const memory = {
    intermediateBytes: bytesBehind([...made, ...results, ...gradients]) - resultBytes,
    peakBytes: Math.max(0, most - before - resultBytes) + bytesBehind(gradients),
  };
  return [result, memory];
};

/** Counts what a call does that has run before. `compiled`: the programs that it runs, if it runs no other. */
export const countsOf = async (
  call: () => unknown,
  device: Device,
  compiled: Explanation | undefined,
): Promise<Counts> => {
  await device.synchronize();
  const [work, moved] = [activity(), transfersOf(device)];
  const [result, memory] =
    compiled === undefined ? watched(call, device) : [call(), planned(compiled)];
  await device.synchronize();
  const [done, now] = [activity(), transfersOf(device)];
  drop(result);
  return {
    programs: done.programs - work.programs,
    launches: done.kernels - work.kernels,
    movedBytes: done.bytes - work.bytes,
    ...memory,
    uploadedBytes: difference(now.uploadedBytes, moved.uploadedBytes),
    readBytes: difference(now.readBytes, moved.readBytes),
  };
};
