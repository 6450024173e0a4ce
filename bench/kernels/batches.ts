/**
 * Whether compiling ever loses: small nets at small and larger batches, forward and training step, imperative against
 * hybridized and whole steps: `npm run bench -- batches [name parts]`.
 *
 * Invariant: all ways of a net are of one process and take turns, so what disturbs one disturbs the others; a figure is
 * the lower quartile over all turns.
 */
import { device, nd } from 'tigon';
import * as nn from 'tigon/nn';
import * as rnn from 'tigon/rnn';
import { lenetOf, resnet } from '../cuda/models.ts';
import type { Effort } from '../measure.ts';
import type { Mode, Prepared } from '../protocol.ts';
import { lenet, mlp } from '../tigon/nets.ts';
import { crossEntropy } from '../tigon/rows.ts';
import { type Net, predicting, type Training, training } from '../tigon/training.ts';
import * as work from '../work.ts';

const BATCHES = [1, 2, 8, 32, 64];
const WARM_RUNS = 4;
/** A turn takes so long at least, or one run. */
const TURN_MS = 3;
const LEARNING_RATE = 0.001;

const numbers = (...shape: number[]): nd.NDArray => {
  const size = shape.reduce((a, b) => a * b, 1);
  return nd.array(work.values('input', size), { shape });
};

const classifying = (net: () => Net, batch: number, ...shape: number[]): Training => ({
  net,
  x: () => numbers(batch, ...shape),
  ...crossEntropy(batch, LEARNING_RATE),
});

const squares = (net: () => Net, inputs: number[], outputs: number[]): Training => ({
  net: () => {
    const made = net();
    made.initialize();
    return made;
  },
  x: () => numbers(...inputs),
  y: () => numbers(...outputs),
  loss: (output, y) => output.sub(y).square().mean(),
  divisor: 1,
  learningRate: LEARNING_RATE,
});

const initialized = (net: Net): Net => {
  net.initialize();
  return net;
};

const NARROW = [
  { name: 'narrow0', inputs: 784, outputs: 256 },
  { name: 'narrow1', inputs: 256, outputs: 10 },
];

/** The net of the lessons: most of its weights are in one dense layer. */
const wideLenet = (): Net => initialized(lenetOf(500));

const NETS: Readonly<Record<string, (batch: number) => Training>> = {
  mlp: (batch) => classifying(() => mlp(NARROW), batch, 784),
  book: (batch) => squares(() => mlp(work.BOOK_NET), [batch, 512], [batch, 2]),
  lenet: (batch) => classifying(lenet, batch, 1, 28, 28),
  'lenet-wide': (batch) => classifying(wideLenet, batch, 1, 28, 28),
  lstm: (batch) =>
    squares(() => new rnn.LSTM(64, { inputSize: 32 }) as Net, [16, batch, 32], [16, batch, 64]),
  transformer: (batch) =>
    squares(
      () => new nn.TransformerEncoderLayer(64, 4, { hiddenSize: 256 }) as Net,
      [batch, 32, 64],
      [batch, 32, 64],
    ),
  resnet: (batch) =>
    classifying(() => initialized(resnet({ batch, blocks: 1, width: 8 })), batch, 3, 32, 32),
};

export interface BatchRow {
  readonly net: string;
  readonly batch: number;
  readonly what: 'forward' | 'step';
  readonly mode: Mode;
  readonly ms: number;
  /** Imperative time over this. */
  readonly ratio: number;
}

interface Side {
  readonly what: BatchRow['what'];
  readonly mode: Mode;
  readonly work: Prepared;
  readonly runs: number;
  readonly times: number[];
}

/** Milliseconds a run, of several in a row. */
const turn = async (prepared: Prepared, runs: number): Promise<number> => {
  const start = performance.now();
  for (let i = 0; i < runs; i++) await prepared.run();
  return (performance.now() - start) / runs;
};

const sidesOf = async (row: Training): Promise<readonly Side[]> => {
  const cpu = device.default();
  const ways = { forward: predicting(cpu, row), step: training(cpu, row) };
  const sides: Side[] = [];
  for (const what of ['forward', 'step'] as const)
    for (const mode of ['imperative', 'hybrid', 'step'] as const) {
      const prepare = ways[what]?.[mode];
      if (prepare === undefined) continue;
      const prepared = await prepare();
      const ms = await turn(prepared, WARM_RUNS);
      const runs = Math.max(1, Math.ceil(TURN_MS / Math.max(ms, 0.001)));
      sides.push({ what, mode, work: prepared, runs, times: [] });
    }
  return sides;
};

const lowerQuartile = (xs: readonly number[]): number =>
  xs.slice().sort((a, b) => a - b)[xs.length >> 2]!;

const rowsOf = (net: string, batch: number, sides: readonly Side[]): readonly BatchRow[] =>
  sides.map(({ what, mode, times }) => {
    const ms = lowerQuartile(times);
    const reference = sides.find((s) => s.what === what && s.mode === 'imperative')!;
    return { net, batch, what, mode, ms, ratio: lowerQuartile(reference.times) / ms };
  });

export const measureBatches = async (
  names: readonly string[],
  effort: Effort,
): Promise<readonly BatchRow[]> => {
  const wanted = Object.entries(NETS).filter(
    ([name]) => names.length === 0 || names.some((n) => name.startsWith(n)),
  );
  if (wanted.length === 0) throw new Error(`no such net; nets: ${Object.keys(NETS).join(', ')}`);
  const rows: BatchRow[] = [];
  console.log('ms a run, and how many times faster than imperative; < where it is slower');
  for (const [net, of] of wanted)
    for (const batch of BATCHES) {
      const sides = await sidesOf(of(batch));
      for (let round = 0; round < effort.rounds; round++) {
        const end = performance.now() + 1000 * effort.seconds;
        do {
          for (const side of sides) side.times.push(await turn(side.work, side.runs));
        } while (performance.now() < end);
      }
      const measured = rowsOf(net, batch, sides);
      rows.push(...measured);
      const cells = measured.map(
        ({ mode, what, ms, ratio }) =>
          `${mode === 'imperative' ? what : mode} ${ms.toFixed(3)}${mode === 'imperative' ? '' : ` ${ratio.toFixed(2)}x${ratio < 1 ? ' <' : ''}`}`,
      );
      console.log(`${net.padEnd(12)}${String(batch).padStart(3)}  ${cells.join('  ')}`);
    }
  return rows;
};
