/**
 * Lessons as notebooks for Deno's Jupyter kernel, with the outputs of the recorded run.
 *
 * Invariant: the cells are those of the lesson, in their order; only the addresses of modules differ.
 */
import { existsSync, readFileSync } from 'node:fs';
import { displayText, figureSvg } from 'tigon/d2l';
import { splitImports } from '../format/imports.ts';
import { type Block, type Cell, isApart, type Lesson } from '../format/lesson.ts';
import type { Output } from '../kernel/output.ts';
import { root } from '../run/library.ts';
import type { Recorded } from '../run/save.ts';
import {
  type Attachments,
  type CodeCell,
  linesOf,
  type MarkdownCell,
  type Notebook,
  type NotebookOutput,
} from './notebook.ts';
import { lessonLink, redirected, withoutMarks } from './prose.ts';
import { tableHtml } from './table.ts';

const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string };
const PACKAGE = `npm:tigon@^${version}`;

/** Has figures and tables appear under cells, where the notebook is Deno's; what changes is replaced. */
const SETUP = `import { displayText, figureSvg, onDisplay, type Displayable } from 'tigon/d2l';

const shown = new Set<string>();
const show = async (id: string, item: Displayable): Promise<void> => {
  const jupyter = Reflect.get(globalThis, 'Deno')?.jupyter;
  const text = displayText(item);
  if (jupyter === undefined) return console.log(text);
  const picture = item.kind === 'figure' ? { 'image/svg+xml': await figureSvg(item) } : {};
  const options = { raw: true, display_id: id, update: shown.has(id) };
  await jupyter.display({ 'text/plain': text, ...picture }, options);
  shown.add(id);
};
let last = Promise.resolve();
void onDisplay((id, item) => {
  last = last.then(() => show(id, item));
});`;

/** Modules by the names under which Deno finds them. */
export const withPackage = (source: string): string =>
  source.replaceAll(
    /(\bfrom\s*|\bimport\s*\(?\s*)(['"])tigon(\/[\w/-]+)?\2/g,
    `$1$2${PACKAGE}$3$2`,
  );

const DECLARATION = /^(const|let|var|using|await using|class|function|async function|enum)\b/m;

/** What is declared in a cell apart stays in it: the kernel of the notebook knows one scope only. */
const sourceOf = (cell: Cell): string => {
  if (!isApart(cell) || !DECLARATION.test(cell.source)) return cell.source;
  const { imports, rest } = splitImports(cell.source);
  return [...imports.map(({ text }) => text), '{', rest.trim(), '}'].join('\n');
};

const displayed = async (output: Extract<Output, { kind: 'display' }>) => {
  const { item } = output;
  const text = { 'text/plain': linesOf(displayText(item)) };
  if (item.kind === 'figure') return { ...text, 'image/svg+xml': linesOf(await figureSvg(item)) };
  if (item.kind === 'table') return { ...text, 'text/html': linesOf(tableHtml(item)) };
  return text;
};

const outputOf = async (output: Output, count: number): Promise<readonly NotebookOutput[]> => {
  switch (output.kind) {
    case 'text': {
      const name = output.stream === 'log' ? 'stdout' : 'stderr';
      return [{ output_type: 'stream', name, text: linesOf(`${output.text}\n`) }];
    }
    case 'value': {
      const data = { 'text/plain': linesOf(output.text) };
      return [{ output_type: 'execute_result', execution_count: count, data, metadata: {} }];
    }
    case 'display':
      return [{ output_type: 'display_data', data: await displayed(output), metadata: {} }];
    case 'record':
      return [];
    case 'error': {
      const { name, message, stack = '' } = output;
      const traceback = [`${name}: ${message}`, ...stack.split('\n')].filter((line) => line !== '');
      return [{ output_type: 'error', ename: name, evalue: message, traceback }];
    }
    default:
      return output satisfies never;
  }
};

const tagsOf = ({ role, throws }: Cell): readonly string[] => [
  ...(role === 'code' ? [] : [role]),
  ...(role === 'hidden' || role === 'test' ? ['hide-input'] : []),
  ...(throws ? ['raises-exception'] : []),
];

const codeCell = async (
  cell: Cell,
  recorded: Recorded | undefined,
  count: number,
): Promise<CodeCell> => {
  const outputs = recorded?.cells[cell.id]?.outputs;
  const { role, quick, needs } = cell;
  const tags = tagsOf(cell);
  const isFolded = tags.includes('hide-input');
  return {
    cell_type: 'code',
    id: cell.id,
    metadata: {
      ...(tags.length === 0 ? {} : { tags }),
      ...(isFolded ? { jupyter: { source_hidden: true } } : {}),
      tigon: {
        role,
        ...(Object.keys(quick).length === 0 ? {} : { quick }),
        ...(needs === undefined ? {} : { needs }),
      },
    },
    source: linesOf(withPackage(sourceOf(cell))),
    execution_count: outputs === undefined ? null : count,
    outputs: (await Promise.all((outputs ?? []).map((o) => outputOf(o, count)))).flat(),
  };
};

const TYPES: Readonly<Record<string, string>> = {
  svg: 'image/svg+xml',
  png: 'image/png',
  jpg: 'image/jpeg',
};

/** Pictures of the lesson travel inside of the cell. */
const markdownCell = (id: string, markdown: string, slug: string): MarkdownCell => {
  const attachments: Record<string, Record<string, string>> = {};
  const source = redirected(withoutMarks(markdown), (target) => {
    const lesson = lessonLink(target);
    if (lesson !== undefined) return `${lesson.slug}.ipynb${lesson.anchor}`;
    const file = `${root}lessons/${slug}/${target}`;
    const type = TYPES[target.split('.').at(-1) ?? ''];
    if (type === undefined || /^[a-z]+:/.test(target) || !existsSync(file)) return undefined;
    const name = target.replaceAll(/[^\w.-]/g, '-');
    attachments[name] = { [type]: readFileSync(file).toString('base64') };
    return `attachment:${name}`;
  })
    // Cells cannot be inside of HTML: solutions stand open.
    .replaceAll(/^\s*<details>\s*<summary>(.*?)<\/summary>\s*$/gm, '**$1**')
    .replaceAll(/^\s*<\/details>\s*$/gm, '');
  const held: Attachments = attachments;
  return {
    cell_type: 'markdown',
    id,
    metadata: {},
    source: linesOf(source.trim()),
    ...(Object.keys(held).length === 0 ? {} : { attachments: held }),
  };
};

/** A notebook of the lesson; with what was recorded, if it was. */
export const notebookOf = async (
  lesson: Lesson,
  recorded: Recorded | undefined,
): Promise<Notebook> => {
  const ids = new Set(lesson.blocks.flatMap((b) => (b.kind === 'cell' ? [b.cell.id] : [])));
  const own = (wanted: string): string => (ids.has(wanted) ? `${wanted}-` : wanted);
  let count = 0;
  const cellFor = async (
    block: Block,
    at: number,
  ): Promise<readonly (MarkdownCell | CodeCell)[]> => {
    switch (block.kind) {
      case 'prose': {
        const cell = markdownCell(own(`prose-${at}`), block.markdown, lesson.slug);
        return cell.source.length === 0 ? [] : [cell];
      }
      case 'cell': {
        const { cell } = block;
        if (cell.role !== 'norun') return [await codeCell(cell, recorded, ++count)];
        return [markdownCell(cell.id, `\`\`\`ts\n${cell.source}\n\`\`\``, lesson.slug)];
      }
      case 'expect':
        // The recorded output is there instead.
        return [];
      default:
        return block satisfies never;
    }
  };
  const setup: CodeCell = {
    cell_type: 'code',
    id: own('setup'),
    metadata: { tags: ['hide-input'], jupyter: { source_hidden: true }, tigon: { role: 'hidden' } },
    source: linesOf(withPackage(SETUP)),
    execution_count: null,
    outputs: [],
  };
  const cells: (MarkdownCell | CodeCell)[] = [];
  for (const [at, block] of lesson.blocks.entries()) cells.push(...(await cellFor(block, at)));
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {
      kernelspec: { name: 'deno', display_name: 'Deno', language: 'typescript' },
      language_info: { name: 'typescript', file_extension: '.ts', mimetype: 'text/x.typescript' },
      title: lesson.title,
      tigon: { lesson: lesson.id },
    },
    cells: [setup, ...cells],
  };
};
