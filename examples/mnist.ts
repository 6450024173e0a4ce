/**
 * LeNet on MNIST three ways: imperative, with a hybridized net, and with the whole training step as one program.
 *
 * The three start from the same seed and see the same batches, so their losses must agree; what differs is how long a
 * step takes, and the end of the output says why. `npm start -- --help` lists the options.
 */
import { parseArgs } from 'node:util';
import { autograd, device, HybridBlock, hybridize, type nd, random, Trainer } from 'tigon';
import { DataLoader, type Dataset, MNIST } from 'tigon/data';
import { SoftmaxCrossEntropyLoss } from 'tigon/loss';
import { FactorScheduler } from 'tigon/lr-scheduler';
import { Accuracy } from 'tigon/metric';
import * as nn from 'tigon/nn';

class LeNet extends HybridBlock {
  readonly features = new nn.HybridSequential(
    new nn.Conv2D(20, 5, { activation: 'relu' }),
    new nn.MaxPool2D(2),
    new nn.Conv2D(50, 5, { activation: 'relu' }),
    new nn.MaxPool2D(2),
    new nn.Flatten(),
  );
  readonly hidden = new nn.Dense(128, { activation: 'relu' });
  readonly output = new nn.Dense(10);

  forward(x: nd.NDArray): nd.NDArray {
    return this.output(this.hidden(this.features(x)));
  }
}

type Images = Dataset<[nd.NDArray, nd.NDArray]>;
type Step = (x: nd.NDArray, y: nd.NDArray) => nd.NDArray;

const MODES = {
  imperative: 'imperative',
  net: 'hybridized net',
  step: 'hybridized step',
} as const;
type Mode = keyof typeof MODES;

const DEVICES = {
  cpu: async () => device.cpu(),
  webgpu: () => device.webgpu(),
  cuda: () => device.cuda(),
  best: () => device.best(),
} as const;
type DeviceName = keyof typeof DEVICES;

interface Options {
  readonly epochs: number;
  readonly batch: number;
  readonly seed: number;
  readonly lr: number;
  /** Training images used; undefined for all. */
  readonly samples: number | undefined;
  readonly quick: boolean;
  readonly device: DeviceName;
}

interface Result {
  readonly mode: Mode;
  /** Mean loss of each of the first steps. */
  readonly losses: readonly number[];
  readonly stepMs: number;
  readonly epochSeconds: number;
  /** What the first step took longer than the others. */
  readonly compileMs: number;
  /** Of one step: programs started, kernels in them, bytes these read and write. */
  readonly work: device.Activity;
  readonly plannedPeakBytes: number | undefined;
  readonly accuracy: number;
}

/**
 * The modes agree but for rounding (10⁻⁷), which training multiplies wherever two inputs of a maximum are closer than
 * that: at a rate of 0.05 to 10⁻² with some seeds, at 0.01 to 1.2 · 10⁻⁴ with one, hence a tenth of the rate for these
 * steps (docs/performance.md has the figures).
 */
const COMPARED_STEPS = 20;
/** Steps between two looks at the loss, which wait for a device that works on its own. */
const WINDOW = 20;
const TOLERANCE = 1e-4;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** One line that is replaced on a terminal; elsewhere a line for each milestone. */
const show = (line: string, milestone: boolean): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
  else if (milestone) process.stderr.write(`${line}\n`);
};
const endProgress = (): void => {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
};

/** A net, ready to train in one of the modes. */
const prepare = (
  mode: Mode,
  options: Options,
): { net: LeNet; step: Step; peak: () => number | undefined } => {
  random.seed(options.seed);
  const net = new LeNet();
  net.initialize({ init: 'xavier' });
  const loss = new SoftmaxCrossEntropyLoss();
  const lrScheduler = new FactorScheduler({
    baseLr: options.lr,
    step: 1,
    warmupSteps: COMPARED_STEPS,
    warmupBeginLr: options.lr / 10,
    warmupMode: 'constant',
  });
  const trainer = new Trainer(net.parameters(), 'sgd', { lrScheduler, momentum: 0.9 });
  const plain: Step = (x, y) => {
    const l = autograd.record(() => loss(net(x), y));
    l.backward();
    trainer.step(x.shape[0]);
    return l.mean();
  };
  const peakOf = (explained: ReturnType<LeNet['explain']>): number =>
    Math.max(...explained.reports.map((r) => r.memory.plannedPeakBytes));
  switch (mode) {
    case 'imperative':
      return { net, step: plain, peak: () => undefined };
    case 'net':
      net.hybridize();
      return { net, step: plain, peak: () => peakOf(net.explain()) };
    case 'step': {
      const step = hybridize(plain, { name: 'step' });
      const peak = (): number =>
        Math.max(...step.cached.plans.map((p) => p.loaded?.compiled.program.arenaBytes ?? 0));
      return { net, step, peak };
    }
    default:
      return mode satisfies never;
  }
};

const evaluate = async (net: LeNet, test: Images): Promise<number> => {
  const accuracy = new Accuracy();
  for await (const [x, y] of new DataLoader(test, { batchSize: 250 })) accuracy.update(y, net(x));
  return (await accuracy.get())[1];
};

const train = async (
  mode: Mode,
  data: { train: Images; test: Images },
  options: Options,
): Promise<Result> => {
  const { net, step, peak } = prepare(mode, options);
  const loader = new DataLoader(data.train, {
    batchSize: options.batch,
    shuffle: true,
    seed: options.seed,
    lastBatch: 'discard',
  });
  const losses: nd.NDArray[] = [];
  const times: number[] = [];
  let work: device.Activity = { programs: 0, kernels: 0, bytes: 0 };
  let plannedPeakBytes: number | undefined;
  // A CPU is done when the call returns; what others take shows where somebody waits for them.
  const waits = device.default().kind !== 'cpu';
  let window = { steps: 0, start: 0 };
  let steps = 0;
  const begin = performance.now();
  for (let epoch = 1; epoch <= options.epochs; epoch++) {
    let done = 0;
    for await (const [x, y] of loader) {
      const before = device.activity();
      const start = performance.now();
      if (window.steps === 0) window.start = start;
      const l = step(x, y);
      window.steps++;
      if (!waits) times.push(performance.now() - start);
      else if (times.length === 0) {
        // the first step, with all that is compiled for it
        await device.default().synchronize();
        times.push(performance.now() - start);
        window = { steps: 0, start: 0 };
      }
      const after = device.activity();
      if (losses.length < COMPARED_STEPS) losses.push(l);
      if (++steps === 2) {
        work = {
          programs: after.programs - before.programs,
          kernels: after.kernels - before.kernels,
          bytes: after.bytes - before.bytes,
        };
        plannedPeakBytes = peak();
      }
      done++;
      const milestone = done === loader.length || done % Math.ceil(loader.length / 4) === 0;
      if (milestone || done % WINDOW === 0) {
        const loss = await l.item();
        if (waits && window.steps > 0)
          times.push((performance.now() - window.start) / window.steps);
        window = { steps: 0, start: 0 };
        const speed = `${median(times.slice(-50)).toFixed(1)} ms a step`;
        show(
          `${MODES[mode]}: epoch ${epoch}, step ${done} of ${loader.length}, loss ${loss.toFixed(4)}, ${speed}`,
          milestone,
        );
      }
    }
  }
  const epochSeconds = (performance.now() - begin) / 1000 / options.epochs;
  const stepMs = median(times.slice(1));
  return {
    mode,
    losses: await Promise.all(losses.map((l) => l.item())),
    stepMs,
    epochSeconds,
    compileMs: Math.max(0, (times[0] ?? 0) - stepMs),
    work,
    plannedPeakBytes,
    accuracy: await evaluate(net, data.test),
  };
};

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

const table = (results: readonly Result[]): string => {
  const rows = [
    ['', 'step', 'epoch', 'compile', 'kernels a step', 'planned peak', 'test accuracy'],
    ...results.map((r) => [
      MODES[r.mode],
      `${r.stepMs.toFixed(2)} ms`,
      `${r.epochSeconds.toFixed(1)} s`,
      `${r.compileMs.toFixed(0)} ms`,
      `${r.work.kernels}`,
      r.plannedPeakBytes === undefined ? '-' : megabytes(r.plannedPeakBytes),
      `${(100 * r.accuracy).toFixed(2)} %`,
    ]),
  ];
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((row) => row[c]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!)))
      .join('   ');
  return rows.map(line).join('\n');
};

/** Where the speed came from, in the programs' own numbers. */
const reasons = ([imperative, net, step]: readonly Result[]): string => {
  const [a, b, c] = [imperative!, net!, step!];
  const ratio = (x: number, y: number): string => (x / y).toFixed(2);
  return [
    `Steps a second, imperative = 1: hybridized net ${ratio(a.stepMs, b.stepMs)}, hybridized step ${ratio(a.stepMs, c.stepMs)}. Where that comes from:`,
    `- Imperatively, a step starts ${a.work.programs} programs with ${a.work.kernels} kernels that read and write ${megabytes(a.work.bytes)}: each function`,
    '  leaves its result in memory for the next one to fetch.',
    `- With the net hybridized, its forward and its backward are one program each; loss and update run apart: ${b.work.programs} programs,`,
    `  ${b.work.kernels} kernels, ${megabytes(b.work.bytes)}.`,
    `- As one program, the step is ${c.work.kernels} kernels that move ${megabytes(c.work.bytes)}, ${ratio(a.work.bytes, c.work.bytes)} times less than imperatively: bias, activation,`,
    '  pooling and their gradients are computed where their operands are made, gradients go into the update without being kept,',
    `  one kernel updates all parameters, and everything in between shares ${megabytes(c.plannedPeakBytes ?? 0)}, planned in advance.`,
  ].join('\n');
};

/** The largest relative difference of the losses of two modes. */
const largestDifference = (results: readonly Result[]): number => {
  const reference = results[0]!.losses;
  return Math.max(
    ...results.flatMap((r) =>
      r.losses.map((l, i) => {
        const difference = Math.abs(l - reference[i]!) / Math.abs(reference[i]!);
        return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
      }),
    ),
  );
};

const main = async (options: Options): Promise<boolean> => {
  device.setDefault(await DEVICES[options.device]());
  const [train60k, test10k] = [await MNIST.train(), await MNIST.test()];
  const samples = options.samples ?? (options.quick ? 60 * options.batch : train60k.length);
  const data = {
    train: train60k.take(samples),
    test: options.quick ? test10k.take(1000) : test10k,
  };
  const where = {
    folder: 'from TIGON_DATA',
    cache: 'from the cache',
    download: 'downloaded',
    drawn: 'DRAWN BY RULE, not the real ones',
  }[train60k.source];
  console.log(
    `LeNet on ${data.train.length} MNIST images (${where}), batches of ${options.batch}, ${device.default().name}, seed ${options.seed}\n`,
  );
  const results: Result[] = [];
  for (const mode of Object.keys(MODES) as Mode[]) results.push(await train(mode, data, options));
  endProgress();
  console.log(`${table(results)}\n\n${reasons(results)}\n`);
  const difference = largestDifference(results);
  const agree = difference <= TOLERANCE;
  console.log(
    `Losses of the first ${results[0]!.losses.length} steps: ${agree ? 'equal' : 'NOT EQUAL'} in the three modes, largest relative difference ${difference.toExponential(1)} (allowed: ${TOLERANCE}).`,
  );
  return agree;
};

const HELP = `Trains LeNet on MNIST three ways and compares them.

  npm start -- [options]

  --epochs N     passes over the training images in each mode (default 1)
  --batch N      images in a batch (default 64)
  --lr X         learning rate of SGD with momentum 0.9 (default 0.05; a tenth of it for the first 20 steps)
  --seed N       of initialization and shuffling (default 1)
  --samples N    training images to use (default: all)
  --quick        60 batches and 1000 test images only
  --device NAME  where to train: cpu (default), webgpu, cuda, or best: cuda, else webgpu on a graphics card, else cpu
  --help         this text

MNIST comes from TIGON_DATA/mnist, else the cache, else the network; without any, digits are drawn by rule.`;

const FLAGS = {
  epochs: { type: 'string', default: '1' },
  batch: { type: 'string', default: '64' },
  lr: { type: 'string', default: '0.05' },
  seed: { type: 'string', default: '1' },
  device: { type: 'string', default: 'cpu' },
  samples: { type: 'string', default: '' },
  quick: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

class UsageError extends Error {}

const numberOf = (flag: string, text: string, ok: (x: number) => boolean, rule: string): number => {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && ok(value)) return value;
  throw new UsageError(`--${flag} is "${text}": it must be ${rule}`);
};

/** The options on the command line, or undefined when help was asked for. */
const parse = (args: readonly string[]): Options | undefined => {
  for (const arg of args) {
    const name = /^--([^=]*)/.exec(arg)?.[1];
    if (name === undefined || Object.hasOwn(FLAGS, name)) continue;
    const close = Object.keys(FLAGS).find((f) => f.startsWith(name.slice(0, 2)) && name !== '');
    throw new UsageError(
      `unknown option --${name}${close === undefined ? '' : `; did you mean --${close}?`}`,
    );
  }
  let values: ReturnType<typeof parseValues>;
  try {
    values = parseValues(args);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  if (values.help) return undefined;
  if (!Object.hasOwn(DEVICES, values.device))
    throw new UsageError(
      `--device is "${values.device}": it must be ${Object.keys(DEVICES).join(', ')}`,
    );
  const count = (x: number): boolean => Number.isInteger(x) && x >= 1;
  return {
    epochs: numberOf('epochs', values.epochs, count, 'an integer ≥ 1'),
    batch: numberOf('batch', values.batch, count, 'an integer ≥ 1'),
    seed: numberOf('seed', values.seed, (x) => Number.isSafeInteger(x) && x >= 0, 'an integer ≥ 0'),
    lr: numberOf('lr', values.lr, (x) => x > 0, 'a number > 0'),
    samples:
      values.samples === ''
        ? undefined
        : numberOf('samples', values.samples, count, 'an integer ≥ 1'),
    quick: values.quick,
    device: values.device as DeviceName,
  };
};

const parseValues = (args: readonly string[]) =>
  parseArgs({ args: [...args], options: FLAGS, allowPositionals: false }).values;

try {
  const options = parse(process.argv.slice(2));
  if (options === undefined) console.log(HELP);
  else if (!(await main(options))) process.exitCode = 1;
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${HELP}`);
  process.exitCode = 2;
}
