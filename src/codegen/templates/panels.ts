/**
 * Columns of a product that a launch before it packs, once for all workgroups (and, before a loop, for all its rounds): a
 * copy `[panel, k, column]` in panels of eight columns, each with all of the sum.
 *
 * Invariant: copies are made of operands without batches, whose columns are one axis of whole panels: they are as large as
 * the operand, never a window for each place it is at.
 */
import {
  type Axis,
  type Idx,
  idxAdd,
  idxAxis,
  idxDiv,
  idxFlatten,
  idxMod,
  idxScale,
  newAxis,
  pointsOf,
} from '../../ir/dim.ts';
import { buffersOf } from '../../ir/loop/access.ts';
import { load, newBuffer } from '../../ir/loop/expr.ts';
import type { Contraction, Expr, LoopBuffer, LoopKernel, Nest } from '../../ir/loop/loop.ts';
import { stridesOf } from '../../ir/type.ts';
import { freeAxes } from '../analysis.ts';
import type { Caps } from '../caps.ts';
import { rewriter } from '../rewrite.ts';
import {
  asRows,
  type Operand,
  operandOf,
  type Problem,
  problems,
  READING,
  TALL_ROWS,
  TILE_COLUMNS,
} from './contraction.ts';
import { splitSums } from './merge.ts';
import { isNeighbouring } from './pack.ts';

/** The row-major place among `axes`. */
const placeIn = (axes: readonly Axis[]): Idx =>
  idxFlatten(axes.map(idxAxis), stridesOf(axes.map((a) => a.extent)));

/** Where the copy has the element at (k, column). */
const panelIndex = (columns: readonly Axis[], k: readonly Axis[]): readonly Idx[] => {
  const column = placeIn(columns);
  return [idxDiv(column, TILE_COLUMNS), placeIn(k), idxMod(column, TILE_COLUMNS)];
};

/** Columns that lie ready in such a copy. */
export const inPanels = (operand: Operand, copy: LoopBuffer): Operand => ({
  ...operand,
  cost: READING,
  panels: copy,
});

/** Room for such a copy. */
export const copyOf = (columns: number, depth: number, name: string): LoopBuffer =>
  newBuffer(name, { dtype: 'float32', shape: [columns / TILE_COLUMNS, depth, TILE_COLUMNS] });

/** Columns as they are, or as panels that lie ready if they are read from such a copy. */
export const asPanels = (
  operand: Operand,
  e: Expr,
  columns: readonly Axis[],
  k: readonly Axis[],
): Operand => {
  if (e.kind !== 'load' || e.index.length !== 3) return operand;
  const { shape } = e.buffer;
  const fits = [operand.size / TILE_COLUMNS, pointsOf(k), TILE_COLUMNS];
  if (shape.some((d, i) => d !== fits[i])) return operand;
  const index = panelIndex(columns, k);
  if (e.index.some((idx, i) => idx.key !== index[i]!.key)) return operand;
  return inPanels(operand, e.buffer);
};

/** The launch that writes a copy in panels, and what a product reads instead of the operand. */
export interface Panels {
  readonly kernel: LoopKernel;
  readonly expr: Expr;
}

/** Packs what is summed over `k` for each of `columns`; `undefined` where that cannot be in whole panels. */
export const panelsOf = (
  e: Expr,
  columns: readonly Axis[],
  k: readonly Axis[],
  copy: LoopBuffer,
): Panels | undefined => {
  const { expr, free, summed, size } = operandOf(e, columns, k);
  const [column] = free;
  if (column === undefined || free.length > 1 || size % TILE_COLUMNS !== 0) return undefined;
  const panel = newAxis('panel', size / TILE_COLUMNS, 'par');
  const lane = newAxis('lane', TILE_COLUMNS, 'par');
  const inner = summed.map((a) => newAxis(a.name, a.extent, 'par'));
  const place = idxAdd(idxScale(idxAxis(panel), TILE_COLUMNS), idxAxis(lane));
  const value = rewriter({
    axis: (a) => {
      const i = summed.indexOf(a);
      return a === column ? place : i < 0 ? undefined : idxAxis(inner[i]!);
    },
  }).expr(expr);
  const axes = [panel, ...inner, lane];
  const index = [idxAxis(panel), placeIn(inner), idxAxis(lane)];
  const nest: Nest = {
    axes,
    stores: [{ buffer: copy, index, value, axes, mode: 'set', over: [] }],
    contract: undefined,
  };
  return {
    kernel: { name: copy.name, buffers: buffersOf([nest]), nests: [nest], origin: [] },
    expr: load(copy, panelIndex(columns, k)),
  };
};

/** What a nest packs, if it writes such a copy: the panels, and what is in them. */
export const panelsIn = (
  nest: Nest,
): { readonly copy: LoopBuffer; readonly columns: Operand } | undefined => {
  const [store, another] = nest.stores;
  if (nest.contract !== undefined || store === undefined || another !== undefined) return undefined;
  const { buffer, axes, value, mode } = store;
  const [panel, lane] = [axes[0], axes.at(-1)];
  if (mode !== 'set' || buffer.shape.length !== 3 || buffer.dtype !== 'float32') return undefined;
  if (panel === undefined || lane?.extent !== TILE_COLUMNS || value.dtype !== 'float32')
    return undefined;
  const inner = axes.slice(1, -1);
  const shape = [panel.extent, pointsOf(inner), TILE_COLUMNS];
  if (shape.some((d, i) => d !== buffer.shape[i])) return undefined;
  const index = [idxAxis(panel), placeIn(inner), idxAxis(lane)];
  if (index.some((idx, i) => idx.key !== store.index[i]!.key)) return undefined;
  const columns = operandOf(value, [panel, lane], inner);
  const [column, other] = columns.free;
  // what is the same in all columns is no operand
  const differ = column !== undefined && freeAxes(columns.expr).has(column);
  return differ && other === undefined ? { copy: buffer, columns } : undefined;
};

/**
 * Ways to assign a contraction's operands for one thread of four lanes, which may read rows and panels where they are.
 */
export const laneProblems = (given: Contraction, caps: Caps): readonly Problem[] => {
  const c = splitSums(given);
  const k = c.k.filter((a) => a.extent !== 1);
  return problems(c).flatMap((p, i) => {
    const columns = asPanels(p.columns, i === 0 ? c.b : c.a, p.columnAxes, k);
    return waysOf({ ...p, columns }, caps);
  });
};

/** Ways to read the rows of a problem: where they are and packed, where either may cost more; in taller tiles. */
export const waysOf = (p: Problem, caps: Caps): readonly Problem[] => {
  const rows = asRows(p.rows);
  const ways = rows === p.rows ? [p] : [{ ...p, rows }];
  if (rows.inPlace?.crowded === true) ways.push(p);
  const isPacked = p.rows.packing === 'summed' || isNeighbouring(p.rows);
  if (caps.fusedMultiplyAdd && p.rows.size >= TALL_ROWS && isPacked)
    ways.push({ ...p, tileRows: TALL_ROWS });
  return ways;
};
