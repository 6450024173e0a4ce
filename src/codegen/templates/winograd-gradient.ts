/**
 * Gradients of the weights of 3 x 3 windows with stride 1 by Winograd's algorithm: what 4 x 4 results give takes 36
 * products of a channel and a row instead of 144 (5 x 5 windows, 2 x 2 results: of 100), summed over all tiles of all
 * images before they are transformed back.
 *
 * Invariants: a workgroup owns a block of rows and of channels; sums are taken tile by tile, in order; where a tile reaches
 * beyond the gradient, the gradient is zero.
 */
import { pointsOf } from '../../ir/dim.ts';
import type { Nest } from '../../ir/loop/loop.ts';
import { sharedBuffer } from '../../ir/thread/build.ts';
import type { Caps } from '../caps.ts';
import { Emitter } from '../emit/emitter.ts';
import type { NestPlan } from '../plan.ts';
import type { ImagePlan } from './convolution.ts';
import type { GradientGeometry } from './gradient.ts';
import {
  cutsOf,
  isFitting,
  memoryOf,
  QUAD,
  type WinogradGradientCut,
} from './winograd-gradient-cut.ts';
import { emitWinogradGradient } from './winograd-gradient-emit.ts';

/** The best few schedules, for a gradient of this geometry. */
export const planWinogradGradient = (
  nest: Nest,
  g: GradientGeometry,
  caps: Caps,
  most: number,
  below: number = Number.POSITIVE_INFINITY,
): readonly ImagePlan[] =>
  caps.winograd && isFitting(g)
    ? cutsOf(g, caps, most, below).map((cut) => planOf(nest, g, cut))
    : [];

const planOf = (nest: Nest, g: GradientGeometry, cut: WinogradGradientCut): ImagePlan => {
  const { side, tile } = cut.layout;
  const [rows, columns, sums, planes, lines, inputs, gradients] = memoryOf(cut) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const scratch = {
    rows: sharedBuffer('gradients', 'float32', rows),
    columns: sharedBuffer('tiles', 'float32', columns),
    sums: sharedBuffer('sums', 'float32', sums),
    planes: sharedBuffer('planes', 'float32', planes),
    lines: sharedBuffer('lines', 'float32', lines),
    inputs: sharedBuffer('inputAt', 'int32', inputs),
    gradients: sharedBuffer('gradientAt', 'int32', gradients),
  };
  const [parts, images] = [pointsOf(g.batch), pointsOf(g.images)];
  const [m, n] = [pointsOf(g.rowAxes), pointsOf(g.channels)];
  const positions = pointsOf(g.windows.map((w) => w.position));
  const plan: NestPlan = {
    grid: cut.grid,
    threads: 1,
    shared: Object.values(scratch),
    cost: {
      flops: parts * images * side * side * m * n * positions,
      bytes: 4 * parts * (images * positions * (m + n) + side * side * m * n),
    },
    notes: [
      `gradient by Winograd F(${side} x ${side}, ${tile} x ${tile}) of ${m} x ${n} x ${positions}, for ${images} images`,
      `workgroups ${parts} x ${cut.rowBlocks} x ${cut.channelBlocks} of ${cut.rows} rows x ${cut.channels} channels, ${cut.layout.tiles} tiles at a time`,
    ],
    emit: ({ workgroup }, buffer) => {
      const em = new Emitter({ lanes: QUAD, resolve: buffer });
      return emitWinogradGradient({ em, g, cut, scratch }, nest, workgroup);
    },
  };
  return { plan, cycles: cut.cycles };
};
