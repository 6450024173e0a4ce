/**
 * Splits a contraction with a long sum and a small result over workgroups: partial sums first, then their sum.
 *
 * Invariant: the second kernel adds the parts in a fixed order, so results do not depend on how many threads run.
 */

import { idxAdd, idxAxis, idxScale, newAxis, pointsOf } from '../../ir/dim.ts';
import type { Contraction, LoopKernel, Nest } from '../../ir/loop/loop.ts';
import type { Caps } from '../caps.ts';
import { rewriter } from '../rewrite.ts';
import { AlikeNests } from './alike-nests.ts';
import { blockings, leastCycles } from './blocking.ts';
import type { Problem } from './contraction.ts';
import { gradientCycles } from './gradient.ts';
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
  const whole = productCycles(nest, caps);
  if (whole === undefined) return undefined;
  let best: number | undefined;
  let least = GAIN * whole;
  for (const parts of partCounts(c, caps.parallelism)) {
    const adding = ADDED * parts * resultSize(c);
    if (adding >= least) continue;
    const cycles = estimate(cut(c, parts).contract, caps, least - adding);
    if (cycles === undefined || cycles + adding >= least) continue;
    least = cycles + adding;
    best = parts;
  }
  return best;
};

const resultSize = (c: Contraction): number => pointsOf([...c.batch, ...c.m, ...c.n]);

/** Estimated cycles of a part, if they may be below `most`. */
const estimate = (c: Contraction, caps: Caps, most: number): number | undefined => {
  const cycles = laneProblems(c, caps).flatMap((p: Problem) =>
    leastCycles(p, caps) > most ? [] : blockings(p, caps).map((cut) => cut.cycles),
  );
  for (const gradient of [gradientCycles(c, caps), winogradGradientCycles(c, caps)])
    if (gradient !== undefined) cycles.push(gradient);
  return cycles.length === 0 ? undefined : Math.min(...cycles);
};

/** Even cuts of the first summed axis longer than one: as many as there are cores, or a few times that. */
const partCounts = (c: Contraction, parallelism: number): number[] => {
  const first = c.k.find((a) => a.extent > 1);
  if (first === undefined) return [];
  const counts = [1, 2, 3, 4].map((by) => by * parallelism);
  return counts.filter((n) => first.extent % n === 0 && n <= first.extent);
};

const cut = (c: Contraction, parts: number): Split => {
  const first = c.k.find((a) => a.extent > 1)!;
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
