/**
 * lesson.md to a Lesson record.
 *
 * Invariant: reads lines and nothing else, so a page can do it; other fences than `ts` and `out` are prose. What is
 * malformed is told with its line, all of it at once.
 */
import { cellAttributes, expectFor } from './attributes.ts';
import { parseHead } from './head.ts';
import type { Block, CellPage, Lesson } from './lesson.ts';
import { FormatError, type Problem } from './problems.ts';

const OPEN = /^(?<indent>\s*)(?<mark>`{3,}|~{3,})\s*(?<language>[\w-]*)\s*(?<rest>.*)$/;

interface Fence {
  readonly indent: string;
  readonly language: string;
  /** What is in braces, if there are any. */
  readonly braces?: string;
  /** Lines between the marks, without the indentation of the first mark. */
  readonly lines: readonly string[];
  /** Index of the line with the last mark. */
  readonly end: number;
  readonly isClosed: boolean;
}

/** The fence that opens at line `at`, if one does. */
const fenceAt = (lines: readonly string[], at: number): Fence | undefined => {
  const groups = OPEN.exec(lines[at]!)?.groups;
  if (groups === undefined) return undefined;
  const { indent = '', mark = '', language = '', rest = '' } = groups;
  if (mark[0] === '`' && rest.includes('`')) return undefined;
  const isEnd = (line: string): boolean =>
    line.trim().length >= mark.length && line.trim() === mark[0]!.repeat(line.trim().length);
  const length = lines.slice(at + 1).findIndex(isEnd);
  const end = length < 0 ? lines.length : at + 1 + length;
  const braces = /^\{(.*)\}\s*$/.exec(rest)?.[1];
  return {
    indent,
    language,
    lines: lines.slice(at + 1, end).map((line) => dedent(line, indent.length)),
    end,
    isClosed: length >= 0,
    ...(braces === undefined ? {} : { braces }),
  };
};

const dedent = (line: string, width: number): string =>
  line.slice(Math.min(width, line.length - line.trimStart().length));

/**
 * Reads the text of a lesson. `slug` is the name of its folder, `file` what complaints call it.
 *
 * @throws {FormatError} that holds everything that is malformed
 */
export const parseLesson = (text: string, slug: string, file: string): Lesson => {
  const problems: Problem[] = [];
  const complain = (line: number, message: string): void => {
    problems.push({ file, line, message });
  };
  const lines = text.split(/\r?\n/);
  const headEnd = lines.indexOf('---', 1);
  if (lines[0] !== '---' || headEnd < 0) {
    complain(1, 'a lesson begins with a head: lines of YAML between two lines of "---"');
    throw new FormatError(problems);
  }
  const head = parseHead(lines.slice(1, headEnd), 2, complain);
  if (head.id !== '' && !slug.startsWith(`${head.id}-`))
    complain(2, `the id is ${head.id}, but the folder ${slug}; folders are named id-words`);
  const blocks = blocksOf(lines, headEnd + 1, complain);
  if (problems.length > 0) throw new FormatError(problems);
  return { ...head, slug, blocks };
};

/**
 * Reads the text of a page that has cells and is no lesson: what VitePress wants of its head is nothing for us.
 *
 * @throws {FormatError} that holds everything that is malformed
 */
export const parsePage = (text: string, slug: string, file: string): CellPage => {
  const problems: Problem[] = [];
  const lines = text.split(/\r?\n/);
  const from = lines[0] === '---' ? lines.indexOf('---', 1) + 1 : 0;
  const blocks = blocksOf(lines, from, (line, message) => {
    problems.push({ file, line, message });
  });
  if (problems.length > 0) throw new FormatError(problems);
  return { slug, blocks };
};

const blocksOf = (
  lines: readonly string[],
  from: number,
  complain: (line: number, message: string) => void,
): readonly Block[] => {
  const blocks: Block[] = [];
  const ids = new Map<string, number>();
  let start = from;
  const prose = (end: number): void => {
    const markdown = lines.slice(start, end).join('\n');
    if (markdown.trim() !== '') blocks.push({ kind: 'prose', markdown, line: start + 1 });
  };
  for (let at = from; at < lines.length; at++) {
    const fence = fenceAt(lines, at);
    if (fence === undefined) continue;
    const line = at + 1;
    const say = (message: string): void => complain(line, message);
    if (!fence.isClosed) say('this fence has no end');
    if (fence.language === 'ts' || fence.language === 'typescript') {
      prose(at);
      const attributes = cellAttributes(fence.braces ?? '', say);
      const before = ids.get(attributes.id);
      if (before !== undefined)
        say(`the id ${attributes.id} is that of the cell at line ${before}`);
      ids.set(attributes.id, line);
      blocks.push({
        kind: 'cell',
        cell: { ...attributes, source: fence.lines.join('\n'), line: line + 1 },
      });
      start = fence.end + 1;
    } else if (fence.language === 'out') {
      prose(at);
      const id = expectFor(fence.braces ?? '', say);
      if (id !== '' && !ids.has(id)) say(`there is no cell ${id} above this output`);
      blocks.push({ kind: 'expect', for: id, lines: fence.lines, line });
      start = fence.end + 1;
    } else if (fence.braces !== undefined)
      say(`a fence of "${fence.language}" is prose and has no attributes; cells are \`\`\`ts`);
    at = fence.end;
  }
  prose(lines.length);
  return blocks;
};
