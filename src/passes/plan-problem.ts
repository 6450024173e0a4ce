/**
 * The planning problem, cut down: chains of in-place intervals become one block, and stretches of time that share
 * nothing become problems of their own.
 *
 * Invariant: a solution of every part, each placed from offset 0, is a solution of the whole.
 */
import { invariant } from '../ir/errors.ts';
import type { Interval } from './plan.ts';

/** Intervals that share one offset, one taking over from another. Sections are counted within the part. */
export interface Block {
  readonly members: readonly number[];
  readonly from: number;
  readonly to: number;
  /** Bytes needed in each of its sections. */
  readonly heights: Float64Array;
  /** The most of them. */
  readonly height: number;
}

/** Two blocks alive in a common section: what each needs there. */
export interface Clash {
  readonly other: number;
  readonly mine: number;
  readonly theirs: number;
}

export interface Part {
  readonly blocks: readonly Block[];
  readonly sections: number;
  /** The most bytes alive in a section. */
  readonly bound: number;
}

interface Chain {
  readonly members: readonly number[];
  readonly first: number;
  readonly last: number;
}

export const splitIntoParts = (intervals: readonly Interval[], alignment: number): Part[] => {
  const chains = chainsOf(intervals).sort((a, b) => a.first - b.first || b.last - a.last);
  const parts: Part[] = [];
  let open: Chain[] = [];
  let end = Number.NEGATIVE_INFINITY;
  for (const chain of chains) {
    if (chain.first > end && open.length > 0) {
      parts.push(partOf(open, intervals, alignment));
      open = [];
    }
    open.push(chain);
    end = Math.max(end, chain.last);
  }
  if (open.length > 0) parts.push(partOf(open, intervals, alignment));
  return parts;
};

const chainsOf = (intervals: readonly Interval[]): Chain[] => {
  const next = new Map<number, number>();
  intervals.forEach(({ first, last, inPlaceOf }, i) => {
    invariant(first <= last, `interval ${i} ends in step ${last}, before its first step ${first}`);
    if (inPlaceOf === undefined) return;
    const from = intervals[inPlaceOf];
    invariant(from !== undefined && from.last <= first, `interval ${i} takes over too early`);
    // Two hand-overs in one step would leave the first and the third alive together.
    const before = from.inPlaceOf === undefined ? undefined : intervals[from.inPlaceOf];
    invariant(before === undefined || before.last < first, `interval ${i} takes over too early`);
    invariant(!next.has(inPlaceOf), `interval ${inPlaceOf} is taken over twice`);
    next.set(inPlaceOf, i);
  });
  const chains: Chain[] = [];
  intervals.forEach(({ first, inPlaceOf }, head) => {
    if (inPlaceOf !== undefined) return;
    const members = [head];
    for (let i = next.get(head); i !== undefined; i = next.get(i)) members.push(i);
    chains.push({ members, first, last: intervals[members.at(-1)!]!.last });
  });
  return chains;
};

/** A section is a run of steps in which the same intervals are alive. */
const partOf = (
  chains: readonly Chain[],
  intervals: readonly Interval[],
  alignment: number,
): Part => {
  const starts = new Set<number>();
  for (const chain of chains)
    for (const i of chain.members) {
      starts.add(intervals[i]!.first);
      starts.add(intervals[i]!.last + 1);
    }
  const cuts = [...starts].sort((a, b) => a - b);
  const sectionOf = new Map(cuts.map((step, i) => [step, i]));
  const total = new Float64Array(cuts.length);
  const blocks = chains.map(({ members, first, last }): Block => {
    const from = sectionOf.get(first)!;
    const to = sectionOf.get(last + 1)! - 1;
    const heights = new Float64Array(to - from + 1);
    for (const i of members) {
      const interval = intervals[i]!;
      const size = Math.ceil(interval.bytes / alignment) * alignment;
      const end = sectionOf.get(interval.last + 1)!;
      for (let s = sectionOf.get(interval.first)!; s < end; s++)
        heights[s - from] = Math.max(heights[s - from]!, size);
    }
    let height = 0;
    for (let s = from; s <= to; s++) {
      total[s] = total[s]! + heights[s - from]!;
      height = Math.max(height, heights[s - from]!);
    }
    return { members, from, to, heights, height };
  });
  return {
    blocks,
    sections: cuts.length,
    bound: total.reduce((most, bytes) => Math.max(most, bytes), 0),
  };
};

/** For each block, the blocks alive at the same time. */
export const clashesOf = (blocks: readonly Block[]): Clash[][] => {
  const clashes: Clash[][] = blocks.map(() => []);
  for (let i = 0; i < blocks.length; i++)
    for (let j = 0; j < i; j++) {
      const a = blocks[i]!;
      const b = blocks[j]!;
      const from = Math.max(a.from, b.from);
      const to = Math.min(a.to, b.to);
      if (from > to) continue;
      const mine = heightWithin(a, from, to);
      const theirs = heightWithin(b, from, to);
      if (mine === 0 || theirs === 0) continue;
      clashes[i]!.push({ other: j, mine, theirs });
      clashes[j]!.push({ other: i, mine: theirs, theirs: mine });
    }
  return clashes;
};

/** What a block needs at most in some of its sections. */
export const heightWithin = (block: Block, from: number, to: number): number => {
  if (block.members.length === 1) return block.height;
  let most = 0;
  for (let s = from; s <= to; s++) most = Math.max(most, block.heights[s - block.from]!);
  return most;
};
