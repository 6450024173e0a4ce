/**
 * What one call costs whatever the machine: kernels launched, bytes they move, memory for what lies between.
 *
 * Invariant: counted, never estimated; a call that is counted is not timed.
 */
import type { Device, Storage } from '../../runtime/device.ts';
import { activity } from '../activity.ts';
import type { Monitor } from '../call.ts';
import type { Explanation } from '../explain.ts';
import { mode, withMode } from '../mode.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { mapArrays } from '../signature.ts';
import type { Leaf } from '../tape.ts';
import { drop } from './timing.ts';

/** Of one call. */
export interface Counts {
  /** Programs run: an imperative function is a program of its own. */
  readonly programs: number;
  /** Kernels launched in them; one in a loop of a compiled program counts once, however often the loop goes round. */
  readonly launches: number;
  /** Bytes of the arrays that the kernels read and write; in a loop, too, each array of a kernel counts once. */
  readonly movedBytes: number;
  /** Loops of the compiled programs. */
  readonly loops: number;
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

const bytesOf = (storages: Iterable<Storage>): number =>
  [...storages].reduce((sum, { bytes }) => sum + bytes, 0);

const behind = (arrays: readonly NDArray[]): ReadonlySet<Storage> =>
  new Set(arrays.flatMap(({ storage }) => storage ?? []));

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
 * Runs `call` once; the memory it takes is looked at after each function. Views of what was there before are no memory of
 * their own, gradients stay allocated from call to call.
 */
const watched = (call: () => unknown, device: Device): readonly [result: unknown, Memory] => {
  const made = new Set<Storage>();
  const leaves = new Set<Leaf>();
  const before = device.memory().inUse;
  let most = 0;
  const look = (): void => {
    const alive = bytesOf([...made].filter(({ holders }) => holders > 0));
    most = Math.max(most, alive, device.memory().inUse - before);
  };
  const monitor: Monitor = (_name, operands, outputs) => {
    const given = operands.filter(isNDArray);
    const old = behind(given);
    for (const storage of behind(outputs)) if (!old.has(storage)) made.add(storage);
    for (const { origin } of mode.recording ? given : [])
      if (origin?.kind === 'leaf') leaves.add(origin);
    look();
  };
  const result = withMode({ monitor }, call);
  look();
  const results: NDArray[] = [];
  mapArrays(result, (x) => results.push(x));
  const own = [...behind(results)].filter((storage) => made.has(storage));
  const gradients = behind([...leaves].flatMap(({ gradient }) => gradient ?? []));
  const between = new Set([...made, ...gradients].filter((storage) => !own.includes(storage)));
  const memory = {
    intermediateBytes: bytesOf(between),
    peakBytes:
      Math.max(0, most - bytesOf(own)) + bytesOf([...gradients].filter((g) => !made.has(g))),
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
    loops: compiled?.programs.reduce((sum, { program }) => sum + program.loops.length, 0) ?? 0,
    ...memory,
    uploadedBytes: difference(now.uploadedBytes, moved.uploadedBytes),
    readBytes: difference(now.readBytes, moved.readBytes),
  };
};
