/**
 * The page whose size is measured first: it loads what it names, and does what it says.
 *
 * Invariant: the scripts that run are the ones measured; where there is no Chromium, only what they hold is tested.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { device } from 'tigon/web';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { testInChromium } from './chromium.ts';
import { type Trained, train } from './mlp.ts';
import { assertClose } from './pages.ts';
import { visit } from './visit.ts';

const STEPS = 60;
/** Of losses, between WebGPU and the CPU. */
const TOLERANCE = 1e-4;

const tool = fileURLToPath(new URL('../../tools/size.mjs', import.meta.url));
const scripts = new Map<string, string>();

test('what the page does not name is not in it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tigon-mlp-'));
  try {
    execFileSync(process.execPath, [tool, '--scripts', folder]);
    for (const name of readdirSync(folder))
      scripts.set(`/${name}`, readFileSync(join(folder, name), 'utf8'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const all = [...scripts.values()].join('\n');
  assert.ok(all.includes('logSoftmax'), 'names of functions are to be found');
  for (const name of [
    'scaledDotProductAttention',
    'attentionGradQuery',
    'rows stay',
    'convolution',
    'convGradInput',
    'maxPool',
    'poolSelect',
    'windowSum',
    'batchNorm',
    'embedding',
    'dropout',
    'linspace',
  ])
    assert.not.ok(all.includes(name), `it carries ${name}`);
});

let expected: Trained;

test('the net learns, on the CPU in Node', async () => {
  device.setDefault(await device.cpu());
  expected = await train(STEPS);
  assert.ok(expected.losses.at(-1)! < 0.1, `${expected.losses}`);
  assert.is(expected.accuracy, 1);
});

testInChromium('on WebGPU the page has the losses of the CPU', async () => {
  const body = '<script type="module" src="/mlp-page.js"></script>';
  const posted = await visit({ body, script: scripts, isolated: false, webgpu: true });
  const { error, device: place, losses, accuracy } = posted as Trained & Record<string, unknown>;
  assert.is(error, undefined);
  assert.is(place, 'webgpu(0)');
  assertClose(losses, expected.losses, 'losses', TOLERANCE);
  assert.is(accuracy, 1);
});

test.run();
