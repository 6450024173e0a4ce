/**
 * Tigon's rows of nets beyond dense layers and LeNet's step: residual nets, an LSTM, a layer of a transformer.
 */
import { nd } from 'tigon';
import * as nn from 'tigon/nn';
import * as rnn from 'tigon/rnn';
import { fill, resnet } from '../cuda/models.ts';
import {
  LSTM,
  NET_LEARNING_RATE,
  type NetName,
  RESNET18,
  RESNET20,
  TABLES,
  TRANSFORMER,
} from '../nets/tables.ts';
import type { Subject } from '../protocol.ts';
import * as work from '../work.ts';
import { lenet, mlp } from './nets.ts';
import { resnet18 } from './resnet18.ts';
import { crossEntropy } from './rows.ts';
import { type Net, predicting, type Training, training } from './training.ts';

type Device = nd.NDArray['device'];

const filled = (name: NetName, net: Net): Net => {
  fill(net, TABLES[name]);
  return net;
};

const { width, heads, hidden } = TRANSFORMER;

const numbers =
  (name: string, ...shape: number[]) =>
  (): nd.NDArray =>
    nd.array(
      work.values(
        name,
        shape.reduce((a, b) => a * b, 1),
      ),
      { shape },
    );

/** Regression: the mean of squared differences, over everything. */
const squares = (net: () => Net, shape: number[]): Training => ({
  net,
  x: numbers('sequence', ...shape),
  y: numbers('target', ...shape),
  loss: (output, y) => output.sub(y).square().mean(),
  divisor: 1,
  learningRate: NET_LEARNING_RATE,
});

/** The rows on a device, which is the default one. */
export const netRowsOn = (device: Device): Subject => {
  const lstm = squares(
    () => filled('lstm', new rnn.LSTM(LSTM.hidden, { inputSize: LSTM.inputs }) as Net),
    [LSTM.steps, LSTM.batch, LSTM.inputs],
  );
  const transformer = squares(
    () =>
      filled(
        'transformer',
        new nn.TransformerEncoderLayer(width, heads, { hiddenSize: hidden }) as Net,
      ),
    [TRANSFORMER.batch, TRANSFORMER.length, width],
  );
  return {
    'mlp-forward': predicting(device, {
      net: () => mlp(work.MLP),
      x: numbers('images', work.BATCH, 784),
    }),
    'lenet-forward': predicting(device, {
      net: lenet,
      x: numbers('images', work.BATCH, 1, 28, 28),
    }),
    'resnet18-forward': predicting(device, {
      net: () => filled('resnet18', resnet18()),
      x: numbers('images', RESNET18.batch, 3, RESNET18.side, RESNET18.side),
    }),
    'resnet20-train': training(device, {
      net: () => filled('resnet20', resnet(RESNET20)),
      x: numbers('images', RESNET20.batch, 3, RESNET20.side, RESNET20.side),
      ...crossEntropy(RESNET20.batch, NET_LEARNING_RATE),
    }),
    'lstm-forward': predicting(device, lstm),
    'lstm-train': training(device, lstm),
    'transformer-forward': predicting(device, transformer),
    'transformer-train': training(device, transformer),
  };
};
