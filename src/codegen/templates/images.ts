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

/** Steps of the micro-kernel, and positions, below which nothing is gained. */
const LEAST_STEPS = 8;
const LEAST_POSITIONS = 8;

/** The best of the schedules that take a convolution image by image, if there is one. */
export const planImages = (nest: Nest, c: Contraction, caps: Caps): ImagePlan | undefined =>
  imagePlans(nest, c, caps, 1).reduce<ImagePlan | undefined>(
    (a, b) => (b.cycles < (a?.cycles ?? Number.POSITIVE_INFINITY) ? b : a),
    undefined,
  );

/** The best few cuts of each schedule that takes a convolution image by image. */
export const imagePlans = (
  nest: Nest,
  c: Contraction,
  caps: Caps,
  most: number,
): readonly ImagePlan[] => {
  const plans: (ImagePlan | undefined)[] = [];
  const g = geometryOf(c);
  if (g !== undefined && isWorthIt(g))
    plans.push(...planConvolution(nest, g, caps, most), planDepthwise(nest, g, caps));
  const shifts = g && shiftsOf(g);
  if (
    shifts !== undefined &&
    shifts.depth >= 8 &&
    shifts.rows.size >= 4 &&
    shifts.columns.size >= 8
  )
    plans.push(planShifted(nest, shifts, caps), ...planWinograd(nest, shifts, caps, most));
  const gradient = gradientOf(c);
  if (gradient !== undefined)
    plans.push(
      ...planGradient(nest, gradient, caps, most),
      planDepthwiseGradient(nest, gradient, caps),
      ...planWinogradGradient(nest, gradient, caps, most),
    );
  return plans.filter((plan) => plan !== undefined);
};

const isWorthIt = (g: Geometry): boolean =>
  g.depth * tapsOf(g).slots >= LEAST_STEPS &&
  pointsOf(g.windows.map((w) => w.position)) >= LEAST_POSITIONS;
