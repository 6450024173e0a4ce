import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ArrayDataset,
  DataLoader,
  Dataset,
  drawDigits,
  RandomSampler,
  SequentialSampler,
  stackSamples,
} from '../../../src/frontend/gluon/data/index.ts';
import { device, nd, random } from '../../../src/index.ts';
import { fails, rejects, synchronous } from '../support.ts';

const numbers = (count: number): ArrayDataset<[Int32Array]> =>
  new ArrayDataset(Int32Array.from({ length: count }, (_, i) => i));
const collect = async (loader: DataLoader<nd.NDArray>): Promise<number[][]> => {
  const batches: number[][] = [];
  for await (const x of loader) batches.push((await x.array()) as number[]);
  return batches;
};
const sorted = (batches: number[][]): number[] => batches.flat().sort((a, b) => a - b);

test('a sample is the rows of all columns, or of the only one', async () => {
  const x = nd.array([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  const data = new ArrayDataset(x, new Int32Array([7, 8, 9]), [0.5, 1.5, 2.5]);
  assert.is(data.length, 3);
  const [a, b, c] = data.get(1);
  assert.equal(await a.array(), [3, 4]);
  assert.equal([b.dtype, b.shape, await b.item()], ['int32', [], 8]);
  assert.equal([c.dtype, await c.item()], ['float32', 1.5]);
  const one = new ArrayDataset(x);
  assert.equal(await one.get(2).array(), [5, 6]);
  assert.is([...data].length, 3);
});

test('batches are stacks of samples', async () => {
  const data = new ArrayDataset(
    nd.array([
      [1, 2],
      [3, 4],
      [5, 6],
    ]),
    new Uint8Array([7, 8, 9]),
  );
  const batches = [...new DataLoader(data, { batchSize: 2 })];
  assert.is(batches.length, 2);
  const [x, y] = batches[0]!;
  assert.equal(await x.array(), [
    [1, 2],
    [3, 4],
  ]);
  assert.equal([y.dtype, await y.array()], ['uint8', [7, 8]]);
  assert.equal(batches[1]![0].shape, [1, 2]);
});

test('a pass in order; what the last batch does', async () => {
  const seven = numbers(7);
  const keep = new DataLoader(seven, { batchSize: 3 });
  assert.is(keep.length, 3);
  assert.equal(await collect(keep), [[0, 1, 2], [3, 4, 5], [6]]);
  const discard = new DataLoader(seven, { batchSize: 3, lastBatch: 'discard' });
  assert.is(discard.length, 2);
  assert.equal(await collect(discard), [
    [0, 1, 2],
    [3, 4, 5],
  ]);
  const rollover = new DataLoader(seven, { batchSize: 3, lastBatch: 'rollover' });
  const lengths: number[] = [];
  const passes: number[][][] = [];
  for (let i = 0; i < 3; i++) {
    lengths.push(rollover.length);
    passes.push(await collect(rollover));
  }
  assert.equal(lengths, [2, 2, 3]);
  assert.equal(passes, [
    [
      [0, 1, 2],
      [3, 4, 5],
    ],
    [
      [6, 0, 1],
      [2, 3, 4],
    ],
    [
      [5, 6, 0],
      [1, 2, 3],
      [4, 5, 6],
    ],
  ]);
  assert.equal(await collect(new DataLoader(numbers(0), { batchSize: 3 })), []);
});

test('shuffling: every sample once, a new order each pass, the same for the same seed', async () => {
  const make = (seed: number): DataLoader<nd.NDArray> =>
    new DataLoader(numbers(50), { batchSize: 8, shuffle: true, seed });
  const [a, b, c] = [make(3), make(3), make(4)];
  const first = await collect(a);
  assert.equal(
    sorted(first),
    Array.from({ length: 50 }, (_, i) => i),
  );
  assert.equal(await collect(b), first);
  assert.not.equal(await collect(c), first);
  const second = await collect(a);
  assert.not.equal(second, first);
  assert.equal(await collect(b), second);
});

test('shuffling without a seed follows random.seed', async () => {
  const make = (): DataLoader<nd.NDArray> =>
    new DataLoader(numbers(30), { batchSize: 30, shuffle: true });
  random.seed(5);
  const [one, other] = [await collect(make()), await collect(make())];
  assert.not.equal(one, other);
  random.seed(5);
  assert.equal([await collect(make()), await collect(make())], [one, other]);
});

test('shuffles are uniform: each sample comes first about equally often', () => {
  const counts = new Array<number>(5).fill(0);
  const sampler = new RandomSampler(5, { seed: 11 });
  for (let i = 0; i < 5000; i++) counts[[...sampler][0]!]!++;
  // 1000 expected, standard deviation 28
  for (const count of counts) assert.ok(Math.abs(count - 1000) < 150, `${counts}`);
});

test('samplers of your own', async () => {
  const loader = new DataLoader(numbers(5), { batchSize: 2, sampler: Object.assign([4, 0, 4]) });
  assert.equal(await collect(loader), [[4, 0], [4]]);
  assert.equal([...new SequentialSampler(3)], [0, 1, 2]);
  await rejects(
    () => collect(new DataLoader(numbers(5), { batchSize: 2, sampler: [5] as number[] })),
    'value',
    'there is no sample 5 among 5',
    'from 0 to 4',
  );
});

test('transform, transformFirst, take and filter', async () => {
  const data = new ArrayDataset(
    nd.array([
      [1, 2],
      [3, 4],
      [5, 6],
    ]),
    new Int32Array([7, 8, 9]),
  );
  const sums = data.transform((x, y) => [x.sum(), y.add(1)] as [nd.NDArray, nd.NDArray]);
  const [s, y] = [...new DataLoader(sums, { batchSize: 3 })][0]!;
  assert.equal(await s.array(), [3, 7, 11]);
  assert.equal(await y.array(), [8, 9, 10]);
  const first = data.transformFirst((x) => x.mul(10));
  const [scaled, same] = first.get(1);
  assert.equal(await scaled.array(), [30, 40]);
  assert.is(await same.item(), 8);
  const alone = new ArrayDataset(nd.array([1, 2])).transformFirst((x) => x.mul(2));
  assert.is(await alone.get(1).item(), 4);
  const two = data.take(2);
  assert.is(two.length, 2);
  assert.is(data.take(9).length, 3);
  assert.equal(await [...new DataLoader(two, { batchSize: 5 })][0]![1].array(), [7, 8]);
  fails(() => two.get(2), 'value', 'there is no sample 2 among 2');
  if (synchronous) {
    const odd = numbers(7).filter((x) => x.itemSync() % 2 === 1);
    assert.equal(await collect(new DataLoader(odd, { batchSize: 2 })), [[1, 3], [5]]);
  }
  fails(() => data.transform(3 as never), 'value', 'takes a function');
  fails(() => data.take(-1), 'value', 'dataset.take: -1');
  fails(() => data.transformFirst(3 as never), 'value', 'dataset.transformFirst: 3');
  fails(() => data.filter(3 as never), 'value', 'dataset.filter: 3');
  const beyond = Int32Array.of(0, data.length);
  fails(() => data.batch(beyond, device.default()), 'value', 'there is no sample');
  fails(() => data.take(1).batch(Int32Array.of(1), device.default()), 'value', 'no sample 1');
  fails(() => drawDigits(-1), 'value', 'drawDigits: count is -1');
});

class Squares extends Dataset<[number, boolean]> {
  readonly length = 4;
  get(i: number): [number, boolean] {
    return [i * i, i % 2 === 0];
  }
}

test('datasets of your own: numbers become float32, booleans bool', async () => {
  const [x, even] = [...new DataLoader(new Squares(), { batchSize: 4 })][0]!;
  assert.equal([x.dtype, await x.array()], ['float32', [0, 1, 4, 9]]);
  assert.equal([even.dtype, await even.array()], ['bool', [true, false, true, false]]);
});

test('batchify of your own, also asynchronous, ahead of use and in order', async () => {
  let started = 0;
  const loader = new DataLoader(new Squares(), {
    batchSize: 1,
    prefetch: 2,
    batchify: async (samples) => {
      const mine = started++;
      await new Promise((resolve) => setTimeout(resolve, mine === 0 ? 20 : 1));
      return samples.map(([n]) => n);
    },
  });
  const seen: number[][] = [];
  for await (const batch of loader) {
    if (seen.length === 0) assert.ok(started >= 3, `${started} started`);
    seen.push(batch);
  }
  assert.equal(seen, [[0], [1], [4], [9]]);
  fails(() => [...loader], 'value', 'batchify returned a promise', '`for await`');
});

test('a batch that fails does so in its turn', async () => {
  class Broken extends Dataset<number> {
    readonly length = 3;
    get(i: number): number {
      if (i === 1) throw new Error('no sample 1');
      return i;
    }
  }
  const seen: number[] = [];
  let message = '';
  try {
    for await (const x of new DataLoader(new Broken(), { batchSize: 1, prefetch: 3 }))
      seen.push(await x.item());
  } catch (error) {
    message = (error as Error).message;
  }
  assert.equal([seen, message], [[0], 'no sample 1']);
});

test('a loop that is left early leaves the loader usable', async () => {
  const loader = new DataLoader(numbers(5), { batchSize: 2, prefetch: 1 });
  for await (const _ of loader) break;
  for (const _ of loader) break;
  assert.equal(await collect(loader), [[0, 1], [2, 3], [4]]);
});

test('samples that do not stack are errors', () => {
  fails(
    () => stackSamples([nd.zeros([2]), nd.zeros([3])]),
    'shape',
    'number 0 is f32[2], number 1 f32[3]',
    'batchify',
  );
  fails(() => stackSamples([nd.zeros([2]), 3] as nd.NDArray[]), 'shape', 'number 1 number');
  fails(() => stackSamples([[1, 2], [1]]), 'value', 'number 0 has 2 parts, number 1 has not');
  fails(() => stackSamples(['a' as never]), 'value', 'samples are of type string');
  fails(() => stackSamples([]), 'value', 'there are no samples');
});

test('wrong arguments are errors that say what to pass', () => {
  const data = numbers(5);
  fails(() => new ArrayDataset(), 'value', 'needs at least one array');
  fails(() => new ArrayDataset(nd.array(3)), 'shape', 'column 0: an array without axes');
  fails(() => new ArrayDataset(3 as never), 'value', 'column 0: 3 is not an array');
  fails(
    () => new ArrayDataset(nd.zeros([3, 2]), [1, 2]),
    'shape',
    'column 0 has 3 samples, column 1 has 2',
  );
  fails(() => data.get(5), 'value', 'there is no sample 5 among 5', 'from 0 to 4');
  fails(() => data.get(-1), 'value', 'there is no sample -1');
  const load =
    (options: object): (() => unknown) =>
    () =>
      new DataLoader(data, options as never);
  fails(load({}), 'option', 'DataLoader: batchSize is undefined', 'an integer ≥ 1');
  fails(load({ batchSize: 0 }), 'option', 'batchSize is 0');
  fails(load({ batch_size: 2 }), 'option', 'unknown option "batch_size"', '"batchSize"');
  fails(load({ batchSize: 2, lastBatch: 'drop' }), 'option', 'lastBatch is "drop"', '"discard"');
  fails(load({ batchSize: 9, lastBatch: 'discard' }), 'option', '5 samples fill no batch of 9');
  fails(load({ batchSize: 2, shuffle: true, seed: -1 }), 'value', 'the seed -1');
  fails(load({ batchSize: 2, shuffle: true, sampler: [0] }), 'option', 'sampler together with');
  fails(load({ batchSize: 2, prefetch: 0.5 }), 'option', 'prefetch is 0.5');
  fails(load({ batchSize: 2, sampler: 3 }), 'option', 'DataLoader: sampler is 3');
  fails(load({ batchSize: 2, batchify: 3 }), 'value', 'batchify: 3 is not a function');
  fails(
    () => new DataLoader([1, 2] as never, { batchSize: 1 }),
    'value',
    'not a Dataset',
    'new ArrayDataset',
  );
});

test.run();
