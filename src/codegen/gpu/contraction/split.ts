/**
 * Splits a contraction with a long sum and few tiles over more workgroups: partial sums first, then their sum.
 *
 * Invariant: how the sum is cut depends on the sizes alone, and the second launch adds the parts in a fixed order.
 */
import {
  type Axis,
  idxAdd,
  idxAxis,
  idxDiv,
  idxMod,
  idxScale,
  idxUnflatten,
  newAxis,
  pointsOf,
} from '../../../ir/dim.ts';
import { constant, guard } from '../../../ir/loop/expr.ts';
import type { Contraction, Expr, LoopKernel, Nest } from '../../../ir/loop/loop.ts';
import type { Caps } from '../../caps.ts';
import { rewriter } from '../../rewrite.ts';
import { kernelsOf, type Split } from '../../templates/partial-sums.ts';
import { bestCut } from './choose.ts';
import { passingOn } from './model.ts';
import { problems, refusal } from './problem.ts';

/** Sums shorter than this are not worth a second launch. */
const SHORTEST = 512;
/** Workgroups that keep any device busy. */
const ENOUGH = 512;
/** Results that fill a device whose threads do without each other. */
const FULL = 4096;
/** Numbers of parts to try. */
const PARTS = [2, 4, 8, 16, 32, 64, 128, 256];
/** A split may take this share of the time at most: one more launch costs more than the model knows. */
const GAIN = 0.75;

/**
 * Two kernels instead of one: the first leaves partial sums `[part, batch, m, n]`, the second adds them up and does the
 * stores. `undefined` where one kernel is as fast.
 */
export const splitGpuContraction = (
  kernel: LoopKernel,
  caps: Caps,
): readonly LoopKernel[] | undefined => {
  const [nest] = kernel.nests;
  if (!caps.barriers && nest !== undefined && pointsOf(nest.axes) >= FULL) return undefined;
  return splitBy(kernel, { choose: (n) => choiceFor(n, caps), passingOn });
};

const choiceFor = (nest: Nest, caps: Caps): Estimate | undefined => {
  if (refusal(nest, nest.contract!, caps) !== undefined) return undefined;
  const best = bestCut(problems(nest, nest.contract!), caps, undefined);
  return best && { cycles: best.cycles, grid: best.cut.grid };
};

/** What a schedule makes of a nest: estimated time, and how many workgroups. */
export interface Estimate {
  readonly cycles: number;
  readonly grid: number;
}

/** How long a schedule takes. */
export interface Estimates {
  /** `undefined` where the schedule does not take the nest. */
  choose(nest: Nest): Estimate | undefined;
  /** One more launch, which reads so many numbers that the one before wrote. */
  passingOn(numbers: number): number;
}

/** The best split by what a schedule says it takes; `undefined` where none is better by enough. */
export const splitBy = (
  kernel: LoopKernel,
  { choose, passingOn: launch }: Estimates,
): readonly LoopKernel[] | undefined => {
  const [nest] = kernel.nests;
  const c = nest?.contract;
  if (nest === undefined || c === undefined || kernel.nests.length !== 1) return undefined;
  if (pointsOf(c.k) < SHORTEST) return undefined;
  const whole = choose(nest);
  if (whole === undefined) return undefined;
  const results = pointsOf(nest.axes);
  let best: { readonly kernels: readonly LoopKernel[]; readonly cycles: number } | undefined;
  for (const { axis, pieces, parts } of places(c, ENOUGH / whole.grid)) {
    const kernels = kernelsOf(kernel, nest, splitAt(c, axis, pieces));
    const part = choose(kernels[0]!.nests[0]!);
    if (part === undefined) continue;
    const cycles = part.cycles + launch(parts * results);
    if (best !== undefined && cycles > best.cycles) break;
    if (cycles < GAIN * whole.cycles) best = { kernels, cycles };
  }
  return best?.kernels;
};

/** Where a sum may be cut: summed axes before `axis` one value a part, `axis` in pieces. */
interface Place {
  readonly axis: number;
  readonly pieces: number;
  readonly parts: number;
}

/** For each number of parts up to `most` the place that gives it or little less, in even pieces where there are some. */
const places = (c: Contraction, most: number): Place[] => {
  const found = new Map<number, Place>();
  for (const wanted of PARTS) {
    if (wanted > 2 * most) break;
    let before = 1;
    let best: Place | undefined;
    for (const [axis, { extent }] of c.k.entries()) {
      const room = Math.floor(wanted / before);
      if (room < 1) break;
      const pieces = evenly(extent, room) ?? Math.min(extent, room);
      const parts = before * pieces;
      if (parts > 1 && (best === undefined || parts > best.parts)) best = { axis, pieces, parts };
      before *= extent;
    }
    if (best !== undefined) found.set(best.parts, best);
  }
  return [...found.values()];
};

/** The most even pieces that `extent` has, from half of `most` up to `most`. */
const evenly = (extent: number, most: number): number | undefined => {
  for (let n = Math.min(extent, most); 2 * n > most; n--) if (extent % n === 0) return n;
  return undefined;
};

const splitAt = (c: Contraction, axis: number, pieces: number): Split => {
  const before = c.k.slice(0, axis);
  const cut = c.k[axis]!;
  const part = newAxis('part', pointsOf(before) * pieces, 'par');
  const length = Math.ceil(cut.extent / pieces);
  const rest = newAxis(cut.name, length, 'red');
  const at = idxAdd(idxScale(idxMod(idxAxis(part), pieces), length), idxAxis(rest));
  const outer = idxUnflatten(
    idxDiv(idxAxis(part), pieces),
    before.map((a) => a.extent),
  );
  const map = rewriter({
    axis: (a: Axis) => (a === cut ? at : outer[before.indexOf(a)]),
  });
  const within = (e: Expr): Expr =>
    guard([{ idx: at, lo: 0, hi: cut.extent }], map.expr(e), constant(0, e.dtype));
  const contract: Contraction = {
    ...c,
    batch: [part, ...c.batch],
    k: [rest, ...c.k.slice(axis + 1)],
    a: within(c.a),
    b: within(c.b),
  };
  return { part, contract };
};
