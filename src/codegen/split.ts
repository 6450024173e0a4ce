/**
 * Cuts long reductions with few results in two launches: parts first, then the parts folded.
 *
 * Invariant: how a reduction is cut depends on its size alone, so results do not depend on the number of threads.
 */
import {
  type Axis,
  type Idx,
  idxAdd,
  idxAxis,
  idxConst,
  idxOpaque,
  idxScale,
  newAxis,
  pointsOf,
} from '../ir/dim.ts';
import { operandsIn } from '../ir/loop/access.ts';
import { cast, indexValue, load, newBuffer, reduce, scalar } from '../ir/loop/expr.ts';
import type {
  Expr,
  LoopBuffer,
  LoopKernel,
  Nest,
  ReduceExpr,
  ReduceOp,
  Store,
} from '../ir/loop/loop.ts';
import {
  evaluationCost,
  freeAxes,
  offsetOf,
  reductionsIn,
  stepAlong,
  visitLoads,
} from './analysis.ts';
import type { Caps } from './caps.ts';
import { mergeReductions } from './normalize.ts';
import { rewriter } from './rewrite.ts';

/** A reduction with less work in all is left in one piece. */
const LEAST_WORK = 1 << 17;
/** Work of one part. */
const PART_WORK = 1 << 15;
const MOST_PARTS = 64;
/** Results that keep a device busy without cutting. */
const ENOUGH_RESULTS = 16;
/** Down columns, memory is read by rows of this many neighbours, and each part costs a row of results. */
const LONG_ROW = 1024;
const ENOUGH_ROWS = 8;
const MOST_COLUMN_PARTS = 16;

interface Cut {
  readonly of: ReduceExpr;
  /** Index among its axes of the one that is cut, in `whole` pieces of `length` and perhaps a shorter last one. */
  readonly at: number;
  readonly length: number;
  readonly whole: number;
  readonly last: number;
  /** Axes the result depends on. */
  readonly outer: readonly Axis[];
}

const cutOf = (e: ReduceExpr, nest: Nest): Cut | undefined => {
  const outer = nest.axes.filter((a) => freeAxes(e).has(a));
  if ([...freeAxes(e)].some((a) => !nest.axes.includes(a))) return undefined;
  const work = pointsOf(outer) * pointsOf(e.axes) * Math.max(1, evaluationCost(e.body) / 4);
  if (work < LEAST_WORK) return undefined;
  // neighbouring results share vectors and cache lines: they count for less
  let columns = false;
  visitLoads(e.body, (l) => {
    if (outer.some((a) => stepAlong(offsetOf(l), a) === 1)) columns = true;
  });
  const results = pointsOf(outer) / (columns ? LONG_ROW : 1);
  if (results >= (columns ? ENOUGH_ROWS : ENOUGH_RESULTS)) return undefined;
  const longest = e.axes.reduce((best, a, i) => (a.extent > e.axes[best]!.extent ? i : best), 0);
  const positional = e.op === 'argmax' || e.op === 'argmin';
  const at = positional || e.axes[0]!.extent >= 8 ? 0 : longest;
  const { extent } = e.axes[at]!;
  const most = columns ? Math.ceil(MOST_COLUMN_PARTS / Math.max(1, results)) : MOST_PARTS;
  const parts = Math.min(most, extent, Math.max(2, Math.floor(work / PART_WORK)));
  const even = Math.ceil(extent / parts);
  const length = even > 256 ? Math.ceil(even / 64) * 64 : even;
  const whole = Math.floor(extent / length);
  if (whole < 2) return undefined;
  return { of: e, at, length, whole, last: extent - whole * length, outer };
};

const partOp = (op: ReduceOp): ReduceOp => (op === 'argmax' ? 'max' : op === 'argmin' ? 'min' : op);

/** Cuts every long reduction of the kernel; kernels in the order they must run. */
export const splitReductions = (kernel: LoopKernel, caps: Caps): LoopKernel[] => {
  const parts: Nest[] = [];
  const made: LoopBuffer[] = [];
  const nests = kernel.nests.map((original) => {
    if (original.contract !== undefined || original.attend !== undefined) return original;
    const values = original.stores.map((s) => s.value);
    if (!reductionsIn(values).some((e) => cutOf(e, original))) return original;
    const nest = mergeReductions(original);
    const found = new Map<Expr, Expr>();
    for (const e of reductionsIn(nest.stores.map((s) => s.value))) {
      // what contains a reduction that is cut waits for its result
      if (reductionsIn([e.body]).some((inner) => found.has(inner))) continue;
      const cut = cutOf(e, nest);
      if (cut) found.set(e, split(cut, kernel.name, parts, made));
    }
    const { expr } = rewriter({ replace: (e) => found.get(e) });
    return { ...nest, stores: nest.stores.map((s) => ({ ...s, value: expr(s.value) })) };
  });
  if (parts.length === 0) return [kernel];
  const first: LoopKernel = {
    name: `${kernel.name}_parts`,
    buffers: [...kernel.buffers.filter((b) => isRead(parts, b)), ...made],
    nests: parts,
    origin: kernel.origin,
  };
  const isUsed = (b: LoopBuffer): boolean =>
    isRead(nests, b) || nests.some((n) => n.stores.some((s) => s.buffer === b));
  const rest: LoopKernel = {
    ...kernel,
    buffers: [...made.filter((b) => isRead(nests, b)), ...kernel.buffers.filter(isUsed)],
    nests,
  };
  return [first, ...splitReductions(rest, caps)];
};

const isRead = (nests: readonly Nest[], buffer: LoopBuffer): boolean => {
  let read = false;
  const look = (e: Expr): void =>
    visitLoads(e, (l) => {
      if (l.buffer === buffer) read = true;
    });
  for (const nest of nests) {
    for (const s of nest.stores) {
      look(s.value);
      for (const idx of s.index) look(indexValue(idx));
    }
    operandsIn(nest).forEach(look);
  }
  return read;
};

/** Adds the nests that compute the parts; returns what stands for the reduction afterwards. */
const split = (cut: Cut, name: string, nests: Nest[], made: LoopBuffer[]): Expr => {
  const { of: e, outer, whole, last, length } = cut;
  const count = whole + (last > 0 ? 1 : 0);
  const shape = [count, ...outer.map((a) => a.extent)];
  const buffer = (suffix: string, dtype: LoopBuffer['dtype']): LoopBuffer => {
    const b = newBuffer(`${name}_${suffix}${made.length}`, { dtype, shape });
    made.push(b);
    return b;
  };
  const positional = e.op !== partOp(e.op);
  const half = e.body.dtype === 'float16';
  const values = buffer('part', half ? 'float32' : e.body.dtype);
  const positions = positional ? buffer('position', 'int32') : undefined;

  const pieces = (part: Axis | undefined, size: number, start: Idx, row: Idx): void => {
    const axes = outer.map((a) => newAxis(a.name, a.extent, 'par'));
    const inner = e.axes.map((a, i) => newAxis(a.name, i === cut.at ? size : a.extent, 'red'));
    const to = new Map<Axis, Idx>(outer.map((a, i) => [a, idxAxis(axes[i]!)]));
    e.axes.forEach((a, i) => {
      const own = idxAxis(inner[i]!);
      to.set(a, i === cut.at ? idxAdd(start, own) : own);
    });
    const body = rewriter({ axis: (a) => to.get(a) }).expr(half ? cast(e.body, 'float32') : e.body);
    const all = part ? [part, ...axes] : axes;
    const index = [row, ...axes.map(idxAxis)];
    const store = (to: LoopBuffer, value: Expr): Store => ({
      buffer: to,
      index,
      value,
      axes: all,
      mode: 'set',
      over: [],
    });
    const stores = [store(values, reduce(partOp(e.op), inner, body))];
    if (positions) stores.push(store(positions, reduce(e.op, inner, body)));
    nests.push({ axes: all, stores, contract: undefined });
  };
  const part = newAxis('part', whole, 'par');
  pieces(part, length, idxScale(idxAxis(part), length), idxAxis(part));
  if (last > 0) pieces(undefined, last, idxConst(whole * length), idxConst(whole));

  const over = newAxis('part', count, 'red');
  const at = outer.map(idxAxis);
  const parts = load(values, [idxAxis(over), ...at]);
  const folded = reduce(e.op, [over], parts);
  if (!positions) return half ? cast(folded, 'float16') : folded;
  const winner = idxOpaque(folded, 0, count - 1);
  const stride = length * pointsOf(e.axes.slice(1));
  const offset = indexValue(idxScale(winner, stride));
  return scalar('add', offset, load(positions, [winner, ...at]));
};
