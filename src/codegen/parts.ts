/**
 * Which reductions are cut into parts for several workgroups, and into how many.
 *
 * Invariant: depends on the sizes and on the kind of device alone, so results do not depend on the number of threads.
 */
import { type Axis, pointsOf } from '../ir/dim.ts';
import type { Nest, ReduceExpr } from '../ir/loop/loop.ts';
import { evaluationCost, freeAxes, offsetOf, stepAlong, visitLoads } from './analysis.ts';
import type { Caps } from './caps.ts';

export interface Cut {
  readonly of: ReduceExpr;
  /** Index among its axes of the one that is cut, in `whole` pieces of `length` and perhaps a shorter last one. */
  readonly at: number;
  readonly length: number;
  readonly whole: number;
  readonly last: number;
  /** Axes the result depends on. */
  readonly outer: readonly Axis[];
}

/** How a reduction of a nest is cut; `undefined` where it stays in one piece. */
export const cutOf = (e: ReduceExpr, nest: Nest, caps: Caps): Cut | undefined => {
  const outer = nest.axes.filter((a) => freeAxes(e).has(a));
  if ([...freeAxes(e)].some((a) => !nest.axes.includes(a))) return undefined;
  return caps.threads > 1 ? gpuCut(e, nest, outer) : cpuCut(e, outer);
};

const cutAt = (
  e: ReduceExpr,
  at: number,
  parts: number,
  round: (length: number) => number,
  outer: readonly Axis[],
): Cut | undefined => {
  const { extent } = e.axes[at]!;
  const length = round(Math.ceil(extent / parts));
  const whole = Math.floor(extent / length);
  if (whole < 2) return undefined;
  return { of: e, at, length, whole, last: extent - whole * length, outer };
};

const isPositional = (e: ReduceExpr): boolean => e.op === 'argmax' || e.op === 'argmin';

const longestOf = (axes: readonly Axis[]): number =>
  axes.reduce((best, a, i) => (a.extent > axes[best]!.extent ? i : best), 0);

// ---- threads that take a workgroup each ---------------------------------------------------------------------------

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

const cpuCut = (e: ReduceExpr, outer: readonly Axis[]): Cut | undefined => {
  if (isBetween(e, outer)) return cutAt(e, 0, e.axes[0]!.extent, (n) => n, outer);
  const work = pointsOf(outer) * pointsOf(e.axes) * Math.max(1, evaluationCost(e.body) / 4);
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
  return cutAt(e, at, parts, round, outer);
};

// ---- threads that share a workgroup -------------------------------------------------------------------------------

/** Elements that a workgroup folds in about the time that one more launch takes. */
const LONG_FOLD = 1 << 15;
/** Elements of one part, at least. */
const PART = 1 << 12;
/** Workgroups that keep a device busy, and how many are made where there are fewer. */
const BUSY = 128;
const WANTED = 512;
/** Down columns a workgroup folds neighbours together. */
const NEIGHBOURS = 16;

const gpuCut = (e: ReduceExpr, nest: Nest, outer: readonly Axis[]): Cut | undefined => {
  // points below the fold wait for it in its own workgroup: fusion has seen to it that this is worth it
  if (pointsOf(outer) !== pointsOf(nest.axes)) return undefined;
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
