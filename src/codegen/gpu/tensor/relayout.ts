/**
 * Brings operands into a layout that matrix units are fed from by copies: neighbours along the sum (the channels of a
 * convolution) or along rows and columns next to each other in memory.
 *
 * An image `[n, c, h, w]` whose windows are summed over has no two neighbours that stay together: it would be read number
 * by number, each as often as windows overlap. A copy `[n, h, w, c]` is written once and read sixteen bytes at a time.
 * Invariants: results are the same numbers but for the order of the sum; what it takes to write the copies is counted.
 */
import { type Axis, idxAxis, newAxis } from '../../../ir/dim.ts';
import { bytesOf, type DType, isNarrowFloat } from '../../../ir/dtype.ts';
import { buffersOf } from '../../../ir/loop/access.ts';
import { cast, load, newBuffer } from '../../../ir/loop/expr.ts';
import type {
  Contraction,
  Expr,
  LoadExpr,
  LoopBuffer,
  LoopKernel,
  Nest,
} from '../../../ir/loop/loop.ts';
import { idxFree, offsetOf, opaqueExprs, stepAlong } from '../../analysis.ts';
import type { Caps } from '../../caps.ts';
import type { Copies } from '../../copies.ts';
import { rewriter } from '../../rewrite.ts';
import { copying } from './model.ts';

/** What of an operand is copied: a read of memory, rounded on the way where the product rounds it. */
interface Source {
  readonly leaf: Expr;
  readonly load: LoadExpr;
}

const sourceOf = (e: Expr, dtype: DType): Source | undefined => {
  switch (e.kind) {
    case 'load':
      return e.buffer.dtype === dtype ? { leaf: e, load: e } : undefined;
    case 'cast':
      if (e.dtype === dtype && e.arg.kind === 'load') return { leaf: e, load: e.arg };
      return e.dtype === 'float32' && isNarrowFloat(dtype) ? sourceOf(e.arg, dtype) : undefined;
    case 'guard':
      return e.otherwise.kind === 'const' && e.otherwise.value === 0
        ? sourceOf(e.then, dtype)
        : undefined;
    default:
      return undefined;
  }
};

/** The dimension of the array that `axis` alone walks along, neighbour by neighbour. */
const dimensionOf = ({ index }: LoadExpr, axis: Axis): number | undefined => {
  const found = index.flatMap((idx, d) => (idxFree(idx).has(axis) ? [d] : []));
  const [d] = found;
  return d !== undefined && found.length === 1 && stepAlong(index[d]!, axis) === 1 ? d : undefined;
};

const elements = ({ shape }: LoopBuffer): number => shape.reduce((n, d) => n * d, 1);

/** An operand with neighbours along an axis next to each other. */
interface Moved {
  readonly expr: Expr;
  /** Launches that write the copy: none where it lies so already, or another launch has written it. */
  readonly kernels: readonly LoopKernel[];
  /** Bytes that they read and write. */
  readonly bytes: number;
  keep(): void;
}

const asItLies = (expr: Expr): Moved => ({ expr, kernels: [], bytes: 0, keep: () => {} });

/** `undefined` where no copy of an array does that. */
const moved = (e: Expr, axis: Axis, dtype: DType, copies: Copies): Moved | undefined => {
  const source = sourceOf(e, dtype);
  if (source === undefined || opaqueExprs(source.load.index).length > 0) return undefined;
  const { leaf, load: read } = source;
  if (leaf === read && stepAlong(offsetOf(read), axis) === 1) return asItLies(e);
  const last = dimensionOf(read, axis);
  if (last === undefined) return undefined;
  const { buffer } = read;
  const dims = [...buffer.shape.keys()].filter((d) => d !== last).concat(last);
  const key = `${dims.join()} ${dtype}`;
  const known = copies.near(buffer, key);
  const copy = known ?? copyOf(read, leaf, dims, dtype);
  const index = dims.map((d) => read.index[d]!);
  const map = rewriter({ replace: (x) => (x === leaf ? load(copy.to, index) : undefined) });
  return {
    expr: map.expr(e),
    kernels: known === undefined ? [copy.kernel] : [],
    bytes: known === undefined ? elements(buffer) * (bytesOf(buffer.dtype) + bytesOf(dtype)) : 0,
    keep: () => {
      if (known === undefined) copies.keep(buffer, key, copy);
    },
  };
};

const copyOf = ({ buffer }: LoadExpr, leaf: Expr, dims: readonly number[], dtype: DType) => {
  const to = newBuffer(`${buffer.name}_${dims.join('')}`, {
    dtype,
    shape: dims.map((d) => buffer.shape[d]!),
  });
  const axes = dims.map((d) => newAxis(`i${d}`, buffer.shape[d]!, 'par'));
  const read = load(
    buffer,
    buffer.shape.map((_, d) => idxAxis(axes[dims.indexOf(d)]!)),
  );
  const value = leaf.kind === 'cast' ? cast(read, dtype) : read;
  const nest: Nest = {
    axes,
    stores: [{ buffer: to, index: axes.map(idxAxis), value, axes, mode: 'set', over: [] }],
    contract: undefined,
  };
  const kernel: LoopKernel = {
    name: `layout_${buffer.name}`,
    buffers: [buffer, to],
    nests: [nest],
    origin: [],
  };
  return { to, kernel };
};

/** Along which axes neighbours are to lie, of the left operand and of the right one. */
interface Wish {
  readonly a: Axis | undefined;
  readonly b: Axis | undefined;
}

/** The longest axis of `axes` that can be walked along in whole copies of `unit`, in one of the operands. */
const longest = (
  axes: readonly Axis[],
  operands: readonly Expr[],
  dtype: DType,
  unit: number,
): Axis | undefined => {
  const loads = operands.map((e) => sourceOf(e, dtype)?.load);
  return axes
    .filter(
      (z) =>
        z.extent % unit === 0 &&
        loads.some((l) => l !== undefined && dimensionOf(l, z) !== undefined),
    )
    .reduce<Axis | undefined>(
      (x, y) => (x === undefined || y.extent > x.extent ? y : x),
      undefined,
    );
};

const wishesOf = (c: Contraction, dtype: DType): Wish[] => {
  const unit = COPY / bytesOf(dtype);
  const k = longest(c.k, [c.a, c.b], dtype, unit);
  const m = longest(c.m, [c.a], dtype, unit);
  const n = longest(c.n, [c.b], dtype, unit);
  return [
    ...(k === undefined ? [] : [{ a: k, b: k }]),
    ...(m === undefined && n === undefined ? [] : [{ a: m, b: n }]),
  ];
};

/** Bytes of the largest copy. */
const COPY = 16;
/** A layout may take this share of the time at most: launches cost more than the model knows. */
const GAIN = 0.95;

/** Launches that copy operands, and the one that then does the product. */
export interface Relaid {
  readonly copies: readonly LoopKernel[];
  readonly kernel: LoopKernel;
}

/** How long matrix units take for a nest. */
export interface Times {
  /** Cycles until it is done, and whether its operands are fed as they lie; `undefined` where units do not take it. */
  of(nest: Nest): { readonly cycles: number; readonly fed: boolean } | undefined;
  /** What no layout can beat. */
  readonly least: number;
}

/** The fastest way to do `kernel` on copies of its operands; `undefined` where it is as fast as it is. */
export const relaid = (
  kernel: LoopKernel,
  dtype: DType,
  caps: Caps,
  copies: Copies,
  times: Times,
): Relaid | undefined => {
  const [nest] = kernel.nests;
  const c = nest?.contract;
  if (nest === undefined || c === undefined || kernel.nests.length !== 1) return undefined;
  const whole = times.of(nest);
  if (whole === undefined || whole.fed) return undefined;
  let best: { readonly nest: Nest; readonly operands: readonly Moved[] } | undefined;
  let shortest = GAIN * whole.cycles;
  for (const wish of wishesOf(c, dtype)) {
    const a = (wish.a && moved(c.a, wish.a, dtype, copies)) ?? asItLies(c.a);
    const b = (wish.b && moved(c.b, wish.b, dtype, copies)) ?? asItLies(c.b);
    if (a.expr === c.a && b.expr === c.b) continue;
    const made = copying(a.bytes + b.bytes, caps);
    if (made + times.least >= shortest) continue;
    const candidate = nestWith(nest, c, a.expr, b.expr, wish);
    const time = made + (times.of(candidate)?.cycles ?? Number.POSITIVE_INFINITY);
    if (time >= shortest) continue;
    shortest = time;
    best = { nest: candidate, operands: [a, b] };
  }
  if (best === undefined) return undefined;
  const made = best.operands.flatMap((x) => x.kernels);
  for (const x of best.operands) x.keep();
  const nests = [best.nest];
  return { copies: made, kernel: { ...kernel, buffers: buffersOf(nests), nests } };
};

/** The nest on other operands, whose axes end with those along which neighbours lie. */
const nestWith = (nest: Nest, c: Contraction, a: Expr, b: Expr, wish: Wish): Nest => {
  const ends = [wish.a, wish.b].filter((z) => z !== undefined);
  const inOrder = (axes: readonly Axis[]): Axis[] => [
    ...axes.filter((z) => !ends.includes(z)),
    ...axes.filter((z) => ends.includes(z)),
  ];
  const [m, n, k] = [inOrder(c.m), inOrder(c.n), inOrder(c.k)];
  const axes = [...c.batch, ...m, ...n];
  return {
    ...nest,
    axes,
    stores: nest.stores.map((s) => ({ ...s, axes: axes.filter((z) => s.axes.includes(z)) })),
    contract: { ...c, m, n, k, a, b },
  };
};
