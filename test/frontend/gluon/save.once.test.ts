import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import { create } from '../../../src/frontend/gluon/optim.ts';
import { readSafetensors } from '../../../src/frontend/io/safetensors.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import { autograd, nd, random, Trainer } from '../../../src/index.ts';
import { rejects } from '../support.ts';

const folder = mkdtempSync(join(tmpdir(), 'tigon-save-'));
const at = (name: string): string => join(folder, name);

const dense = (): nn.Dense => new nn.Dense(2, { inUnits: 2 });
const made = (net: nn.HybridSequential): nn.HybridSequential => {
  random.seed(6);
  net.initialize();
  return net;
};
/** Two layers with one set of parameters. */
const tied = (): nn.HybridSequential => {
  const first = dense();
  return made(new nn.HybridSequential(first, dense().shareParameters(first)));
};
const untied = (): nn.HybridSequential => made(new nn.HybridSequential(dense(), dense()));

test('shared parameters are written once, and found under any of their names', async () => {
  const net = tied();
  await net.saveParameters(at('once'));
  assert.equal([...(await readSafetensors(at('once'))).tensors.keys()].sort(), [
    '0.bias',
    '0.weight',
  ]);
  await net.saveParameters(at('twice'), { deduplicate: false });
  assert.is((await readSafetensors(at('twice'))).tensors.size, 4);
  for (const file of ['once', 'twice']) {
    const copy = tied();
    copy.parameters().forEach((p) => {
      p.setData(p.data().mul(0));
    });
    await copy.loadParameters(at(file));
    await assertAllClose(copy(nd.ones([1, 2])), (await net(nd.ones([1, 2])).array()) as number[][]);
  }
  const apart = untied();
  await apart.loadParameters(at('twice'));
  await assertAllClose(apart(nd.ones([1, 2])), (await net(nd.ones([1, 2])).array()) as number[][]);
  await rejects(() => untied().loadParameters(at('once')), 'file', '1.weight is missing');
});

test('dtypes: refused, converted, or taken over', async () => {
  const net = untied();
  await net.saveParameters(at('wide'));
  const half = untied();
  half.cast('float16');
  await rejects(
    () => half.loadParameters(at('wide')),
    'file',
    '0.weight is f32, the block needs f16',
    'castDtype',
  );
  await half.loadParameters(at('wide'), { castDtype: true });
  assert.ok(half.parameters().every((p) => p.dtype === 'float16'));
  await half.saveParameters(at('half'));
  const other = untied();
  await other.loadParameters(at('half'), { castDtype: true });
  assert.ok(other.parameters().every((p) => p.dtype === 'float32'));
  await other.loadParameters(at('half'), { castDtype: true, dtypeSource: 'saved' });
  assert.ok(other.parameters().every((p) => p.dtype === 'float16'));
  await rejects(
    () => other.loadParameters(at('half'), { dtypeSource: 'saved' }),
    'option',
    'without castDtype',
  );
});

for (const [name, options] of [
  ['muon', {}],
  ['nadam', { multiPrecision: true }],
  ['dcasgd', { momentum: 0.5 }],
  ['groupadagrad', {}],
] as const)
  test(`states of ${name} go to a file and on from it`, async () => {
    const x = nd.array([[1, -2]]);
    const run = (net: nn.HybridSequential, trainer: Trainer): void => {
      autograd.record(() => net(x.astype(net.parameters()[0]!.dtype)).square().sum()).backward();
      trainer.step(1);
    };
    const build = (): [nn.HybridSequential, Trainer] => {
      const net = untied();
      if (name === 'nadam') net.cast('bfloat16');
      return [
        net,
        new Trainer(
          net.parameters(),
          create<'muon' | 'dcasgd' | 'nadam' | 'groupadagrad'>(name, options),
        ),
      ];
    };
    const [net, trainer] = build();
    for (let i = 0; i < 3; i++) run(net, trainer);
    await net.saveParameters(at('net'));
    await trainer.saveStates(at('states'));
    const [copy, other] = build();
    await copy.loadParameters(at('net'));
    await other.loadStates(at('states'));
    for (let i = 0; i < 2; i++) {
      run(net, trainer);
      run(copy, other);
    }
    for (const [i, p] of net.parameters().entries())
      assert.equal(await copy.parameters()[i]!.data().array(), await p.data().array());
  });

test.after(() => rmSync(folder, { recursive: true }));
test.run();
