/**
 * How a lesson's Markdown becomes a page: equations, cells, expected output, results quoted in prose.
 *
 * Invariant: a cell's code stands once in the page, as printed text; what runs is read from there.
 */
import { katex } from '@mdit/plugin-katex';
import type { MarkdownOptions } from 'vitepress';
import { cellAttributes, expectFor } from '../../format/attributes.ts';
import type { PageOnTheWay } from './first-hour.ts';

type MarkdownIt = Parameters<NonNullable<MarkdownOptions['config']>>[0];
type Fence = NonNullable<MarkdownIt['renderer']['rules']['fence']>;

/** What the page shows of a cell before it has run there: markup, by lesson and cell. */
export type RecordedMarkup = ReadonlyMap<string, ReadonlyMap<string, string>>;

const INFO = /^(ts|typescript|out|ts-nocell)\b\s*$/;
const attribute = (text: string): string => text.replace(/&/g, '&amp;').replace(/"/g, '&quot;');
const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');

/** VitePress takes what is in braces after a fence apart; this is what stood there. */
const bracesOf = (attributes: readonly (readonly [string, string])[]): string =>
  attributes
    .map(([name, value]) =>
      name === 'id' ? `#${value}` : value === '' ? name : `${name}="${value}"`,
    )
    .join(' ');

interface Env {
  readonly path?: string;
  readonly realPath?: string;
  readonly frontmatter?: Readonly<Record<string, unknown>>;
}

/** The name of a page with cells: `03-01-mlp` of `lessons/03-01-mlp/lesson.md`, or what its head says. */
const lessonOf = ({ path, realPath, frontmatter }: Env): string => {
  const slug = /lessons\/([^/]+)\/lesson\.md$/.exec(realPath ?? path ?? '')?.[1];
  return slug ?? String(frontmatter?.['cells'] ?? '');
};

const cellMarkup = (
  code: string,
  braces: string,
  recorded: ReadonlyMap<string, string> | undefined,
): string => {
  const { id, role, throws, quick, needs } = cellAttributes(braces, () => {});
  const shown = recorded?.get(id);
  const flags = [
    `id="${attribute(id)}" role="${role}"`,
    ...(throws ? ['throws'] : []),
    ...(shown === undefined ? [] : ['recorded']),
    ...(Object.keys(quick).length === 0 ? [] : [`quick="${attribute(JSON.stringify(quick))}"`]),
    ...(needs === undefined ? [] : [`needs="${needs}"`]),
  ];
  return [
    `<LessonCell ${flags.join(' ')}>`,
    `<template #code>${code}</template>`,
    ...(shown === undefined ? [] : [`<template #recorded><div v-pre>${shown}</div></template>`]),
    '</LessonCell>\n',
  ].join('\n');
};

/**
 * Puts all below the page's title into one component, which owns what runs there, and sections that are not part of the
 * first hour into components that fold them.
 */
const wrap = (md: MarkdownIt, firstHour: ReadonlyMap<string, PageOnTheWay>): void => {
  md.core.ruler.push('lesson', (state) => {
    const lesson = lessonOf(state.env as Env);
    if (lesson === '') return;
    const { tokens, Token } = state;
    const html = (content: string): InstanceType<typeof Token> =>
      Object.assign(new Token('html_block', '', 0), { content, block: true });
    const page = firstHour.get(lesson);
    if (page !== undefined) {
      let isLater = false;
      for (let i = 0; i < tokens.length; i++) {
        const { type, tag, level } = tokens[i]!;
        if (type !== 'heading_open' || tag !== 'h2' || level !== 0) continue;
        const title = tokens[i + 1]!.content;
        const marks = isLater ? [html('</LaterSection>\n')] : [];
        isLater = !page.sections.includes(title);
        if (isLater) marks.push(html(`<LaterSection title="${attribute(title)}">\n`));
        tokens.splice(i, 0, ...marks);
        i += marks.length;
      }
      if (isLater) tokens.push(html('</LaterSection>\n'));
    }
    const title = tokens.findIndex((t) => t.type === 'heading_close' && t.tag === 'h1');
    const way = page === undefined ? '' : ` first="${attribute(JSON.stringify(page.way))}"`;
    // places of errors name a lesson by its number
    const id = /^\d\d-\d\d/.exec(lesson)?.[0] ?? lesson;
    tokens.splice(title + 1, 0, html(`<Lesson id="${attribute(id)}"${way}>\n`));
    tokens.push(html('</Lesson>\n'));
  });
};

export const useLessons = (
  md: MarkdownIt,
  recorded: RecordedMarkup,
  firstHour: ReadonlyMap<string, PageOnTheWay>,
): void => {
  // the markup of an equation is nothing for Vue to read
  const transformer = (html: string): string => html.replace(/^<(span|p)/, '<$1 v-pre');
  // VitePress has types of its own for the same markdown-it
  const plugin = katex as unknown as (md: MarkdownIt, options: object) => void;
  md.use(plugin, { throwOnError: true, transformer });
  wrap(md, firstHour);
  const before: Fence = md.renderer.rules.fence!;
  md.renderer.rules.fence = (tokens, index, options, env: Env, self) => {
    const token = tokens[index]!;
    const [, language] = INFO.exec(token.info) ?? [];
    const braces = bracesOf(token.attrs ?? []);
    const lesson = lessonOf(env);
    if (language === undefined || (lesson === '' && language !== 'ts-nocell'))
      return before(tokens, index, options, env, self);
    if (language === 'out') {
      const label = attribute(`expected output of ${expectFor(braces, () => {})}`);
      const text = escaped(token.content);
      return `<pre class="expected" v-pre tabindex="0" aria-label="${label}">${text}</pre>\n`;
    }
    token.attrs = null;
    token.info = 'ts';
    const code = before(tokens, index, options, env, self);
    return language === 'ts-nocell' ? code : cellMarkup(code, braces, recorded.get(lesson));
  };
};
