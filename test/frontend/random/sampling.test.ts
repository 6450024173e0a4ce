import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import { device, hybridize, nd, random } from '../../../src/index.ts';

const numbers = async (x: nd.NDArray): Promise<number[]> => Array.from(await x.data());
const sorted = (values: number[]): number[] => values.slice().sort((a, b) => a - b);

test('without replacement nothing comes twice, and heavy weights come early', async () => {
  random.seed(2);
  const four = await numbers(random.choice(100, [2, 2], { replace: false }));
  assert.is(new Set(four).size, 4);
  assert.equal(sorted(await numbers(random.choice(5, [5], { replace: false }))), [0, 1, 2, 3, 4]);
  const p = nd.array([0, 1, 1000, 1, 1000]);
  const draws = hybridize(() => random.choice(5, [2], { replace: false, p }));
  const seen = new Set<number>();
  for (let i = 0; i < 10; i++) for (const k of await numbers(draws())) seen.add(k);
  assert.not(seen.has(0));
  assert.ok(seen.has(2) && seen.has(4));
  const last = await numbers(random.choice(5, [5], { replace: false, p }));
  assert.is(last[4], 0, 'what has no weight comes last');
  const rows = random.choice(
    nd.array([
      [1, 2],
      [3, 4],
    ]),
    [3],
  );
  assert.equal(rows.shape, [3, 2]);
});

test('orders have every position once; rows stay whole', async () => {
  random.seed(3);
  const x = nd.arange(40).reshape([20, 2]);
  const mixed = (await random.shuffle(x).array()) as number[][];
  assert.equal(
    sorted(mixed.map(([a]) => a!)),
    Array.from({ length: 20 }, (_, i) => 2 * i),
  );
  for (const [a, b] of mixed) assert.is(b, a! + 1);
  assert.equal(
    sorted(await numbers(random.permutation(3000))),
    Array.from({ length: 3000 }, (_, i) => i),
  );
  assert.equal(await numbers(random.permutation(0)), []);
});

test('counts of categories have the right sum and means', async () => {
  random.seed(4);
  const p = nd.array([
    [1, 1, 2],
    [3, 0, 1],
  ]);
  const counts = random.multinomial([500, 2], 20, p);
  assert.equal(counts.shape, [500, 2, 3]);
  assert.is(counts.dtype, 'int32');
  await assertAllClose(counts.sum({ axis: -1 }), nd.full([500, 2], 20, { dtype: 'int32' }));
  const means = (await nd.mean(counts, { axis: 0 }).array()) as number[][];
  const wanted = [
    [5, 5, 10],
    [15, 0, 5],
  ];
  for (const [i, m] of means.flat().entries())
    assert.ok(Math.abs(m - wanted.flat()[i]!) < 0.5, `${i}: ${m}`);
  assert.is(means[1]![1], 0, 'never what has probability 0');
  const logits = random.categorical([400], nd.log(p.slice(1)), { logits: true });
  assert.ok((await numbers(logits)).every((k) => k !== 1));
});

test('normal vectors have their covariance', async () => {
  random.seed(5);
  const covariance = nd.array([
    [2, 0.8],
    [0.8, 1],
  ]);
  const x = random.multivariateNormal([8000], nd.array([1, -1]), covariance);
  const away = x.sub(nd.mean(x, { axis: 0 }));
  await assertAllClose(nd.matmul(away.T, away).div(8000), covariance, { atol: 0.08 });
  await assertAllClose(nd.mean(x, { axis: 0 }), [1, -1], { atol: 0.06 });
});

test('parameters broadcast; rand and randn take sizes', async () => {
  random.seed(6);
  assert.equal(random.rand(2, 3).shape, [2, 3]);
  assert.equal(random.randn(4).shape, [4]);
  assert.equal(await numbers(random.poisson([2, 2], nd.array([[0], [0]]))), [0, 0, 0, 0]);
  const wide = random.gamma([3, 2], nd.array([0.5, 5e5]), nd.array([[1], [2], [3]]));
  const values = await numbers(wide);
  assert.ok([1, 3, 5].every((i) => Math.abs(values[i]! / (5e5 * ((i + 1) / 2)) - 1) < 0.01));
  assert.is(random.poisson([2], 3, { dtype: 'int32' }).dtype, 'int32');
  assert.is(random.normal([2], 0, 1, { dtype: 'float16' }).dtype, 'float16');
  assert.equal(await numbers(random.uniform([0, 2])), []);
  assert.equal(await numbers(random.gamma([0], 1)), []);
});

test('a device may have a sequence of its own', async () => {
  const here = device.default();
  random.seed(7);
  const common = await numbers(random.normal([3]));
  random.seed(99, { device: here });
  const own = await numbers(random.normal([3]));
  assert.not.equal(own, common);
  assert.equal(random.getState({ device: here }), { seed: 99, draws: 2, parameters: 0 });
  assert.is(random.getState().draws, 2, 'the common sequence stays where it was');
  random.setState({ seed: 99, draws: 0, parameters: 0 }, { device: here });
  const draw = hybridize(() => random.normal([3]));
  await assertAllClose(draw(), own);
  assert.not.equal(await numbers(draw()), own, 'new numbers at each replay');
  random.seed(7);
  assert.equal(await numbers(random.normal([3])), common, 'a seed for all ends it');
});

test.run();
