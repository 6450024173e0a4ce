/**
 * Which reductions are cut into parts where a thread has a workgroup of its own, and into how many.
 *
 * Invariant: depends on the sizes alone, so results do not depend on the number of threads.
 */
import { type Axis, pointsOf } from '../ir/dim.ts';
import type { Nest, ReduceExpr } from '../ir/loop/loop.ts';
import {
  evaluationCost,
  freeAxes,
  offsetOf,
  reductionsIn,
  stepAlong,
  visitLoads,
} from './analysis.ts';
import { type Cut, cutAt, isPositional, longestOf, outerOf } from './parts.ts';

/** A reduction with less work in all is left in one piece. */
const LEAST_WORK = 1 << 17;
/** Work of one part. */
const PART_WORK = 1 << 15;
const MOST_PARTS = 64;
/** Results that keep a device busy without cutting. */
const ENOUGH_RESULTS = 16;
/** Down columns, memory is read by rows of this many neighbours, and each part costs a row of results. */
const LONG_ROW = 1024;
const ENOUGH_ROWS = 8;
const MOST_COLUMN_PARTS = 16;

/** Elements that no second-level cache holds: how they come from memory is what counts. */
const FAR = 1 << 17;
/** Neighbours that a processor reads ahead of, before it has to jump. */
const LEAST_RUN = 32;

/**
 * Whether the results lie between what is summed, as channels do between images and places: result by result, memory
 * would be read in short runs far apart (at half of its speed), image by image it is read in its order.
 */
const isBetween = (e: ReduceExpr, outer: readonly Axis[]): boolean => {
  const [first, ...inner] = e.axes;
  const elements = pointsOf(outer) * pointsOf(e.axes);
  if (first === undefined || elements < FAR || isPositional(e)) return false;
  if (pointsOf(inner) < LEAST_RUN || pointsOf(outer) < 2) return false;
  let between = false;
  let other = false;
  visitLoads(e.body, (l) => {
    const offset = offsetOf(l);
    const far = stepAlong(offset, first);
    const near = stepAlong(offset, inner[inner.length - 1]!);
    const steps = outer.map((a) => stepAlong(offset, a)).filter((step) => step !== 0);
    if (far === 0 && near === 0) return;
    const inOrder = steps.length > 0 && steps.every((s) => s !== undefined && s > 1 && s < far!);
    if (near === 1 && inOrder) between = true;
    else other = true;
  });
  return between && !other;
};

/** How a reduction is cut where a thread has a workgroup of its own; `undefined` where it stays in one piece. */
export const cutForLanes = (e: ReduceExpr, nest: Nest): Cut | undefined => {
  const outer = outerOf(e, nest);
  if (outer === undefined) return undefined;
  if (isBetween(e, outer)) return cutAt(e, 0, e.axes[0]!.extent, (n) => n, outer);
  const once = knownBefore(e);
  const own = once.reduce((cost, inner) => cost - evaluationCost(inner), evaluationCost(e.body));
  const work = pointsOf(outer) * pointsOf(e.axes) * Math.max(1, own / 4);
  if (work < LEAST_WORK) return undefined;
  // neighbouring results share vectors and cache lines: they count for less
  let columns = false;
  visitLoads(e.body, (l) => {
    if (outer.some((a) => stepAlong(offsetOf(l), a) === 1)) columns = true;
  });
  const results = pointsOf(outer) / (columns ? LONG_ROW : 1);
  if (results >= (columns ? ENOUGH_ROWS : ENOUGH_RESULTS)) return undefined;
  const at = isPositional(e) || e.axes[0]!.extent >= 8 ? 0 : longestOf(e.axes);
  const { extent } = e.axes[at]!;
  const most = columns ? Math.ceil(MOST_COLUMN_PARTS / Math.max(1, results)) : MOST_PARTS;
  const parts = Math.min(most, extent, Math.max(2, Math.floor(work / PART_WORK)));
  const round = (n: number): number => (n > 256 ? Math.ceil(n / 64) * 64 : n);
  const cut = cutAt(e, at, parts, round, outer);
  // each part computes anew what its result depends on
  const repeated = once.reduce((sum, inner) => sum + pointsOf(inner.axes), 0);
  const each = pointsOf(e.axes) / extent;
  return cut !== undefined && repeated <= cut.length * each ? cut : undefined;
};

/** What is folded once for each result, before its elements: the mean of a variance. */
const knownBefore = (e: ReduceExpr): ReduceExpr[] =>
  reductionsIn([e.body]).filter((inner) => e.axes.every((a) => !freeAxes(inner).has(a)));
