import { test } from 'uvu';
import { checkpoint } from '../../src/frontend/checkpoint.ts';
import * as nn from '../../src/frontend/gluon/nn/index.ts';
import { assertAllClose } from '../../src/frontend/testing.ts';
import { autograd, hybridize, nd, Parameter, random } from '../../src/index.ts';
import { fails } from './support.ts';

/** A layer with everything in it: parameters, random numbers, running statistics. */
const makeNet = (): nn.HybridSequential => {
  random.seed(3);
  const net = new nn.HybridSequential(
    new nn.HybridSequential(
      new nn.Dense(8, { inUnits: 4, activation: 'tanh' }),
      new nn.BatchNorm({ inChannels: 8 }),
      new nn.Dropout(0.5),
    ),
    new nn.Dense(3, { inUnits: 8 }),
  );
  net.initialize({ init: 'xavier' });
  return net;
};
const input = (): nd.NDArray => nd.arange(24).reshape([6, 4]).mul(0.1).sub(1).sin();

/** Gradients and running statistics after two passes. */
const passes = async (net: nn.HybridSequential, whole: boolean): Promise<number[][]> => {
  const x = input();
  x.attachGrad();
  random.seed(9);
  const pass = (): void => {
    const l = autograd.record(() => net(x).square().sum());
    l.backward();
  };
  const run = whole ? hybridize(pass, { keepGradients: true }) : pass;
  run();
  run();
  const found = net.parameters().map((p) => (p.gradReq === 'null' ? p.data() : p.grad()));
  return Promise.all([x.grad!, ...found].map(async (g) => Array.from(await g.data())));
};

for (const mode of ['imperative', 'hybridized', 'in a hybridized step'] as const)
  test(`a block that is computed again has the same gradients, draws and statistics: ${mode}`, async () => {
    const run = (recompute: boolean): Promise<number[][]> => {
      const net = makeNet();
      if (recompute) net[0]!.recompute();
      if (mode === 'hybridized') net.hybridize();
      return passes(net, mode === 'in a hybridized step');
    };
    const [plain, again] = [await run(false), await run(true)];
    for (const [i, values] of plain.entries())
      await assertAllClose(nd.array(again[i]!), values, { rtol: 1e-5, atol: 1e-6 });
  });

test('several arguments and results, arrays from outside, and what passes through', async () => {
  const [a, b, c] = [nd.array([1, 2]), nd.array([3, 4]), nd.array([5, 6])];
  for (const x of [a, b, c]) x.attachGrad();
  const l = autograd.record(() => {
    const f = (p: nd.NDArray, more: { readonly q: nd.NDArray }) => [
      p.mul(more.q),
      more.q.mul(c),
      p,
    ];
    const [u, v, same] = checkpoint(f, a.mul(2), { q: b });
    return u!.add(v!).add(same!).sum();
  });
  l.backward();
  await assertAllClose(a.grad!, [8, 10]);
  await assertAllClose(b.grad!, [7, 10]);
  await assertAllClose(c.grad!, [3, 4]);
});

test('gradients of gradients, imperative and in a program', async () => {
  const second = (x: nd.NDArray): nd.NDArray => {
    const y = autograd.record(() => checkpoint((h) => h.pow(3), x).sum());
    const [dx] = autograd.grad(y, [x], { createGraph: true });
    return autograd.grad(
      autograd.record(() => dx!.sum()),
      [x],
    )[0]!;
  };
  const x = nd.array([1, 2]);
  x.attachGrad();
  await assertAllClose(second(x), [6, 12]);
  await assertAllClose(hybridize(second)(x), [6, 12]);
  // in a program that is recorded from outside
  const cubes = hybridize((v: nd.NDArray) => checkpoint((h) => h.pow(3), v).sum());
  const y = autograd.record(() => cubes(x));
  const [dx] = autograd.grad(y, [x], { createGraph: true });
  await assertAllClose(dx!, [3, 12]);
  dx!.backward();
  await assertAllClose(x.grad!, [6, 12]);
});

test('not recorded, or without gradients, it is a plain call', async () => {
  await assertAllClose(
    checkpoint((x: nd.NDArray) => x.mul(2), nd.array([1])),
    [2],
  );
  const y = autograd.record(() => checkpoint((x: nd.NDArray) => x.mul(2), nd.array([1])));
  await assertAllClose(y, [2]);
  const w = new Parameter({ shape: [1], init: 'ones' });
  w.initialize();
  autograd.record(() => checkpoint(() => w.data().mul(3))).backward();
  await assertAllClose(w.grad(), [3]);
});

test('misuse', () => {
  fails(() => checkpoint(3 as unknown as () => void), 'value', 'checkpoint: 3 is not a function');
  fails(() => autograd.record(() => checkpoint(async () => nd.ones([1]))), 'value', 'a promise');
  const x = nd.array([1]);
  x.attachGrad();
  const y = autograd.record(() => checkpoint((h) => h.exp(), x));
  y.backward();
  fails(() => y.backward(), 'gradient', 'saved by checkpoint were freed');
});

test.run();
