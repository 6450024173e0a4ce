import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertAllClose } from '../../src/frontend/testing.ts';
import { hybridize, nd, random } from '../../src/index.ts';
import { threefry } from '../../src/ir/numbers.ts';
import { fails } from './support.ts';

const numbers = async (x: nd.NDArray): Promise<number[]> => Array.from(await x.data());

test('uniform numbers are the documented function of seed, position and draw', async () => {
  random.seed(2 ** 40 + 5);
  const first = await numbers(random.uniform([4]));
  const second = await numbers(random.uniform([2, 2]));
  const expected = (draw: number): number[] =>
    [0, 1, 2, 3].map((i) => (threefry(5, 256, i, draw) >>> 8) * 2 ** -24);
  assert.equal(first, expected(0));
  assert.equal(second, expected(1));
});

test('many at once are those one by one, whatever else is drawn beside them', async () => {
  random.seed(7);
  const [two, one] = hybridize(() => {
    const [a, b] = [random.uniform([5, 41]), random.uniform([5, 41])];
    return [a.sub(b.mul(2)), random.uniform([9])] as const;
  })();
  const unit = (i: number, draw: number): number => (threefry(7, 0, i, draw) >>> 8) * 2 ** -24;
  const each = (n: number, f: (i: number) => number): number[] =>
    Array.from({ length: n }, (_, i) => f(i));
  assert.equal(
    await numbers(two),
    each(205, (i) => Math.fround(unit(i, 0) - 2 * unit(i, 1))),
  );
  assert.equal(
    await numbers(one),
    each(9, (i) => unit(i, 2)),
  );
});

test('the same seed gives the same numbers, and a saved state goes on', async () => {
  random.seed(1);
  const a = await numbers(random.normal([5]));
  const state = random.getState();
  const b = await numbers(random.normal([5]));
  random.seed(1);
  assert.equal(await numbers(random.normal([5])), a);
  assert.not.equal(b, a);
  random.setState(state);
  assert.equal(await numbers(random.normal([5])), b);
});

test('moments are what the distributions say', async () => {
  random.seed(3);
  const n = 40000;
  const mean = (v: number[]): number => v.reduce((a, b) => a + b, 0) / v.length;
  const u = await numbers(random.uniform([n], -1, 3));
  assert.ok(Math.abs(mean(u) - 1) < 0.03 && Math.min(...u.slice(0, 1000)) >= -1);
  const z = await numbers(random.normal([n], 2, 3));
  assert.ok(Math.abs(mean(z) - 2) < 0.06);
  assert.ok(Math.abs(mean(z.map((v) => (v - 2) ** 2)) - 9) < 0.3);
  const coin = await numbers(random.bernoulli([n], 0.25));
  assert.ok(Math.abs(mean(coin) - 0.25) < 0.01);
  const dice = await numbers(random.randint([n], 1, 7));
  assert.equal([...new Set(dice)].sort(), [1, 2, 3, 4, 5, 6]);
  assert.ok(Math.abs(mean(dice) - 3.5) < 0.05);
  const kept = await numbers(nd.dropout(nd.ones([n]), 0.2));
  assert.ok(Math.abs(mean(kept) - 1) < 0.02);
  assert.ok(kept.every((v) => v === 0 || Math.abs(v - 1.25) < 1e-6));
});

test('permutations hold each number once', async () => {
  random.seed(5);
  const p = await numbers(random.permutation(50));
  assert.equal(
    p.slice().sort((a, b) => a - b),
    Array.from({ length: 50 }, (_, i) => i),
  );
  assert.not.equal(p, await numbers(random.permutation(50)));
  const x = nd.arange(5);
  assert.equal((await numbers(random.shuffle(x))).sort(), [0, 1, 2, 3, 4]);
});

test('compiled functions draw the same numbers in the same order as imperative ones', async () => {
  const draw = (x: nd.NDArray): nd.NDArray[] => [
    random.uniform([3]).add(x),
    random.normal([3]),
    nd.dropout(nd.ones([8]), 0.5),
    random.permutation(6),
    random.randint([4], 0, 100),
  ];
  const compiled = hybridize(draw);
  const x = nd.zeros([3]);
  random.seed(11);
  const eager = [draw(x), draw(x), [random.uniform([2])]].flat();
  random.seed(11);
  const traced = [compiled(x), compiled(x), [random.uniform([2])]].flat();
  for (const [i, e] of eager.entries()) await assertAllClose(traced[i]!, e, { label: `draw ${i}` });
  assert.not.equal(await numbers(traced[0]!), await numbers(traced[5]!));
});

test('bad parameters are named', () => {
  fails(() => random.seed(-1), 'value', 'random.seed');
  fails(() => random.uniform([2], 1, 0), 'value', 'low 1', 'high 0');
  fails(() => random.uniform([2], 0, 1, { dtype: 'int32' }), 'dtype', 'randint');
  fails(() => random.bernoulli([2], 1.5), 'value', 'probability is 1.5');
  fails(() => random.randint([2], 5, 5), 'value', 'low < high');
  fails(() => nd.dropout(nd.ones([2]), 1), 'value', 'rate 1');
  fails(() => random.permutation(-1), 'value', '-1');
});

test('small arrays drawn on the host have the numbers of the compiled program, bit for bit', async () => {
  for (const [value, low, high] of [
    [0, 0, 1],
    [1, -0.07, 0.07],
    [2 ** 40 + 7, -3.3, 12.9],
  ] as const) {
    random.seed(value);
    const host = [random.uniform([997], low, high), random.uniform([3, 5], low, high)];
    random.seed(value);
    const draw = hybridize(() => [
      random.uniform([997], low, high),
      random.uniform([3, 5], low, high),
    ]);
    for (const [i, compiled] of draw().entries())
      assert.equal(await compiled.data(), await host[i]!.data());
  }
});

test.run();
