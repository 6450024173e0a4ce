/**
 * Exact packing within a capacity, for the problems that greedy orders leave more than a little above the bound.
 *
 * After the idea of MiniMalloc (M. D. Moffitt, "MiniMalloc: a lightweight memory allocator for hardware-accelerated
 * machine learning", ASPLOS 2023): every packing can be pushed down until each block rests on the floor or on another
 * block, and such packings can be built by placing blocks in order of offset. So only those are searched.
 * Invariant: places are tried in nondecreasing offset; a branch is dropped only when no completion fits.
 */
import { type Block, type Clash, clashesOf, type Part } from './plan-problem.ts';

/** Shared by the searches of one plan; counted in elementary steps, so that plans do not depend on the clock. */
export interface Budget {
  left: number;
}

/** Share of the remaining budget that each preference order may use. */
const SHARE = 0.34;

/** Offsets for which no block ends above `capacity`, or `undefined` when there are none or the budget ran out. */
export const packWithin = (
  part: Part,
  capacity: number,
  budget: Budget,
): Float64Array | undefined => {
  const clashes = clashesOf(part.blocks);
  for (const preference of PREFERENCES) {
    const before = budget.left;
    const limit = { left: Math.floor(before * SHARE) };
    const { places, exhausted } = pack(part, clashes, capacity, preference, limit);
    budget.left = before - (Math.floor(before * SHARE) - limit.left);
    if (places !== undefined) return places;
    if (exhausted) return undefined;
  }
  return undefined;
};

/** Which of the blocks that could go to one offset is tried first: long-lived, large, or big in both. */
const PREFERENCES: readonly ((block: Block) => number)[] = [
  (b) => (b.to - b.from + 1) * 1e15 + b.height,
  (b) => (b.to - b.from + 1) * b.height,
  (b) => b.height,
];

interface Outcome {
  readonly places: Float64Array | undefined;
  /** True when the whole space was searched. */
  readonly exhausted: boolean;
}

const pack = (
  { blocks, sections }: Part,
  clashes: readonly (readonly Clash[])[],
  capacity: number,
  preference: (block: Block) => number,
  limit: Budget,
): Outcome => {
  const count = blocks.length;
  const weights = blocks.map(preference);
  const ranked = blocks.map((_, i) => i).sort((a, b) => weights[b]! - weights[a]! || a - b);
  const places = new Float64Array(count).fill(-1);
  // The lowest offset that the blocks placed so far leave to each of the others.
  const lowest = new Float64Array(count);
  const top = new Float64Array(sections);
  const remaining = new Float64Array(sections);
  for (const block of blocks)
    for (let s = block.from; s <= block.to; s++)
      remaining[s] = remaining[s]! + block.heights[s - block.from]!;

  const hopeless = (offset: number): boolean => {
    for (let s = 0; s < sections; s++)
      if (remaining[s]! > 0 && Math.max(offset, top[s]!) + remaining[s]! > capacity) return true;
    return false;
  };

  /** Blocks that may come next, by offset, then preference. */
  const candidates = (offset: number): number[] => {
    // A block that fits wholly below another must have come before it.
    let ceiling = Number.POSITIVE_INFINITY;
    for (const i of ranked)
      if (places[i]! < 0) ceiling = Math.min(ceiling, lowest[i]! + blocks[i]!.height);
    const found = ranked.filter(
      (i) => places[i]! < 0 && lowest[i]! >= offset && lowest[i]! < ceiling,
    );
    return found.sort((a, b) => lowest[a]! - lowest[b]!);
  };

  const place = (i: number): boolean => {
    const block = blocks[i]!;
    const offset = lowest[i]!;
    places[i] = offset;
    for (let s = block.from; s <= block.to; s++) {
      const height = block.heights[s - block.from]!;
      top[s] = Math.max(top[s]!, offset + height);
      remaining[s] = remaining[s]! - height;
    }
    for (const { other, mine } of clashes[i]!) {
      if (places[other]! >= 0) continue;
      lowest[other] = Math.max(lowest[other]!, offset + mine);
      if (lowest[other]! + blocks[other]!.height > capacity) return false;
    }
    return !hopeless(offset);
  };

  const visit = (placed: number, offset: number): boolean => {
    if (placed === count) return true;
    let previous: number | undefined;
    for (const i of candidates(offset)) {
      limit.left -= count + sections;
      if (limit.left <= 0) return false;
      if (previous !== undefined && alike(blocks[i]!, blocks[previous]!, lowest, i, previous))
        continue;
      previous = i;
      const savedLowest = lowest.slice();
      const savedTop = top.slice(blocks[i]!.from, blocks[i]!.to + 1);
      if (place(i) && visit(placed + 1, places[i]!)) return true;
      places[i] = -1;
      lowest.set(savedLowest);
      top.set(savedTop, blocks[i]!.from);
      for (let s = blocks[i]!.from; s <= blocks[i]!.to; s++)
        remaining[s] = remaining[s]! + blocks[i]!.heights[s - blocks[i]!.from]!;
    }
    return false;
  };

  // Blocks without bytes fit anywhere and would only blunt the pruning.
  let empty = 0;
  blocks.forEach((block, i) => {
    if (block.height > 0) return;
    places[i] = 0;
    empty++;
  });
  const found = visit(empty, 0);
  return { places: found ? places : undefined, exhausted: limit.left > 0 };
};

/** Interchangeable blocks: if one cannot go here, neither can the other. */
const alike = (a: Block, b: Block, lowest: Float64Array, i: number, j: number): boolean =>
  a.from === b.from &&
  a.to === b.to &&
  lowest[i] === lowest[j] &&
  a.members.length === 1 &&
  b.members.length === 1 &&
  a.height === b.height;
