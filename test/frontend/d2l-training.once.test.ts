/** How lessons train: loops that give the same compiled as imperatively, meters, language models. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as d2l from '../../src/frontend/d2l/index.ts';
import { SoftmaxCrossEntropyLoss } from '../../src/frontend/gluon/loss.ts';
import * as nn from '../../src/frontend/gluon/nn/index.ts';
import { assertAllClose } from '../../src/frontend/testing.ts';
import { autograd, nd, random, Trainer } from '../../src/index.ts';
import { fails, rejects } from './support.ts';

/** Two clouds of points, and which one each is of. */
const clouds = (count: number): [nd.NDArray, nd.NDArray] => {
  const y = nd.array(Int32Array.from({ length: count }, (_, i) => i % 2));
  const x = random.normal([count, 3]).add(y.astype('float32').mul(4).reshape([count, 1]));
  return [x, y];
};

test('training: curves that fall, the same for a compiled step, with a trainer as with a function', async () => {
  random.seed(7);
  const data = { train: [clouds(16), clouds(8)], test: [clouds(10)] };
  const made = (
    how: 'trainer' | 'function',
  ): { net: nn.HybridSequential; updater: d2l.Updater } => {
    random.seed(1);
    const net = new nn.HybridSequential(new nn.Dense(4, { activation: 'relu' }), new nn.Dense(2));
    net.initialize();
    const updater =
      how === 'trainer'
        ? new Trainer(net.parameters(), 'sgd', { learningRate: 0.1 })
        : (n: number) =>
            d2l.sgd(
              net.parameters().map((p) => p.data()),
              0.1,
              n,
            );
    return { net, updater };
  };
  const loss = new SoftmaxCrossEntropyLoss();
  const told: number[] = [];
  const run = async (how: 'trainer' | 'function', compiled: boolean): Promise<d2l.Training> => {
    const { net, updater } = made(how);
    const onProgress = ({ epoch }: d2l.EpochReport): void => void told.push(epoch);
    return d2l.train(net, data, { loss, updater, epochs: 3, compiled, show: false, onProgress });
  };
  const expected = await run('trainer', false);
  assert.equal(told, [1, 2, 3]);
  assert.ok(expected.loss < expected.epochs[0]!.loss);
  assert.is(expected.epochs[0]!.examples, 24);
  for (const [how, compiled] of [
    ['trainer', true],
    ['function', true],
  ] as const) {
    const actual = await run(how, compiled);
    await assertAllClose(
      actual.epochs.map((e) => e.loss),
      expected.epochs.map((e) => e.loss),
      { rtol: 1e-4 },
    );
    assert.is(actual.testAccuracy, expected.testAccuracy);
  }
  const { net } = made('trainer');
  const sizes: number[] = [];
  await d2l.trainEpoch(net, data.train, { loss, updater: (n) => void sizes.push(n) });
  assert.equal(sizes, [16, 16], 'in a short batch each example counts as in a whole one');
  await rejects(
    () => d2l.trainEpoch(net, data.train, { loss, updater: 3 as never }),
    'option',
    'updater is 3',
  );
  await rejects(
    () => d2l.trainEpoch(net, [[nd.ones([1, 3])]], { loss, updater: () => {} }),
    'value',
    'pairs [x, y]',
  );
});

test('accuracy counts where labels have the highest score', async () => {
  const scores = nd.array([
    [1, 3],
    [5, 2],
    [0, 1],
  ]);
  assert.is(await d2l.accuracy(scores, nd.array([1, 1, 1], { dtype: 'uint8' })), 2 / 3);
  assert.is(
    await d2l.evaluateAccuracy(
      (x) => x,
      [
        [scores, nd.array([1, 0, 1])],
        [scores, nd.zeros([3])],
      ],
    ),
    4 / 6,
  );
  await rejects(
    () => d2l.accuracy(scores, scores),
    'shape',
    'accuracy: scores [3, 2], labels [3, 2]',
  );
  await rejects(() => d2l.evaluateAccuracy((x) => x, []), 'value', 'no batches');
});

test('scratch: descent and clipping of all gradients together', async () => {
  const [a, b] = [nd.array([3]).attachGrad(), nd.array([4]).attachGrad()];
  autograd.record(() => a.square().add(b.square()).div(2).sum()).backward();
  d2l.gradClipping([a, b], 1);
  await assertAllClose(a.grad!, [0.6]);
  d2l.sgd([a, b], 1, 2);
  await assertAllClose(b, [3.6]);
  fails(() => d2l.sgd([nd.ones([1])], 1), 'gradient', 'attachGrad');
  fails(() => d2l.gradClipping([nd.ones([1])], 1), 'gradient', 'attachGrad');
  fails(() => d2l.sgd([a], 'x' as never), 'value', 'the learning rate is "x"');
});

test('meters add numbers, and arrays where they are', async () => {
  const sums = new d2l.Accumulator(3);
  sums.add(1, nd.array(2), 3);
  sums.add(1, 0.5, nd.array([4], { dtype: 'int32' }));
  assert.equal(await sums.values(), [2, 2.5, 7]);
  fails(() => sums.add(1, 2), 'value', '2 values for 3 sums');
  fails(() => sums.add(1, 2, nd.ones([2])), 'value', 'is not one value');
  sums.reset();
  assert.equal(await sums.values(), [0, 0, 0]);
});

test('a language model learns what follows what, and says it', async () => {
  const vocab = new d2l.Vocab([...'abc']);
  const corpus = vocab.encode([...'abcabcabcabcabcabcabcabcabcabc']);
  const batches = d2l.seqDataIterConsecutive(corpus, { batchSize: 2, steps: 4 });
  const run = async (compiled: boolean): Promise<[number[], string]> => {
    random.seed(2);
    const w = random.normal([vocab.size, vocab.size], 0, 0.1).attachGrad();
    const model: d2l.LanguageModel = {
      // the state counts tokens: it has to come back
      run: (x, [count]) => [w.take(x.T.reshape([-1])), [count!.add(x.shape[1]!)]],
      beginState: (n) => [nd.zeros([n])],
      parameters: () => [w],
    };
    const updater = (n: number): void => d2l.sgd([w], 2, n);
    const { epochs } = await d2l.trainRnn(model, batches, {
      epochs: 8,
      updater,
      compiled,
      show: false,
    });
    return [epochs.map((e) => e.perplexity), await d2l.predictText('ab', 5, model, vocab)];
  };
  const [expected, said] = await run(false);
  assert.ok(expected[0]! < 4 && expected.at(-1)! < 2, `${expected}`);
  assert.is(said, 'abcabca');
  const [actual, alike] = await run(true);
  await assertAllClose(actual, expected, { rtol: 1e-4 });
  assert.is(alike, said);
  await rejects(
    () => d2l.trainRnn({} as never, batches, { epochs: 1, updater: () => {} }),
    'value',
    'run of the model',
  );
});

test.run();
