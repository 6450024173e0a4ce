/**
 * Tigon on the rows of the benchmark: imperative, hybridized, and as one whole step, all through the public API.
 */
import { explain, hybridize, nd } from 'tigon';
import { SoftmaxCrossEntropyLoss } from 'tigon/loss';
import type { Mode, Prepared, Subject } from '../protocol.ts';
import * as work from '../work.ts';
import { chain, layerNorm } from './functions.ts';
import { lenet, mlp } from './nets.ts';
import { countsOf, figuresOf, finishing } from './timing.ts';
import { type Net, type Predicting, type Training, training } from './training.ts';

type Device = nd.NDArray['device'];

/** A function of arrays, imperative and hybridized. */
const pure = (
  device: Device,
  make: () => nd.NDArray[],
  fn: (...args: nd.NDArray[]) => nd.NDArray,
): Subject[string] => {
  const prepare = (compile: boolean) => async (): Promise<Prepared> => {
    const args = make();
    const compiled = hybridize(fn);
    const f = compile ? compiled : fn;
    const start = performance.now();
    const data = await f(...args).data();
    const compileMs = performance.now() - start;
    const check = work.sample(data);
    const run = finishing(device, () => f(...args));
    const counts = await countsOf(device, run);
    if (!compile) return { run, check, ...counts };
    const explained = explain(compiled);
    return { run, check, compileMs, compiled: explained, ...counts, ...figuresOf(explained) };
  };
  return { imperative: prepare(false), hybrid: prepare(true) };
};

const array = (name: string, ...shape: number[]): nd.NDArray =>
  nd.array(
    work.values(
      name,
      shape.reduce((a, b) => a * b, 1),
    ),
    { shape },
  );

const book = (device: Device, mode: Mode) => async (): Promise<Prepared> => {
  const net = mlp(work.BOOK_NET);
  const x = array('book', 1, 512);
  if (mode === 'hybrid') net.hybridize();
  const start = performance.now();
  const data = await net(x).data();
  const compileMs = performance.now() - start;
  const check = work.sample(data);
  const run = finishing(device, () => {
    for (let i = 1; i < work.BOOK_FORWARDS; i++) net(x).dispose();
    return net(x);
  });
  const counts = await countsOf(device, run);
  if (mode === 'imperative') return { run, check, ...counts };
  const compiled = net.explain();
  return { run, check, compileMs, compiled, ...counts, ...figuresOf(compiled) };
};

/** A batch's classes and the loss that compares scores with them. */
export const crossEntropy = (
  batch: number,
  learningRate: number,
): Omit<Training, keyof Predicting> => {
  const loss = new SoftmaxCrossEntropyLoss();
  const y = (): nd.NDArray => nd.array(work.labels('labels', batch, 10));
  return { y, loss, divisor: batch, learningRate };
};

const classifying = (device: Device, net: () => Net, ...shape: number[]): Subject[string] =>
  training(device, {
    net,
    x: () => array('images', ...shape),
    ...crossEntropy(work.BATCH, work.LEARNING_RATE),
  });

const tiny = (device: Device) => async (): Promise<Prepared> => {
  const x = array('tiny', work.TINY.size);
  const work1000 = (): nd.NDArray => {
    let y = x;
    for (let i = 0; i < work.TINY.repeats; i++) y = y.add(x);
    return y;
  };
  const check = work.sample(await work1000().data());
  const run = finishing(device, work1000);
  return { run, check, ...(await countsOf(device, run)) };
};

/** The rows on a device, which is the default one. */
export const rowsOn = (device: Device): Subject => ({
  ...Object.fromEntries(
    work.MATMUL_SIZES.map((n) => [
      `matmul-${n}`,
      pure(
        device,
        () => [array('a', n, n), array('b', n, n)],
        (a, b) => a!.matmul(b!),
      ),
    ]),
  ),
  chain12: pure(
    device,
    () => [array('x', work.CHAIN_SIZE)],
    (x) => chain(x!),
  ),
  softmax: pure(
    device,
    () => [array('x', work.ROWS.rows, work.ROWS.columns)],
    (x) => x!.softmax({ axis: 1 }),
  ),
  layernorm: pure(
    device,
    () => [array('x', work.ROWS.rows, work.ROWS.columns)],
    (x) => layerNorm(x!),
  ),
  'tiny-op': { imperative: tiny(device) },
  'hybridize-mlp': { imperative: book(device, 'imperative'), hybrid: book(device, 'hybrid') },
  'mlp-train': classifying(device, () => mlp(work.MLP), work.BATCH, 784),
  'lenet-train': classifying(device, lenet, work.BATCH, 1, 28, 28),
});
