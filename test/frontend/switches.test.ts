/** What `without` promises: the same results whichever passes are left out. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SoftmaxCrossEntropyLoss } from '../../src/frontend/gluon/loss.ts';
import { Dense, HybridSequential } from '../../src/frontend/gluon/nn/index.ts';
import { plansOf } from '../../src/frontend/hybridize.ts';
import { assertAllClose } from '../../src/frontend/testing.ts';
import {
  autograd,
  explain,
  hybridize,
  nd,
  type PassName,
  passes,
  random,
  Trainer,
} from '../../src/index.ts';
import { fails } from './support.ts';

const choices: readonly (readonly PassName[])[] = [[], ...passes.map((name) => [name]), passes];

const normal = (...shape: number[]): nd.NDArray => random.normal(shape);

/** Products, a softmax by hand, attention, a convolution with pooling, a loop, views and a long sum. */
const forward = (x: nd.NDArray, w: nd.NDArray, image: nd.NDArray): nd.NDArray[] => {
  const h = x.mul(1).add(0).matmul(w).relu();
  const e = h.sub(h.max({ axis: 1, keepDims: true })).exp();
  const share = e.div(e.sum({ axis: 1, keepDims: true }));
  const [q, k, v] = [x.matmul(w), x.matmul(w.mul(2)), x.matmul(w.add(1))].map((m) =>
    m.reshape([1, 1, 8, 8]),
  );
  const attended = nd.scaledDotProductAttention(q!, k!, v!);
  const kernel = w.reshape([4, 1, 4, 4]);
  const pooled = nd.pooling(nd.convolution(image, kernel), { kernel: 2, strides: 2 });
  const [sums] = nd.foreach(
    (row, s: nd.NDArray) => [s.mul(0.5).add(row), s.add(row)],
    x,
    nd.zeros([8]),
  );
  const turned = x.transpose().reshape([2, 4, 8]).transpose([0, 2, 1]).add(1).mul(2);
  return [share, attended, pooled, sums, turned, image.square().sum()];
};

test('results are the same whatever is left out', async () => {
  random.seed(1);
  const [x, w, image] = [normal(8, 8), normal(8, 8), normal(1, 1, 200, 200)];
  const expected = forward(x, w, image);
  for (const without of choices) {
    const got = hybridize(forward, { without })(x, w, image);
    for (const [i, y] of got.entries()) {
      const label = `without ${without.join(' ')}: result ${i}`;
      await assertAllClose(y, expected[i]!, { rtol: 1e-4, atol: 1e-4, label });
    }
  }
});

test('so are whole training steps, and gradients of what is recorded', async () => {
  const trained = async (options: { without?: readonly PassName[]; active?: boolean }) => {
    random.seed(2);
    const net = new HybridSequential();
    net.add(new Dense(6, { activation: 'relu' }), new Dense(3));
    net.initialize();
    const loss = new SoftmaxCrossEntropyLoss();
    const trainer = new Trainer(net.collectParams(), 'adam', { learningRate: 0.01 });
    const [x, y] = [normal(4, 5), nd.array([0, 2, 1, 1])];
    const step = hybridize((a: nd.NDArray, b: nd.NDArray) => {
      const l = autograd.record(() => loss(net(a), b));
      l.backward();
      trainer.step(4);
      return l;
    }, options);
    for (let i = 0; i < 3; i++) step(x, y);
    const score = hybridize((a: nd.NDArray) => net(a).square().sum(), options);
    x.attachGrad();
    autograd.record(() => score(x)).backward();
    return [step(x, y), x.grad!, ...[...net.collectParams().values()].map((p) => p.data())];
  };
  const expected = await trained({ active: false });
  for (const without of choices)
    for (const [i, got] of (await trained({ without })).entries()) {
      const label = `without ${without.join(' ')}: ${i}`;
      await assertAllClose(got, expected[i]!, { rtol: 1e-3, atol: 1e-5, label });
    }
});

test('what is left out is missing: launches, memory and code grow', () => {
  const f = hybridize((x: nd.NDArray) => {
    const y = x.matmul(x).add(1).relu();
    return y.matmul(x).add(y).exp().matmul(x);
  });
  const x = nd.ones([64, 64]);
  const seen = (...without: PassName[]) => {
    f.hybridize({ without });
    f(x);
    const { program } = explain(f).programs[0]!;
    return { steps: program.steps.length, arena: program.arenaBytes };
  };
  const whole = seen();
  assert.is(whole.steps, 3);
  assert.is(seen('fuse').steps, 7);
  assert.ok(seen('fuse', 'reuse').arena > seen('fuse').arena);
  assert.equal(seen(), whole, 'and comes back');
  f(x);
  assert.is(plansOf(f).length, 1, 'other options are other plans, the same ones are not');
});

test('unknown names are errors that list the known ones', () => {
  const wrong = (without: unknown) => () => hybridize((x: nd.NDArray) => x, { without } as never);
  fails(wrong(['fusion']), 'option', 'allowed: "algebra", "views"');
  fails(wrong('fuse'), 'value', 'pass a list of names');
});

test.run();
