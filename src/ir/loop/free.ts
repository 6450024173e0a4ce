/**
 * Which axes an expression depends on.
 *
 * Invariant: the answer depends on the expression alone (expressions are immutable), so it is kept per expression.
 */
import { type Axis, type Idx, idxAxes, idxOpaques } from '../dim.ts';
import { remember } from '../remember.ts';
import type { Expr } from './loop.ts';
import { indicesOf, operandsOf } from './visit.ts';

/** What indices take from memory. Their opaque references are expressions: the algebra only knows them by key. */
export const opaqueExprs = (index: readonly Idx[]): Expr[] => {
  const out: Expr[] = [];
  for (const idx of index) idxOpaques(idx, (ref) => out.push(ref as Expr));
  return out;
};

const freeOf = new WeakMap<Expr, ReadonlySet<Axis>>();

/** Axes an expression depends on, axes of its own reductions excluded. */
export const freeAxes = (e: Expr): ReadonlySet<Axis> => remember(freeOf, e, freeIn);

const freeIn = (e: Expr): ReadonlySet<Axis> => {
  // most depend on what their first operand does
  if (e.kind === 'op' || e.kind === 'cast') {
    const [first, ...others] = operandsOf(e).map(freeAxes);
    if (first !== undefined && others.every((set) => set === first || isWithin(set, first)))
      return first;
  }
  const free = new Set<Axis>();
  for (const idx of indicesOf(e)) idxAxes(idx, (a) => free.add(a));
  for (const arg of operandsOf(e)) for (const a of freeAxes(arg)) free.add(a);
  if (e.kind === 'reduce') for (const a of e.axes) free.delete(a);
  return free;
};

const isWithin = (part: ReadonlySet<Axis>, whole: ReadonlySet<Axis>): boolean => {
  for (const a of part) if (!whole.has(a)) return false;
  return true;
};

const indexFree = new WeakMap<Idx, ReadonlySet<Axis>>();

/** Axes an index depends on, through loaded parts too. */
export const idxFree = (idx: Idx): ReadonlySet<Axis> => remember(indexFree, idx, freeInIndex);

const freeInIndex = (idx: Idx): ReadonlySet<Axis> => {
  const free = new Set<Axis>();
  idxAxes(idx, (a) => free.add(a));
  for (const e of opaqueExprs([idx])) for (const a of freeAxes(e)) free.add(a);
  return free;
};
