/**
 * What recorded runs showed, as markup for pages that have not run anything yet.
 *
 * Invariant: the same pictures and tables that a live run draws, made when the site is built; panels of compiled
 * functions are for live runs alone.
 */
import { type Figure, figureSvg, type Table } from 'tigon/d2l';

import type { Output } from '../../kernel/output.ts';
import { slugs } from '../../run/library.ts';
import { readRecorded } from '../../run/save.ts';
import type { RecordedMarkup } from './markdown.ts';

export const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');

/** On phones: what has axes is drawn again, for words of a readable size. */
const NARROW = 340;

const figureMarkup = async (figure: Figure): Promise<string> => {
  const wide = await figureSvg(figure);
  if (figure.panels.every(({ kind }) => kind === 'picture'))
    return `<div class="cell-figure">${wide}</div>`;
  const narrow = await figureSvg(figure, { width: NARROW });
  return `<div class="cell-figure wide">${wide}</div><div class="cell-figure narrow">${narrow}</div>`;
};

const tableMarkup = ({ caption, columns, rows }: Table): string => {
  const head = columns.map((name) => `<th scope="col">${escaped(name)}</th>`).join('');
  const body = rows
    .map((row) => `<tr>${row.map((x) => `<td>${escaped(cellText(x))}</td>`).join('')}</tr>`)
    .join('');
  const title = caption === undefined ? '' : `<p class="cell-caption">${escaped(caption)}</p>`;
  return `${title}<div class="cell-table" tabindex="0" role="group" aria-label="${escaped(caption ?? 'table').replace(/"/g, '&quot;')}"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
};

const cellText = (x: string | number | null): string =>
  x === null ? '–' : typeof x === 'string' || Number.isInteger(x) ? String(x) : x.toPrecision(3);

const outputMarkup = async (output: Output): Promise<string> => {
  switch (output.kind) {
    case 'text':
      return `<pre class="cell-text ${output.stream}">${escaped(output.text)}</pre>`;
    case 'value':
      return `<pre class="cell-value">${escaped(output.text)}</pre>`;
    case 'record':
      return '';
    case 'error': {
      const where = output.line === undefined ? '' : `line ${output.line}: `;
      return `<pre class="cell-error">${escaped(`${where}${output.name}: ${output.message}`)}</pre>`;
    }
    case 'display': {
      const { item } = output;
      if (item.kind === 'figure') return await figureMarkup(item);
      if (item.kind === 'table') return tableMarkup(item);
      const launches = item.programs.reduce((n, p) => n + p.launches.length, 0);
      return `<p>${escaped(item.name)}, compiled: ${launches} ${launches === 1 ? 'launch' : 'launches'}. Run the cell to open its graph, kernels and memory plan.</p>`;
    }
    default:
      return output satisfies never;
  }
};

/** Markup of every recorded cell, by lesson. */
export const recordedMarkup = async (): Promise<RecordedMarkup> => {
  const lessons = new Map<string, ReadonlyMap<string, string>>();
  for (const slug of slugs()) {
    const cells = new Map<string, string>();
    for (const [id, cell] of Object.entries(readRecorded(slug)?.cells ?? {})) {
      const parts = await Promise.all(cell.outputs.map(outputMarkup));
      const markup = parts.filter((part) => part !== '').join('');
      if (markup !== '') cells.set(id, markup);
    }
    lessons.set(slug, cells);
  }
  return lessons;
};
