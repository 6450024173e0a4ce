/**
 * Rows of nets on Tigon: a forward, or a training step with its loss, imperative, hybridized and as one whole step.
 *
 * Invariant: all of it through the public API, as users write it.
 */
import { autograd, explain, type HybridBlock, hybridize, type nd, Trainer } from 'tigon';
import type { Mode, Prepared, Subject } from '../protocol.ts';
import * as work from '../work.ts';
import { countsOf, figuresOf, finishing, reading } from './timing.ts';

type Device = nd.NDArray['device'];

/** A net of one array. */
export type Net = HybridBlock & ((x: nd.NDArray) => nd.NDArray);

/** A net and what it predicts from. */
export interface Predicting {
  readonly net: () => Net;
  readonly x: () => nd.NDArray;
}

/** What it is trained with, too. */
export interface Training extends Predicting {
  readonly y: () => nd.NDArray;
  readonly loss: (output: nd.NDArray, y: nd.NDArray) => nd.NDArray;
  /** What gradients of the loss are divided by. */
  readonly divisor: number;
  readonly learningRate: number;
}

const predict =
  (device: Device, { net: make, x: input }: Predicting, mode: Mode) =>
  async () => {
    const net = make();
    const x = input();
    if (mode === 'hybrid') net.hybridize();
    const start = performance.now();
    const data = await net(x).data();
    const compileMs = performance.now() - start;
    const check = work.sample(data);
    const run = finishing(device, () => net(x));
    const counts = await countsOf(device, run);
    if (mode === 'imperative') return { run, check, ...counts };
    const compiled = net.explain();
    return { run, check, compileMs, compiled, ...counts, ...figuresOf(compiled) };
  };

export const predicting = (device: Device, row: Predicting): Subject[string] => ({
  imperative: predict(device, row, 'imperative'),
  hybrid: predict(device, row, 'hybrid'),
});

const train = (device: Device, row: Training, mode: Mode) => async (): Promise<Prepared> => {
  const net = row.net();
  const [x, y] = [row.x(), row.y()];
  const { learningRate, divisor } = row;
  const trainer = new Trainer(net.parameters(), 'sgd', { learningRate });
  if (mode === 'hybrid') net.hybridize();
  const once = (a: nd.NDArray, b: nd.NDArray): nd.NDArray => {
    const l = autograd.record(() => row.loss(net(a), b));
    l.backward();
    trainer.step(divisor);
    return l.mean();
  };
  const compiled = hybridize(once);
  const step = mode === 'step' ? compiled : once;
  const start = performance.now();
  const check = [Number(await step(x, y).item())];
  const compileMs = performance.now() - start;
  for (let i = 0; i < 2; i++) check.push(Number(await step(x, y).item()));
  const run = reading(device, () => step(x, y));
  const counts = await countsOf(device, run);
  const made = { run, check, ...counts };
  switch (mode) {
    case 'imperative':
      return made;
    case 'hybrid':
      return { ...made, compileMs, ...figuresOf(net.explain()) };
    case 'step': {
      const explained = explain(compiled);
      return { ...made, compileMs, compiled: explained, ...figuresOf(explained) };
    }
    default:
      return mode satisfies never;
  }
};

export const training = (device: Device, row: Training): Subject[string] => ({
  imperative: train(device, row, 'imperative'),
  hybrid: train(device, row, 'hybrid'),
  step: train(device, row, 'step'),
});
