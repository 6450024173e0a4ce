/**
 * The training loop of the lessons on classification, and its curves.
 *
 * Invariant: losses and counts stay on the device during an epoch and are read once, at its end; the compiled step does
 * what the imperative one does.
 */
import { backward, record as recorded } from '../autograd.ts';
import { failure } from '../callsite.ts';
import type { Trainer } from '../gluon/trainer.ts';
import { hybridize } from '../hybridize.ts';
import { sum } from '../nd/reduce.ts';
import type { NDArray } from '../ndarray.ts';
import { checkCount, checkFunction, checkOptions, checkSwitch, shown } from '../options.ts';
import { correct, evaluateAccuracy, type Loader, type Model, partsOf } from './accuracy.ts';
import { Animator } from './animator.ts';
import { Accumulator, Timer } from './meters.ts';

/**
 * Changes parameters after a backward pass: a trainer, or a function of the batch size, which is that of a whole batch for
 * a short one, too: every example counts alike, and an epoch does not end with a long step on little evidence.
 */
export type Updater = Pick<Trainer, 'step'> | ((batchSize: number) => void);

export interface EpochOptions {
  /** Of scores [batch, classes] and labels [batch]: a loss for each example, [batch]. */
  readonly loss: (scores: NDArray, labels: NDArray) => NDArray;
  readonly updater: Updater;
  /** True: forward, backward and update are one compiled program. Default false: as net and loss are. */
  readonly compiled?: boolean | undefined;
}

/** One pass over the training data. */
export interface Epoch {
  /** Of an example, on average. */
  readonly loss: number;
  /** Share of right predictions, each at the time it was made. */
  readonly accuracy: number;
  readonly examples: number;
  readonly seconds: number;
}

export interface TrainOptions extends EpochOptions {
  readonly epochs: number;
  /** False: no curves. Default true. */
  readonly show?: boolean | undefined;
  /** Called after each epoch. */
  readonly onProgress?: ((epoch: EpochReport) => void) | undefined;
}

/** An epoch, and how the net did on the test data after it. */
export interface EpochReport extends Epoch {
  /** From 1. */
  readonly epoch: number;
  readonly testAccuracy: number;
}

/** What training gave. */
export interface Training {
  readonly epochs: readonly EpochReport[];
  /** Of the last epoch. */
  readonly loss: number;
  readonly trainAccuracy: number;
  readonly testAccuracy: number;
  /** Training examples a second, tests left out. */
  readonly examplesPerSecond: number;
}

/** A step of training: the sum of losses, and how many were right. */
type Step = (x: NDArray, y: NDArray) => readonly [NDArray, NDArray];

const EPOCH = ['loss', 'updater', 'compiled'];

const updateWith = (where: string, updater: Updater): ((batchSize: number) => void) => {
  if (typeof updater === 'function') return updater;
  if (typeof updater?.step === 'function') return (size) => void updater.step(size);
  throw failure(
    'option',
    `${where}: updater is ${shown(updater)}`,
    'pass a Trainer, or (batchSize) => sgd(params, rate, batchSize)',
  );
};

const stepOf = (where: string, net: Model, options: EpochOptions): Step => {
  const { loss, updater, compiled = false } = options;
  checkFunction(where, net, 'pass a net, or a function of a batch');
  checkFunction(`${where}: loss`, loss, 'pass a loss, such as new SoftmaxCrossEntropyLoss()');
  checkSwitch(where, 'compiled', compiled);
  const update = updateWith(where, updater);
  let whole = 0;
  const step: Step = (x, y) => {
    const [losses, scores] = recorded(() => {
      const scores = net(x);
      return [loss(scores, y), scores] as const;
    });
    backward(losses);
    whole = Math.max(whole, x.shape[0]!);
    update(whole);
    return [sum(losses), correct(scores, y)];
  };
  return compiled ? hybridize(step, { name: 'step' }) : step;
};

const pass = async (where: string, step: Step, loader: Loader): Promise<Epoch> => {
  const timer = new Timer();
  const sums = new Accumulator(2);
  let examples = 0;
  for await (const batch of loader) {
    const [x, y] = partsOf(where, batch);
    sums.add(...step(x, y));
    examples += y.size;
    await x.device.relieve();
  }
  const [loss, right] = await sums.values();
  if (examples === 0) throw failure('value', `${where}: there are no batches`, 'pass a loader');
  return { loss: loss! / examples, accuracy: right! / examples, examples, seconds: timer.stop() };
};

/**
 * One pass over batches `[x, y]`: forward, backward, update. `net(x)` is scores [batch, classes] of floats, `y` labels
 * [batch] of any dtype, and the loss has a value for each example. Numbers are read once, at the end.
 *
 * @throws {OptionError} for unknown options, and what is no updater (as a rejected promise)
 * @throws {ValueError} for batches that are no pairs of arrays, and where there are none
 * @throws {ShapeError} when labels do not fit scores
 *
 * @example
 * const epoch = await trainEpoch(net, [[x, y]], { loss, updater: trainer });
 * epoch.examples;   // 2
 */
export const trainEpoch = async (
  net: Model,
  loader: Loader,
  options: EpochOptions,
): Promise<Epoch> => {
  checkOptions('trainEpoch', options, EPOCH);
  return pass('trainEpoch', stepOf('trainEpoch', net, options), loader);
};

/**
 * Trains a net for some epochs, tests it after each, and shows the curves of loss and accuracies: batches `[x, y]` with
 * labels [batch] of any dtype, for which `net(x)` has scores [batch, classes] of floats. With `compiled` each shape of a
 * batch is compiled once.
 *
 * @throws {OptionError} for unknown options, and unless `epochs` is an integer ≥ 1 (as a rejected promise)
 * @throws {ValueError} for batches that are no pairs of arrays, and where there are none
 * @throws {ShapeError} when labels do not fit scores
 *
 * @example
 * const data = { train: [[x, y]], test: [[x, y]] };
 * const result = await train(net, data, { loss, updater: trainer, epochs: 2, compiled: true });
 * result.epochs.length;   // 2
 */
export const train = async (
  net: Model,
  data: { readonly train: Loader; readonly test: Loader },
  options: TrainOptions,
): Promise<Training> => {
  checkOptions('train', options, [...EPOCH, 'epochs', 'show', 'onProgress']);
  const { epochs, show = true, onProgress, ...rest } = options;
  checkCount('train', 'epochs', epochs);
  const step = stepOf('train', net, rest);
  const animator = new Animator({
    xLabel: 'epoch',
    xLimits: [1, Math.max(epochs, 2)],
    legend: ['train loss', 'train accuracy', 'test accuracy'],
  });
  const reports: EpochReport[] = [];
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const trained = await pass('train', step, data.train);
    const testAccuracy = await evaluateAccuracy(net, data.test);
    const report = { ...trained, epoch, testAccuracy };
    reports.push(report);
    onProgress?.(report);
    if (show) await animator.add(epoch, [trained.loss, trained.accuracy, testAccuracy]);
  }
  animator.done();
  const { loss, accuracy: trainAccuracy, testAccuracy } = reports.at(-1)!;
  const of = (read: (report: EpochReport) => number): number =>
    reports.reduce((total, report) => total + read(report), 0);
  const examplesPerSecond = of(({ examples }) => examples) / of(({ seconds }) => seconds);
  return { epochs: reports, loss, trainAccuracy, testAccuracy, examplesPerSecond };
};
