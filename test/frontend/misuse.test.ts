/**
 * What JavaScript callers get wrong, without types to warn them: each mistake has a message that says what was given
 * and what to write, and leaves everything as it was.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { L2Loss, SoftmaxCrossEntropyLoss } from '../../src/frontend/gluon/loss.ts';
import * as nn from '../../src/frontend/gluon/nn/index.ts';
import { assertAllClose } from '../../src/frontend/testing.ts';
import { autograd, device, hybridize, nd, Parameter, random, Trainer } from '../../src/index.ts';
import { fails, rejects, synchronous, testAtOnce } from './support.ts';

const x = nd.array([
  [1, 2, 3],
  [4, 5, 6],
]);
/** What a caller without types may pass. */
const js = (value: unknown): never => value as never;

test('constant arrays name the function that was called', () => {
  fails(() => nd.zeros([-1, 2]), 'shape', 'nd.zeros: [-1, 2] is not a shape');
  fails(() => nd.ones(js(3)), 'shape', 'nd.ones: 3 is not a shape', 'help');
  fails(() => nd.zeros(js([undefined, 2])), 'shape', '[undefined, 2]');
  fails(() => nd.eye(-1), 'shape', 'nd.eye');
  fails(() => nd.linspace(0, 1, -1), 'value', 'nd.linspace', 'count -1');
  fails(() => nd.arange(js('5')), 'value', 'nd.arange', 'stop "5"', 'finite');
});

test('dtypes of other libraries get the one to use', () => {
  fails(() => nd.zeros([1], { dtype: js('double') }), 'option', 'use "float64"');
  fails(() => x.astype(js('long')), 'option', 'use "int64"');
  fails(() => new Parameter({ shape: [1], dtype: js('half') }), 'option', 'use "float16"');
});

test('BigInts too large for a dtype are refused', async () => {
  const few = nd.array([1n, -2n], { dtype: 'int32' });
  assert.equal([...(await few.data())], [1, -2]);
  const many = (): unknown => nd.array([2n ** 40n], { dtype: 'int32' });
  fails(many, 'value', '1099511627776 does not fit int32');
});

test('arrays that cannot exist say how much room there is, at the caller', async () => {
  fails(() => nd.zeros([1e6, 1e6]), 'memory', 'nd.zeros(f32[1000000, 1000000])', 'misuse.test.ts:');
  // cards have more room
  const rows = device.default().kind === 'cuda' ? 3e6 : 3e4;
  const column = nd.ones([rows, 1]);
  const row = nd.ones([1, 40000]);
  const size = { cpu: 'f32[30000, 40000]', webgpu: '4.5 GB', cuda: '447.0 GB' };
  fails(() => column.add(row), 'memory', 'add', size[device.default().kind], 'misuse.test.ts:');
  const f = hybridize((a: nd.NDArray) => a.add(row), { name: 'outer' });
  fails(() => f(column), 'memory', 'outer', 'misuse.test.ts:');
  await assertAllClose(f(nd.ones([1, 1])), nd.full([1, 40000], 2));
});

test('shapes, axes and lists that are none', () => {
  fails(() => x.reshape(...(js([3, 2]) as [never])), 'value', 'reshape: the shape is 3', '[2, 3]');
  fails(() => x.reshape(js(undefined)), 'value', 'reshape: the shape is undefined');
  fails(
    () => x.transpose(js(1)),
    'value',
    'transpose: the order of axes is 1',
    'transpose([1, 0])',
  );
  fails(() => x.broadcastTo(js(3)), 'value', 'broadcastTo');
  fails(() => nd.ones([1]).broadcastTo([-3]), 'shape', 'broadcastTo', '[-3]');
  fails(() => x.sum({ axis: js('0') }), 'value', 'sum: axis is "0"', 'leave it out');
  fails(() => x.sum({ axis: js(null) }), 'value', 'sum: axis is null');
  fails(() => nd.concat(js(x)), 'value', 'concat', 'NDArray', 'concat([a, b], axis)');
  fails(() => nd.concat(js([x, 1])), 'value', 'concat: item 1 is 1');
  fails(() => nd.stack(js([x, undefined])), 'value', 'stack: item 1 is undefined');
  fails(() => x.split(js('2'), 1), 'value', 'split', '"2"');
  fails(() => x.pad(js(1)), 'value', 'pad', 'one [before, after] pair per axis');
  fails(() => x.pad([1, 1], { value: js('a') }), 'value', 'pad: value: "a" is not a number');
});

test('functions that get something else than an array first', () => {
  for (const wrong of [undefined, null, 3, [1, 2]]) {
    fails(() => nd.reshape(js(wrong), [1]), 'value', 'reshape', 'is not an NDArray');
    fails(() => nd.transpose(js(wrong)), 'value', 'transpose', 'is not an NDArray');
    fails(() => nd.squeeze(js(wrong)), 'value', 'squeeze', 'is not an NDArray');
    fails(() => nd.flip(js(wrong)), 'value', 'flip', 'is not an NDArray');
    fails(() => nd.tile(js(wrong), 2), 'value', 'tile', 'is not an NDArray');
    fails(() => nd.zerosLike(js(wrong)), 'value', 'nd.zerosLike', 'is not an NDArray');
    fails(() => autograd.attachGrad(js(wrong)), 'value', 'attachGrad', 'is not an NDArray');
    fails(() => nd.slice(js(wrong), 0), 'value', 'slice', 'is not an NDArray');
  }
});

test('random numbers refuse parameters that are none, and draw nothing', async () => {
  random.seed(1);
  fails(() => random.normal([2], js({ scale: 1 })), 'value', 'random.normal: mean is an object');
  fails(() => random.uniform([2], js('a')), 'value', 'random.uniform: low "a"', 'low ≤ high');
  const after = random.normal([2]);
  random.seed(1);
  await assertAllClose(after, random.normal([2]));
});

testAtOnce('large numbers print with the digits that mean something', () => {
  assert.ok(`${nd.array([1e30])}`.endsWith('[1e+30]'));
});

test('indices that are none', () => {
  for (const wrong of [undefined, {}, true, [0, 1, 1, 1]])
    fails(() => x.slice(js(wrong)), 'value', 'slice: the index for axis 0 is', 'take(idx)');
  fails(() => x.slice(nd.array([0])), 'dtype', 'slice: indices must be integers or booleans');
  fails(() => x.set(js(undefined), 1), 'value', 'set: the index for axis 0 is undefined');
  fails(() => x.at(5), 'value', 'at: position 5');
});

test('operands are shown as they were given', () => {
  fails(() => x.add(js('1')), 'value', 'add: "1" is not an operand');
  fails(() => x.add(js(1n)), 'value', 'add: 1n is not an operand');
  fails(() => x.add(js({})), 'value', 'add: an object is not an operand');
});

test('operators of JavaScript refuse arrays instead of giving NaN; texts stay', () => {
  const y = x as unknown as number;
  fails(() => y * 2, 'value', 'f32[2, 3]', 'x.mul(2)');
  fails(() => -y, 'value', 'x.neg()');
  fails(() => y < 3, 'value', 'x.lt(y)');
  assert.ok(`${x}`.includes(synchronous ? '[4, 5, 6]' : 'await x.data()'));
  assert.ok(`loss ${x}`.startsWith('loss NDArray'));
});

test('layers and losses refuse what is not an array', () => {
  const layers = [
    new nn.Dense(2),
    new nn.Conv2D(2, 3),
    new nn.MaxPool2D(2),
    new nn.BatchNorm(),
    new nn.LayerNorm(),
    new nn.Embedding(3, 2),
    new nn.Dropout(0.5),
    new nn.Flatten(),
    new nn.PReLU(),
  ];
  for (const layer of layers) {
    layer.initialize();
    const { name } = layer.constructor;
    for (const wrong of [undefined, null, 3, [[1]]])
      fails(() => layer(js(wrong)), 'value', name, 'not an NDArray', 'nd.array(values)');
  }
  fails(() => new L2Loss()(x, js(undefined)), 'value', 'L2Loss: the label is undefined');
  fails(() => new SoftmaxCrossEntropyLoss()(js([1]), x), 'value', 'the prediction');
  fails(() => new nn.Conv2D(2, js(undefined)), 'option', 'Conv2D: kernelSize');
  fails(() => new nn.Dense(js('4')), 'option', 'Dense: units is "4"');
  fails(() => new nn.LeakyReLU(js(undefined)), 'option', 'LeakyReLU: alpha is undefined');
});

test('short names of options lead to the long ones', () => {
  const net = new nn.Dense(1);
  const wrong = { lr: 0.1 };
  fails(() => new Trainer(net.parameters(), 'sgd', js(wrong)), 'option', 'mean "learningRate"');
  fails(() => net.hybridize(js(false)), 'option', 'hybridize', '{ active: … }');
  fails(() => net.collectParams('('), 'value', 'collectParams: "("', '.*weight');
});

test('parameters refuse what is not an array or a shape, and keep their values', async () => {
  const net = new nn.Dense(2, { inUnits: 1 });
  net.initialize({ init: 'ones' });
  fails(() => net.weight.setData(js([1])), 'value', 'setData', 'nd.array(values)');
  await assertAllClose(net.weight.data(), nd.ones([2, 1]));
  fails(() => new Parameter(js(undefined)), 'shape', 'Parameter: undefined is not a shape');
  fails(() => net.cast(js('double')), 'option', 'float64');
  assert.is(net.weight.dtype, 'float32');
});

test('autograd says what it was given', async () => {
  const a = nd.ones([2]).attachGrad();
  const y = autograd.record(() => a.mul(2));
  fails(() => autograd.record(js(undefined)), 'value', 'autograd.record', '() => …');
  fails(() => autograd.backward(js(undefined)), 'value', 'backward: the head is undefined');
  fails(() => autograd.grad(y, js(a)), 'value', 'autograd.grad(y, [x])');
  fails(() => y.backward(js(2)), 'value', 'the head gradient is 2');
  fails(() => y.backward(js({ retainGraph: true })), 'value', 'backward(undefined, { retainGraph');
  y.backward();
  await assertAllClose(a.grad!, nd.full([2], 2));
});

test('promises from functions that must be synchronous end nothing later', async () => {
  const late: unknown[] = [];
  const hear = (error: unknown): void => void late.push(error);
  process.on('unhandledRejection', hear);
  const body = async (a: nd.NDArray): Promise<never> => {
    await a.array();
    throw new Error('late');
  };
  fails(() => hybridize(body)(x), 'trace', 'promise');
  fails(() => autograd.record(() => body(x)), 'value', 'promise');
  await new Promise((done) => setTimeout(done, 10));
  process.off('unhandledRejection', hear);
  assert.equal(late, []);
});

test('paths that are none', async () => {
  const net = new nn.Dense(1, { inUnits: 1 });
  net.initialize();
  await rejects(() => net.saveParameters(js(undefined)), 'value', 'the path is undefined');
  await rejects(() => net.loadParameters(js(undefined)), 'value', 'the source is undefined');
  await rejects(() => net.loadParameters(''), 'value', 'the path is ""');
});

test.run();
