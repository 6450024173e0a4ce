/**
 * `npm run lessons:site`: the built site in headless Chromium, as a reader uses it.
 *
 * Invariant: no page writes an error to the console or asks another host for anything; the last line is always
 * `N passed, N failed`. `--shots FOLDER` keeps pictures of what was seen.
 */
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Browser, chromium, type Page } from 'playwright-core';
import { findChromium } from '../../test/machine/browser.ts';
import { accessibility } from './accessibility.ts';
import { buildSite, SITE } from './build.ts';
import { serveSite } from './serve.ts';

/** Of the site, on this machine's own server. */
const MOST_MS = 2000;
const VISITS = 4;
/** All JavaScript that a lesson loads before its editor, compressed. */
const MOST_BYTES = 600 * 1024;

const WEBGPU = [
  '--enable-unsafe-webgpu',
  '--enable-features=Vulkan',
  '--use-vulkan=swiftshader',
  '--use-angle=swiftshader',
  '--ignore-gpu-blocklist',
];

interface Visit {
  readonly page: Page;
  /** Compressed bytes of scripts so far. */
  readonly bytes: () => number;
  readonly complaints: readonly string[];
}

const counts = { passed: 0, failed: 0 };

const expect = (holds: boolean, message: string): void => {
  if (!holds) throw new Error(message);
};

const main = async (): Promise<void> => {
  const { values } = parseArgs({ options: { shots: { type: 'string' } } });
  const executablePath = findChromium();
  if (executablePath === undefined) {
    console.log('skipped: no Chromium on the path; install one or name it in CHROMIUM');
    return;
  }
  await buildSite();
  const { address, server } = await serveSite(SITE, 0);
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', ...WEBGPU] });
  const check = async (name: string, body: (visit: Visit) => Promise<void>): Promise<void> => {
    const visit = await openPage(browser, address);
    const start = performance.now();
    try {
      await body(visit);
      expect(visit.complaints.length === 0, visit.complaints.join('\n'));
      counts.passed++;
      console.log(`ok   ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
    } catch (error) {
      counts.failed++;
      console.log(`FAIL ${name}\n${(error as Error).message.replace(/^/gm, '  | ')}`);
    }
    if (values.shots !== undefined) {
      mkdirSync(values.shots, { recursive: true });
      await visit.page.screenshot({
        path: `${values.shots}/${name.replace(/\W+/g, '-')}.png`,
        fullPage: true,
      });
    }
    await visit.page.context().close();
  };
  try {
    await readers(check, address);
  } finally {
    await browser.close();
    server.close();
  }
};

const openPage = async (browser: Browser, address: string): Promise<Visit> => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const complaints: string[] = [];
  let bytes = 0;
  page.on('console', (m) => {
    if (m.type() === 'error') complaints.push(`console: ${m.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`page: ${error.message}`));
  context.on('request', (request) => {
    if (!request.url().startsWith(address) && !/^(blob|data):/.test(request.url()))
      complaints.push(`asked another host: ${request.url()}`);
  });
  context.on('response', async (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`);
    if (!/\.js$/.test(new URL(response.url()).pathname)) return;
    const sizes = await response
      .request()
      .sizes()
      .catch(() => undefined);
    bytes += sizes?.responseBodySize ?? 0;
  });
  return { page, bytes: () => bytes, complaints };
};

type Check = (name: string, body: (visit: Visit) => Promise<void>) => Promise<void>;

const run = async (page: Page, cell: string): Promise<void> => {
  await page.click(`#cell-${cell} .cell-run`);
  await page.waitForSelector(`#cell-${cell} .cell-status:is(.done, .failed)`, { timeout: 60_000 });
};

const said = async (page: Page, cell: string): Promise<string> =>
  (await page.locator(`#cell-${cell} .cell-out`).textContent()) ?? '';

const readers = async (check: Check, address: string): Promise<void> => {
  const welcome = `${address}lessons/00-01-welcome/`;

  await check('a lesson runs, and soon', async ({ page, bytes }) => {
    let best = Number.POSITIVE_INFINITY;
    // other programs may be at work: the best of a few visits counts, each with what the first has cached
    for (let visit = 0; visit < VISITS && best > MOST_MS; visit++) {
      const start = performance.now();
      await page.goto(welcome);
      await page.waitForSelector('.cell-run:not([disabled])');
      await run(page, 'first');
      best = Math.min(best, performance.now() - start);
      expect((await said(page, 'first')).includes('64.4'), 'the first cell shows its array');
      if (visit === 0)
        expect(bytes() < MOST_BYTES, `${bytes()} bytes of JavaScript, more than ${MOST_BYTES}`);
    }
    expect(best < MOST_MS, `the first cell has run after ${Math.round(best)} ms, not ${MOST_MS}`);
    console.log(
      `     first cell after ${Math.round(best)} ms, ${Math.round(bytes() / 1024)} KiB of JavaScript`,
    );
  });

  await check('a cell runs what stands above it, and a change of it', async ({ page }) => {
    await page.goto(welcome);
    await run(page, 'second');
    expect((await said(page, 'second')).includes('21 degrees'), 'the cell above has run');
    await page.click('#cell-first button:has-text("Edit")');
    await page.waitForSelector('#cell-first .cm-content');
    await page.keyboard.press('Control+a');
    await page.keyboard.insertText(
      "import { nd } from 'tigon';\nconst celsius = nd.array([[1, 2, 3], [4, 5, 99]]);",
    );
    await page.keyboard.press('Control+Enter');
    await page.waitForSelector('#cell-first .cell-status.done');
    await run(page, 'second');
    expect((await said(page, 'second')).includes('99 degrees'), 'the changed array is used');
    await page.click('#cell-first button:has-text("Restore")');
    await run(page, 'first');
    expect((await said(page, 'first')).includes('64.4'), 'the first text is back');
  });

  await check('an error names its line', async ({ page }) => {
    await page.goto(welcome);
    await run(page, 'wrong');
    const text = await said(page, 'wrong');
    expect(/line 2: ShapeError: add: cannot broadcast/.test(text), text);
  });

  await check('a compiled function has a panel', async ({ page }) => {
    await page.goto(welcome);
    await run(page, 'look');
    await page.waitForSelector('#cell-look .panel');
    for (const tab of ['Graph', 'Memory', 'Passes', 'Kernels'])
      await page.click(`#cell-look .panel [role=tab]:has-text("${tab}")`);
    await page.click('#cell-look .panel summary >> nth=0');
    await page.click('#cell-look .panel summary:has-text("WAT")');
    expect((await said(page, 'look')).includes('f32x4'), 'the kernel is there as WebAssembly');
  });

  await check('a figure is drawn, and a cell can be stopped', async ({ page }) => {
    await page.goto(`${address}playground`);
    await run(page, 'third');
    await page.waitForSelector('#cell-third .cell-figure svg');
    await page.click('#cell-first button:has-text("Edit")');
    await page.waitForSelector('#cell-first .cm-content');
    await page.keyboard.press('Control+a');
    await page.keyboard.insertText('for (;;) Math.random();');
    await page.click('#cell-first .cell-run');
    await page.waitForSelector('#cell-first .cell-status.running');
    await page.click('#cell-first .cell-run');
    await page.waitForSelector('#cell-first .cell-status:not(.running)', { timeout: 10_000 });
  });

  await check('cells run on WebGPU', async ({ page }) => {
    await page.goto(welcome);
    await page.selectOption('.lesson-bar select', 'webgpu');
    await run(page, 'compile');
    const bar = (await page.locator('.lesson-said').textContent()) ?? '';
    expect(/webgpu/.test(bar), bar);
    expect((await said(page, 'compile')).includes('[11, 22, 33]'), 'the same numbers');
  });

  for (const path of [
    '',
    'contents',
    'map',
    'playground',
    'benchmark',
    'reference/nn',
    'lessons/00-01-welcome/',
  ])
    for (const scheme of ['light', 'dark'] as const)
      await check(`accessible in ${scheme}: /${path}`, async ({ page }) => {
        await page.emulateMedia({ colorScheme: scheme });
        await page.goto(address + path);
        await page.waitForLoadState('networkidle');
        const faults = await accessibility(page);
        expect(faults.length === 0, faults.join('\n'));
      });

  await check('a phone shows a lesson without scrolling sideways', async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 800 });
    await page.goto(welcome);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(wide <= 0, `the page is ${wide} px wider than the screen`);
  });

  await check('the search finds a lesson', async ({ page }) => {
    await page.goto(address);
    await page.waitForLoadState('networkidle');
    await page.keyboard.press('Control+k');
    await page.waitForSelector('.VPLocalSearchBox input');
    await page.fill('.VPLocalSearchBox input', 'welcome');
    await page.waitForSelector('.VPLocalSearchBox a:has-text("Welcome")');
  });
};

await main();
console.log(`${counts.passed} passed, ${counts.failed} failed`);
if (counts.failed > 0) process.exitCode = 1;
