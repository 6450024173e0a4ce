/**
 * How many rows can be read side by side: lines a page apart lie at the same places of a first-level cache, and push each
 * other out before their other elements are read.
 *
 * Invariant: depends on sizes alone; it decides how rows are grouped, not what is computed.
 */
import type { Axis } from '../ir/dim.ts';
import { bytesOf } from '../ir/dtype.ts';
import type { Expr } from '../ir/loop/loop.ts';
import { offsetOf, stepAlong, visitLoads } from './analysis.ts';

/** Lines at the same place that rows may have: eight find room; a few more cost less than reading ahead of fewer rows. */
const LINES = 12;
/** Bytes after which places repeat. */
const SPAN = 4096;

/** Rows along `axis`, at most `most`, whose lines of all that `bodies` read find places beside a line of results each. */
export const rowsApart = (bodies: readonly Expr[], axis: Axis, most: number): number => {
  const strides = new Map<string, number>();
  for (const body of bodies)
    visitLoads(body, (l) => {
      const offset = offsetOf(l);
      const step = stepAlong(offset, axis);
      if (step !== 0) strides.set(`${l.buffer.id} ${offset.key}`, (step ?? 1) * bytesOf(l.dtype));
    });
  const lines = (rows: number): number =>
    [...strides.values()].reduce((n, s) => n + Math.ceil(rows * shareOfRows(s)), bodies.length);
  let rows = most;
  while (rows > 2 && lines(rows) > LINES) rows /= 2;
  return rows;
};

/** Share of the rows of such a stride that lie at the same places. */
const shareOfRows = (stride: number): number => {
  let [a, b] = [Math.abs(stride) % SPAN, SPAN];
  while (a > 0) [a, b] = [b % a, a];
  return b / SPAN;
};
