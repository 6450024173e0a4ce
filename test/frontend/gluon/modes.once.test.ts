/**
 * Training gives the same losses imperatively, with a hybridized net and as one program, and whether convolutions are
 * computed from transformed tiles or as sums: 20 steps, against float64 where the net is smooth.
 *
 * Where a net chooses (relu, maxima), two candidates that are closer than rounding make any two programs part: then
 * training multiplies the difference, at high rates tenfold every few steps. So rates are low where nets choose.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { drawDigits } from '../../../src/frontend/gluon/data/index.ts';
import { SoftmaxCrossEntropyLoss } from '../../../src/frontend/gluon/loss.ts';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import { autograd, device, explain, hybridize, nd, random, Trainer } from '../../../src/index.ts';
import { CpuDevice, type CpuOptions } from '../../../src/runtime/cpu/device.ts';

const STEPS = 20;
const BATCH = 16;
const { images, labels } = drawDigits(STEPS * BATCH, 1);

/** 5 x 5 and 3 x 3 windows, nothing that chooses. */
const smooth = (): nn.HybridSequential =>
  new nn.HybridSequential(
    new nn.Conv2D(16, 5, { activation: 'tanh' }),
    new nn.AvgPool2D(2),
    new nn.Conv2D(24, 5, { activation: 'tanh' }),
    new nn.Conv2D(16, 3, { padding: 1, activation: 'tanh' }),
    new nn.AvgPool2D(2),
    new nn.Flatten(),
    new nn.Dense(10),
  );

const lenet = (): nn.HybridSequential =>
  new nn.HybridSequential(
    new nn.Conv2D(20, 5, { activation: 'relu' }),
    new nn.MaxPool2D(2),
    new nn.Conv2D(50, 5, { activation: 'relu' }),
    new nn.MaxPool2D(2),
    new nn.Flatten(),
    new nn.Dense(128, { activation: 'relu' }),
    new nn.Dense(10),
  );

interface Way {
  readonly mode: 'imperative' | 'net' | 'step';
  readonly device?: CpuOptions;
  readonly dtype?: 'float32' | 'float64';
}

/** The losses of all steps, and what the schedules of the step's kernels say. */
const train = async (
  make: () => nn.HybridSequential,
  learningRate: number,
  { mode, device: options = {}, dtype = 'float32' }: Way,
): Promise<{ losses: readonly number[]; notes: string }> => {
  device.setDefault(new CpuDevice(options));
  random.seed(1);
  const net = make();
  net.initialize({ init: 'xavier' });
  const batches = Array.from({ length: STEPS }, (_, i): [nd.NDArray, nd.NDArray] => {
    const pixels = images.subarray(i * BATCH * 784, (i + 1) * BATCH * 784);
    const x = nd.array(
      Float32Array.from(pixels, (v) => v / 255),
      { shape: [BATCH, 1, 28, 28] },
    );
    return [
      x.astype(dtype),
      nd.array(Int32Array.from(labels.subarray(i * BATCH, (i + 1) * BATCH))),
    ];
  });
  net(nd.zeros([BATCH, 1, 28, 28]));
  net.cast(dtype);
  const loss = new SoftmaxCrossEntropyLoss();
  const trainer = new Trainer(net.parameters(), 'sgd', { learningRate, momentum: 0.9 });
  const plain = (x: nd.NDArray, y: nd.NDArray): nd.NDArray => {
    const l = autograd.record(() => loss(net(x), y));
    l.backward();
    trainer.step(BATCH);
    return l.mean();
  };
  if (mode === 'net') net.hybridize();
  const compiled = hybridize(plain);
  const step = mode === 'step' ? compiled : plain;
  const losses = batches.map(([x, y]) => step(x, y));
  const notes = mode === 'step' ? JSON.stringify(explain(compiled).reports) : '';
  return { losses: await Promise.all(losses.map((l) => l.item())), notes };
};

const farthest = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((l, i) => Math.abs(l - b[i]!) / Math.abs(b[i]!)));

/** That losses lie within `most` of `wanted`, relatively. */
const holds = async (
  make: () => nn.HybridSequential,
  rate: number,
  way: Way,
  wanted: readonly number[],
  most: number,
): Promise<string> => {
  const { losses, notes } = await train(make, rate, way);
  const difference = farthest(losses, wanted);
  assert.ok(difference < most, `${JSON.stringify(way)}: ${difference}`);
  return notes;
};

test('a smooth net: three modes, with and without transformed tiles, against float64', async () => {
  const rate = 0.05;
  const exact = await train(smooth, rate, { mode: 'step', dtype: 'float64' });
  assert.ok(exact.losses.at(-1)! < 0.5 * exact.losses[0]!, `${exact.losses}`);
  // 4e-7 to 6e-7 when this was written
  const near = (way: Way): Promise<string> => holds(smooth, rate, way, exact.losses, 3e-6);
  await near({ mode: 'imperative' });
  await near({ mode: 'net' });
  const notes = await near({ mode: 'step' });
  for (const tiles of ['2 x 2, 5 x 5', '4 x 4, 3 x 3', '5 x 5, 2 x 2', '3 x 3, 4 x 4'])
    assert.ok(notes.includes(`Winograd F(${tiles})`), tiles);
  await near({ mode: 'step', device: { winograd: false, deterministic: true } });
});

test('LeNet: three modes', async () => {
  const rate = 0.01;
  const { losses, notes } = await train(lenet, rate, { mode: 'step' });
  for (const tiles of ['2 x 2, 5 x 5', '5 x 5, 2 x 2'])
    assert.ok(notes.includes(`Winograd F(${tiles})`), tiles);
  // 2e-7 when this was written
  for (const mode of ['imperative', 'net'] as const)
    await holds(lenet, rate, { mode }, losses, 1e-5);
});

test.run();
