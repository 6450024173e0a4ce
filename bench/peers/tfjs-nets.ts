/**
 * TensorFlow.js on the rows of nets beyond dense layers and LeNet's step, in Node.
 *
 * Invariant: images lie channels last here, and are turned when they are made; results mean the same.
 */
import * as tf from '@tensorflow/tfjs';
import type { ParameterSpec } from '../cuda/parameters.ts';
import {
  EPSILON,
  LSTM,
  NET_LEARNING_RATE,
  type NetName,
  RESNET18,
  RESNET18_BLOCKS,
  RESNET20,
  RESNET20_BLOCKS,
  type ResidualSpec,
  TABLES,
  TRANSFORMER,
} from '../nets/tables.ts';
import type { Subject } from '../protocol.ts';
import * as work from '../work.ts';
import {
  classes,
  crossEntropy,
  dense as denseParams,
  done,
  type Lesson,
  lenet,
  lenetParams,
  mlp,
  numbers,
  type Params,
  train,
  type Wait,
} from './tfjs.ts';

const parameter = ({ name, shape, fill, scale }: ParameterSpec): tf.Variable => {
  const size = shape.reduce((a, b) => a * b, 1);
  const data =
    fill === 'normal'
      ? work.values(name, size, scale)
      : new Float32Array(size).fill(fill === 'ones' ? 1 : 0);
  const tensor = tf.tensor(data, [...shape]);
  // [out, in] to [in, out], of kernels behind their height and width
  const order = [[], [0], [1, 0], [], [2, 3, 1, 0]][shape.length]!;
  return tf.variable(tf.transpose(tensor, order));
};
const paramsOf = (name: NetName) => (): Params =>
  new Map(TABLES[name].map((spec) => [spec.name, parameter(spec)]));

const channelsLast = (make: () => tf.Tensor) => (): tf.Tensor =>
  tf.tidy(() => tf.transpose(make(), [0, 2, 3, 1]));

/** A product of all rows of an array with a weight. */
const dense = (p: Params, x: tf.Tensor, name: string): tf.Tensor => {
  const [inputs] = x.shape.slice(-1) as [number];
  const rows = tf.reshape(x, [-1, inputs]) as tf.Tensor2D;
  const y = tf.matMul(rows, p.get(`${name}.weight`) as tf.Tensor2D);
  const [outputs] = y.shape.slice(-1);
  return tf.reshape(tf.add(y, p.get(`${name}.bias`)!), [...x.shape.slice(0, -1), outputs!]);
};

/** Statistics of the batch in training, those of a net that was never trained (0 and 1) else. */
const convNorm = (
  p: Params,
  x: tf.Tensor4D,
  name: string,
  padding: number,
  strides: number,
  training: boolean,
): tf.Tensor4D => {
  const kernel = p.get(`${name}.weight`) as tf.Tensor4D;
  const y = tf.conv2d(x, kernel, strides, padding, 'NHWC', [1, 1], 'floor');
  const gamma = p.get(`${name}.gamma`) as tf.Tensor1D;
  const beta = p.get(`${name}.beta`) as tf.Tensor1D;
  const [channels] = gamma.shape;
  const { mean, variance } = training
    ? tf.moments(y, [0, 1, 2])
    : { mean: tf.zeros([channels]), variance: tf.ones([channels]) };
  const statistics = [mean as tf.Tensor1D, variance as tf.Tensor1D] as const;
  return tf.batchNorm4d(y, ...statistics, beta, gamma, EPSILON);
};

const residuals = (
  p: Params,
  x: tf.Tensor4D,
  blocks: readonly ResidualSpec[],
  training: boolean,
): tf.Tensor4D =>
  blocks.reduce((h, { name, inputs, outputs }) => {
    const strides = inputs === outputs ? 1 : 2;
    const first = tf.relu(convNorm(p, h, `${name}.first`, 1, strides, training));
    const y = convNorm(p, first, `${name}.second`, 1, 1, training);
    const beside = strides === 1 ? h : convNorm(p, h, `${name}.shortcut`, 0, 2, training);
    return tf.relu(tf.add(y, beside));
  }, x);

const resnet18 = (p: Params, x: tf.Tensor): tf.Tensor => {
  const stem = tf.relu(convNorm(p, x as tf.Tensor4D, 'resnet18.stem', 3, 2, false));
  const h = residuals(p, tf.maxPool(stem, 3, 2, 1, 'floor'), RESNET18_BLOCKS, false);
  return dense(p, tf.mean(h, [1, 2]), 'resnet18.head');
};

const resnet20 = (p: Params, x: tf.Tensor): tf.Tensor => {
  const stem = tf.relu(convNorm(p, x as tf.Tensor4D, 'resnet.stem', 1, 1, true));
  return dense(p, tf.mean(residuals(p, stem, RESNET20_BLOCKS, true), [1, 2]), 'resnet.head');
};

const lstm = (p: Params, x: tf.Tensor): tf.Tensor => {
  const { steps, batch, hidden, inputs } = LSTM;
  const product = (a: tf.Tensor, name: string): tf.Tensor2D =>
    tf.add(
      tf.matMul(a as tf.Tensor2D, p.get(`lstm.${name}`) as tf.Tensor2D),
      p.get(`lstm.${name}.bias`)!,
    );
  const all = product(tf.reshape(x, [steps * batch, inputs]), 'input');
  const outputs: tf.Tensor[] = [];
  let h: tf.Tensor = tf.zeros([batch, hidden]);
  let c: tf.Tensor = tf.zeros([batch, hidden]);
  for (const input of tf.split(all, steps)) {
    const gates = tf.add(input, product(h, 'hidden'));
    const [i, f, g, o] = tf.split(gates, 4, 1) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    c = tf.add(tf.mul(tf.sigmoid(f), c), tf.mul(tf.sigmoid(i), tf.tanh(g)));
    h = tf.mul(tf.sigmoid(o), tf.tanh(c));
    outputs.push(h);
  }
  return tf.stack(outputs);
};

const transformer = (p: Params, x: tf.Tensor): tf.Tensor => {
  const { batch, length, width, heads } = TRANSFORMER;
  const part = (h: tf.Tensor, name: string): tf.Tensor => dense(p, h, `transformer.${name}`);
  const apart = (h: tf.Tensor, order: number[]): tf.Tensor =>
    tf.transpose(tf.reshape(h, [batch, length, heads, width / heads]), order);
  const norm = (h: tf.Tensor, name: string): tf.Tensor => {
    const { mean, variance } = tf.moments(h, -1, true);
    const z = tf.div(tf.sub(h, mean), tf.sqrt(tf.add(variance, EPSILON)));
    const [gamma, beta] = ['gamma', 'beta'].map((n) => p.get(`transformer.${name}.${n}`)!);
    return tf.add(tf.mul(z, gamma!), beta!);
  };
  const [q, k, v] = [
    apart(part(x, 'query'), [0, 2, 1, 3]),
    apart(part(x, 'key'), [0, 2, 3, 1]),
    apart(part(x, 'value'), [0, 2, 1, 3]),
  ];
  const scores = tf.mul(tf.matMul(q, k), (width / heads) ** -0.5);
  const seen = tf.transpose(tf.matMul(tf.softmax(scores), v), [0, 2, 1, 3]);
  const y = norm(tf.add(x, part(tf.reshape(seen, [batch, length, width]), 'output')), 'norm1');
  return norm(tf.add(y, part(tf.relu(part(y, 'up')), 'down')), 'norm2');
};

type Forward = Lesson['net'];

const predicting = (
  wait: Wait,
  params: () => Params,
  net: Forward,
  input: () => tf.Tensor,
): Subject[string] => ({
  imperative: () => {
    const [p, x] = [params(), input()];
    return done(wait, () => tf.tidy(() => net(p, x)));
  },
});

const squares = (name: NetName, net: Forward, shape: readonly number[]): Lesson => ({
  params: paramsOf(name),
  net,
  loss: (output, y) => tf.mean(tf.square(tf.sub(output, y))) as tf.Scalar,
  x: numbers('sequence', ...shape),
  y: numbers('target', ...shape),
  rate: NET_LEARNING_RATE,
});

const sequence = [LSTM.steps, LSTM.batch, LSTM.inputs];
const positions = [TRANSFORMER.batch, TRANSFORMER.length, TRANSFORMER.width];
const images = (batch: number, side: number) =>
  channelsLast(numbers('images', batch, 3, side, side));

export const netSubjectOf = (wait: Wait): Subject => ({
  'mlp-forward': predicting(
    wait,
    () => denseParams(work.MLP),
    (p, x) => mlp(p, work.MLP, x as tf.Tensor2D),
    numbers('images', work.BATCH, 784),
  ),
  'lenet-forward': predicting(
    wait,
    lenetParams,
    (p, x) => lenet(p, x as tf.Tensor4D),
    numbers('images', work.BATCH, 28, 28, 1),
  ),
  'resnet18-forward': predicting(
    wait,
    paramsOf('resnet18'),
    resnet18,
    images(RESNET18.batch, RESNET18.side),
  ),
  'resnet20-train': {
    imperative: train(wait, {
      params: paramsOf('resnet20'),
      net: resnet20,
      loss: crossEntropy,
      x: images(RESNET20.batch, RESNET20.side),
      y: classes(RESNET20.batch),
      rate: NET_LEARNING_RATE,
    }),
  },
  'lstm-forward': predicting(wait, paramsOf('lstm'), lstm, numbers('sequence', ...sequence)),
  'lstm-train': { imperative: train(wait, squares('lstm', lstm, sequence)) },
  'transformer-forward': predicting(
    wait,
    paramsOf('transformer'),
    transformer,
    numbers('sequence', ...positions),
  ),
  'transformer-train': {
    imperative: train(wait, squares('transformer', transformer, positions)),
  },
});
