/**
 * The example page, as a visitor uses it: built, served, opened, trained in.
 *
 * Invariant: where no Chromium is installed the page is still built and served; visits are skipped, and the reason is
 * printed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Page, chromium as playwright } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { buildSite } from '../../examples/browser/build.ts';
import { serveSite } from '../../examples/browser/serve.ts';
import { chromium, testInChromium } from './chromium.ts';

/** For one visit, training included. */
const LIMIT_MS = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'tigon-example-'));
const site = join(folder, 'site');
test.before(() => buildSite(site));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Serves the page, opens it in a browser of its own, and closes both. */
const visit = async (isolated: boolean, use: (page: Page) => Promise<void>): Promise<void> => {
  const { address, server } = await serveSite(site, { port: 0, isolated });
  const context = await playwright.launchPersistentContext(mkdtempSync(join(folder, 'profile-')), {
    executablePath: chromium!,
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    viewport: { width: 390, height: 800 },
  });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(LIMIT_MS);
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error.stack)));
    await page.goto(address);
    await page.waitForSelector('#start:enabled');
    await use(page);
    assert.equal(errors, []);
  } finally {
    await context.close();
    server.close();
    server.closeAllConnections();
  }
};

/** Keeps what the page shows as the loss in `shown`. */
const WATCH = `
var shown = [];
new MutationObserver(([change]) => shown.push(change.target.textContent))
  .observe(document.getElementById('loss'), { childList: true });
`;

type Choice = Readonly<Record<'device' | 'mode' | 'place', string>>;

/** Trains on drawn digits: the losses that were shown, and the log. */
const train = async (page: Page, choice: Choice): Promise<{ losses: number[]; log: string }> => {
  for (const [name, value] of Object.entries({ ...choice, data: 'drawn' }))
    await page.check(`input[name=${name}][value=${value}]`);
  await page.selectOption('select[name=images]', '3000');
  await page.evaluate(WATCH);
  await page.focus('#start');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#start:disabled');
  await page.waitForSelector('#start:enabled');
  const losses = (await page.evaluate('shown')) as string[];
  return {
    losses: losses.map(Number).filter((l) => !Number.isNaN(l)),
    log: (await page.textContent('#log'))!,
  };
};

const assertLearns = ({ losses, log }: { losses: number[]; log: string }): void => {
  assert.ok(losses.length >= 2, `${losses}`);
  assert.ok(losses.at(-1)! < 0.6 * losses[0]!, `the loss falls: ${losses}`);
  const right = Number(/epoch 1: ([\d.]+) % of the test images right/.exec(log)?.[1]);
  assert.ok(right > 60, log);
};

test('it is a static site, with the headers that allow threads or without', async () => {
  for (const isolated of [true, false]) {
    const { address, server } = await serveSite(site, { port: 0, isolated });
    const answer = await fetch(address);
    assert.is(answer.status, 200);
    assert.match(await answer.text(), /<title>Tigon/);
    assert.is(answer.headers.has('cross-origin-embedder-policy'), isolated);
    for (const path of ['nothing.js', '.git', '%2e%2e/package.json'])
      assert.is((await fetch(`${address}${path}`)).status, 404, path);
    server.close();
    server.closeAllConnections();
  }
});

testInChromium('isolated, in a worker, the step compiled: the loss falls', () =>
  visit(true, async (page) => {
    const seen = await train(page, { device: 'cpu', mode: 'step', place: 'worker' });
    assertLearns(seen);
    assert.match(seen.log, /training on cpu\(\)/);
    assert.not.match(seen.log, /one thread:/);
  }),
);

testInChromium(
  'not isolated, on the main thread, imperatively, no adapter: it says so and learns',
  () =>
    visit(false, async (page) => {
      assert.ok(await page.isDisabled('#webgpu'));
      assert.match((await page.textContent('#why'))!, /driver|WebGPU/);
      const seen = await train(page, { device: 'best', mode: 'imperative', place: 'main' });
      assertLearns(seen);
      assert.match(seen.log, /device\.best\(\) is cpu\(\):/);
      assert.match(seen.log, /training on cpu\(\), one thread/);
    }),
);

test.run();
