/**
 * How far rows are from the floor on Tigon's CPU device: `npm run bench -- --roofline [names]`.
 *
 * Invariants: ceilings are measured by the same threads in the same run, between the rows and in turns with them; the time
 * of a row is without clocks inside, times of launches come from profiles of the same program between those runs.
 */
import { device } from 'tigon';
import { sequence } from '../../src/ir/program/sequence.ts';
import { keptSteps } from '../../src/ir/program.ts';
import type { Compiled } from '../../src/passes/pipeline.ts';
import type { Effort } from '../measure.ts';
import type { Mode, Prepared, Subject } from '../protocol.ts';
import { contender } from '../subjects/tigon-cpu.ts';
import { better, type Ceilings, measureCeilings } from './ceilings.ts';
import { floorOf, type StepWork, stepsOf, wholeWork } from './floors.ts';
import { type KernelLine, type RowLine, show, showCeilings } from './show.ts';
import { probesOf, type Turn, takeTurns } from './turns.ts';

/** Runs before anything is timed: kernels are compiled in earnest only then. */
const WARM_RUNS = 6;
const LEAST_RUNS = 3;

const least = (xs: readonly number[]): number => xs.reduce((a, b) => Math.min(a, b));
const median = (xs: readonly number[]): number => {
  const sorted = [...xs].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
};

/** The most compiled form of a row, if it has one. */
const compiledMode = (modes: Subject[string]): Mode | undefined =>
  (['step', 'hybrid'] as const).find((mode) => modes[mode] !== undefined);

interface Times {
  /** Nanoseconds of each run, without clocks inside. */
  readonly runs: number[];
  /** The same runs, between looks at the ceilings. */
  readonly turns: Turn[];
  /** Nanoseconds of each launch of each profile, by step; all launches of a step in one profile are added up. */
  readonly steps: number[][];
}

/** One profile of a run: its steps' nanoseconds, each run of the program by itself. */
const profiled = async ({ run }: Prepared, { program }: Compiled): Promise<readonly number[][]> => {
  const { rows } = await device.cpu().profile(run);
  const own = rows.filter((r) => r.program === program.name);
  const first = keptSteps(program);
  const order = sequence(program).filter(({ step }) => step >= first);
  if (own.length === 0 || own.length % order.length !== 0)
    throw new Error(
      `${program.name}: ${own.length} launches in a profile, not times ${order.length}`,
    );
  return Array.from({ length: own.length / order.length }, (_, i) => {
    const sums = program.steps.map(() => 0);
    order.forEach(({ step }, at) => {
      sums[step]! += own[i * order.length + at]!.nanoseconds;
    });
    return sums;
  });
};

const timesOf = async (
  work: Prepared,
  compiled: Compiled,
  ceilings: Ceilings,
  effort: Effort,
): Promise<Times> => {
  const times: Times = { runs: [], turns: [], steps: compiled.program.steps.map(() => []) };
  const rounds = Math.max(LEAST_RUNS, effort.rounds);
  const works = stepsOf(compiled).flatMap((s) => (s.launches > 0 ? [s.work] : []));
  const probes = probesOf(device.cpu(), works, ceilings);
  for (let i = 0; i < WARM_RUNS; i++) await work.run();
  for (let round = 0; round < rounds; round++) {
    const called = (nanoseconds: number) => times.runs.push(nanoseconds);
    times.turns.push(
      ...(await takeTurns(probes, ceilings, 500 * effort.seconds, work.run, called)),
    );
    const profileEnd = performance.now() + 500 * effort.seconds;
    do {
      for (const one of await profiled(work, compiled))
        one.forEach((nanoseconds, step) => {
          times.steps[step]!.push(nanoseconds);
        });
    } while (performance.now() < profileEnd);
  }
  for (const { dispose } of probes) dispose();
  return times;
};

/** What was measured of a row, before ceilings are known for good. */
interface Measured {
  readonly name: string;
  readonly mode: Mode;
  readonly compiled: Compiled;
  readonly times: Times;
  /** Runs of the program in a run of the row. */
  readonly repeats: number;
}

const measureRow = async (
  name: string,
  mode: Mode,
  prepare: () => Prepared | Promise<Prepared>,
  ceilings: Ceilings,
  effort: Effort,
): Promise<Measured> => {
  const work = await prepare();
  const [only, ...others] = work.compiled?.programs ?? [];
  if (only === undefined || others.length > 0)
    throw new Error(`${name} ${mode}: is not one program`);
  const { compiled } = only;
  await work.run();
  const repeats = (await profiled(work, compiled)).length;
  return { name, mode, compiled, times: await timesOf(work, compiled, ceilings, effort), repeats };
};

/** Nanoseconds of the floor of a program's launches, one after the other. */
const floorOfSteps = (steps: readonly StepWork[], c: Ceilings): number =>
  steps.reduce((sum, s) => sum + s.launches * floorOf(s.work, c), 0);

const lineOf = ({ name, mode, compiled, times, repeats }: Measured, c: Ceilings): RowLine => {
  const steps = stepsOf(compiled);
  const kernels = steps.flatMap((s, i): readonly KernelLine[] => {
    if (s.launches === 0) return [];
    const floor = s.launches * floorOf(s.work, c);
    const { operations, bytesRead, bytesWritten } = s.work;
    const line: KernelLine = {
      kernel: s.kernel,
      launches: s.launches,
      bestMicroseconds: least(times.steps[i]!) / 1000,
      medianMicroseconds: median(times.steps[i]!) / 1000,
      floorMicroseconds: floor / 1000,
      operations: s.launches * operations,
      bytes: s.launches * (bytesRead + bytesWritten),
      notes: s.notes,
    };
    return [line];
  });
  const shares = times.turns.map(
    (t) => (repeats * floorOfSteps(steps, t.ceilings)) / t.nanoseconds,
  );
  return {
    name,
    mode,
    threads: device.cpu().threads,
    bestMilliseconds: least(times.runs) / repeats / 1e6,
    medianMilliseconds: median(times.runs) / repeats / 1e6,
    floorMilliseconds: floorOfSteps(steps, c) / 1e6,
    shareInTurns: median(shares),
    wholeFloorMilliseconds: floorOf(wholeWork(compiled.program, steps), c) / 1e6,
    kernels,
  };
};

/** Measures the rows whose names begin with one of `names`, or all, and prints what takes longer than it must. */
export const roofline = async (
  names: readonly string[],
  effort: Effort,
): Promise<readonly RowLine[]> => {
  const { subject } = contender;
  let ceilings = measureCeilings(device.cpu());
  const measured: Measured[] = [];
  for (const [name, modes] of Object.entries(subject)) {
    const mode = compiledMode(modes);
    if (mode === undefined) continue;
    if (names.length > 0 && !names.some((n) => name.startsWith(n))) continue;
    process.stderr.write(`${name} ...\n`);
    measured.push(await measureRow(name, mode, modes[mode]!, ceilings, effort));
    ceilings = better(ceilings, measureCeilings(device.cpu()));
  }
  const lines = measured.map((m) => lineOf(m, ceilings));
  console.log(`${showCeilings(ceilings, device.cpu().threads)}\n\n${show(lines)}`);
  return lines;
};
