/**
 * How the micro-kernel walks the positions of an image: in vectors that begin at the start of each row, or straight
 * through the padded image, rows and what lies between them, where that makes fewer of them.
 *
 * Invariant: every position has a slot, in row-major order; sums in slots that are no positions are never stored.
 */
import { add, i32, mul, operate } from '../../ir/thread/build.ts';
import type { TExpr } from '../../ir/thread/thread.ts';
import type { Emitter } from '../emit/emitter.ts';
import { roundUp, TILE_COLUMNS } from './contraction.ts';
import type { Planes } from './planes.ts';

export interface Slots {
  readonly tiles: number;
  /** From one position of a window to the next. */
  readonly pitches: readonly number[];
  /** Vectors of a row, where rows begin anew. */
  readonly perRow: number | undefined;
  /** Elements of a plane that are read from its beginning, without what taps add. */
  readonly span: number;
}

export const slotsOf = ({ sides }: Planes): Slots => {
  const last = sides.at(-1)!;
  const width = roundUp(last.positions, 4);
  const outer = sides.slice(0, -1);
  const rows = outer.reduce((n, s) => n * s.positions, 1);
  const through = sides.reduce((n, s) => n + (s.positions - 1) * s.pitch, 1);
  const tiles = [rows * width, through].map((n) => Math.ceil(n / TILE_COLUMNS)) as [number, number];
  const isThrough = tiles[1] < tiles[0] || (tiles[1] === tiles[0] && width % TILE_COLUMNS !== 0);
  if (isThrough)
    return {
      tiles: tiles[1],
      pitches: sides.map((s) => s.pitch),
      perRow: undefined,
      span: tiles[1] * TILE_COLUMNS,
    };
  const pitches = sides.map((_, i) =>
    i === sides.length - 1 ? 1 : width * outer.slice(i + 1).reduce((n, s) => n * s.positions, 1),
  );
  const span = outer.reduce((n, s) => n + (s.positions - 1) * s.pitch, width);
  return { tiles: tiles[0], pitches, perRow: width / 4, span };
};

/** Where a tile is read in a plane, and its right half, unless that follows. */
export interface Place {
  readonly left: TExpr;
  readonly right?: TExpr;
}

export const tileAt = (em: Emitter, slots: Slots, { sides }: Planes, tile: TExpr): Place => {
  const { perRow } = slots;
  if (perRow === undefined) return { left: em.name('column', mul(tile, i32(TILE_COLUMNS))) };
  const outer = sides.slice(0, -1);
  const all = perRow * outer.reduce((n, s) => n * s.positions, 1);
  const place = (vector: TExpr): TExpr => {
    let at = mul(operate('mod', vector, i32(perRow)), i32(4));
    let rest = operate('floordiv', vector, i32(perRow));
    outer.toReversed().forEach((side, i) => {
      const isFirst = i === outer.length - 1;
      const own = isFirst ? rest : operate('mod', rest, i32(side.positions));
      at = add(at, mul(own, i32(side.pitch)));
      if (!isFirst) rest = em.name('rest', operate('floordiv', rest, i32(side.positions)));
    });
    return em.name('column', at);
  };
  const vector = mul(tile, i32(2));
  if (perRow % 2 === 0 || outer.length === 0) return { left: place(vector) };
  // an odd number of vectors: the last tile does one twice
  const right = add(vector, i32(1));
  const second = all % 2 === 0 ? right : operate('min', right, i32(all - 1));
  return { left: place(vector), right: place(second) };
};
