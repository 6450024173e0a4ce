/**
 * The operands of an attention as panels of a workgroup: rows by those of a tile or two, columns by eight, and values by
 * eight columns.
 *
 * Invariant: a panel holds all features, or all elements of a block of the sum, of its rows or columns.
 */
import { add, i32, mul, operate } from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer } from '../../ir/thread/thread.ts';
import type { Emitter } from '../emit/emitter.ts';
import { type Operand, type Problem, TALL_ROWS, TILE_COLUMNS, TILE_ROWS } from './contraction.ts';
import type { PanelPair } from './micro.ts';
import { pack } from './pack.ts';

type TileRows = Problem['tileRows'];

/** Where panels go, and which of the operand's rows or columns they hold. */
export interface Place {
  readonly buffer: ThreadBuffer;
  readonly offset: number;
  readonly start: TExpr;
  readonly count: TExpr;
}

/** As many as fill panels. */
export const panelsOf = (em: Emitter, length: TExpr, width: number): TExpr =>
  length.kind === 'const'
    ? i32(Math.ceil(length.value / width))
    : em.name('panels', operate('floordiv', add(length, i32(width - 1)), i32(width)));

const features = (
  em: Emitter,
  operand: Operand,
  depth: number,
  { offset, ...place }: Place,
  width: number,
): void =>
  pack(
    em,
    operand,
    { ...place, offset: i32(offset), width },
    { blocks: { inner: 1, depth }, from: i32(0), length: i32(depth) },
  );

/** Rows of a panel: those of a tile of four, or of two tall ones, so that four are packed at a time. */
export const panelOf = (tileRows: TileRows): number =>
  tileRows === TALL_ROWS ? 2 * TALL_ROWS : tileRows;

/** Rows of a product over `depth` features: as many tiles of them. */
export const packRows = (
  em: Emitter,
  operand: Operand,
  depth: number,
  { count, ...place }: Place,
  tileRows: TileRows = TILE_ROWS,
): void => {
  const width = panelOf(tileRows);
  const panels = width === tileRows ? count : panelsOf(em, count, width / tileRows);
  features(em, operand, depth, { ...place, count: panels }, width);
};

/** The rows of a tile that begins at `row` of a workgroup's, a multiple of its rows, packed from `offset` on. */
export const rowsAt = (
  em: Emitter,
  rows: ThreadBuffer,
  { row, offset, depth }: { readonly row: TExpr; readonly offset: number; readonly depth: number },
  tileRows: TileRows,
): Pick<PanelPair, 'rows' | 'rowPanel' | 'rowSteps'> => {
  const width = panelOf(tileRows);
  if (width === tileRows)
    return { rows, rowPanel: em.name('rowPanel', add(mul(row, i32(depth)), i32(offset))) };
  const inside = operate('mod', row, i32(width));
  const panel = add(mul(operate('sub', row, inside), i32(depth)), add(inside, i32(offset)));
  return { rows, rowPanel: em.name('rowPanel', panel), rowSteps: { step: width, row: 1 } };
};

export const packColumns = (em: Emitter, operand: Operand, depth: number, place: Place): void =>
  features(em, operand, depth, place, TILE_COLUMNS);

/** All columns of what is summed, for `length` elements of the sum from `from` on: `reach` at most. */
export const packValues = (
  em: Emitter,
  operand: Operand,
  width: number,
  buffer: ThreadBuffer,
  reach: number,
  from: TExpr,
  length: TExpr,
): void =>
  pack(
    em,
    operand,
    {
      buffer,
      offset: i32(0),
      width: TILE_COLUMNS,
      start: i32(0),
      count: i32(Math.ceil(width / TILE_COLUMNS)),
    },
    { blocks: { inner: 1, depth: reach }, from, length },
  );
