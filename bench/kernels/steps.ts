/**
 * Where the time of a training step goes: every launch of compiled LeNet and MLP steps timed on its own, on one thread.
 *
 * Invariant: launches of a step are timed in turns, each as a one-step program over the buffers of the whole; the floor is
 * what memory or multiply-adds alone would take. `node --conditions=tigon-source --import tsx bench/kernels/steps.ts [lenet|mlp] [--whole] [--print=KERNEL]`
 */
import { wasmCaps } from '../../src/codegen/wasm/caps.ts';
import { LOW_BYTES } from '../../src/codegen/wasm/layout.ts';
import { nanosecondsOf } from '../../src/codegen/wasm/pace.ts';
import { renderProgram } from '../../src/codegen/wasm/program.ts';
import { printLoop } from '../../src/ir/loop/print.ts';
import { externals, type Program } from '../../src/ir/program.ts';
import { printThread } from '../../src/ir/thread/print.ts';
import { compileGraph } from '../../src/passes/pipeline.ts';
import { CpuDevice } from '../../src/runtime/cpu/device.ts';
import { hasRelaxedSimd } from '../../src/runtime/cpu/features.ts';
import { lenetStep, mlpStep } from '../../test/support/nets.ts';

const ROUNDS = 31;
/** Bytes a nanosecond from memory and from a second-level cache, and what that cache holds. */
const FAR = 20;
const NEAR = 50;
const NEAR_BYTES = 512 * 1024;
/** Multiply-adds a nanosecond. */
const PEAK = 24;

const caps = wasmCaps(hasRelaxedSimd());
const words = process.argv.slice(2);
const wanted = words.filter((a) => !a.startsWith('--'));
const print = words.find((a) => a.startsWith('--print='))?.slice(8);

const instantiate = (
  program: Program,
  memory: WebAssembly.Memory,
): ((args: number, scratch: number) => void) => {
  const options = { shared: false, maximumPages: 65536, threads: 1 };
  const { bytes } = renderProgram(program, caps, options);
  const module = new WebAssembly.Module(bytes as BufferSource);
  return new WebAssembly.Instance(module, { env: { memory } }).exports['run'] as (
    args: number,
    scratch: number,
  ) => void;
};

const best = (times: readonly number[]): number => Math.min(...times);
const median = (times: readonly number[]): number =>
  [...times].sort((a, b) => a - b)[times.length >> 1]!;

const measure = (program: Program): void => {
  const whole = renderProgram(program, caps, { shared: false, maximumPages: 65536, threads: 1 });
  const arena = Math.ceil((LOW_BYTES + whole.argumentBytes) / 64) * 64;
  let end = arena + program.arenaBytes;
  const starts = program.buffers.map((b) => {
    if (b.offset !== undefined) return arena + b.offset;
    const start = end;
    end = Math.ceil((end + b.bytes + 64) / 64) * 64;
    return start;
  });
  const memory = new WebAssembly.Memory({
    initial: Math.ceil((end + whole.scratchBytes + 64) / 65536) + 1,
    maximum: 65536,
  });
  new Int32Array(memory.buffer, LOW_BYTES, starts.length).set(starts);
  for (const at of whole.scalarOffsets.values())
    new Float32Array(memory.buffer, LOW_BYTES + at, 1)[0] = 1e-6;
  program.buffers.forEach((b, i) => {
    if (b.dtype !== 'float32') return;
    const cells = new Float32Array(memory.buffer, starts[i], b.bytes / 4);
    cells.forEach((_, at) => {
      cells[at] = b.values?.[at] ?? (((at * 7919) % 1000) / 500 - 1) / 10;
    });
  });
  const all = instantiate(program, memory);
  const runs = program.steps.map((s) => instantiate({ ...program, steps: [s] }, memory));
  const times = program.steps.map(() => [] as number[]);
  const totals: number[] = [];
  for (let round = -5; round < ROUNDS; round++) {
    const start = performance.now();
    all(LOW_BYTES, end);
    if (round >= 0) totals.push(performance.now() - start);
    runs.forEach((run, i) => {
      const from = performance.now();
      run(LOW_BYTES, end);
      if (round >= 0) times[i]!.push(performance.now() - from);
    });
  }
  const medians = times.map(median);
  const sum = medians.reduce((a, b) => a + b, 0);
  console.log(
    `\n${program.name}: ${program.steps.length} launches, step ${median(totals).toFixed(2)} ms (best ${best(totals).toFixed(2)}), launches ${sum.toFixed(2)} ms`,
  );
  console.log('   time us   best us  floor us  guess us  share  kernel');
  const rows = program.steps.map((s, i) => {
    const kernel = program.kernels[s.kernel]!;
    const { flops, bytes } = kernel.cost;
    const floor = Math.max(flops / PEAK, bytes / (bytes <= NEAR_BYTES ? NEAR : FAR));
    return { kernel, time: medians[i]! * 1e3, least: best(times[i]!) * 1e3, floor: floor / 1e3 };
  });
  for (const { kernel, time, least, floor } of rows.sort(
    (a, b) => b.time - b.floor - (a.time - a.floor),
  )) {
    const figures = [time, least, floor, nanosecondsOf(kernel) / 1e3].map((v) =>
      v.toFixed(1).padStart(9),
    );
    const share = `${(time / sum / 10).toFixed(1)}%`.padStart(6);
    console.log(`${figures.join(' ')} ${share}  ${kernel.name}  [${kernel.notes.join('; ')}]`);
  }
};

/** The whole step as the device runs it. */
const together = (program: Program): void => {
  const device = new CpuDevice({ threads: 2 });
  const executable = device.load(program);
  const bound = externals(program).map((i) => program.buffers[i]!);
  const storages = bound
    .filter((b) => b.role !== 'scalar')
    .map((b) => {
      const storage = device.allocate(b.bytes, b.name);
      device.write(storage, 0, new Uint8Array(b.bytes));
      return storage;
    });
  const offsets = storages.map(() => 0);
  const scalars = bound.filter((b) => b.role === 'scalar').map(() => 1e-6);
  const times: number[] = [];
  for (let round = -20; round < 4 * ROUNDS; round++) {
    const start = performance.now();
    executable.run(storages, offsets, scalars);
    if (round >= 0) times.push(performance.now() - start);
  }
  console.log(
    `${program.name} on two threads: ${median(times).toFixed(2)} ms (best ${best(times).toFixed(2)})`,
  );
};

for (const [name, graph] of [
  ['lenet', lenetStep],
  ['mlp', mlpStep],
] as const) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const { program, stages } = compileGraph(graph(), caps);
  if (print === undefined) {
    if (!words.includes('--whole')) measure(program);
    together(program);
  } else {
    for (const stage of stages.slice(-3))
      if (stage.level === 'loop')
        for (const k of stage.kernels) if (k.name.includes(print)) console.log(printLoop(k));
    for (const k of program.kernels) if (k.name.includes(print)) console.log(printThread(k));
  }
}
