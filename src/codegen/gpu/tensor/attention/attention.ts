/**
 * The schedule of attention on matrix units: a workgroup takes a block of rows and meets all they attend to, block by
 * block; scores and weights exist in registers only (Dao 2023, "FlashAttention-2").
 *
 * Invariants: workgroups own disjoint rows; sums are taken in a fixed order; one barrier a block: behind it the block has
 * landed for all, and all are done with the block before, whose place the next one takes; weights are rounded to 16 bits
 * as they become an operand, everything else is float32.
 */
import type { LoopBuffer, Nest } from '../../../../ir/loop/loop.ts';
import {
  add,
  barrier,
  commit,
  get,
  i32,
  laneOf,
  mmaOf,
  mul,
  operate,
  sharedBuffer,
  waitFor,
} from '../../../../ir/thread/build.ts';
import { WARP } from '../../../../ir/thread/tensor.ts';
import type { Register, TExpr, ThreadBuffer, TStmt } from '../../../../ir/thread/thread.ts';
import type { Caps } from '../../../caps.ts';
import { Emitter } from '../../../emit/emitter.ts';
import { bindAll, positionOf } from '../../../emit/position.ts';
import type { NestPlan, Place, Refusal } from '../../../plan.ts';
import { bytesMoved } from '../../../work.ts';
import { problemOf } from '../../attention/problem.ts';
import { rangeOf } from '../../attention/range.ts';
import { type Reader, readerOf } from '../multiply.ts';
import { stagedAs } from '../operand.ts';
import { bringerFor, bringGroups, putGroups, startCopies } from '../stage.ts';
import { bestCut, type Cut, inputsOf, type Part } from './cut.ts';
import { finish } from './finish.ts';
import {
  asOperand,
  byRows,
  endFold,
  foldBlock,
  leftOf,
  type Running,
  rowsOf,
  startFold,
  type Tiles,
  weightsOf,
  zeroTiles,
} from './scores.ts';

/** The schedule of a nest with an attention on matrix units, or why they do not take it. */
export const planTensorAttention = (
  nest: Nest,
  caps: Caps,
  threads: number | undefined,
): NestPlan | Refusal => {
  const problem = problemOf(nest, caps);
  if ('refused' in problem) return problem;
  if (caps.tensorCores === 'none' || caps.threads < WARP) return { refused: 'no matrix units' };
  const inputs = inputsOf(problem);
  if (typeof inputs !== 'string') return inputs;
  const cut = bestCut(problem, inputs, caps, threads);
  if (cut === undefined)
    return {
      refused: `no block of matrix units fits ${threads ?? caps.threads} threads, their registers and ${caps.sharedBytes} bytes of shared memory`,
    };
  return planOf(nest, cut);
};

const planOf = (nest: Nest, cut: Cut): NestPlan => {
  const { problem, inputs } = cut;
  const dtype = stagedAs(inputs);
  const memory: Memory = {
    rows: sharedBuffer('rows', dtype, cut.leftElements),
    blocks: sharedBuffer('blocks', dtype, 2 * cut.blockElements),
  };
  const pairs = problem.batches * problem.rows.extent * problem.summed.extent;
  const depth = problem.scores.reduce((sum, s) => sum + s.left.feature.extent, 0);
  const width = problem.value?.feature.extent ?? 0;
  return {
    grid: cut.grid,
    threads: cut.threads,
    shared: [memory.rows, memory.blocks],
    cost: { flops: pairs * (depth + width + 16), bytes: bytesMoved(nest) },
    notes: [
      `attention on matrix units (${inputs}) ${problem.batches} x ${problem.rows.extent} x ${problem.summed.extent}: blocks of ${cut.rows} x ${cut.summed} by ${cut.warps} warps of ${16 * cut.sixteens} rows`,
      `rows ${cut.held ? 'in registers' : 'in shared memory'}, blocks ahead ${[...cut.right, ...(cut.value === undefined ? [] : [cut.value])].every((p) => p.stage.copied !== undefined) ? 'copied' : 'through registers'}${problem.bounds.length > 0 ? ', blocks out of bounds left out' : ''}`,
    ],
    emit: (place, buffer) => new Blocks(cut, memory, buffer).emit(place),
  };
};

interface Memory {
  readonly rows: ThreadBuffer;
  readonly blocks: ThreadBuffer;
}

class Blocks {
  private readonly cut: Cut;
  private readonly memory: Memory;
  private readonly em: Emitter;

  constructor(cut: Cut, memory: Memory, resolve: (b: LoopBuffer) => ThreadBuffer) {
    this.cut = cut;
    this.memory = memory;
    this.em = new Emitter({ lanes: 4, compact: true, resolve });
  }

  emit({ workgroup, local }: Place): TStmt[] {
    const { em, cut } = this;
    const { problem } = cut;
    em.scope('same', () => {
      const firstRow = this.firstRow(workgroup);
      const lane = em.name('lane', operate('mod', local, i32(WARP)));
      const warp = em.name('warp', operate('floordiv', local, i32(WARP)));
      const inBlock = em.name('inBlock', mul(warp, i32(16 * cut.sixteens)));
      const { from, to } = rangeOf(em, cut, firstRow);
      for (const part of cut.left)
        this.bring(part, this.memory.rows, local, firstRow, i32(0), i32(part.base));
      em.branch(operate('lt', from, to), () => this.block(local, from, i32(0)));
      em.push(commit);
      const sums = zeroTiles(em, 'c', cut.sixteens, cut.value === undefined ? 0 : this.eights());
      const first = em.name('first', add(firstRow, inBlock));
      const rows = rowsOf(em, cut, add(first, operate('floordiv', lane, i32(4))));
      const running = problem.softmax ? startFold(em, rows) : undefined;
      const left = this.lefts(inBlock, lane);
      const pair = em.name('pair', mul(operate('mod', lane, i32(4)), i32(2)));
      em.push(waitFor(0));
      em.push(barrier);
      const held = cut.held ? this.hold(left) : undefined;
      em.loop('block', from, to, cut.summed, (block) => {
        const turn = operate('floordiv', operate('sub', block, from), i32(cut.summed));
        const slot = em.name('slot', operate('and', turn, i32(1)));
        em.push(waitFor(0));
        em.push(barrier);
        const next = em.name('next', add(block, i32(cut.summed)));
        em.branch(operate('lt', next, to), () =>
          this.block(local, next, operate('xor', slot, i32(1))),
        );
        em.push(commit);
        const base = em.name('base', mul(slot, i32(cut.blockElements)));
        const scores = this.scores(lane, base, left, held);
        const at = em.name('at', add(block, pair));
        const weights = weightsOf(em, cut, rows, at, scores);
        this.takeUp(lane, base, weights, sums, running, (w) => leftOf(em, cut, rows, at, w));
      });
      em.push(waitFor(0));
      finish(em, cut, lane, first, sums, running && endFold(em, running));
    });
    return em.body.slice();
  }

  /** Eights of columns. */
  private eights(): number {
    return 2 * Math.ceil(this.cut.problem.value!.feature.extent / 16);
  }

  /** Binds the batch of the workgroup and finds its rows: those that attend to most come first. */
  private firstRow(workgroup: TExpr): TExpr {
    const { em, cut } = this;
    const { problem, rowBlocks } = cut;
    const turned = em.name('turned', operate('mod', workgroup, i32(rowBlocks)));
    const block = problem.bounds.length > 0 ? operate('sub', i32(rowBlocks - 1), turned) : turned;
    if (problem.batches > 1) {
      const batch = em.name('batch', operate('floordiv', workgroup, i32(rowBlocks)));
      bindAll(em, positionOf(em, problem.batch, batch));
    }
    return em.name('firstRow', mul(block, i32(cut.rows)));
  }

  /** Starts to bring a tile: rows from `free` on, elements of the sum from `depth` on. */
  private bring(
    { stage }: Part,
    memory: ThreadBuffer,
    local: TExpr,
    free: TExpr,
    depth: TExpr,
    base: TExpr,
  ): void {
    const { em } = this;
    const whole = stage.panel.operand.axes.depth.at(-1)?.extent ?? 1;
    const bringer = bringerFor(em, stage, memory, local, this.cut.threads, free);
    startCopies(em, bringer, depth, base, whole);
    putGroups(em, bringer, base, bringGroups(em, bringer, depth, whole));
  }

  /** Starts to bring what the rows meet from `from` on. */
  private block(local: TExpr, from: TExpr, slot: TExpr): void {
    const { em, cut, memory } = this;
    const start = em.name('start', mul(slot, i32(cut.blockElements)));
    for (const part of cut.right)
      this.bring(part, memory.blocks, local, from, i32(0), add(start, i32(part.base)));
    const { value } = cut;
    // what a score staged is there already
    if (value !== undefined && !cut.right.some((p) => p.base === value.base))
      this.bring(value, memory.blocks, local, i32(0), from, add(start, i32(value.base)));
  }

  private lefts(first: TExpr, lane: TExpr): Reader[] {
    const { em, cut, memory } = this;
    return cut.left.map(({ stage }) =>
      readerOf(em, cut.inputs, stage, 'rows', memory.rows, first, lane),
    );
  }

  private rounds(score: number): number {
    return Math.ceil(this.cut.problem.scores[score]!.left.feature.extent / 16);
  }

  /** The rows of the warp in registers: by score, then by sixteen features, then by sixteen rows. */
  private hold(left: readonly Reader[]): TExpr[][][] {
    const { cut } = this;
    return left.map((reader, s) =>
      Array.from({ length: this.rounds(s) }, (_, round) =>
        Array.from({ length: cut.sixteens }, (_, i) =>
          reader.words(i, round, i32(cut.left[s]!.base)),
        ),
      ),
    );
  }

  /** All scores of the block that is staged at `base`. */
  private scores(
    lane: TExpr,
    base: TExpr,
    left: readonly Reader[],
    held: readonly (readonly (readonly TExpr[])[])[] | undefined,
  ): Tiles<Register>[] {
    const { em, cut, memory } = this;
    return cut.right.map(({ stage, base: own }, s) => {
      const tiles = zeroTiles(em, 's', cut.sixteens, cut.summed / 8);
      const reader = readerOf(em, cut.inputs, stage, 'columns', memory.blocks, i32(0), lane);
      const from = add(base, i32(own));
      for (let round = 0; round < this.rounds(s); round++) {
        const rows =
          held === undefined
            ? tiles.map((_, i) => left[s]!.words(i, round, i32(cut.left[s]!.base)))
            : held[s]![round]!;
        this.product(tiles, rows, (j) => reader.words(j, round, from));
      }
      return tiles;
    });
  }

  /** Adds one product to all tiles: sixteen columns at a time. */
  private product(
    tiles: Tiles<Register>,
    rows: readonly TExpr[],
    columns: (sixteen: number) => TExpr,
  ): void {
    const { em, cut } = this;
    for (let j = 0; j < tiles[0]!.length; j += 2) {
      const words = columns(j / 2);
      tiles.forEach((row, i) => {
        em.push(mmaOf(cut.inputs, row[j]!, rows[i]!, [laneOf(words, 0), laneOf(words, 1)]));
        em.push(mmaOf(cut.inputs, row[j + 1]!, rows[i]!, [laneOf(words, 2), laneOf(words, 3)]));
      });
    }
  }

  /** Folds the weights of a block and adds what they make of its values. */
  private takeUp(
    lane: TExpr,
    base: TExpr,
    weights: Tiles<readonly TExpr[]>,
    sums: Tiles<Register>,
    running: readonly Running[] | undefined,
    left: (weights: Tiles<readonly TExpr[]>) => Tiles<readonly TExpr[]>,
  ): void {
    const { em, cut, memory } = this;
    const folded = running && foldBlock(em, running, weights);
    if (folded !== undefined && cut.value !== undefined)
      sums.forEach((tiles, i) => {
        const [upper, lower] = [folded.rescale[2 * i]!, folded.rescale[2 * i + 1]!];
        const by = em.name('by', byRows(upper, lower));
        for (const sum of tiles) em.set(sum, operate('mul', get(sum), by));
      });
    if (cut.value === undefined) return;
    const { stage, base: own } = cut.value;
    const reader = readerOf(em, cut.inputs, stage, 'columns', memory.blocks, i32(0), lane);
    const from = add(base, i32(own));
    const powers = left(folded?.powers ?? weights);
    for (let round = 0; round < cut.summed / 16; round++) {
      const rows = powers.map((tiles) =>
        asOperand(em, cut.inputs, tiles[2 * round]!, tiles[2 * round + 1]!),
      );
      this.product(sums, rows, (j) => reader.words(j, round, from));
    }
  }
}
