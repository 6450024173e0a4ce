/** Notebooks and the printed book: what is in them, and that a notebook that is read again runs. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { notebookOf } from '../../book/export/ipynb.ts';
import { readNotebook } from '../../book/export/notebook.ts';
import { pdfOf } from '../../book/export/pdf.ts';
import { type PrintedBook, printedBook } from '../../book/export/print.ts';
import { lessonLink, redirected } from '../../book/export/prose.ts';
import { replayNotebook } from '../../book/export/replay.ts';
import { type Book, parseBook } from '../../book/format/book.ts';
import type { Lesson } from '../../book/format/lesson.ts';
import { parseLesson } from '../../book/format/parse.ts';
import type { Recorded } from '../../book/run/save.ts';

const LESSON: Lesson = parseLesson(
  `---
id: 03-01
title: Nets
concept: One <thing>.
minutes: 20
---
# Nets

It is <!--= r -->3<!--/--> times $x^2$, see [tensors](../01-01-tensors/lesson.md#a) and \`[not](../this)\`.

\`\`\`ts {#setup hidden}
import { nd } from 'tigon';
import { Dense } from "tigon/nn";
const count: number = 100;
\`\`\`

\`\`\`ts {#sum quick="size=2"}
const size = 1000;
nd.ones([size]).sum()
\`\`\`

\`\`\`out {for=sum}
…
\`\`\`

\`\`\`ts {#bad throws}
throw new Error('meant');
\`\`\`

\`\`\`ts {#never norun}
nowhere();
\`\`\`

\`\`\`ts {#check test}
if (size > 2) throw new Error('not quick');
\`\`\`

1. Exercise
   <details><summary>Solution</summary>

   \`\`\`ts {#answer solution}
   import { Flatten } from 'tigon/nn';
   const size = 3;
   new Dense(size)
   \`\`\`

   </details>
`,
  '03-01-nets',
  'lesson.md',
);

const RECORDED: Recorded = {
  date: '2026-01-01',
  machine: 'm',
  command: 'c',
  values: {},
  cells: {
    sum: {
      seconds: 1,
      outputs: [
        { kind: 'text', stream: 'warn', text: 'careful' },
        { kind: 'value', text: 'NDArray\n1000' },
        { kind: 'display', id: 'd', item: { kind: 'table', columns: ['n'], rows: [[1]] } },
      ],
    },
    bad: { seconds: 1, outputs: [{ kind: 'error', name: 'Error', message: 'meant', line: 1 }] },
  },
};

test('a notebook has the cells, tags and outputs of the lesson; read again, it runs', async () => {
  const text = JSON.stringify(await notebookOf(LESSON, RECORDED));
  const { cells, metadata } = readNotebook(text);
  assert.is(metadata.kernelspec.name, 'deno');
  assert.equal(
    cells.map((cell) => [cell.cell_type, cell.id, ...(cell.metadata.tags ?? [])].join(' ')),
    [
      'code setup- hide-input',
      'markdown prose-0',
      'code setup hidden hide-input',
      'code sum',
      'code bad raises-exception',
      'markdown never',
      'code check test hide-input',
      'markdown prose-7',
      'code answer solution',
    ],
  );
  const sources = cells.map((cell) => cell.source.join(''));
  assert.ok(
    sources[1]!.includes(
      'is 3 times $x^2$, see [tensors](01-01-tensors.ipynb#a) and `[not](../this)`',
    ),
  );
  assert.match(
    sources[2]!,
    /^import \{ nd \} from 'npm:tigon@\^[\d.]+';\n.* from "npm:tigon@\^[\d.]+\/nn";/,
  );
  assert.match(
    sources[8]!,
    /^import \{ Flatten \} from 'npm:tigon@.*';\n\{\nconst size = 3;\nnew Dense\(size\)\n\}$/,
  );
  assert.ok(sources[7]!.includes('**Solution**'));
  const sum = cells[3]!;
  assert.ok(sum.cell_type === 'code');
  assert.equal(
    sum.outputs.map((output) => output.output_type),
    ['stream', 'execute_result', 'display_data'],
  );
  assert.equal(await replayNotebook(text), []);
});

test('what the format does not allow is not read', async () => {
  const notebook = await notebookOf(LESSON, undefined);
  const [first, ...others] = notebook.cells;
  const broken = {
    ...notebook,
    nbformat_minor: 4,
    cells: [first, first, { ...others[0], id: 'a b' }],
  };
  assert.throws(
    () => readNotebook(JSON.stringify(broken)),
    (error: Error) =>
      error.message ===
      'this is no notebook:\nit is not of version 4.5\ncell 2: "a b" is no id\ncell 1: the id setup- is there twice',
  );
  const failing = JSON.stringify(notebook).replace("throw new Error('meant');", '1;');
  assert.equal(await replayNotebook(failing), [
    'cell bad: Error: this cell is there to show an error, and it did not fail',
  ]);
});

test('links lead to lessons; code is left alone', () => {
  const twice = (target: string): string | undefined => lessonLink(target)?.slug;
  const text = '[a](../01-01-x/lesson.md "t") <img src="p.svg">\n```\n[a](../01-01-x/)\n```';
  assert.is(
    redirected(text, twice),
    '[a](01-01-x "t") <img src="p.svg">\n```\n[a](../01-01-x/)\n```',
  );
});

const BOOK: Book = parseBook(
  `title: The book
subtitle: S
parts:
  - number: "03"
    title: Three
    lessons:
      03-01: Nets
`,
  'book.yml',
);
const printed: Promise<PrintedBook> = printedBook(
  BOOK,
  [{ lesson: LESSON, recorded: RECORDED }],
  [{ slug: 'torch', markdown: '# From Torch\n\n[Nets](../03-01-nets/lesson.md)' }],
);

test('the printed book has equations, code, outputs and contents', async () => {
  const book = await printed;
  const html = book.html(new Map([['03-01-nets', 3]]));
  assert.equal(book.sections, ['cover', 'contents', '03-01-nets', 'torch']);
  for (const part of [
    '<a href="#03-01-nets"><span>03-01 Nets</span><span>3</span></a>',
    '<a href="#torch"><span>From Torch</span><span></span></a>',
    '<a href="#03-01-nets">Nets</a>',
    'One &lt;thing>.',
    'class="katex"',
    '<a href="#01-01-tensors">tensors</a>',
    'class="shiki github-light"',
    '<pre class="output">NDArray\n1000</pre>',
    '<pre class="output error">Error: meant</pre>',
    '<details open>',
  ])
    assert.ok(html.includes(part), part);
  assert.not.ok(html.includes('not quick'));
});

test('Chromium prints it', async () => {
  const { pdf, pages } = await pdfOf(await printed);
  assert.is(pdf.subarray(0, 5).toString(), '%PDF-');
  assert.is(pages, 4);
});

test.run();
