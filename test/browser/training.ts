/**
 * What the pages of the browser test compute, and what Node computes to compare: two small nets trained three ways.
 *
 * Invariant: uses nothing that only one of the two has; all data come from the seed.
 */

import { autograd, hybridize, nd, random, Trainer } from 'tigon';
import { SoftmaxCrossEntropyLoss } from 'tigon/loss';
import * as nn from 'tigon/nn';
import * as platform from '#platform';
import { TigonError } from '../../src/ir/errors.ts';
import { cpu } from '../../src/runtime/cpu/device.ts';
import { WORD, WORDS, WORDS_AT } from '../../src/runtime/cpu/worker.ts';

const SEED = 7;
const STEPS = 8;
const BATCH = 16;
const CLASSES = 4;

export const MODES = ['imperative', 'net', 'step'] as const;
export type Mode = (typeof MODES)[number];

interface Net {
  readonly shape: readonly number[];
  make(): nn.HybridSequential;
}

const nets: Record<string, Net> = {
  mlp: {
    shape: [12],
    make: () => new nn.HybridSequential(new nn.Dense(32, { activation: 'relu' }), new nn.Dense(4)),
  },
  conv: {
    shape: [1, 10, 10],
    make: () =>
      new nn.HybridSequential(
        new nn.Conv2D(6, 3, { activation: 'relu' }),
        new nn.MaxPool2D(2),
        new nn.Flatten(),
        new nn.Dense(16, { activation: 'tanh' }),
        new nn.Dropout(0.25),
        new nn.Dense(CLASSES),
      ),
  },
};

const train = async ({ shape, make }: Net, mode: Mode): Promise<number[]> => {
  random.seed(SEED);
  const x = random.normal([BATCH, ...shape]);
  const y = nd.array(Array.from({ length: BATCH }, (_, i) => i % CLASSES));
  const net = make();
  net.initialize({ init: 'xavier' });
  // parameters draw before any dropout does, whatever the mode
  net(x);
  const loss = new SoftmaxCrossEntropyLoss();
  const trainer = new Trainer(net.parameters(), 'adam', { learningRate: 0.01 });
  const plain = (images: nd.NDArray, labels: nd.NDArray): nd.NDArray => {
    const l = autograd.record(() => loss(net(images), labels));
    l.backward();
    trainer.step(BATCH);
    return l.mean();
  };
  if (mode === 'net') net.hybridize();
  const step = mode === 'step' ? hybridize(plain) : plain;
  const losses: number[] = [];
  for (let i = 0; i < STEPS; i++) losses.push(await step(x, y).item());
  return losses;
};

/** A program that is worth several threads, run until they had time to join. */
const product = async (): Promise<number[]> => {
  random.seed(SEED);
  const a = random.normal([256, 256]);
  const b = random.normal([256, 256]);
  const f = hybridize((p: nd.NDArray, q: nd.NDArray) => p.matmul(q).tanh().sum({ axis: 0 }));
  let result: number[] = [];
  const workersSleep = (): boolean => sleepers() === cpu().threads - 1;
  const until = performance.now() + 20_000;
  for (let i = 0; i < 20 || (!workersSleep() && performance.now() < until); i++) {
    result = (await f(a, b).array()) as number[];
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  for (let i = 0; i < 20; i++) result = (await f(a, b).array()) as number[];
  return result.slice(0, 8);
};

/** Workers that have come up and await the next program. */
const sleepers = (): number => {
  const { heap } = cpu();
  if (!heap.shared) return 0;
  return Atomics.load(new Int32Array(heap.memory.buffer, WORDS_AT, WORDS), WORD.sleepers);
};

const messageOf = (body: () => unknown): string => {
  try {
    body();
  } catch (error) {
    return error instanceof TigonError ? error.message : `not a TigonError: ${error}`;
  }
  return 'no error';
};

/** Makes arrays of 64 MB, more than memory holds, and drops them: the most bytes that were in use. */
const churn = async (): Promise<number> => {
  const x = nd.ones([16, 1024, 1024]);
  for (let i = 0; i < 72; i++) {
    const y = x.add(i);
    if (i % 3 === 0) await y.slice([0, 1], [0, 1], [0, 4]).array();
  }
  return cpu().memory().peak;
};

export interface Report {
  readonly losses: Record<string, number[]>;
  readonly product: number[];
  readonly array: unknown;
  readonly message: string;
  readonly cores: number;
  readonly threads: number;
  readonly sleepers: number;
  readonly shared: boolean;
  readonly peakBytes: number;
}

export const report = async (): Promise<Report> => {
  const losses: Record<string, number[]> = {};
  for (const [name, net] of Object.entries(nets))
    for (const mode of MODES) losses[`${name} ${mode}`] = await train(net, mode);
  return {
    losses,
    product: await product(),
    array: await nd.arange(6).reshape([2, 3]).T.array(),
    message: messageOf(() => nd.ones([2, 3]).matmul(nd.ones([5, 4]))),
    cores: platform.cores(),
    threads: cpu().threads,
    sleepers: sleepers(),
    shared: cpu().heap.shared,
    peakBytes: await churn(),
  };
};
