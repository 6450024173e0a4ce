/**
 * What memory bounds on the CPU, against a copy: `npm run bench -- kernels [name parts]`.
 *
 * Invariant: a share is of a copy that moves as many bytes, measured by the same threads in the same rounds.
 */
import { device, explain, hybridize, type nd } from 'tigon';
import { externals, type Program } from '../../../src/ir/program.ts';
import type { CpuDevice } from '../../../src/runtime/cpu/device.ts';
import type { Effort } from '../../measure.ts';
import { copySpeed } from '../../roofline/ceilings.ts';
import { type Stream, streams } from './streams.ts';

/** Bytes that a row moves, about: in the second level of caches, in the third, in memory. */
const SIZES = [2 ** 19, 2 ** 22, 2 ** 26] as const;
const WARM_RUNS = 8;
/** How long a row runs in a round. */
const LOOK_MS = 15;

/** One row at one size. */
export interface MemoryRow {
  readonly name: string;
  readonly threads: number;
  readonly bytes: number;
  readonly launches: number;
  readonly bestMicroseconds: number;
  readonly gigabytesPerSecond: number;
  readonly copyGigabytesPerSecond: number;
}

/** A program on memory of its own, filled with small numbers. */
const loaded = (cpu: CpuDevice, program: Program): { run(): void; free(): void } => {
  const executable = cpu.load(program);
  const bound = externals(program).map((b) => program.buffers[b]!);
  const storages = bound.map(({ bytes, dtype, name }, i) => {
    const storage = cpu.allocate(bytes, name);
    const values =
      dtype === 'float32'
        ? Float32Array.from({ length: bytes / 4 }, (_, at) => ((at * 7919 + i) % 1021) / 256 - 2)
        : Int32Array.from({ length: bytes / 4 }, (_, at) => (at * 7) % (bytes / 4));
    cpu.write(storage, 0, new Uint8Array(values.buffer));
    return storage;
  });
  const offsets = storages.map(() => 0);
  return {
    run: () => executable.run(storages, offsets, []),
    free: () => {
      executable.dispose();
      for (const s of storages) cpu.release(s);
    },
  };
};

const compiled = ({ given, work }: Stream, elements: number): Program => {
  const arrays = given(elements);
  const f = hybridize(work as (...x: nd.NDArray[]) => nd.NDArray);
  const made: nd.NDArray | readonly nd.NDArray[] = f(...arrays);
  for (const x of [made, arrays].flat() as nd.NDArray[]) x.dispose();
  const [only, ...others] = explain(f).programs;
  if (only === undefined || others.length > 0) throw new Error('a row is one program');
  return only.program;
};

/** Milliseconds of one run: the best of a few looks. */
const timeOf = (run: () => void, repeats: number): number => {
  const start = performance.now();
  for (let i = 0; i < repeats; i++) run();
  return (performance.now() - start) / repeats;
};

const measure = (cpu: CpuDevice, stream: Stream, size: number, rounds: number): MemoryRow => {
  const elements = 2 ** Math.floor(Math.log2(size / 4 / stream.trips));
  const bytes = 4 * stream.trips * elements;
  const program = compiled(stream, elements);
  const { run, free } = loaded(cpu, program);
  for (let i = 0; i < WARM_RUNS; i++) run();
  const repeats = Math.max(1, Math.round(LOOK_MS / 4 / timeOf(run, 2)));
  let best = Number.POSITIVE_INFINITY;
  let copy = 0;
  for (let round = 0; round < rounds; round++) {
    copy = Math.max(copy, copySpeed(cpu, bytes));
    for (let look = 0; look < 4; look++) best = Math.min(best, timeOf(run, repeats));
  }
  free();
  return {
    name: stream.name,
    threads: cpu.threads,
    bytes,
    launches: program.steps.length,
    bestMicroseconds: 1000 * best,
    gigabytesPerSecond: bytes / best / 1e6,
    copyGigabytesPerSecond: copy,
  };
};

const MIB = 2 ** 20;
const show = (row: MemoryRow): string =>
  [
    row.name.padEnd(26),
    `${(row.bytes / MIB).toFixed(1)} MiB`.padStart(10),
    String(row.launches).padStart(9),
    row.bestMicroseconds.toFixed(1).padStart(10),
    row.gigabytesPerSecond.toFixed(1).padStart(8),
    row.copyGigabytesPerSecond.toFixed(1).padStart(8),
    `${((100 * row.gigabytesPerSecond) / row.copyGigabytesPerSecond).toFixed(0)}%`.padStart(8),
  ].join(' ');

/** Measures rows whose names contain one of `parts`, or all. */
export const measureMemory = (
  parts: readonly string[],
  { rounds }: Pick<Effort, 'rounds'>,
): readonly MemoryRow[] => {
  const cpu = device.cpu();
  console.log(
    `${cpu.threads} thread(s)\n${'row'.padEnd(26)} ${'moved'.padStart(10)}  launches         µs     GB/s     copy  of copy`,
  );
  const measured: MemoryRow[] = [];
  for (const stream of streams) {
    if (parts.length > 0 && !parts.some((p) => stream.name.includes(p))) continue;
    for (const size of SIZES) {
      const row = measure(cpu, stream, size, rounds);
      measured.push(row);
      console.log(show(row));
    }
  }
  return measured;
};
