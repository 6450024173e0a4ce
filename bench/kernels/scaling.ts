/**
 * What more threads bring on the CPU: rows on one thread and on several, in turns: `npm run bench -- scaling [names]`.
 *
 * Invariant: both devices are of one process and run the same compiled programs; only cores that nobody else uses say
 * anything.
 */
import { device } from 'tigon';
import { CpuDevice } from '../../src/runtime/cpu/device.ts';
import type { Effort } from '../measure.ts';
import type { Mode, Prepared, Subject } from '../protocol.ts';
import { netRowsOn } from '../tigon/net-rows.ts';
import { rowsOn } from '../tigon/rows.ts';

/** What is measured unless names are given: products, convolutions, whole nets, memory, many short launches. */
const DEFAULT = [
  'matmul-512',
  'resnet18-forward',
  'lenet-train',
  'chain12',
  'softmax',
  'transformer-train',
  'lstm-train',
];
const WARM_RUNS = 6;

export interface ScalingRow {
  readonly name: string;
  readonly threads: number;
  readonly oneMs: number;
  readonly severalMs: number;
  /** Of the best times. */
  readonly speedup: number;
  /** Of the medians. */
  readonly medianSpeedup: number;
}

interface Side {
  readonly cpu: CpuDevice;
  readonly work: Prepared;
  readonly times: number[];
}

const compiledMode = (modes: Subject[string]): Mode =>
  modes.step === undefined ? 'hybrid' : 'step';

const prepare = async (threads: number, name: string): Promise<Side> => {
  const cpu = new CpuDevice({ threads });
  device.setDefault(cpu);
  const modes = { ...rowsOn(cpu), ...netRowsOn(cpu) }[name]!;
  const work = await modes[compiledMode(modes)]!();
  for (let i = 0; i < WARM_RUNS; i++) await work.run();
  return { cpu, work, times: [] };
};

const turn = async ({ cpu, work, times }: Side, seconds: number): Promise<void> => {
  device.setDefault(cpu);
  const end = performance.now() + 1000 * seconds;
  do {
    const start = performance.now();
    await work.run();
    times.push(performance.now() - start);
  } while (performance.now() < end);
};

const sorted = ({ times }: Side): number[] => times.slice().sort((a, b) => a - b);
const median = (side: Side): number => sorted(side)[side.times.length >> 1]!;
const best = (side: Side): number => sorted(side)[0]!;

export const measureScaling = async (
  names: readonly string[],
  threads: number,
  effort: Effort,
): Promise<readonly ScalingRow[]> => {
  const usual = device.default();
  const known = Object.keys({ ...rowsOn(usual), ...netRowsOn(usual) });
  const wanted =
    names.length === 0 ? DEFAULT : known.filter((row) => names.some((n) => row.startsWith(n)));
  if (wanted.length === 0) throw new Error(`no such row: ${names.join(', ')}; ${known.join(', ')}`);
  console.log(`ms on 1 thread and on ${threads}, best of ${effort.rounds} rounds in turns`);
  const rows: ScalingRow[] = [];
  for (const name of wanted) {
    const sides = [await prepare(1, name), await prepare(threads, name)] as const;
    for (let round = 0; round < effort.rounds; round++)
      for (const side of sides) await turn(side, effort.seconds);
    const [one, several] = sides;
    const row: ScalingRow = {
      name,
      threads,
      oneMs: best(one),
      severalMs: best(several),
      speedup: best(one) / best(several),
      medianSpeedup: median(one) / median(several),
    };
    rows.push(row);
    console.log(
      `${name.padEnd(18)} ${row.oneMs.toFixed(3).padStart(9)} ${row.severalMs.toFixed(3).padStart(9)}   ${row.speedup.toFixed(2)}x (medians ${row.medianSpeedup.toFixed(2)}x)`,
    );
    for (const { cpu } of sides) cpu.dispose();
  }
  device.setDefault(usual);
  return rows;
};
