/** What lessons learn from: found in a folder, or made by rule and said aloud; texts as numbers. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as d2l from '../../src/frontend/d2l/index.ts';
import { dataFrom } from '../../src/frontend/gluon/data/index.ts';
import { nd, random } from '../../src/index.ts';
import { fails, rejects } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'tigon-d2l-'));
mkdirSync(join(folder, 'timemachine'));
mkdirSync(join(folder, 'airfoil'));
const book =
  'The Time Machine, by H. G. Wells [1898]\n\n\nI\n\nThe Time Traveller (for so it was)\n';
writeFileSync(join(folder, 'timemachine', 'timemachine.txt.gz'), gzipSync(book));
const row = (i: number): string => [i, 1 + (i % 2), i * i, 5 - i, 2 * i, -i].join('\t');
writeFileSync(
  join(folder, 'airfoil', 'airfoil_self_noise.dat'),
  Array.from({ length: 12 }, (_, i) => row(i)).join('\r\n'),
);

const before = { ...process.env };
process.env['TIGON_OFFLINE'] = '1';
process.env['XDG_CACHE_HOME'] = join(folder, 'cache');
delete process.env['TIGON_DATA'];
test.after(() => {
  dataFrom(undefined);
  process.env = before;
  rmSync(folder, { recursive: true });
});

/** What is warned of. */
const warnings = async (body: () => Promise<unknown>): Promise<string> => {
  const { write } = process.stderr;
  let text = '';
  process.stderr.write = (line: string | Uint8Array) => {
    text += String(line);
    return true;
  };
  try {
    await body();
  } finally {
    process.stderr.write = write;
  }
  return text;
};

test('where there is no data, something of the same shape stands in, and that is said once', async () => {
  const warned = await warnings(async () => {
    const {
      train,
      test: tests,
      source,
    } = await d2l.loadFashionMnist({ batchSize: 8, examples: 20 });
    assert.equal([train.length, tests.length, source], [3, 1, 'drawn']);
    for await (const [x, y] of tests)
      assert.equal([x.shape, x.dtype, y.shape, y.dtype], [[4, 1, 28, 28], 'float32', [4], 'int32']);
    const airfoil = await d2l.loadAirfoil({ batchSize: 10 });
    assert.equal(
      [airfoil.source, airfoil.features.shape, airfoil.loader.length],
      ['made', [1500, 5], 150],
    );
    const { source: text, corpus } = await d2l.loadCorpusTimeMachine({ unit: 'word' });
    assert.ok(text === 'made' && corpus.length > 10_000);
    await d2l.loadCorpusTimeMachine();
  });
  for (const title of ['Fashion-MNIST', 'Airfoil self-noise', 'The Time Machine'])
    assert.is(warned.split(`WARNING: ${title} cannot be had`).length, 2, warned);
  const required = { batchSize: 8, required: true };
  await rejects(() => d2l.loadFashionMnist(required), 'data', 'TIGON_OFFLINE forbids');
  await rejects(() => d2l.loadAirfoil(required), 'data', 'airfoil_self_noise.dat');
});

test('files are found where dataFrom says, compressed or not', async () => {
  dataFrom(folder);
  assert.equal(await d2l.readTimeMachine(), [
    'the time machine by h g wells',
    '',
    '',
    'i',
    '',
    'the time traveller for so it was',
  ]);
  const { corpus, vocab, source } = await d2l.loadCorpusTimeMachine({ unit: 'word', maxTokens: 9 });
  assert.is(source, 'folder');
  assert.equal(vocab.decode(corpus).join(' '), 'the time machine by h g wells i the');
  assert.equal(vocab.tokens.slice(0, 3), ['<unk>', 'the', 'time']);
  const { features, targets, loader } = await d2l.loadAirfoil({ batchSize: 4, examples: 8 });
  assert.equal([features.shape, targets.shape, loader.length], [[8, 5], [8], 2]);
  // over all twelve rows, of which eight were taken
  const first = features.arraySync() as number[][];
  assert.ok(Math.abs(first[0]![0]! - (0 - 5.5) / Math.sqrt(143 / 12)) < 1e-6);
  fails(() => dataFrom(3 as never), 'value', 'dataFrom: the place is 3');
});

test('vocabularies count, know what is reserved, and leave out what is rare', () => {
  const text = d2l.tokenize(['b a', 'c b'], 'word');
  const vocab = new d2l.Vocab(text, { minFrequency: 2, reserved: ['<pad>'] });
  assert.equal(vocab.tokens, ['<unk>', '<pad>', 'b']);
  assert.equal([...vocab.encode(['b', 'a', '<pad>'])], [2, 0, 1]);
  assert.equal(vocab.frequencies, [
    ['b', 2],
    ['a', 1],
    ['c', 1],
  ]);
  fails(() => vocab.decode([3]), 'value', 'there is no token 3', '0 to 2');
  fails(() => new d2l.Vocab([1 as never]), 'value', '1 is no token');
});

test('sequences: targets are one token later; consecutive rows go on, random ones cover the text', () => {
  const corpus = Int32Array.from({ length: 60 }, (_, i) => i);
  random.seed(3);
  for (const make of [d2l.seqDataIterConsecutive, d2l.seqDataIterRandom]) {
    const batches = make(corpus, { batchSize: 2, steps: 5 });
    for (let pass = 0; pass < 3; pass++) {
      let last: number[][] | undefined;
      const seen: number[] = [];
      let count = 0;
      for (const [x, y] of batches) {
        count++;
        assert.equal([x.shape, x.dtype], [[2, 5], 'int32']);
        assert.equal(y.arraySync(), x.add(1).arraySync());
        const rows = x.arraySync() as number[][];
        seen.push(...rows.flat());
        if (last !== undefined && make === d2l.seqDataIterConsecutive)
          assert.equal(
            rows.map((r) => r[0]),
            last.map((r) => r[4]! + 1),
          );
        last = rows;
      }
      assert.ok(count >= batches.length, `${count} batches`);
      assert.is(new Set(seen).size, seen.length, 'no token twice');
    }
  }
  fails(
    () => d2l.seqDataIterRandom(corpus, { batchSize: 12, steps: 5 }),
    'value',
    '60 tokens are too few for 12 sequences of 5',
  );
});

test('lines with noise, and batches of any arrays', async () => {
  const { features, targets } = d2l.syntheticRegression([2, -3], 4, 100, { noise: 0 });
  const w = nd.array([2, -3]);
  assert.ok(features.matmul(w).add(4).sub(targets).abs().max().itemSync() < 1e-5);
  const sizes: unknown[] = [];
  for await (const [x, y] of d2l.loadArray([features, targets], 40, false))
    sizes.push([x.shape, y.shape]);
  assert.equal(sizes, [
    [[40, 2], [40]],
    [[40, 2], [40]],
    [[20, 2], [20]],
  ]);
  fails(() => d2l.loadArray([3 as never], 4), 'value', 'no list of arrays');
  fails(() => d2l.syntheticRegression(nd.ones([2, 1]), 0, 3), 'value', 'shape [2, 1]');
  assert.equal(await d2l.fashionMnistLabels([0, 9]), ['t-shirt', 'ankle boot']);
});

test.run();
