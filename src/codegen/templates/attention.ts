/**
 * The schedule of attention for one thread of four lanes: a workgroup takes a block of rows and meets all they attend to,
 * block by block, so that no more of the scores than a strip of four rows exists at any time (Dao et al. 2022,
 * "FlashAttention", algorithm 1).
 *
 * Invariants: workgroups own disjoint rows; sums are taken in a fixed order; blocks and strips in which no pair takes part
 * are not visited.
 */
import type { LoopBuffer, Nest } from '../../ir/loop/loop.ts';
import {
  add,
  constantOf,
  i32,
  loadFrom,
  mul,
  operate,
  regType,
  sharedBuffer,
  splat,
  storeTo,
} from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';
import type { Caps } from '../caps.ts';
import { Emitter } from '../emit/emitter.ts';
import { bindAll, positionOf } from '../emit/position.ts';
import { rangeOf } from '../gpu/attention/range.ts';
import type { NestPlan, Refusal } from '../plan.ts';
import { bytesMoved } from '../work.ts';
import { type Cut, laneCut, laneProblem, memoryOf, type Problem } from './attention-cut.ts';
import { packColumns, packRows, packValues, panelsOf } from './attention-panels.ts';
import { type AttentionScratch, AttentionStrips, FLOOR } from './attention-strip.ts';
import { TILE_COLUMNS, TILE_ROWS } from './contraction.ts';
import { finishTile } from './epilogue.ts';

/** The blockwise schedule of a nest with an attention, or why products and a softmax are better. */
export const planLaneAttention = (nest: Nest, caps: Caps): NestPlan | Refusal => {
  const problem = laneProblem(nest, caps);
  if ('refused' in problem) return problem;
  const cut = laneCut(problem, caps);
  if (cut === undefined)
    return { refused: `no block of ${problem.width} columns fits ${caps.sharedBytes} bytes` };
  return planOf(nest, problem, cut);
};

const planOf = (nest: Nest, problem: Problem, cut: Cut): NestPlan => {
  const { blocks, scores, width } = problem;
  const scratch = scratchOf(problem, cut);
  const pairs = blocks.batches * blocks.rows.extent * blocks.summed.extent;
  const depth = scores.reduce((sum, s) => sum + s.depth, 0);
  return {
    grid: cut.grid,
    threads: 1,
    shared: Object.values(scratch),
    cost: { flops: pairs * (depth + width + 16), bytes: bytesMoved(nest) },
    notes: [
      `attention ${blocks.batches} x ${blocks.rows.extent} x ${blocks.summed.extent}: blocks of ${cut.rows} x ${cut.summed}${blocks.bounds.length > 0 ? ', those out of bounds left out' : ''}`,
    ],
    emit: ({ workgroup }, buffer) => new Template(problem, cut, scratch, buffer).emit(workgroup),
  };
};

const scratchOf = (problem: Problem, cut: Cut): AttentionScratch => {
  const numbers = memoryOf(problem, cut);
  const buffer = (name: keyof typeof numbers): ThreadBuffer =>
    sharedBuffer(name, 'float32', Math.max(4, numbers[name]));
  return {
    left: buffer('left'),
    right: buffer('right'),
    values: buffer('values'),
    sums: buffer('sums'),
    strips: buffer('strips'),
    state: buffer('state'),
  };
};

class Template {
  private readonly p: Problem;
  private readonly cut: Cut;
  private readonly scratch: AttentionScratch;
  private readonly em: Emitter;
  private readonly strips: AttentionStrips;

  constructor(
    p: Problem,
    cut: Cut,
    scratch: AttentionScratch,
    resolve: (b: LoopBuffer) => ThreadBuffer,
  ) {
    this.p = p;
    this.cut = cut;
    this.scratch = scratch;
    this.em = new Emitter({ lanes: 4, resolve });
    this.strips = new AttentionStrips(this.em, p, cut, scratch);
  }

  emit(workgroup: TExpr): TStmt[] {
    const { em, cut, p } = this;
    em.scope('same', () => {
      const firstRow = this.rowsOf(workgroup);
      const rowTiles = this.rowTiles(firstRow);
      this.packLeft(firstRow, rowTiles);
      this.clear();
      const { from, to } = rangeOf(em, { ...cut, problem: p.blocks }, firstRow);
      em.loop('block', from, to, cut.summed, (block) => this.block(firstRow, rowTiles, block));
      this.finish(firstRow, rowTiles);
    });
    return em.body;
  }

  /** Binds the batch of the workgroup and gives its first row: those that attend to most come first. */
  private rowsOf(workgroup: TExpr): TExpr {
    const { em, cut } = this;
    const { blocks } = this.p;
    const turned = em.name('turned', operate('mod', workgroup, i32(cut.rowBlocks)));
    const last = blocks.bounds.length > 0;
    const block = last ? operate('sub', i32(cut.rowBlocks - 1), turned) : turned;
    if (blocks.batches > 1) {
      const batch = em.name('batch', operate('floordiv', workgroup, i32(cut.rowBlocks)));
      bindAll(em, positionOf(em, blocks.batch, batch));
    }
    return em.name('firstRow', mul(em.name('rowBlock', block), i32(cut.rows)));
  }

  /** Strips of four rows, of which the last may stick out. */
  private rowTiles(firstRow: TExpr): TExpr {
    const { cut } = this;
    const { extent } = this.p.blocks.rows;
    if (extent % cut.rows === 0) return i32(cut.rows / TILE_ROWS);
    const left = operate('sub', i32(extent + TILE_ROWS - 1), firstRow);
    const tiles = operate('floordiv', left, i32(TILE_ROWS));
    return this.em.name('rowTiles', operate('min', tiles, i32(cut.rows / TILE_ROWS)));
  }

  private packLeft(firstRow: TExpr, rowTiles: TExpr): void {
    const { em, p, cut, scratch } = this;
    let before = 0;
    for (const { left, depth } of p.scores) {
      const place = { buffer: scratch.left, start: firstRow, count: rowTiles };
      packRows(em, left, depth, { ...place, offset: before * cut.rows });
      before += depth;
    }
  }

  private clear(): void {
    const { em, p, cut, scratch } = this;
    const fill = (to: ThreadBuffer, from: number, count: number, value: number): void =>
      em.loop('i', i32(from), i32(from + count), 4, (i) => {
        em.push(storeTo(to, i, constantOf(value, regType('f32', 4))));
      });
    if (p.value !== undefined)
      fill(scratch.sums, 0, cut.rows * TILE_COLUMNS * this.strips.valueTiles(), 0);
    if (!p.blocks.softmax) return;
    fill(scratch.state, 0, cut.rows, FLOOR);
    fill(scratch.state, cut.rows, cut.rows, 0);
  }

  private block(firstRow: TExpr, rowTiles: TExpr, block: TExpr): void {
    const { em, p, cut, scratch } = this;
    const { extent } = p.blocks.summed;
    const left = operate('sub', i32(extent), block);
    const length =
      extent % cut.summed === 0
        ? i32(cut.summed)
        : em.name('length', operate('min', left, i32(cut.summed)));
    const panels = panelsOf(em, length, TILE_COLUMNS);
    let before = 0;
    for (const { right, depth } of p.scores) {
      const place = { buffer: scratch.right, start: block, count: panels };
      packColumns(em, right, depth, { ...place, offset: before * cut.summed });
      before += depth;
    }
    if (p.value !== undefined)
      packValues(em, p.value, p.width, scratch.values, cut.summed, block, length);
    em.loop('rowTile', i32(0), rowTiles, 1, (tile) => {
      const inBlock = em.name('inBlock', mul(tile, i32(TILE_ROWS)));
      const row = em.name('row', add(firstRow, inBlock));
      if (p.blocks.bounds.length === 0) {
        this.strips.takeUp({ row, inBlock, block, low: i32(0), high: length });
        return;
      }
      const range = rangeOf(em, { problem: p.blocks, rows: TILE_ROWS, summed: TILE_COLUMNS }, row);
      const low = em.name('low', operate('max', operate('sub', range.from, block), i32(0)));
      const high = em.name('high', operate('min', operate('sub', range.to, block), length));
      em.branch(operate('lt', low, high), () =>
        this.strips.takeUp({ row, inBlock, block, low, high }),
      );
    });
  }

  private finish(firstRow: TExpr, rowTiles: TExpr): void {
    const { em, p, cut, scratch, strips } = this;
    const { epilogue } = p;
    em.loop('inBlock', i32(0), mul(rowTiles, i32(TILE_ROWS)), 1, (inBlock) =>
      strips.endRow(em.name('row', add(firstRow, inBlock)), inBlock),
    );
    if (epilogue === undefined || epilogue.outputs.length === 0) return;
    em.loop('rowTile', i32(0), rowTiles, 1, (tile) => {
      const inBlock = em.name('inBlock', mul(tile, i32(TILE_ROWS)));
      const row = em.name('row', add(firstRow, inBlock));
      const shares = p.blocks.softmax
        ? Array.from({ length: TILE_ROWS }, (_, r) =>
            em.name('share', splat(loadFrom(scratch.state, add(inBlock, i32(cut.rows + r))))),
          )
        : undefined;
      em.loop('valueTile', i32(0), i32(strips.valueTiles()), 1, (columns) => {
        const slot = strips.slotOf(inBlock, columns);
        finishTile(em, epilogue, {
          accumulators: strips.sumsAt(slot, shares),
          memory: scratch.sums,
          slot,
          row,
          column: em.name('column', mul(columns, i32(TILE_COLUMNS))),
        });
      });
    });
  }
}
