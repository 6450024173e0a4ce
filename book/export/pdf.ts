/**
 * The printed book as PDF, by a Chromium that prints the page.
 *
 * Invariant: numbers in the contents are those of the pages that lessons begin on: every section is printed by itself first,
 * to count its pages.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Page } from 'playwright-core';
import type { PrintedBook } from './print.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The browser of the environment variable CHROMIUM, or the first on the path. */
const findChromium = (): string => {
  const given = process.env['CHROMIUM'];
  if (given !== undefined) return given;
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  for (const name of NAMES)
    for (const folder of folders) if (existsSync(join(folder, name))) return join(folder, name);
  throw new Error(`no Chromium was found (${NAMES.join(', ')}); name one in CHROMIUM`);
};

const FOOTER =
  '<div style="width:100%;font-size:8px;text-align:center;color:#777"><span class="pageNumber"></span></div>';

const print = (page: Page): Promise<Buffer> =>
  page.pdf({
    format: 'A4',
    margin: { top: '18mm', bottom: '18mm', left: '20mm', right: '20mm' },
    printBackground: true,
    displayHeaderFooter: true,
    headerTemplate: '<span></span>',
    footerTemplate: FOOTER,
    outline: true,
    tagged: true,
  });

const pagesIn = (pdf: Buffer): number =>
  [...pdf.toString('latin1').matchAll(/\/Type\s*\/Page\b(?!s)/g)].length;

/** How many pages each section takes. */
const countPages = async (page: Page, sections: readonly string[]): Promise<readonly number[]> => {
  const counts: number[] = [];
  for (const at of sections.keys()) {
    await page.evaluate((only) => {
      for (const [i, section] of document.querySelectorAll<HTMLElement>('body > section').entries())
        section.hidden = i !== only;
    }, at);
    // A hidden cover would be shown by its own style.
    await page.addStyleTag({ content: 'section[hidden] { display: none !important; }' });
    counts.push(pagesIn(await print(page)));
  }
  return counts;
};

/** The PDF, and how many pages it has. */
export const pdfOf = async (book: PrintedBook): Promise<{ pdf: Buffer; pages: number }> => {
  const folder = mkdtempSync(join(tmpdir(), 'tigon-book-'));
  const file = join(folder, 'book.html');
  const browser = await chromium.launch({
    executablePath: findChromium(),
    args: ['--no-sandbox', '--allow-file-access-from-files'],
  });
  try {
    const page = await browser.newPage();
    const show = async (pages: ReadonlyMap<string, number>): Promise<void> => {
      writeFileSync(file, book.html(pages));
      await page.goto(pathToFileURL(file).href, { waitUntil: 'load' });
      await page.evaluate(() => document.fonts.ready.then(() => undefined));
    };
    await show(new Map());
    const counts = await countPages(page, book.sections);
    const firsts = new Map<string, number>();
    let next = 1;
    for (const [i, section] of book.sections.entries()) {
      firsts.set(section, next);
      next += counts[i]!;
    }
    await show(firsts);
    const pdf = await print(page);
    return { pdf, pages: pagesIn(pdf) };
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
};
