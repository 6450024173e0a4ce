import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertAllClose, checkGradients } from '../../src/frontend/testing.ts';
import { autograd, hybridize, nd, random } from '../../src/index.ts';
import { random as generator } from '../ir/graph/cases.ts';
import { fails, synchronous } from './support.ts';

const next = generator(11);
const normal = (...shape: number[]): nd.NDArray =>
  nd.array(
    Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => 2 * next() - 1),
    {
      shape,
    },
  );

interface Case {
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly depth: number;
  readonly width: number;
  readonly causal?: boolean;
  readonly scale?: number;
  /** Tried on devices where every new shape is a long compilation too. */
  readonly everywhere?: true;
}

/** Attention in double precision, as its formula says. */
const reference = async (
  [q, k, v]: readonly nd.NDArray[],
  c: Case,
  may: (head: number, query: number, key: number) => boolean = () => true,
): Promise<number[]> => {
  const [qs, ks, vs] = await Promise.all([q!, k!, v!].map((x) => x.data()));
  const { heads, queries, keys, depth, width, scale = 1 / Math.sqrt(depth) } = c;
  const out: number[] = [];
  for (let h = 0; h < heads; h++)
    for (let i = 0; i < queries; i++) {
      const powers = Array.from({ length: keys }, (_, j) => {
        if (!may(h, i, j) || (c.causal === true && j > i)) return 0;
        let score = 0;
        for (let d = 0; d < depth; d++)
          score +=
            Number(qs![(h * queries + i) * depth + d]) * Number(ks![(h * keys + j) * depth + d]);
        return Math.exp(scale * score);
      });
      const total = powers.reduce((a, b) => a + b, 0);
      for (let e = 0; e < width; e++) {
        const sum = powers.reduce((s, p, j) => s + p * Number(vs![(h * keys + j) * width + e]), 0);
        out.push(total === 0 ? 0 : sum / total);
      }
    }
  return out;
};

const operands = ({ heads, queries, keys, depth, width }: Case): nd.NDArray[] => [
  normal(heads, queries, depth),
  normal(heads, keys, depth),
  normal(heads, keys, width),
];

const cases: readonly Case[] = [
  { heads: 1, queries: 1, keys: 1, depth: 1, width: 1 },
  { heads: 2, queries: 1, keys: 37, depth: 8, width: 5 },
  { heads: 3, queries: 33, keys: 29, depth: 7, width: 9, everywhere: true },
  { heads: 2, queries: 40, keys: 40, depth: 16, width: 16, causal: true, everywhere: true },
  { heads: 1, queries: 50, keys: 21, depth: 12, width: 20, causal: true },
  { heads: 1, queries: 21, keys: 70, depth: 33, width: 6, causal: true, scale: 1.5 },
  { heads: 2, queries: 65, keys: 97, depth: 64, width: 64 },
  { heads: 1, queries: 70, keys: 66, depth: 128, width: 128, causal: true, everywhere: true },
  { heads: 1, queries: 9, keys: 12, depth: 130, width: 200 },
];

for (const c of cases.filter((c) => synchronous || c.everywhere))
  test(`attention of ${JSON.stringify(c)}`, async () => {
    const [q, k, v] = operands(c) as [nd.NDArray, nd.NDArray, nd.NDArray];
    const options = {
      ...(c.causal === undefined ? {} : { causal: c.causal }),
      ...(c.scale === undefined ? {} : { scale: c.scale }),
    };
    const y = nd.scaledDotProductAttention(q, k, v, options);
    assert.equal(y.shape, [c.heads, c.queries, c.width]);
    await assertAllClose(y.ravel(), await reference([q, k, v], c), { atol: 2e-5 });
    const mask = nd.array(
      Array.from({ length: c.queries }, (_, i) =>
        Array.from({ length: c.keys }, (_, j) => i % 5 !== 3 && (i + 2 * j) % 3 !== 0),
      ),
    );
    const masked = nd.scaledDotProductAttention(q, k, v, { ...options, mask });
    await assertAllClose(
      masked.ravel(),
      await reference([q, k, v], c, (_, i, j) => i % 5 !== 3 && (i + 2 * j) % 3 !== 0),
      { atol: 2e-5 },
    );
  });

test('large scores do not overflow, and what is not attended to does not matter', async () => {
  const q = nd.array([
    [100, 0],
    [0, 100],
  ]);
  const v = nd.array([
    [1, 2],
    [3, 4],
  ]);
  await assertAllClose(nd.scaledDotProductAttention(q, q, v), v);
  await assertAllClose(nd.scaledDotProductAttention(q, q.mul(-1), v, { causal: true }), [
    [1, 2],
    [1, 2],
  ]);
});

test('leading axes broadcast, dtypes are promoted', async () => {
  const q = normal(2, 3, 5, 4);
  const [k, v] = [normal(3, 6, 4), normal(2, 1, 6, 2)];
  const mask = nd.array([
    [[[true, true, false, true, true, false]]],
    [[[false, true, true, true, true, true]]],
  ]);
  const y = nd.scaledDotProductAttention(q, k, v, { mask });
  assert.equal(y.shape, [2, 3, 5, 2]);
  const scores = q.matmul(k.transpose([0, 2, 1])).mul(0.5);
  const shares = nd.where(mask, scores, -1e9).softmax();
  await assertAllClose(y, shares.matmul(v), { atol: 1e-5 });
  const half = nd.scaledDotProductAttention(
    ...([q, k, v].map((x) => x.astype('float16')) as [never, never, never]),
  );
  assert.is(half.dtype, 'float16');
  await assertAllClose(half.astype('float32'), scores.softmax().matmul(v), { atol: 5e-3 });
});

test('gradients of one order and of two, with masks and without', async () => {
  const mask = nd.array([
    [true, false, true, true],
    [false, false, false, false],
    [true, true, true, false],
  ]);
  const inputs = [normal(2, 3, 2), normal(2, 4, 2), normal(2, 4, 3)];
  const all = [{ causal: true }, { mask, causal: true }, {}, { mask }, { scale: 2 }];
  for (const options of synchronous ? all : all.slice(0, 2))
    await checkGradients((q, k, v) => nd.scaledDotProductAttention(q!, k!, v!, options), inputs);
});

test('a block with attention is the same hybridized, and so are its gradients', async () => {
  const [q, k, v] = operands({ heads: 4, queries: 37, keys: 45, depth: 24, width: 40 });
  const f = (a: nd.NDArray, b: nd.NDArray, c: nd.NDArray): nd.NDArray =>
    nd.scaledDotProductAttention(a.relu(), b, c, { causal: true }).mul(2).tanh();
  const slopes = async (g: typeof f): Promise<nd.NDArray[]> => {
    const own = [q!, k!, v!].map((x) => x.mul(1).attachGrad());
    const y = autograd.record(() => g(own[0]!, own[1]!, own[2]!).mul(normalized).sum());
    y.backward();
    return own.map((x) => x.grad!);
  };
  const normalized = normal(4, 37, 40);
  const compiled = hybridize(f);
  await assertAllClose(compiled(q!, k!, v!), f(q!, k!, v!), { atol: 1e-5 });
  const [wanted, got] = [await slopes(f), await slopes(compiled)];
  for (const [i, g] of got.entries()) await assertAllClose(g, wanted[i]!, { atol: 1e-4 });
});

if (synchronous)
  test('long attention and its gradients, by blocks, are those in double precision', async () => {
    const inputs = operands({ heads: 3, queries: 210, keys: 238, depth: 12, width: 20 });
    const weights = normal(3, 210, 20);
    const mask = nd.array(Array.from({ length: 238 }, (_, j) => j % 7 !== 2));
    const slopes = (dtype: 'float32' | 'float64', options: nd.AttentionOptions): nd.NDArray[] => {
      const [q, k, v] = inputs.map((x) => x.astype(dtype).attachGrad());
      const y = autograd.record(() => nd.scaledDotProductAttention(q!, k!, v!, options));
      y.backward(weights.astype(dtype));
      return [y, q!.grad!, k!.grad!, v!.grad!];
    };
    for (const options of [{}, { causal: true }, { mask, causal: true }]) {
      const wanted = slopes('float64', options);
      for (const [i, got] of slopes('float32', options).entries())
        await assertAllClose(got.astype('float64'), wanted[i]!, { atol: 4e-6 });
    }
  });

/** Result and gradients, drawn from the same place. */
const drawn = (f: (...x: nd.NDArray[]) => nd.NDArray, inputs: readonly nd.NDArray[]) => {
  random.seed(5);
  const own = inputs.map((x) => x.mul(1).attachGrad());
  const y = autograd.record(() => f(...own));
  y.backward(nd.cos(nd.arange(y.size)).reshape(y.shape).astype(y.dtype));
  return [y, ...own.map((x) => x.grad!)];
};

const droppedFrom = synchronous
  ? ([
      [2, 3, 37, 45],
      [2, 300, 310],
      [1, 5, 7],
    ] as const)
  : ([[2, 3, 37, 45]] as const);
for (const shape of droppedFrom)
  test(`dropout of ${shape.join(' x ')} shares drops those that it drops of weights`, async () => {
    const [lead, [queries, keys]] = [shape.slice(0, -2), shape.slice(-2) as [number, number]];
    const eye = nd.broadcastTo(nd.eye(keys), [...lead, keys, keys]);
    const inputs = [normal(...lead, queries, 8), normal(...lead, keys, 8), eye];
    const whole = (q: nd.NDArray, k: nd.NDArray, v: nd.NDArray): nd.NDArray =>
      nd.scaledDotProductAttention(q, k, v, { causal: true, dropout: 0.4 });
    const composed = (q: nd.NDArray, k: nd.NDArray, v: nd.NDArray): nd.NDArray =>
      nd.matmul(nd.dropout(nd.attentionWeights(q, k, { causal: true }), 0.4), v);
    const wanted = drawn(composed as never, inputs);
    for (const f of [whole, hybridize(whole)]) {
      const got = drawn(f as never, inputs);
      // values are rows of ones and zeros: the result is what dropout left
      assert.equal(await got[0]!.eq(0).array(), await wanted[0]!.eq(0).array());
      for (const [i, g] of got.entries()) await assertAllClose(g, wanted[i]!, { atol: 1e-5 });
    }
  });

test('mistakes', () => {
  const [q, k, v] = [nd.ones([2, 3, 4]), nd.ones([2, 5, 4]), nd.ones([2, 5, 6])];
  const f = nd.scaledDotProductAttention;
  fails(
    () => f(q, nd.ones([2, 5, 3]), v),
    'shape',
    'k must be [..., Tk, D]',
    'equally many features',
  );
  fails(() => f(q, k, nd.ones([2, 4, 6])), 'shape', 'v must be [..., Tk, Dv], here [2, 5, 6]');
  fails(() => f(q, nd.ones([3, 5, 4]), v), 'shape', 'leading axes differ', 'equal or 1');
  fails(() => f(nd.ones([4]), k, v), 'shape', 'takes arrays [..., positions, features]');
  fails(() => f(q, k, v, { mask: nd.ones([3, 5]) }), 'dtype', 'mask is f32[3, 5], not bool');
  const tall = nd.ones([5, 3]).gt(0);
  fails(() => f(q, k, v, { mask: tall }), 'shape', 'mask does not broadcast to [..., 3, 5]');
  fails(() => f(q, k, v, { mask: 3 as never }), 'value', '3 is not an NDArray');
  fails(() => f(q, k, v, { causal: 1 as never }), 'option', 'causal is 1', 'true or false');
  fails(() => f(q, k, v, { scale: Number.NaN }), 'option', 'scale is NaN');
  fails(() => f(q, k, v, { isCausal: true } as never), 'option', 'causal');
  fails(() => f(q, k, v, { dropout: 1 }), 'value', 'dropout 1 must be from 0 to below 1');
  fails(() => f(q, nd.ones([2, 0, 4]), nd.ones([2, 0, 6])), 'shape', 'there are no keys');
});

test.run();
