import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import {
  autograd,
  HybridBlock,
  hybridize,
  nd,
  random,
  SymbolBlock,
  Trainer,
} from '../../../src/index.ts';
import { fails, rejects } from '../support.ts';

const folder = mkdtempSync(join(tmpdir(), 'tigon-export-'));
const at = (name: string): string => join(folder, name);

/** Convolution, statistics, dropout and an array from outside. */
class Net extends HybridBlock {
  conv = new nn.Conv2D(3, 3, { inChannels: 1 });
  norm = new nn.BatchNorm({ inChannels: 3 });
  drop = new nn.Dropout(0.5);
  out = new nn.Dense(2);
  #scale = nd.array([2, 3]);
  override forward(
    x: nd.NDArray,
    options: { readonly add: nd.NDArray },
  ): readonly [nd.NDArray, { h: nd.NDArray }] {
    const h = this.norm(this.conv(x)).relu();
    const y = this.out(this.drop(h).reshape([x.shape[0]!, -1]));
    return [y.mul(this.#scale).add(options.add), { h }];
  }
}
const make = (): Net => {
  random.seed(2);
  const net = new Net();
  net.initialize({ init: 'xavier' });
  return net;
};
const input = (batch: number): [nd.NDArray, { add: nd.NDArray }] => [
  nd
    .arange(batch * 36)
    .reshape([batch, 1, 6, 6])
    .mul(0.37)
    .sin(),
  { add: nd.ones([batch, 2]) },
];
const original = make();
const files = await original.export(at('net'), ...input(4));

test('files say what they are', () => {
  assert.equal(files, [at('net.tg'), at('net.safetensors'), at('net.train.tg')]);
  const text = readFileSync(files[0]!, 'utf8');
  assert.match(text, /^\/\/ \{"tigon":1,"name":"Net"/);
  assert.match(text, 'param %conv.weight: f32[3, 1, 3, 3]');
  assert.match(readFileSync(files[2]!, 'utf8'), 'assign %norm.runningMean');
});

for (const [batch, compiled] of [
  [4, false],
  [7, true],
] as const)
  test(`the same results, gradients, draws and statistics; batch ${batch}${compiled ? ', hybridized' : ''}`, async () => {
    const net = make();
    net(...input(4));
    const copy = await SymbolBlock.imports(at('net'));
    assert.equal(
      [...copy.collectParams().keys()].sort(),
      [...net.collectParams().keys(), 'constant0'].sort(),
    );
    if (compiled) for (const b of [net, copy]) b.hybridize();
    const results: number[][][] = [];
    for (const b of [net, copy] as readonly Net[]) {
      const trainer = new Trainer(b.parameters(), 'sgd', { learningRate: 0.1 });
      random.seed(8);
      const [x, more] = input(batch);
      x.attachGrad();
      const seen: nd.NDArray[] = [];
      for (let i = 0; i < 2; i++) {
        const l = autograd.record(() => {
          const [y, { h }] = b(x, more);
          return y.square().sum().add(h.sum());
        });
        l.backward();
        trainer.step(batch);
        seen.push(l, x.grad!.copy());
      }
      const [y] = b(x, more);
      const own = b.collectParams();
      seen.push(y, own.get('out.weight')!.data(), own.get('norm.runningVar')!.data());
      results.push(await Promise.all(seen.map(async (a) => Array.from(await a.data()))));
    }
    for (const [i, wanted] of results[0]!.entries())
      await assertAllClose(nd.array(results[1]![i]!), wanted, { rtol: 1e-4, atol: 1e-5 });
  });

test('as a part of another net, in a hybridized step', async () => {
  const body = await SymbolBlock.imports(at('net'));
  const head = new nn.Dense(1, { inUnits: 2 });
  head.initialize();
  const trainer = new Trainer([...body.parameters(), ...head.parameters()], 'sgd', {
    learningRate: 0.01,
  });
  const step = hybridize((x: nd.NDArray, add: nd.NDArray) => {
    const l = autograd.record(() =>
      head((body as unknown as Net)(x, { add })[0])
        .square()
        .mean(),
    );
    l.backward();
    trainer.step(1);
    return l;
  });
  const [x, { add }] = input(4);
  const before = await step(x, add).item();
  for (let i = 0; i < 5; i++) step(x, add);
  assert.ok((await step(x, add).item()) < before);
});

test('from texts and bytes, with parameters of the original', async () => {
  const programs = [readFileSync(at('net.tg'), 'utf8')];
  const parameters = new Uint8Array(readFileSync(at('net.safetensors')));
  const copy = await SymbolBlock.imports({ programs, parameters });
  const [y] = (copy as unknown as Net)(...input(4));
  await assertAllClose(y, (await original(...input(4))[0].array()) as number[][], {
    rtol: 1e-5,
    atol: 1e-5,
  });
});

test('a program that depends on the batch otherwise is for its own shapes', async () => {
  class Odd extends HybridBlock {
    override forward(x: nd.NDArray): nd.NDArray {
      return x.mul(x.shape[0]! ** 2);
    }
  }
  await new Odd().export(at('odd'), nd.ones([3, 2]));
  const odd = await SymbolBlock.imports(at('odd'));
  await assertAllClose((odd as unknown as Odd)(nd.ones([3, 2])).at(0), [9, 9]);
  fails(
    () => (odd as unknown as Odd)(nd.ones([4, 2])),
    'shape',
    'f32[3, 2]',
    'f32[4, 2]',
    'exported with',
  );
  const net = await SymbolBlock.imports(at('net'));
  fails(
    () => (net as unknown as Net)(nd.ones([4, 1, 5, 5]), { add: nd.ones([4, 2]) }),
    'shape',
    'any size',
  );
});

test('files that do not fit are errors', async () => {
  await rejects(() => SymbolBlock.imports(at('nothing')), 'file', 'nothing.tg: no such file');
  writeFileSync(at('plain.tg'), 'graph (%x: f32[1]) { return %x }');
  await rejects(() => SymbolBlock.imports(at('plain')), 'file', 'plain.tg does not begin with');
  await rejects(() => original.export(at('none')), 'value', 'no arrays');
  const text = readFileSync(at('net.tg'), 'utf8').replace('= conv ', '= convv ');
  const parameters = new Uint8Array(readFileSync(at('net.safetensors')));
  await rejects(
    () => SymbolBlock.imports({ programs: [text], parameters }),
    'parse',
    'there is no op convv',
  );
});

test.after(() => rmSync(folder, { recursive: true }));
test.run();
