/**
 * The schedules that take convolutions image by image: which of them is best for a contraction.
 *
 * Invariant: what one of them costs is estimated in the same cycles as packed panels are.
 */
import { pointsOf } from '../../ir/dim.ts';
import type { Contraction, Nest } from '../../ir/loop/loop.ts';
import type { Caps } from '../caps.ts';
import { type ImagePlan, planConvolution, tapsOf } from './convolution.ts';
import { type Geometry, geometryOf } from './convolution-geometry.ts';
import { planDepthwise } from './depthwise.ts';
import { planDepthwiseGradient } from './depthwise-gradient.ts';
import { gradientOf, planGradient } from './gradient.ts';
import { planShifted } from './shifted.ts';
import { shiftsOf } from './shifted-geometry.ts';
import { planWinograd } from './winograd.ts';
import { planWinogradGradient } from './winograd-gradient.ts';
import { readyWeights } from './winograd-kept.ts';
import { planSpread } from './winograd-spread.ts';

/** Steps of the micro-kernel, and positions, below which nothing is gained. */
const LEAST_STEPS = 8;
const LEAST_POSITIONS = 8;

/** The best few cuts of a schedule; those that take `below` cycles or more may be missing. */
type Schedule = (most: number, below: number) => readonly (ImagePlan | undefined)[];

/** The best of the schedules that take a convolution image by image, if there is one. */
export const planImages = (nest: Nest, c: Contraction, caps: Caps): ImagePlan | undefined => {
  let best: ImagePlan | undefined;
  for (const schedule of schedulesFor(nest, c, caps))
    for (const found of schedule(1, best?.cycles ?? Number.POSITIVE_INFINITY))
      if (found !== undefined && found.cycles < (best?.cycles ?? Number.POSITIVE_INFINITY))
        best = found;
  return best;
};

/** The plan of a convolution whose weights lie transformed: no other schedule reads them as they are. */
export const planReady = (nest: Nest, c: Contraction, caps: Caps): ImagePlan | undefined => {
  if (c.a.kind !== 'guard') return undefined;
  const g = geometryOf(c);
  const shifts = g && shiftsOf(g);
  if (shifts === undefined || readyWeights(nest, shifts) === undefined) return undefined;
  return planWinograd(nest, shifts, caps, 1)[0];
};

/** The best few cuts of each schedule that takes a convolution image by image. */
export const imagePlans = (
  nest: Nest,
  c: Contraction,
  caps: Caps,
  most: number,
): readonly ImagePlan[] =>
  schedulesFor(nest, c, caps)
    .flatMap((schedule) => schedule(most, Number.POSITIVE_INFINITY))
    .filter((plan) => plan !== undefined);

/** The schedules that suit a contraction; those that multiply least come first, and need be beaten by the others. */
const schedulesFor = (nest: Nest, c: Contraction, caps: Caps): readonly Schedule[] => {
  const schedules: Schedule[] = [];
  const g = geometryOf(c);
  const shifts = g !== undefined && g.depth >= 8 && g.rows.size >= 4 ? shiftsOf(g) : undefined;
  const isShifted = shifts !== undefined && shifts.columns.size >= 8;
  if (isShifted)
    schedules.push(
      (most, below) => planSpread(nest, shifts, caps, most, below),
      (most, below) => planWinograd(nest, shifts, caps, most, undefined, below),
    );
  if (g !== undefined && isWorthIt(g))
    schedules.push(
      (most, below) => planConvolution(nest, g, caps, most, below),
      () => [planDepthwise(nest, g, caps)],
    );
  if (isShifted) schedules.push((_, below) => [planShifted(nest, shifts, caps, below)]);
  const gradient = gradientOf(c);
  if (gradient !== undefined)
    schedules.push(
      (most, below) => planWinogradGradient(nest, gradient, caps, most, below),
      (most, below) => planGradient(nest, gradient, caps, most, below),
      () => [planDepthwiseGradient(nest, gradient, caps)],
    );
  return schedules;
};

const isWorthIt = (g: Geometry): boolean =>
  g.depth * tapsOf(g).slots >= LEAST_STEPS &&
  pointsOf(g.windows.map((w) => w.position)) >= LEAST_POSITIONS;
