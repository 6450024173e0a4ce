/**
 * Which reductions are cut into parts where threads share a workgroup, and into how many.
 *
 * Invariant: depends on the sizes alone.
 */
import { type Axis, pointsOf } from '../../ir/dim.ts';
import type { Nest, ReduceExpr } from '../../ir/loop/loop.ts';
import { offsetOf, stepAlong, visitLoads } from '../analysis.ts';
import { type Cut, cutAt, isPositional, longestOf, outerOf } from '../parts.ts';

/** Elements that a workgroup folds in about the time that one more launch takes. */
const LONG_FOLD = 1 << 15;
/** Elements of one part, at least. */
const PART = 1 << 12;
/** Workgroups that keep a device busy, and how many are made where there are fewer. */
const BUSY = 128;
const WANTED = 512;
/** Down columns a workgroup folds neighbours together. */
const NEIGHBOURS = 16;

/** How a reduction is cut where threads share a workgroup; `undefined` where it stays in one piece. */
export const cutForGroups = (e: ReduceExpr, nest: Nest): Cut | undefined => {
  const outer = outerOf(e, nest);
  // points below the fold wait for it in its own workgroup: fusion has seen to it that this is worth it
  if (outer === undefined || pointsOf(outer) !== pointsOf(nest.axes)) return undefined;
  const rows = pointsOf(outer);
  const together = runsAcross(e, outer) ? Math.min(NEIGHBOURS, rows) : 1;
  const groups = Math.ceil(rows / together);
  const fold = pointsOf(e.axes) * together;
  if (groups >= BUSY || fold < LONG_FOLD) return undefined;
  const parts = Math.min(Math.ceil(WANTED / groups), Math.floor(fold / PART));
  const first = e.axes.findIndex((a) => a.extent >= parts);
  const at = isPositional(e) ? 0 : first < 0 ? longestOf(e.axes) : first;
  const round = (n: number): number => (n >= PART ? Math.ceil(n / 256) * 256 : n);
  return cutAt(e, at, Math.min(parts, e.axes[at]!.extent), round, outer);
};

/** Whether neighbouring results are made of neighbouring elements, and the elements of one result are not neighbours. */
const runsAcross = (e: ReduceExpr, outer: readonly Axis[]): boolean => {
  const last = outer.findLast((a) => a.extent > 1);
  if (last === undefined) return false;
  let across = false;
  let along = false;
  visitLoads(e.body, (l) => {
    const offset = offsetOf(l);
    if (stepAlong(offset, last) === 1) across = true;
    if (e.axes.some((a) => stepAlong(offset, a) === 1)) along = true;
  });
  return across && !along;
};
