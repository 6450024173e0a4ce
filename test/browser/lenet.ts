/**
 * A small LeNet trained on a device, at once and compiled, and a product of matrices: for pages with WebGPU, and for Node
 * to compare.
 *
 * Invariant: uses nothing that only one of the two has; all data come from the seed.
 */
import { autograd, device, hybridize, nd, random, Trainer } from 'tigon';
import { SoftmaxCrossEntropyLoss } from 'tigon/loss';
import * as nn from 'tigon/nn';

const SEED = 11;
const STEPS = 4;
const BATCH = 8;
const CLASSES = 4;

export const MODES = ['imperative', 'net', 'step'] as const;
type Mode = (typeof MODES)[number];
type Device = ReturnType<typeof device.default>;

const lenet = (): nn.HybridSequential =>
  new nn.HybridSequential(
    new nn.Conv2D(4, 3, { activation: 'relu' }),
    new nn.MaxPool2D(2),
    new nn.Conv2D(6, 3, { activation: 'relu' }),
    new nn.MaxPool2D(2),
    new nn.Flatten(),
    new nn.Dense(16, { activation: 'relu' }),
    new nn.Dense(CLASSES),
  );

const train = async (mode: Mode): Promise<number[]> => {
  random.seed(SEED);
  const y = nd.array(Array.from({ length: BATCH }, (_, i) => i % CLASSES));
  // images of a class are as bright as it says
  const x = random.normal([BATCH, 1, 14, 14], 0, 0.3).add(y.reshape([BATCH, 1, 1, 1]));
  const net = lenet();
  net.initialize({ init: 'xavier' });
  const loss = new SoftmaxCrossEntropyLoss();
  const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: 0.1, momentum: 0.9 });
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

export interface Report {
  /** Of each mode, after each step. */
  readonly losses: Record<string, number[]>;
  readonly product: number[];
  readonly device: string;
}

/** Computes everything on `on`. */
export const report = async (on: Device): Promise<Report> => {
  device.setDefault(on);
  random.seed(SEED);
  const product = random
    .normal([48, 40])
    .matmul(random.normal([40, 36]))
    .sum({ axis: 0 });
  const losses: Record<string, number[]> = {};
  for (const mode of MODES) losses[mode] = await train(mode);
  return { losses, product: (await product.array()) as number[], device: product.device.name };
};
