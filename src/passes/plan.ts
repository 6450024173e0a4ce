/**
 * Memory planning: gives every temporary of a program its place in one arena, close to the fewest bytes possible.
 *
 * Invariant: two intervals that are alive at the same step never overlap, except an interval and the one it takes the
 * place of, which share their offset; the result depends on the intervals alone (no clock, no randomness).
 */
import { invariant } from '../ir/errors.ts';
import { type Block, heightWithin, type Part, splitIntoParts } from './plan-problem.ts';
import { packWithin } from './plan-search.ts';

/** The life of one temporary: written first in step `first`, used last in step `last` (both inclusive). */
export interface Interval {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
  /** The interval whose bytes this one takes over in the step where that one ends. */
  readonly inPlaceOf?: number | undefined;
}

export interface MemoryPlan {
  readonly offsets: readonly number[];
  /** Size of the arena, a multiple of the alignment. */
  readonly bytes: number;
  /** The most bytes alive in one step, which no plan can go below. */
  readonly lowerBound: number;
}

/** How far above the bound a plan may be before the search is worth its time. */
const GOOD_ENOUGH = 1.02;
/** Elementary steps the search may take for a whole plan: some milliseconds. */
const SEARCH_BUDGET = 2_000_000;
/** Blocks that all rounds of {@link complain} together may place anew. */
const COMPLAINTS = 2400;

/** Places `intervals` at multiples of `alignment`. */
export const planMemory = (intervals: readonly Interval[], alignment: number): MemoryPlan => {
  const offsets = new Array<number>(intervals.length).fill(0);
  const parts = splitIntoParts(intervals, alignment);
  let bytes = 0;
  // A part below the peak of another needs no better plan than that peak: the hardest come first and set it.
  for (const part of parts.sort((a, b) => b.bound - a.bound)) {
    const places = placePart(part, bytes);
    part.blocks.forEach((block, i) => {
      for (const member of block.members) offsets[member] = places[i]!;
      bytes = Math.max(bytes, places[i]! + block.height);
    });
  }
  return { offsets, bytes, lowerBound: liveBytes(intervals) };
};

const placePart = (part: Part, enough: number): Float64Array => {
  const goal = Math.max(enough, part.bound * GOOD_ENOUGH);
  let best = firstFit(
    part,
    part.blocks.map((_, i) => i),
  );
  for (const weight of ORDERS) {
    if (best.peak <= goal) return best.places;
    const order = part.blocks
      .map((block, i) => ({ i, weight: weight(block) }))
      .sort((a, b) => b.weight - a.weight || a.i - b.i)
      .map((x) => x.i);
    best = better(best, complain(part, order, goal));
  }
  return best.peak <= goal ? best.places : search(part, best, goal).places;
};

/** Places again and again, the blocks that ended at the top first: those suffered most from their turn. */
const complain = (part: Part, start: readonly number[], goal: number): Placement => {
  let order = start;
  let best = firstFit(part, order);
  let last = best;
  const rounds = COMPLAINTS / order.length;
  for (let round = 0; round < rounds && best.peak > goal; round++) {
    const { places, peak } = last;
    const high = (i: number): boolean => places[i]! + part.blocks[i]!.height >= peak;
    order = [...order.filter(high), ...order.filter((i) => !high(i))];
    last = firstFit(part, order);
    best = better(best, last);
  }
  return best;
};

const better = (a: Placement, b: Placement): Placement => (b.peak < a.peak ? b : a);

/** By size, by lifetime, by area; time order (how the blocks stand) has been tried before. */
const ORDERS: readonly ((block: Block) => number)[] = [
  (b) => b.height,
  (b) => b.to - b.from,
  (b) => b.height * (b.to - b.from + 1),
];

interface Placement {
  readonly places: Float64Array;
  readonly peak: number;
}

/** Each block in turn at the lowest offset free of the blocks placed before it. */
const firstFit = ({ blocks }: Part, order: readonly number[]): Placement => {
  const places = new Float64Array(blocks.length);
  /** The blocks placed so far, lowest first. */
  const placed: number[] = [];
  let peak = 0;
  for (const i of order) {
    const block = blocks[i]!;
    let offset = 0;
    for (let moved = true; moved; ) {
      moved = false;
      for (let p = 0; p < placed.length; p++) {
        const j = placed[p]!;
        const other = blocks[j]!;
        if (other.to < block.from || block.to < other.from) continue;
        const low = places[j]!;
        if (offset + block.height <= low || offset >= low + other.height) continue;
        const from = Math.max(block.from, other.from);
        const to = Math.min(block.to, other.to);
        const above = low + heightWithin(other, from, to);
        if (offset + heightWithin(block, from, to) <= low || offset >= above) continue;
        offset = above;
        moved = true;
      }
    }
    places[i] = offset;
    peak = Math.max(peak, offset + block.height);
    let at = placed.length;
    while (at > 0 && places[placed[at - 1]!]! > offset) at--;
    placed.splice(at, 0, i);
  }
  return { places, peak };
};

/** Halves the gap between the bound and the best plan, as long as the budget lasts. */
const search = (part: Part, start: Placement, goal: number): Placement => {
  let best = start;
  let low = part.bound;
  let target = part.bound;
  const budget = { left: SEARCH_BUDGET };
  while (best.peak > goal && budget.left > 0 && target < best.peak) {
    const places = packWithin(part, target, budget);
    if (places === undefined) low = target;
    else {
      const peak = part.blocks.reduce((top, b, i) => Math.max(top, places[i]! + b.height), 0);
      best = { places, peak };
    }
    target = Math.floor((low + best.peak) / 2);
    if (target <= low) break;
  }
  return best;
};

/** The most bytes alive in one step; an interval and the one it takes over count once in the step they share. */
const liveBytes = (intervals: readonly Interval[]): number => {
  const events: { step: number; bytes: number }[] = [];
  for (const { bytes, first, last, inPlaceOf } of intervals) {
    events.push({ step: first, bytes }, { step: last + 1, bytes: -bytes });
    const from = inPlaceOf === undefined ? undefined : intervals[inPlaceOf]!;
    if (from === undefined || from.last < first) continue;
    const shared = Math.min(bytes, from.bytes);
    events.push({ step: first, bytes: -shared }, { step: first + 1, bytes: shared });
  }
  events.sort((a, b) => a.step - b.step || a.bytes - b.bytes);
  let live = 0;
  let most = 0;
  events.forEach((event, i) => {
    live += event.bytes;
    if (events[i + 1]?.step !== event.step) most = Math.max(most, live);
  });
  return most;
};

/** Throws when a plan breaks a rule: the definition of a correct plan, for tests and for debug runs. */
export const checkPlan = (
  intervals: readonly Interval[],
  plan: MemoryPlan,
  alignment: number,
): void => {
  const takesOver = (a: number, b: number): boolean =>
    intervals[a]!.inPlaceOf === b && intervals[b]!.last === intervals[a]!.first;
  intervals.forEach((a, i) => {
    const at = plan.offsets[i]!;
    invariant(at >= 0 && at % alignment === 0, `interval ${i} at ${at}: not aligned`);
    invariant(at + a.bytes <= plan.bytes, `interval ${i} at ${at}: past the arena's end`);
    if (a.inPlaceOf !== undefined)
      invariant(
        at === plan.offsets[a.inPlaceOf],
        `interval ${i} is not in place of ${a.inPlaceOf}`,
      );
    for (let j = 0; j < i; j++) {
      const b = intervals[j]!;
      const low = plan.offsets[j]!;
      if (a.first > b.last || b.first > a.last || takesOver(i, j) || takesOver(j, i)) continue;
      invariant(
        at >= low + b.bytes || low >= at + a.bytes,
        `intervals ${j} and ${i} overlap while both are alive`,
      );
    }
  });
  invariant(plan.bytes >= plan.lowerBound, 'a plan cannot be smaller than its lower bound');
};
