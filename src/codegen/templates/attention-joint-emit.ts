/**
 * The code of an attention's gradients that are computed together: blocks of keys against blocks of queries, whose scores
 * become shares and slopes, which are multiplied with gradients, queries and keys.
 *
 * Invariants: sums are taken in a fixed order; blocks in which no pair takes part are not visited; what is read of a block
 * has been written for it.
 */
import { scoreValues } from '../../ir/loop/expr.ts';
import type { LoopBuffer } from '../../ir/loop/loop.ts';
import {
  add,
  constantOf,
  get,
  i32,
  loadFrom,
  mul,
  operate,
  regType,
  storeTo,
} from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';
import { Emitter } from '../emit/emitter.ts';
import { bindAll, positionOf } from '../emit/position.ts';
import { rangeOf } from '../gpu/attention/range.ts';
import type { JointProblem, Result } from './attention-joint.ts';
import {
  columnsOf,
  type JointBuffer,
  type JointCut,
  jointMemory,
  keyUnit,
} from './attention-joint-cut.ts';
import { packColumns, packRows, packValues, panelsOf, rowsAt } from './attention-panels.ts';
import { type Part, spanOf } from './attention-range.ts';
import { TILE_COLUMNS } from './contraction.ts';
import { finishTile } from './epilogue.ts';
import { accumulate, eachAccumulator, type PanelPair, zeroAccumulators } from './micro.ts';

/** A block of queries and the part of a block of keys that it meets. */
interface Block extends Part {
  readonly firstRow: TExpr;
  /** Queries of the block. */
  readonly rows: TExpr;
}

/** What is at least 0, up to whole pieces. */
const roundedUp = (x: TExpr, to: number): TExpr =>
  mul(operate('floordiv', add(x, i32(to - 1)), i32(to)), i32(to));

export class JointTemplate {
  private readonly p: JointProblem;
  private readonly cut: JointCut;
  private readonly scratch: Readonly<Record<JointBuffer, ThreadBuffer>>;
  private readonly em: Emitter;

  constructor(
    p: JointProblem,
    cut: JointCut,
    scratch: Readonly<Record<JointBuffer, ThreadBuffer>>,
    resolve: (b: LoopBuffer) => ThreadBuffer,
  ) {
    this.p = p;
    this.cut = cut;
    this.scratch = scratch;
    this.em = new Emitter({ lanes: 4, resolve });
  }

  emit(workgroup: TExpr): TStmt[] {
    const { em, cut, p, scratch } = this;
    const { summed, rows } = p.blocks;
    em.scope('same', () => {
      const perBatch = cut.whole ? 1 : cut.keyBlocks;
      if (p.batches > 1) {
        const batch = em.name('batch', operate('floordiv', workgroup, i32(perBatch)));
        bindAll(em, positionOf(em, p.batch, batch));
      }
      if (cut.whole) {
        this.clear('querySums');
        em.loop('block', i32(0), i32(summed.extent), cut.summed, (block) => this.keys(block));
        this.finish(p.query!, scratch.querySums, i32(0), i32(rows.extent));
      } else {
        const turned = em.name('turned', operate('mod', workgroup, i32(perBatch)));
        this.keys(em.name('block', mul(turned, i32(cut.summed))));
      }
    });
    return em.body;
  }

  private clear(name: JointBuffer): void {
    const to = this.scratch[name];
    this.em.loop('i', i32(0), i32(jointMemory(this.p, this.cut)[name]), 4, (i) => {
      this.em.push(storeTo(to, i, constantOf(0, regType('f32', 4))));
    });
  }

  /** `from` to `from + most`, or to the end. */
  private lengthOf(from: TExpr, most: number, extent: number): TExpr {
    if (extent % most === 0) return i32(most);
    const left = operate('sub', i32(extent), from);
    return this.em.name('length', operate('min', left, i32(most)));
  }

  /** A block of keys against all queries. */
  private keys(block: TExpr): void {
    const { em, cut, p, scratch } = this;
    const { summed, rows } = p.blocks;
    const length = this.lengthOf(block, cut.summed, summed.extent);
    const count = panelsOf(em, length, TILE_COLUMNS);
    let before = 0;
    for (const { right, depth } of p.scores) {
      const place = { buffer: scratch.right, start: block, count };
      packColumns(em, right, depth, { ...place, offset: before * cut.summed });
      before += depth;
    }
    if (p.query !== undefined)
      packValues(em, p.query.operand, p.query.width, scratch.keys, cut.summed, block, length);
    const unit = keyUnit(p);
    this.clear('keySums');
    this.clear('valueSums');
    em.loop('firstRow', i32(0), i32(rows.extent), cut.rows, (firstRow) => {
      const count = this.lengthOf(firstRow, cut.rows, rows.extent);
      const all = { firstRow, rows: count, block, low: i32(0), high: length };
      if (p.blocks.bounds.length === 0) {
        this.block(all);
        return;
      }
      const range = rangeOf(em, { problem: p.blocks, rows: cut.rows, summed: unit }, firstRow);
      const low = em.name('low', operate('max', operate('sub', range.from, block), i32(0)));
      // whole tiles: what of them is out of bounds weighs nothing
      const end = roundedUp(operate('sub', range.to, block), unit);
      const high = em.name('high', operate('min', end, length));
      em.branch(operate('lt', low, high), () => this.block({ ...all, low, high }));
    });
    this.finish(p.key, scratch.keySums, block, length);
    this.finish(p.value, scratch.valueSums, block, length);
  }

  private block(at: Block): void {
    const { em, cut, p, scratch } = this;
    const tiles = panelsOf(em, at.rows, p.tileRows);
    let before = 0;
    for (const { left, depth } of p.scores) {
      const place = { buffer: scratch.left, start: at.firstRow, count: tiles };
      packRows(em, left, depth, { ...place, offset: before * cut.rows }, p.tileRows);
      before += depth;
    }
    for (const [{ operand, width }, to] of [
      [p.key, scratch.queries],
      [p.value, scratch.gradients],
    ] as const)
      packValues(em, operand, width, to, cut.rows, at.firstRow, at.rows);
    this.scores(at, tiles);
    em.loop('r', i32(0), at.rows, 1, (r) => this.weigh(at, r));
    if (p.query !== undefined) this.addToQueries(p.query, at, tiles);
    this.addToKeys(at);
  }

  /** The products that scores are, in the places of the weights. */
  private scores({ low, high }: Block, tiles: TExpr): void {
    const { em, cut, p, scratch } = this;
    em.loop('rowTile', i32(0), tiles, 1, (tile) => {
      const inBlock = em.name('inBlock', mul(tile, i32(p.tileRows)));
      let before = 0;
      p.scores.forEach(({ depth }, i) => {
        const [left, right] = [before * cut.rows, before * cut.summed];
        before += depth;
        em.loop('column', low, high, TILE_COLUMNS, (column) => {
          const sums = zeroAccumulators(em, p.tileRows);
          accumulate(em, sums, {
            ...rowsAt(em, scratch.left, { row: inBlock, offset: left, depth }, p.tileRows),
            columns: scratch.right,
            columnPanel: em.name('columnPanel', add(mul(column, i32(depth)), i32(right))),
            depth: i32(depth),
          });
          const to = i === 0 ? scratch.shares : scratch.slopes;
          const first = add(mul(inBlock, i32(cut.summed)), column);
          eachAccumulator(sums, (register, row, half) => {
            const place = add(first, i32(row * cut.summed + 4 * half));
            em.push(storeTo(to, place, get(register)));
          });
        });
      });
    });
  }

  /** The weights of a query, in the places of its scores. */
  private weigh(at: Block, r: TExpr): void {
    const { em, cut, p, scratch } = this;
    const { extent } = p.blocks.summed;
    const row = em.name('row', add(at.firstRow, r));
    em.bind(p.blocks.rows, row);
    const line = em.name('line', mul(r, i32(cut.summed)));
    const weigh = (c: TExpr, kind: 'any' | 'inside', lanes: 1 | 4): void =>
      void em.scope('same', () => {
        em.bind(p.blocks.summed, em.name('at', add(at.block, c)));
        const places = [scratch.shares, scratch.slopes];
        const to = em.name('to', add(line, c));
        places.forEach((from, i) => {
          em.setAccumulator(em.name('score', loadFrom(from, to, lanes)), scoreValues[i]!);
        });
        const weights = [p.share, p.slope].map((w) =>
          em.name('weight', lanes === 4 ? em.vector(w[kind], p.blocks.summed) : em.scalar(w[kind])),
        );
        weights.forEach((weight, i) => {
          em.push(storeTo(places[i]!, to, weight));
        });
      });
    const { from, to, whole } = spanOf(em, p.blocks, at, row);
    const edge = (c: TExpr): void => weigh(c, 'any', 4);
    if (from !== at.low) em.loop('c', at.low, from, 4, edge);
    em.loop('c', from, to, 8, (c) => {
      weigh(c, 'inside', 4);
      weigh(em.name('c', add(c, i32(4))), 'inside', 4);
    });
    if (to !== whole) em.loop('c', to, whole, 4, edge);
    if (extent % 4 !== 0) em.loop('c', whole, at.high, 1, (c) => weigh(c, 'any', 1));
  }

  /** Adds a product to a tile of sums. */
  private addTo(sums: ThreadBuffer, slot: TExpr, panels: PanelPair): void {
    const { em } = this;
    const accumulators = zeroAccumulators(em, this.p.tileRows);
    const placeOf = (row: number, half: number): TExpr =>
      add(slot, i32(row * TILE_COLUMNS + 4 * half));
    eachAccumulator(accumulators, (register, row, half) => {
      em.set(register, loadFrom(sums, placeOf(row, half), 4));
    });
    accumulate(em, accumulators, panels);
    eachAccumulator(accumulators, (register, row, half) => {
      em.push(storeTo(sums, placeOf(row, half), get(register)));
    });
  }

  /** Keys by the slopes of each query. */
  private addToQueries(result: Result, { firstRow, low, high }: Block, tiles: TExpr): void {
    const { em, cut, p, scratch } = this;
    const depth = em.name('depth', operate('sub', high, low));
    em.loop('rowTile', i32(0), tiles, 1, (tile) => {
      const inBlock = em.name('inBlock', mul(tile, i32(p.tileRows)));
      const own = em.name('own', add(firstRow, inBlock));
      em.loop('column', i32(0), i32(columnsOf(result)), TILE_COLUMNS, (column) => {
        const panel = add(mul(column, i32(cut.summed)), mul(low, i32(TILE_COLUMNS)));
        this.addTo(scratch.querySums, this.slotOf(result, own, column), {
          rows: scratch.slopes,
          rowPanel: em.name('rowPanel', add(mul(inBlock, i32(cut.summed)), low)),
          rowSteps: { step: 1, row: cut.summed },
          columns: scratch.keys,
          columnPanel: em.name('columnPanel', panel),
          depth,
        });
      });
    });
  }

  /** Queries by the slopes, and gradients by the shares, of each key. */
  private addToKeys({ rows, low, high }: Block): void {
    const { em, cut, p, scratch } = this;
    em.loop('own', low, high, p.tileRows, (own) => {
      for (const [result, weights, values, sums] of [
        [p.key, scratch.slopes, scratch.queries, scratch.keySums],
        [p.value, scratch.shares, scratch.gradients, scratch.valueSums],
      ] as const)
        em.loop('column', i32(0), i32(columnsOf(result)), TILE_COLUMNS, (column) => {
          this.addTo(sums, this.slotOf(result, own, column), {
            rows: weights,
            rowPanel: own,
            rowSteps: { step: cut.summed, row: 1 },
            columns: values,
            columnPanel: em.name('columnPanel', mul(column, i32(cut.rows))),
            depth: rows,
          });
        });
    });
  }

  /** Where the sums of a tile are: of its rows from `own` on, and eight columns. */
  private slotOf(result: Result, own: TExpr, column: TExpr): TExpr {
    return this.em.name(
      'slot',
      add(mul(own, i32(columnsOf(result))), mul(column, i32(this.p.tileRows))),
    );
  }

  /** Stores what has become of `length` rows from `from` on. */
  private finish(result: Result, sums: ThreadBuffer, from: TExpr, length: TExpr): void {
    const { em, p } = this;
    em.loop('own', i32(0), length, p.tileRows, (own) =>
      em.loop('column', i32(0), i32(columnsOf(result)), TILE_COLUMNS, (column) => {
        const slot = this.slotOf(result, own, column);
        const accumulators = zeroAccumulators(em, p.tileRows);
        eachAccumulator(accumulators, (register, row, half) => {
          em.set(register, loadFrom(sums, add(slot, i32(row * TILE_COLUMNS + 4 * half)), 4));
        });
        const row = em.name('row', add(from, own));
        finishTile(em, result.epilogue, { accumulators, memory: sums, slot, row, column });
      }),
    );
  }
}
