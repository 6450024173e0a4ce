import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { HybridBlock } from '../../../src/frontend/gluon/block.ts';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import type { Parameter } from '../../../src/frontend/gluon/parameter.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import type { nd } from '../../../src/index.ts';
import { ATOL, casesOf, compare, RTOL } from './fixtures.ts';

type One = HybridBlock & { forward(x: nd.NDArray): nd.NDArray };

/** Layers as the fixtures have them, by name of the case. */
const LAYERS: Readonly<Record<string, () => One>> = {
  dense: () => new nn.Dense(4),
  'dense relu': () => new nn.Dense(5, { activation: 'relu' }),
  'dense last axis': () => new nn.Dense(5, { flatten: false, useBias: false }),
  relu: () => new nn.Activation('relu'),
  sigmoid: () => new nn.Activation('sigmoid'),
  logSigmoid: () => new nn.Activation('logSigmoid'),
  tanh: () => new nn.Activation('tanh'),
  softrelu: () => new nn.Activation('softrelu'),
  softsign: () => new nn.Activation('softsign'),
  gelu: () => new nn.GELU(),
  silu: () => new nn.SiLU(),
  mish: () => new nn.Activation('mish'),
  leakyRelu: () => new nn.LeakyReLU(0.1),
  elu: () => new nn.ELU(0.7),
  selu: () => new nn.SELU(),
  prelu: () => new nn.PReLU({ inChannels: 3 }),
  conv1d: () => new nn.Conv1D(4, 3, { strides: 2, padding: 1, dilation: 2 }),
  conv2d: () => new nn.Conv2D(4, [3, 2]),
  'conv2d grouped': () =>
    new nn.Conv2D(6, 3, { strides: [2, 1], padding: [1, 2], groups: 2, useBias: false }),
  'conv2d tanh': () => new nn.Conv2D(3, 3, { padding: 1, activation: 'tanh' }),
  conv3d: () => new nn.Conv3D(3, 3, { padding: 1, strides: 2 }),
  maxPool1d: () => new nn.MaxPool1D(3, { strides: 2, padding: 1 }),
  maxPool2d: () => new nn.MaxPool2D(),
  'maxPool2d ceil': () => new nn.MaxPool2D(3, { strides: 2, padding: 1, ceilMode: true }),
  'maxPool2d ceil dropped': () => new nn.MaxPool2D(2, { strides: 3, padding: 1, ceilMode: true }),
  maxPool3d: () => new nn.MaxPool3D(2),
  avgPool1d: () => new nn.AvgPool1D(3, { strides: 2, padding: 1 }),
  avgPool2d: () => new nn.AvgPool2D([2, 3], { strides: 2 }),
  'avgPool2d ceil': () => new nn.AvgPool2D(3, { strides: 2, padding: 1, ceilMode: true }),
  'avgPool2d ceil valid': () =>
    new nn.AvgPool2D(3, { strides: 2, padding: 1, ceilMode: true, countIncludePad: false }),
  avgPool3d: () => new nn.AvgPool3D(2, { padding: 1 }),
  globalMaxPool2d: () => new nn.GlobalMaxPool2D(),
  globalAvgPool2d: () => new nn.GlobalAvgPool2D(),
  'batchNorm training': () => new nn.BatchNorm(),
  'batchNorm rows': () => new nn.BatchNorm({ momentum: 0.6, epsilon: 0.1 }),
  'batchNorm last axis': () => new nn.BatchNorm({ axis: -1 }),
  'batchNorm prediction': () => new nn.BatchNorm({ useGlobalStats: true }),
  layerNorm: () => new nn.LayerNorm(),
  'layerNorm axis 1': () => new nn.LayerNorm({ axis: 1, epsilon: 0.01 }),
  embedding: () => new nn.Embedding(6, 3),
};

/** What PyTorch calls the parameters of a layer. */
const NAMES: Readonly<Record<string, string>> = {
  weight: 'weight',
  bias: 'bias',
  alpha: 'weight',
  gamma: 'weight',
  beta: 'bias',
  runningMean: 'running_mean',
  runningVar: 'running_var',
};

const cases = casesOf('layers');
test('every fixture has a layer', () => {
  assert.equal([...cases.keys()].sort(), Object.keys(LAYERS).sort());
});

for (const [name, expected] of cases)
  for (const hybrid of [false, true])
    test(`${name}${hybrid ? ', hybridized' : ''}`, async () => {
      const layer = LAYERS[name]!();
      layer.initialize();
      const gradients: Record<string, () => nd.NDArray> = {};
      const parameters: Parameter[] = [];
      for (const [own, p] of layer.collectParams()) {
        const key = NAMES[own]!;
        p.setData(expected[key]!);
        parameters.push(p);
        if (p.gradReq !== 'null') gradients[key] = () => p.grad();
      }
      const input = expected['input']!;
      if (input.dtype === 'float32') {
        input.attachGrad();
        gradients['input'] = () => input.grad!;
      }
      if (hybrid) layer.hybridize();
      await compare(name, expected, () => layer(input), gradients);
      if (layer instanceof nn.BatchNorm && !layer.useGlobalStats) {
        const close = { rtol: RTOL, atol: ATOL };
        await assertAllClose(layer.runningMean.data(), expected['new_mean']!, close);
        await assertAllClose(layer.runningVar.data(), expected['new_var']!, close);
      }
    });

test.run();
