/**
 * Why: what people who come from Gluon rely on in parameters and blocks: names, sharing, attributes, containers.
 *
 * Invariant: everything is asserted by value, imperative and hybridized where both exist.
 */
import {
  autograd,
  Constant,
  device,
  HybridBlock,
  nd,
  Parameter,
  random,
  Trainer,
  utils,
} from 'tigon';
import * as init from 'tigon/init';
import * as nn from 'tigon/nn';
import { assertAllClose, checkHybridize } from 'tigon/testing';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CpuDevice } from '../../src/runtime/cpu/device.ts';
import { fails } from '../frontend/support.ts';

/** Two devices, neither of them the default one. */
const both = [new CpuDevice({ threads: 1 }), new CpuDevice({ threads: 1 })] as const;

const dense = (units: number, options: nn.DenseOptions = {}): nn.Dense =>
  new nn.Dense(units, options);

test('a parameter on two devices has values and gradients on each, and shows what it is', async () => {
  const p = new Parameter({ shape: [10, 10] });
  p.initialize({ init: 'xavier', device: both });
  assert.equal(
    p.listData().map((x) => x.device),
    [...both],
  );
  assert.equal(
    p.listGrad().map((x) => x.shape),
    [
      [10, 10],
      [10, 10],
    ],
  );
  assert.is(p.data(both[1]).device, both[1]);
  assert.equal(await p.data(both[0]).array(), await p.data(both[1]).array());
  fails(() => p.data(device.default()), 'device', 'is on cpu(), cpu()');
  const later = new Parameter({ shape: [3, 0] });
  fails(() => later.data(), 'value', 'was not initialized', 'net.initialize()', 'private');
  later.initialize();
  fails(() => later.grad(), 'value', 'shape [3, 0] is learnt from the first input');
  assert.is(String(p), 'Parameter(parameter float32 [10, 10])');
  const net = new nn.HybridSequential(dense(2, { inUnits: 3 }));
  assert.is(String(net.collectParams().get('0.weight')), 'Parameter(0.weight float32 [2, 3])');
  assert.is(`${new Constant([1, 2])}`, 'Constant(parameter float32 [2])');
});

test('a constant takes part in the program and no trainer moves it', async () => {
  class Shifted extends HybridBlock {
    weight = new Parameter({ shape: [2, 2], init: 'ones' });
    value = new Constant([
      [1, 2],
      [3, 4],
    ]);
    override forward(x: nd.NDArray): nd.NDArray {
      return x.mul(this.weight.data()).add(this.value.data());
    }
  }
  for (const hybrid of [false, true]) {
    const net = new Shifted();
    net.initialize();
    if (hybrid) net.hybridize();
    const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: 1, momentum: 0.5 });
    const x = nd.ones([2, 2]).attachGrad();
    autograd.record(() => net(x).sum()).backward();
    trainer.step(1);
    assert.equal(await net.value.data().array(), [
      [1, 2],
      [3, 4],
    ]);
    assert.equal(await net.weight.data().array(), [
      [0, 0],
      [0, 0],
    ]);
    assert.equal(await x.grad!.array(), [
      [1, 1],
      [1, 1],
    ]);
    assert.equal(await net(x).array(), await net.value.data().array());
  }
});

test('tied weights are one array, whatever initializer each layer has, and learn from all their uses', async () => {
  class Tied extends HybridBlock {
    first = dense(4, { inUnits: 4, weightInit: 0.5 });
    second = dense(4, { inUnits: 4, weightInit: new init.Orthogonal() });
    override forward(x: nd.NDArray): nd.NDArray {
      return this.second(this.first(x).tanh());
    }
  }
  const net = new Tied();
  net.second.shareParameters(net.first);
  net.initialize();
  assert.is(net.second.weight, net.first.weight);
  assert.is(net.collectParams().size, 2);
  const x = nd.arange(8).reshape([2, 4]).sin();
  autograd.record(() => net(x).sum()).backward();
  // the same by hand: y = tanh(x Wᵀ) Wᵀ
  const w = nd.full([4, 4], 0.5).attachGrad();
  autograd.record(() => x.matmul(w.T).tanh().matmul(w.T).sum()).backward();
  await assertAllClose(net.first.weight.grad(), w.grad!);
  const state = net.parameters().map((p) => p.data());
  await checkHybridize(net, [x], { state });
});

test('parameters are chosen by patterns that match from the start of their names', () => {
  class Net extends HybridBlock {
    conv1 = new nn.Conv2D(3, 3, { inChannels: 1 });
    conv2 = new nn.Conv2D(3, 3, { inChannels: 3 });
    out = dense(2, { inUnits: 3 });
    override forward(x: nd.NDArray): nd.NDArray {
      return this.out(this.conv2(this.conv1(x)));
    }
  }
  const net = new Net();
  const names = (select?: string | RegExp): string[] => [...net.collectParams(select).keys()];
  assert.equal(names('.*weight'), ['conv1.weight', 'conv2.weight', 'out.weight']);
  assert.equal(names('conv1.*|out.bias'), ['conv1.weight', 'conv1.bias', 'out.bias']);
  assert.equal(names('weight'), []);
  assert.equal(names(/bias$/), ['conv1.bias', 'conv2.bias', 'out.bias']);
  fails(() => names('('), 'value', 'not a regular expression');
});

test('nested rows: freezing takes gradients away and gives them back', () => {
  const net = new nn.Sequential(
    dense(8, { activation: 'tanh', inUnits: 10, flatten: false }),
    new nn.Dropout(0.5),
    new nn.Sequential(dense(4), new nn.HybridSequential(dense(3), new nn.Activation('relu'))),
  );
  net.initialize();
  assert.equal(net(nd.zeros([2, 2, 10])).shape, [2, 3]);
  assert.equal([...net.collectParams('2.*weight').keys()], ['2.0.weight', '2.1.0.weight']);
  net.setattr('gradReq', 'null');
  assert.ok(net.parameters().every((p) => p.data().grad === undefined));
  net.setattr('gradReq', 'add');
  const x = nd.ones([1, 2, 10]);
  for (let i = 0; i < 2; i++) autograd.record(() => net(x).sum()).backward();
  assert.equal(net.parameters()[0]!.grad().shape, [8, 10]);
});

test('attributes: blocks in lists, maps and objects are members, what replaces one is one at the next call', async () => {
  class Net extends HybridBlock {
    /** Regular values are no members, and may become whatever their type allows. */
    scale: number | undefined = undefined;
    layers: nn.Dense[] = [dense(2, { inUnits: 2, weightInit: 'ones' })];
    named = new Map([['a', dense(2, { inUnits: 2, weightInit: 'ones' })]]);
    head: HybridBlock & { forward(x: nd.NDArray): nd.NDArray } = new nn.Identity();
    override forward(x: nd.NDArray): nd.NDArray {
      let y = x.mul(this.scale ?? 1);
      for (const layer of [...this.layers, ...this.named.values()]) y = layer(y);
      return this.head(y);
    }
  }
  const net = new Net();
  net.initialize();
  net.hybridize();
  assert.equal([...net.collectParams('.*weight').keys()], ['layers.0.weight', 'named.a.weight']);
  const x = nd.ones([1, 2]);
  assert.equal(await net(x).array(), [[4, 4]]);
  net.layers.push(dense(2, { inUnits: 2, weightInit: 'ones' }));
  fails(() => net(x), 'value', 'layers.1.weight has no values');
  net.initialize();
  assert.equal(await net(x).array(), [[8, 8]]);
  net.layers = [];
  net.head = new nn.HybridLambda((y: nd.NDArray) => y.add(1));
  assert.equal(await net(x).array(), [[3, 3]]);
  assert.equal([...net.collectParams().keys()], ['named.a.weight', 'named.a.bias']);
  class Hidden extends HybridBlock {
    #layer = dense(2, { inUnits: 2 });
    override forward(y: nd.NDArray): nd.NDArray {
      return this.#layer(y);
    }
  }
  const hidden = new Hidden();
  hidden.initialize();
  fails(() => hidden(x), 'value', 'has no values', '#private');
});

test('rows: positions, slices that share their layers, and one program or many', async () => {
  for (const Kind of [nn.Sequential, nn.HybridSequential]) {
    const net = new Kind();
    for (let i = 0; i < 12; i++) net.add(dense(3, { inUnits: 3, weightInit: 'ones' }));
    net.initialize();
    const part = net.slice(1, 3);
    assert.is(part.length, 2);
    assert.is(part[0], net[1]);
    assert.is(part.at(-1), net[2]);
    assert.is(net.slice(-2).at(0), net.at(10));
    assert.equal(
      [...net.slice(9)].map((layer) => [...net].indexOf(layer)),
      [9, 10, 11],
    );
    assert.equal(await part(nd.ones([1, 3])).array(), [[9, 9, 9]]);
    // a row of hybrid blocks compiles each for itself when the row is plain: nothing to warn of
    net.hybridize();
    assert.equal(await part(nd.ones([1, 3])).array(), [[9, 9, 9]]);
    assert.equal([...net.collectParams().keys()].slice(-4), [
      ...['10.weight', '10.bias', '11.weight', '11.bias'],
    ]);
  }
});

test('gradients of all parameters are set to zero, on all devices', () => {
  const net = new nn.HybridSequential(
    new nn.Embedding(6, 3),
    new nn.BatchNorm({ axis: -1 }),
    dense(2),
  );
  net.initialize({ device: both });
  const backward = (): void =>
    autograd.backward(
      autograd.record(() =>
        both.map((d) =>
          net(
            nd.array(
              [
                [0, 1],
                [5, 0],
              ],
              { dtype: 'int32', device: d },
            ),
          )
            .square()
            .sum(),
        ),
      ),
    );
  backward();
  const largest = (): number[] =>
    both.map((d) =>
      Math.max(
        ...net
          .parameters()
          .filter((p) => p.gradReq !== 'null')
          .flatMap((p) => Array.from(p.grad(d).dataSync(), Math.abs)),
      ),
    );
  assert.ok(largest().every((g) => g > 0));
  net.zeroGrad();
  assert.equal(largest(), [0, 0]);
});

test('apply visits every block once, children first', () => {
  const inner = new nn.HybridSequential(dense(2), new nn.Dropout(0.1));
  const net = new nn.HybridSequential(inner, dense(1), inner);
  const seen: string[] = [];
  assert.is(
    net.apply((block) => seen.push(block.constructor.name)),
    net,
  );
  assert.equal(seen.toSorted(), [
    'Dense',
    'Dense',
    'Dropout',
    'HybridSequential',
    'HybridSequential',
  ]);
  assert.ok(seen.indexOf('Dropout') < seen.indexOf('HybridSequential'));
  assert.is(seen.at(-1), 'HybridSequential');
});

test('splitting data: even parts, parts that differ by one, any axis', async () => {
  const x = nd.arange(24).reshape([8, 3]);
  for (const [parts, batchAxis, evenSplit] of [
    [2, 0, true],
    [3, 1, true],
    [3, 0, false],
    [5, 0, false],
  ] as const) {
    const cut = utils.splitData(x, parts, { batchAxis, evenSplit });
    assert.is(cut.length, parts);
    await assertAllClose(nd.concat(cut, batchAxis), x);
    const sizes = cut.map((c) => c.shape[batchAxis]!);
    assert.ok(Math.max(...sizes) - Math.min(...sizes) <= (evenSplit ? 0 : 1));
  }
  fails(() => utils.splitData(x, 3), 'shape', '8 samples cannot be cut into 3 equal parts');
});

test('sizes that an input has none of: empty batches, and layers of no inputs', async () => {
  random.seed(1);
  for (const hybrid of [false, true]) {
    const net = new nn.HybridSequential(dense(5, { activation: 'relu' }), dense(3));
    net.initialize();
    if (hybrid) net.hybridize();
    const y = autograd.record(() => net(nd.zeros([0, 7])));
    assert.equal(y.shape, [0, 3]);
    y.backward();
    assert.equal(await net.parameters()[0]!.grad().sum().item(), 0);
    assert.equal(net.parameters()[0]!.shape, [5, 7]);
    assert.equal(net(nd.ones([2, 7])).shape, [2, 3]);
    const none = dense(2, { biasInit: 'ones' });
    none.initialize();
    if (hybrid) none.hybridize();
    assert.equal(await none(nd.zeros([3, 0])).array(), [
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    assert.equal(none.weight.data().shape, [2, 0]);
  }
});

test.run();
