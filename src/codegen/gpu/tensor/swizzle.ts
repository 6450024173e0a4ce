/**
 * How tiles lie in shared memory so that no two threads of a warp that read or write together meet in a bank.
 *
 * A tile is lines of pieces of 16 bytes; 32 banks are eight pieces wide. `fragments` read eight pieces at a time, one of
 * each of eight neighbouring lines, all at the same place of their line; written are pieces along a line. So piece p of
 * line l lies where piece p xor (l mod 8) would: eight lines give eight different pieces of any aligned eight. Lines of
 * fewer than eight pieces share a row of banks: then it is the number of the row that is taken, modulo the pieces of a
 * line. Where single float32 are read instead (TF32 across the sum), four lines by eight neighbours: two pieces of each of
 * four lines, which lie apart by p xor 2 (l mod 4).
 * Invariant: a permutation of the pieces of each line, so that copies of whole pieces stay whole.
 */
import { i32, operate } from '../../../ir/thread/build.ts';
import type { TExpr } from '../../../ir/thread/thread.ts';

/** Bytes that are read together. */
export const PIECE = 16;
/** Pieces in a row of all banks. */
const ROW = 8;

/** How the pieces of lines are permuted: `at ^ (((at >> shift) & mask) << up)` for the element `at` of a tile. */
export interface Swizzle {
  /** Elements of a line, a power of two. */
  readonly line: number;
  readonly shift: number;
  readonly mask: number;
  readonly up: number;
  /** Elements of a piece. */
  readonly piece: number;
}

/** For lines of `line` elements of `bytes` each; `single`: read one float32 at a time, across lines. */
export const swizzleOf = (line: number, bytes: number, single: boolean): Swizzle => {
  const piece = PIECE / bytes;
  const pieces = line / piece;
  const rows = single ? 0 : Math.max(0, Math.log2(ROW / pieces));
  const few = Math.min(ROW, pieces);
  return {
    line,
    shift: Math.log2(line) + rows,
    mask: single ? few / 2 - 1 : few - 1,
    up: Math.log2(piece) + (single ? 1 : 0),
    piece,
  };
};

/** Elements after which the permutation is the same again. */
export const periodOf = ({ shift, mask }: Swizzle): number => (mask + 1) << shift;

/** Where element `at` of a tile lies. */
export const swizzled = ({ shift, mask, up }: Swizzle, at: number): number =>
  at ^ (((at >> shift) & mask) << up);

/** The same for a place that is known when it runs. */
export const placeIn = ({ shift, mask, up }: Swizzle, at: TExpr): TExpr => {
  const bits = operate('and', operate('shr', at, i32(shift)), i32(mask));
  return operate('xor', at, operate('shl', bits, i32(up)));
};
