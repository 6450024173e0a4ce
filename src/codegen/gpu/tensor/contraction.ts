/**
 * The schedule of a contraction on matrix units: tiles of both operands staged several steps ahead, multiplied by warps.
 *
 * Invariants: workgroups own disjoint tiles of the result; sums are taken in a fixed order; one barrier a step: behind it
 * the step has landed for all, and all are done with the step before, whose place the next copies take.
 */
import { bytesOf } from '../../../ir/dtype.ts';
import type { LoopBuffer, Nest } from '../../../ir/loop/loop.ts';
import {
  add,
  barrier,
  commit,
  constantOf,
  get,
  i32,
  mul,
  operate,
  regType,
  sharedBuffer,
  waitFor,
} from '../../../ir/thread/build.ts';
import type { Register, TExpr, ThreadBuffer, TStmt } from '../../../ir/thread/thread.ts';
import type { Caps } from '../../caps.ts';
import { Emitter } from '../../emit/emitter.ts';
import { bindAll, positionOf } from '../../emit/position.ts';
import type { NestPlan, Place, Refusal } from '../../plan.ts';
import type { Corner } from '../contraction/finish.ts';
import { problems, refusal } from '../contraction/problem.ts';
import { bestCut } from './choose.ts';
import { finish } from './finish.ts';
import { multiply, readersFor, seatOf, zeroAccumulators } from './multiply.ts';
import { inputsOf, stagedAs } from './operand.ts';
import { type Bringer, bringerFor, bringGroups, putGroups, startCopies } from './stage.ts';
import { type Cut, warpsOf } from './tile.ts';

/** The schedule on matrix units, or why they do not take the nest. */
export const planTensorContraction = (
  nest: Nest,
  caps: Caps,
  threads?: number,
): NestPlan | Refusal => {
  const c = nest.contract;
  if (c === undefined) return { refused: 'no contraction' };
  const inputs = inputsOf(c, caps);
  if (typeof inputs !== 'string') return inputs;
  const refused = refusal(nest, c, caps);
  if (refused !== undefined) return { refused };
  const best = bestCut(problems(nest, c), inputs, caps, threads);
  if (best === undefined)
    return {
      refused: `no tile of matrix units fits ${threads ?? caps.threads} threads and ${caps.sharedBytes} bytes of shared memory`,
    };
  return planOf(best.cut);
};

/** The plan of a cut. */
export const planOf = (cut: Cut): NestPlan => {
  const { problem, tile, inputs, rows, columns, passed } = cut;
  const dtype = stagedAs(inputs);
  const memory: Memory = {
    rows: sharedBuffer('rows', dtype, tile.stages * rows.elements),
    columns: sharedBuffer('columns', dtype, tile.stages * columns.elements),
    results: passed === 0 ? undefined : sharedBuffer('results', 'float32', passed),
  };
  const [m, n, k] = [problem.rows.size, problem.columns.size, problem.depth];
  const { batches, results } = problem;
  const how = (stage: Cut['rows']): string =>
    `along ${stage.panel.layout} ${stage.copied === undefined ? 'through registers' : `in copies of ${stage.copied.unit * bytesOf(dtype)} bytes`}`;
  return {
    grid: cut.grid,
    threads: cut.threads,
    shared: [
      memory.rows,
      memory.columns,
      ...(memory.results === undefined ? [] : [memory.results]),
    ],
    cost: {
      flops: batches * m * n * (k + results.cost),
      bytes: bytesOf(dtype) * batches * (m * k + k * n) + 4 * batches * m * n,
    },
    notes: [
      `contraction on matrix units (${inputs}) ${batches > 1 ? `${batches} x ` : ''}${m} x ${n} x ${k}: rows ${how(rows)}, columns ${how(columns)}`,
      `tiles ${tile.rows} x ${tile.columns} x ${tile.depth} of ${warpsOf(tile)} warps of ${tile.warpRows} x ${tile.warpColumns}, ${tile.stages} stages, stored from ${passed === 0 ? 'registers' : 'shared memory'}`,
    ],
    emit: (place, buffer) => new Tiles(cut, memory, buffer).emit(place),
  };
};

interface Memory {
  readonly rows: ThreadBuffer;
  readonly columns: ThreadBuffer;
  readonly results: ThreadBuffer | undefined;
}

/** Blocks of rows whose columns are done together, so that what they share stays in the cache. */
const TOGETHER = 8;

class Tiles {
  private readonly cut: Cut;
  private readonly memory: Memory;
  private readonly em: Emitter;

  constructor(cut: Cut, memory: Memory, resolve: (b: LoopBuffer) => ThreadBuffer) {
    this.cut = cut;
    this.memory = memory;
    this.em = new Emitter({ lanes: 4, compact: true, resolve });
  }

  emit({ workgroup, local }: Place): TStmt[] {
    const { em, cut, memory } = this;
    em.scope('same', () => {
      const corner = this.corner(workgroup);
      const seat = seatOf(em, cut, local);
      const bringers = [
        bringerFor(em, cut.rows, memory.rows, local, cut.threads, corner.row),
        bringerFor(em, cut.columns, memory.columns, local, cut.threads, corner.column),
      ];
      const readers = readersFor(em, cut, seat, memory);
      const accumulators = zeroAccumulators(em, cut.tile);
      this.steps(bringers, (slot) => {
        const base = { rows: this.base(cut.rows, slot), columns: this.base(cut.columns, slot) };
        multiply(em, cut, readers, base, accumulators);
      });
      finish(em, cut, memory.results, seat, corner, local, accumulators);
    });
    return em.body.slice();
  }

  private base({ elements }: Cut['rows'], slot: TExpr): TExpr {
    return this.em.name('base', mul(slot, i32(elements)));
  }

  /** Binds the batch of the workgroup and finds its rows and columns. */
  private corner(workgroup: TExpr): Corner {
    const { em, cut } = this;
    const { tile, problem, columnBlocks, rowBlocks } = cut;
    const blocks = rowBlocks * columnBlocks;
    let id = workgroup;
    if (problem.batches > 1) {
      const batch = em.name('batch', operate('floordiv', workgroup, i32(blocks)));
      bindAll(em, positionOf(em, problem.batch, batch));
      id = em.name('block', operate('mod', workgroup, i32(blocks)));
    }
    const wide = TOGETHER * columnBlocks;
    const first = em.name('first', mul(operate('floordiv', id, i32(wide)), i32(TOGETHER)));
    const rest = operate('sub', i32(rowBlocks), first);
    const count =
      rowBlocks % TOGETHER === 0
        ? i32(TOGETHER)
        : rowBlocks < TOGETHER
          ? i32(rowBlocks)
          : em.name('count', operate('min', rest, i32(TOGETHER)));
    const inGroup = em.name('inGroup', operate('mod', id, i32(wide)));
    const row = em.name('rowBlock', add(first, operate('mod', inGroup, count)));
    const column = em.name('columnBlock', operate('floordiv', inGroup, count));
    return {
      row: em.name('firstRow', mul(row, i32(tile.rows))),
      column: em.name('firstColumn', mul(column, i32(tile.columns))),
    };
  }

  /**
   * The loop over the steps: copies are started `stages - 1` steps ahead; what comes through registers is asked for
   * before the step is multiplied and written behind it.
   */
  private steps(bringers: readonly Bringer[], multiplied: (slot: TExpr) => void): void {
    const { em, cut } = this;
    const { stages, depth } = cut.tile;
    const whole = cut.problem.depth;
    const copying = bringers.filter((b) => b.copies.length > 0);
    const holding = bringers.filter((b) => b.groups.length > 0);
    const start = (step: TExpr): TExpr => em.name('start', mul(step, i32(depth)));
    const copy = (step: TExpr, slot: TExpr): void => {
      const from = start(step);
      for (const b of copying) startCopies(em, b, from, this.base(b.stage, slot), whole);
    };
    const put = (slot: TExpr, values: readonly (readonly TExpr[])[]): void => {
      holding.forEach((b, i) => {
        putGroups(em, b, this.base(b.stage, slot), values[i]!);
      });
    };
    if (copying.length > 0)
      for (let step = 0; step < stages - 1; step++) {
        if (step < cut.steps) em.scope('same', () => copy(i32(step), i32(step)));
        em.push(commit);
      }
    put(
      i32(0),
      holding.map((b) => bringGroups(em, b, i32(0), whole)),
    );
    const zero = constantOf(0, regType('f32', 4));
    const held = holding.map(({ groups }) =>
      groups.map((): Register | undefined =>
        cut.steps > 1 ? em.variable('next', zero) : undefined,
      ),
    );
    em.loop('step', i32(0), i32(cut.steps), 1, (step) => {
      const slotOf = (ahead: number): TExpr =>
        em.name('slot', operate('mod', add(step, i32(ahead)), i32(stages)));
      const before = (ahead: number): TExpr => operate('lt', add(step, i32(ahead)), i32(cut.steps));
      if (copying.length > 0) em.push(waitFor(stages - 2));
      em.push(barrier);
      if (copying.length > 0) {
        em.branch(before(stages - 1), () => copy(add(step, i32(stages - 1)), slotOf(stages - 1)));
        em.push(commit);
      }
      if (holding.length > 0)
        em.branch(before(1), () => {
          const from = start(add(step, i32(1)));
          holding.forEach((b, i) => {
            bringGroups(em, b, from, whole).forEach((value, j) => {
              em.set(held[i]![j]!, value);
            });
          });
        });
      multiplied(slotOf(0));
      if (holding.length > 0)
        em.branch(before(1), () =>
          put(
            slotOf(1),
            held.map((registers) => registers.map((r) => get(r!))),
          ),
        );
    });
  }
}
