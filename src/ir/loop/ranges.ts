/**
 * Ranges of indices under guards: what verifiers and code generators prove about where a program reads and writes.
 *
 * Invariant: a range holds whatever it leaves out: every step replaces a part of a sum by numbers it cannot leave.
 */
import {
  atomBounds,
  type Bound,
  type Idx,
  idxAdd,
  idxAxis,
  idxDiv,
  idxOffset,
  idxScale,
} from '../dim.ts';

/** The range `idx` can take where all `bounds` hold: replaces sub-sums that a bound limits by that limit. */
export const rangeUnder = (idx: Idx, bounds: readonly Bound[]): readonly [number, number] => {
  // What bounds a number bounds its quotients.
  const merged = intersect(bounds);
  const quotients = [...divisorsIn(idx)].flatMap((by) =>
    [...bounds, ...merged].map((b) => ({
      idx: idxDiv(b.idx, by),
      lo: Math.floor(b.lo / by),
      hi: Math.floor((b.hi - 1) / by) + 1,
    })),
  );
  const given = [...intersect(quotients), ...merged];
  // A bound on a sum says more than one on a part of it, unless the part is all there is: both orders hold.
  const longest = [...given, ...merged.flatMap(partsOf)].sort(
    (p, q) => q.idx.terms.length - p.idx.terms.length,
  );
  const ranges = [given, longest].map((order) => rangeBy(idx, order, bounds));
  const whole = merged.find((b) => b.idx.key === idxOffset(idx, -idx.constant).key);
  if (whole !== undefined) ranges.push([whole.lo + idx.constant, whole.hi - 1 + idx.constant]);
  return [Math.max(...ranges.map((r) => r[0])), Math.min(...ranges.map((r) => r[1]))];
};

/** What a bound on a sum says about each axis in it: the limit less what the others are at least. */
const partsOf = ({ idx, lo, hi }: Bound): Bound[] =>
  idx.terms.flatMap(({ coef, atom }) => {
    if (idx.terms.length === 1 || atom.kind !== 'axis') return [];
    const part = idxScale(idxAxis(atom.axis), coef);
    const others = idxAdd(idx, idxScale(part, -1));
    return [{ idx: part, lo: lo - others.hi, hi: hi - others.lo }];
  });

/** The range of `idx` when the limits of `order` are put in one after the other. */
const rangeBy = (
  idx: Idx,
  order: readonly Bound[],
  bounds: readonly Bound[],
): readonly [number, number] => {
  let rest = idx;
  let lo = 0;
  let hi = 0;
  for (const bound of order) {
    const first = bound.idx.terms[0];
    const same = first && rest.terms.find((t) => t.atom.key === first.atom.key);
    if (!first || !same || same.coef % first.coef !== 0) continue;
    const by = same.coef / first.coef;
    const without = idxAdd(rest, idxScale(bound.idx, -by));
    const a = by * Math.max(bound.lo, bound.idx.lo);
    const b = by * Math.min(bound.hi - 1, bound.idx.hi);
    const low = Math.min(a, b);
    const high = Math.max(a, b);
    if (without.hi - without.lo + high - low >= rest.hi - rest.lo) continue;
    rest = without;
    lo += low;
    hi += high;
  }
  // What is left: quotients by the range of what they divide.
  for (const { coef, atom } of rest.terms) {
    const [from, to] =
      atom.kind === 'div'
        ? rangeUnder(atom.arg, bounds).map((x) => Math.floor(x / atom.by))
        : atomBounds(atom);
    lo += Math.min(coef * from!, coef * to!);
    hi += Math.max(coef * from!, coef * to!);
  }
  return [rest.constant + lo, rest.constant + hi];
};

/** Divisions by more than this are not taken apart. */
const LARGEST_DIVISOR = 4096;

/**
 * The range of a quotient whose dividend (shifted by something) is bounded: what is left when a flat position under a
 * guard is taken apart into a multi-index.
 */
export const quotientRange = (
  idx: Idx,
  bounds: readonly Bound[],
  /** Sizes of the dimensions after the one that `idx` is for, innermost first. */
  inner: readonly number[],
): readonly [number, number] => {
  const bare = idxOffset(idx, -idx.constant).key;
  let { lo, hi } = idx;
  for (const b of intersect(bounds)) {
    const divisors = [...new Set([...divisorsIn(idx), ...inner, ...factorsBetween(b.idx, idx)])];
    const chains = [inner, ...divisors.flatMap((d) => [[d], ...divisors.map((e) => [d, e])])];
    for (const chain of chains) {
      const by = chain.reduce((n, d) => n * d, 1);
      for (let shift = 0; by <= LARGEST_DIVISOR && shift < by; shift++) {
        const quotient = chain.reduce(idxDiv, idxOffset(b.idx, shift));
        if (idxOffset(quotient, -quotient.constant).key !== bare) continue;
        const offset = idx.constant - quotient.constant;
        lo = Math.max(lo, Math.floor((b.lo + shift) / by) + offset);
        hi = Math.min(hi, Math.floor((b.hi - 1 + shift) / by) + offset);
      }
    }
  }
  return [lo, hi];
};

/** Bounds on the same sum (up to a constant) as one. */
export const intersect = (bounds: readonly Bound[]): Bound[] => {
  const bySum = new Map<string, Bound>();
  for (const b of bounds) {
    const idx = idxOffset(b.idx, -b.idx.constant);
    const lo = b.lo - b.idx.constant;
    const hi = b.hi - b.idx.constant;
    const seen = bySum.get(idx.key);
    bySum.set(
      idx.key,
      seen === undefined
        ? { idx, lo, hi }
        : { idx, lo: Math.max(lo, seen.lo), hi: Math.min(hi, seen.hi) },
    );
  }
  return [...bySum.values()];
};

/** What divides `whole` on the way to `part`: 2 from 2i to i, 2 from i div 2 to i div 4. */
const factorsBetween = (whole: Idx, part: Idx): number[] => {
  const steps = whole.terms.map((t) => Math.abs(t.coef));
  const own = [...divisorsIn(whole)];
  const ratios = [...divisorsIn(part)].flatMap((by) => own.map((d) => by / d));
  return [...steps, ...ratios].filter((by) => Number.isInteger(by) && by > 1);
};

const divisorsIn = (idx: Idx, found: Set<number> = new Set()): Set<number> => {
  for (const { atom } of idx.terms) {
    if (atom.kind === 'div') found.add(atom.by);
    if (atom.kind === 'div' || atom.kind === 'mod') divisorsIn(atom.arg, found);
  }
  return found;
};

/** What is known where a conjunction fails: something for a single bound with one open side. */
export const boundsOtherwise = (
  bounds: readonly Bound[],
  known: readonly Bound[] = [],
): readonly Bound[] => {
  const [b] = bounds;
  if (b === undefined || bounds.length > 1) return [];
  const { idx } = b;
  const [lo, hi] = rangeUnder(idx, known);
  if (b.lo <= lo) return [{ idx, lo: b.hi, hi: hi + 1 }];
  if (b.hi > hi) return [{ idx, lo, hi: b.lo }];
  return [];
};
