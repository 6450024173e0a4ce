/**
 * Whether attention in blocks takes less time than products and a softmax that keep all shares.
 *
 * Blocks take a product more where gradients are computed with the result (seven instead of six), and draw what is dropped
 * once more; they leave out what a causal mask hides, and neither write nor read shares.
 * Invariant: depends on sizes alone, so that all nodes of an attention are judged alike. Costs are rough cycles of one core
 * with 128-bit vectors, from both ways of computing, measured over 64 to 2048 positions and 32 to 128 features.
 */
import { STEP, TILE_COLUMNS, TILE_ROWS } from './contraction.ts';

export interface AttentionSizes {
  readonly queries: number;
  readonly keys: number;
  /** Features of a query and of a value. */
  readonly depth: number;
  readonly width: number;
  readonly causal: boolean;
  readonly dropout: boolean;
}

/** What a program computes of an attention: its result, its gradients, or both. */
export interface AttentionParts {
  readonly result: boolean;
  readonly gradients: boolean;
}

/** A multiply-add of products. */
const MADD = STEP / (TILE_ROWS * TILE_COLUMNS);
/** For a pair: what a softmax and its gradient take that keep shares, and making shares again. */
const WRITTEN = { result: 5.5, gradients: 6.5, again: 4 } as const;
/** For a pair: hiding scores, keeping what was dropped, and drawing it. */
const HIDE = 2;
const KEEP = 2;
const DRAW = 7.5;
/** For a pair: exponentials, what becomes of scores, and starting and leaving tiles of them. */
const BLOCKS = { result: 5, gradients: 5 } as const;
/** For a query and a feature: packing it, and starting and finishing its sums. */
const ROW = { result: 3, gradients: 9 } as const;
/** Keys more than a mask leaves that a query meets, because tiles and blocks are met as a whole. */
const EDGE = { result: 6, gradients: 36 } as const;

/** The share of pairs that are visited: what is behind a query is not. */
const visited = ({ queries, keys, causal }: AttentionSizes, edge: number): number => {
  if (!causal) return 1;
  const below = queries <= keys ? queries / (2 * keys) : 1 - keys / (2 * queries);
  return Math.min(1, below + edge / keys);
};

/** Cycles of a pair when shares are kept. */
const writtenCycles = (s: AttentionSizes, { result, gradients }: AttentionParts): number => {
  const { depth, width, causal, dropout } = s;
  const draw = dropout ? DRAW + KEEP : 0;
  const hide = causal ? HIDE : 0;
  const first = (depth + width) * MADD + WRITTEN.result + hide + draw;
  const again = result ? 0 : depth * MADD + WRITTEN.again + draw;
  const back = 2 * (depth + width) * MADD + WRITTEN.gradients + hide + again;
  return (result ? first : 0) + (gradients ? back : 0);
};

/** Cycles of a pair, of all pairs, in blocks. */
const blockCycles = (s: AttentionSizes, { result, gradients }: AttentionParts): number => {
  const { depth, width, keys, dropout } = s;
  const part = (of: keyof AttentionParts, madds: number): number => {
    const rows = (ROW[of] * (depth + width)) / 2 / keys;
    return visited(s, EDGE[of]) * (madds * MADD + BLOCKS[of] + (dropout ? DRAW : 0)) + rows;
  };
  return (
    (result ? part('result', depth + width) : 0) +
    (gradients ? part('gradients', 3 * depth + 2 * width) : 0)
  );
};

/** Whether blocks are faster than shares that stay in caches. */
export const blocksPay = (sizes: AttentionSizes, parts: AttentionParts): boolean =>
  blockCycles(sizes, parts) <= writtenCycles(sizes, parts);
