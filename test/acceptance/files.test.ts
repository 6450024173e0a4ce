/**
 * Why: what people who come from Gluon rely on when nets go to files and come back, with or without their code.
 *
 * Invariant: what comes back computes the same numbers, not only what has the same names.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { autograd, HybridBlock, nd, random, SymbolBlock, Trainer } from 'tigon';
import * as nn from 'tigon/nn';
import * as rnn from 'tigon/rnn';
import { assertAllClose } from 'tigon/testing';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CpuDevice } from '../../src/runtime/cpu/device.ts';
import { fails, rejects } from '../frontend/support.ts';

const folder = mkdtempSync(join(tmpdir(), 'tigon-acceptance-'));
test.after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

const images = (): nn.HybridSequential =>
  new nn.HybridSequential(
    new nn.Conv2D(4, 3, { padding: 1 }),
    new nn.BatchNorm(),
    new nn.Activation('relu'),
    new nn.Dense(3),
  );

test('sizes that nobody has told come from the file, for nets that never saw an input', async () => {
  random.seed(4);
  const net = images();
  net.initialize({ init: 'xavier' });
  const x = nd
    .arange(2 * 2 * 16)
    .reshape([2, 2, 4, 4])
    .sin();
  autograd.record(() => net(x));
  const wanted = net(x);
  await net.saveParameters(at('images'));
  for (const hybrid of [false, true]) {
    const fresh = images();
    if (hybrid) fresh.hybridize();
    await fresh.loadParameters(at('images'));
    assert.equal(
      fresh.parameters().map((p) => p.shape),
      net.parameters().map((p) => p.shape),
    );
    await assertAllClose(fresh(x), wanted);
  }
});

test('tied layers go through files into nets that tie them otherwise, or not', async () => {
  class Net extends HybridBlock {
    encoder = new nn.Dense(3, { inUnits: 3, useBias: false });
    decoder = new nn.Dense(3, { inUnits: 3, useBias: false });
    constructor(tied: boolean) {
      super();
      if (tied) this.decoder.shareParameters(this.encoder);
    }
    override forward(x: nd.NDArray): nd.NDArray {
      return this.decoder(this.encoder(x).tanh());
    }
  }
  random.seed(8);
  const net = new Net(true);
  net.initialize({ init: 'normal' });
  const x = nd.arange(6).reshape([2, 3]).cos();
  await net.saveParameters(at('tied'));
  await net.saveParameters(at('whole'), { deduplicate: false });
  const [again, apart] = [new Net(true), new Net(false)];
  await again.loadParameters(at('tied'));
  await apart.loadParameters(at('whole'));
  for (const other of [again, apart])
    await assertAllClose(other(x), (await net(x).array()) as number[][]);
  again.encoder.weight.setData(nd.zeros([3, 3]));
  assert.is(await again(x).abs().sum().item(), 0);
  apart.encoder.weight.setData(nd.eye(3));
  assert.is.not(await apart(x).abs().sum().item(), 0);
});

test('several inputs that are indexed, several outputs: the exported net gives them all', async () => {
  class Net extends HybridBlock {
    hidden = new nn.Dense(4, { flatten: false });
    override forward(x: nd.NDArray, more: readonly nd.NDArray[]): nd.NDArray[] {
      const h = this.hidden(x.slice(':', [1, null], '::2'));
      const [a, b] = more as [nd.NDArray, nd.NDArray];
      return [
        h.at(0).add(a.at(1)),
        h.max({ axis: 0 }).mul(b.slice([0, 1])),
        x.at(':', nd.array([0, 1], { dtype: 'int32' })),
      ];
    }
  }
  random.seed(3);
  const net = new Net();
  net.initialize({ init: 'xavier' });
  const args = [
    nd.arange(24).reshape([2, 3, 4]).sin(),
    [nd.arange(8).reshape([2, 4]), nd.arange(8).reshape([2, 4]).add(1)],
  ] as const;
  const wanted = net(...args);
  await net.export(at('indexed'), ...args);
  const copy = (await SymbolBlock.imports(at('indexed'))) as unknown as Net;
  for (const hybrid of [false, true]) {
    if (hybrid) copy.hybridize();
    const found = copy(...args);
    assert.is(found.length, 3);
    for (const [i, y] of found.entries()) await assertAllClose(y, wanted[i]!);
  }
});

class Recurrent extends HybridBlock {
  cell: rnn.RecurrentCell;
  constructor(cell: rnn.RecurrentCell) {
    super();
    this.cell = cell;
  }
  override forward(x: nd.NDArray, lengths: nd.NDArray): [nd.NDArray, nd.NDArray[]] {
    return this.cell.unroll(x.shape[1]!, x, { validLength: lengths });
  }
}

for (const [name, make] of Object.entries<() => rnn.RecurrentCell>({
  LSTMCell: () => new rnn.LSTMCell(3),
  'a stack in both directions': () =>
    new rnn.SequentialRNNCell(
      new rnn.BidirectionalCell(new rnn.GRUCell(2), new rnn.RNNCell(2)),
      new rnn.ResidualCell(new rnn.LSTMCell(4)),
    ),
}))
  test(`recurrent cells, exported and imported: ${name}`, async () => {
    random.seed(6);
    const net = new Recurrent(make());
    net.initialize({ init: 'xavier' });
    const x = nd
      .arange(2 * 4 * 3)
      .reshape([2, 4, 3])
      .sin();
    const lengths = nd.array([4, 2], { dtype: 'int32' });
    const [y, states] = net(x, lengths);
    await net.export(at(name), x, lengths);
    const copy = (await SymbolBlock.imports(at(name))) as unknown as Recurrent;
    copy.hybridize();
    const [found, after] = copy(x, lengths);
    await assertAllClose(found, y);
    assert.is(after.length, states.length);
    for (const [i, s] of after.entries()) await assertAllClose(s, states[i]!);
    // and it learns: gradients of the copy are those of the original
    for (const each of [net, copy])
      autograd.record(() => each(x, lengths)[0].square().sum()).backward();
    const own = copy.collectParams();
    for (const [path, p] of net.collectParams())
      await assertAllClose(own.get(path)!.grad(), p.grad(), { rtol: 1e-4, label: path });
  });

test('a net casts after it was compiled, computes in the new dtype, and casts back', async () => {
  random.seed(2);
  const net = images();
  net.initialize({ init: 'xavier' });
  net.hybridize();
  const x = nd
    .arange(2 * 2 * 16)
    .reshape([2, 2, 4, 4])
    .sin();
  const wanted = net(x);
  for (const [dtype, atol] of [
    ['float64', 1e-6],
    ['float16', 2e-2],
  ] as const) {
    net.cast(dtype);
    const y = autograd.record(() => net(x.astype(dtype)), { training: false });
    assert.is(y.dtype, dtype);
    await assertAllClose(y.astype('float32'), wanted, { atol });
    y.backward();
    assert.is(net.parameters()[0]!.grad().dtype, dtype);
  }
  net.cast('float32');
  const back = net(x);
  assert.is(back.dtype, 'float32');
  await assertAllClose(back, wanted, { atol: 2e-2 });
  // new values are seen although the arguments have the dtype of an earlier call
  for (const p of net.collectParams('3.*').values()) p.setData(p.data().mul(0));
  assert.is(await net(x).abs().sum().item(), 0);
  net.initialize({ init: 'ones', forceReinit: true });
  assert.is.not(await net(x).abs().sum().item(), 0);
});

test('a net moves to other devices, compiled or not, and knows the values it had', async () => {
  const [a, b] = [new CpuDevice({ threads: 1 }), new CpuDevice({ threads: 1 })];
  random.seed(2);
  const net = new nn.HybridSequential(new nn.Dense(3, { inUnits: 2 }), new nn.Dense(2));
  net.initialize({ init: 'xavier' });
  const x = nd.ones([1, 2]);
  net.hybridize();
  await net.resetDevice(a);
  assert.equal(net.parameters()[2]!.listDevices(), [a], 'values that are yet to be made, too');
  const wanted = await net(nd.ones([1, 2], { device: a })).array();
  await net.resetDevice([a, b]);
  for (const d of [a, b]) {
    const y = net(nd.ones([1, 2], { device: d }));
    assert.is(y.device, d);
    assert.equal(await y.array(), wanted);
    autograd.record(() => net(nd.ones([1, 2], { device: d })).sum()).backward();
    assert.is(net.parameters()[0]!.grad(d).device, d);
  }
  await net.resetDevice(x.device);
  await assertAllClose(net(x), wanted as number[][]);
});

test('a trainer goes to other devices by way of its states', async () => {
  const elsewhere = new CpuDevice({ threads: 1 });
  const path = at('trainer');
  const nets = [0, 1].map(
    () => new nn.Dense(1, { inUnits: 2, useBias: false, weightInit: 'ones' }),
  );
  for (const net of nets) net.initialize();
  const make = (net: nn.Dense): Trainer =>
    new Trainer(net.parameters(), 'adam', { learningRate: 0.1 });
  const step = (net: nn.Dense, trainer: Trainer): void => {
    const { device } = net.weight.data();
    autograd.record(() => net(nd.array([[1, -2]], { device })).sum()).backward();
    trainer.step(1);
  };
  const [stays, moves] = nets as [nn.Dense, nn.Dense];
  const [trainer, before] = [make(stays), make(moves)];
  step(stays, trainer);
  step(moves, before);
  await before.saveStates(path);
  await moves.resetDevice(elsewhere);
  fails(
    () => step(moves, before),
    'device',
    'weight has gone from cpu() to cpu()',
    'a new trainer',
  );
  const after = make(moves);
  await after.loadStates(path);
  for (let i = 0; i < 2; i++) {
    step(stays, trainer);
    step(moves, after);
  }
  assert.equal(await moves.weight.data(elsewhere).array(), await stays.weight.data().array());
});

test('values come from arrays by name, and from files of MXNet', async () => {
  random.seed(1);
  const net = images();
  net.initialize({ init: 'xavier' });
  const x = nd
    .arange(2 * 2 * 16)
    .reshape([2, 2, 4, 4])
    .sin();
  const wanted = net(x);
  const state = (name: string): string => (name.includes('running') ? 'aux' : 'arg');
  const named = [...net.collectParams()].map(([name, p]) => [name, p.data()] as const);
  await nd.save(
    at('net.params'),
    Object.fromEntries(named.map(([name, values]) => [`${state(name)}:${name}`, values])),
  );
  const fresh = [images(), images()] as const;
  await fresh[0].loadDict((await nd.load(at('net.params'))) as Record<string, nd.NDArray>);
  await fresh[1].loadDict(new Map(named));
  for (const other of fresh) await assertAllClose(other(x), wanted);
  const half = images();
  half.cast('float16');
  await half.loadDict(new Map(named), { castDtype: true });
  assert.ok(half.collectParams().get('0.weight')!.dtype === 'float16');
  await rejects(
    () => images().loadDict(new Map(named.slice(1))),
    'file',
    'loadDict: the dictionary does not fit HybridSequential',
    '0.weight is missing',
  );
  await rejects(() => net.loadDict({ weight: 1 } as never), 'value', 'weight is 1');
  await rejects(() => net.loadDict(3 as never), 'value', 'loadDict: 3 holds no arrays');
});

test.run();
