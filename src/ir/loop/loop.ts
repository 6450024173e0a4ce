/**
 * L2 Loop IR: one fused kernel as data: parallel axes, affine indices, reductions, at most one product a nest.
 *
 * Invariants: every load and store index is in bounds for all axis values or stands under a `guard` that makes it so;
 * reductions run over `red` axes only; no two stores of a kernel write the same element; expressions are interned, so
 * that sharing is identity.
 */
import type { Axis, Bound, Idx } from '../dim.ts';
import type { DType } from '../dtype.ts';
import type { ScalarOp } from '../scalar.ts';
import type { Shape } from '../type.ts';

export type ReduceOp = 'add' | 'mul' | 'max' | 'min' | 'argmax' | 'argmin';

interface ExprBase {
  /** Equality by text; also what index algebra calls an opaque reference by. */
  readonly key: string;
  readonly id: number;
  readonly dtype: DType;
}
export interface ConstExpr extends ExprBase {
  readonly kind: 'const';
  readonly value: number;
}
/** The value of an index, as int32. */
export interface IndexExpr extends ExprBase {
  readonly kind: 'index';
  readonly idx: Idx;
}
export interface OpExpr extends ExprBase {
  readonly kind: 'op';
  readonly op: ScalarOp;
  readonly args: readonly Expr[];
}
export interface CastExpr extends ExprBase {
  readonly kind: 'cast';
  readonly arg: Expr;
}
export interface LoadExpr extends ExprBase {
  readonly kind: 'load';
  readonly buffer: LoopBuffer;
  readonly index: readonly Idx[];
}
/** `then` where all bounds hold, else `otherwise`; the branch not taken is not evaluated (its loads may be out of bounds). */
export interface GuardExpr extends ExprBase {
  readonly kind: 'guard';
  readonly bounds: readonly Bound[];
  readonly then: Expr;
  readonly otherwise: Expr;
}
/**
 * Fold of `body` over all values of `axes` (row-major order). `argmax`/`argmin` give the int32 row-major position of
 * the first extreme (NaN counts as the extreme). Empty folds give the neutral element.
 */
export interface ReduceExpr extends ExprBase {
  readonly kind: 'reduce';
  readonly op: ReduceOp;
  readonly axes: readonly Axis[];
  readonly body: Expr;
}
/**
 * What a product leaves at the current point: `acc`, the result of the nest's contraction or attention at (batch, m, n);
 * of an attention also its scores, for its weight, and the norm of the row, for stores.
 */
export interface AccExpr extends ExprBase {
  readonly kind: 'acc';
  readonly name: AccName;
}
export type AccName = 'acc' | 'norm' | 'score' | 'score1';
export type Expr =
  | ConstExpr
  | IndexExpr
  | OpExpr
  | CastExpr
  | LoadExpr
  | GuardExpr
  | ReduceExpr
  | AccExpr;

/** A tensor a kernel reads or writes. */
export interface LoopBuffer {
  /** Unique in the program. */
  readonly id: number;
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** In elements; row-major for everything the compiler allocates, arbitrary for views passed in. */
  readonly strides: readonly number[];
}

/** How a scattered value meets what is there: as a sum, or the greater one stays (of numbers ≥ 0: it starts from zeros). */
export type Accumulating = 'add' | 'max';

/**
 * Writes `value` to `buffer[index]` for all values of the nest's axes that it depends on (`axes`: a prefix of the
 * nest's axes, the rest do not occur in it).
 * `over`: sequential axes for scattered accumulation (`mode: 'add'` or `'max'`): the buffer is zeroed first, then for each
 * value of `over`, in order, `value` is added at `index`, which may hold opaque parts (`max`: the greater of the two stays).
 */
export interface Store {
  readonly buffer: LoopBuffer;
  readonly index: readonly Idx[];
  readonly value: Expr;
  readonly axes: readonly Axis[];
  readonly mode: 'set' | Accumulating;
  readonly over: readonly Axis[];
}

/** `acc[batch, m, n] = sum over k of a[batch, m, k] * b[batch, k, n]`, in float32. */
export interface Contraction {
  readonly batch: readonly Axis[];
  readonly m: readonly Axis[];
  readonly n: readonly Axis[];
  readonly k: readonly Axis[];
  /** Over batch, m and k axes only. */
  readonly a: Expr;
  /** Over batch, n and k axes only. */
  readonly b: Expr;
  /** Index of the result tensor's element (batch, m, n); covers each element once. */
  readonly index: readonly Idx[];
}

/** `score[batch, m, t] = sum over depth of a[batch, m, depth] * b[batch, t, depth]`, in float32. */
export interface Score {
  readonly depth: readonly Axis[];
  /** Over batch, m and depth axes only. */
  readonly a: Expr;
  /** Over batch, k (the `t` above) and depth axes only. */
  readonly b: Expr;
}

/**
 * A product whose left operand is made of products, in float32.
 *
 * `sum`: `acc[batch, m, n] = sum over k of weight[batch, m, k] * value[batch, k, n]`.
 * `softmax`: the same with `exp(weight - norm[batch, m])` for the weight, where `norm` is the logarithm of the sum over k
 * of `exp(weight)`. A weight of {@link ABSENT} (or less) takes no part; where none does, `acc` is 0 and `norm` is ABSENT.
 */
export interface Attention {
  readonly batch: readonly Axis[];
  readonly m: readonly Axis[];
  readonly n: readonly Axis[];
  readonly k: readonly Axis[];
  readonly fold: 'sum' | 'softmax';
  /** What the weight knows as `score` and `score1`. */
  readonly scores: readonly Score[];
  /** Over batch, m and k axes only. */
  readonly weight: Expr;
  /** Over batch, n and k axes only. */
  readonly value: Expr;
  /** Over batch, m and k axes only: what the values of a softmax are multiplied with besides, which `norm` knows nothing of. */
  readonly kept?: Expr;
  /** Index of the result tensor's element (batch, m, n); covers each element once. */
  readonly index: readonly Idx[];
}

/** The weight of what may not be attended to: finite, because shaders need not know infinities. */
export const ABSENT: number = Math.fround(-1e38);

/** Zero everywhere, then `result[index] += value` for each of `over` in order; `axes` run in parallel and never collide. */
export interface Scattering {
  /** Default `add`. */
  readonly mode?: Accumulating;
  readonly axes: readonly Axis[];
  readonly over: readonly Axis[];
  readonly index: readonly Idx[];
  readonly value: Expr;
}

/** Folds of which every partial result is kept. `logadd`: log(exp x + exp y); `affine`: see {@link Prefix}. */
export type PrefixOp = 'add' | 'mul' | 'max' | 'min' | 'logadd' | 'affine';

/**
 * A running fold: `acc` at a place of `axis` is the fold of what is at the places up to it, from the last one on if
 * `backward`. `affine` has two values, all others one: `acc = values[0] · (acc of the place before) + values[1]`, where
 * there is 0 before the first.
 */
export interface Prefix {
  readonly kind: 'prefix';
  readonly op: PrefixOp;
  readonly axis: Axis;
  readonly backward: boolean;
  readonly values: readonly Expr[];
}

/**
 * An order: `acc` at a place of `axis` is the number of the element that comes there when they are sorted by `key`:
 * least first (`descending`: greatest first), NaN last, equal ones as they were. Each run of `width` places is put in
 * order for itself. `merge` are elements that stand in order in runs of `merge.width`, two of which make one of `width`:
 * by `merge.elements` at a place instead of those of their own number.
 */
export interface Ordering {
  readonly kind: 'order';
  readonly axis: Axis;
  readonly descending: boolean;
  readonly width: number;
  readonly key: Expr;
  readonly merge: { readonly width: number; readonly elements: Expr } | undefined;
}

/** What needs all elements along an axis, and gives as many. */
export type Running = Prefix | Ordering;

/** One loop nest: parallel axes, outermost first, and what is stored at each point. */
export interface Nest {
  readonly axes: readonly Axis[];
  readonly stores: readonly Store[];
  /** When present, `axes` are batch, m, n of it in order and stores may use `acc`. */
  readonly contract: Contraction | undefined;
  /** In a contraction's place: stores may use `acc`, and `norm` where the weights are a softmax. */
  readonly attend?: Attention;
  /** In a contraction's place: its axis is one of `axes`, and `acc` has the dtype of what it gives. */
  readonly running?: Running;
}

/** What one launch does: independent nests, in no order. */
export interface LoopKernel {
  readonly name: string;
  /** Buffers read, then written (a buffer may be both when every point reads only the element it writes). */
  readonly buffers: readonly LoopBuffer[];
  readonly nests: readonly Nest[];
  /** User lines and L1 ops it came from, for explain. */
  readonly origin: readonly string[];
}
