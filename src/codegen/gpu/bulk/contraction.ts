/**
 * The schedule of a contraction for warpgroups (compute capability 9.0a): one fetches tiles as far ahead as memory lets it,
 * the others multiply them straight from shared memory and store what they sum.
 *
 * Invariants: a workgroup does its tiles one after the other, and its stages go on from one tile to the next without a
 * pause: turn `t` is in stage `t mod stages` of round `t / stages`. A stage is filled when all warps have given it back,
 * and multiplied when all of its bytes have come. Sums are taken in a fixed order.
 */
import { bytesOf } from '../../../ir/dtype.ts';
import type { LoopBuffer, Nest } from '../../../ir/loop/loop.ts';
import {
  add,
  constantOf,
  get,
  i32,
  mul,
  operate,
  register,
  regType,
  sharedBuffer,
} from '../../../ir/thread/build.ts';
import {
  LINE,
  type Role,
  type TensorMap,
  TILE_ROWS,
  type TileOperand,
} from '../../../ir/thread/bulk.ts';
import { WARP } from '../../../ir/thread/tensor.ts';
import type { TExpr, ThreadBuffer, TStmt } from '../../../ir/thread/thread.ts';
import type { Caps } from '../../caps.ts';
import { Emitter } from '../../emit/emitter.ts';
import type { NestPlan, Place, Refusal } from '../../plan.ts';
import type { Corner } from '../contraction/finish.ts';
import { problems, refusal } from '../contraction/problem.ts';
import type { Estimate } from '../contraction/split.ts';
import { inputsOf } from '../tensor/operand.ts';
import { bestCut } from './choose.ts';
import { type Cut, DEPTH, type Stage } from './cut.ts';
import { finish } from './finish.ts';
import { cyclesOf } from './model.ts';
import { coordinatesOf, mapOf } from './operand.ts';
import { cornerOf } from './order.ts';

/** The schedule for warpgroups, or why they do not take the nest. */
export const planBulkContraction = (
  nest: Nest,
  caps: Caps,
  threads?: number,
): NestPlan | Refusal => {
  const cut = cutFor(nest, caps, threads);
  return 'refused' in cut ? cut : planOf(cut);
};

/** How long a nest takes them, and in how many tiles; `undefined` where they do not take it. */
export const bulkEstimate = (nest: Nest, caps: Caps): Estimate | undefined => {
  const cut = cutFor(nest, caps, undefined);
  return 'refused' in cut ? undefined : { cycles: cyclesOf(cut, caps), grid: cut.tiles };
};

const cutFor = (nest: Nest, caps: Caps, threads: number | undefined): Cut | Refusal => {
  const c = nest.contract;
  if (c === undefined) return { refused: 'no contraction' };
  if (caps.tensorCores !== 'sm90a') return { refused: 'no matrix units for warpgroups' };
  const inputs = inputsOf(c, caps);
  if (typeof inputs !== 'string') return inputs;
  if (inputs === 'tfloat32') return { refused: 'tiles of float32 are left to warps' };
  const refused = refusal(nest, c, caps);
  if (refused !== undefined) return { refused };
  return bestCut(problems(nest, c), inputs, caps, threads);
};

interface Memory {
  readonly tiles: ThreadBuffer;
  /** Open when a stage is full, and when it is empty again. */
  readonly full: ThreadBuffer;
  readonly empty: ThreadBuffer;
}

/** The plan of a cut. */
export const planOf = (cut: Cut): NestPlan => {
  const { problem, tile, inputs, rows, columns, stages, groups } = cut;
  const memory: Memory = {
    tiles: sharedBuffer('tiles', inputs, stages * (rows.elements + columns.elements)),
    full: sharedBuffer('full', 'uint32', 2 * stages),
    empty: sharedBuffer('empty', 'uint32', 2 * stages),
  };
  const [m, n, k] = [problem.rows.size, problem.columns.size, problem.depth];
  const { batches, results } = problem;
  return {
    grid: cut.grid,
    threads: cut.threads,
    shared: [memory.tiles, memory.full, memory.empty],
    cost: {
      flops: batches * m * n * (k + results.cost),
      bytes: bytesOf(inputs) * batches * (m * k + k * n) + 4 * batches * m * n,
    },
    notes: [
      `contraction of whole tiles (${inputs}) ${batches > 1 ? `${batches} x ` : ''}${m} x ${n} x ${k}: rows along ${rows.source.along}, columns along ${columns.source.along}`,
      `${cut.tiles} tiles ${tile.rows} x ${tile.columns} x ${DEPTH} on ${cut.grid} workgroups: ${groups} warpgroup${groups > 1 ? 's' : ''} multiply what one fetches, ${stages} stages`,
    ],
    emit: (place, buffer) => new Tiles(cut, memory, buffer).emit(place),
  };
};

/** Registers of a thread that fetches and of one that multiplies, where two warpgroups multiply: 65536 in all. */
const REGISTERS = { fewer: 24, more: 240 };

class Tiles {
  private readonly cut: Cut;
  private readonly memory: Memory;
  private readonly em: Emitter;

  constructor(cut: Cut, memory: Memory, resolve: (b: LoopBuffer) => ThreadBuffer) {
    this.cut = cut;
    this.memory = memory;
    this.em = new Emitter({ lanes: 4, compact: true, resolve });
  }

  emit({ workgroup }: Place): TStmt[] {
    const { em } = this;
    const { stages, groups } = this.cut;
    const { full, empty } = this.memory;
    const warps = (groups * 128) / WARP;
    em.push({ kind: 'gates', buffer: full, arrivals: new Array(stages).fill(1) });
    em.push({ kind: 'gates', buffer: empty, arrivals: new Array(stages).fill(warps) });
    const roles = [this.fetching(workgroup), this.multiplying(workgroup)];
    em.push({ kind: 'roles', roles });
    return em.body.slice();
  }

  /** One warp asks for tiles, as soon as there is room. */
  private fetching(workgroup: TExpr): Role {
    const { em, cut } = this;
    const { tiles, full, empty } = this.memory;
    const { rows, columns } = cut;
    const maps = { rows: this.map(rows, 'rows'), columns: this.map(columns, 'columns') };
    const bytes = bytesOf(cut.inputs) * (rows.elements + columns.elements);
    const body = em.scope('branch', () =>
      this.eachTile(workgroup, (corner, first) => {
        em.loop('step', i32(0), i32(cut.steps), 1, (step) => {
          const turn = em.name('turn', add(first, step));
          const stage = this.stageOf(turn);
          const phase = em.name('phase', operate('xor', this.phaseOf(turn), i32(1)));
          em.push({ kind: 'await', gates: empty, index: stage, phase });
          em.push({ kind: 'expect', gates: full, index: stage, bytes });
          const depth = em.name('depth', mul(step, i32(DEPTH)));
          const fetch = (part: Stage, map: TensorMap, base: TExpr, start: TExpr): void => {
            for (let box = 0; box < part.boxes; box++) {
              const index = add(base, i32(box * part.box));
              const free = add(start, i32(box * LINE));
              const [inLine, line] = part.source.along === 'depth' ? [depth, free] : [free, depth];
              const coordinates = coordinatesOf(em, part.source, inLine, line);
              em.push({
                kind: 'fetch',
                to: tiles,
                index: em.name('to', index),
                map,
                coordinates,
                gates: full,
                gate: stage,
              });
            }
          };
          const base = this.baseOf(stage);
          fetch(rows, maps.rows, base, corner.row);
          fetch(columns, maps.columns, add(base, i32(rows.elements)), corner.column);
        });
      }),
    );
    return { groups: 1, threads: WARP, ...this.names(), ...this.registers('fewer'), body };
  }

  /** Whole warpgroups multiply what has come: 64 rows each, of the same columns. */
  private multiplying(workgroup: TExpr): Role {
    const { em, cut } = this;
    const { full, empty } = this.memory;
    const { rows, columns, steps, stages, inputs } = cut;
    const names = this.names();
    const seat = { group: get(names.group), place: get(names.place) };
    const zero = constantOf(0, regType('f32', 4));
    const release = (turn: TExpr): void =>
      em.push({ kind: 'arrive', gates: empty, index: this.stageOf(turn) });
    const body = em.scope('branch', () =>
      this.eachTile(workgroup, (corner, first) => {
        const accumulators = Array.from({ length: cut.tile.columns / 8 }, () =>
          em.variable('sum', zero),
        );
        em.loop('step', i32(0), i32(steps), 1, (step) => {
          const turn = em.name('turn', add(first, step));
          const stage = this.stageOf(turn);
          em.push({ kind: 'await', gates: full, index: stage, phase: this.phaseOf(turn) });
          const base = this.baseOf(stage);
          const own = em.name('own', add(base, mul(seat.group, i32(TILE_ROWS * LINE))));
          em.push({
            kind: 'products',
            inputs,
            adds: true,
            accumulators,
            a: this.operand(rows, own),
            b: this.operand(columns, em.name('shared', add(base, i32(rows.elements)))),
            steps: DEPTH / 16,
          });
          if (steps === 1) return;
          // the step before is done: its stage is free
          em.push({ kind: 'settle', pending: 1, accumulators: [] });
          em.branch(operate('gt', step, i32(0)), () => release(add(turn, i32(stages - 1))));
        });
        em.push({ kind: 'settle', pending: 0, accumulators });
        release(add(first, i32(steps - 1)));
        finish(em, cut, seat, corner, accumulators);
      }),
    );
    return { groups: cut.groups, threads: 128, ...names, ...this.registers('more'), body };
  }

  /** The tiles of a workgroup, each with its corner and the number of its first turn. */
  private eachTile(workgroup: TExpr, emit: (corner: Corner, first: TExpr) => void): void {
    const { em, cut } = this;
    const { tiles, grid, steps } = cut;
    const rounds =
      tiles % grid === 0
        ? i32(tiles / grid)
        : operate('floordiv', operate('sub', i32(tiles + grid - 1), workgroup), i32(grid));
    em.loop('round', i32(0), rounds, 1, (round) => {
      const id = em.name('tile', add(workgroup, mul(round, i32(grid))));
      emit(cornerOf(em, cut, id), em.name('firstTurn', mul(round, i32(steps))));
    });
  }

  private stageOf(turn: TExpr): TExpr {
    return this.em.name('stage', operate('mod', turn, i32(this.cut.stages)));
  }

  private phaseOf(turn: TExpr): TExpr {
    const round = operate('floordiv', turn, i32(this.cut.stages));
    return this.em.name('phase', operate('mod', round, i32(2)));
  }

  /** Where a stage begins. */
  private baseOf(stage: TExpr): TExpr {
    const { rows, columns } = this.cut;
    return this.em.name('base', mul(stage, i32(rows.elements + columns.elements)));
  }

  private operand({ source, box }: Stage, at: TExpr): TileOperand {
    const { along } = source;
    return { buffer: this.memory.tiles, at, along, pitch: along === 'free' ? box : 0 };
  }

  private map({ source, extent }: Stage, name: string): TensorMap {
    return mapOf(this.em, source, source.along === 'depth' ? extent : DEPTH, name);
  }

  private names(): Pick<Role, 'group' | 'place'> {
    const index = regType('i32');
    return { group: register('group', index), place: register('place', index) };
  }

  private registers(change: 'fewer' | 'more'): Pick<Role, 'registers'> {
    return this.cut.groups < 2 ? {} : { registers: { change, count: REGISTERS[change] } };
  }
}
