/**
 * What functions refuse, each in its own name: table after table of what is given, and what is said.
 *
 * Invariant: a row is a call and the parts of its message; what is computed instead of refused has a row of values.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { autograd, checkpoint, nd } from '../../../src/index.ts';
import { fails, rejects } from '../support.ts';

/** What a caller without types may pass. */
const js = (value: unknown): never => value as never;
const ints = (...values: number[]): nd.NDArray => nd.array(values, { dtype: 'int32' });
const bytes = (...values: number[]): nd.NDArray => nd.array(values, { dtype: 'uint8' });
const [m, v] = [nd.ones([2, 3]), nd.ones([3])];
const { linalg, fft } = nd;

class Given extends autograd.Function {
  readonly result: nd.NDArray;
  constructor(result: nd.NDArray) {
    super();
    this.result = result;
  }
  override forward(): nd.NDArray {
    return this.result;
  }
  override backward(): nd.NDArray {
    return js(5);
  }
}
const leaf = nd.ones([3]).attachGrad();
const recorded = (): nd.NDArray => autograd.record(() => leaf.mul(2));
const applied = (result: nd.NDArray, x = leaf): nd.NDArray =>
  autograd.record(() => new Given(result).apply(x));

type Row = readonly [call: () => unknown, code: string, ...parts: string[]];
const REFUSALS: Readonly<Record<string, readonly Row[]>> = {
  'made arrays': [
    [() => nd.array([1], { device: js('cpu') }), 'option', 'nd.array: device is "cpu"'],
    [() => nd.array(js(new DataView(new ArrayBuffer(8)))), 'value', 'a DataView'],
    [() => nd.arange(3e9, 3e9 + 2), 'value', 'nd.arange: value 0: 3000000000 does not fit int32'],
    [() => nd.linspace(0, 1, 3, { dtype: 'int32' }), 'value', 'nd.linspace: value 1'],
    [
      () => nd.logspace(0, 1, 3, { base: -2 }),
      'value',
      'nd.logspace: -2 to the power 0.5 is no number',
    ],
    [() => nd.identity(-1), 'shape', 'nd.identity'],
    [() => nd.tri(1.5), 'shape', 'nd.tri: [1.5, 1.5] is not a shape'],
    [() => nd.hanning(4, { dtype: 'int8' }), 'value', 'nd.hanning: value 1'],
    [() => nd.indices([]), 'shape', 'nd.indices', 'one axis'],
    [() => nd.indices([2], { dtype: js('foo') }), 'option', 'nd.indices: dtype'],
    [() => nd.meshgrid(js(v)), 'value', 'meshgrid', 'meshgrid([a, b])'],
    [() => nd.trilIndices(2, 0.5), 'value', 'nd.trilIndices: the diagonal is 0.5'],
    [() => nd.diagIndices(2, 1.5), 'value', 'nd.diagIndices: rank is 1.5'],
    [() => nd.arangeLike(v, { start: js('a') }), 'value', 'arangeLike: start is "a"'],
    [() => nd.unravelIndex(nd.array([1.5]), [2, 3]), 'value', '1.5', 'is not an integer'],
    [() => nd.ravelMultiIndex(js(undefined), [2]), 'value', 'ravelMultiIndex', 'undefined'],
  ],
  'parts and places': [
    [() => nd.trace(v), 'shape', 'trace: axis 1'],
    [() => nd.diagflat(js([1])), 'value', 'diagflat', 'not an NDArray'],
    [() => nd.fillDiagonal(m, js(undefined)), 'value', 'fillDiagonal: undefined'],
    [() => nd.fillDiagonal(m, nd.zeros([0])), 'shape', 'fillDiagonal: there are no values'],
    [() => nd.insert(v, js(ints(1)), 1), 'value', 'insert: the places are a value of type NDArray'],
    [() => nd.insert(m, 0, nd.ones([5]), 0), 'shape', 'insert: f32[1, 5]'],
    [() => nd.delete(v, js(undefined)), 'value', 'delete: the places are undefined'],
    [() => nd.sliceLike(m, m, js(1)), 'value', 'sliceLike: axes is 1'],
    [() => nd.hstack([m, nd.ones([3, 3])]), 'shape', 'hstack: sizes differ off axis 1'],
    [() => nd.vstack([]), 'value', 'vstack: needs at least one array'],
    [() => nd.hsplit(js(undefined), 2), 'value', 'hsplit: undefined is not an NDArray'],
    [() => nd.dsplit(nd.ones([1, 1, 3]), 2), 'shape', 'dsplit: axis 2', '2 equal parts'],
    [() => nd.arraySplit(v, js('a')), 'value', 'arraySplit: parts is "a"'],
    [() => nd.gatherNd(v, ints(9).reshape([1, 1])), 'value', 'gatherNd: position 9'],
    [() => nd.gatherNd(m, m.gt(0)), 'dtype', 'gatherNd: bool[2, 3] holds no positions'],
    [() => nd.indexCopy(v, js([0]), v), 'value', 'indexCopy: a JavaScript array'],
    [() => nd.takeAlongAxis(v, nd.ones([1]), 0), 'dtype', 'takeAlongAxis: indices'],
    [
      () => nd.putAlongAxis(v, ints(0), m, 0),
      'shape',
      'putAlongAxis',
      'cannot broadcast f32[2, 3]',
    ],
    [() => nd.set(m, 0, nd.ones([2])), 'shape', 'set', 'cannot broadcast f32[2] to [3]'],
    [() => nd.indexAdd(m, 0, nd.ones([2])), 'shape', 'indexAdd: cannot broadcast'],
    [() => nd.set(v, v.gt(0), js(undefined)), 'value', 'set: undefined'],
    [() => nd.where(v, js(undefined), 0), 'value', 'where: undefined is not an operand'],
  ],
  'lines and counts': [
    [() => nd.arcsin(js(1)), 'value', 'arcsin: 1 is not an NDArray'],
    [() => nd.nanToNum(js(undefined)), 'value', 'nanToNum: undefined'],
    [() => nd.diff(m, { prepend: nd.ones([3, 1]) }), 'shape', 'diff: sizes differ off axis 1'],
    [() => nd.polyval(v, js([1])), 'value', 'polyval: a JavaScript array of 1 is not an operand'],
    [() => nd.interp(v, v, v, { left: js('a') }), 'value', 'interp: left is "a"'],
    [() => nd.digitize(v, m), 'shape', 'digitize: bins are f32[2, 3]'],
    [() => nd.binCount(ints(1), { minLength: -1 }), 'value', 'binCount: minLength is -1'],
    [() => nd.histogram(v, { range: js(3) }), 'value', 'histogram: range is 3'],
    [() => nd.histogram(v, { range: [0, Infinity] }), 'value', 'two finite numbers'],
    [() => nd.foreach((x, s: nd.NDArray) => [x, s], nd.array(1), v), 'shape', 'has no axis'],
  ],
  layers: [
    [() => nd.attentionWeights(m, m, { mask: m }), 'dtype', 'attentionWeights: mask is f32[2, 3]'],
    [() => nd.attentionWeights(m, m, { scale: Number.NaN }), 'option', 'scale is NaN'],
    [() => nd.attentionWeights(m, m, { mask: v.gt(0) }), 'shape', 'cannot broadcast bool[3]'],
    [
      () => nd.deconvolution(nd.ones([1, 3, 2]), nd.ones([3, 1, 2]), undefined, { groups: 2 }),
      'shape',
      'deconvolution: 3 channels do not divide into 2 groups',
    ],
    [
      () => nd.convolution(nd.ones([1, 1, 2]), nd.ones([1, 1, 3])),
      'shape',
      'convolution: window 3 is larger than axis 2',
    ],
    [() => nd.deconvolution(m, m), 'shape', 'deconvolution: takes 1 to 3 axes of space'],
    [
      () =>
        nd.deformableConvolution(
          nd.ones([1, 1, 2, 2]),
          nd.ones([1, 2, 2, 2]),
          nd.ones([1, 1, 1, 1]),
          undefined,
          { offsetGroups: -1 },
        ),
      'option',
      'deformableConvolution: offsetGroups is -1',
    ],
  ],
  matrices: [
    [() => linalg.inv(js(3)), 'value', 'inv: 3 is not an NDArray'],
    [() => linalg.gemm2(m, m), 'shape', 'gemm2: inner sizes differ'],
    [() => linalg.gemm2(m, m.T, { alpha: js('a') }), 'option', 'gemm2: alpha is "a"'],
    [() => linalg.trmm(nd.eye(2), nd.eye(3)), 'shape', 'trmm: sizes differ'],
    [() => linalg.trsm(nd.eye(2), m, { rightside: true }), 'shape', 'trsm: sizes differ'],
    [() => linalg.syevd(m), 'shape', 'syevd: f32[2, 3]'],
    [() => linalg.matrixRank(m, { rcond: -1 }), 'value', 'matrixRank: rcond is -1'],
    [() => linalg.vectorNorm(v, { ord: Number.NaN }), 'value', 'vectorNorm: ord is NaN'],
    [
      () => linalg.vectorNorm(nd.zeros([0]), { ord: 3 }),
      'shape',
      'vectorNorm: there are no elements',
    ],
    [() => linalg.matrixNorm(nd.zeros([0, 2]), { ord: 2 }), 'shape', 'matrixNorm: there are no'],
    [() => linalg.norm(nd.zeros([0]), { ord: 3 }), 'shape', 'norm: there are no elements'],
    [() => nd.batchDot(m, m, { transposeA: js('no') }), 'option', 'batchDot: transposeA is "no"'],
    [() => nd.batchDot(m, m, { transposeB: js(1) }), 'option', 'batchDot: transposeB is 1'],
    [() => linalg.matrixNorm(m, { axis: js(1) }), 'value', 'matrixNorm: axis is 1'],
    [() => linalg.cond(nd.eye(2), { ord: 3 }), 'value', 'cond: there is no norm 3'],
    [() => linalg.cond(nd.zeros([0, 0])), 'shape', 'cond', 'no elements'],
    [() => linalg.tensorsolve(nd.eye(2), v), 'shape', 'tensorsolve', 'are not those of b f32[3]'],
    [() => linalg.vecdot(nd.ones([2]), v), 'shape', 'vecdot: cannot broadcast'],
    [() => linalg.vecdot(v, v, { axis: 3 }), 'shape', 'vecdot: axis 3'],
    [() => linalg.matrixTranspose(v), 'shape', 'matrixTranspose: f32[3]'],
  ],
  gradients: [
    [() => autograd.trainMode(js(undefined)), 'value', 'autograd.trainMode: undefined'],
    [() => autograd.gradientOf(js(undefined)), 'value', 'gradientOf: undefined'],
    [() => autograd.detached(js(3)), 'value', 'detach: 3 is not an NDArray'],
    [() => recorded().backward(v.astype('float64')), 'dtype', 'the head gradient is f64[3]'],
    [() => applied(js(undefined)), 'value', 'Given.forward: returned undefined'],
    [() => applied(v, js(3)), 'value', 'Given.apply: 3 is not an NDArray'],
    [() => applied(v).backward(), 'value', 'Given.backward: gradient 0 is 5'],
    [() => nd.scope(js(undefined)), 'value', 'nd.scope: undefined is not a function'],
    [
      () => autograd.record(() => checkpoint(async (x: nd.NDArray) => x.mul(2), leaf)),
      'value',
      'checkpoint: the function returned a promise',
    ],
  ],
  transforms: [
    [() => fft.conjugate(ints(1, 2)), 'dtype', 'conjugate: i32[2]', "astype('float32')"],
    [() => fft.fftfreq(4, { d: 0 }), 'value', 'fftfreq: d is 0'],
    [() => fft.fftshift(js(3)), 'value', 'fftshift: 3 is not an NDArray'],
    [() => fft.fftn(nd.ones([4, 2]), { axes: js(0) }), 'value', 'fftn: axes is 0'],
    [() => fft.fftn(nd.ones([4, 2]), { s: js(3) }), 'value', 'fftn: s is 3'],
  ],
};
for (const [title, rows] of Object.entries(REFUSALS))
  test(`${title}: each function refuses in its own name`, () => {
    for (const [call, code, ...parts] of rows) fails(call, code, ...parts);
  });

test('numbers below 0 have no place among counts', async () => {
  await rejects(() => nd.binCount(ints(1, -2)), 'value', 'binCount: -2 is negative', '{ size }');
  await rejects(() => nd.binCount(v), 'dtype', 'binCount: counts integers');
  assert.equal(await (await nd.binCount(bytes(2, 0))).array(), [1, 0, 1]);
  assert.equal(await nd.binCount(ints(1, -2), { size: 2 }).array(), [0, 1]);
});

type Values = readonly [x: () => nd.NDArray, dtype: string, values: unknown];
const VALUES: Readonly<Record<string, Values>> = {
  'a letter of einsum stretches in an array that alone has it': [
    () => nd.einsum('ij,jk->ik', nd.ones([1, 1]), nd.array([[1], [2]])),
    'float32',
    [[3]],
  ],
  'pixels of a canvas are bytes': [
    () => nd.array(new Uint8ClampedArray([255, 7]), { shape: [1, 2] }),
    'uint8',
    [[255, 7]],
  ],
  'an inverse of nothing': [() => linalg.inv(nd.zeros([0, 0])), 'float32', []],
  'a determinant of nothing': [() => linalg.det(nd.zeros([2, 0, 0])), 'float32', [1, 1]],
  'sums of booleans at positions': [
    () => nd.indexAdd(nd.array([false, true]), ints(0, 0), 1),
    'bool',
    [true, true],
  ],
  'positions that bytes do not hold': [
    () => nd.ravelMultiIndex([bytes(100), bytes(2)], [200, 3]),
    'int32',
    [302],
  ],
  'running extremes of nothing': [() => nd.cummax(nd.zeros([0], { dtype: 'uint8' })), 'uint8', []],
  'a number keeps the dtype of coefficients': [() => nd.polyval(ints(1, 2), 3), 'int32', 5],
  'a fraction before integers': [() => nd.diff(ints(1, 2), { prepend: 0.5 }), 'float32', [0.5, 1]],
  'a fraction among integers': [() => nd.insert(ints(1, 2), 1, 0.5), 'float32', [1, 0.5, 2]],
  'half a spectrum of integers': [
    () =>
      fft.hfft(
        nd.array(
          [
            [1, 0],
            [2, 0],
            [3, 0],
          ],
          { dtype: 'int32' },
        ),
      ),
    'float32',
    [8, -2, 0, -2],
  ],
};
for (const [title, [make, dtype, values]] of Object.entries(VALUES))
  test(title, async () => {
    const x = make();
    assert.is(x.dtype, dtype);
    const got = await x.array();
    assert.equal(
      JSON.stringify(got, (_, n: unknown) =>
        typeof n === 'number' ? Math.round(n * 1e4) / 1e4 : n,
      ),
      JSON.stringify(values),
    );
  });

test.run();
