import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { drawDigits } from '../src/frontend/gluon/data/index.ts';
import { buildProgram } from './support/built.ts';
import { SOURCE } from './support/node.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tigon-examples-'));
test.after(() => rmSync(folder, { recursive: true }));

const idx = (shape: readonly number[], data: Uint8Array): Buffer => {
  const head = Buffer.alloc(4 + 4 * shape.length);
  head.writeUInt32BE(0x800 + shape.length);
  shape.forEach((d, i) => {
    head.writeUInt32BE(d, 4 + 4 * i);
  });
  return gzipSync(Buffer.concat([head, data]));
};
mkdirSync(join(folder, 'mnist'));
for (const [part, count, seed] of [
  ['train', 2048, 1],
  ['t10k', 500, 2],
] as const) {
  const { images, labels } = drawDigits(count, seed);
  writeFileSync(
    join(folder, 'mnist', `${part}-images-idx3-ubyte.gz`),
    idx([count, 28, 28], images),
  );
  writeFileSync(join(folder, 'mnist', `${part}-labels-idx1-ubyte.gz`), idx([count], labels));
}

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const node = (...args: readonly string[]): Ended => {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, TIGON_DATA: folder },
  });
  return { code: status, out: stdout, err: stderr };
};

const run = (example: string, ...flags: readonly string[]): Ended =>
  node(...SOURCE, join(root, 'examples', example), ...flags);

const mnist = await buildProgram('examples/mnist.ts');
test.after(mnist.remove);

test("the README's program is examples/api.ts, and it runs", () => {
  const code = readFileSync(join(root, 'examples/api.ts'), 'utf8');
  assert.ok(readFileSync(join(root, 'README.md'), 'utf8').includes(code));
  const saved = join(root, 'lenet.safetensors');
  const before = existsSync(saved);
  const { code: status, out, err } = run('api.ts');
  if (!before) rmSync(saved, { force: true });
  assert.is(status, 0, err);
  const accuracy = Number(/\[ 'accuracy', ([\d.]+) \]/.exec(out)?.[1]);
  assert.ok(accuracy > 0.5, out);
});

test('MNIST three ways: the losses agree, and the table says what each costs', () => {
  const { code, out, err } = run('mnist.ts', '--batch', '64', '--epochs', '2', '--seed', '3');
  assert.is(code, 0, `${out}${err}`);
  for (const mode of ['imperative', 'hybridized net', 'hybridized step']) {
    const row = new RegExp(
      `^${mode} +[\\d.]+ ms +[\\d.]+ s +\\d+ ms +\\d+ +(-|[\\d.]+ MB) +([\\d.]+) %$`,
      'm',
    );
    const accuracy = Number(row.exec(out)?.[2]);
    assert.ok(accuracy > 80, out);
    assert.match(err, `${mode}: epoch 1, step 32 of 32, loss`);
  }
  assert.match(out, 'Losses of the first 20 steps: equal in the three modes');
  assert.match(out, /As one program, the step is \d+ kernels that move [\d.]+ MB/);
});

test('its flags: help, and kind answers to wrong ones', () => {
  const help = node(mnist.path, '--help');
  assert.is(help.code, 0);
  for (const flag of ['--epochs', '--batch', '--lr', '--seed', '--quick', '--device'])
    assert.match(help.out, flag);
  const cases: [string[], string][] = [
    [['--epoch', '2'], 'unknown option --epoch; did you mean --epochs?'],
    [['--epochs', '0'], '--epochs is "0": it must be an integer ≥ 1'],
    [['--lr', 'fast'], '--lr is "fast": it must be a number > 0'],
    [['--device', 'tpu'], '--device is "tpu": it must be cpu'],
    [['--batch'], 'argument missing'],
    [['more'], "Unexpected argument 'more'"],
  ];
  for (const [flags, message] of cases) {
    const { code, err } = node(mnist.path, ...flags);
    assert.is(code, 2, flags.join(' '));
    assert.ok(err.includes(message), err);
  }
});

test.run();
