/**
 * The whole book as one page to print: cover, contents, lessons, cheat sheets.
 *
 * Invariant: complete in itself but for pictures and the fonts of equations, which are read from this repository.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { katex } from '@mdit/plugin-katex';
import MarkdownIt from 'markdown-it';
import { createHighlighter, type Highlighter } from 'shiki';
import { displayText, figureSvg } from 'tigon/d2l';
import type { Book } from '../format/book.ts';
import type { Block, Cell, Lesson } from '../format/lesson.ts';
import type { Output } from '../kernel/output.ts';
import { root } from '../run/library.ts';
import type { Recorded } from '../run/save.ts';
import { STYLE } from './print-style.ts';
import { lessonLink, redirected, withoutMarks } from './prose.ts';
import { escaped, tableHtml } from './table.ts';

const LANGUAGES = ['ts', 'js', 'sh', 'json', 'html', 'wgsl', 'wasm', 'python', 'yaml'] as const;
const THEME = 'github-light';

/** Lines of code that stand on one page. */
const SHORT = 24;

/** A lesson, and what its recorded run gave. */
export interface Chapter {
  readonly lesson: Lesson;
  readonly recorded: Recorded | undefined;
}

/** A page of the book that is no lesson: a cheat sheet. */
export interface Appendix {
  readonly slug: string;
  readonly markdown: string;
}

const codeIn =
  (highlighter: Highlighter) =>
  (code: string, language: string): string => {
    const known = LANGUAGES.find((l) => l === language || (language === 'wat' && l === 'wasm'));
    return known === undefined
      ? `<pre><code>${escaped(code)}</code></pre>`
      : highlighter.codeToHtml(code, { lang: known, theme: THEME });
  };

type Code = ReturnType<typeof codeIn>;

const markdownFor = (code: Code): MarkdownIt =>
  new MarkdownIt({ html: true, linkify: false, typographer: false, highlight: code }).use(katex, {
    throwOnError: true,
  });

const outputHtml = async (output: Output): Promise<string> => {
  switch (output.kind) {
    case 'text':
    case 'value':
      return `<pre class="output">${escaped(output.text)}</pre>`;
    case 'error':
      return `<pre class="output error">${escaped(`${output.name}: ${output.message}`)}</pre>`;
    case 'record':
      return '';
    case 'display': {
      const { item } = output;
      if (item.kind === 'figure') return `<div class="figure">${await figureSvg(item)}</div>`;
      if (item.kind === 'table') return tableHtml(item);
      const [first = ''] = displayText(item).split('\n').slice(1);
      return `<pre class="output">${escaped(first)}</pre>`;
    }
    default:
      return output satisfies never;
  }
};

const cellHtml = async (
  cell: Cell,
  recorded: Recorded | undefined,
  code: Code,
): Promise<string> => {
  const outputs = recorded?.cells[cell.id]?.outputs ?? [];
  const shown = await Promise.all(outputs.map(outputHtml));
  const short = cell.source.split('\n').length <= SHORT ? ' short' : '';
  return `<div class="cell ${cell.role}${short}">${code(cell.source, 'ts')}${shown.join('')}</div>`;
};

/** Assertions are for machines. Expected output is that of the recorded run. */
const isPrinted = (block: Block): boolean =>
  block.kind !== 'expect' && !(block.kind === 'cell' && block.cell.role === 'test');

const chapterHtml = async ({ lesson, recorded }: Chapter, code: Code): Promise<string> => {
  const markdown = markdownFor(code);
  const folder = pathToFileURL(`${root}lessons/${lesson.slug}/`).href;
  const redirect = (target: string): string | undefined => {
    const to = lessonLink(target);
    if (to !== undefined) return `#${to.slug}`;
    return /^([a-z]+:|#)/.test(target) ? undefined : `${folder}${target}`;
  };
  const parts = await Promise.all(
    lesson.blocks.filter(isPrinted).map(async (block) => {
      if (block.kind === 'cell') return await cellHtml(block.cell, recorded, code);
      if (block.kind === 'expect') return '';
      const text = redirected(withoutMarks(block.markdown), redirect);
      return markdown.render(text).replaceAll('<details>', '<details open>');
    }),
  );
  const made =
    recorded === undefined
      ? ''
      : `<p class="made">Outputs: ${escaped(recorded.date)}, ${escaped(recorded.machine)}.</p>`;
  return `<section class="lesson" id="${lesson.slug}"><p class="concept">${escaped(`${lesson.id} · ${lesson.concept}`)}</p>${parts.join('\n')}${made}</section>`;
};

const appendixHtml = ({ slug, markdown }: Appendix, code: Code): string => {
  const text = redirected(markdown, (target) => {
    const lesson = lessonLink(target);
    return lesson === undefined ? undefined : `#${lesson.slug}`;
  });
  return `<section class="lesson" id="${slug}">${markdownFor(code).render(text)}</section>`;
};

const titleOf = ({ slug, markdown }: Appendix): string => /^# (.*)$/m.exec(markdown)?.[1] ?? slug;

const contentsHtml = (
  book: Book,
  chapters: readonly Chapter[],
  appendices: readonly Appendix[],
  pages: ReadonlyMap<string, number>,
): string => {
  const line = (slug: string, title: string): string =>
    `<li><a href="#${slug}"><span>${escaped(title)}</span><span>${pages.get(slug) ?? ''}</span></a></li>`;
  const list = (title: string, lines: readonly string[]): readonly string[] =>
    lines.length === 0 ? [] : [`<h3>${escaped(title)}</h3><ol>${lines.join('')}</ol>`];
  const rows = book.parts.flatMap((part) => {
    const lessons = chapters.filter(({ lesson }) => lesson.id.startsWith(`${part.number}-`));
    return list(
      part.title,
      lessons.map(({ lesson: { slug, id, title } }) => line(slug, `${id} ${title}`)),
    );
  });
  rows.push(
    ...list(
      'Appendices',
      appendices.map((appendix) => line(appendix.slug, titleOf(appendix))),
    ),
  );
  return `<section class="contents"><h1>Contents</h1>${rows.join('')}</section>`;
};

const coverHtml = (book: Book, count: number): string =>
  `<section class="cover"><h1>${escaped(book.title)}</h1><p>${escaped(book.subtitle)}</p>${book.paths
    .map((path) => `<p class="motto">${escaped(path.title)}: ${escaped(path.motto)}</p>`)
    .join('')}<p class="count">${count === 1 ? 'One lesson' : `${count} lessons`}</p></section>`;

const KATEX = createRequire(import.meta.url).resolve('katex/dist/katex.min.css');

export interface PrintedBook {
  /** Sections by their id: `cover`, `contents`, folders of lessons. */
  readonly sections: readonly string[];
  /** The page; `pages` are the numbers of the first pages of lessons, for the contents. */
  html(pages: ReadonlyMap<string, number>): string;
}

/** The page of the whole book. */
export const printedBook = async (
  book: Book,
  chapters: readonly Chapter[],
  appendices: readonly Appendix[],
): Promise<PrintedBook> => {
  const highlighter = await createHighlighter({ themes: [THEME], langs: [...LANGUAGES] });
  const code = codeIn(highlighter);
  const lessons = await Promise.all(chapters.map((chapter) => chapterHtml(chapter, code)));
  const added = appendices.map((appendix) => appendixHtml(appendix, code));
  highlighter.dispose();
  return {
    sections: [
      'cover',
      'contents',
      ...chapters.map(({ lesson }) => lesson.slug),
      ...appendices.map(({ slug }) => slug),
    ],
    html: (pages) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(book.title)}</title>
<link rel="stylesheet" href="${pathToFileURL(KATEX).href}"><style>${STYLE}</style></head>
<body>${coverHtml(book, chapters.length)}${contentsHtml(book, chapters, appendices, pages)}${[...lessons, ...added].join('\n')}</body></html>`,
  };
};
