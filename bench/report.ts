/**
 * Rows for people to read.
 *
 * Invariant: what ran on different adapters is not compared; every figure stands under the name of its adapter.
 */
import type { Contestant } from './measure.ts';
import type { Counts, Row } from './protocol.ts';

/** What computes where, one line each. */
export const header = (contestants: readonly Contestant[]): string => {
  const lines = contestants.flatMap(({ host, offer: { adapter } }) => {
    if (adapter === null) return [];
    const note = adapter.software ? ' (software: read ratios, not milliseconds)' : '';
    return [`${host.engine}: ${adapter.name}${note}`];
  });
  return [
    ...new Set(lines),
    `${'row'.padEnd(19)} ${'subject, mode'.padEnd(30)} ${'median ms'.padStart(10)} ${'to best'.padStart(8)}`,
  ].join('\n');
};

const counted = ({ dispatches, submits, bindGroups }: Counts): string =>
  `${dispatches} dispatches in ${submits} submits, ${bindGroups} new bind groups`;

/** Operations or bytes in a second, by the median. */
const rate = (work: number, ms: number, unit: 'FLOP/s' | 'B/s'): string =>
  work / ms >= 1e9
    ? `${(work / ms / 1e9).toFixed(1)} T${unit}`
    : `${(work / ms / 1e6).toPrecision(3)} G${unit}`;

const figures = (row: Row, best: number): string[] => {
  const { medianMs, kernels, compileMs, relativeError, counts, flops, bytes } = row;
  if (medianMs === null) return [`failed: ${row.failure}`];
  return [
    medianMs.toPrecision(4).padStart(10),
    `${(medianMs / best).toFixed(2)}x`.padStart(8),
    ...(flops === null ? [] : [rate(flops, medianMs, 'FLOP/s')]),
    ...(bytes === null ? [] : [rate(bytes, medianMs, 'B/s')]),
    ...(kernels === null ? [] : [`${kernels} kernels`]),
    ...(compileMs === null ? [] : [`first call ${compileMs.toFixed(0)} ms`]),
    ...(relativeError === null ? [] : [`err ${relativeError.toExponential(1)}`]),
    ...(counts === null ? [] : [counted(counts)]),
    ...(counts !== null && row.name.startsWith('encode')
      ? [`${((medianMs * 1000) / counts.dispatches).toFixed(2)} µs a dispatch`]
      : []),
  ];
};

/** A page and Node have adapters of their own; processors and CUDA devices are the same from any process. */
const comparable = (a: Row, b: Row): boolean => a.device !== 'webgpu' || a.engine === b.engine;

/** Lines of one row's subjects; the best of each that can be compared is 1. */
export const show = (rows: readonly Row[]): string =>
  rows
    .map((row) => {
      const rivals = rows.filter((r) => comparable(r, row) && r.medianMs !== null);
      const best = Math.min(...rivals.map((r) => r.medianMs!));
      const place = row.device === 'webgpu' ? `${row.engine} ` : '';
      const threads = row.device === 'cpu' && row.threads !== null ? ` ${row.threads}t` : '';
      const who = `${place}${row.subject}${threads} ${row.mode}`;
      return [row.name.padEnd(19), who.padEnd(30), ...figures(row, best)].join(' ');
    })
    .join('\n');
