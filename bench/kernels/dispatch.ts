/**
 * What a call of a compiled function costs above its kernels: `npm run bench -- dispatch`.
 *
 * A call is timed whole, its program from inside the call (`program`: hand-over to the threads, kernels, waits), and
 * its kernels by the device's profile. `above` is what the call takes beyond the program: signature, guards, binding,
 * wrapping of results. `hand-over` is what the program takes beyond its kernels, which a profile runs one at a time.
 * Invariant: all three come from the same process in turns; medians, so that a collection in between counts for little.
 */
import { autograd, device, hybridize, nd, Trainer } from 'tigon';
import { SoftmaxCrossEntropyLoss } from 'tigon/loss';
import type { Executable } from '../../src/runtime/device.ts';
import type { Effort } from '../measure.ts';
import { lenet } from '../tigon/nets.ts';
import * as values from '../work.ts';

const CALLS = 200;
const WARM_CALLS = 400;

type Compiled = {
  (...args: nd.NDArray[]): nd.NDArray;
  readonly cached: {
    readonly plans: readonly {
      readonly loaded: { readonly executable: Executable } | undefined;
      readonly bounds: readonly unknown[];
    }[];
  };
};

interface Case {
  readonly name: string;
  readonly fn: Compiled;
  readonly args: readonly nd.NDArray[];
}

export interface DispatchRow {
  readonly name: string;
  readonly launches: number;
  /** Arrays and numbers that are bound in each call. */
  readonly operands: number;
  /** Microseconds. */
  readonly call: number;
  readonly program: number;
  readonly kernels: number;
  readonly above: number;
  readonly handOver: number;
}

const images = (batch: number): nd.NDArray =>
  nd.array(values.values('images', batch * 784), { shape: [batch, 1, 28, 28] });

const cases = (): readonly Case[] => {
  const net = lenet();
  const forward = hybridize((x: nd.NDArray) => net(x), { name: 'forward' });
  const trained = lenet();
  const loss = new SoftmaxCrossEntropyLoss();
  const x = images(1);
  const y = nd.array(values.labels('labels', 1, 10));
  trained(x).dispose();
  const trainer = new Trainer(trained.parameters(), 'sgd', { learningRate: 0.01, momentum: 0.9 });
  const step = hybridize(
    (a: nd.NDArray, b: nd.NDArray) => {
      const l = autograd.record(() => loss(trained(a), b));
      l.backward();
      trainer.step(1);
      return l.mean();
    },
    { name: 'step' },
  );
  const add = hybridize((a: nd.NDArray) => a.add(1), { name: 'add' });
  return [
    { name: 'one tiny kernel', fn: add, args: [nd.zeros([16])] },
    { name: 'lenet-forward, batch 1', fn: forward, args: [x] },
    { name: 'lenet-train, batch 1', fn: step as Compiled, args: [x, y] },
  ];
};

const median = (xs: readonly number[]): number =>
  xs.slice().sort((a, b) => a - b)[xs.length >> 1] ?? Number.NaN;

const measure = async ({ name, fn, args }: Case, rounds: number): Promise<DispatchRow> => {
  const run = (): void => fn(...args).dispose();
  for (let i = 0; i < WARM_CALLS; i++) run();
  const { loaded, bounds } = fn.cached.plans[0]!;
  const { executable } = loaded!;
  const launches = executable.program.steps.length;
  const calls: number[] = [];
  const programs: number[] = [];
  const aboves: number[] = [];
  const kernels: number[] = [];
  let inside = 0;
  const timed: Executable['run'] = (...operands) => {
    const start = performance.now();
    Object.getPrototypeOf(executable).run.apply(executable, operands);
    inside = 1000 * (performance.now() - start);
  };
  const microseconds = (): number => {
    const start = performance.now();
    run();
    return 1000 * (performance.now() - start);
  };
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < CALLS; i++) calls.push(microseconds());
    Object.defineProperty(executable, 'run', { value: timed, configurable: true });
    for (let i = 0; i < CALLS; i++) {
      const whole = microseconds();
      programs.push(inside);
      aboves.push(whole - inside);
    }
    Reflect.deleteProperty(executable, 'run');
    const { rows } = await device.cpu().profile(() => {
      for (let i = 0; i < CALLS / 4; i++) run();
    });
    for (let i = 0; i < rows.length; i += launches)
      kernels.push(rows.slice(i, i + launches).reduce((sum, r) => sum + r.nanoseconds, 0) / 1000);
  }
  const [program, kernel] = [median(programs), median(kernels)];
  return {
    name,
    launches,
    operands: bounds.length,
    call: median(calls),
    program,
    kernels: kernel,
    above: median(aboves),
    handOver: program - kernel,
  };
};

export const measureDispatch = async (effort: Effort): Promise<readonly DispatchRow[]> => {
  const cell = (x: number): string => x.toFixed(2).padStart(10);
  console.log(
    `${'µs, medians'.padEnd(24)} launches  operands      call   program   kernels     above hand-over`,
  );
  const rows: DispatchRow[] = [];
  for (const one of cases()) {
    const row = await measure(one, effort.rounds);
    rows.push(row);
    const { name, launches, operands, call, program, kernels, above, handOver } = row;
    console.log(
      name.padEnd(24) +
        String(launches).padStart(9) +
        String(operands).padStart(10) +
        [call, program, kernels, above, handOver].map(cell).join(''),
    );
  }
  return rows;
};
