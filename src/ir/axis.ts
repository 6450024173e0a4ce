/**
 * Axes of loops, and what indices are made of them: the records, without the algebra.
 *
 * Invariant: an axis is known by its id, which no other axis of the process has.
 */
import { TigonError } from './errors.ts';

/** A loop axis. Identity is `id`; `extent` is its trip count. */
export interface Axis {
  readonly id: number;
  /** For people: `i`, `row`, `k`. Unique within a kernel. */
  readonly name: string;
  readonly extent: number;
  readonly kind: 'par' | 'red';
}

let nextAxis = 1;

/**
 * A new axis. Expressions are interned in one pool for the whole process, so axes of different kernels must never share
 * an id: make every axis here.
 *
 * @throws {ValueError} unless `extent` is an integer ≥ 0
 *
 * @example
 * const i = ir.newAxis('i', 4, 'par');
 * const at = ir.idxAdd(ir.idxScale(ir.idxAxis(i), 8), ir.idxConst(3));
 * at.hi;   // 27
 * ir.idxEvaluate(at, () => 2, () => 0);   // 19
 * ir.idxEvaluate(ir.idxDiv(at, 8), () => 2, () => 0);   // 2
 * ir.boundHolds({ idx: at, lo: 0, hi: 32 });   // true
 */
export const newAxis = (name: string, extent: number, kind: Axis['kind']): Axis => {
  if (!Number.isInteger(extent) || extent < 0)
    throw new TigonError('value', `axis ${name}: the extent is ${extent}`, 'pass an integer ≥ 0');
  return { id: nextAxis++, name, extent, kind };
};

/**
 * How many points a loop nest over `axes` visits.
 *
 * @throws nothing
 *
 * @example ir.pointsOf([ir.newAxis('i', 4, 'par'), ir.newAxis('j', 3, 'red')]);   // 12
 */
export const pointsOf = (axes: Iterable<Axis>): number => {
  let points = 1;
  for (const axis of axes) points *= axis.extent;
  return points;
};

/** What an index may depend on besides axes: a loaded integer (gather). `key` decides equality. */
export interface Opaque {
  readonly key: string;
}

/** What sums are made of; `lo` and `hi` (inclusive) bound every value it can take. */
export type Atom = { readonly key: string; readonly lo: number; readonly hi: number } & (
  | { readonly kind: 'axis'; readonly axis: Axis }
  | { readonly kind: 'div' | 'mod'; readonly arg: Idx; readonly by: number }
  | { readonly kind: 'opaque'; readonly ref: Opaque }
);

export interface Term {
  readonly coef: number;
  readonly atom: Atom;
}

/** `sum(coef * atom) + constant`. */
export interface Idx {
  readonly terms: readonly Term[];
  readonly constant: number;
  readonly lo: number;
  readonly hi: number;
  readonly key: string;
}

/** `lo <= idx < hi`; a list of them is a conjunction. */
export interface Bound {
  readonly idx: Idx;
  readonly lo: number;
  readonly hi: number;
}

/**
 * The least and greatest value of an atom.
 *
 * @throws nothing
 *
 * @see {@link newAxis}
 */
export const atomBounds = ({ lo, hi }: Atom): readonly [number, number] => [lo, hi];
