/**
 * Where the time of a training step goes on a WebGPU device: every launch of compiled LeNet and MLP steps, by timestamps.
 *
 * Invariant: launches run as they do in training, one after the other; each is timed in a pass of its own.
 * Run: `node --conditions=tigon-source --import tsx bench/kernels/gpu/steps.ts [lenet|mlp] [--print=KERNEL]`
 */
import { ownNames } from '../../../src/codegen/wgsl/names.ts';
import { renderProgram } from '../../../src/codegen/wgsl/program.ts';
import { printThread } from '../../../src/ir/thread/print.ts';
import { compileGraph } from '../../../src/passes/pipeline.ts';
import { openWebGpu } from '../../../src/runtime/webgpu/open.ts';
import { lenetStep, mlpStep } from '../../../test/support/nets.ts';
import { loaded } from './subjects.ts';
import { best, median } from './timing.ts';

const ROUNDS = Number(process.env['ROUNDS'] ?? 7);

const words = process.argv.slice(2);
const wanted = words.filter((w) => !w.startsWith('--'));
const print = words.find((w) => w.startsWith('--print='))?.slice(8);

const device = await openWebGpu();
const { description, software } = device.adapter;
console.log(`WebGPU on ${description}${software ? ' (software: read shares, not times)' : ''}`);

for (const [name, graph] of [
  ['lenet', lenetStep],
  ['mlp', mlpStep],
] as const) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const { program } = compileGraph(graph(), device.caps);
  if (print !== undefined) {
    const { shaders } = renderProgram(program, {
      features: device.engine.features,
      names: ownNames,
    });
    for (const k of program.kernels) if (k.name.includes(print)) console.log(printThread(k));
    for (const s of shaders) if (s.name.includes(print)) console.log(s.code);
    continue;
  }
  const launch = loaded(device, program);
  const times = program.steps.map(() => [] as number[]);
  for (let round = -2; round < ROUNDS; round++) {
    const { clock, rows } = await device.profile(launch);
    if (clock === 'wall') throw new Error('this device has no timestamps: launches cannot be told');
    if (round >= 0)
      rows.forEach((row, i) => {
        times[i]!.push(row.nanoseconds / 1000);
      });
  }
  const medians = times.map(median);
  const sum = medians.reduce((a, b) => a + b, 0);
  console.log(
    `\n${program.name} (${name}): ${program.steps.length} launches, ${(sum / 1000).toFixed(3)} ms\n` +
      '   time us    best us  share  GFLOP/s     GB/s  kernel',
  );
  const lines = program.steps.map(({ kernel }, i) => {
    const { name: label, notes, cost } = program.kernels[kernel]!;
    const time = medians[i]!;
    const cells = [
      time.toFixed(1).padStart(10),
      best(times[i]!).toFixed(1).padStart(10),
      `${((100 * time) / sum).toFixed(1)}%`.padStart(6),
      ((2 * cost.flops) / time / 1000).toFixed(1).padStart(8),
      (cost.bytes / time / 1000).toFixed(1).padStart(8),
    ];
    return { time, text: `${cells.join(' ')}  ${label}  [${notes.join('; ')}]` };
  });
  for (const { text } of lines.sort((a, b) => b.time - a.time)) console.log(text);
}
device.dispose();
