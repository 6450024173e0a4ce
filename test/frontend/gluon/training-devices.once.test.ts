import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as amp from '../../../src/frontend/gluon/amp.ts';
import type { OptimizerArguments } from '../../../src/frontend/gluon/trainer.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import { autograd, nd, Parameter, random, Trainer, utils } from '../../../src/index.ts';
import { CpuDevice } from '../../../src/runtime/cpu/device.ts';

const both = [new CpuDevice({ threads: 1 }), new CpuDevice({ threads: 1 })];

const make = (devices = both): Parameter => {
  random.seed(2);
  const w = new Parameter({ shape: [2, 2], init: 'normal' });
  w.initialize({ device: devices });
  return w;
};
/** The gradient of each copy of `w` becomes that of `g`, one array for each device. */
const losses = (w: Parameter, g: readonly number[][]): nd.NDArray[] =>
  w
    .listData()
    .map((data, i) =>
      autograd.record(() =>
        data.mul(nd.array(g[i]!, { device: data.device }).reshape([2, 2])).sum(),
      ),
    );

const CASES: readonly OptimizerArguments[] = [
  ['lamb', { learningRate: 0.1, wd: 0.1 }],
  ['muon', { learningRate: 0.1 }],
  ['sgld', { learningRate: 0.01 }],
  ['dcasgd', { learningRate: 0.1, momentum: 0.5 }],
];
for (const args of CASES)
  test(`${String(args[0])} on two devices is that of one with the sum of the gradients`, async () => {
    const [several, one] = [make(), make([both[0]!])];
    const trainers = [new Trainer([several], ...args), new Trainer([one], ...args)];
    for (let t = 1; t <= 3; t++) {
      const [a, b] = [
        [t, 1, -2, 0.5],
        [1, -t, 3, 0.25],
      ];
      random.seed(t);
      autograd.backward(losses(several, [a!, b!]));
      await trainers[0]!.step(2);
      random.seed(t);
      autograd.backward(losses(one, [a!.map((v, i) => v + b![i]!)]));
      trainers[1]!.step(2);
      const wanted = Array.from(await one.data().data());
      for (const copy of several.listData())
        await assertAllClose(copy.reshape([4]), wanted, { rtol: 1e-5 });
    }
  });

test('losses are scaled on each device, and all devices skip the same steps', async () => {
  const w = make();
  const trainer = new Trainer([w], 'adam', { learningRate: 0.1 });
  const scaler = amp.initTrainer(trainer, { initScale: 8, scaleWindow: 2 });
  const before = Array.from(await w.data(both[0]).data());
  const bad = Number.POSITIVE_INFINITY;
  const seen: number[] = [];
  for (const g of [
    [bad, 1, 1, 1],
    [1, 2, 3, 4],
    [4, 3, 2, 1],
  ]) {
    autograd.backward(amp.scaleLoss(losses(w, [g, [1, 1, 1, 1]]), trainer));
    await trainer.allreduceGrads();
    amp.unscale(trainer);
    utils.clipGlobalNorm([w], 1);
    trainer.update(1);
    seen.push(...(await Promise.all(both.map((d) => scaler.scaleOn(d).item()))));
    if (seen.length === 2) assert.equal(Array.from(await w.data(both[0]).data()), before);
  }
  assert.equal(seen, [4, 4, 4, 4, 8, 8]);
  const [a, b] = w.listData();
  assert.equal(await a!.array(), await b!.array());
  assert.is(await scaler.skipped(), 1);
});

test.run();
