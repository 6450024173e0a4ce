/**
 * Ranges of indices by going through the values of their axes: where divisions and remainders of sums meet guards on
 * other remainders of them, intervals cannot see what holds, and small kernels have few enough values to look.
 *
 * Invariant: the range is exact for the guards that are looked at; leaving some out makes it wider, never narrower.
 */
import {
  type Axis,
  type Bound,
  type Idx,
  idxAxes,
  idxEvaluate,
  idxOpaques,
  pointsOf,
} from '../dim.ts';

/** More values than this are not gone through. */
const MOST_POINTS = 65_536;

/** The range of `idx` where `bounds` hold; undefined when there are too many values, or some are read from memory. */
export const exactRange = (
  idx: Idx,
  bounds: readonly Bound[],
): readonly [number, number] | undefined => {
  if (isRead(idx)) return undefined;
  const axes = axesOf(idx);
  // Guards that share no axis say nothing about the index; those that bring too many axes are left out.
  const guards: Bound[] = [];
  for (const bound of bounds) {
    const own = axesOf(bound.idx);
    if (isRead(bound.idx) || ![...own].some((a) => axes.has(a))) continue;
    const all = new Set([...axes, ...own]);
    if (pointsOf(all) > MOST_POINTS) continue;
    for (const a of own) axes.add(a);
    guards.push(bound);
  }
  if (pointsOf(axes) > MOST_POINTS) return undefined;
  const order = [...axes];
  const values = new Map<Axis, number>();
  const at = (a: Axis): number => values.get(a)!;
  let lo = Number.POSITIVE_INFINITY;
  let hi = Number.NEGATIVE_INFINITY;
  const visit = (depth: number): void => {
    const axis = order[depth];
    if (axis === undefined) {
      for (const b of guards) {
        const v = idxEvaluate(b.idx, at, nothing);
        if (v < b.lo || v >= b.hi) return;
      }
      const v = idxEvaluate(idx, at, nothing);
      lo = Math.min(lo, v);
      hi = Math.max(hi, v);
      return;
    }
    for (let i = 0; i < axis.extent; i++) {
      values.set(axis, i);
      visit(depth + 1);
    }
  };
  visit(0);
  // No value at all: the access never happens.
  return lo > hi ? [0, 0] : [lo, hi];
};

const nothing = (): number => 0;

const axesOf = (idx: Idx): Set<Axis> => {
  const axes = new Set<Axis>();
  idxAxes(idx, (a) => axes.add(a));
  return axes;
};

const isRead = (idx: Idx): boolean => {
  let read = false;
  idxOpaques(idx, () => {
    read = true;
  });
  return read;
};
