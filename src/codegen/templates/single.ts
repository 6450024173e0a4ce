/**
 * Products one number at a time, of what has no lanes (float64, or results of 64 bits): packed panels and a 4 x 4
 * micro-kernel.
 *
 * Invariants: workgroups own disjoint blocks of the result; sums are taken in a fixed order, and wait in memory between
 * blocks of the sum; lanes of a panel beyond the operand's end repeat its last row or column, and are never stored.
 */
import { bytesOf, isFloat } from '../../ir/dtype.ts';
import { accumulatorOf } from '../../ir/loop/expr.ts';
import type { AccExpr, Contraction, LoopBuffer, Nest } from '../../ir/loop/loop.ts';
import {
  add,
  constantOf,
  fma,
  get,
  i32,
  loadFrom,
  mul,
  operate,
  regType,
  sharedBuffer,
  storeTo,
} from '../../ir/thread/build.ts';
import {
  registerDType,
  registerOf,
  type TExpr,
  type ThreadBuffer,
  type TStmt,
} from '../../ir/thread/thread.ts';
import type { Caps } from '../caps.ts';
import { Emitter } from '../emit/emitter.ts';
import { bindAll, positionOf } from '../emit/position.ts';
import type { NestPlan, Refusal } from '../plan.ts';
import { rewriter } from '../rewrite.ts';
import { storeScalars } from '../stores.ts';
import { type Operand, type Problem, problems, roundUp } from './contraction.ts';
import { type Epilogue, epilogueOf } from './epilogue.ts';
import { type DepthBlock, overDepth } from './pack.ts';
import { type Share, shareOf } from './share.ts';

/** Rows and columns of a tile: sixteen sums. */
const TILE = 4;
const LANES = [0, 1, 2, 3] as const;
/** Rows, and columns, of a workgroup: the first that keeps the device busy. */
const BLOCKS = [64, 32, 16];
/** Products below this are cheaper without packing. */
const SMALLEST = 1024;

interface Scratch {
  readonly rows: ThreadBuffer;
  readonly columns: ThreadBuffer;
  readonly sums: ThreadBuffer;
}

interface Cut {
  readonly rows: number;
  readonly columns: number;
  readonly rowBlocks: number;
  readonly columnBlocks: number;
  readonly grid: number;
}

/** The packed schedule, or why the generic one is better. */
export const planSingle = (nest: Nest, c: Contraction, caps: Caps): NestPlan | Refusal => {
  const dtype = registerDType[registerOf(c.a.dtype)];
  if (!isFloat(dtype) || registerOf(c.b.dtype) !== registerOf(c.a.dtype))
    return { refused: 'the packed schedule sums floats of one size' };
  if (nest.stores.some((s) => s.mode !== 'set' || s.over.length > 0))
    return { refused: 'the packed schedule does not scatter' };
  if (nest.stores.some((s) => nest.axes.some((a) => a.extent > 1 && !s.axes.includes(a))))
    return { refused: 'a store takes part in outer axes only' };
  const [p] = problems(c) as [Problem, Problem];
  const [m, n, k] = [p.rows.size, p.columns.size, p.depth];
  if (Math.min(m, n, k) < TILE || m * n * k < SMALLEST) return { refused: 'too small for packing' };
  const bytes = bytesOf(dtype);
  const cut = cutFor(p, bytes, caps);
  if (cut === undefined) return { refused: 'packed panels do not fit into shared memory' };
  const scratch: Scratch = {
    rows: sharedBuffer('packedRows', dtype, cut.rows * p.k.depth),
    columns: sharedBuffer('packedColumns', dtype, cut.columns * p.k.depth),
    sums: sharedBuffer('sums', dtype, cut.rows * cut.columns),
  };
  const sum = accumulatorOf(dtype);
  const { expr } = rewriter({ replace: (e) => (e.kind === 'acc' ? sum : undefined) });
  const stores = nest.stores.map((s) => ({ ...s, value: expr(s.value) }));
  const epilogue = epilogueOf(p, stores);
  return {
    grid: cut.grid,
    threads: 1,
    shared: [scratch.rows, scratch.columns, scratch.sums],
    cost: {
      // one number at a time, where estimates are of four
      flops: 4 * p.batches * m * n * (k + epilogue.cost),
      bytes: bytes * p.batches * (m * k + k * n + m * n),
    },
    notes: [
      `contraction ${p.batches > 1 ? `${p.batches} x ` : ''}${m} x ${n} x ${k} of ${dtype}: packed, one lane`,
      `workgroups ${p.batches} x ${cut.rowBlocks} x ${cut.columnBlocks} of ${cut.rows} x ${cut.columns}, sum in ${p.k.count} of ${p.k.depth}`,
    ],
    emit: ({ workgroup }, buffer) =>
      new SingleProduct({ p, cut, scratch, epilogue, sum }, buffer).emit(workgroup),
  };
};

const cutFor = (p: Problem, bytes: number, caps: Caps): Cut | undefined => {
  let best: Cut | undefined;
  for (const most of BLOCKS) {
    const rows = Math.min(most, roundUp(p.rows.size, TILE));
    const columns = Math.min(most, roundUp(p.columns.size, TILE));
    if (bytes * ((rows + columns) * p.k.depth + rows * columns) > caps.sharedBytes) continue;
    const rowBlocks = Math.ceil(p.rows.size / rows);
    const columnBlocks = Math.ceil(p.columns.size / columns);
    const grid = p.batches * rowBlocks * columnBlocks;
    best = { rows, columns, rowBlocks, columnBlocks, grid };
    if (grid >= caps.parallelism) break;
  }
  return best;
};

interface Schedule {
  readonly p: Problem;
  readonly cut: Cut;
  readonly scratch: Scratch;
  readonly epilogue: Epilogue;
  /** What stands for the sum in the stores. */
  readonly sum: AccExpr;
}

class SingleProduct {
  private readonly s: Schedule;
  private readonly em: Emitter;

  constructor(schedule: Schedule, resolve: (b: LoopBuffer) => ThreadBuffer) {
    this.s = schedule;
    this.em = new Emitter({ lanes: 1, resolve });
  }

  emit(workgroup: TExpr): TStmt[] {
    const { em } = this;
    const { p, cut, scratch } = this.s;
    const column = em.name('columnBlock', operate('mod', workgroup, i32(cut.columnBlocks)));
    const rest = em.name('rest', operate('floordiv', workgroup, i32(cut.columnBlocks)));
    const row = em.name('rowBlock', operate('mod', rest, i32(cut.rowBlocks)));
    const batch = em.name('batch', operate('floordiv', rest, i32(cut.rowBlocks)));
    const rows = shareOf(em, 'row', row, { size: p.rows.size, each: cut.rows, tile: TILE });
    const columns = shareOf(em, 'column', column, {
      size: p.columns.size,
      each: cut.columns,
      tile: TILE,
    });
    em.scope('same', () => {
      bindAll(em, positionOf(em, p.batch, batch));
      const zero = constantOf(0, regType(registerOf(scratch.sums.dtype)));
      em.loop('i', i32(0), i32(cut.rows * cut.columns), 1, (i) => {
        em.push(storeTo(scratch.sums, i, zero));
      });
      this.sumBlocks((depth) => {
        this.pack(p.columns, scratch.columns, columns, depth);
        this.pack(p.rows, scratch.rows, rows, depth);
        this.multiply(rows, columns, depth);
      });
      this.finish(rows, columns);
    });
    return em.body;
  }

  private sumBlocks(block: (depth: DepthBlock) => void): void {
    const { em } = this;
    const { k, outerK } = this.s.p;
    const walk = (i: number): void => {
      const axis = outerK[i];
      if (axis !== undefined) {
        em.axisLoop(axis, () => walk(i + 1));
        return;
      }
      em.loop('kStart', i32(0), i32(k.extent), k.chunk, (from) => {
        const left = operate('sub', i32(k.extent), from);
        const whole = k.extent % k.chunk === 0;
        const most = i32(k.chunk);
        const length = whole ? most : em.name('kLength', operate('min', left, most));
        block({ blocks: k, from, length });
      });
    };
    walk(0);
  }

  /** Panels of four rows or columns: `panel[k][lane]`. */
  private pack(operand: Operand, buffer: ThreadBuffer, share: Share, block: DepthBlock): void {
    const { em } = this;
    em.loop('panel', i32(0), share.tiles, 1, (tile) => {
      const first = em.name('first', add(share.start, mul(tile, i32(TILE))));
      const base = em.name('base', mul(tile, i32(TILE * block.blocks.depth)));
      const lanes = LANES.map((lane) => {
        const at = operate('min', add(first, i32(lane)), i32(operand.size - 1));
        return positionOf(em, operand.free, em.name('lane', at));
      });
      const one = (k: TExpr): void => {
        const at = em.name('at', add(base, mul(k, i32(TILE))));
        lanes.forEach((position, lane) => {
          em.scope('same', () => {
            bindAll(em, position);
            em.push(storeTo(buffer, add(at, i32(lane)), em.scalar(operand.expr)));
          });
        });
      };
      overDepth(em, operand.summed, block, { one });
    });
  }

  private multiply(rows: Share, columns: Share, block: DepthBlock): void {
    const { em } = this;
    const { p, scratch } = this.s;
    const depth = em.name('depth', mul(block.length, i32(p.k.inner)));
    em.loop('columnTile', i32(0), columns.tiles, 1, (columnTile) =>
      em.loop('rowTile', i32(0), rows.tiles, 1, (rowTile) => {
        const slot = em.name('slot', this.slot(rowTile, columnTile));
        const rowPanel = em.name('rowPanel', mul(rowTile, i32(TILE * p.k.depth)));
        const columnPanel = em.name('columnPanel', mul(columnTile, i32(TILE * p.k.depth)));
        const sums = Array.from({ length: TILE * TILE }, (_, i) =>
          em.variable('c', loadFrom(scratch.sums, add(slot, i32(i)))),
        );
        em.loop('k', i32(0), depth, 1, (k) => {
          const at = mul(k, i32(TILE));
          const lane = (panel: ThreadBuffer, from: TExpr, i: number): TExpr =>
            em.name('x', loadFrom(panel, add(add(from, at), i32(i))));
          const b = LANES.map((i) => lane(scratch.columns, columnPanel, i));
          for (const r of LANES) {
            const a = lane(scratch.rows, rowPanel, r);
            b.forEach((x, i) => {
              const sum = sums[r * TILE + i]!;
              em.set(sum, fma(a, x, get(sum)));
            });
          }
        });
        sums.forEach((sum, i) => {
          em.push(storeTo(scratch.sums, add(slot, i32(i)), get(sum)));
        });
      }),
    );
  }

  /** Where the sums of a tile are. */
  private slot(rowTile: TExpr, columnTile: TExpr): TExpr {
    const place = add(mul(rowTile, i32(this.s.cut.columns / TILE)), columnTile);
    return mul(place, i32(TILE * TILE));
  }

  private finish(rows: Share, columns: Share): void {
    const { em } = this;
    const { scratch, epilogue, sum } = this.s;
    const parts = (at: TExpr): readonly [tile: TExpr, inside: TExpr] => [
      operate('shr', at, i32(2)),
      operate('and', at, i32(3)),
    ];
    em.loop('row', i32(0), rows.count, 1, (r) => {
      bindAll(em, positionOf(em, epilogue.rows, em.name('row', add(rows.start, r))));
      const [rowTile, inRow] = parts(r);
      em.loop('column', i32(0), columns.count, 1, (c) => {
        const at = em.name('column', add(columns.start, c));
        bindAll(em, positionOf(em, epilogue.columns, at));
        const [columnTile, inColumn] = parts(c);
        const inside = add(mul(inRow, i32(TILE)), inColumn);
        const value = loadFrom(scratch.sums, add(this.slot(rowTile, columnTile), inside));
        em.setAccumulator(em.name('sum', value), sum);
        storeScalars(em, epilogue.outputs);
      });
    });
  }
}
