/**
 * Sees whether a contraction is a convolution, of whatever stride, dilation and groups, or the gradient of one's input:
 * rows of weights, slid over an input by windows.
 *
 * Invariant: the gradient of a strided convolution is one of stride 1 for each phase of the result (its positions modulo
 * the stride), over taps of that phase alone.
 */
import {
  type Axis,
  type Bound,
  type Idx,
  idxAdd,
  idxAxis,
  idxConst,
  idxDiv,
  idxEvaluate,
  idxOffset,
  idxScale,
  idxSubstitute,
  newAxis,
  pointsOf,
} from '../../ir/dim.ts';
import { guard } from '../../ir/loop/expr.ts';
import type { Contraction, Expr } from '../../ir/loop/loop.ts';
import { visitExpr } from '../../ir/loop/visit.ts';
import { freeAxes, idxFree, stepAlong } from '../analysis.ts';
import { type Operand, operandOf } from './contraction.ts';
import { foldBatch } from './merge.ts';
import { isZero, type Window, windowsOf } from './windows.ts';

/** The taps of a window. */
export interface Taps {
  /** Positions of the result modulo the stride of the convolution whose gradient this is; of one element without. */
  readonly phase: Axis;
  /** Taps from 0 to before this, of the bound phase. */
  readonly end: Idx;
  /** Where their weights are, each in one of `slots`. */
  readonly slot: Idx;
  readonly slots: number;
  /** Of all phases. */
  readonly count: number;
}

export interface Geometry {
  readonly batch: readonly Axis[];
  readonly images: readonly Axis[];
  readonly windows: readonly Window[];
  /** Of each window. */
  readonly taps: readonly Taps[];
  /** At an input position, of a channel and an image. */
  readonly input: Expr;
  readonly rowAxes: readonly Axis[];
  readonly rows: Operand;
  readonly channels: readonly Axis[];
  readonly depth: number;
}

/** What a contraction is as a convolution; `undefined` where it is none. */
export const geometryOf = (c: Contraction): Geometry | undefined => {
  const phases = phasesOf(c);
  const { batch, m, n } = foldBatch({ ...c, batch: c.batch.filter((a) => !phases.has(a)) });
  const positions = positionsOf(c, { m, n }, new Set(phases.values()));
  if (positions.length === 0) return undefined;
  const found = windowsOf(c.b, { positions, taps: c.k, phases: [...phases.keys()] });
  if (found === undefined) return undefined;
  const { windows, input } = found;
  if (windows.some((w) => w.base.terms.length > 0 && w.stride > 1)) return undefined;
  const images = n.filter((x) => !positions.includes(x));
  const ofWeights = freeAxes(c.a);
  if ([...positions, ...images].some((x) => ofWeights.has(x))) return undefined;

  const phaseOf = (w: Window): Axis =>
    [...phases].find(([, n]) => n === w.position)?.[0] ?? newAxis('phase', 1, 'par');
  const bounds = c.a.kind === 'guard' && isZero(c.a.otherwise) ? c.a.bounds : [];
  const taps: Taps[] = [];
  const spoken = new Set<Bound>();
  for (const w of windows) {
    const phase = phaseOf(w);
    const own = bounds.find((b) => [...idxFree(b.idx)].some((a) => a === w.tap || a === phase));
    const some = tapsOf(w, phase, own);
    if (some === undefined) return undefined;
    if (own !== undefined) spoken.add(own);
    taps.push(some);
  }
  const rest = bounds.filter((b) => !spoken.has(b));
  if ([...phases.keys()].some((p) => !taps.some((t) => t.phase === p))) return undefined;
  const ofTaps = windows.map((w) => w.tap);
  const channels = c.k.filter((x) => x.extent > 1 && !ofTaps.includes(x));
  const rowAxes = m.filter((x) => x.extent > 1);
  const weights =
    c.a.kind === 'guard' && bounds.length > 0 ? guard(rest, c.a.then, c.a.otherwise) : c.a;
  return {
    batch,
    images,
    windows,
    taps,
    input,
    rowAxes,
    rows: operandOf(weights, rowAxes, channels),
    channels,
    depth: pointsOf(channels),
  };
};

/** Batch axes that are the remainder of a position of the result by their own extent, and which positions. */
const phasesOf = (c: Contraction): Map<Axis, Axis> => {
  const found = new Map<Axis, Axis>();
  for (const phase of c.batch) {
    if (phase.extent === 1) continue;
    for (const idx of c.index)
      for (const position of c.n)
        if (
          idx.terms.length === 2 &&
          stepAlong(idx, phase) === 1 &&
          stepAlong(idx, position) === phase.extent
        )
          found.set(phase, position);
  }
  return found;
};

/** The axes that windows slide along, with those beside them in the result that no tap moves. */
const positionsOf = (
  c: Contraction,
  { m, n }: { readonly m: readonly Axis[]; readonly n: readonly Axis[] },
  ofPhases: ReadonlySet<Axis>,
): Axis[] => {
  const slid = new Set(ofPhases);
  const index = (idx: Idx): void => {
    const free = idxFree(idx);
    if (c.k.some((k) => free.has(k))) for (const x of n) if (free.has(x)) slid.add(x);
  };
  visitExpr(c.b, { index });
  if (slid.size === 0) return [];
  const has = (idx: Idx, axes: Iterable<Axis>): boolean =>
    [...axes].some((x) => idxFree(idx).has(x));
  const rows = c.index.findLastIndex((idx) => has(idx, m));
  const from = rows < 0 ? c.index.findIndex((idx) => has(idx, slid)) : rows + 1;
  const beside = new Set(c.index.slice(from).flatMap((idx) => [...idxFree(idx)]));
  return n.filter((x) => x.extent > 1 && (slid.has(x) || beside.has(x)));
};

/** The taps of a window, all of them or those that a bound of the weights leaves; `undefined` where that is no range. */
const tapsOf = ({ tap }: Window, phase: Axis, bound: Bound | undefined): Taps | undefined => {
  const all = idxConst(tap.extent);
  if (bound === undefined) {
    const slot = idxAdd(idxScale(idxAxis(phase), tap.extent), idxAxis(tap));
    const slots = tap.extent * phase.extent;
    return { phase, end: all, slot, slots, count: slots };
  }
  const { idx, lo, hi } = bound;
  if ([...idxFree(idx)].some((a) => a !== tap && a !== phase)) return undefined;
  // a single tap is there or not, whatever the distance to the next would be
  const by = tap.extent === 1 ? hi - lo : stepAlong(idx, tap);
  const first = idxSubstitute(idx, (a) => (a === tap ? idxConst(0) : idxAxis(a)));
  if (by === undefined || by < 1 || first.lo < lo) return undefined;
  const end = idxDiv(idxOffset(idxScale(first, -1), hi + by - 1), by);
  const slot = idxOffset(idx, -lo);
  const seen = new Set<number>();
  let count = 0;
  for (let p = 0; p < phase.extent; p++) {
    const at = (x: Idx, t: number): number =>
      idxEvaluate(
        x,
        (a) => (a === phase ? p : t),
        () => 0,
      );
    const taps = at(end, 0);
    if (taps > tap.extent) return undefined;
    for (let t = 0; t < taps; t++) seen.add(at(slot, t));
    count += Math.max(0, taps);
  }
  return seen.size === count ? { phase, end, slot, slots: hi - lo, count } : undefined;
};
