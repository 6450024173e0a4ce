/**
 * The micro-kernel: a 4 x 8 tile of a product (2 x 16 for rows left over) in eight vector registers, over packed panels.
 *
 * Invariant: eight sums and at most three operands are alive at a time, and the loop is not unrolled: engines allocate
 * registers well for exactly this (a ninth sum or a second step spills).
 */
import {
  add,
  constantOf,
  fma,
  get,
  i32,
  loadFrom,
  mul,
  regType,
  splat,
  storeTo,
} from '../../ir/thread/build.ts';
import type { Register, TExpr, ThreadBuffer } from '../../ir/thread/thread.ts';
import type { Emitter } from '../emit/emitter.ts';
import { TILE_COLUMNS, TILE_ROWS } from './contraction.ts';

/** Sums of one row: left and right half. */
export type Accumulators = readonly (readonly [Register, Register])[];

export const zeroAccumulators = (em: Emitter, rows: number = TILE_ROWS): Accumulators => {
  const zero = constantOf(0, regType('f32', 4));
  return Array.from({ length: rows }, (): [Register, Register] => [
    em.variable('c', zero),
    em.variable('c', zero),
  ]);
};

/** Visits the accumulators with their row and half. */
export const eachAccumulator = (
  accumulators: Accumulators,
  visit: (register: Register, row: number, half: 0 | 1) => void,
): void =>
  accumulators.forEach(([left, right], row) => {
    visit(left, row, 0);
    visit(right, row, 1);
  });

/** A tile of sums in memory. */
export interface SumTile {
  readonly buffer: ThreadBuffer;
  /** Where the left or the right four of a row are. */
  readonly at: (row: number, half: 0 | 1) => TExpr;
  /** Whether memory has parts of the sums already. */
  readonly begun: boolean;
}

/** Has the sums of a tile in registers for as long as `addTo` adds to them. */
export const inRegisters = (
  em: Emitter,
  { buffer, at, begun }: SumTile,
  addTo: (accumulators: Accumulators) => void,
): void => {
  const accumulators = zeroAccumulators(em);
  if (begun)
    eachAccumulator(accumulators, (register, row, half) => {
      em.set(register, loadFrom(buffer, at(row, half), 4));
    });
  addTo(accumulators);
  eachAccumulator(accumulators, (register, row, half) => {
    em.push(storeTo(buffer, at(row, half), get(register)));
  });
};

export interface PanelPair {
  readonly rows: ThreadBuffer;
  readonly rowPanel: TExpr;
  /** From the four rows of one step to those of the next, and from row to row; default: they are packed. */
  readonly rowSteps?: { readonly step: number; readonly row: number };
  readonly columns: ThreadBuffer;
  readonly columnPanel: TExpr;
  /** Where the right four columns are; default: after the left ones. */
  readonly rightPanel?: TExpr;
  /** From the eight columns of one step to those of the next; default: they are packed. */
  readonly columnStep?: number;
  /** Elements to sum over. */
  readonly depth: TExpr;
}

/** Adds the product of two panels. */
export const accumulate = (em: Emitter, accumulators: Accumulators, p: PanelPair): void =>
  em.loop('k', i32(0), p.depth, 1, (k) => {
    const step = i32(p.columnStep ?? TILE_COLUMNS);
    const right = p.rightPanel ?? add(p.columnPanel, i32(4));
    const columns = [p.columnPanel, right].map((panel) =>
      em.name('b', loadFrom(p.columns, add(panel, mul(k, step)), 4)),
    );
    const { step: rowStep, row } = p.rowSteps ?? { step: TILE_ROWS, row: 1 };
    const from = add(p.rowPanel, mul(k, i32(rowStep)));
    accumulators.forEach((pair, r) => {
      const a = em.name('a', splat(loadFrom(p.rows, add(from, i32(r * row)))));
      pair.forEach((register, half) => {
        em.set(register, fma(a, columns[half]!, get(register)));
      });
    });
  });

/** Adds the product of two panels to sums in memory. */
export const accumulateInto = (em: Emitter, sums: SumTile, panels: PanelPair): void =>
  inRegisters(em, sums, (accumulators) => accumulate(em, accumulators, panels));

/**
 * Adds the product of half a row panel and two neighbouring column panels: eight sums again, for the two rows that are
 * left over where their number is not a multiple of four: with LeNet's 50 channels 4 of every 100 steps less (conv_add
 * 4.25 to 4.07 ms, its weight gradient 4.38 to 4.19). `panel` is the length of a column panel.
 */
export const accumulateWide = (
  em: Emitter,
  tiles: readonly Accumulators[],
  p: PanelPair,
  panel: number,
): void =>
  em.loop('k', i32(0), p.depth, 1, (k) => {
    const from = add(p.rowPanel, mul(k, i32(TILE_ROWS)));
    const rows = tiles[0]!.map((_, r) => em.name('a', splat(loadFrom(p.rows, add(from, i32(r))))));
    const columns = add(p.columnPanel, mul(k, i32(TILE_COLUMNS)));
    tiles.forEach((accumulators, t) => {
      for (const half of [0, 1] as const) {
        const b = em.name('b', loadFrom(p.columns, add(columns, i32(t * panel + 4 * half)), 4));
        accumulators.forEach((pair, r) => {
          em.set(pair[half], fma(rows[r]!, b, get(pair[half])));
        });
      }
    });
  });
