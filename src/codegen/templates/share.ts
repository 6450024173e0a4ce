/**
 * What a workgroup has of the rows, or of the columns, of a product that is cut into blocks of whole tiles.
 *
 * Invariant: blocks are equal but for the last, which may be shorter.
 */
import { i32, mul, operate } from '../../ir/thread/build.ts';
import type { TExpr } from '../../ir/thread/thread.ts';
import type { Emitter } from '../emit/emitter.ts';

export interface Share {
  readonly start: TExpr;
  readonly tiles: TExpr;
  /** Without what fills up the last tile. */
  readonly count: TExpr;
}

/** Block number `block` of `size`, in blocks of `each`, a multiple of `tile`. */
export const shareOf = (
  em: Emitter,
  name: string,
  block: TExpr,
  { size, each, tile }: { readonly size: number; readonly each: number; readonly tile: number },
): Share => {
  const start = em.name(`${name}Start`, mul(block, i32(each)));
  const [all, most] = [Math.ceil(size / tile), each / tile];
  const left = operate('sub', i32(all), mul(block, i32(most)));
  const tiles =
    all % most === 0 ? i32(most) : em.name(`${name}Tiles`, operate('min', left, i32(most)));
  const count =
    size % each === 0
      ? i32(each)
      : em.name(`${name}Count`, operate('min', i32(each), operate('sub', i32(size), start)));
  return { start, tiles, count };
};
