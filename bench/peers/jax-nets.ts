/**
 * jax-js on the rows of nets beyond dense layers and LeNet's step, in Node.
 *
 * Invariant: nets are compiled by `jit`, the forward of a residual net without: compiling takes it half a minute.
 */
import { blockUntilReady, jit, lax, nn, numpy as np } from '@jax-js/jax';
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
  type A,
  array,
  classes,
  compiled,
  crossEntropy,
  denseParams,
  type Lesson,
  lenet,
  lenetParams,
  mlp,
  type Net,
  numbers,
  train,
} from './jax.ts';

const parameter = ({ name, shape, fill, scale }: ParameterSpec): A => {
  const size = shape.reduce((a, b) => a * b, 1);
  const data =
    fill === 'normal'
      ? work.values(name, size, scale)
      : new Float32Array(size).fill(fill === 'ones' ? 1 : 0);
  return array(data, [...shape]);
};
const paramsOf = (name: NetName) => (): Net =>
  Object.fromEntries(TABLES[name].map((spec) => [spec.name, parameter(spec)]));

const keep = (p: Net): Net => Object.fromEntries(Object.entries(p).map(([k, v]) => [k, v.ref]));

const dense = (p: Net, x: A, name: string): A =>
  np.matmul(x, np.transpose(p[`${name}.weight`]!.ref)).add(p[`${name}.bias`]!.ref);

const mean = (x: A, axes: number | number[]): A => np.mean(x, axes as never, { keepdims: true });

/** Zero mean and unit variance along `axes`. */
const standardized = (x: A, axes: number | number[]): A => {
  const c = x.ref.sub(mean(x, axes));
  return c.ref.div(np.sqrt(mean(np.square(c), axes).add(EPSILON)));
};

/** Statistics of the batch in training, those of a net that was never trained (0 and 1) else. */
const convNorm = (
  p: Net,
  x: A,
  name: string,
  padding: number,
  strides: number,
  training: boolean,
): A => {
  const weight = p[`${name}.weight`]!.ref;
  const pads: [number, number][] = [
    [padding, padding],
    [padding, padding],
  ];
  const y = lax.conv(x, weight, [strides, strides], pads as never);
  const [, channels] = y.shape as [number, number];
  const each = [1, channels, 1, 1];
  const z = training ? standardized(y, [0, 2, 3]) : y.mul(1 / Math.sqrt(1 + EPSILON));
  return z.mul(p[`${name}.gamma`]!.ref.reshape(each)).add(p[`${name}.beta`]!.ref.reshape(each));
};

const residuals = (p: Net, x: A, blocks: readonly ResidualSpec[], training: boolean): A =>
  blocks.reduce((h, { name, inputs, outputs }) => {
    const strides = inputs === outputs ? 1 : 2;
    const first = nn.relu(convNorm(p, h.ref, `${name}.first`, 1, strides, training));
    const y = convNorm(p, first, `${name}.second`, 1, 1, training);
    const beside = strides === 1 ? h : convNorm(p, h, `${name}.shortcut`, 0, 2, training);
    return nn.relu(y.add(beside));
  }, x);

const resnet18 = (p: Net, x: A): A => {
  const stem = nn.relu(convNorm(p, x, 'resnet18.stem', 3, 2, false));
  const around: [number, number][] = [
    [0, 0],
    [0, 0],
    [1, 1],
    [1, 1],
  ];
  // nothing is below zero, so zeros around it never win
  const pooled = lax.reduceWindow(
    np.pad(stem, around as never),
    (w: A) => np.max(w),
    [3, 3],
    [2, 2],
  );
  const h = residuals(p, pooled, RESNET18_BLOCKS, false);
  return dense(p, np.mean(h, [2, 3] as never), 'resnet18.head');
};

const resnet20 = (p: Net, x: A): A => {
  const stem = nn.relu(convNorm(p, x, 'resnet.stem', 1, 1, true));
  const h = residuals(p, stem, RESNET20_BLOCKS, true);
  return dense(p, np.mean(h, [2, 3] as never), 'resnet.head');
};

const lstm = (p: Net, x: A): A => {
  const { steps, batch, hidden, inputs } = LSTM;
  const weight = (name: string): A => np.transpose(p[`lstm.${name}`]!.ref);
  const rows = np.matmul(x.reshape([steps * batch, inputs]), weight('input'));
  const all = rows
    .add(p['lstm.input.bias']!.ref)
    .add(p['lstm.hidden.bias']!.ref)
    .reshape([steps, batch, 4 * hidden]);
  const outputs: A[] = [];
  let [h, c] = [np.zeros([batch, hidden]), np.zeros([batch, hidden])];
  for (const input of np.unstack(all)) {
    const gates = input.add(np.matmul(h, weight('hidden')));
    const [i, f, g, o] = np.split(gates, 4, 1) as [A, A, A, A];
    c = nn
      .sigmoid(f)
      .mul(c)
      .add(nn.sigmoid(i).mul(np.tanh(g)));
    h = nn.sigmoid(o).mul(np.tanh(c.ref));
    outputs.push(h.ref);
  }
  return np.stack(outputs);
};

const transformer = (p: Net, x: A): A => {
  const { batch, length, width, heads } = TRANSFORMER;
  const part = (h: A, name: string): A => dense(p, h, `transformer.${name}`);
  const apart = (h: A): A =>
    np.transpose(h.reshape([batch, length, heads, width / heads]), [0, 2, 1, 3]);
  const norm = (h: A, name: string): A =>
    standardized(h, -1)
      .mul(p[`transformer.${name}.gamma`]!.ref)
      .add(p[`transformer.${name}.beta`]!.ref);
  const [q, k, v] = ['query', 'key', 'value'].map((name) => apart(part(x.ref, name))) as [A, A, A];
  const scores = np.matmul(q, np.transpose(k, [0, 1, 3, 2])).mul((width / heads) ** -0.5);
  const seen = np.transpose(np.matmul(nn.softmax(scores, -1), v), [0, 2, 1, 3]);
  const y = norm(x.add(part(seen.reshape([batch, length, width]), 'output')), 'norm1');
  const fed = part(nn.relu(part(y.ref, 'up')), 'down');
  return norm(y.add(fed), 'norm2');
};

type Forward = (p: Net, x: A) => A;

const predicting = (params: () => Net, net: Forward, input: () => A, compile = true) => ({
  [compile ? 'hybrid' : 'imperative']: () => {
    const [p, x] = [params(), input()];
    const f = compile ? (jit(net as never) as unknown as Forward) : net;
    const run = async (): Promise<void> => {
      const y = f(keep(p), x.ref);
      await blockUntilReady(y);
      y.dispose();
    };
    return compiled(() => f(keep(p), x.ref), run);
  },
});

const squares = (name: NetName, net: Forward, shape: number[]): Lesson => ({
  params: paramsOf(name),
  loss: (p, x, y) => np.mean(np.square(net(p, x).sub(y))),
  x: numbers('sequence', ...shape),
  y: numbers('target', ...shape),
  rate: NET_LEARNING_RATE,
});

const sequence = [LSTM.steps, LSTM.batch, LSTM.inputs];
const positions = [TRANSFORMER.batch, TRANSFORMER.length, TRANSFORMER.width];
const images = (batch: number, side: number) => numbers('images', batch, 3, side, side);

export const netSubject: Subject = {
  'mlp-forward': predicting(() => denseParams(work.MLP), mlp, numbers('images', work.BATCH, 784)),
  'lenet-forward': predicting(lenetParams, lenet, numbers('images', work.BATCH, 1, 28, 28)),
  'resnet18-forward': predicting(
    paramsOf('resnet18'),
    resnet18,
    images(RESNET18.batch, RESNET18.side),
    false,
  ),
  'resnet20-train': {
    step: train(
      {
        params: paramsOf('resnet20'),
        loss: (p, x, y) => crossEntropy(resnet20(p, x), y),
        x: images(RESNET20.batch, RESNET20.side),
        y: classes(RESNET20.batch),
        rate: NET_LEARNING_RATE,
      },
      true,
    ),
  },
  'lstm-forward': predicting(paramsOf('lstm'), lstm, numbers('sequence', ...sequence)),
  'lstm-train': { step: train(squares('lstm', lstm, sequence), true) },
  'transformer-forward': predicting(
    paramsOf('transformer'),
    transformer,
    numbers('sequence', ...positions),
  ),
  'transformer-train': { step: train(squares('transformer', transformer, positions), true) },
};
