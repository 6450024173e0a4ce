import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import { autograd, nd } from '../../../src/index.ts';
import { fails } from '../support.ts';

test('unknown options and wrong arguments are refused when the layer is made', () => {
  const wrong: readonly (readonly [() => unknown, ...string[]])[] = [
    [
      () => new nn.Conv2DTranspose(2, 2, { outputPad: 1 } as never),
      'Conv2DTranspose: unknown option',
      'outputPadding',
    ],
    [() => new nn.Conv2D(2, 2, { layout: 'NWC' }), 'Conv2D: layout is "NWC"', '"NCHW", "NHWC"'],
    [() => new nn.MaxPool1D(2, { layout: 'NHWC' }), 'MaxPool1D: layout is "NHWC"'],
    [() => new nn.GlobalMaxPool2D({ axis: 1 } as never), 'GlobalMaxPool2D', 'layout'],
    [() => new nn.AdaptiveAvgPool2D(0), 'AdaptiveAvgPool2D: outputSize is 0'],
    [() => new nn.GroupNorm(0), 'GroupNorm: numGroups is 0'],
    [() => new nn.InstanceNorm({ epsilon: -1 }), 'InstanceNorm: epsilon is -1'],
    [() => new nn.RMSNorm({ eps: 1 } as never), 'RMSNorm: unknown option "eps"'],
    [() => new nn.SyncBatchNorm({ numDevices: 2 }), 'SyncBatchNorm: numDevices is 2'],
    [() => new nn.UpSampling(1.5), 'UpSampling: scale is 1.5'],
    [() => new nn.UpSampling(2, { sampleType: 'cubic' as never }), 'sampleType is "cubic"'],
    [() => new nn.ReflectionPad2D(-1), 'ReflectionPad2D: the widths are -1'],
    [() => new nn.GELU('exact' as never), 'GELU: approximation is "exact"'],
    [() => new nn.MultiHeadAttention(5, 2), '5 units do not divide into 2 heads'],
    [() => new nn.MultiHeadAttention(4, 2, { drop: 0 } as never), 'did you mean "dropout"?'],
    [() => new nn.TransformerEncoder(0, 4, 2), 'TransformerEncoder: numLayers is 0'],
    [
      () => new nn.TransformerDecoderLayer(4, 2, { hidden: 3 } as never),
      'did you mean "hiddenSize"?',
    ],
    [() => new nn.HybridConcatenate([], { axes: 1 } as never), 'did you mean "axis"?'],
    [() => new nn.ELU('1' as never), 'ELU: alpha is "1"'],
    [() => new nn.LeakyReLU(Number.NaN), 'LeakyReLU: alpha is NaN'],
    [() => new nn.HardSigmoid({ beta: '1' as never }), 'HardSigmoid: beta is "1"'],
    [() => new nn.BatchNorm({ epsilon: '1e-5' as never }), 'BatchNorm: epsilon is "1e-5"'],
    [() => new nn.Dropout(0.5, { axes: 1 as never }), 'Dropout: axes is 1', 'a list of integers'],
    [() => new nn.LPPool1D(2, { p: 0 }), 'LPPool1D: p is 0', '≥ 1'],
    [
      () => new nn.Conv2DTranspose(2, 2, { outputPadding: [0, 1] }),
      'Conv2DTranspose: outputPadding [0, 1] is not below strides [1, 1]',
    ],
    [() => new nn.ConstantPad([[1]] as never), 'ConstantPad: the widths are'],
    [() => new nn.ConstantPad(1, '0' as never), 'ConstantPad: value is "0"'],
  ];
  for (const [make, ...parts] of wrong) fails(make, 'option', ...parts);
  fails(() => new nn.HybridLambda('sigmod'), 'value', "did you mean 'sigmoid'?");
  fails(() => new nn.Concatenate(new nn.Identity() as never), 'value', 'Concatenate', 'in a list');
  fails(() => new nn.Dense(2, { dtype: 'int32' }), 'dtype', 'int32', 'only floats have gradients');
});

test('layers refuse inputs that do not fit, naming layer, shapes and the fix', () => {
  const ready = <T extends { initialize(): void }>(layer: T): T => {
    layer.initialize();
    return layer;
  };
  const wrong: readonly (readonly [() => unknown, ...string[]])[] = [
    [
      () => ready(new nn.Conv2D(2, 2, { layout: 'NHWC' }))(nd.ones([2, 3, 4])),
      'Conv2D: takes [batch, height, width, channels], not f32[2, 3, 4]',
    ],
    [() => ready(new nn.GroupNorm(4))(nd.ones([2, 6])), 'does not divide into 4 groups'],
    [() => ready(new nn.InstanceNorm())(nd.ones([2, 6])), 'takes [batch, channels, ...space]'],
    [() => new nn.PixelShuffle2D(2)(nd.ones([1, 6, 2, 2])), '6 channels', 'blocks of 4'],
    [() => new nn.ReflectionPad2D(1)(nd.ones([1, 3, 3])), 'ReflectionPad2D: takes [batch'],
    [() => new nn.RotaryEmbedding()(nd.ones([2, 3])), 'an even number of features'],
    [() => ready(new nn.PReLU({ inChannels: 3 }))(nd.ones([3])), 'PReLU: axis 1 is out of range'],
    [
      () => new nn.TransformerEncoderLayer(4, 2)(nd.ones([2, 4])),
      'TransformerEncoderLayer: takes [batch, positions, units], not f32[2, 4]',
    ],
    [
      () => new nn.TransformerDecoderLayer(4, 2)(nd.ones([1, 2, 4]), nd.ones([2, 4])),
      'TransformerDecoderLayer: the memory is [batch, places, features], not f32[2, 4]',
    ],
    [
      () => ready(new nn.MultiHeadAttention(4, 2))(nd.ones([2, 4])),
      'MultiHeadAttention: takes [batch, positions, features], not f32[2, 4]',
    ],
    [
      () => nd.deconvolution(nd.ones([1, 2, 3]), nd.ones([3, 1, 2])),
      'deconvolution: channels differ (2 ≠ 3)',
    ],
    [
      () => nd.deconvolution(nd.ones([1, 2, 1]), nd.ones([2, 1, 2]), undefined, { padding: 1 }),
      'the result would have size [0]',
    ],
    [
      () =>
        nd.deformableConvolution(
          nd.ones([1, 1, 3, 3]),
          nd.ones([1, 2, 3, 3]),
          nd.ones([1, 1, 2, 2]),
        ),
      'offset must be [1, 8, 2, 2]',
    ],
    [
      () => nd.attentionWeights(nd.ones([2, 3, 4]), nd.ones([2, 3, 5])),
      'attentionWeights: q f32[2, 3, 4] does not fit k f32[2, 3, 5]',
    ],
  ];
  for (const [run, ...parts] of wrong) fails(run, 'shape', ...parts);
  const dropped = (x: nd.NDArray, axes: readonly number[] = []): unknown =>
    autograd.record(() => new nn.Dropout(0.5, { axes })(x));
  fails(() => dropped(nd.ones([2]), [1]), 'shape', 'dropout: axis 1 is out of range');
  fails(() => dropped(nd.ones([2], { dtype: 'int32' })), 'dtype', 'takes floats, not i32[2]');
  const none = undefined as never;
  const absent: readonly (readonly [() => unknown, string])[] = [
    [() => new nn.TransformerEncoderLayer(4, 2)(none), 'TransformerEncoderLayer: the input'],
    [
      () => new nn.TransformerDecoder(1, 4, 2)(nd.ones([1, 2, 4]), none),
      'TransformerDecoderLayer: the memory is undefined',
    ],
    [() => new nn.Mish()(3 as never), 'Mish: the input is 3'],
    [() => new nn.Activation('relu')(none), 'Activation: the input is undefined'],
    [() => new nn.HybridLambda('tanh')(none), 'HybridLambda: the input is undefined'],
  ];
  for (const [run, part] of absent) fails(run, 'value', part);
  assert.equal(ready(new nn.PReLU())(nd.array(1)).shape, []);
  const mask = nd.ones([3], { dtype: 'bool' });
  const x = nd.ones([1, 3, 4]);
  fails(
    () => ready(new nn.MultiHeadAttention(4, 2))(x, x, x, mask),
    'shape',
    'the mask is bool[3]',
    '[batch, keys]',
  );
  fails(
    () => ready(new nn.MultiHeadAttention(4, 2))(x, x, x, 3 as never),
    'value',
    'MultiHeadAttention: the mask is 3',
  );
  fails(
    () => nd.deconvolution(nd.ones([1, 1, 2]), nd.ones([1, 1, 2]), undefined, { outputPadding: 1 }),
    'option',
    'outputPadding [1] is not below strides [1]',
  );
  assert.equal(ready(new nn.Conv1DTranspose(1, 2))(nd.ones([1, 1, 2])).shape, [1, 1, 3]);
});

test('what a function refuses is told in the name of its layer', () => {
  const image = nd.ones([1, 1, 2, 2]);
  const convolutions = [new nn.Conv2D(1, 3), new nn.DeformableConvolution(1, [3, 3])];
  for (const layer of convolutions) layer.initialize();
  const rows: readonly (readonly [() => unknown, string, string])[] = [
    [() => convolutions[0]!(image), 'shape', 'Conv2D: window 3 is larger than axis 2'],
    [() => convolutions[1]!(image), 'shape', 'DeformableConvolution: window 3'],
    [() => new nn.MaxPool2D(3)(image), 'shape', 'MaxPool2D: a window of 3 does not fit'],
    [() => new nn.AvgPool2D(3)(image), 'shape', 'AvgPool2D: a window of 3 does not fit'],
    [() => new nn.LPPool2D(3)(image), 'shape', 'LPPool2D: a window of 3 does not fit'],
    [
      () => new nn.GlobalMaxPool2D()(nd.ones([1, 1, 0, 2])),
      'shape',
      'GlobalMaxPool2D: f32[1, 1, 0, 2] has no elements',
    ],
    [
      () => new nn.SinusoidalPositionalEncoding()(nd.ones([2, 3])),
      'shape',
      'SinusoidalPositionalEncoding: takes',
    ],
    [() => new nn.RotaryEmbedding()(nd.ones([3])), 'shape', 'RotaryEmbedding: takes'],
    [
      () => new nn.ConstantPad(1, 0.5)(image.astype('int32')),
      'value',
      'ConstantPad: value: 0.5 does not fit int32',
    ],
  ];
  for (const [call, code, part] of rows) fails(call, code, part);
});

test.run();
