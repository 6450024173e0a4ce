/**
 * Sees whether a contraction is a convolution whose windows slide over a padded input with stride 1, and how it is laid
 * out as shifted products.
 *
 * Invariant: every result position a shift can reach has memory, those beyond the result too, so no product needs a test.
 */
import {
  type Axis,
  type Idx,
  idxAdd,
  idxAxis,
  idxOffset,
  idxScale,
  newAxis,
  pointsOf,
} from '../../ir/dim.ts';
import { constant, guard } from '../../ir/loop/expr.ts';
import type { Contraction, Expr } from '../../ir/loop/loop.ts';
import { freeAxes } from '../analysis.ts';
import { rewriter } from '../rewrite.ts';
import { type Operand, operandOf, roundUp } from './contraction.ts';
import { foldBatch } from './merge.ts';

/** Input position `u` meets result position `n = u + shift - sign * k`. */
export interface Window {
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

export interface Geometry {
  readonly windows: readonly Window[];
  readonly images: readonly Axis[];
  readonly rowAxes: readonly Axis[];
  readonly rows: Operand;
  /** At an input position, of a channel and an image. */
  readonly input: Expr;
  /** Over the input positions, the last rounded up to whole vectors. */
  readonly columns: Operand;
  readonly channels: readonly Axis[];
  readonly depth: number;
  readonly offsets: number;
  /** Memory of one row of the result: positions, then a place for what no result needs. */
  readonly pitch: number;
}

/** The window a guard's bound speaks of, if it slides with stride 1 over a summed and a result axis. */
export const windowOf = (
  idx: Idx,
  lo: number,
  hi: number,
  isColumn: (a: Axis) => boolean,
): Window | undefined => {
  if (idx.terms.length !== 2) return undefined;
  let n: Axis | undefined;
  let k: Axis | undefined;
  let sign: 1 | -1 = 1;
  for (const { coef, atom } of idx.terms) {
    if (atom.kind !== 'axis') return undefined;
    if (isColumn(atom.axis)) {
      if (coef !== 1) return undefined;
      n = atom.axis;
    } else {
      if (coef !== 1 && coef !== -1) return undefined;
      k = atom.axis;
      sign = coef;
    }
  }
  if (n === undefined || k === undefined) return undefined;
  const first = Math.max(lo, idx.lo);
  const end = Math.min(hi, idx.hi + 1);
  const u = newAxis(`${n.name}_in`, end - first, 'par');
  const shift = first - idx.constant;
  const reach = k.extent - 1;
  const low = Math.min(0, shift - (sign > 0 ? reach : 0));
  const high = Math.max(n.extent, shift + u.extent + (sign > 0 ? 0 : reach));
  return { n, k, sign, shift, u, low, length: high - low };
};

/** What a contraction is as shifted products; `undefined` where it is none. */
export const geometryOf = (c: Contraction): Geometry | undefined => {
  const { a, b } = c;
  if (b.kind !== 'guard' || b.otherwise.kind !== 'const' || b.otherwise.value !== 0)
    return undefined;
  const { batch, m, n } = foldBatch(c);
  if (batch.length > 0) return undefined;
  const windows: Window[] = [];
  for (const bound of b.bounds) {
    const window = windowOf(bound.idx, bound.lo, bound.hi, (x) => n.includes(x));
    if (window === undefined) return undefined;
    windows.push(window);
  }
  const order = (w: Window): number => n.indexOf(w.n);
  windows.sort((x, y) => order(x) - order(y));
  const [ns, ks] = [windows.map((w) => w.n), windows.map((w) => w.k)];
  if (new Set([...ns, ...ks]).size !== 2 * windows.length) return undefined;

  const input = rewriter({
    axis: (x) => {
      const w = windows.find((v) => v.n === x);
      if (w === undefined) return undefined;
      return idxAdd(idxOffset(idxAxis(w.u), w.shift), idxScale(idxAxis(w.k), -w.sign));
    },
  }).expr(b.then);
  const free = freeAxes(input);
  if (ks.some((k) => free.has(k)) || ns.some((x) => freeAxes(a).has(x))) return undefined;

  const images = n.filter((x) => x.extent > 1 && !ns.includes(x));
  const channels = c.k.filter((x) => x.extent > 1 && !ks.includes(x));
  const rowAxes = m.filter((x) => x.extent > 1);
  const last = windows.at(-1)!;
  return {
    windows,
    images,
    rowAxes,
    rows: operandOf(a, rowAxes, channels),
    input,
    columns: operandOf(...padded(input, windows), channels),
    channels,
    depth: pointsOf(channels),
    offsets: pointsOf(ks),
    pitch:
      roundUp(
        windows.reduce((size, w) => size * w.length, 1) +
          (roundUp(last.u.extent, 4) - last.u.extent),
        4,
      ) + 4,
  };
};

/** The input with its last axis filled up with zeros to whole vectors. */
const padded = (input: Expr, windows: readonly Window[]): [Expr, Axis[]] => {
  const axes = windows.map((w) => w.u);
  const last = axes.at(-1)!;
  if (last.extent % 4 === 0) return [input, axes];
  const wide = newAxis(last.name, roundUp(last.extent, 4), 'par');
  const moved = rewriter({ axis: (x) => (x === last ? idxAxis(wide) : undefined) }).expr(input);
  const bounds = [{ idx: idxAxis(wide), lo: 0, hi: last.extent }];
  return [guard(bounds, moved, constant(0, input.dtype)), [...axes.slice(0, -1), wide]];
};
