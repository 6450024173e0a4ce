/**
 * Notebooks as files: the part of Jupyter's format, version 4.5, that lessons use.
 *
 * Invariant: what is read is checked against the rules of the format, so that a notebook that is written here opens there.
 */
import type { Need } from '../format/lesson.ts';

export type Lines = readonly string[];

export type NotebookOutput =
  | { readonly output_type: 'stream'; readonly name: 'stdout' | 'stderr'; readonly text: Lines }
  | {
      readonly output_type: 'execute_result';
      readonly execution_count: number | null;
      readonly data: Readonly<Record<string, Lines>>;
      readonly metadata: object;
    }
  | {
      readonly output_type: 'display_data';
      readonly data: Readonly<Record<string, Lines>>;
      readonly metadata: object;
    }
  | {
      readonly output_type: 'error';
      readonly ename: string;
      readonly evalue: string;
      readonly traceback: Lines;
    };

/** What lessons note about a cell, for those who run the notebook without a page. */
export interface CellNotes {
  readonly role: string;
  readonly quick?: Readonly<Record<string, string>>;
  readonly needs?: Need;
}

export interface CellMetadata {
  readonly tags?: readonly string[];
  readonly jupyter?: { readonly source_hidden: boolean };
  readonly tigon?: CellNotes;
}

export type Attachments = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface MarkdownCell {
  readonly cell_type: 'markdown';
  readonly id: string;
  readonly metadata: CellMetadata;
  readonly source: Lines;
  readonly attachments?: Attachments;
}

export interface CodeCell {
  readonly cell_type: 'code';
  readonly id: string;
  readonly metadata: CellMetadata;
  readonly source: Lines;
  readonly execution_count: number | null;
  readonly outputs: readonly NotebookOutput[];
}

export interface Notebook {
  readonly nbformat: 4;
  readonly nbformat_minor: 5;
  readonly metadata: {
    readonly kernelspec: {
      readonly name: string;
      readonly display_name: string;
      readonly language: string;
    };
    readonly language_info: {
      readonly name: string;
      readonly file_extension: string;
      readonly mimetype: string;
    };
    readonly title: string;
    readonly tigon: { readonly lesson: string };
  };
  readonly cells: readonly (MarkdownCell | CodeCell)[];
}

/** A text as the format has it: lines with their ends. */
export const linesOf = (text: string): Lines =>
  text === ''
    ? []
    : text.split('\n').map((line, i, all) => (i < all.length - 1 ? `${line}\n` : line));

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isLines = (value: unknown): boolean =>
  isText(value) || (Array.isArray(value) && value.every(isText));
const isBundle = (value: unknown): boolean =>
  isRecord(value) && Object.values(value).every(isLines);

type Rule = (value: unknown) => boolean;
type Shape = Readonly<Record<string, Rule>>;

const isCount: Rule = (value) => value === null || Number.isInteger(value);
const OUTPUTS: Readonly<Record<string, Shape>> = {
  stream: { name: isText, text: isLines },
  execute_result: { execution_count: isCount, data: isBundle, metadata: isRecord },
  display_data: { data: isBundle, metadata: isRecord },
  error: { ename: isText, evalue: isText, traceback: isLines },
};
const CELLS: Readonly<Record<string, Shape>> = {
  markdown: { id: isText, metadata: isRecord, source: isLines },
  code: {
    id: isText,
    metadata: isRecord,
    source: isLines,
    execution_count: isCount,
    outputs: Array.isArray,
  },
};
const OPTIONAL: ReadonlySet<string> = new Set(['cell_type', 'output_type', 'attachments']);

const wrongIn = (where: string, value: unknown, shape: Shape | undefined): readonly string[] => {
  if (!isRecord(value) || shape === undefined) return [`${where} is of no known kind`];
  return [
    ...Object.entries(shape).flatMap(([key, rule]) =>
      rule(value[key]) ? [] : [`${where}: "${key}" is not what the format says`],
    ),
    ...Object.keys(value).flatMap((key) =>
      key in shape || OPTIONAL.has(key) ? [] : [`${where}: "${key}" is unknown`],
    ),
  ];
};

const wrongInCell = (cell: unknown, at: number): readonly string[] => {
  const where = `cell ${at}`;
  const fields = isRecord(cell) ? cell : {};
  const outputs = Array.isArray(fields['outputs']) ? fields['outputs'] : [];
  const id = String(fields['id']);
  return [
    ...wrongIn(where, cell, CELLS[String(fields['cell_type'])]),
    ...(/^[a-zA-Z0-9_-]{1,64}$/.test(id) ? [] : [`${where}: "${id}" is no id`]),
    ...outputs.flatMap((output: unknown, i) => {
      const kind = isRecord(output) ? String(output['output_type']) : '';
      return wrongIn(`${where}, output ${i}`, output, OUTPUTS[kind]);
    }),
  ];
};

/**
 * Reads the text of a notebook.
 *
 * @throws {Error} that lists everything that the format does not allow
 */
export const readNotebook = (text: string): Notebook => {
  const value: unknown = JSON.parse(text);
  const root = isRecord(value) ? value : {};
  const cells: readonly unknown[] = Array.isArray(root['cells']) ? root['cells'] : [];
  const metadata = isRecord(root['metadata']) ? root['metadata'] : {};
  const ids = cells.map((cell) => (isRecord(cell) ? cell['id'] : undefined));
  const wrong = [
    ...(root['nbformat'] === 4 && root['nbformat_minor'] === 5 ? [] : ['it is not of version 4.5']),
    ...(Array.isArray(root['cells']) ? [] : ['it has no cells']),
    ...(isRecord(metadata['kernelspec']) && isRecord(metadata['language_info'])
      ? []
      : ['it names no kernel or no language']),
    ...cells.flatMap(wrongInCell),
    ...ids.flatMap((id, i) =>
      ids.indexOf(id) < i ? [`cell ${i}: the id ${id} is there twice`] : [],
    ),
  ];
  if (wrong.length > 0) throw new Error(`this is no notebook:\n${wrong.join('\n')}`);
  return value as Notebook;
};
