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

export type Atom =
  | { readonly kind: 'axis'; readonly axis: Axis; readonly key: string }
  | { readonly kind: 'div'; readonly arg: Idx; readonly by: number; readonly key: string }
  | { readonly kind: 'mod'; readonly arg: Idx; readonly by: number; readonly key: string }
  | {
      readonly kind: 'opaque';
      readonly ref: Opaque;
      readonly lo: number;
      readonly hi: number;
      readonly key: string;
    };

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
export const atomBounds = (atom: Atom): readonly [number, number] => [leastOf(atom), mostOf(atom)];

export const leastOf = (atom: Atom): number => {
  switch (atom.kind) {
    case 'axis':
    case 'mod':
      return 0;
    case 'div':
      return Math.floor(atom.arg.lo / atom.by);
    case 'opaque':
      return atom.lo;
    default:
      return atom satisfies never;
  }
};

export const mostOf = (atom: Atom): number => {
  switch (atom.kind) {
    case 'axis':
      return Math.max(0, atom.axis.extent - 1);
    case 'div':
      return Math.floor(atom.arg.hi / atom.by);
    case 'mod':
      return atom.by - 1;
    case 'opaque':
      return atom.hi;
    default:
      return atom satisfies never;
  }
};
