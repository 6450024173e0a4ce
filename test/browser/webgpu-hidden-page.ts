/**
 * A page that trains on WebGPU whether or not anybody looks at it, and saves what it has when it is hidden: for
 * `webgpu-hidden.test.ts`, which asks it by way of `globalThis.page`.
 *
 * Invariant: all numbers come from the seed; every timer and frame that is asked for is counted.
 */
import { autograd, device, hybridize, nd, random, Trainer } from 'tigon';
import { SoftmaxCrossEntropyLoss } from 'tigon/loss';
import * as nn from 'tigon/nn';
import * as platform from '#platform';

const SEED = 5;
const BATCH = 16;
const CLASSES = 4;

/** What was asked of clocks that stand still in hidden pages. */
let clocks: string[] = [];
for (const name of ['setTimeout', 'setInterval', 'requestAnimationFrame'] as const) {
  const original = globalThis[name].bind(globalThis) as (...given: unknown[]) => number;
  const counted = (...given: unknown[]): number => {
    clocks.push(`${name}: ${new Error().stack}`);
    return original(...given);
  };
  Object.assign(globalThis, { [name]: counted });
}

interface Run {
  /** How many are wanted. */
  steps: number;
  readonly losses: number[];
  /** The parameters after so many steps. */
  saved?: { readonly step: number; readonly bytes: Uint8Array; readonly hidden: boolean };
  done: boolean;
  error?: string;
}

let run: Run = { steps: 0, losses: [], done: true };
let old: nd.NDArray | undefined;

const make = () => {
  random.seed(SEED);
  const y = nd.array(Array.from({ length: BATCH }, (_, i) => i % CLASSES));
  const x = random.normal([BATCH, 12]).add(y.reshape([BATCH, 1]));
  const net = new nn.HybridSequential(
    new nn.Dense(16, { activation: 'tanh' }),
    new nn.Dense(CLASSES),
  );
  net.initialize({ init: 'xavier' });
  net(x);
  const loss = new SoftmaxCrossEntropyLoss();
  const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: 0.05 });
  const step = hybridize((images: nd.NDArray, labels: nd.NDArray) => {
    const l = autograd.record(() => loss(net(images), labels));
    l.backward();
    trainer.step(BATCH);
    return l.mean();
  });
  old = x;
  return { net, step: () => step(x, y) };
};

/** The parameters as they are after the steps so far, whatever comes while they are read. */
const bytesOf = (net: nn.HybridSequential): Promise<Uint8Array> => {
  const copies = [...net.collectParams()].map(([name, p]) => [name, p.data().copy()] as const);
  return nd.serialize(Object.fromEntries(copies), 'safetensors');
};

/** Starts a run from the seed, or from parameters that were saved. */
const start = async (steps: number, from?: Uint8Array): Promise<void> => {
  const own: Run = { steps, losses: [], done: false };
  run = own;
  device.setDefault(await device.webgpu());
  const { net, step } = make();
  if (from !== undefined) await net.loadParameters(from);
  let taken = 0;
  const save = async (): Promise<void> => {
    if (document.visibilityState !== 'hidden') return;
    const step = taken;
    const bytes = await bytesOf(net);
    own.saved ??= { step, bytes, hidden: document.visibilityState === 'hidden' };
  };
  document.addEventListener('visibilitychange', save);
  const training = async (): Promise<void> => {
    while (taken < own.steps) {
      const loss = step();
      taken++;
      own.losses.push(await loss.item());
    }
  };
  void training()
    .catch((error: unknown) => {
      own.error = error instanceof Error ? error.message : String(error);
    })
    .finally(() => {
      own.done = true;
      document.removeEventListener('visibilitychange', save);
    });
};

const collected = async (): Promise<number> => {
  let asked = 0;
  await platform.collect(() => ++asked > 6);
  return asked;
};

/** How many elements of a long upload arrive, by way of a program. */
const uploaded = async (): Promise<number> => {
  const values = Float32Array.from({ length: 1_500_000 }, (_, i) => i % 4099);
  const doubled = await nd.array(values).mul(2).data();
  return values.reduce((count, value, i) => count + Number(doubled[i] === 2 * value), 0);
};

Object.assign(globalThis, {
  page: {
    start,
    again: (steps: number) => start(steps, run.saved!.bytes),
    state: () => ({
      ...run,
      saved: run.saved && { step: run.saved.step, hidden: run.saved.hidden },
      visible: document.visibilityState,
      clocks,
    }),
    stop: () => {
      run.steps = 0;
    },
    collected,
    uploaded,
    forget: () => {
      clocks = [];
    },
    old: () => old!.data().then(String, String),
  },
});
