/**
 * Functions whose first call is timed: the rows of nets, with parameters that no program has drawn, so that nothing is
 * compiled before.
 */
import { autograd, hybridize, nd, Trainer } from 'tigon';
import { L2Loss, SoftmaxCrossEntropyLoss } from 'tigon/loss';
import * as nn from 'tigon/nn';
import * as rnn from 'tigon/rnn';
import { lenet, mlp, type Net, resnet } from '../cuda/models.ts';
import { LSTM, RESNET18, RESNET20, TRANSFORMER } from '../nets/tables.ts';
import { resnet18 } from '../tigon/resnet18.ts';
import type { CaseName } from './case-names.ts';

const BATCH = 64;
const CLASSES = 10;

/** One function, operation by operation and compiled: what is called, and what a call gives. */
export interface Calls {
  readonly imperative: () => nd.NDArray;
  readonly hybrid: () => nd.NDArray;
}

const forward = (net: Net, ...shape: number[]): Calls => {
  net.initialize({ init: 'zeros' });
  const x = nd.zeros(shape);
  const f = hybridize((a: nd.NDArray) => net(a), { name: 'forward' });
  return { imperative: () => net(x), hybrid: () => f(x) };
};

const step = (
  net: Net,
  loss: (output: nd.NDArray, y: nd.NDArray) => nd.NDArray,
  x: nd.NDArray,
  y: nd.NDArray,
): Calls => {
  net.initialize({ init: 'zeros' });
  const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: 0.01 });
  const imperative = (a: nd.NDArray, b: nd.NDArray): nd.NDArray => {
    const l = autograd.record(() => loss(net(a), b));
    l.backward();
    trainer.step(a.shape[0]!);
    return l.mean();
  };
  const hybrid = hybridize(imperative, { name: 'step' });
  return { imperative: () => imperative(x, y), hybrid: () => hybrid(x, y) };
};

const classifying = (net: Net, ...shape: number[]): Calls =>
  step(
    net,
    new SoftmaxCrossEntropyLoss(),
    nd.zeros(shape),
    nd.zeros([shape[0]!], { dtype: 'int32' }),
  );

const regressing = (net: Net, ...shape: number[]): Calls =>
  step(net, new L2Loss(), nd.zeros(shape), nd.zeros(shape));

export const CASES: Readonly<Record<CaseName, () => Calls>> = {
  'mlp-train': () =>
    classifying(mlp({ batch: BATCH, widths: [784, 256, 128, CLASSES] }), BATCH, 784),
  'lenet-train': () => classifying(lenet(), BATCH, 1, 28, 28),
  'resnet18-forward': () => forward(resnet18(), RESNET18.batch, 3, RESNET18.side, RESNET18.side),
  'resnet20-train': () =>
    classifying(resnet(RESNET20), RESNET20.batch, 3, RESNET20.side, RESNET20.side),
  'lstm-train': () =>
    regressing(
      new rnn.LSTM(LSTM.hidden, { inputSize: LSTM.inputs }) as Net,
      LSTM.steps,
      LSTM.batch,
      LSTM.inputs,
    ),
  'transformer-train': () =>
    regressing(
      new nn.TransformerEncoderLayer(TRANSFORMER.width, TRANSFORMER.heads, {
        hiddenSize: TRANSFORMER.hidden,
      }) as Net,
      TRANSFORMER.batch,
      TRANSFORMER.length,
      TRANSFORMER.width,
    ),
};
