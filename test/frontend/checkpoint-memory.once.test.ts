import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as nn from '../../src/frontend/gluon/nn/index.ts';
import { plansOf } from '../../src/frontend/hybridize.ts';
import { autograd, device, hybridize, nd, random, Trainer } from '../../src/index.ts';

test('what is inside is not kept: backward of a deep net in a program takes less memory', () => {
  const arena = (recompute: boolean): number => {
    random.seed(1);
    const part = (): nn.HybridSequential =>
      new nn.HybridSequential(
        ...Array.from(
          { length: 4 },
          () => new nn.Dense(16, { inUnits: 16, activation: 'sigmoid' }),
        ),
      );
    const net = new nn.HybridSequential(part(), part(), part(), part());
    net.initialize();
    if (recompute) for (let i = 0; i < 4; i++) net[i]!.recompute();
    const trainer = new Trainer(net.parameters(), 'sgd');
    const step = hybridize((x: nd.NDArray) => {
      const l = autograd.record(() => net(x).square().mean());
      l.backward();
      trainer.step(1);
      return l;
    });
    step(nd.ones([512, 16]));
    return plansOf(step)[0]!.loaded!.compiled.program.arenaBytes;
  };
  const [plain, again] = [arena(false), arena(true)];
  console.log(`arena: ${plain} bytes, ${again} with recomputation`);
  assert.ok(again < 0.6 * plain, `${again} of ${plain}`);
});

test('imperative, what is inside is freed between forward and backward', () => {
  const kept = (recompute: boolean): number => {
    random.seed(1);
    const part = new nn.HybridSequential(
      ...Array.from({ length: 6 }, () => new nn.Dense(64, { inUnits: 64, activation: 'tanh' })),
    );
    part.initialize();
    if (recompute) part.recompute();
    const x = nd.ones([1024, 64]);
    const before = device.default().memory().inUse;
    const y = autograd.record(() => part(x).sum());
    const after = device.default().memory().inUse;
    y.backward();
    return after - before;
  };
  const [plain, again] = [kept(false), kept(true)];
  console.log(`kept for backward: ${plain} bytes, ${again} with recomputation`);
  assert.ok(again < 0.3 * plain, `${again} of ${plain}`);
});

test.run();
