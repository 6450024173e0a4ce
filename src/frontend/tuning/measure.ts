/**
 * How long launches of one kernel take on a device, by running them.
 *
 * Invariants: launches take turns, so that what slows the machine down slows all of them; one whose results differ from
 * the first one's takes forever. Everything that is allocated here is given back.
 */
import { bytesOf, isFloat } from '../../ir/dtype.ts';
import type { LoopKernel } from '../../ir/loop/loop.ts';
import type { Program } from '../../ir/program.ts';
import type { ThreadKernel } from '../../ir/thread/thread.ts';
import { byteLength } from '../../passes/buffer-index.ts';
import type { Device, Executable, Storage } from '../../runtime/device.ts';

/** Rounds at most, and what a sample takes at least: clocks of pages are coarse. */
const ROUNDS = 7;
const SAMPLE_MS = 2;
/** A launch that takes this many times as long as the best one is not run again. */
const HOPELESS = 2;
/** Largest difference of results, over the largest of them: orders of summation differ. */
const TOLERANCE = 1e-4;

/** A program of one launch. What the kernel stores is bound to be read and written. */
const programOf = (loop: LoopKernel, kernel: ThreadKernel): Program => {
  const stored = new Set(loop.nests.flatMap((nest) => nest.stores.map((s) => s.buffer.id)));
  return {
    name: loop.name,
    buffers: loop.buffers.map((b) => ({
      name: b.name,
      dtype: b.dtype,
      shape: b.shape,
      strides: b.strides,
      role: stored.has(b.id) ? 'state' : 'input',
      bytes: byteLength(b),
      offset: undefined,
      inPlaceOf: undefined,
      values: undefined,
    })),
    kernels: [kernel],
    steps: [{ kernel: 0, bindings: loop.buffers.map((_, i) => i), barrier: false }],
    loops: [],
    arenaBytes: 0,
    lowerBoundBytes: 0,
  };
};

/** Numbers from -1 to 1 for floats of 32 bits, zeros for all else: indices stay inside. */
const contents = ({ buffers }: Program): Uint8Array[] =>
  buffers.map(({ dtype, bytes, role }, i) => {
    const filled = new Uint8Array(bytes);
    if (dtype !== 'float32' || role !== 'input') return filled;
    const numbers = new Float32Array(filled.buffer);
    let state = 12345 + i;
    for (let at = 0; at < numbers.length; at++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      numbers[at] = state / 2 ** 31;
    }
    return filled;
  });

interface Bench {
  readonly device: Device;
  readonly storages: readonly Storage[];
  readonly offsets: readonly number[];
  /** The first buffer that is written: reading it waits for the launch. */
  readonly result: number;
}

const run = ({ device, storages, offsets, result }: Bench, program: Executable, times: number) => {
  const start = performance.now();
  for (let i = 0; i < times; i++) program.run(storages, offsets, []);
  device.readSync(storages[result]!, 0, 4);
  return (performance.now() - start) / times;
};

/** What the launch stores, from the same contents as every other one's. */
const resultsOf = (bench: Bench, executable: Executable, filled: readonly Uint8Array[]) => {
  const { device, storages, offsets } = bench;
  filled.forEach((bytes, i) => {
    device.write(storages[i]!, 0, bytes);
  });
  executable.run(storages, offsets, []);
  return executable.program.buffers.flatMap(({ role, dtype, bytes }, i) => {
    if (role !== 'state' || !isFloat(dtype) || bytesOf(dtype) !== 4) return [];
    const read = device.readSync(storages[i]!, 0, bytes)!;
    return [new Float32Array(read.slice().buffer)];
  });
};

const agree = (a: readonly Float32Array[], b: readonly Float32Array[]): boolean =>
  a.every((x, i) => {
    let [largest, apart] = [0, 0];
    x.forEach((value, at) => {
      largest = Math.max(largest, Math.abs(value));
      apart = Math.max(apart, Math.abs(value - b[i]![at]!));
    });
    return apart <= TOLERANCE * largest;
  });

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** Milliseconds of each launch, within `budgetMs` or as long as it takes to run each a few times. */
export const measure = (
  device: Device,
  loop: LoopKernel,
  launches: readonly ThreadKernel[],
  budgetMs: number,
): readonly number[] => {
  const programs = launches.map((kernel) => device.load(programOf(loop, kernel)));
  const filled = contents(programs[0]!.program);
  const storages = filled.map((bytes) => device.allocate(Math.max(4, bytes.length), 'tuning'));
  try {
    const result = programs[0]!.program.buffers.findIndex((b) => b.role === 'state');
    const bench: Bench = { device, storages, offsets: storages.map(() => 0), result };
    const expected = resultsOf(bench, programs[0]!, filled);
    const right = programs.map((p) => agree(expected, resultsOf(bench, p, filled)));
    const samples: number[][] = programs.map(() => []);
    const end = performance.now() + budgetMs;
    const best = (): number =>
      Math.min(...samples.flatMap((s) => (s.length > 0 ? [median(s)] : [])));
    for (let round = 0; round < ROUNDS && (round < 2 || performance.now() < end); round++)
      programs.forEach((program, i) => {
        const own = samples[i]!;
        if (!right[i] || (round > 0 && median(own) > HOPELESS * best())) return;
        const once = own[0] ?? run(bench, program, 1);
        own.push(run(bench, program, Math.max(1, Math.ceil(SAMPLE_MS / once))));
      });
    return samples.map((own) => (own.length > 0 ? median(own) : Number.POSITIVE_INFINITY));
  } finally {
    for (const program of programs) program.dispose();
    for (const storage of storages) device.release(storage);
  }
};
