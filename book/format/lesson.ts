/**
 * What a lesson is: prose, cells and the output that is expected of them, in the order of the page.
 *
 * Invariant: plain data; lines are those of lesson.md, counted from 1, so that every complaint can name its place.
 */

/** What a cell is for. Only `code` and `hidden` cells leave names behind for those after them. */
export type Role = 'code' | 'hidden' | 'test' | 'solution' | 'norun';

/** What not all machines and pages have: a graphics card to compute on, files to write. */
export type Need = 'webgpu' | 'files';

/** A piece of program. */
export interface Cell {
  readonly id: string;
  readonly source: string;
  /** Of the first line of `source`. */
  readonly line: number;
  readonly role: Role;
  /** It must fail: the error is part of the lesson. */
  readonly throws: boolean;
  /** Constants of the cell, and what they are instead in quick mode. */
  readonly quick: Readonly<Record<string, string>>;
  /** It is left out, aloud, where there is none. */
  readonly needs?: Need;
}

/** Markdown between cells. */
export interface Prose {
  readonly kind: 'prose';
  readonly markdown: string;
  readonly line: number;
}

/** Lines that the output of a cell must consist of. */
export interface Expect {
  readonly kind: 'expect';
  readonly for: string;
  readonly lines: readonly string[];
  readonly line: number;
}

export type Block = Prose | { readonly kind: 'cell'; readonly cell: Cell } | Expect;

export interface Lesson {
  /** `03-01`: part and place in it. */
  readonly id: string;
  /** Its folder: `03-01-mlp`. */
  readonly slug: string;
  readonly title: string;
  /** What it teaches, in one sentence. */
  readonly concept: string;
  readonly needs: readonly string[];
  readonly next: readonly string[];
  /** Data sets that it loads. */
  readonly data: readonly string[];
  /** To read and run. */
  readonly minutes: number;
  /** Titles of the sections that belong to the first hour, for lessons on its way. */
  readonly first: readonly string[];
  readonly blocks: readonly Block[];
}

/** A page with cells, be it a lesson or not. */
export type CellPage = Pick<Lesson, 'slug' | 'blocks'>;

/** The cells in the order of the page. */
export const cellsOf = (page: Pick<Lesson, 'blocks'>): readonly Cell[] =>
  page.blocks.flatMap((block) => (block.kind === 'cell' ? [block.cell] : []));

/** Cells have scopes of their own where nothing after them may depend on their names. */
export const isApart = ({ role }: Cell): boolean => role !== 'code' && role !== 'hidden';
