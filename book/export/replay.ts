/**
 * Runs the cells of a notebook file in Node, to see that it is one that runs.
 *
 * Invariant: reads nothing but the file: its cells, their tags and notes.
 */
import type { Cell, Role } from '../format/lesson.ts';
import { createKernel } from '../kernel/kernel.ts';
import { nodeModules } from '../kernel/node.ts';
import type { Output } from '../kernel/output.ts';
import { type CodeCell, readNotebook } from './notebook.ts';

const ROLES: readonly Role[] = ['code', 'hidden', 'test', 'solution'];

const cellOf = ({ id, source, metadata }: CodeCell): Cell => {
  const { role = 'code', quick = {}, needs } = metadata.tigon ?? {};
  return {
    id,
    source: source.join(''),
    line: 1,
    role: ROLES.find((r) => r === role) ?? 'code',
    throws: metadata.tags?.includes('raises-exception') === true,
    quick,
    ...(needs === undefined ? {} : { needs }),
  };
};

/** Modules as a notebook names them. */
const modules = (specifier: string): Promise<object> =>
  nodeModules(specifier.replace(/^npm:(tigon)@[^/]*/, '$1'));

/** Runs the cells with quick constants; gives what went wrong. */
export const replayNotebook = async (text: string): Promise<readonly string[]> => {
  const notebook = readNotebook(text);
  const wrong: string[] = [];
  const errors: Extract<Output, { kind: 'error' }>[] = [];
  const kernel = createKernel({
    lesson: notebook.metadata.tigon.lesson,
    modules,
    quick: true,
    post(_cell, output) {
      if (output.kind === 'error') errors.push(output);
    },
  });
  const cells = notebook.cells.flatMap((cell) => (cell.cell_type === 'code' ? [cellOf(cell)] : []));
  for (const cell of cells) {
    errors.length = 0;
    const { outcome } = await kernel.run(cell);
    if (outcome !== 'failed') continue;
    const last = errors.at(-1);
    wrong.push(
      `cell ${cell.id}: ${last === undefined ? 'it failed' : `${last.name}: ${last.message}`}`,
    );
  }
  return wrong;
};
