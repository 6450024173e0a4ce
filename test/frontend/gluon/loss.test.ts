import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assign } from '../../../src/frontend/call.ts';
import {
  L1Loss,
  L2Loss,
  SigmoidBCELoss,
  SigmoidBinaryCrossEntropyLoss,
  SoftmaxCELoss,
  SoftmaxCrossEntropyLoss,
} from '../../../src/frontend/gluon/loss.ts';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import { assertAllClose, checkGradients, checkHybridize } from '../../../src/frontend/testing.ts';
import { autograd, hybridize, nd, random, Trainer } from '../../../src/index.ts';
import { fails, synchronous, testAtOnce } from '../support.ts';

const int = (values: readonly number[], shape: readonly number[] = [values.length]): nd.NDArray =>
  nd.array(values as number[], { shape, dtype: 'int32' });
const draw = (...shape: number[]): nd.NDArray => {
  random.seed(9);
  return random.uniform(shape, -2, 2);
};
const derivative =
  (f: (x: nd.NDArray) => nd.NDArray) =>
  (x: nd.NDArray): nd.NDArray =>
    autograd.record(() => {
      if (x.grad === undefined) x.attachGrad();
      return autograd.grad(f(x), [x], { createGraph: true })[0]!;
    });

const SMOOTH: readonly (readonly [string, (pred: nd.NDArray) => nd.NDArray, nd.NDArray])[] = [
  ['L2Loss', (p) => new L2Loss({ weight: 2 })(p, nd.ones([3, 2])), draw(3, 2)],
  ['L1Loss', (p) => new L1Loss()(p, nd.ones([3, 2]).mul(5)), draw(3, 2)],
  ['SoftmaxCrossEntropyLoss', (p) => new SoftmaxCELoss()(p, int([0, 2, 1])), draw(3, 3)],
  [
    'SoftmaxCrossEntropyLoss of images, weighted',
    (p) => new SoftmaxCELoss({ axis: 1 })(p, int([0, 2, 1, 1], [2, 2]), nd.array([0.5, 2])),
    draw(2, 3, 2),
  ],
  [
    'SoftmaxCrossEntropyLoss of dense labels',
    (p) => new SoftmaxCELoss({ sparseLabel: false })(p, nd.array([[0.2, 0.3, 0.5]])),
    draw(1, 3),
  ],
  ['SigmoidBinaryCrossEntropyLoss', (p) => new SigmoidBCELoss()(p, nd.ones([3, 2])), draw(3, 2)],
];
for (const [name, f, pred] of SMOOTH)
  test(`${name}: gradients are limits of differences, also of gradients; hybridized too`, async () => {
    await checkGradients(f, [pred]);
    await checkGradients(derivative(f), [pred], { rtol: 3e-2, atol: 5e-3 });
    await checkHybridize(f, [pred]);
  });

test('one number per sample: the mean over all other axes, times the weight', async () => {
  const pred = nd.array([
    [1, 2],
    [3, 5],
  ]);
  const label = nd.zeros([2, 2]);
  await assertAllClose(new L2Loss()(pred, label), [1.25, 8.5]);
  await assertAllClose(new L2Loss({ weight: 2 })(pred, label), [2.5, 17]);
  await assertAllClose(new L2Loss({ batchAxis: 1 })(pred, label), [2.5, 7.25]);
  await assertAllClose(new L1Loss()(pred, label), [1.5, 4]);
  assert.equal(new L2Loss()(nd.ones([4, 2, 3]), nd.ones([4, 2, 3])).shape, [4]);
  assert.equal(await new L2Loss()(nd.ones([4]), nd.zeros([4])).array(), [0.5, 0.5, 0.5, 0.5]);
  assert.is(SoftmaxCELoss, SoftmaxCrossEntropyLoss);
  assert.is(SigmoidBCELoss, SigmoidBinaryCrossEntropyLoss);
});

test('labels of any dtype, with or without axes of size 1', async () => {
  const pred = draw(3, 4);
  const loss = new SoftmaxCELoss();
  const wanted = loss(pred, int([1, 0, 3]));
  for (const dtype of ['uint8', 'uint32', 'float32', 'float16'] as const)
    await assertAllClose(loss(pred, nd.array([1, 0, 3], { dtype })), wanted);
  await assertAllClose(loss(pred, int([1, 0, 3], [3, 1])), wanted);
  await assertAllClose(
    loss(pred.slice(':', '0:2'), nd.array([true, false, true])),
    loss(pred.slice(':', '0:2'), int([1, 0, 1])),
  );
  assert.equal(new L2Loss()(nd.ones([3, 1]), nd.ones([3])).shape, [3]);
  assert.is(new SoftmaxCELoss()(nd.ones([300]), int([299], [])).shape.length, 1);
  assert.equal(loss(nd.ones([1, 300]), nd.array([255], { dtype: 'uint8' })).shape, [1]);
});

test('weights of samples: one each, or in the shape of the losses; nothing else', async () => {
  const pred = draw(2, 3);
  const plain = (await new L1Loss()(pred, nd.zeros([2, 3])).array()) as number[];
  const twice = [plain[0]! * 2, 0];
  await assertAllClose(new L1Loss()(pred, nd.zeros([2, 3]), nd.array([2, 0])), twice);
  await assertAllClose(new L1Loss()(pred, nd.zeros([2, 3]), nd.array([[2], [0]])), twice);
  const columns = new L1Loss()(pred, nd.zeros([2, 3]), nd.array([[3, 0, 0]]));
  await assertAllClose(columns, pred.abs().slice(':', 0));
  fails(
    () => new L1Loss()(pred, nd.zeros([2, 3]), nd.ones([3])),
    'shape',
    'L1Loss',
    'sampleWeight f32[3] does not fit losses of shape [2, 3]',
    'one weight per sample, [2]',
  );
  fails(
    () => new L1Loss()(nd.ones([1, 3]), nd.ones([1, 3]), nd.ones([3])),
    'shape',
    'sampleWeight',
  );
});

test('shapes that do not fit are refused, naming both', () => {
  fails(
    () => new L2Loss()(nd.ones([2, 3]), nd.ones([3, 2])),
    'shape',
    'L2Loss',
    'labels f32[3, 2] do not fit predictions f32[2, 3]',
  );
  fails(() => new L2Loss()(nd.ones([4, 1]), nd.ones([1])), 'shape', 'labels f32[1]');
  fails(
    () => new SoftmaxCELoss()(nd.ones([2, 3]), int([0, 1, 2])),
    'shape',
    'labels i32[3] do not fit predictions f32[2, 3] with classes along axis 1',
    'labels must have shape [2]',
  );
  fails(() => new SoftmaxCELoss()(nd.ones([2, 3]), nd.ones([2, 3])), 'shape', 'sparseLabel: false');
  fails(() => new SoftmaxCELoss({ axis: 2 })(nd.ones([2, 3]), int([0, 1])), 'shape', 'axis 2');
  fails(() => new L2Loss({ batchAxis: 1 })(nd.ones([2]), nd.ones([2])), 'shape', 'L2Loss: axis 1');
});

test('unknown options are refused', () => {
  fails(() => new L2Loss({ wieght: 2 } as never), 'option', 'L2Loss', 'did you mean "weight"?');
  fails(() => new SoftmaxCELoss({ sparseLabels: true } as never), 'option', '"sparseLabel"?');
  fails(() => new SigmoidBCELoss({ fromLogits: true } as never), 'option', 'fromSigmoid');
  fails(() => new L1Loss({ weight: nd.ones([2]) as never }), 'option', 'L1Loss: weight is');
});

/** The ways to call a loss whose labels are refused before anything happens. */
const WAYS: Readonly<
  Record<string, (loss: SoftmaxCELoss) => (p: nd.NDArray, y: nd.NDArray) => nd.NDArray>
> = {
  imperative: (loss) => (p, y) => loss(p, y),
  recorded: (loss) => (p, y) => autograd.record(() => loss(p.attachGrad(), y)),
  'a hybridized block': (loss) => {
    loss.hybridize();
    return (p, y) => loss(p, y);
  },
  'a hybridized function': (loss) => hybridize((p: nd.NDArray, y: nd.NDArray) => loss(p, y)),
  'a function that reshapes and converts labels': (loss) =>
    hybridize((p: nd.NDArray, y: nd.NDArray) => loss(p, y.reshape([-1]).astype('float32'))),
};
for (const [how, prepare] of Object.entries(WAYS))
  testAtOnce(`wrong class numbers are errors: ${how}`, async () => {
    const call = prepare(new SoftmaxCELoss());
    const pred = draw(4, 10);
    call(pred, int([0, 1, 2, 9]));
    const error =
      'SoftmaxCrossEntropyLoss: label 10 at [2] of i32[4] is out of range for 10 classes';
    const refused = (y: nd.NDArray, ...parts: string[]): void =>
      fails(() => call(pred, y), 'value', 'loss.test.ts', 'integers from 0 to 9', ...parts);
    refused(int([0, 1, 10, 3]), error, 'weight 0 in sampleWeight');
    refused(int([0, -1, 1, 3]), 'label -1 at [1]');
    refused(nd.array([0, 1, 1.5, 3]), 'label 1.5 at [2]', 'is not an integer');
    refused(nd.array([0, 1, 1, Number.NaN]), 'label NaN at [3]');
    refused(nd.array([255, 1, 1, 1], { dtype: 'uint8' }), 'label 255 at [0] of u8[4]');
    refused(int([1, 2, 3, 10, 1, 1, 1, 1], [4, 2]).slice(':', 0).add(8), 'label 11 at [1]');
    assert.ok(
      Number.isFinite(
        await call(pred, int([0, 1, 2, 9]))
          .sum()
          .item(),
      ),
    );
  });

testAtOnce(
  'wrong labels in a hybridized step: nothing is updated, and the line of the loss is named',
  async () => {
    const net = new nn.Dense(3);
    net.initialize();
    const loss = new SoftmaxCELoss();
    const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: 0.1 });
    const step = hybridize((x: nd.NDArray, y: nd.NDArray) => {
      const l = autograd.record(() => loss(net(x), y));
      l.backward();
      trainer.step(x.shape[0]!);
      return l.mean();
    });
    const x = draw(2, 4);
    step(x, int([0, 2]));
    const before = Array.from(await net.weight.data().data());
    const { draws } = random.getState();
    fails(() => step(x, int([0, 3])), 'value', 'label 3 at [1]', '(checked at', 'loss.test.ts');
    assert.equal(Array.from(await net.weight.data().data()), before);
    assert.is(random.getState().draws, draws);
    step(x, int([0, 1]));
    assert.not.equal(Array.from(await net.weight.data().data()), before);
  },
);

testAtOnce('labels captured from outside are looked at in every run', () => {
  const y = int([0, 1]);
  const f = hybridize((p: nd.NDArray) => new SoftmaxCELoss()(p, y));
  f(draw(2, 3));
  assign(y, int([0, 7]));
  fails(() => f(draw(2, 3)), 'value', 'label 7 at [1]');
  assign(y, int([0, 2]));
  f(draw(2, 3));
});

if (!synchronous)
  test('wrong class numbers that cannot be seen make the loss of their sample NaN', async () => {
    const call = (y: nd.NDArray): Promise<nd.Values> => new SoftmaxCELoss()(draw(3, 4), y).array();
    for (const wrong of [int([0, 4, 3]), int([0, -1, 3]), nd.array([0, 0.5, 3])])
      assert.equal(
        ((await call(wrong)) as number[]).map((l) => Number.isFinite(l)),
        [true, false, true],
      );
  });

test('wrong labels that a program computes make the loss of their sample NaN, without gradient', async () => {
  const f = hybridize((p: nd.NDArray, y: nd.NDArray) => new SoftmaxCELoss()(p, y.mul(2)));
  for (const wrong of [2, -1, 2147483647, 0.25]) {
    const p = draw(2, 3).attachGrad();
    const y = Number.isInteger(wrong) ? int([1, wrong]) : nd.array([1, wrong]);
    const l = autograd.record(() => f(p, y));
    l.backward();
    const [good, bad] = (await l.array()) as number[];
    assert.ok(Number.isFinite(good), `label ${wrong}`);
    // 2 · 2147483647 wraps to -2.
    assert.ok(Number.isNaN(bad), `label ${wrong}`);
    const [first, second] = (await p.grad!.array()) as number[][];
    assert.ok(first!.every((v) => v !== 0));
    assert.equal(second, [0, 0, 0]);
  }
});

testAtOnce('NaN in dense labels is refused, imperative and hybridized', async () => {
  const bad = nd.array([
    [0, 1],
    [Number.NaN, 1],
  ]);
  for (const loss of [new L2Loss(), new L1Loss(), new SoftmaxCELoss({ sparseLabel: false })])
    for (const hybrid of [false, true]) {
      if (hybrid) loss.hybridize();
      const name = loss.constructor.name;
      loss(nd.ones([2, 2]), nd.zeros([2, 2]));
      fails(() => loss(nd.ones([2, 2]), bad), 'value', `${name}: label NaN at [1, 0] of f32[2, 2]`);
    }
  const binary = new SigmoidBCELoss();
  for (const hybrid of [false, true]) {
    if (hybrid) binary.hybridize();
    fails(() => binary(nd.ones([2, 2]), bad), 'value', 'label NaN at [1, 0]');
    fails(
      () => binary(nd.ones([2]), nd.array([1, -1])),
      'value',
      'label -1 at [1]',
      'add(1).div(2)',
    );
    await assertAllClose(binary(nd.zeros([1]), nd.array([true])), [Math.LN2]);
  }
  // Too many to look at: the NaN shows in the loss.
  const many = nd.full([1, 20000], Number.NaN);
  assert.ok(Number.isNaN(await new L2Loss()(nd.ones([1, 20000]), many).item()));
});

test('losses of half-precision predictions are float32, without overflow', async () => {
  const pred = nd.full([2, 1000], 300, { dtype: 'float16' }).attachGrad();
  const l = autograd.record(() => new L2Loss()(pred, nd.zeros([2, 1000])));
  l.backward();
  await assertAllClose(l, [45000, 45000]);
  assert.is(pred.grad!.dtype, 'float16');
  await assertAllClose(pred.grad!.at(0, 0).astype('float32'), 0.3, { rtol: 1e-3 });
});

test('losses of logits know their gradient at 0, where nets begin', async () => {
  const pred = nd.zeros([2]).attachGrad();
  const label = nd.array([0, 1]);
  autograd.record(() => new SigmoidBinaryCrossEntropyLoss()(pred, label).sum()).backward();
  await assertAllClose(pred.grad!, [0.5, -0.5]);
  autograd.record(() => nd.softplus(pred).sum()).backward();
  await assertAllClose(pred.grad!, [0.5, 0.5]);
});

test.run();
