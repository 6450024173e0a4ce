/** Nets on two CUDA devices: gradients are summed by NCCL, in the order of each device's work. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as nn from '../../src/frontend/gluon/nn/index.ts';
import { assertAllClose } from '../../src/frontend/testing.ts';
import { autograd, device, nd, random, Trainer, utils } from '../../src/index.ts';
import { throughHost } from '../../src/runtime/collective.ts';
import type { CudaDevice } from '../../src/runtime/cuda/device.ts';
import { openCuda } from '../../src/runtime/cuda/open.ts';
import type { Device, Storage } from '../../src/runtime/device.ts';
import { encodeElements } from '../../src/runtime/elements.ts';
import { openCuda as openNative } from '../../src/runtime/native/open.ts';
import { root } from '../jobs.ts';
import { SOURCE } from '../support/node.ts';

const cards = (await openNative()).devices.length;

/** `test`, on two devices that are opened for it; not where there is one card. */
const onTwo = (name: string, body: (both: readonly CudaDevice[]) => Promise<void>): void => {
  if (cards < 2) return;
  test(name, async () => {
    const both = [await openCuda({ index: 0 }), await openCuda({ index: 1 })];
    try {
      await body(both);
    } finally {
      for (const d of both) d.dispose();
    }
  });
};

const filled = (on: Device, values: readonly number[]): Storage => {
  const storage = on.allocate(4 * values.length, 'test');
  on.write(storage, 0, encodeElements('float32', values));
  return storage;
};

const floats = async (storage: Storage): Promise<number[]> => [
  ...new Float32Array((await storage.device.read(storage, 0, storage.bytes)).slice().buffer),
];

onTwo(
  'a sum takes its turn on each device, and is the same as through host memory',
  async (both) => {
    const values = [
      [1, 2, 3],
      [10, 20, 30],
    ];
    const collective = both[0]!.collective(both)!;
    assert.is(both[0]!.collective(both), collective, 'communicators are made once');
    for (const way of [collective, throughHost]) {
      const buffers = both.map((d, i) => ({ storage: filled(d, values[i]!), offset: 0 }));
      await way.sum(buffers, 'float32', 3);
      for (const { storage } of buffers) assert.equal(await floats(storage), [11, 22, 33]);
    }
  },
);

onTwo('devices of different kinds have no way of their own', async ([first]) => {
  assert.is(first!.collective([first!, device.cpu()]), undefined);
});

onTwo(
  'two devices with half a batch each give the parameters of one with all of it',
  async (both) => {
    const train = async (devices: readonly Device[]): Promise<number[][]> => {
      random.seed(5);
      const net = new nn.HybridSequential(new nn.Dense(8, { activation: 'relu' }), new nn.Dense(3));
      net.initialize({ init: 'xavier', device: devices });
      net.hybridize();
      const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: 0.1, momentum: 0.9 });
      for (let step = 0; step < 3; step++) {
        const values = Array.from({ length: 40 }, (_, i) => Math.sin(i * 7 + step));
        const x = nd.array(values, { shape: [8, 5] });
        const xs = utils.splitAndLoad(x, devices);
        autograd.backward(
          autograd.record(() => xs.map((part) => net(part).square().mean({ axis: 1 }))),
        );
        await trainer.step(8);
      }
      const results = net.parameters().map((p) => p.listData().map((y) => y.data()));
      return Promise.all(
        results.map(async (copies) => {
          const [one, ...others] = await Promise.all(copies);
          for (const other of others) assert.equal(other, one, 'copies are equal to the bit');
          return Array.from(one!);
        }),
      );
    };
    const alone = await train(both.slice(0, 1));
    for (const [i, values] of (await train(both)).entries())
      await assertAllClose(values, alone[i]!, { atol: 1e-5 });
  },
);

if (cards >= 2)
  test('the program for several devices in docs/devices.md is examples/several.ts, and it learns', () => {
    const code = readFileSync(join(root, 'examples/several.ts'), 'utf8');
    assert.ok(readFileSync(join(root, 'docs/devices.md'), 'utf8').includes(code));
    const out = execFileSync(process.execPath, [...SOURCE, join(root, 'examples/several.ts')], {
      cwd: root,
      encoding: 'utf8',
    });
    const accuracy = Number(/\[ 'accuracy', ([\d.]+) \]/.exec(out)?.[1]);
    assert.ok(accuracy > 0.9, out);
  });

test.run();
