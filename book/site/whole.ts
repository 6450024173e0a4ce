/**
 * All of a page with cells, as a reader runs it: "run all", then how it is checked, then each solution.
 *
 * Invariant: judged by what the page shows: every cell has ended well, prints what the lesson says, draws figures that are
 * there to see, opens panels whose views all have something in them.
 */
import type { Page } from 'playwright-core';
import { type CellPage, cellsOf, type Role } from '../format/lesson.ts';
import { unexpected } from '../run/expect.ts';
import type { DeviceName } from './live/protocol.ts';

export interface WholeOptions {
  readonly device: DeviceName;
  readonly quick: boolean;
  /** For a cell. */
  readonly mostMs: number;
}

/** What the page shows of a cell after it has run. */
interface Shown {
  readonly status: string;
  readonly lines: readonly string[];
  readonly error: string;
  readonly figures: readonly string[];
}

const ENDED = '.cell-status:is(.done, .failed)';

/** Waits until nothing runs and nothing waits. */
const settle = async (page: Page, mostMs: number): Promise<void> => {
  let before = '';
  for (;;) {
    const now = await page.evaluate(() =>
      [...document.querySelectorAll('.cell-status')].map((s) => s.className).join(),
    );
    if (!/running|queued/.test(now)) return;
    if (now === before) {
      const which = await page.locator('.cell:has(.cell-status.running)').getAttribute('id');
      throw new Error(`${which} still runs after ${mostMs / 1000} s`);
    }
    before = now;
    const changed = (old: string): boolean =>
      old !== [...document.querySelectorAll('.cell-status')].map((s) => s.className).join();
    // where nothing changes, the next round says which cell it is
    await page.waitForFunction(changed, now, { timeout: mostMs }).catch(() => undefined);
  }
};

const look = (page: Page, id: string): Promise<Shown> =>
  page.locator(`#cell-${id}`).evaluate((cell) => {
    const texts = cell.querySelectorAll('.cell-out > .cell-item > pre');
    const figures = [...cell.querySelectorAll('.cell-figure')].map((figure) => {
      const svg = figure.querySelector('svg');
      if (svg === null) return 'not drawn';
      const { width, height } = svg.getBoundingClientRect();
      if (width < 50 || height < 20) return `${width} x ${height} pixels`;
      if (svg.querySelector('path, rect, circle, image, line') === null) return 'empty';
      const strange = /NaN|Infinity|undefined/.exec(
        svg.outerHTML.replace(/<(title|desc)>.*?<\/\1>|aria-label="[^"]*"/g, ''),
      );
      return strange === null ? '' : `${strange[0]} in its drawing`;
    });
    return {
      status: cell.querySelector('.cell-status')?.className.replace('cell-status ', '') ?? '',
      lines: [...texts].flatMap((text) => (text.textContent ?? '').split('\n')),
      error: cell.querySelector('.cell-error')?.textContent ?? '',
      figures: figures.filter((fault) => fault !== ''),
    };
  });

/** Opens each view of each program of each panel. */
const openPanels = async (page: Page, id: string): Promise<string[]> => {
  const faults: string[] = [];
  const panels = page.locator(`#cell-${id} .panel`);
  for (let at = 0; at < (await panels.count()); at++) {
    const panel = panels.nth(at);
    const parts = await panel.locator('.panel-parts button').count();
    for (let part = 0; part < Math.max(1, parts); part++) {
      if (parts > 0) await panel.locator('.panel-parts button').nth(part).click();
      for (const tab of ['Graph', 'Memory', 'Passes', 'Kernels']) {
        await panel.locator(`[role=tab]:has-text("${tab}")`).click();
        // code may speak of NaN
        const text = await panel.locator('[role=tabpanel]').evaluate((view) => {
          const copy = view.cloneNode(true) as Element;
          for (const code of copy.querySelectorAll('.panel-code')) code.textContent = 'code';
          return copy.textContent ?? '';
        });
        if (text.trim() === '' || /NaN|undefined/.test(text))
          faults.push(`panel ${at}: ${tab} shows ${text.slice(0, 80) || 'nothing'}`);
      }
      const code = await panel.locator('details details summary').count();
      if (code === 0) faults.push(`panel ${at}: no code of kernels`);
    }
  }
  return faults;
};

/** What "run all" leaves out: each runs alone. */
const isApart = (role: Role): boolean => role === 'test' || role === 'solution';

/** Runs what the address shows; gives what is wrong. */
export const playWhole = async (
  page: Page,
  address: string,
  shown: CellPage,
  { device, quick, mostMs }: WholeOptions,
): Promise<readonly string[]> => {
  await page.goto(`${address}${quick ? '?quick' : ''}`);
  await page.waitForSelector('.cell-run:not([disabled])');
  if (device === 'webgpu') await page.selectOption('.lesson-bar select', 'webgpu');
  await page.click('.lesson-bar button:has-text("Run all")');
  await page.waitForSelector('.cell-status:is(.running, .done, .failed)');
  await settle(page, mostMs);
  const faults: string[] = [];
  const said = (await page.locator('.lesson-said').textContent()) ?? '';
  if (!said.includes(device)) faults.push(`wanted ${device}; the page says "${said}"`);
  await page.evaluate(() => {
    for (const details of document.querySelectorAll('details')) details.open = true;
  });
  const cells = cellsOf(shown).filter(({ role }) => role !== 'norun');
  // where a cell has failed, those below it have not run, and what needs them does not either
  const failed = await page.locator('.cell:has(.cell-status.failed)').count();
  for (const { id, role, throws, needs } of cells) {
    if (isApart(role)) {
      if (failed > 0) continue;
      await page.click(`#cell-${id} .cell-run`);
      await page
        .waitForSelector(`#cell-${id} ${ENDED}`, { timeout: mostMs })
        .catch(() => undefined);
    }
    const { status, lines, error, figures } = await look(page, id);
    const say = (what: string): unknown => faults.push(`cell ${id}: ${what}`);
    if (status !== 'done') say(`${status || 'did not run'} ${error}`);
    else if (throws && error === '') say('shows no error');
    const isSkipped = needs !== undefined && lines.some((line) => line.endsWith('skipped.'));
    if (isSkipped && needs === device) say('skipped, on WebGPU');
    for (const fault of figures) say(`figure: ${fault}`);
    for (const fault of await openPanels(page, id)) say(fault);
    for (const block of shown.blocks) {
      if (block.kind !== 'expect' || block.for !== id || isSkipped) continue;
      // the page puts the place before the name of an error
      const plain = lines.map((line) => (throws ? line.replace(/^line \d+: /, '') : line));
      const wrong = unexpected(block.lines, plain);
      if (wrong !== undefined) say(wrong);
    }
  }
  return faults;
};
