/**
 * The package as Node loads it: one script, and the code that V8 made of it, kept from process to process.
 *
 * Invariant: nothing under `src` is loaded by the programs; the package is built into a folder of the test's own, and so is
 * what is kept.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = fs.mkdtempSync(join(tmpdir(), 'tigon-load-'));
fs.copyFileSync(join(root, 'package.json'), join(folder, 'package.json'));
fs.symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
execFileSync(process.execPath, [join(root, 'tools/bundle.mjs'), folder]);
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));

const { exports } = JSON.parse(fs.readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
};
const subpaths = Object.keys(exports).filter((name) => name !== './package.json');

const cache = join(folder, 'cache');
const kept = (): string[] => {
  const code = join(cache, 'code');
  return fs.existsSync(code) ? fs.readdirSync(code).map((name) => join(code, name)) : [];
};
const forgetKept = (): void => fs.rmSync(cache, { recursive: true, force: true });

let programs = 0;

interface Options {
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly ending?: string;
}

/** What a program prints, as data. */
const run = (text: string, { flags = [], env = {}, ending = 'mjs' }: Options = {}): unknown => {
  const file = join(folder, `program-${programs++}.${ending}`);
  fs.writeFileSync(file, text);
  const { NODE_V8_COVERAGE: _, NODE_OPTIONS: _options, ...clean } = process.env;
  const output = execFileSync(process.execPath, [...flags, file], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...clean, TIGON_CACHE: cache, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return JSON.parse(output);
};

/** A step of training, and whether its process used kept code. */
const STEP = `
import { autograd, hybridize, nd, Trainer } from 'tigon';
import * as nn from 'tigon/nn';
const net = new nn.Dense(2, { inUnits: 3 });
net.initialize();
net.weight.setData(nd.array([1, 2, 3, 4, 5, 6], { shape: [2, 3] }));
const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: 0.1 });
const step = hybridize((x) => {
  const loss = autograd.record(() => net(x).tanh().square().sum());
  loss.backward();
  trainer.step(4);
  return loss;
});
const losses = [await step(nd.ones([4, 3])).item(), await step(nd.ones([4, 3])).item()];
const isScript = !process.execArgv.includes('--no-addons');
const usesKept = isScript ? (await import('./dist/node/load.js')).usesKept : undefined;
console.log(JSON.stringify({ losses, usesKept }));
`;

test('every entry has the names that its module has, and classes have their own', () => {
  const text = `
const found = {};
for (const name of ${JSON.stringify(subpaths)}) {
  const all = await import('tigon' + name.slice(1));
  found[name] = Object.keys(all).map((key) => {
    const isClass = typeof all[key] === 'function' && /^class\\b/.test(Function.prototype.toString.call(all[key]));
    return isClass ? key + ': class ' + all[key].name : key + ': ' + typeof all[key];
  });
}
console.log(JSON.stringify(found));`;
  const script = run(text) as Record<string, string[]>;
  assert.equal(script, run(text, { flags: ['--no-addons'] }));
  const aliases = new Set([
    'Function: class CustomFunction',
    'Concurrent: class Concatenate',
    'HybridConcurrent: class HybridConcatenate',
    'HybridRecurrentCell: class RecurrentCell',
    'HybridSequentialRNNCell: class SequentialRNNCell',
    'SigmoidBCELoss: class SigmoidBinaryCrossEntropyLoss',
    'SoftmaxCELoss: class SoftmaxCrossEntropyLoss',
    'He: class Kaiming',
  ]);
  const wrong = Object.values(script)
    .flat()
    .filter((line) => line.includes(': class ') && !/^(\w+): class \1$/.test(line))
    .filter((line) => !aliases.has(line));
  assert.equal(wrong, []);
  assert.ok(script['.']!.includes('Trainer: class Trainer'));
});

test('one process keeps the code that the next one uses, and both compute the same as modules do', () => {
  forgetKept();
  const { losses } = run(STEP, { flags: ['--no-addons'] }) as { losses: number[] };
  assert.equal(kept(), [], 'modules keep no code');
  assert.equal(run(STEP), { losses, usesKept: false });
  assert.is(kept().length, 1);
  const first = fs.readFileSync(kept()[0]!);
  assert.equal(run(STEP), { losses, usesKept: true });
  assert.equal(fs.readFileSync(kept()[0]!), first, 'nothing to add, nothing written');
});

test('what a short process kept grows by what a longer one ran', () => {
  forgetKept();
  run(`import 'tigon'; console.log(0);`);
  const short = fs.statSync(kept()[0]!).size;
  run(`${STEP}\nawait new Promise((end) => setTimeout(end, 600));`);
  assert.ok(fs.statSync(kept()[0]!).size > 1.2 * short);
});

test('kept code that is damaged or of something else is not used, and replaced', () => {
  const { losses } = run(STEP) as { losses: number[] };
  const [path] = kept();
  const whole = fs.readFileSync(path!);
  const flipped = Buffer.from(whole);
  flipped[whole.length >> 1]! ^= 1;
  for (const damaged of [flipped, whole.subarray(0, 1000), Buffer.alloc(0)]) {
    fs.writeFileSync(path!, damaged);
    assert.equal(run(STEP), { losses, usesKept: false });
    assert.equal(run(STEP), { losses, usesKept: true });
  }
  // sound to us, not to V8
  const other = `
import vm from 'node:vm';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
const code = new vm.Script('1 + 1').createCachedData();
const digest = createHash('sha256').update(code).digest();
fs.writeFileSync(${JSON.stringify(path)}, Buffer.concat([Buffer.from('TIGON CACHE 1\\n'), digest, code]));
console.log(0);`;
  run(other);
  assert.equal(run(STEP), { losses, usesKept: false });
  assert.equal(run(STEP), { losses, usesKept: true });
});

test("code is kept for V8's flags, and nowhere where it may not be", () => {
  run(STEP);
  const usesKept = (options: Options): boolean =>
    (run(STEP, options) as { usesKept: boolean }).usesKept;
  const flags = ['--no-opt'];
  assert.not(usesKept({ flags }));
  assert.ok(usesKept({ flags }));
  assert.is(kept().length, 2);
  assert.ok(usesKept({}), 'that of the usual flags is still there');
  assert.not(usesKept({ env: { TIGON_CACHE: 'off' } }));
  const coverage = join(folder, 'coverage');
  assert.not(usesKept({ env: { NODE_V8_COVERAGE: coverage } }));
  const program = `import v8 from 'node:v8'; import 'tigon'; v8.setFlagsFromString('--no-opt'); console.log(1);`;
  forgetKept();
  run(program);
  assert.equal(kept(), [], 'of flags that changed while it ran');
});

test('a folder that anyone may write to is left alone', () => {
  if (process.platform === 'win32') return;
  run(STEP);
  const code = join(cache, 'code');
  fs.chmodSync(code, 0o777);
  const before = kept().length;
  assert.not((run(STEP) as { usesKept: boolean }).usesKept);
  assert.is(kept().length, before);
  fs.chmodSync(code, 0o755);
  assert.ok((run(STEP) as { usesKept: boolean }).usesKept);
});

test('asking for the collector leaves the flags what they were', () => {
  forgetKept();
  const program = `
import v8 from 'node:v8';
import { nd } from 'tigon';
const before = v8.cachedDataVersionTag();
// memory of arrays that nobody reaches is only found by it, in a loop that never waits
for (let i = 0; i < 600; i++) nd.ones([1024, 1024]);
console.log(JSON.stringify(process.memoryUsage().rss < 1.5e9 && v8.cachedDataVersionTag() === before));`;
  assert.is(run(program), true);
  assert.is(kept().length, 1);
});

test("errors name the user's line and class", () => {
  const program = `import { nd } from 'tigon';
import * as nn from 'tigon/nn';
const messages = [];
const told = (f) => { try { f(); } catch (error) { messages.push(error.message); } };
told(() => nd.ones([2, 3]).dot(nd.ones([2, 3])));
const net = new nn.HybridSequential(new nn.Dense(2, { inUnits: 5 }));
net.initialize();
told(() => net(nd.ones([2, 3])));
console.log(JSON.stringify(messages));`;
  const [product, block] = run(program) as string[];
  assert.match(product!, /program-\d+\.mjs:5:\d+/);
  assert.match(block!, /program-\d+\.mjs:8:\d+/);
  assert.match(block!, /in HybridSequential › 0 \(Dense\)/);
});

test('require and import give the same module', () => {
  const program = `
const { nd } = require('tigon');
import('tigon').then((tigon) => console.log(JSON.stringify([tigon.nd === nd, nd.ones([2]) instanceof require('tigon/nd').NDArray])));`;
  assert.equal(run(program, { ending: 'cjs' }), [true, true]);
});

test('other packages are found from the script, at once and when they are needed', () => {
  const program = `
import { decode, encode } from 'tigon/io/npz';
import { parseGraph, printGraph } from 'tigon/ir';
import { dotToSvg } from 'tigon/viz';
const { bytes } = decode(encode([['a', { dtype: 'uint8', shape: [2], bytes: new Uint8Array([1, 2]) }]], { compress: true })).get('a');
const graph = 'graph g(%x: f32[2]) {\\n  %y = neg %x\\n  return %y\\n}';
console.log(JSON.stringify([[...bytes], printGraph(parseGraph(graph)).length > 0, (await dotToSvg('digraph { a -> b }')).includes('<svg')]));`;
  assert.equal(run(program), [[1, 2], true, true]);
});

test('a worker thread computes, and leaves keeping to the main one', () => {
  forgetKept();
  const program = `
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
if (isMainThread) {
  new Worker(fileURLToPath(import.meta.url)).on('message', (sum) => console.log(JSON.stringify(sum)));
} else {
  const { nd } = await import('tigon');
  parentPort.postMessage(await nd.array([1, 2, 3]).sum().item());
}`;
  assert.is(run(program), 6);
  assert.equal(kept(), []);
});

test('in a context of its own, values are of that context', () => {
  // as test runners do it: modules linked by hand, with globals of another realm
  const program = `
import fs from 'node:fs';
import vm from 'node:vm';
const { console: _, ...globals } = Object.getOwnPropertyDescriptors({ console, process, performance, setTimeout, clearTimeout, setImmediate, queueMicrotask, URL, Buffer, TextEncoder, TextDecoder, structuredClone, AbortController });
const context = vm.createContext(Object.defineProperties({}, { ...globals, console: { value: console } }));
const linked = new Map();
const link = async (specifier, from) => {
  if (specifier.startsWith('node:')) {
    const builtin = await import(specifier);
    return new vm.SyntheticModule(Object.keys(builtin), function () {
      for (const key of Object.keys(builtin)) this.setExport(key, builtin[key]);
    }, { context });
  }
  const url = new URL(specifier, from.identifier).href;
  if (!linked.has(url)) linked.set(url, load(url));
  return linked.get(url);
};
const load = (url) => new vm.SourceTextModule(fs.readFileSync(new URL(url), 'utf8'), {
  context, identifier: url, initializeImportMeta: (meta) => { meta.url = url; },
});
const entry = load(new URL('./dist/node/index.js', import.meta.url).href);
await entry.link(link);
await entry.evaluate();
const { nd } = entry.namespace;
const values = await nd.array([1, 2]).add(1).data();
const of = vm.runInContext('Float32Array', context);
console.log(JSON.stringify([[...values], values instanceof of]));`;
  const flags = ['--experimental-vm-modules', '--no-warnings'];
  assert.equal(run(program, { flags }), [[2, 3], true]);
});

test.run();
