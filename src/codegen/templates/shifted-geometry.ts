/**
 * A convolution of stride 1 whose taps are neighbours, from the other side: each input adds to results shifted by a tap.
 *
 * Invariant: every result position a shift can reach has memory, those beyond the result too, so no product needs a test.
 */
import { type Axis, idxAxis, newAxis, pointsOf } from '../../ir/dim.ts';
import { constant, guard } from '../../ir/loop/expr.ts';
import type { Expr } from '../../ir/loop/loop.ts';
import { rewriter } from '../rewrite.ts';
import { type Operand, operandOf, roundUp } from './contraction.ts';
import type { Geometry } from './convolution-geometry.ts';

/** Input position `u` meets result position `n = u + shift - sign * k`. */
export interface Shift {
  /** Of the result. */
  readonly n: Axis;
  readonly k: Axis;
  readonly sign: 1 | -1;
  readonly shift: number;
  /** Of the input, without padding. */
  readonly u: Axis;
  /** First result position with memory (0 or less), and how many have some. */
  readonly low: number;
  readonly length: number;
}

export interface Shifts
  extends Pick<Geometry, 'images' | 'rowAxes' | 'rows' | 'input' | 'channels' | 'depth'> {
  readonly windows: readonly Shift[];
  /** Over the input positions, the last rounded up to whole vectors. */
  readonly columns: Operand;
  readonly offsets: number;
  /** Memory of one row of the result: positions, then a place for what no result needs. */
  readonly pitch: number;
}

/** What a convolution is as shifted products; `undefined` where it is none. */
export const shiftsOf = (g: Geometry): Shifts | undefined => {
  if (pointsOf(g.batch) > 1) return undefined;
  const windows: Shift[] = [];
  for (const [i, { position: n, tap: k, stride, dilation, base, lo, u }] of g.windows.entries()) {
    const plain = base.terms.length === 0 && g.taps[i]!.phase.extent === 1;
    if (!plain || stride !== 1 || Math.abs(dilation) !== 1) return undefined;
    const shift = lo - base.constant;
    const reach = k.extent - 1;
    const low = Math.min(0, shift - (dilation > 0 ? reach : 0));
    const high = Math.max(n.extent, shift + u.extent + (dilation > 0 ? 0 : reach));
    const sign = dilation > 0 ? 1 : -1;
    windows.push({ n, k, sign, shift, u, low, length: high - low });
  }
  const { images, rowAxes, rows, input, channels, depth } = g;
  const last = windows.at(-1)!;
  const size = windows.reduce((n, w) => n * w.length, 1);
  const filled = roundUp(last.u.extent, 4) - last.u.extent;
  return {
    windows,
    images,
    rowAxes,
    rows,
    input,
    channels,
    depth,
    columns: operandOf(...padded(input, windows), channels),
    offsets: pointsOf(windows.map((w) => w.k)),
    pitch: roundUp(size + filled, 4) + 4,
  };
};

/** Images, and of each the positions of its input and of its result; bytes that are read and written. */
export const sizesOf = (
  g: Shifts,
): Readonly<Record<'images' | 'inputs' | 'results' | 'bytes', number>> => {
  const images = pointsOf(g.images);
  const inputs = pointsOf(g.windows.map((w) => w.u));
  const results = pointsOf(g.windows.map((w) => w.n));
  const moved = images * (g.depth * inputs + g.rows.size * results);
  return { images, inputs, results, bytes: 4 * (moved + g.rows.size * g.depth * g.offsets) };
};

/** The input with its last axis filled up with zeros to whole vectors. */
const padded = (input: Expr, windows: readonly Shift[]): [Expr, Axis[]] => {
  const axes = windows.map((w) => w.u);
  const last = axes.at(-1)!;
  if (last.extent % 4 === 0) return [input, axes];
  const wide = newAxis(last.name, roundUp(last.extent, 4), 'par');
  const moved = rewriter({ axis: (x) => (x === last ? idxAxis(wide) : undefined) }).expr(input);
  const bounds = [{ idx: idxAxis(wide), lo: 0, hi: last.extent }];
  return [guard(bounds, moved, constant(0, input.dtype)), [...axes.slice(0, -1), wide]];
};
