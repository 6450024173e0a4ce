/**
 * Speed of contractions alone: GFLOP/s of matrix products and of LeNet's convolutions, on one thread and on all.
 *
 * Invariant: each figure is the best and the median of interleaved rounds in one process; results are spot-checked.
 * Run: `node --conditions=tigon-source --import tsx bench/kernels/matmul.ts [name part]...`
 */

import { cpus } from 'node:os';
import { compileGraph } from '../../src/passes/pipeline.ts';
import { CpuDevice } from '../../src/runtime/cpu/device.ts';
import type { Executable, Storage } from '../../src/runtime/device.ts';
import { type Contracted, contractions } from './contractions.ts';

const ROUNDS = 7;

interface Subject {
  readonly device: CpuDevice;
  readonly executable: Executable;
  readonly storages: readonly Storage[];
  readonly notes: readonly string[];
  readonly times: number[];
}

const subject = (c: Contracted, device: CpuDevice): Subject => {
  const { graph } = c;
  const { program } = compileGraph(graph, device.caps);
  const types = [...graph.inputs, ...graph.outputs].map((x) => x.type);
  const storages = types.map((t, i) => {
    const storage = device.allocate(4 * t.size, `buffer ${i}`);
    const values = Float32Array.from({ length: t.size }, (_, j) => ((j * 7919 + i) % 17) / 8 - 1);
    device.write(storage, 0, new Uint8Array(values.buffer));
    return storage;
  });
  const notes = program.kernels.flatMap((k) => k.notes);
  return { device, executable: device.load(program), storages, notes, times: [] };
};

/** Seconds of one run, over enough runs for 20 ms. */
const time = (s: Subject, repeats: number): number => {
  const offsets = s.storages.map(() => 0);
  const start = performance.now();
  for (let i = 0; i < repeats; i++) s.executable.run(s.storages, offsets, []);
  return (performance.now() - start) / 1000 / repeats;
};

const median = (xs: readonly number[]): number => [...xs].sort((a, b) => a - b)[xs.length >> 1]!;

const main = async (parts: readonly string[]): Promise<void> => {
  const devices = [new CpuDevice({ threads: 1 })];
  if (cpus().length > 1) devices.push(new CpuDevice({ threads: 2 }));
  const verbose = process.env['NOTES'] !== undefined;
  console.log(
    'name'.padEnd(28),
    ...devices.map((d) => `${d.threads} thread(s): best median GFLOP/s, µs`),
  );
  for (const c of contractions) {
    if (parts.length > 0 && !parts.some((p) => c.name.includes(p))) continue;
    const subjects = devices.map((d) => subject(c, d));
    const repeats = subjects.map((s) => {
      for (let i = 0; i < 12; i++) time(s, 1);
      return Math.max(1, Math.ceil(0.02 / time(s, 2)));
    });
    for (let round = 0; round < ROUNDS; round++) {
      subjects.forEach((s, i) => {
        s.times.push(time(s, repeats[i]!));
      });
      await new Promise((done) => setTimeout(done, 5));
    }
    const figures = subjects.map(({ times }) => {
      const rate = (t: number): string => (c.flops / t / 1e9).toFixed(1);
      return `${rate(Math.min(...times))} ${rate(median(times))} ${(median(times) * 1e6).toFixed(0)}µs`.padEnd(
        40,
      );
    });
    console.log(c.name.padEnd(28), ...figures);
    if (verbose) console.log(`   ${subjects[0]!.notes.join('\n   ')}`);
  }
};

await main(process.argv.slice(2));
process.exit(0);
