import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import { autograd, device, nd, random, Trainer, utils } from '../../../src/index.ts';
import { CpuDevice } from '../../../src/runtime/cpu/device.ts';
import type { Device } from '../../../src/runtime/device.ts';
import { fails } from '../support.ts';

/** The device of this run beside a CPU of its own: where it is no CPU, nothing is read without waiting. */
const here = device.default();
const beside = new CpuDevice({ threads: 1 });

const train = async (
  devices: readonly Device[],
  hybrid: boolean,
): Promise<readonly (readonly number[][])[]> => {
  random.seed(5);
  const net = new nn.HybridSequential(
    // no bias: normalization takes it out again, and Adam would make steps of what rounding leaves of its gradient
    new nn.Dense(8, { useBias: false }),
    new nn.BatchNorm(),
    new nn.Activation('relu'),
    new nn.Dense(3),
  );
  net.initialize({ init: 'normal', device: devices });
  if (hybrid) net.hybridize();
  const trainer = new Trainer(net.parameters(), 'adam', { learningRate: 0.01 });
  for (let step = 0; step < 3; step++) {
    const values = Array.from({ length: 40 }, (_, i) => Math.sin(i * 7 + step));
    // the two halves are alike, so that they have the statistics of the whole
    const x = nd.array([...values, ...values], { shape: [16, 5], device: beside });
    const xs = utils.splitAndLoad(x, devices);
    autograd.backward(
      autograd.record(() => xs.map((part) => net(part).square().mean({ axis: 1 }))),
    );
    await trainer.step(16);
  }
  return Promise.all(
    net
      .parameters()
      .map((p) => Promise.all(p.listData().map(async (x) => Array.from(await x.data())))),
  );
};

for (const hybrid of [false, true])
  test(`${here.name} and a CPU train ${hybrid ? 'hybridized' : 'imperatively'} as one device does, to 1e-4`, async () => {
    const alone = await train([beside], hybrid);
    const pair = await train([here, beside], hybrid);
    for (const [i, copies] of pair.entries())
      for (const values of copies) await assertAllClose(values, alone[i]![0]!, { atol: 1e-4 });
  });

test('values go to all devices from where they can be read at once', async () => {
  const p = new nn.Dense(2, { inUnits: 1, useBias: false }).weight;
  p.initialize({ device: [here, beside] });
  p.setData(nd.array([[1], [2]], { device: beside }));
  for (const x of p.listData()) assert.equal(await x.array(), [[1], [2]]);
  const value = nd.array([[3], [4]], { device: here });
  if (here.kind === 'cpu') p.setData(value);
  else fails(() => p.setData(value), 'device', `an array on ${here.name} cannot be read at once`);
  assert.equal(await p.data(beside).array(), here.kind === 'cpu' ? [[3], [4]] : [[1], [2]]);
});

test.run();
