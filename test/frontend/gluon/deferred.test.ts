import { autograd, nd, random } from 'tigon';
import * as nn from 'tigon/nn';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

/** Three recorded forwards of a net with dropout whose shapes are learnt at the first. */
const losses = async (hybridize: boolean): Promise<number[]> => {
  random.seed(5);
  const net = new nn.HybridSequential(
    new nn.Dense(16, { activation: 'relu' }),
    new nn.Dropout(0.5),
    new nn.Dense(8),
    new nn.Dropout(0.3),
    new nn.Dense(2),
  );
  net.initialize({ init: 'xavier' });
  if (hybridize) net.hybridize();
  const x = nd.linspace(-1, 1, 40).reshape([4, 10]);
  return Promise.all([1, 2, 3].map(() => autograd.record(() => net(x).square().sum()).item()));
};

test('parameters learnt at the first call and dropout draw the same numbers imperative and hybridized', async () => {
  const imperative = await losses(false);
  (await losses(true)).forEach((l, i) => {
    assert.ok(Math.abs(l - imperative[i]!) <= 1e-6 * Math.abs(l), `${l} ≠ ${imperative[i]}`);
  });
});

test('a saved random state goes on with the same parameters', async () => {
  random.seed(9);
  const first = new nn.Dense(3, { inUnits: 4 });
  first.initialize();
  const state = random.getState();
  const values = async (): Promise<unknown> => {
    const layer = new nn.Dense(3, { inUnits: 4 });
    layer.initialize();
    return await layer.weight.data().array();
  };
  const wanted = await values();
  random.setState(state);
  assert.equal(await values(), wanted);
  assert.not.equal(await first.weight.data().array(), wanted);
});

test.run();
