/**
 * `npm run lessons:export -- --ipynb DIR`, or `--pdf DIR`: lessons as notebooks, the book as PDF.
 *
 * Invariant: writes only into the folder that it is given. With `--check`, every notebook is read again and its cells are
 * run.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readBook, readLesson, root, slugsFor } from '../run/library.ts';
import { readRecorded } from '../run/save.ts';
import { notebookOf } from './ipynb.ts';
import { pdfOf } from './pdf.ts';
import { type Appendix, printedBook } from './print.ts';
import { replayNotebook } from './replay.ts';

const HELP = `npm run lessons:export -- (--ipynb DIR [--check] | --pdf DIR) [ID...]

  --ipynb DIR  a notebook of each lesson, for Deno's Jupyter kernel
  --check      reads each notebook again, and runs its cells
  --pdf DIR    the whole book, printed by Chromium (on the path, or in CHROMIUM)
  ID           only these lessons`;

const exportNotebooks = async (
  folder: string,
  slugs: readonly string[],
  isChecked: boolean,
): Promise<number> => {
  mkdirSync(folder, { recursive: true });
  let failures = 0;
  for (const slug of slugs) {
    const file = join(folder, `${slug}.ipynb`);
    const notebook = await notebookOf(readLesson(slug), readRecorded(slug));
    writeFileSync(file, `${JSON.stringify(notebook, null, 1)}\n`);
    console.log(file);
    const wrong = isChecked ? await replayNotebook(readFileSync(file, 'utf8')) : [];
    for (const what of wrong) console.error(`  ${what}`);
    failures += wrong.length;
  }
  return failures;
};

const SHEETS = `${root}lessons/cheatsheets`;

/** Cheat sheets belong to the whole book. */
const cheatSheets = (): readonly Appendix[] =>
  readdirSync(SHEETS)
    .filter((name) => name.endsWith('.md'))
    .map((name) => ({
      slug: name.slice(0, -3),
      markdown: readFileSync(join(SHEETS, name), 'utf8'),
    }));

const exportPdf = async (
  folder: string,
  slugs: readonly string[],
  isWhole: boolean,
): Promise<void> => {
  mkdirSync(folder, { recursive: true });
  const chapters = slugs.map((slug) => ({
    lesson: readLesson(slug),
    recorded: readRecorded(slug),
  }));
  const { pdf, pages } = await pdfOf(
    await printedBook(readBook(), chapters, isWhole ? cheatSheets() : []),
  );
  const file = join(folder, 'tigon-lessons.pdf');
  writeFileSync(file, pdf);
  console.log(`${file}: ${pages} pages, ${(pdf.length / 1e6).toFixed(1)} MB`);
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ipynb: { type: 'string' },
    pdf: { type: 'string' },
    check: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const slugs = slugsFor(positionals);
let code = 0;
if (values.help || (values.ipynb === undefined && values.pdf === undefined)) {
  console.log(HELP);
  code = values.help ? 0 : 2;
}
if (values.ipynb !== undefined)
  code = (await exportNotebooks(values.ipynb, slugs, values.check)) === 0 ? 0 : 1;
if (values.pdf !== undefined) await exportPdf(values.pdf, slugs, positionals.length === 0);
process.exit(code);
