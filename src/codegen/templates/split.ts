/**
 * Splits a contraction with a long sum and a small result over workgroups: partial sums first, then their sum.
 *
 * Invariant: the second kernel adds the parts in a fixed order, so results do not depend on how many threads run.
 */

import { type Axis, idxAdd, idxAxis, idxScale, newAxis, pointsOf } from '../../ir/dim.ts';
import type { Contraction, LoopKernel, Nest } from '../../ir/loop/loop.ts';
import type { Caps } from '../caps.ts';
import { rewriter } from '../rewrite.ts';
import { AlikeNests } from './alike-nests.ts';
import { blockings, leastCycles } from './blocking.ts';
import type { Problem } from './contraction.ts';
import { type GradientGeometry, gradientCycles, gradientOf, inParts } from './gradient.ts';
import { productCycles } from './matmul.ts';
import { laneProblems } from './panels.ts';
import { kernelsOf, type Split } from './partial-sums.ts';
import { winogradGradientCycles } from './winograd-gradient-cut.ts';

/** Sums shorter than this are not worth a second launch. */
const SHORTEST = 2048;
/** A split has to save this share of the time. */
const GAIN = 0.94;
/** Cycles to add an element of a part. */
const ADDED = 0.5;

/**
 * Two kernels instead of one: the first leaves partial sums `[part, batch, m, n]`, the second adds them up and does the
 * stores. `undefined` where one kernel keeps the device busy, or the sum cannot be cut evenly.
 */
export const splitContraction = (
  kernel: LoopKernel,
  caps: Caps,
): readonly LoopKernel[] | undefined => {
  const [nest] = kernel.nests;
  const c = nest?.contract;
  if (nest === undefined || c === undefined || kernel.nests.length !== 1) return undefined;
  if (caps.parallelism < 2) return undefined;
  const depth = pointsOf(c.k);
  if (depth < SHORTEST) return undefined;
  const parts = bestCounts.of(nest, c, caps, () => bestCount(nest, c, caps));
  return parts === undefined ? undefined : kernelsOf(kernel, nest, cut(c, parts));
};

const bestCounts = new AlikeNests<number | undefined>();

/** How many parts are worth a second launch, if any are. */
const bestCount = (nest: Nest, c: Contraction, caps: Caps): number | undefined => {
  const counts = partCounts(c, caps.parallelism);
  if (counts.length === 0) return undefined;
  const whole = productCycles(nest, caps);
  if (whole === undefined) return undefined;
  const ways = laneProblems(c, caps);
  const gradient = gradientOf(c);
  let best: number | undefined;
  let least = GAIN * whole;
  for (const parts of counts) {
    const adding = ADDED * parts * resultSize(c);
    if (adding >= least) continue;
    const cycles = estimate(c, { ways, gradient, parts }, caps, least - adding);
    if (cycles === undefined) continue;
    least = cycles + adding;
    best = parts;
  }
  return best;
};

const resultSize = (c: Contraction): number => pointsOf([...c.batch, ...c.m, ...c.n]);

/** What is known of the whole, and in how many parts. */
interface Parts {
  readonly ways: readonly Problem[];
  readonly gradient: GradientGeometry | undefined;
  readonly parts: number;
}

/** Estimated cycles of the parts, if they are below `most`. */
const estimate = (
  c: Contraction,
  { ways, gradient, parts }: Parts,
  caps: Caps,
  most: number,
): number | undefined => {
  let made: Contraction | undefined;
  /** Made where sizes do not tell enough. */
  const part = (): Contraction => {
    made ??= cut(c, parts).contract;
    return made;
  };
  let least = most;
  const takes = (cycles: number | undefined): void => {
    if (cycles !== undefined && cycles < least) least = cycles;
  };
  const axis = cutAxis(c)!;
  if (gradient !== undefined) {
    const g = inParts(gradient, axis, parts) ?? gradientOf(part());
    takes(g && winogradGradientCycles(g, caps, least));
    takes(g && gradientCycles(g, caps, least));
  }
  // an axis that is gone may leave rows that need no packing
  const isGone = parts === axis.extent;
  if (isGone || ways.some((p) => leastOfParts(p, parts, caps) < least))
    for (const p of laneProblems(part(), caps))
      if (leastCycles(p, caps) < least) takes(blockings(p, caps, 1, least)[0]?.cycles);
  return least < most ? least : undefined;
};

/** What panels do not get below where the sum is taken in parts. */
const leastOfParts = (p: Problem, parts: number, caps: Caps): number => {
  const { batches, depth, k } = p;
  const each = { ...k, count: k.count / parts };
  return leastCycles({ ...p, batches: batches * parts, depth: depth / parts, k: each }, caps);
};

/** The axis that is cut. */
const cutAxis = (c: Contraction): Axis | undefined => c.k.find((a) => a.extent > 1);

/** Even cuts of the first summed axis longer than one: as many as there are cores, or a few times that. */
const partCounts = (c: Contraction, parallelism: number): number[] => {
  const first = cutAxis(c);
  if (first === undefined) return [];
  const counts = [1, 2, 3, 4].map((by) => by * parallelism);
  return counts.filter((n) => first.extent % n === 0 && n <= first.extent);
};

const cut = (c: Contraction, parts: number): Split => {
  const first = cutAxis(c)!;
  const part = newAxis('part', parts, 'par');
  const length = first.extent / parts;
  const rest = newAxis(first.name, length, 'red');
  const at = idxAdd(idxScale(idxAxis(part), length), idxAxis(rest));
  const map = rewriter({ axis: (a) => (a === first ? at : undefined) });
  const contract: Contraction = {
    ...c,
    batch: [part, ...c.batch],
    k: c.k.map((a) => (a === first ? rest : a)),
    a: map.expr(c.a),
    b: map.expr(c.b),
  };
  return { part, contract };
};
