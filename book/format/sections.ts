/**
 * A lesson by its sections, and how long some of them take.
 *
 * Invariant: a section begins with a line `## Title`; what stands above the first is a section without a title. Time is
 * that of a reader who has not seen any of it: a pace for words, a slower one for code and formulas, a look at each
 * result, and what the machine took.
 */
import type { Block, Cell, Lesson } from './lesson.ts';

export interface Section {
  /** Empty above the first heading. */
  readonly title: string;
  readonly line: number;
  readonly blocks: readonly Block[];
}

/** Words of prose in a minute. */
const PROSE = 220;
/** Names, numbers and words of code in a minute, and those of formulas. */
const CODE = 100;
/** To run a cell and to look at what it shows, in seconds. */
const LOOK = 5;

interface Open {
  title: string;
  line: number;
  blocks: Block[];
}

/** The sections in the order of the page. */
export const sectionsOf = (lesson: Lesson): readonly Section[] => {
  const sections: Open[] = [{ title: '', line: 1, blocks: [] }];
  const put = (block: Block): void => void sections.at(-1)!.blocks.push(block);
  for (const block of lesson.blocks) {
    if (block.kind !== 'prose') {
      put(block);
      continue;
    }
    const lines = block.markdown.split('\n');
    let from = 0;
    let isCode = false;
    const prose = (end: number): void => {
      const markdown = lines.slice(from, end).join('\n');
      if (markdown.trim() !== '') put({ kind: 'prose', markdown, line: block.line + from });
      from = end;
    };
    for (const [i, text] of lines.entries()) {
      if (/^\s*(`{3,}|~{3,})/.test(text)) isCode = !isCode;
      if (isCode || !text.startsWith('## ')) continue;
      prose(i);
      sections.push({ title: text.slice(3).trim(), line: block.line + i, blocks: [] });
    }
    prose(lines.length);
  }
  return sections;
};

const counted = (text: string, word: RegExp): number => text.match(word)?.length ?? 0;

const FORMULA = /\$\$[\s\S]*?\$\$|\$[^$\n]+\$/g;
const MARKUP = /<!--[\s\S]*?-->|<details>[\s\S]*?<\/details>|<[^>]*>|\]\([^)]*\)/g;

/** Minutes for the words of some Markdown. */
const minutesOfProse = (markdown: string): number => {
  const text = markdown.replaceAll(MARKUP, ' ');
  const formulas = (text.match(FORMULA) ?? []).join(' ');
  return (
    counted(text.replaceAll(FORMULA, ' '), /[\p{L}\p{N}][\p{L}\p{N}'’.,-]*/gu) / PROSE +
    counted(formulas, /\\?[A-Za-z]+|\d+/g) / CODE
  );
};

/** What a reader has before the eyes; the rest is folded. */
const isSeen = ({ role }: Cell): boolean => role === 'code' || role === 'norun';

/** Minutes to read these sections and to look at what their cells show. */
export const readingMinutes = (sections: readonly Section[]): number =>
  sections
    .flatMap(({ blocks }) => blocks)
    .reduce((sum, block) => {
      switch (block.kind) {
        case 'prose':
          return sum + minutesOfProse(block.markdown);
        case 'cell':
          return isSeen(block.cell)
            ? sum + counted(block.cell.source, /[\w$]+/g) / CODE + LOOK / 60
            : sum;
        case 'expect':
          return sum;
        default:
          return block satisfies never;
      }
    }, 0);
