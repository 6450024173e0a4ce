/** Sorting, counting and sets against NumPy; their gradients; long rows. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertAllClose, checkGradients } from '../../src/frontend/testing.ts';
import { device, hybridize, nd } from '../../src/index.ts';
import { slopeOf } from '../support/slopes.ts';

/** A GPU in software compiles for long: there, what differs by device. */
const whole = device.default().kind === 'cpu';

interface Stored {
  readonly shape: readonly number[];
  readonly values: readonly (number | null)[];
}
const path = new URL('../fixtures/order.json', import.meta.url);
const stored = JSON.parse(readFileSync(path, 'utf8')) as Record<string, readonly Stored[]>;

type Made = nd.NDArray | readonly nd.NDArray[] | Promise<nd.NDArray | readonly nd.NDArray[]>;
const METHODS = ['linear', 'lower', 'higher', 'nearest', 'midpoint'] as const;
/** How many of the stored arrays are operands, and what is computed of them. */
const CASES: Record<string, readonly [number, (...x: nd.NDArray[]) => Made]> = {
  argsort: [1, (x) => nd.argsort(x)],
  argsort0: [1, (x) => nd.argsort(x, { axis: 0 })],
  sortNaN: [1, (x) => nd.sort(x)],
  median: [1, (x) => nd.median(x, { axis: [0, 2] })],
  histogram: [1, (x) => nd.histogram(x, { bins: 4 })],
  histogramEdges: [
    1,
    (x) => nd.histogram(x, { bins: nd.array([-1, -0.25, 0, 0.5, 2]), density: true }),
  ],
  digitize: [2, (x, bins) => nd.digitize(x, bins)],
  digitizeRight: [2, (x, bins) => nd.digitize(x, bins, { right: true })],
  searchNaN: [2, (sorted, x) => nd.searchSorted(sorted, x)],
  unique: [
    1,
    async (x) => {
      const { values, indices, inverse, counts } = await nd.uniqueAll(x);
      return [values, indices, inverse.ravel(), counts];
    },
  ],
  nonzero: [1, (x) => nd.nonzero(x)],
  argwhere: [1, (x) => nd.argwhere(x)],
  isIn: [2, (x, y) => nd.isIn(x, y).astype('int32')],
  setDiff: [2, (x, y) => nd.setDiff1d(x, y)],
  setXor: [2, (x, y) => nd.setXor1d(x, y)],
  ...Object.fromEntries(
    METHODS.slice(0, whole ? 5 : 1).map((method) => [
      `quantile_${method}`,
      [1, (x: nd.NDArray) => nd.quantile(x, [0, 0.3, 0.5, 0.9, 1], { axis: 1, method })] as const,
    ]),
  ),
};

const arrayOf = ({ shape, values }: Stored): nd.NDArray =>
  nd.array(values.map((v) => v ?? Number.NaN)).reshape(shape);

for (const [name, [operands, f]] of Object.entries(CASES))
  test(`${name} is what NumPy gives`, async () => {
    const arrays = stored[name]!.map(arrayOf);
    const made = [await f(...arrays.slice(0, operands))].flat() as nd.NDArray[];
    const wanted = arrays.slice(operands);
    assert.is(made.length, wanted.length);
    for (const [i, w] of wanted.entries())
      await assertAllClose(made[i]!.astype('float32'), w, { label: `result ${i}` });
  });

test('long rows are sorted in runs that are merged, stably, by several launches', async () => {
  const n = 2051;
  const values = Float32Array.from({ length: 2 * n }, (_, i) => Math.floor(50 * Math.sin(i * i)));
  for (const descending of [false, true]) {
    const got = await nd.argsort(nd.array(values).reshape([2, n]), { descending }).data();
    for (const row of [0, 1]) {
      const at = (i: number): number => values[row * n + i]!;
      const places = Array.from({ length: n }, (_, i) => i);
      places.sort((a, b) => (descending ? at(b) - at(a) : at(a) - at(b)));
      assert.equal(Array.from(got.slice(row * n, (row + 1) * n)), places);
    }
  }
});

test('long running sums are made of parts, in both directions', async () => {
  const n = 9001;
  const values = Int32Array.from({ length: n }, (_, i) => ((i * 7919) % 101) - 50);
  const forward = await nd.cumsum(nd.array(values)).data();
  const backward = await nd.cumsum(nd.array(values), { reverse: true }).data();
  const highest = await nd.cummax(nd.array(values), { reverse: true }).data();
  let [sum, top] = [0, -100];
  for (let i = 0; i < n; i++) {
    sum += values[i]!;
    if (forward[i] !== sum) assert.unreachable(`sum ${i}`);
  }
  sum = 0;
  for (let i = n - 1; i >= 0; i--) {
    sum += values[i]!;
    top = Math.max(top, values[i]!);
    if (backward[i] !== sum || highest[i] !== top) assert.unreachable(`backward ${i}`);
  }
});

test('extremes of no elements are the least and the greatest of a dtype', async () => {
  const { wide } = device.default().caps;
  for (const [dtype, least, greatest] of [
    ['bool', false, true],
    ['int8', -128, 127],
    ['uint16', 0, 65535],
    ['uint32', 0, 2 ** 32 - 1],
    ['int64', -(2n ** 63n), 2n ** 63n - 1n],
    ['uint64', 0n, 2n ** 64n - 1n],
  ] as const) {
    if (!wide && dtype.endsWith('64')) continue;
    const of = (x: nd.NDArray): nd.NDArray[] => [
      nd.cummax(x, { exclusive: true }),
      nd.cummin(x, { exclusive: true, reverse: true }),
    ];
    const [up, down] = hybridize(of)(nd.array([1, 0]).astype(dtype));
    const number = async (x: nd.NDArray, i: number): Promise<unknown> => (await x.data())[i];
    const asStored = (x: unknown): unknown => (dtype === 'bool' ? Number(x) : x);
    assert.is(up!.dtype, dtype);
    assert.is(await number(up!, 0), asStored(least));
    assert.equal(Number(await number(up!, 1)), 1);
    assert.is(await number(down!, 1), asStored(greatest));
    assert.equal(Number(await number(down!, 0)), 0);
  }
  if (!wide) return;
  const long = BigInt64Array.from(
    { length: 9001 },
    (_, i) => -(2n ** 62n) + BigInt((i * 7919) % 101),
  );
  const top = await nd.cummax(nd.array(long)).data<BigInt64Array>();
  let most = long[0]!;
  for (const [i, x] of long.entries()) {
    if (x > most) most = x;
    if (top[i] !== most) assert.unreachable(`place ${i}`);
  }
});

const x = (): nd.NDArray =>
  nd.array([
    [0.3, -1.2, 2, 0.7, 0],
    [1.5, 0.2, -0.4, 3, -2.2],
  ]);

for (const [name, f] of Object.entries({
  sort: (a) => nd.sort(a, { axis: 0, descending: true }),
  topk: (a) => nd.topk(a, 2, { returns: 'values' }),
  quantile: (a) => nd.quantile(a, [0.2, 0.75], { axis: 1 }),
  cumsum: (a) => nd.cumsum(a, { axis: 1, exclusive: true }),
  cumprod: (a) => nd.cumprod(a, { axis: 1 }),
  cummax: (a) => nd.cummax(a, { axis: 1, reverse: true }),
  logCumSumExp: (a) => nd.logCumSumExp(a, { axis: 1 }),
} satisfies Record<string, (a: nd.NDArray) => nd.NDArray>))
  test(`gradients of ${name}, and those of its gradient`, async () => {
    await checkGradients(f, [x()]);
    if (whole) await checkGradients(slopeOf(f), [x()], { rtol: 3e-2, atol: 2e-2 });
  });

test('functions of values run hybridized where their size is given', async () => {
  const f = hybridize((a: nd.NDArray) => {
    const { values, counts } = nd.uniqueAll(a, { size: 4, fillValue: -1 });
    const places = nd.flatNonzero(a, { size: 3, fillValue: -1 });
    return [values, counts, places, nd.binCount(a.astype('int32'), { size: 300 }).slice([0, 4])];
  });
  const [values, counts, places, bins] = f(nd.array([3, 0, 3, 1, 0, 3]));
  await assertAllClose(values!, [0, 1, 3, -1]);
  await assertAllClose(counts!, [2, 1, 3, 0]);
  await assertAllClose(places!, [0, 2, 3]);
  await assertAllClose(bins!, [2, 1, 0, 3]);
});

test.run();
