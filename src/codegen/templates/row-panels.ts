/**
 * Where tiles of rows are among packed panels: a tile fills one, or two tiles of six share one of twelve.
 *
 * Invariant: tiles follow each other in the order of their rows; the last panel may hold one tile alone.
 */
import { add, i32, mul, operate } from '../../ir/thread/build.ts';
import type { TExpr } from '../../ir/thread/thread.ts';
import type { Emitter } from '../emit/emitter.ts';
import { type Problem, panelRows } from './contraction.ts';
import type { PanelPair } from './micro.ts';

const tilesOf = (p: Problem): number => panelRows(p) / p.tileRows;

/** Memory of so many packed rows. What is stored by fours may reach beyond the last panel of six. */
export const packedElements = (p: Problem, rows: number): number =>
  rows * p.k.depth + (panelRows(p) % 4);

/** Tiles that are packed together, of those that are left. */
export const tilesFrom = (em: Emitter, done: TExpr, all: TExpr, most: number): TExpr => {
  if (all.kind === 'const' && all.value <= most) return all;
  if (all.kind === 'const' && all.value % most === 0) return i32(most);
  return em.name('tiles', operate('min', operate('sub', all, done), i32(most)));
};

/** Panels that hold so many tiles. */
export const panelsFor = (em: Emitter, p: Problem, tiles: TExpr): TExpr => {
  const each = tilesOf(p);
  if (tiles.kind === 'const') return i32(Math.ceil(tiles.value / each));
  return each === 1
    ? tiles
    : em.name('rowPanels', operate('floordiv', add(tiles, i32(each - 1)), i32(each)));
};

/** The first element of a tile, and how the others follow. */
export const tileAmongPanels = (
  em: Emitter,
  p: Problem,
  tile: TExpr,
): Pick<PanelPair, 'rowPanel' | 'rowSteps'> => {
  const [each, width] = [tilesOf(p), panelRows(p)];
  const panel = mul(operate('floordiv', tile, i32(each)), i32(width * p.k.depth));
  const inside = mul(operate('mod', tile, i32(each)), i32(p.tileRows));
  return { rowPanel: em.name('rowPanel', add(panel, inside)), rowSteps: { step: width, row: 1 } };
};
