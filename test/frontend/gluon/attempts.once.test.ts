/** A call that throws leaves a net as it was: shapes and values that it learnt on the way are forgotten. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Accuracy, CompositeEvalMetric, F1, MAE } from '../../../src/frontend/gluon/metric.ts';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import * as rnn from '../../../src/frontend/gluon/rnn/index.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import {
  autograd,
  Block,
  HybridBlock,
  hybridize,
  nd,
  Parameter,
  random,
} from '../../../src/index.ts';
import { fails } from '../support.ts';

/** A layer of the user's, whose size is learnt as the docs show it. */
class Scale extends HybridBlock {
  factor = new Parameter({ shape: [0], init: 'ones' });
  override forward(x: nd.NDArray): nd.NDArray {
    this.factor.infer([x.shape.at(-1)!]);
    return x.mul(this.factor.data());
  }
}

const layers: Readonly<
  Record<string, readonly [make: () => Block, wrong: nd.Shape, right: nd.Shape]>
> = {
  Dense: [() => new nn.Dense(4), [2, 3], [2, 5]],
  Conv1D: [() => new nn.Conv1D(2, 1), [1, 3, 4], [1, 5, 4]],
  Conv2D: [() => new nn.Conv2D(2, 1), [1, 3, 4, 4], [1, 5, 4, 4]],
  Conv2DTranspose: [() => new nn.Conv2DTranspose(2, 1), [1, 3, 4, 4], [1, 5, 4, 4]],
  DeformableConvolution: [() => new nn.DeformableConvolution(2, 1), [1, 3, 4, 4], [1, 5, 4, 4]],
  BatchNorm: [() => new nn.BatchNorm(), [2, 3], [2, 5]],
  LayerNorm: [() => new nn.LayerNorm(), [2, 3], [2, 5]],
  GroupNorm: [() => new nn.GroupNorm(1), [2, 3], [2, 5]],
  InstanceNorm: [() => new nn.InstanceNorm(), [2, 3, 4], [2, 5, 4]],
  RMSNorm: [() => new nn.RMSNorm(), [2, 3], [2, 5]],
  MultiHeadAttention: [() => new nn.MultiHeadAttention(4, 2), [1, 2, 3], [1, 2, 5]],
  LSTM: [() => new rnn.LSTM(4), [2, 1, 3], [2, 1, 5]],
  Scale: [() => new Scale(), [2, 3], [2, 5]],
};

const shapesOf = (net: Block): readonly unknown[] => net.parameters().map((p) => p.shape);
const run = (net: Block, x: nd.NDArray): unknown => (net as unknown as (x: unknown) => unknown)(x);

for (const [name, [make, wrong, right]] of Object.entries(layers))
  test(`${name}: a call before initialize() does not fix its shapes`, () => {
    const net = make();
    const before = shapesOf(net);
    for (const hybrid of [false, true]) {
      net.hybridize({ active: hybrid });
      fails(() => run(net, nd.ones(wrong)), 'value', 'not initialized');
      assert.equal(shapesOf(net), before);
    }
    net.hybridize({ active: false });
    net.initialize();
    run(net, nd.ones(right));
  });

test('cells learn nothing from sequences that do not fit', () => {
  const stack = new rnn.SequentialRNNCell();
  stack.add(new rnn.GRUCell(4), new rnn.LSTMCell(3, { inputSize: 4 }), new rnn.RNNCell(2));
  const before = shapesOf(stack);
  fails(() => stack.unroll(2, nd.ones([1, 2, 7])), 'value', 'not initialized');
  assert.equal(shapesOf(stack), before);
  stack.initialize();
  fails(
    () => stack.unroll(2, nd.ones([1, 2, 7]), { beginState: [nd.ones([1])] }),
    'value',
    'states',
  );
  assert.equal(shapesOf(stack), before);
  assert.equal(stack.unroll(2, nd.ones([1, 2, 5]))[0].shape, [1, 2, 2]);
});

/** A net whose last layer takes four features, whatever the first one learns. */
const made = (): nn.HybridSequential => {
  random.seed(1);
  const net = new nn.HybridSequential(
    new nn.Dense(3, { flatten: false }),
    new nn.BatchNorm({ axis: -1 }),
    new nn.Flatten(),
    new nn.Dense(2, { inUnits: 6 }),
  );
  net.initialize();
  return net;
};
const right = nd.linspace(-1, 1, 20).reshape([2, 2, 5]);

for (const kind of ['imperative', 'hybridized', 'hybridized parts', 'function', 'recorded'])
  test(`a later layer that refuses leaves no shapes, values or random numbers: ${kind}`, async () => {
    const wanted = made()(right);
    const net = made();
    const before = [shapesOf(net), net.parameters().map((p) => p.isInitialized), random.getState()];
    if (kind === 'hybridized') net.hybridize();
    if (kind === 'hybridized parts') for (const layer of net) layer.hybridize();
    const call = kind === 'function' ? hybridize((x: nd.NDArray) => net(x)) : net;
    const wrong = (): unknown => call(nd.ones([2, 3, 7]));
    for (let i = 0; i < 2; i++) {
      fails(kind === 'recorded' ? () => autograd.record(wrong) : wrong, 'shape', 'features');
      const after = [shapesOf(net), net.parameters().map((p) => p.isInitialized)];
      assert.equal([...after, random.getState()], before);
    }
    await assertAllClose(call(right), wanted);
    await assertAllClose(call(right), wanted);
  });

test('programs that captured values which were forgotten are not run again', async () => {
  const shared = new nn.Dense(2, { useBias: false });
  shared.initialize({ init: 'normal' });
  shared.hybridize();
  class Net extends HybridBlock {
    shared = shared;
    override forward(x: nd.NDArray, fit: boolean): nd.NDArray {
      const y = this.shared(x);
      return fit ? y : y.add(nd.ones([9]));
    }
  }
  const net = new Net();
  const x = nd.ones([1, 3]);
  fails(() => net(x, false), 'shape', 'add');
  random.seed(77);
  await assertAllClose(net(x, true), x.matmul(shared.weight.data().T));
});

test('who catches the error of a layer goes on with what others learnt', () => {
  class Either extends HybridBlock {
    first = new nn.Dense(2);
    second = new nn.Dense(3, { inUnits: 9 });
    override forward(x: nd.NDArray): nd.NDArray {
      const y = this.first(x);
      try {
        return this.second(y);
      } catch {
        return y;
      }
    }
  }
  const net = new Either();
  net.initialize();
  assert.equal(net(nd.ones([1, 4])).shape, [1, 2]);
  assert.equal(net.first.weight.shape, [2, 4]);
});

test('an asynchronous forward that rejects keeps what it did: others may have built on it', async () => {
  class Waiting extends Block {
    layer = new nn.Dense(2);
    override async forward(x: nd.NDArray): Promise<nd.NDArray> {
      const y = this.layer(x);
      if ((await y.sum().item()) === 0) throw new Error('nothing there');
      return y;
    }
  }
  const net = new Waiting();
  net.initialize({ init: 'zeros' });
  const result = run(net, nd.ones([1, 4])) as Promise<nd.NDArray>;
  net.layer(nd.ones([3, 4]));
  const error = await result.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.match(String(error), 'nothing there');
  assert.equal(net.layer.weight.shape, [2, 4]);
});

test('an initialization that fails leaves parameters as they were', async () => {
  const net = new nn.HybridSequential(new nn.Dense(2, { inUnits: 2 }), new nn.LayerNorm());
  net.initialize({ init: 'ones' });
  const init = {
    draw: ({ name }: { name: string }): nd.NDArray => {
      if (name.startsWith('1')) throw new Error('no values');
      return nd.zeros([2, 2]);
    },
  };
  const other = new nn.Dense(2, { inUnits: 2 });
  const both = new nn.HybridSequential(net[0]!, other);
  assert.throws(() => both.initialize({ init, forceReinit: true }), /no values/);
  assert.not.ok(other.weight.isInitialized);
  await assertAllClose((net[0] as nn.Dense).weight.data(), nd.ones([2, 2]));
});

test('running statistics and random numbers are those of before', async () => {
  random.seed(2);
  const net = new nn.Sequential(
    new nn.BatchNorm({ inChannels: 3 }),
    new nn.Dropout(0.5),
    new nn.Dense(2, { inUnits: 4 }),
  );
  net.initialize();
  const { runningMean } = net[0] as nn.BatchNorm;
  const before = random.getState();
  for (let i = 0; i < 2; i++) {
    fails(() => autograd.record(() => net(nd.ones([2, 3]))), 'shape', 'features');
    assert.equal(random.getState(), before);
    await assertAllClose(runningMean.data(), nd.zeros([3]));
  }
  const [norm, drop] = net;
  autograd.record(() => drop!(norm!(nd.ones([2, 3]))));
  await assertAllClose(runningMean.data(), nd.full([3], 0.1));
});

test('metrics count all parts of a batch and all metrics of a set, or none', async () => {
  const accuracy = new Accuracy();
  const f1 = new F1({ classType: 'multiclass' });
  const both = new CompositeEvalMetric([accuracy, f1, new MAE()]);
  const [y, scores] = [nd.array([0, 1]), nd.array([[1, 0], [0, 1]])]; // biome-ignore format: a matrix
  fails(() => accuracy.update([y, nd.array([1])], [scores, scores]), 'shape', 'Accuracy.update');
  fails(() => both.update(y, scores), 'shape', 'update');
  assert.equal(await accuracy.get(), ['accuracy', Number.NaN]);
  const wider = nd.array([[1, 0, 0], [0, 1, 0]]); // biome-ignore format: a matrix
  f1.update(y, wider);
  accuracy.update([y, y], [scores, wider]);
  assert.equal(await accuracy.get(), ['accuracy', 1]);
});

test('summary and inferShape forget what a call that fails has learnt', () => {
  const net = made();
  const before = shapesOf(net);
  fails(() => net.summary(nd.ones([2, 3, 7])), 'shape', 'features');
  fails(() => net.inferShape([[2, 3, 7]]), 'shape', 'features');
  assert.equal(shapesOf(net), before);
});

test.run();
