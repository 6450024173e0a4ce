/**
 * Products of a few rows, whose sums run along memory in both operands: a dense layer at small batch.
 *
 * Panels would cost as much as the product, and half of each eight columns would be nothing. Here four rows of the large
 * operand meet two of the small one where they are, and each element of the large one comes from memory once.
 * Invariants: every element inside the result is stored once, after its whole sum; sums are taken in four lanes, which
 * are added up at the end.
 */
import type { Contraction, LoadExpr, LoopBuffer, Nest } from '../../ir/loop/loop.ts';
import { add, i32, mul, operate } from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';
import { offsetOf, stepAlong } from '../analysis.ts';
import type { Caps } from '../caps.ts';
import { Emitter } from '../emit/emitter.ts';
import { bindAll, positionOf } from '../emit/position.ts';
import type { NestPlan } from '../plan.ts';
import { inVectors, storeVectors } from '../stores.ts';
import {
  asRows,
  elapsed,
  type InPlace,
  type Problem,
  problems,
  READING,
  START,
  STEP,
  TILE_ROWS,
} from './contraction.ts';
import { accumulateDots, dotsOf } from './dots.ts';
import { type Epilogue, epilogueOf } from './epilogue.ts';
import { zeroAccumulators } from './micro.ts';

/** Columns for which four rows stay in the first-level cache. */
const MOST_COLUMNS = 16;
/** Columns that meet four rows at a time. */
const PAIR = 2;
const LANES = 4;
/** Shorter sums spend their time on adding up lanes. */
const LEAST_DEPTH = 64;
/** Cycles to begin eight sums and to add up their lanes. */
const SUMS = 60;

interface Schedule {
  readonly p: Problem;
  readonly rows: InPlace;
  readonly columns: LoadExpr;
  readonly epilogue: Epilogue;
  /** Tiles of four rows of a workgroup, and workgroups along the rows. */
  readonly tiles: number;
  readonly blocks: number;
  readonly cycles: number;
}

/** The schedule and its estimate; `undefined` for products of another kind. */
export const planThin = (
  nest: Nest,
  c: Contraction,
  caps: Caps,
): { readonly plan: NestPlan; readonly cycles: number } | undefined => {
  const found = problems(c).flatMap((p) => scheduleOf(p, nest, caps) ?? []);
  const [first] = found.sort((a, b) => a.cycles - b.cycles);
  return first && { plan: planOf(first), cycles: first.cycles };
};

const scheduleOf = (p: Problem, nest: Nest, caps: Caps): Schedule | undefined => {
  const rows = asRows(p.rows).inPlace;
  const { expr: columns, summed, size } = p.columns;
  if (rows === undefined || size < PAIR || size > MOST_COLUMNS) return undefined;
  if (columns.kind !== 'load' || columns.dtype !== 'float32') return undefined;
  if (p.outerK.length > 0 || summed.length !== 1) return undefined;
  if (p.depth < LEAST_DEPTH || p.depth % LANES !== 0) return undefined;
  if (stepAlong(offsetOf(columns), summed[0]!) !== 1) return undefined;
  const epilogue = epilogueOf(p, nest.stores);
  const last = epilogue.rows.at(-1);
  if (!inVectors(epilogue.outputs, last) || last.extent % TILE_ROWS !== 0) return undefined;
  const tiles = p.rows.size / TILE_ROWS;
  const pairs = Math.ceil(size / PAIR);
  const steps = pairs * ((p.depth / LANES) * STEP + SUMS + PAIR * epilogue.storeCycles);
  const tile = steps + READING * TILE_ROWS * p.depth;
  let best: Schedule | undefined;
  for (let wanted = 1; wanted <= tiles; wanted *= 2) {
    const each = Math.ceil(tiles / wanted);
    const blocks = Math.ceil(tiles / each);
    const cycles = elapsed(p.batches * blocks, each * tile + START, caps);
    if (best === undefined || cycles < best.cycles)
      best = { p, rows, columns, epilogue, tiles: each, blocks, cycles };
  }
  return best;
};

const planOf = (schedule: Schedule): NestPlan => {
  const { p, blocks, tiles, epilogue } = schedule;
  const [m, n, k] = [p.rows.size, p.columns.size, p.depth];
  return {
    grid: p.batches * blocks,
    threads: 1,
    shared: [],
    cost: {
      flops: p.batches * m * n * (k + epilogue.cost),
      bytes: 4 * p.batches * (m * k + k * n + m * n),
    },
    notes: [
      `contraction ${p.batches > 1 ? `${p.batches} x ` : ''}${m} x ${n} x ${k}: rows and columns in place, two columns at a time`,
      `workgroups ${p.batches} x ${blocks} of ${TILE_ROWS * tiles} rows`,
    ],
    emit: ({ workgroup }, buffer) => new ThinProduct(schedule, buffer).emit(workgroup),
  };
};

class ThinProduct {
  private readonly s: Schedule;
  private readonly em: Emitter;

  constructor(schedule: Schedule, resolve: (b: LoopBuffer) => ThreadBuffer) {
    this.s = schedule;
    this.em = new Emitter({ lanes: 4, resolve });
  }

  emit(workgroup: TExpr): TStmt[] {
    const { em } = this;
    const { p, tiles, blocks } = this.s;
    const block = em.name('block', operate('mod', workgroup, i32(blocks)));
    const batch = em.name('batch', operate('floordiv', workgroup, i32(blocks)));
    const from = em.name('from', mul(block, i32(tiles)));
    const all = p.rows.size / TILE_ROWS;
    const end = add(from, i32(tiles));
    const to = all % tiles === 0 ? end : operate('min', end, i32(all));
    em.scope('same', () => {
      bindAll(em, positionOf(em, p.batch, batch));
      em.loop('tile', from, em.name('to', to), 1, (tile) => {
        this.tile(em.name('row', mul(tile, i32(TILE_ROWS))));
      });
    });
    return em.body;
  }

  /** Four rows, and all columns: two at a time, and the last alone where their number is odd. */
  private tile(row: TExpr): void {
    const { em } = this;
    const { p, rows } = this.s;
    const { size } = p.columns;
    let at: TExpr = i32(0);
    em.scope('same', () => {
      em.bind(rows.free, row);
      em.bind(rows.summed, i32(0));
      at = em.name('rowAt', em.index(offsetOf(rows.load)));
    });
    const even = size - (size % PAIR);
    em.loop('column', i32(0), i32(even), PAIR, (column) => {
      this.pair(row, at, [column, em.name('next', add(column, i32(1)))]);
    });
    if (even < size) this.pair(row, at, [i32(even)]);
  }

  private pair(row: TExpr, at: TExpr, columns: readonly TExpr[]): void {
    const { em } = this;
    const { p, rows, columns: load, epilogue } = this.s;
    const [left, right = left] = columns.map((column) => this.columnAt(column));
    const sums = zeroAccumulators(em);
    accumulateDots(em, sums, {
      rows: em.resolve(rows.load.buffer),
      row: at,
      rowPitch: rows.pitch,
      columns: em.resolve(load.buffer),
      column: [left!, right!],
      depth: p.depth,
      rest: undefined,
    });
    const values = dotsOf(em, sums);
    columns.forEach((column, i) => {
      em.scope('same', () => {
        bindAll(em, positionOf(em, epilogue.rows, row));
        bindAll(em, positionOf(em, epilogue.columns, column));
        em.setAccumulator(em.name('sums', values[i]!));
        storeVectors(em, epilogue.outputs, epilogue.rows.at(-1)!);
      });
    });
  }

  /** Where a column begins. */
  private columnAt(column: TExpr): TExpr {
    const { em } = this;
    const { p, columns } = this.s;
    let at: TExpr = i32(0);
    em.scope('same', () => {
      bindAll(em, positionOf(em, p.columns.free, column));
      em.bind(p.columns.summed[0]!, i32(0));
      at = em.name('columnAt', em.index(offsetOf(columns)));
    });
    return at;
  }
}
