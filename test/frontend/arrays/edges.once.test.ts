/**
 * What lies at the edges of functions of arrays: nothing to reduce, limits and lengths out of range, numbers that a
 * dtype does not hold; and arguments that are none, which are refused in the name of the function that was called.
 */
import { test } from 'uvu';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import { nd } from '../../../src/index.ts';
import { fails } from '../support.ts';

/** What a caller without types may pass. */
const js = (value: unknown): never => value as never;
const x = nd.ones([2, 3]);
const none = nd.ones([0, 3]);
const wave = nd.ones([1, 1, 4]);
const int = (values: number[], dtype: nd.DType = 'int32'): nd.NDArray =>
  nd.array(values, { dtype });
const great = (...values: bigint[]): nd.NDArray => nd.array(values, { dtype: 'int64' });
const double = (...values: number[]): nd.NDArray => nd.array(values, { dtype: 'float64' });

type Values = readonly [name: string, actual: () => nd.NDArray, expected: nd.NDArray];
const VALUES: readonly Values[] = [
  ['all of none', () => nd.all(none, { axis: 0 }), nd.array([true, true, true])],
  ['any of none', () => nd.any(none), nd.array(false)],
  ['leakyRelu of float64', () => nd.leakyRelu(double(-1), 0.1), double(-0.1)],
  ['elu of float64', () => nd.elu(double(-1), 0.1), double(0.1 * Math.expm1(-1))],
  [
    'isClose of float64 and a number',
    () => nd.isClose(double(0.1, 0.1 + 1e-12), 0.1, { rtol: 0, atol: 0 }),
    nd.array([true, false]),
  ],
  [
    'isClose of great integers',
    () =>
      nd.isClose(
        great(2n ** 53n + 1n, 2n ** 53n, -(2n ** 63n)),
        great(2n ** 53n, 2n ** 53n, 2n ** 62n),
        {
          rtol: 0,
          atol: 0,
        },
      ),
    nd.array([false, true, false]),
  ],
  [
    'isClose of integers and a number',
    () => nd.isClose(int([16777217, 16777218, -2147483648]), 16777217, { rtol: 0, atol: 0 }),
    nd.array([true, false, false]),
  ],
  [
    'isClose of integers by a tolerance',
    () =>
      nd.isClose(int([16777216, 0, -2147483648]), int([16777219, 4, 2147483647]), {
        rtol: 0,
        atol: 3,
      }),
    nd.array([true, false, false]),
  ],
  [
    'isClose of integers that are far apart',
    () => nd.isClose(int([-2147483648, 250]), int([2147483647, 255]), { rtol: 2, atol: 0 }),
    nd.array([true, true]),
  ],
  [
    'isClose of bytes and a fraction',
    () => nd.isClose(int([1, 2], 'uint8'), 1.5, { rtol: 0, atol: 0.5 }),
    nd.array([true, true]),
  ],
  ['logspace of a negative base', () => nd.logspace(0, 2, 3, { base: -2 }), nd.array([1, -2, 4])],
  ['clip to fractions', () => nd.clip(int([0, 1, 5]), 0.5, 2.5), int([1, 1, 2])],
  ['clip to any', () => nd.clip(int([-5, 5]), 0, Number.POSITIVE_INFINITY), int([0, 5])],
  [
    'sequenceReverse past the end',
    () => nd.sequenceReverse(nd.array([[1], [2], [3]]), nd.array([9])),
    nd.array([[3], [2], [1]]),
  ],
  [
    'cross of vectors of 2 and 3',
    () => nd.cross(int([1, 2], 'int8'), int([3, 4, 5], 'int8')),
    int([10, -5, -2], 'int8'),
  ],
  [
    'cross keeps uint8',
    () => nd.cross(int([2, 1], 'uint8'), int([0, 0, 0], 'uint8')),
    int([0, 0, 0], 'uint8'),
  ],
  [
    'broadcastLike by likeAxes',
    () => nd.broadcastLike(nd.ones([1, 2]), x, { likeAxes: [0] }),
    nd.ones([2, 2]),
  ],
];

test('edges have values', async () => {
  for (const [label, actual, expected] of VALUES) {
    const y = actual();
    if (y.dtype !== expected.dtype) throw new Error(`${label}: ${y.dtype}, not ${expected.dtype}`);
    await assertAllClose(y, expected, { rtol: 1e-15, atol: 1e-15, label });
  }
});

type Row = readonly [call: () => unknown, code: string, ...parts: string[]];
const ERRORS: Readonly<Record<string, readonly Row[]>> = {
  'what is no array': [
    [() => nd.sum(js(undefined)), 'value', 'sum: undefined is not an NDArray'],
    [() => nd.nanmax(js([1, 2])), 'value', 'nanmax: a JavaScript array of 2 is not an NDArray'],
    [() => nd.countNonzero(js(3)), 'value', 'countNonzero: 3 is not'],
    [() => nd.softmax(js([1])), 'value', 'softmax: a JavaScript array'],
    [() => nd.take(js([1]), int([0])), 'value', 'take: a JavaScript array'],
    [() => nd.maxPool(js([1]), { kernel: 2 }), 'value', 'maxPool: a JavaScript array'],
    [() => nd.batchNorm(js(1), x, x, x, x), 'value', 'batchNorm: 1 is not'],
    [() => nd.convolution(wave, js(undefined)), 'value', 'convolution: undefined'],
    [() => nd.clip(js([1]), 0, 1), 'value', 'clip: a JavaScript array'],
    [() => nd.atleast2d(js(3)), 'value', 'atleast2d: 3 is not'],
    [() => nd.flatten(js(undefined)), 'value', 'flatten: undefined'],
    [() => nd.split(js([1]), 2), 'value', 'split: a JavaScript array'],
    [() => nd.khatriRao(x, js([1])), 'value', 'khatriRao: a JavaScript array'],
    [() => nd.setXor1d(x, js(undefined)), 'value', 'setXor1d: undefined'],
    [() => nd.union1d(x, js(undefined)), 'value', 'union1d: undefined'],
    [() => nd.average(x, { weights: js([1]) }), 'value', 'average: weights: a JavaScript array'],
    [() => nd.sequenceMask(js(1), x), 'value', 'sequenceMask: 1 is not'],
  ],
  'the function that was called is named': [
    [() => nd.ptp(x, { axis: 5 }), 'shape', 'ptp: axis 5'],
    [() => nd.nansum(x, { axis: 5 }), 'shape', 'nansum: axis 5'],
    [() => nd.moments(none), 'shape', 'moments: f32[0, 3] has no elements'],
    [() => nd.median(none), 'shape', 'median: f32[0, 3] has no elements'],
    [() => nd.std(nd.ones([2]), { ddof: 2 }), 'shape', 'std: 2 values are too few for ddof 2'],
    [() => nd.allClose(x, nd.ones([2])), 'shape', 'allClose: cannot broadcast'],
    [() => nd.inner(x, nd.ones([2])), 'shape', 'inner: sizes differ'],
    [() => nd.vdot(x, nd.ones([2])), 'shape', 'vdot: 6 elements'],
    [() => nd.cross(x, nd.ones([4, 3])), 'shape', 'cross: cannot broadcast'],
    [() => nd.cross(x, x, { axis: 2 }), 'shape', 'cross: axis 2'],
    [() => nd.fliplr(nd.ones([3])), 'shape', 'fliplr: axis 1'],
    [() => nd.broadcastLike(nd.ones([2]), x), 'shape', 'broadcastLike: f32[2]'],
    [() => nd.assign(nd.ones([2]), x), 'shape', 'assign: f32[2, 3] does not stretch to f32[2]'],
    [() => nd.copyTo(x, nd.ones([2])), 'shape', 'copyTo: f32[2, 3]'],
    [() => nd.pooling(x, { globalPool: true }), 'shape', 'pooling: takes [batch'],
    [
      () => nd.batchNormTraining(x, nd.ones([2]), nd.ones([3])),
      'shape',
      'batchNormTraining: f32[2] must have shape [3]',
    ],
    [
      () => x.sum({ where: nd.ones([2]) }),
      'shape',
      'sum: where f32[2] does not stretch to f32[2, 3]',
    ],
    [() => nd.average(x, { axis: 1, weights: nd.ones([2]) }), 'shape', 'average: weights f32[2]'],
  ],
  'numbers and options': [
    [() => nd.pad(int([1], 'uint8'), [1], { value: -1 }), 'value', 'pad: value: -1', 'uint8'],
    [() => nd.pad(int([1]), [1], { value: 0.5 }), 'value', 'pad: value: 0.5', 'int32'],
    [() => nd.pad(int([1], 'int64'), [1], { value: 0.5 }), 'value', 'pad: value: 0.5', 'int64'],
    [() => nd.pad(x, [[1, 2, 3], 1] as never), 'shape', 'pad: widths [[1,2,3],1]'],
    [() => nd.oneHot(int([0]), 2, { on: 0.5, dtype: 'uint8' }), 'value', 'oneHot: on: 0.5'],
    [
      () => nd.sequenceMask(int([1]).reshape([1, 1]), int([0]), { value: 0.5 }),
      'value',
      'value: 0.5',
    ],
    [() => nd.flatNonzero(x, { size: 9, fillValue: 0.5 }), 'value', 'flatNonzero: fillValue: 0.5'],
    [() => nd.compress(int([1]), int([1]), { size: 2, fillValue: 0.5 }), 'value', 'fillValue: 0.5'],
    [() => nd.unique(int([1], 'uint8'), { size: 2, fillValue: -1 }), 'value', 'fillValue: -1'],
    [() => nd.assign(int([1]), 1.5), 'value', 'assign: the value: 1.5'],
    [() => nd.clip(x, js(x), 1), 'value', 'clip: low is a value of type NDArray', 'nd.clamp'],
    [() => nd.clip(int([1]), 0.2, 0.8), 'value', 'no int32 lies between 0.2 and 0.8'],
    [() => nd.leakyRelu(x, js('a')), 'value', 'leakyRelu: slope is "a"'],
    [() => nd.isClose(x, 1, { rtol: js('a') }), 'option', 'isClose: rtol is "a"'],
    [() => nd.var(x, { ddof: js('1') }), 'option', 'var: ddof is "1"'],
    [() => nd.batchNorm(x, x, x, x, x, { eps: -1 }), 'option', 'batchNorm: eps is -1'],
    [() => nd.maxPool(wave, js({})), 'option', 'maxPool: kernel is missing'],
    [() => nd.avgPool(wave, { kernel: js('2') }), 'option', 'avgPool: kernel is "2"'],
    [() => nd.resize(wave, js(undefined)), 'option', 'resize: size is'],
    [() => nd.adaptiveAvgPool(nd.ones([1, 1, 0]), 2), 'shape', 'has no elements'],
    [() => nd.tensordot(x, x, js(null)), 'value', 'tensordot: axes is null'],
    [() => nd.roll(x, js('a')), 'value', 'roll: shift is "a"'],
    [() => nd.moveaxis(x, js('a'), 0), 'value', 'moveaxis: an axis is "a"'],
    [() => nd.rot90(x, 1.5), 'value', 'rot90: times is 1.5'],
    [() => nd.tile(x, js(undefined)), 'value', 'tile: the count is undefined'],
    [() => nd.broadcastShapes(js(3)), 'shape', 'broadcastShapes: 3 is not a shape'],
    [() => nd.broadcastLike(x, x, { axes: js(0) }), 'value', 'broadcastLike: axes is 0'],
  ],
};
for (const [title, rows] of Object.entries(ERRORS))
  test(`refused: ${title}`, () => {
    for (const [call, code, ...parts] of rows) fails(call, code, ...parts);
  });

test.run();
