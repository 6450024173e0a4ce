/**
 * Tables of lessons as HTML.
 *
 * Invariant: plain elements without classes, so that paper and notebooks show them in their own way.
 */
import type { Table } from 'tigon/d2l';

export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

const cell = (value: string | number | null): string => {
  if (value === null) return '–';
  if (typeof value === 'string' || Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(4)));
};

const row = (name: 'th' | 'td', cells: readonly string[]): string =>
  `<tr>${cells.map((text) => `<${name}>${escaped(text)}</${name}>`).join('')}</tr>`;

export const tableHtml = ({ caption, columns, rows }: Table): string =>
  [
    '<table>',
    ...(caption === undefined ? [] : [`<caption>${escaped(caption)}</caption>`]),
    `<thead>${row('th', columns)}</thead>`,
    `<tbody>${rows.map((values) => row('td', values.map(cell))).join('')}</tbody>`,
    '</table>',
  ].join('');
