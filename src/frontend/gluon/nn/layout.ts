/**
 * Where images have their channels: before the axes of space, or last.
 *
 * Invariant: functions compute with channels first; layers with channels last transpose what goes in and comes out, which
 * costs nothing in a compiled program (the kernels read and write in that order). Parameters are the same in both.
 */
import type { NDArray } from '../../methods.ts';
import { transpose } from '../../nd/shape.ts';
import { checkChoice } from '../../options.ts';
import { expectRank } from './shared.ts';

/** Number of axes of space. */
export type Rank = 1 | 2 | 3;
/** Axes of images by letter: batch N, channels C, depth D, height H, width W. */
export type Layout = 'NCW' | 'NWC' | 'NCHW' | 'NHWC' | 'NCDHW' | 'NDHWC';

const LAYOUTS: Readonly<Record<Rank, readonly [first: Layout, last: Layout]>> = {
  1: ['NCW', 'NWC'],
  2: ['NCHW', 'NHWC'],
  3: ['NCDHW', 'NDHWC'],
};
const SPACE = ['width', 'height, width', 'depth, height, width'] as const;

/** How a layer reads its images. */
export interface Images {
  readonly layout: Layout;
  /** Throws unless `x` is such images; gives them with channels first. */
  read(where: string, x: NDArray): NDArray;
  /** From channels first to the layout. */
  write(y: NDArray): NDArray;
}

const same = (y: NDArray): NDArray => y;

/** The images that a layer called `where` takes. */
export const imagesOf = (where: string, rank: Rank, layout: Layout | undefined): Images => {
  const [first, last] = LAYOUTS[rank];
  const chosen = checkChoice(where, 'layout', layout ?? first, [first, last]);
  const isLast = chosen === last;
  const space = Array.from({ length: rank }, (_, i) => i + 1);
  const form = isLast
    ? `[batch, ${SPACE[rank - 1]}, channels]`
    : `[batch, channels, ${SPACE[rank - 1]}]`;
  return {
    layout: chosen,
    read: (name, x) => {
      expectRank(name, x, rank + 2, form);
      return isLast ? transpose(x, [0, rank + 1, ...space]) : x;
    },
    write: isLast ? (y) => transpose(y, [0, ...space.map((a) => a + 1), 1]) : same,
  };
};
