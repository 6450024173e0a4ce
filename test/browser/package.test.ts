/**
 * The package as it is published, in an application that a bundler puts together.
 *
 * Invariant: nothing under `src` is loaded; the package is built into a folder of the test's own.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { testInChromium } from './chromium.ts';
import { visit } from './visit.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Of the minified application, compressed: what a page loads before it can train. */
const MOST_BYTES = 247_000;

const APPLICATION = `
import { autograd, HybridBlock, hybridize, random, Trainer } from 'tigon';
import * as nd from 'tigon/nd';
import * as nn from 'tigon/nn';
import { SoftmaxCrossEntropyLoss } from 'tigon/loss';

class Net extends HybridBlock {
  hidden = new nn.Dense(8, { activation: 'relu' });
  output = new nn.Dense(3);
  forward(x) { return this.output(this.hidden(x)); }
}
const train = async (compiled) => {
  random.seed(3);
  const net = new Net();
  net.initialize({ init: 'xavier' });
  const loss = new SoftmaxCrossEntropyLoss();
  const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: 0.5 });
  const x = random.normal([6, 4]);
  const y = nd.array([0, 1, 2, 0, 1, 2]);
  const plain = () => {
    const l = autograd.record(() => loss(net(x), y));
    l.backward();
    trainer.step(6);
    return l.mean();
  };
  const step = compiled ? hybridize(plain) : plain;
  const losses = [];
  for (let i = 0; i < 4; i++) losses.push(await step().item());
  return losses;
};
const post = (result) => fetch('/result', { method: 'POST', body: JSON.stringify(result) });
onerror = (event) => void post({ error: String(event) });
const deviation = () => nd.array([1, 3]).std().array();
(async () => post({ plain: await train(false), compiled: await train(true), deviation: await deviation() }))()
  .catch((error) => post({ error: String(error.stack) }));
`;

/** Three visits: the second one finds what the first has compiled, the third one finds it damaged. */
const VISITS = `
import { hybridize, nd } from 'tigon';
import * as cache from 'tigon/cache';

const settled = (request) => new Promise((done, failed) => {
  request.onsuccess = () => done(request.result);
  request.onerror = () => failed(request.error);
});
const rows = async (mode) => {
  const database = await settled(indexedDB.open('tigon'));
  return database.transaction('programs', mode).objectStore('programs');
};
const damage = async () => {
  for (const row of await settled((await rows('readonly')).getAll())) {
    row.value.code.bytes[row.value.code.bytes.length >> 1] ^= 1;
    await settled((await rows('readwrite')).put(row));
  }
};
const post = (result) => fetch('/result', { method: 'POST', body: JSON.stringify(result) });
const visit = async () => {
  const before = JSON.parse(sessionStorage.getItem('visits') ?? '[]');
  await cache.open();
  const f = hybridize((x) => x.dot(x).tanh().sum());
  const value = await f(nd.ones([64, 64])).item();
  const visits = [...before, { value, ...cache.report() }];
  if (visits.length === 2) await damage();
  if (visits.length === 3) {
    await cache.clear();
    return post({ visits, left: await settled((await rows('readonly')).count()) });
  }
  sessionStorage.setItem('visits', JSON.stringify(visits));
  // requests are served in order: what was put in before is there
  await settled((await rows('readonly')).count());
  location.reload();
};
visit().catch((error) => post({ error: String(error.stack) }));
`;

let script = '';
let visits = '';

test('a bundler finds the browser half, warns of nothing and keeps what has effects', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tigon-package-'));
  try {
    copyFileSync(join(root, 'package.json'), join(folder, 'package.json'));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
    execFileSync(process.execPath, [join(root, 'tools/bundle.mjs'), folder]);
    const bundled = async (contents: string): Promise<string> => {
      const { outputFiles, warnings } = await build({
        stdin: { contents, resolveDir: folder },
        bundle: true,
        write: false,
        minify: true,
        format: 'esm',
        platform: 'browser',
        target: 'es2022',
        external: ['@hpcc-js/wasm-graphviz'],
        logLevel: 'silent',
      });
      assert.equal(
        warnings.map((w) => w.text),
        [],
      );
      return outputFiles[0]!.text;
    };
    script = await bundled(APPLICATION);
    visits = await bundled(VISITS);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  for (const [what, mark] of [
    ['reports', 'least possible'],
    ['verifiers', 'loop kernel '],
    ['devices that it does not name', 'requestAdapter'],
    ['the text parser', 'chevrotain'],
    ['the cache that it does not open', 'indexedDB'],
    ['functions that it does not name', 'scaledDotProductAttention'],
  ] as const)
    assert.not.ok(script.includes(mark), `it carries ${what}`);
  const bytes = gzipSync(script).length;
  assert.ok(bytes < MOST_BYTES, `${bytes} bytes, compressed`);
});

testInChromium('an application trains, as it is written and compiled', async () => {
  const body = '<script type="module" src="/page.js"></script>';
  const posted = (await visit({ body, script, isolated: true })) as Record<
    'plain' | 'compiled',
    number[]
  > & { readonly deviation: number };
  assert.is((posted as { error?: string }).error, undefined);
  const { plain, compiled } = posted;
  assert.is(posted.deviation, 1, 'a method that tigon brings and tigon/web does not');
  assert.ok(plain[3]! < 0.8 * plain[0]!, `it learns: ${plain}`);
  compiled.forEach((value, i) => {
    assert.ok(Math.abs(value - plain[i]!) <= 1e-6, `${compiled} against ${plain}`);
  });
});

testInChromium(
  'compiled programs are there in the next visit; damaged ones are compiled',
  async () => {
    const body = '<script type="module" src="/page.js"></script>';
    interface Visited {
      readonly value: number;
      readonly place: string;
      readonly found: number;
      readonly kept: number;
    }
    const posted = (await visit({ body, script: visits, isolated: true })) as {
      readonly visits: readonly Visited[];
      readonly left: number;
    };
    assert.is((posted as { error?: string }).error, undefined);
    const [first, second, third] = posted.visits;
    assert.is(first!.found, 0);
    assert.ok(first!.kept > 0);
    assert.match(first!.place, 'IndexedDB');
    assert.ok(second!.found > 0);
    assert.is(second!.kept, 0);
    assert.is(third!.found, 0);
    assert.is(third!.kept, first!.kept);
    for (const { value } of posted.visits) assert.is(value, first!.value);
    assert.is(posted.left, 0);
  },
);

test.run();
