/**
 * WebGPU in a page that nobody looks at: training goes on behind another tab and after the page was frozen, with the
 * losses it has in front; what is saved when the page is hidden survives the loss of the device.
 *
 * Invariant: one page and one browser for all tests, in their order; where there is no Chromium they are skipped.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Browser, chromium, openBrowser, testInChromium } from './chromium.ts';
import { devtoolsOf, type Page, pageAt, type Send } from './devtools.ts';
import { bundle } from './pages.ts';
import { type PageServer, servePage } from './server.ts';

/** For one thing that is waited for. */
const LIMIT_MS = 60_000;
/** Before and after the page is frozen. */
const STEPS = 20;
const FROZEN_MS = 300;

interface State {
  readonly losses: readonly number[];
  readonly saved?: { readonly step: number; readonly hidden: boolean };
  readonly done: boolean;
  readonly error?: string;
  readonly visible: string;
  readonly clocks: readonly string[];
}

let server: PageServer;
let browser: Browser;
let send: Send;
let page: Page;
/** Losses of steps that nobody looked at. */
let unseen: readonly number[];

const state = (): Promise<State> => page.evaluate('page.state()');

/** The state, once it is as wanted. */
const until = async (wanted: (state: State) => boolean): Promise<State> => {
  const end = performance.now() + LIMIT_MS;
  for (;;) {
    const now = await state();
    if (wanted(now)) return now;
    if (performance.now() > end) throw new Error(`still ${JSON.stringify(now)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

test.before(async () => {
  if (chromium === undefined) return;
  const html = '<!doctype html><link rel="icon" href="data:,"><script src="/page.js"></script>';
  const script = await bundle('webgpu-hidden-page.ts', 'iife');
  server = await servePage(
    new Map([
      ['/', html],
      ['/page.js', script],
    ]),
    false,
  );
  browser = openBrowser(chromium, server.address, true, true);
  send = devtoolsOf(browser);
  page = await pageAt(send, server.address);
  while (!(await page.evaluate('typeof page === "object"'))) await undefined;
});

test.after(async () => {
  await browser?.close();
  server?.close();
});

testInChromium(
  'behind another tab, frozen and awake again, it goes on and asks no clock',
  async () => {
    await page.evaluate('page.start(Infinity)');
    await until((s) => s.losses.length > 0);
    await page.hide();
    await until((s) => s.visible === 'hidden');
    await page.evaluate('page.forget()');
    const further = async (): Promise<State> => {
      const { length } = (await state()).losses;
      return until((s) => s.losses.length >= length + STEPS || s.done);
    };
    await further();
    await page.setLife('frozen');
    await new Promise((resolve) => setTimeout(resolve, FROZEN_MS));
    await page.setLife('active');
    await further();
    await page.evaluate('page.stop()');
    const { losses, saved, error } = await until((s) => s.done);
    assert.is(error, undefined);
    assert.ok(saved!.step > 0 && saved!.step < losses.length, `saved after ${saved!.step} steps`);
    assert.is(await page.evaluate('page.collected()'), 7, 'rounds of a collection');
    assert.is(await page.evaluate('page.uploaded()'), 1_500_000);
    assert.equal((await state()).clocks, []);
    unseen = losses;
  },
);

testInChromium('in front, losses are the same', async () => {
  await page.show();
  await page.evaluate(`page.start(${unseen.length})`);
  const { losses, visible } = await until((s) => s.done);
  assert.is(visible, 'visible');
  assert.equal(losses, unseen);
  assert.ok(losses.at(-1)! < losses[0]!, `${losses[0]}, then ${losses.at(-1)}`);
});

testInChromium('a driver that dies while the page is hidden: what was saved goes on', async () => {
  await page.evaluate('page.start(Infinity)');
  await until((s) => s.losses.length > 0);
  await page.hide();
  const { saved } = await until((s) => s.saved !== undefined && s.losses.length > s.saved.step);
  await send('Browser.crashGpuProcess');
  const lost = await until((s) => s.done);
  assert.is(lost.visible, 'hidden');
  assert.match(lost.error!, /^webgpu\(0\) was lost: /);
  assert.match(lost.error!, /help: its arrays are gone: `await device\.webgpu\(\)` opens it again/);
  assert.is(await page.evaluate('page.old()'), `DeviceError: ${lost.error}`);
  await page.evaluate(`page.again(${STEPS})`);
  const { losses, error } = await until((s) => s.done);
  assert.is(error, undefined);
  const known = lost.losses.slice(saved!.step, saved!.step + STEPS);
  assert.ok(known.length > 0);
  assert.equal(losses.slice(0, known.length), known);
});

test.run();
