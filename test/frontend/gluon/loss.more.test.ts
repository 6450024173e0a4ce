import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  CosineEmbeddingLoss,
  CTCLoss,
  HuberLoss,
  KLDivLoss,
  LogisticLoss,
  PoissonNLLLoss,
  SDMLLoss,
  SigmoidBCELoss,
  SquaredHingeLoss,
  TripletLoss,
} from '../../../src/frontend/gluon/loss.ts';
import { assertAllClose, checkGradients, checkHybridize } from '../../../src/frontend/testing.ts';
import { autograd, nd, random } from '../../../src/index.ts';
import { synchronous } from '../support.ts';

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

const ctcLabels = nd.array([[1, 0]]);
const pairs = draw(2, 3);
const others = draw(2, 2).mul(0.5);
const SMOOTH: readonly (readonly [string, (pred: nd.NDArray) => nd.NDArray, nd.NDArray])[] = [
  ['HuberLoss', (p) => new HuberLoss({ rho: 5 })(p, nd.ones([3, 2])), draw(3, 2)],
  ['SquaredHingeLoss', (p) => new SquaredHingeLoss({ margin: 4 })(p, nd.ones([2, 2])), draw(2, 2)],
  ['LogisticLoss', (p) => new LogisticLoss()(p, nd.ones([3])), draw(3)],
  ['TripletLoss', (p) => new TripletLoss({ margin: 9 })(p, p.mul(2), p.mul(p)), draw(2, 2)],
  [
    'CosineEmbeddingLoss',
    (p) => new CosineEmbeddingLoss()(p, pairs, nd.ones([2])),
    draw(2, 3).add(1),
  ],
  ['PoissonNLLLoss', (p) => new PoissonNLLLoss()(p, nd.ones([3, 1])), draw(3, 1)],
  ['KLDivLoss', (p) => new KLDivLoss({ fromLogits: false })(p, nd.array([[0.2, 0.8]])), draw(1, 2)],
  ['SDMLLoss', (p) => new SDMLLoss()(p, others), draw(2, 2)],
  ['CTCLoss', (p) => new CTCLoss()(p, ctcLabels), draw(1, 3, 3)],
];
for (const [name, f, pred] of SMOOTH)
  test(`${name}: gradients are limits of differences, also of gradients; hybridized too`, async () => {
    await checkGradients(f, [pred]);
    await checkHybridize(f, [pred]);
    if (synchronous) await checkGradients(derivative(f), [pred], { rtol: 3e-2, atol: 5e-3 });
  });

test('the logistic loss is the cross-entropy of yes and no', async () => {
  const pred = draw(4, 3).mul(30);
  const yes = draw(4, 3).gt(0).astype('float32');
  const wanted = new SigmoidBCELoss()(pred, yes);
  await assertAllClose(new LogisticLoss({ labelFormat: 'binary' })(pred, yes), wanted);
  await assertAllClose(new LogisticLoss()(pred, yes.mul(2).sub(1)), wanted);
});

test('CTC: every alignment counts; too few steps are impossible, and have no gradient', async () => {
  const loss = new CTCLoss();
  // One label in two steps: label and label, blank and label, label and blank.
  const logs = nd.array([[0.5, 0.2, 0.3]]).log();
  const pred = nd.stack([logs, logs], 1);
  const wanted = -Math.log(0.5 * 0.5 + 2 * 0.5 * 0.3);
  await assertAllClose(loss(pred, nd.array([[0, -1]])), [wanted]);
  await assertAllClose(loss(pred, nd.array([[-1, -1]])), [-2 * Math.log(0.3)]);
  await assertAllClose(loss(pred, nd.array([[0, 1]]), nd.array([2]), nd.array([1])), [wanted]);
  const twice = pred.copy().attachGrad();
  // The same label twice needs a blank between.
  const y = autograd.record(() => loss(twice, nd.array([[0, 0]])));
  y.backward();
  assert.equal(await y.array(), [Number.POSITIVE_INFINITY]);
  await assertAllClose(twice.grad!, nd.zeros([1, 2, 3]));
  await assertAllClose(loss(pred, nd.array([[0]]), nd.array([1]), undefined, nd.array([0.5])), [
    -0.5 * Math.log(0.5),
  ]);
});

test('far predictions stay finite', async () => {
  const far = nd.array([[1e4], [-1e4]]);
  const one = nd.array([[1], [1]]);
  await assertAllClose(new LogisticLoss()(far, one), [0, 1e4]);
  await assertAllClose(new HuberLoss()(far, one), [9998.5, 10000.5]);
  const zero = nd.zeros([1, 3]).attachGrad();
  autograd.record(() => new CosineEmbeddingLoss()(zero, nd.ones([1, 3]), nd.ones([1]))).backward();
  assert.ok(Array.from(await zero.grad!.data()).every(Number.isFinite));
});

test.run();
