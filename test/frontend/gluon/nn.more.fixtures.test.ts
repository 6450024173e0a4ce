import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { HybridBlock } from '../../../src/frontend/gluon/block.ts';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import { hybridize, nd } from '../../../src/index.ts';
import { synchronous } from '../support.ts';
import { type Case, casesOf, compare } from './fixtures.ts';

type Layer = HybridBlock & { forward(x: nd.NDArray, ...more: never[]): nd.NDArray };
type Call = (k: Case) => nd.NDArray;
const widths = [
  [0, 2],
  [2, 1],
] as const;
const transformer = { hiddenSize: 6 };
const biasless = { useBias: false };

/** Layers as the fixtures have them, by name of the case; those that are called with more than `input` say how. */
const LAYERS: Readonly<Record<string, () => Layer | readonly [Layer, (l: Layer) => Call]>> = {
  conv1dTranspose: () =>
    new nn.Conv1DTranspose(4, 3, { strides: 2, padding: 1, outputPadding: 1, dilation: 2 }),
  'conv2dTranspose grouped': () =>
    new nn.Conv2DTranspose(6, [3, 2], {
      strides: [2, 1],
      padding: [1, 0],
      outputPadding: [1, 0],
      groups: 2,
    }),
  'conv2dTranspose last': () =>
    new nn.Conv2DTranspose(2, [2, 3], { strides: 3, dilation: 2, layout: 'NHWC', ...biasless }),
  conv3dTranspose: () => new nn.Conv3DTranspose(3, 2, { strides: 2 }),
  'conv2d last': () =>
    new nn.Conv2D(4, 3, { strides: 2, padding: 1, activation: 'relu', layout: 'NHWC' }),
  'conv1d last': () => new nn.Conv1D(4, 3, { groups: 2, layout: 'NWC', ...biasless }),
  'maxPool2d last': () => new nn.MaxPool2D(2, { ceilMode: true, layout: 'NHWC' }),
  'avgPool3d last': () =>
    new nn.AvgPool3D(2, { padding: 1, countIncludePad: false, layout: 'NDHWC' }),
  'globalAvgPool2d last': () => new nn.GlobalAvgPool2D({ layout: 'NHWC' }),
  lpPool2d: () => new nn.LPPool2D([3, 2], { strides: 2 }),
  'lpPool1d cubic': () => new nn.LPPool1D(3, { strides: 1, p: 3 }),
  adaptiveAvgPool2d: () => new nn.AdaptiveAvgPool2D([3, 2]),
  'adaptiveAvgPool1d equal': () => new nn.AdaptiveAvgPool1D(3),
  groupNorm: () => new nn.GroupNorm(3),
  instanceNorm: () => new nn.InstanceNorm({ scale: true }),
  rmsNorm: () => new nn.RMSNorm(),
  swish: () => new nn.Swish(1.5),
  hardSigmoid: () => new nn.HardSigmoid({ alpha: 1 / 6 }),
  hardSwish: () => new nn.HardSwish(),
  geluTanh: () => new nn.GELU('tanh'),
  smoothL1: () => new nn.HybridLambda((x) => nd.smoothL1(x, 2)),
  reflectionPad2d: () => new nn.ReflectionPad2D(widths),
  constantPad: () =>
    new nn.ConstantPad(
      [
        [0, 1],
        [1, 2],
      ],
      0.5,
    ),
  pixelShuffle2d: () => new nn.PixelShuffle2D(2),
  'upSampling nearest': () => new nn.UpSampling([2, 3]),
  'upSampling bilinear': () => new nn.UpSampling([2, 3], { sampleType: 'bilinear' }),
  'upSampling corners': () => new nn.UpSampling(2, { sampleType: 'bilinear', alignCorners: true }),
  attention: () => new nn.MultiHeadAttention(4, 2),
  'attention masked': () => [
    new nn.MultiHeadAttention(4, 2, biasless),
    (l) => (k) =>
      (l as nn.MultiHeadAttention)(k['input']!, k['key']!, k['value']!, k['mask']!.astype('bool')),
  ],
  'attention causal': () => new nn.MultiHeadAttention(4, 1, { causal: true }),
  encoder: () => new nn.TransformerEncoderLayer(4, 2, transformer),
  'encoder norm first': () =>
    new nn.TransformerEncoderLayer(4, 2, { ...transformer, normFirst: true, activation: 'gelu' }),
  decoder: () => [
    new nn.TransformerDecoderLayer(4, 2, { ...transformer, normFirst: true }),
    (l) => (k) => (l as nn.TransformerDecoderLayer)(k['input']!, k['memory']!),
  ],
  sinusoidal: () => new nn.SinusoidalPositionalEncoding(),
  rotary: () => new nn.RotaryEmbedding(),
};

/** Functions whose operands the fixtures have. */
const FUNCTIONS: Readonly<Record<string, Call>> = {
  deformable: (k) =>
    nd.deformableConvolution(k['input']!, k['offset']!, k['weight']!, k['bias']!, {
      strides: 2,
      padding: 1,
      groups: 2,
      offsetGroups: 2,
    }),
  'deformable modulated': (k) =>
    nd.deformableConvolution(k['input']!, k['offset']!, k['weight']!, undefined, {
      dilation: 2,
      mask: k['mask']!,
    }),
};

/** What a fixture may call a parameter of a layer. */
const NAMES: Readonly<Record<string, string>> = { gamma: 'weight', beta: 'bias' };

const cases = casesOf('more-layers');
test('every fixture has a layer', () => {
  assert.equal([...cases.keys()].sort(), Object.keys({ ...LAYERS, ...FUNCTIONS }).sort());
});

const isOperand = (key: string): boolean => key !== 'y' && key !== 'dy' && !key.startsWith('d_');

for (const [name, expected] of cases)
  for (const hybrid of synchronous ? [false, true] : [true])
    test(`${name}${hybrid ? ', hybridized' : ''}`, async () => {
      const gradients: Record<string, () => nd.NDArray> = {};
      const f = FUNCTIONS[name];
      const compiled = f !== undefined && hybrid ? hybridize(f) : f;
      let run: Call = (k) => compiled!(k);
      const own = new Set<string>();
      if (f === undefined) {
        const made = LAYERS[name]!();
        const [layer, calling] = Array.isArray(made) ? made : [made as Layer, undefined];
        layer.initialize();
        for (const [path, p] of layer.collectParams()) {
          const key = expected[path] === undefined ? NAMES[path]! : path;
          own.add(key);
          p.setData(expected[key]!);
          gradients[key] = () => p.grad();
        }
        if (hybrid) layer.hybridize();
        run = calling?.(layer) ?? ((k: Case) => layer(k['input']!));
      }
      for (const [key, x] of Object.entries(expected))
        if (isOperand(key) && !own.has(key) && x.dtype === 'float32') {
          x.attachGrad();
          gradients[key] = () => x.grad!;
        }
      await compare(name, expected, () => run(expected), gradients);
    });

test.run();
