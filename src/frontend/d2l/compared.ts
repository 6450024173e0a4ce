/**
 * What a comparison found, as a table and as named values.
 *
 * Invariant: every figure of the table is in the record of the comparison.
 */
import { showBytes } from '../../explain/text.ts';
import type { Comparison, ComparisonRow, Way } from './compare.ts';
import type { Table } from './displayable.ts';
import { report } from './record.ts';
import { showValue } from './text.ts';

const short = (ms: number): number => Number(ms.toPrecision(3));

/** A part of a row that all rows have, or none. */
interface Column {
  readonly title: string;
  readonly of: (row: ComparisonRow, way: 'imperative' | 'compiled') => string | number | null;
}

const ofWay =
  (read: (way: Way) => string | number | null): Column['of'] =>
  (row, way) =>
    read(row[way]);

const COLUMNS: readonly Column[] = [
  { title: '', of: (_, way) => way },
  { title: 'ms', of: ofWay(({ ms }) => short(ms.median)) },
  {
    title: 'quartiles',
    of: ofWay(({ ms }) => ms.quartiles.map((q) => showValue(short(q))).join(' – ')),
  },
  {
    title: 'faster',
    of: ({ ratio }, way) => (way === 'compiled' ? `${showValue(short(ratio))}×` : ''),
  },
  { title: 'launches', of: ofWay(({ counts }) => counts.launches) },
  { title: 'moved', of: ofWay(({ counts }) => showBytes(counts.movedBytes)) },
  { title: 'between', of: ofWay(({ counts }) => showBytes(counts.intermediateBytes)) },
  { title: 'peak', of: ofWay(({ counts }) => showBytes(counts.peakBytes)) },
  {
    title: 'trace + compile ms',
    of: ({ compileMs }, way) => (way === 'compiled' ? short(compileMs) : ''),
  },
];

const TRANSFERS: Column = {
  title: 'to and from',
  of: ofWay(({ counts: { uploadedBytes = 0, readBytes = 0 } }) =>
    [uploadedBytes, readBytes].map(showBytes).join(', '),
  ),
};

/** The comparison as a table of two lines for each function and batch size. */
export const comparisonTable = ({ rows, ...rest }: Comparison): Table => {
  const first: Column[] = [];
  if (rows.some(({ what }) => what !== undefined))
    first.push({ title: 'what', of: ({ what = '' }, way) => (way === 'imperative' ? what : '') });
  if (rows.some(({ batchSize }) => batchSize !== undefined))
    first.push({ title: 'batch', of: ({ batchSize = 0 }) => batchSize });
  const isCounted = rows.some(({ compiled }) => compiled.counts.uploadedBytes !== undefined);
  const columns = [...first, ...COLUMNS, ...(isCounted ? [TRANSFERS] : [])];
  const { name, environment, calls, rtol, atol } = rest;
  const inLoops = rows.some(({ compiled }) => compiled.counts.loops > 0)
    ? '; what a compiled loop repeats is counted once'
    : '';
  return {
    kind: 'table',
    caption: `${name}: equal in ${calls} calls in a row (rtol ${rtol}, atol ${atol}); medians and quartiles of a call${inLoops}; ${environment}`,
    columns: columns.map(({ title }) => title),
    rows: rows.flatMap((row) =>
      (['imperative', 'compiled'] as const).map((way) => columns.map(({ of }) => of(row, way))),
    ),
  };
};

/** Records the figures under the comparison's name. */
export const recordComparison = ({ name, rows }: Comparison): void => {
  for (const row of rows) {
    const prefix = [name, row.what, row.batchSize].filter((part) => part !== undefined).join('.');
    report(`${prefix}.ratio`, short(row.ratio));
    report(`${prefix}.compile.ms`, short(row.compileMs));
    for (const way of ['imperative', 'compiled'] as const) {
      const { ms, counts } = row[way];
      report(`${prefix}.${way}.ms`, short(ms.median));
      report(`${prefix}.${way}.launches`, counts.launches);
      report(`${prefix}.${way}.bytes`, counts.movedBytes);
      report(`${prefix}.${way}.intermediates`, counts.intermediateBytes);
      report(`${prefix}.${way}.peak`, counts.peakBytes);
    }
  }
};
