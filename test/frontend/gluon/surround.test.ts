import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compilationOf } from '../../../src/frontend/gluon/block.ts';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import { plansOf } from '../../../src/frontend/hybridize.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import { historyOf } from '../../../src/frontend/viz.ts';
import {
  autograd,
  Constant,
  device,
  HybridBlock,
  hybridize,
  nd,
  Parameter,
  random,
  Trainer,
} from '../../../src/index.ts';
import { fails } from '../support.ts';

const make = (): nn.HybridSequential => {
  random.seed(1);
  const net = new nn.HybridSequential(
    new nn.Dense(4, { inUnits: 3, activation: 'relu' }),
    new nn.Dense(2, { inUnits: 4 }),
  );
  net.initialize({ init: 'xavier' });
  return net;
};
const input = (scale = 1): nd.NDArray => nd.arange(6).reshape([2, 3]).mul(scale).cos();

for (const mode of ['imperative', 'hybridized', 'in a hybridized step'] as const)
  test(`hooks see the arrays of every call: ${mode}`, async () => {
    const net = make();
    const wanted = [net[0]!(input()), net(input()), net[0]!(input(2)), net(input(2))];
    if (mode === 'hybridized') net.hybridize();
    const seen: [string, nd.NDArray][] = [];
    const handles = [
      net[0]!.registerForwardHook((_b, _a, y) => seen.push(['hidden', y as nd.NDArray])),
      net.registerForwardHook((b, [x], y) => {
        assert.is(b, net);
        assert.equal((x as nd.NDArray).shape, [2, 3]);
        seen.push(['net', y as nd.NDArray]);
      }),
      net[1]!.registerForwardPreHook((_b, [x]) => seen.push(['before', x as nd.NDArray])),
    ];
    const body = (x: nd.NDArray): nd.NDArray => {
      const l = autograd.record(() => net(x).sum());
      l.backward();
      return l;
    };
    const step = mode === 'in a hybridized step' ? hybridize(body) : body;
    step(input());
    step(input(2));
    assert.equal(
      seen.map(([name]) => name),
      ['hidden', 'before', 'net', 'hidden', 'before', 'net'],
    );
    for (const [i, y] of [0, 0, 1, 2, 2, 3].entries())
      await assertAllClose(seen[i]![1], (await wanted[y]!.array()) as number[][]);
    for (const handle of handles) handle.detach();
    step(input());
    assert.is(seen.length, 6);
  });

test('op hooks get every array that functions make, by name, hybridized or not', async () => {
  const found: string[][] = [];
  for (const compiled of [false, true]) {
    const net = make();
    if (compiled) net.hybridize();
    const names: string[] = [];
    let last: nd.NDArray | undefined;
    const handle = net.registerOpHook((name, op, y) => {
      names.push(name);
      if (op === 'linear') last = y;
    });
    const y = net(input());
    await assertAllClose(last!, (await y.array()) as number[][]);
    handle.detach();
    net(input());
    found.push(names);
  }
  assert.equal(found[0], ['0.linear0_output', '0.relu0_output', '1.linear0_output']);
  assert.equal(found[1], found[0]);
  const all: string[] = [];
  const net = make();
  net[1]!.registerOpHook((name) => all.push(name), { monitorAll: true });
  net(input());
  assert.equal(all, [...[0, 1, 2].map((i) => `1.linear0_input${i}`), '1.linear0_output']);
});

test('setattr freezes what can have gradients; rates of all parameters', () => {
  const net = new nn.HybridSequential(
    new nn.Dense(2, { inUnits: 2 }),
    new nn.BatchNorm({ inChannels: 2 }),
  );
  net.setattr('gradReq', 'null');
  assert.ok(net.parameters().every((p) => p.gradReq === 'null'));
  net.setattr('gradReq', 'write');
  assert.is(net.parameters().filter((p) => p.gradReq === 'null').length, 2);
  net.setattr('lrMult', 0.5);
  assert.ok(net.parameters().every((p) => p.lrMult === 0.5));
  fails(() => net.setattr('lrmult' as 'lrMult', 1), 'option', 'did you mean "lrMult"');
});

test('parameters are shared between blocks, compiled ones too', async () => {
  const [a, b] = [make(), make()];
  b.hybridize();
  b(input());
  assert.is(b.shareParameters(a), b);
  assert.is(b[0]!.collectParams().get('weight'), a[0]!.collectParams().get('weight'));
  a[0]!
    .collectParams()
    .get('weight')!
    .setData(nd.zeros([4, 3]));
  await assertAllClose(b(input()), (await a(input()).array()) as number[][]);
  const trainer = new Trainer([...a.parameters(), ...b.parameters()], 'sgd');
  assert.is(trainer.parameters.length, 4);
  fails(
    () => new nn.Dense(3, { inUnits: 3 }).shareParameters(a[0]!),
    'shape',
    'weight is float32 [3, 3] here, and float32 [4, 3] there',
  );
  fails(() => b.shareParameters(3 as never), 'value', '3 has no parameters');
});

test('constants are used, moved and kept, and never trained', async () => {
  class Shift extends HybridBlock {
    by = new Constant([1, 2]);
    scale = new Parameter({ shape: [2], init: 'ones' });
    override forward(x: nd.NDArray): nd.NDArray {
      return x.mul(this.scale.data()).add(this.by.data());
    }
  }
  const net = new Shift();
  net.initialize();
  const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: 1 });
  autograd.record(() => net(nd.ones([2])).sum()).backward();
  trainer.step(1);
  await assertAllClose(net(nd.ones([2])), [1, 2]);
  await assertAllClose(net.by.data(), [1, 2]);
  fails(
    () => {
      net.by.gradReq = 'write';
    },
    'option',
    'by: gradReq',
    'not differentiable',
  );
});

test('compileFor: the first call finds its program', async () => {
  const net = make();
  fails(() => net.compileFor(device.default(), [[2, 3]]), 'value', 'not hybridized');
  net.hybridize();
  net.compileFor(device.default(), [[2, 3]]);
  net.compileFor(device.default(), [[2, 3]], { recording: true });
  const plans = compilationOf(net)!.cached.plans;
  assert.is(plans.length, 2);
  assert.ok(plans.every((p) => p.loaded !== undefined));
  const loaded = plans.map((p) => p.loaded);
  net(input());
  autograd.record(() => net(input()));
  assert.equal(
    plansOf(compilationOf(net)!).map((p) => loaded.includes(p.loaded)),
    [true, true],
  );
});

test('inferShape tells shapes without running', () => {
  const net = new nn.HybridSequential(new nn.Dense(4), new nn.BatchNorm());
  net.initialize();
  net.inferShape([[2, 5]]);
  assert.equal(net[0]!.collectParams().get('weight')!.shape, [4, 5]);
});

test('blocks as text, and summaries of hybridized nets', () => {
  const net = make();
  assert.is(
    String(net),
    'HybridSequential(\n  0: Dense(weight [4, 3], bias [4])\n  1: Dense(weight [2, 4], bias [2])\n)',
  );
  net.hybridize();
  assert.match(net.summary(input()), /1 \(Dense\)\s+\[2, 2\]\s+10/);
});

test('what was recorded is a graph', () => {
  const x = nd.ones([2]);
  x.attachGrad();
  const y = autograd.record(() => x.exp().mul(3).sum());
  const text = historyOf(y).text();
  assert.match(text, /%leaf0: f32\[2\]/);
  assert.match(text, /exp %leaf0[\s\S]*mul[\s\S]*sum/);
  y.backward();
  fails(() => historyOf(x), 'gradient', 'was not recorded');
});

test.run();
