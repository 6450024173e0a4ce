/**
 * Convolutions of groups with one result each, or a few: too few rows to fill a tile of the micro-kernel, so vectors run
 * along the image and rows of it share each weight.
 *
 * Invariants: a workgroup owns whole stripes of images; a sum is taken channel by channel, tap by tap, in order; results
 * are stored from registers, each once.
 */
import { pointsOf } from '../../ir/dim.ts';
import type { Nest } from '../../ir/loop/loop.ts';
import { sharedBuffer } from '../../ir/thread/build.ts';
import { evaluationCost } from '../analysis.ts';
import type { Caps } from '../caps.ts';
import { Emitter } from '../emit/emitter.ts';
import type { NestPlan } from '../plan.ts';
import { elapsed, START } from './contraction.ts';
import { type ImagePlan, tapsOf } from './convolution.ts';
import type { Geometry } from './convolution-geometry.ts';
import { emitDepthwise } from './depthwise-emit.ts';
import { copyCost, type Planes, planeLength, planesOf } from './planes.ts';

/** How the work is cut. */
export interface DepthwiseCut {
  /** Positions of the first window that a plane holds, a whole part of them. */
  readonly stripe: number;
  readonly stripes: number;
  readonly planes: Planes;
  /** Elements of a channel. */
  readonly plane: number;
  /** Rows of an image that are summed at a time. */
  readonly block: number;
  /** Stripes of a workgroup, and of all images and groups. */
  readonly units: number;
  readonly allUnits: number;
  readonly grid: number;
  readonly cycles: number;
}

/** Rows of a group that this is for: four fill the micro-kernel. */
const MOST_ROWS = 3;
/** Vectors that are summed at a time, and with more taps than registers: loads of weights then serve more. */
const SUMS = 4;
const MORE_SUMS = 8;
const MANY_TAPS = 9;
/** Products that are written out one by one. */
const MOST_PRODUCTS = 400;
/** Bytes of a stripe's planes: half of a first-level cache. */
const NEAR = 16 * 1024;
/** Cycles of a vector's product, of a vector's store, to copy a weight and to clear an element. */
const PRODUCT = 0.75;
/** The same where there are more channels than `FEW`, whose weights no registers hold. */
const DEEP_PRODUCT = 1;
const FEW = 3;
const STORE = 2.5;
const WEIGHT = 3;
const CLEAR = 0.3;

/** Stripes are alike: the length of the least of them that are not too short, or all. */
const stripeOf = (g: Geometry): number => {
  const { extent } = g.windows[0]!.position;
  const least = 2 * (g.windows[0]!.tap.extent + 2);
  const fits = (stripe: number): boolean =>
    4 * g.depth * planesOf(g.windows, stripe).volume <= NEAR;
  if (fits(extent)) return extent;
  for (let parts = 2; extent / parts >= least; parts++)
    if (extent % parts === 0 && fits(extent / parts)) return extent / parts;
  return extent;
};

/** Rows at a time: as many as there are sums for, if they divide the stripe. */
const blockOf = (g: Geometry, stripe: number): number => {
  const { slots } = tapsOf(g);
  const sums = slots > MANY_TAPS && slots * MORE_SUMS <= MOST_PRODUCTS ? MORE_SUMS : SUMS;
  const most = Math.min(stripe, sums / g.taps[1]!.phase.extent);
  for (let n = most; n > most / 2; n--) if (stripe % n === 0) return n;
  return most;
};

const cutOf = (g: Geometry, caps: Caps): DepthwiseCut | undefined => {
  const [high, wide] = g.windows.map((w) => w.position.extent) as [number, number];
  const stripe = stripeOf(g);
  const stripes = high / stripe;
  const planes = planesOf(g.windows, stripe);
  const plane = planeLength(planes.volume + 16);
  const { count, slots } = tapsOf(g);
  if (4 * (g.depth * plane + g.rows.size * g.depth * slots + 4 * MORE_SUMS) > caps.sharedBytes)
    return undefined;
  const allUnits = stripes * pointsOf(g.images) * pointsOf(g.batch);
  const copied = Math.min(
    g.windows.reduce((n, w) => n * w.u.extent, 1),
    plane,
  );
  const phases = pointsOf(g.taps.map((t) => t.phase));
  const vectors = g.rows.size * stripe * Math.ceil(wide / 4);
  const one =
    g.depth * (copied * copyCost(g.input, g.windows) + (stripes > 1 ? plane * CLEAR : 0)) +
    g.rows.size * g.depth * slots * WEIGHT +
    vectors * (g.depth * count * (g.depth > FEW ? DEEP_PRODUCT : PRODUCT) + phases * STORE);
  const units = Math.ceil(allUnits / Math.min(allUnits, 8 * caps.parallelism));
  const grid = Math.ceil(allUnits / units);
  return {
    stripe,
    stripes,
    planes,
    plane,
    block: blockOf(g, stripe),
    units,
    allUnits,
    grid,
    cycles: elapsed(grid, START + units * one, caps),
  };
};

/** The schedule, for a convolution of this geometry whose groups have few rows. */
export const planDepthwise = (nest: Nest, g: Geometry, caps: Caps): ImagePlan | undefined => {
  if (g.windows.length !== 2 || g.rows.size > MOST_ROWS) return undefined;
  if (g.windows[1]!.position.extent < 4 || g.taps.some((t) => t.phase.extent > 2)) return undefined;
  if (tapsOf(g).slots * SUMS > MOST_PRODUCTS) return undefined;
  const cut = cutOf(g, caps);
  if (cut === undefined) return undefined;
  const { count, slots } = tapsOf(g);
  const size = g.rows.size;
  const scratch = {
    weights: sharedBuffer('weights', 'float32', size * g.depth * slots),
    image: sharedBuffer('image', 'float32', g.depth * cut.plane),
    tail: sharedBuffer('tail', 'float32', 4 * MORE_SUMS),
  };
  const images = pointsOf(g.batch) * pointsOf(g.images);
  const inputs = g.windows.reduce((n, w) => n * w.u.extent, 1);
  const results = pointsOf(g.windows.map((w) => w.position));
  const phases = pointsOf(g.taps.map((t) => t.phase));
  const epilogue = nest.stores.reduce((sum, s) => sum + evaluationCost(s.value), 0);
  const plan: NestPlan = {
    grid: cut.grid,
    threads: 1,
    shared: [scratch.weights, scratch.image, scratch.tail],
    cost: {
      flops: images * size * results * (count * g.depth + phases * epilogue),
      bytes: 4 * images * (g.depth * inputs + size * phases * results),
    },
    notes: [
      `convolution along rows by ${count} taps of ${size} x ${results} x ${g.depth}, for ${images} images`,
      `workgroups ${cut.grid} of ${cut.units} stripes of ${cut.stripe}, ${cut.block} rows at a time`,
    ],
    emit: ({ workgroup }, buffer) => {
      const em = new Emitter({ lanes: 4, resolve: buffer });
      return emitDepthwise({ em, g, cut, scratch, nest }, workgroup);
    },
  };
  return { plan, cycles: cut.cycles };
};
