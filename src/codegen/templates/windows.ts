/**
 * Sees the windows of convolutions and of their gradients: which positions and which taps meet which input.
 *
 * Invariant: position `p` and tap `t` of a window read input `stride * p + dilation * t + base`, a number from `lo` to
 * before `hi`; everywhere else the operand is zero. What is left of it depends on the axes `u` instead.
 */
import {
  type Axis,
  type Bound,
  type Idx,
  idxAdd,
  idxAxis,
  idxConst,
  idxOffset,
  idxScale,
  idxSubstitute,
  newAxis,
} from '../../ir/dim.ts';
import { guard } from '../../ir/loop/expr.ts';
import type { Expr } from '../../ir/loop/loop.ts';
import { freeAxes, idxFree, stepAlong, visitLoads } from '../analysis.ts';
import { rewriter } from '../rewrite.ts';

export interface Window {
  readonly position: Axis;
  /** Of one element where there is none. */
  readonly tap: Axis;
  readonly stride: number;
  readonly dilation: number;
  /** Moves with phases alone. */
  readonly base: Idx;
  readonly lo: number;
  /** Input positions from `lo` to before `hi`. */
  readonly u: Axis;
}

export interface Windows {
  readonly windows: readonly Window[];
  /** At input positions. */
  readonly input: Expr;
}

/** What windows may be made of. */
export interface Sides {
  /** Outermost first: windows are given in their order. */
  readonly positions: readonly Axis[];
  readonly taps: readonly Axis[];
  readonly phases: readonly Axis[];
}

/** The windows of an operand, one for each of the positions; `undefined` where they are none. */
export const windowsOf = (operand: Expr, sides: Sides): Windows | undefined => {
  const isPadded = operand.kind === 'guard' && isZero(operand.otherwise);
  const bounds = isPadded ? operand.bounds : [];
  const body = isPadded ? operand.then : operand;
  const reads: Bound[] = [...bounds];
  visitLoads(body, ({ index }) => {
    for (const idx of index) reads.push({ idx, lo: idx.lo, hi: idx.hi + 1 });
  });
  const found: Found[] = [];
  for (const position of sides.positions) {
    const read = reads.find(({ idx }) => idxFree(idx).has(position));
    const one = read && windowOf(read, position, sides);
    if (one === undefined || one.window.u.extent < 1) return undefined;
    found.push(one);
  }
  const windows = found.map((f) => f.window);
  if (new Set(windows.map((w) => w.tap)).size !== windows.length) return undefined;
  const { expr } = rewriter({ axis: (a) => found.find((f) => f.axis === a)?.at });
  const rest = bounds.filter((b) => !found.some((f) => f.spoken === b));
  const input = expr(isPadded ? guard(rest, body, operand.otherwise) : body);
  const free = freeAxes(input);
  const gone = [...windows.flatMap((w) => [w.position, w.tap]), ...sides.phases];
  return gone.some((a) => free.has(a)) ? undefined : { windows, input };
};

export const isZero = (e: Expr): boolean => e.kind === 'const' && Object.is(e.value, 0);

/** A window, and which axis is to be replaced by what, so that the input is at `u`. */
interface Found {
  readonly window: Window;
  readonly axis: Axis;
  readonly at: Idx;
  /** The bound that the window stands for. */
  readonly spoken?: Bound;
}

/** A window of `position`, if an index is a multiple of it, one of at most one tap, and what phases add. */
const windowOf = (read: Bound, position: Axis, sides: Sides): Found | undefined => {
  const { idx } = read;
  const [found, another] = sides.taps.filter((a) => idxFree(idx).has(a));
  const stride = stepAlong(idx, position);
  const dilation = found === undefined ? 1 : stepAlong(idx, found);
  if (another !== undefined || stride === undefined || stride < 1) return undefined;
  if (dilation === undefined || dilation === 0) return undefined;
  const tap = found ?? newAxis('tap', 1, 'red');
  const name = `${position.name}_in`;
  if (found === undefined && stride > 1) {
    // elements apart from each other, one by one: what is read is as long as what is made of it
    const u = newAxis(name, position.extent, 'par');
    const window = { position, tap, stride: 1, dilation, base: idxConst(0), lo: 0, u };
    return { window, axis: position, at: idxAxis(u) };
  }
  const base = idxSubstitute(idx, (a) => (a === position || a === tap ? idxConst(0) : idxAxis(a)));
  if ([...idxFree(base)].some((a) => !sides.phases.includes(a))) return undefined;
  const lo = Math.max(read.lo, idx.lo);
  const u = newAxis(name, Math.max(0, Math.min(read.hi, idx.hi + 1) - lo), 'par');
  const window = { position, tap, stride, dilation, base, lo, u };
  const at = idxOffset(idxAdd(idxAxis(u), idxScale(base, -1)), lo);
  const without = (axis: Axis, by: number): Idx => idxAdd(at, idxScale(idxAxis(axis), -by));
  if (found !== undefined && Math.abs(dilation) === 1)
    return {
      window,
      axis: tap,
      at: idxScale(without(position, stride), dilation),
      spoken: read,
    };
  if (stride !== 1) return undefined;
  return { window, axis: position, at: without(tap, dilation), spoken: read };
};
