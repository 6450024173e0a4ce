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
import { isNarrowFloat } from '../ir/dtype.ts';
import { buffersOf, writesOf } from '../ir/loop/access.ts';
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
import { reductionsIn } from './analysis.ts';
import { type Bindings, countBindings, shareOut } from './bindings.ts';
import type { Caps } from './caps.ts';
import { mergeReductions } from './normalize.ts';
import type { Cut } from './parts.ts';
import { rewriter } from './rewrite.ts';

const partOp = (op: ReduceOp): ReduceOp => (op === 'argmax' ? 'max' : op === 'argmin' ? 'min' : op);

/**
 * Cuts every long reduction of the kernel; kernels in the order they must run. Where the launch that folds the parts
 * would bind more buffers than the device allows, the reductions stay whole.
 */
export const splitReductions = (
  kernel: LoopKernel,
  caps: Caps,
  takesOne: Bindings['takesOne'] = () => true,
): LoopKernel[] => {
  const bindings: Bindings = { most: caps.maxBindings, takesOne };
  const parts: Nest[] = [];
  const nests = kernel.nests.map((nest) => cutReductions(nest, kernel.name, caps, parts));
  if (parts.length === 0) return [kernel];
  const over = [...parts.map((nest) => [nest]), nests].find(
    (launch) => countBindings(launch, bindings) > caps.maxBindings,
  );
  if (over !== undefined) {
    const note = `long folds stay whole: ${countBindings(over, bindings)} buffers in one launch, the device binds ${caps.maxBindings}`;
    return [{ ...kernel, origin: [...kernel.origin, note] }];
  }
  const made = parts.flatMap(writesOf).filter((b, i, all) => all.indexOf(b) === i);
  const launches = shareOut(
    parts.map((nest) => ({ nest })),
    bindings,
  );
  const first = launches.map((launch): LoopKernel => {
    const own = launch.map((x) => x.nest);
    return {
      name: `${kernel.name}_parts`,
      buffers: touched(own, [...kernel.buffers, ...made]),
      nests: own,
      origin: kernel.origin,
    };
  });
  const rest: LoopKernel = {
    ...kernel,
    buffers: touched(nests, [...made, ...kernel.buffers]),
    nests,
  };
  return [...first, ...splitReductions(rest, caps, takesOne)];
};

/** Those of `buffers` that nests read or write. */
const touched = (nests: readonly Nest[], buffers: readonly LoopBuffer[]): LoopBuffer[] => {
  const own = new Set(buffersOf(nests).map((b) => b.id));
  return buffers.filter((b) => own.has(b.id));
};

/** The nest with parts folded in the place of long reductions; the nests that compute the parts join `parts`. */
const cutReductions = (original: Nest, name: string, caps: Caps, parts: Nest[]): Nest => {
  if (original.contract ?? original.attend ?? original.running) return original;
  const values = original.stores.map((s) => s.value);
  if (!reductionsIn(values).some((e) => caps.schedules.cut(e, original))) return original;
  const nest = mergeReductions(original);
  const found = new Map<Expr, Expr>();
  const places = new Map<string, Axis>();
  const alike = new Map<Expr, Expr>();
  const shared = new Map<string, Piece>();
  for (const e of reductionsIn(nest.stores.map((s) => s.value))) {
    // what contains a reduction that is cut waits for its result
    if (reductionsIn([e.body]).some((inner) => found.has(inner))) continue;
    const cut = caps.schedules.cut(e, nest);
    if (cut === undefined) continue;
    const known = onSharedAxes(e, places);
    const folded = alike.get(known) ?? split(cut, name, caps, parts, shared);
    alike.set(known, folded);
    found.set(e, folded);
  }
  const { expr } = rewriter({ replace: (e) => found.get(e) });
  return { ...nest, stores: nest.stores.map((s) => ({ ...s, value: expr(s.value) })) };
};

/** The reduction over axes that all of the same extent share: equal reductions become the same expression. */
const onSharedAxes = (e: ReduceExpr, places: Map<string, Axis>): Expr => {
  const axes = e.axes.map(({ extent }, i) => {
    const key = `${i} ${extent}`;
    const axis = places.get(key) ?? newAxis('k', extent, 'red');
    places.set(key, axis);
    return axis;
  });
  const to = new Map(e.axes.map((a, i) => [a, idxAxis(axes[i]!)]));
  return reduce(e.op, axes, rewriter({ axis: (a) => to.get(a) }).expr(e.body));
};

/** A nest that computes parts, by its place among nests, with the axes of what is cut alike. */
interface Piece {
  readonly at: number;
  readonly axes: readonly Axis[];
  readonly inner: readonly Axis[];
  readonly part: Axis | undefined;
}

/** Adds the nests that compute the parts; returns what stands for the reduction afterwards. */
const split = (
  cut: Cut,
  name: string,
  caps: Caps,
  nests: Nest[],
  shared: Map<string, Piece>,
): Expr => {
  const { of: e, outer, whole, last, length } = cut;
  const count = whole + (last > 0 ? 1 : 0);
  /** What is done in lanes has parts as rows; threads that fold together want the parts of a result side by side. */
  const beside = caps.threads > 1;
  const place = <T>(part: T, others: readonly T[]): T[] =>
    beside ? [...others, part] : [part, ...others];
  const shape = place(
    count,
    outer.map((a) => a.extent),
  );
  const made = new Set(nests.flatMap((n) => n.stores.map((s) => s.buffer))).size;
  const buffer = (suffix: string, dtype: LoopBuffer['dtype'], number: number): LoopBuffer =>
    newBuffer(`${name}_${suffix}${number}`, { dtype, shape });
  const positional = e.op !== partOp(e.op);
  const narrow = isNarrowFloat(e.body.dtype);
  const values = buffer('part', narrow ? 'float32' : e.body.dtype, made);
  const positions = positional ? buffer('position', 'int32', made + 1) : undefined;

  const pieces = (size: number, first: number, rows: number): void => {
    // what is cut alike is read once; threads that fold together take one reduction each
    const alike = [size, first, cut.at, ...e.axes.map((a) => a.extent), ...outer.map((a) => a.id)];
    const key = beside ? '' : alike.join();
    const known = shared.get(key);
    const part = known ? known.part : rows > 1 ? newAxis('part', rows, 'par') : undefined;
    const axes = known?.axes ?? outer.map((a) => newAxis(a.name, a.extent, 'par'));
    const inner =
      known?.inner ?? e.axes.map((a, i) => newAxis(a.name, i === cut.at ? size : a.extent, 'red'));
    const row = part ? idxAxis(part) : idxConst(first);
    const start = idxScale(row, length);
    const to = new Map<Axis, Idx>(outer.map((a, i) => [a, idxAxis(axes[i]!)]));
    e.axes.forEach((a, i) => {
      const own = idxAxis(inner[i]!);
      to.set(a, i === cut.at ? idxAdd(start, own) : own);
    });
    const body = rewriter({ axis: (a) => to.get(a) }).expr(
      narrow ? cast(e.body, 'float32') : e.body,
    );
    const all = part ? [part, ...axes] : axes;
    const index = place(row, axes.map(idxAxis));
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
    if (known) {
      const nest = nests[known.at]!;
      nests[known.at] = { ...nest, stores: [...nest.stores, ...stores] };
      return;
    }
    if (!beside) shared.set(key, { at: nests.length, axes, inner, part });
    nests.push({ axes: all, stores, contract: undefined });
  };
  pieces(length, 0, whole);
  if (last > 0) pieces(last, whole, 1);

  const over = newAxis('part', count, 'red');
  const at = outer.map(idxAxis);
  const parts = load(values, place(idxAxis(over), at));
  const folded = reduce(e.op, [over], parts);
  if (!positions) return narrow ? cast(folded, e.body.dtype) : folded;
  const winner = idxOpaque(folded, 0, count - 1);
  const stride = length * pointsOf(e.axes.slice(1));
  const offset = indexValue(idxScale(winner, stride));
  return scalar('add', offset, load(positions, place(winner, at)));
};
