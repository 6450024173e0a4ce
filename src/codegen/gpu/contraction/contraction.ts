/**
 * The GPU schedule of a nest with a contraction: blocks of both operands staged in shared memory, products in registers.
 *
 * Invariants: workgroups own disjoint blocks of the result; sums are taken in a fixed order; barriers stand where all
 * threads pass; the next step of the sum is read from memory while the last one is multiplied.
 */
import type { LoopBuffer, Nest } from '../../../ir/loop/loop.ts';
import {
  barrier,
  constantOf,
  get,
  i32,
  mul,
  operate,
  regType,
  sharedBuffer,
} from '../../../ir/thread/build.ts';
import type { Register, TExpr, ThreadBuffer, TStmt } from '../../../ir/thread/thread.ts';
import type { Caps } from '../../caps.ts';
import { Emitter } from '../../emit/emitter.ts';
import { bindAll, positionOf } from '../../emit/position.ts';
import type { NestPlan, Place, Refusal } from '../../plan.ts';
import { bestCut } from './choose.ts';
import { type Corner, finish } from './finish.ts';
import { multiply, type Seat, zeroAccumulators } from './multiply.ts';
import type { Panel } from './panel.ts';
import { problems, refusal } from './problem.ts';
import { bring, type Group, groupsFor, put } from './stage.ts';
import { type Cut, tileColumns, tileRows } from './tile.ts';

/**
 * The tiled schedule of a nest with a contraction, or why another one is better. With `threads`, workgroups have exactly
 * that many.
 */
export const planGpuContraction = (
  nest: Nest,
  caps: Caps,
  threads?: number,
): NestPlan | Refusal => {
  const c = nest.contract;
  if (c === undefined) return { refused: 'no contraction' };
  const refused = refusal(nest, c, caps);
  if (refused !== undefined) return { refused };
  const best = bestCut(problems(nest, c), caps, threads);
  if (best === undefined)
    return {
      refused: `no tile fits ${threads ?? caps.threads} threads and ${caps.sharedBytes} bytes of shared memory`,
    };
  return planOf(best.cut);
};

/** The plan of a cut. */
export const planOf = (cut: Cut): NestPlan => {
  const { problem, tile, panels } = cut;
  const memory = sharedBuffer('staged', 'float32', cut.shared);
  const [m, n, k] = [problem.rows.size, problem.columns.size, problem.depth];
  const { batches, results } = problem;
  const sliced = tile.slices > 1 ? `, ${tile.slices} slices` : '';
  return {
    grid: cut.grid,
    threads: cut.threads,
    shared: [memory],
    cost: {
      flops: batches * m * n * (k + results.cost),
      bytes: 4 * batches * (m * k + k * n + m * n),
    },
    notes: [
      `contraction ${batches > 1 ? `${batches} x ` : ''}${m} x ${n} x ${k}: rows along ${panels.rows.operand.contiguous}, columns along ${panels.columns.operand.contiguous}`,
      `tiles ${tileRows(tile)} x ${tileColumns(tile)} x ${tile.depth} of ${tile.rows} x ${tile.columns} a thread${sliced}, stored from ${cut.passed === 0 ? 'registers' : 'shared memory'}`,
    ],
    emit: (place, buffer) => new Tiles(cut, memory, buffer).emit(place),
  };
};

/** An operand on its way: where its panel is, and what the thread brings of it. */
interface Stage {
  readonly panel: Panel;
  readonly base: number;
  readonly groups: readonly Group[];
}

class Tiles {
  private readonly cut: Cut;
  private readonly memory: ThreadBuffer;
  private readonly em: Emitter;

  constructor(cut: Cut, memory: ThreadBuffer, resolve: (b: LoopBuffer) => ThreadBuffer) {
    this.cut = cut;
    this.memory = memory;
    this.em = new Emitter({ lanes: 4, compact: true, resolve });
  }

  emit({ workgroup, local }: Place): TStmt[] {
    const { em, cut, memory } = this;
    const { panels } = cut;
    em.scope('same', () => {
      const corner = this.corner(workgroup);
      const seat = this.seat(local);
      const stage = (panel: Panel, base: number, start: TExpr): Stage => {
        const groups = groupsFor(em, panel, local, cut.threads, start);
        return { panel, base, groups };
      };
      const stages = [
        stage(panels.rows, 0, corner.row),
        stage(panels.columns, panels.rows.elements, corner.column),
      ];
      const accumulators = zeroAccumulators(em, cut.tile);
      const multiplied = (): void => multiply(em, cut, memory, seat, accumulators);
      if (cut.steps === 1) {
        this.put(stages, this.bring(stages, i32(0)));
        em.push(barrier);
        multiplied();
      } else this.steps(stages, multiplied);
      finish(em, cut, memory, seat, corner, local, accumulators);
    });
    return em.body.slice();
  }

  /** Binds the batch of the workgroup and finds its rows and columns. */
  private corner(workgroup: TExpr): Corner {
    const { em, cut } = this;
    const { tile, problem, columnBlocks, rowBlocks } = cut;
    const column = em.name('columnBlock', operate('mod', workgroup, i32(columnBlocks)));
    const rest = em.name('rest', operate('floordiv', workgroup, i32(columnBlocks)));
    const batched = problem.batches > 1;
    const row = batched ? em.name('rowBlock', operate('mod', rest, i32(rowBlocks))) : rest;
    if (batched) {
      const batch = em.name('batch', operate('floordiv', rest, i32(rowBlocks)));
      bindAll(em, positionOf(em, problem.batch, batch));
    }
    return {
      row: em.name('firstRow', mul(row, i32(tileRows(tile)))),
      column: em.name('firstColumn', mul(column, i32(tileColumns(tile)))),
    };
  }

  private seat(local: TExpr): Seat {
    const { em } = this;
    const { across, down, slices } = this.cut.tile;
    const line = em.name('line', operate('floordiv', local, i32(across)));
    const sliced = slices > 1;
    return {
      across: em.name('across', operate('mod', local, i32(across))),
      down: sliced ? em.name('down', operate('mod', line, i32(down))) : line,
      slice: sliced ? em.name('slice', operate('floordiv', line, i32(down))) : i32(0),
    };
  }

  /**
   * One loop over the steps and one more: each turn asks for the memory of its step, multiplies the step before while it
   * waits, and then stages what came.
   */
  private steps(stages: readonly Stage[], multiplied: () => void): void {
    const { em, cut } = this;
    const zero = constantOf(0, regType('f32', 4));
    const held = stages.map(({ groups }) => groups.map((): Register => em.variable('next', zero)));
    em.loop('step', i32(0), i32(cut.steps + 1), 1, (step) => {
      const more = operate('lt', step, i32(cut.steps));
      em.branch(more, () => {
        const start = em.name('start', mul(step, i32(cut.tile.depth)));
        this.bring(stages, start).forEach((values, s) => {
          values.forEach((value, i) => {
            em.set(held[s]![i]!, value);
          });
        });
      });
      em.branch(operate('gt', step, i32(0)), multiplied);
      em.branch(more, () => {
        em.push(barrier);
        this.put(
          stages,
          held.map((registers) => registers.map(get)),
        );
        em.push(barrier);
      });
    });
  }

  private bring(stages: readonly Stage[], start: TExpr): TExpr[][] {
    const { em, cut } = this;
    return stages.map(({ panel, groups }) =>
      groups.map((group) => bring(em, panel, group, start, cut.problem.depth)),
    );
  }

  private put(stages: readonly Stage[], values: readonly (readonly TExpr[])[]): void {
    stages.forEach(({ base, groups }, s) => {
      groups.forEach((group, i) => {
        put(this.em, this.memory, base, group, values[s]![i]!);
      });
    });
  }
}
