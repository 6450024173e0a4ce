/**
 * Why: what MXNet's tests demand of hybridized blocks, where no other test of ours says it: switching between modes, batch
 * sizes and options, aliases of arguments, and nets as deep as ResNet-18.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as nn from '../../src/frontend/gluon/nn/index.ts';
import { plansOf } from '../../src/frontend/hybridize.ts';
import type { Origin, TapeEntry } from '../../src/frontend/tape.ts';
import { assertAllClose, checkHybridize } from '../../src/frontend/testing.ts';
import { autograd, HybridBlock, hybridize, nd, random } from '../../src/index.ts';
import { CpuDevice } from '../../src/runtime/cpu/device.ts';
import { fails } from '../frontend/support.ts';
import { narrowResNet18 } from './resnet.ts';

/** The options that MXNet's tests go through. */
const FLAGS = [
  { staticAlloc: false, staticShape: false },
  { staticAlloc: true, staticShape: false },
  { staticAlloc: true, staticShape: true },
] as const;

const wave = (...shape: number[]): nd.NDArray =>
  nd
    .arange(shape.reduce((a, b) => a * b, 1))
    .mul(0.7)
    .sin()
    .reshape(shape);

/** Gradients of all parameters that have one, and running statistics. */
const stateOf = (net: HybridBlock): nd.NDArray[] =>
  net.parameters().map((p) => (p.gradReq === 'null' ? p.data() : p.grad()).copy());

const assertSame = async (
  actual: readonly nd.NDArray[],
  expected: readonly nd.NDArray[],
  tolerance = { rtol: 1e-4, atol: 1e-5 },
): Promise<void> => {
  assert.is(actual.length, expected.length);
  for (const [i, y] of actual.entries())
    await assertAllClose(y, expected[i]!, { ...tolerance, label: `array ${i}` });
};

test('outputs and gradients are the formula: hybridized or not, recorded or not', async () => {
  class Formula extends HybridBlock {
    override forward(x: nd.NDArray, w: nd.NDArray): nd.NDArray {
      return x.mul(w).add(x.square());
    }
  }
  const values = { x: [1, -2, 3], w: [0.5, 4, -1] };
  const wanted = values.x.map((v, i) => v * values.w[i]! + v * v);
  const slope = values.x.map((v, i) => values.w[i]! + 2 * v);
  const block = new Formula();
  for (const active of [false, true, true]) {
    block.hybridize({ active });
    const [x, w] = [nd.array(values.x).attachGrad(), nd.array(values.w).attachGrad()];
    await assertAllClose(block(x, w), wanted);
    const y = autograd.record(() => block(x, w));
    await assertAllClose(y, wanted);
    y.backward();
    await assertSame([x.grad!, w.grad!], [nd.array(slope), nd.array(values.x)]);
  }
});

test('ResNet-18 run twice and summed: all gradients are those of the imperative net, under all options', async () => {
  const net = narrowResNet18();
  random.seed(4);
  net.initialize({ init: 'xavier' });
  const [a, b] = [wave(2, 3, 16, 16), wave(2, 3, 16, 16).mul(0.5)];
  net(a);
  const statistics = net.parameters().filter((p) => p.gradReq === 'null');
  const first = statistics.map((p) => p.data().copy());
  const run = (): nd.NDArray[] => {
    statistics.forEach((p, i) => {
      p.setData(first[i]!);
    });
    const y = autograd.record(() => net(a).add(net(b)));
    y.backward();
    return [y, ...stateOf(net)];
  };
  const wanted = run();
  for (const flags of FLAGS) {
    net.hybridize(flags);
    const found = run();
    // batch norms amplify rounding: compare with the size of each gradient
    for (const [i, g] of found.entries()) {
      const [largest] = await wanted[i]!.abs().max().data();
      await assertAllClose(g, wanted[i]!, { rtol: 0, atol: 1e-4 * largest! + 1e-6, label: `${i}` });
    }
  }
});

/** Everything that has another program for training and prediction. */
const smallNet = (): nn.HybridSequential => {
  random.seed(2);
  const net = new nn.HybridSequential(
    new nn.Conv2D(4, 3, { padding: 1, inChannels: 2 }),
    new nn.BatchNorm({ inChannels: 4 }),
    new nn.Activation('relu'),
    new nn.MaxPool2D(2),
    new nn.Dense(3, { inUnits: 36 }),
  );
  net.initialize({ init: 'xavier' });
  return net;
};

test('one net trains and predicts with batches of 4, then 2, and records after predicting', async () => {
  const [plain, compiled] = [smallNet(), smallNet()];
  for (const flags of FLAGS) {
    compiled.hybridize(flags);
    for (const batch of [4, 2, 4]) {
      const x = wave(batch, 2, 6, 6);
      const results = [plain, compiled].map((net) => {
        const before = net(x);
        const y = autograd.record(() => net(x));
        y.backward();
        return [before, y, net(x), ...stateOf(net)];
      });
      await assertSame(results[1]!, results[0]!);
    }
  }
});

test('after another input and a prediction, the first gradient comes back', async () => {
  const f = hybridize((x: nd.NDArray) => x.sqrt().add(x.mul(2).sqrt()));
  const x = nd.ones([3, 4]).attachGrad();
  const other = nd.full([3, 4], 2).attachGrad();
  const slope = (v: nd.NDArray): nd.NDArray => {
    autograd.record(() => f(v)).backward();
    return v.grad!.copy();
  };
  const first = slope(x);
  const second = slope(other);
  f(x);
  await assertAllClose(slope(x), first, { rtol: 0, atol: 0 });
  await assertAllClose(first, nd.full([3, 4], 0.5 + 0.5 * Math.SQRT2));
  await assertAllClose(second, nd.full([3, 4], 0.5 / Math.SQRT2 + 0.5));
});

test('an argument as result, and a head gradient that is the gradient of both arguments', async () => {
  const same = hybridize((x: nd.NDArray) => x);
  const sum = hybridize((x: nd.NDArray, y: nd.NDArray) => x.add(y));
  for (let i = 0; i < 3; i++) {
    const [x, y] = [wave(4).attachGrad(), wave(4).add(i).attachGrad()];
    const head = wave(4).mul(i + 2);
    const kept = head.copy();
    const result = autograd.record(() => same(x));
    await assertAllClose(result, x, { rtol: 0, atol: 0 });
    result.backward(head);
    nd.assign(head, 0);
    await assertAllClose(x.grad!, kept, { rtol: 0, atol: 0 });
    const again = kept.copy();
    autograd.record(() => sum(x, y)).backward(again);
    nd.assign(again, -1);
    await assertSame([x.grad!, y.grad!], [kept, kept], { rtol: 0, atol: 0 });
    nd.assign(x.grad!, 0);
    await assertAllClose(y.grad!, kept, { rtol: 0, atol: 0 });
  }
});

test('an integer result beside one with a gradient', async () => {
  const f = hybridize((x: nd.NDArray, idx: nd.NDArray) => [x.take(idx), idx] as const);
  const x = nd.array([0, 1, 2]).attachGrad();
  const [row, idx] = autograd.record(() => f(x, nd.array([2], { dtype: 'int32' })));
  row.backward();
  await assertAllClose(x.grad!, [0, 0, 1]);
  assert.is(idx.dtype, 'int32');
  assert.equal(await idx.array(), [2]);
});

/** The calls that `y` was recorded as. */
const recorded = (y: nd.NDArray): number => {
  const seen = new Set<TapeEntry>();
  const visit = (from: Origin | undefined): void => {
    if (from?.kind !== 'produced' || seen.has(from.entry)) return;
    seen.add(from.entry);
    from.entry.inputs.forEach(visit);
  };
  visit(y.origin);
  return seen.size;
};

test('a hybridized net is recorded as one call, an imperative one as all of its calls', () => {
  const net = new nn.HybridSequential(
    new nn.Dense(4, { inUnits: 3 }),
    new nn.Dense(3, { inUnits: 4 }),
    new nn.Dense(2, { inUnits: 3 }),
  );
  net.initialize();
  const count = (): number => recorded(autograd.record(() => net(nd.ones([1, 3]))));
  assert.is(count(), 3);
  net.hybridize();
  assert.is(count(), 1);
});

test("with gradReq 'add' a second backward doubles the gradients, hybridized too", async () => {
  for (const compiled of [false, true]) {
    random.seed(5);
    const net = new nn.Dense(2, { inUnits: 3 });
    net.initialize({ init: 'xavier' });
    net.setattr('gradReq', 'add');
    if (compiled) net.hybridize();
    const x = wave(4, 3);
    const run = (): nd.NDArray[] => {
      autograd.record(() => net(x).square().sum()).backward();
      return stateOf(net);
    };
    const once = run();
    const twice = run();
    await assertSame(
      twice,
      once.map((g) => g.mul(2)),
    );
    net.zeroGrad();
    await assertSame(run(), once);
  }
});

test('null may stand in any position, also as a new pattern', async () => {
  const given = (x: nd.NDArray | null): x is nd.NDArray => x !== null;
  class Sum extends HybridBlock {
    override forward(...xs: (nd.NDArray | null | readonly (nd.NDArray | null)[])[]): nd.NDArray {
      return nd.addN((xs.flat() as (nd.NDArray | null)[]).filter(given));
    }
  }
  const block = new Sum();
  const [a, b] = [nd.array([1, 2]), nd.array([10, 20])];
  for (const active of [false, true]) {
    block.hybridize({ active });
    assert.equal(await block(a, null).array(), [1, 2]);
    assert.equal(await block(null, a, b).array(), [11, 22]);
    assert.equal(await block(a, null, b, null).array(), [11, 22]);
    assert.equal(await block([null, b], [null], b).array(), [20, 40]);
    assert.equal(await block(a, null).array(), [1, 2]);
  }
});

test('numbers and lists are arguments of hybridized blocks too; arrays of two devices are refused', async () => {
  class Scaled extends HybridBlock {
    override forward(x: nd.NDArray, more: readonly nd.NDArray[], factor: number): nd.NDArray {
      return nd.addN([x, ...more]).mul(factor);
    }
  }
  const block = new Scaled();
  const x = nd.array([1, 2]);
  const elsewhere = nd.array([1, 2], { device: new CpuDevice({ threads: 1 }) });
  for (const active of [false, true]) {
    block.hybridize({ active });
    assert.equal(await block(x, [x, x], 2).array(), [6, 12]);
    assert.equal(await block(x, [], 3).array(), [3, 6]);
    fails(() => block(x, [elsewhere], 1), 'device', 'make all');
  }
});

test('an axis of size 1 vanishes for batch 1 alone', async () => {
  const f = (x: nd.NDArray): nd.NDArray => x.squeeze();
  const compiled = hybridize(f);
  for (const batch of [5, 1, 3, 1]) {
    const x = wave(batch, 1, 2);
    assert.equal(compiled(x).shape, batch === 1 ? [2] : [batch, 2]);
    await checkHybridize(f, [x]);
  }
  assert.is(plansOf(compiled).length, 3);
});

test('results of comparisons stay booleans', async () => {
  const f = (x: nd.NDArray): nd.NDArray[] => [x.gt(0), x.eq(1).logicalNot(), nd.isNaN(x)];
  const x = nd.array([1, -1, Number.NaN]);
  for (const g of [f, hybridize(f)]) {
    const ys = g(x);
    for (const y of ys) assert.is(y.dtype, 'bool');
    assert.equal(await Promise.all(ys.map((y) => y.array())), [
      [true, false, false],
      [false, true, true],
      [false, false, true],
    ]);
  }
});

test.run();
