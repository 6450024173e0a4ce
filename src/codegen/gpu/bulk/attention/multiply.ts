/**
 * What a warpgroup does with the blocks that come: scores, their weights, and sums of values.
 *
 * Invariants: all its threads wait, multiply and give back together; while scores of a block are weighed, products of the
 * block before are under way, of which nobody touches sums, weights or values before they are settled.
 */
import {
  add,
  constantOf,
  get,
  i32,
  laneOf,
  mul,
  operate,
  regType,
  vec4,
} from '../../../../ir/thread/build.ts';
import { LINE, TILE_ROWS, type TileOperand } from '../../../../ir/thread/bulk.ts';
import { WARP } from '../../../../ir/thread/tensor.ts';
import type { Register, TExpr, ThreadBuffer } from '../../../../ir/thread/thread.ts';
import type { Emitter } from '../../../emit/emitter.ts';
import { LANES } from '../../../emit/mode.ts';
import { finish } from '../../tensor/attention/finish.ts';
import {
  asOperand,
  byRows,
  endFold,
  foldBlock,
  leftOf,
  type Running,
  rowsOf,
  startFold,
} from '../../tensor/attention/scores.ts';
import type { Seat as Thread } from '../finish.ts';
import type { Cut, Part } from './cut.ts';
import { type Memory, type Range, Rings } from './rings.ts';
import { type Seat, weightsOf } from './weights.ts';

/** Rows of a warp, and elements of the sum in a step of a product. */
const SIXTEEN = 16;
const EIGHT = 8;

export class Multiplying {
  private readonly em: Emitter;
  private readonly cut: Cut;
  private readonly memory: Memory;
  private readonly range: Range;
  private readonly rings: Rings;

  constructor(em: Emitter, cut: Cut, memory: Memory, range: Range) {
    this.em = em;
    this.cut = cut;
    this.memory = memory;
    this.range = range;
    this.rings = new Rings(em, cut);
  }

  emit({ group, place }: Thread): void {
    const { em, cut, range } = this;
    const { problem } = cut;
    const lane = em.name('lane', operate('mod', place, i32(WARP)));
    const warp = operate('floordiv', place, i32(WARP));
    const firstRow = em.name('ownRow', add(range.firstRow, mul(group, i32(TILE_ROWS))));
    const first = em.name('first', add(firstRow, mul(warp, i32(SIXTEEN))));
    const sixteens = { ...cut, sixteens: 1 };
    const rows = rowsOf(em, sixteens, add(first, operate('floordiv', lane, i32(4))));
    const pair = em.name('pair', mul(operate('mod', lane, i32(4)), i32(2)));
    const seat: Seat = { firstRow, pair, rows };
    const running = problem.softmax ? startFold(em, rows) : undefined;
    const sums = this.accumulators('sum', problem.value?.feature.extent ?? 0);
    const left = em.name('rows', mul(group, i32(TILE_ROWS * LINE)));
    em.branch(operate('gt', range.turns, i32(0)), () => {
      em.push({ kind: 'await', gates: this.memory.full, index: i32(0), phase: i32(0) });
      if (cut.value === undefined) this.weighAll(left, seat, running);
      else this.takeUpAll(left, seat, running, sums);
    });
    finish(em, sixteens, lane, first, [sums], running && endFold(em, running));
  }

  /** Only what is known of each row is wanted. */
  private weighAll(left: TExpr, seat: Seat, running: readonly Running[] | undefined): void {
    const { em } = this;
    em.loop('turn', i32(0), this.range.turns, 1, (turn) => {
      const scores = this.scores(turn, left);
      this.settle(0, scores.flat());
      this.release(turn);
      this.weigh(turn, seat, scores, running);
    });
  }

  /** Products with the values of a block are under way while the next one is weighed. */
  private takeUpAll(
    left: TExpr,
    seat: Seat,
    running: readonly Running[] | undefined,
    sums: readonly Register[],
  ): void {
    const { em } = this;
    const begin = this.scores(i32(0), left);
    this.settle(0, begin.flat());
    this.release(i32(0));
    this.weigh(i32(0), seat, begin, running);
    const held = this.words(begin[0]!).map((word) => em.variable('held', word));
    em.loop('turn', i32(1), this.range.turns, 1, (turn) => {
      const before = em.name('before', operate('sub', turn, i32(1)));
      const scores = this.scores(turn, left);
      this.takeUp(before, held, sums);
      this.settle(1, scores.flat());
      this.release(turn);
      const rescale = this.weigh(turn, seat, scores, running);
      this.settle(0, sums);
      // compilers know of what they settle that nothing is done with it before
      this.settle(0, scores[0]!);
      this.releaseValue(before);
      if (rescale !== undefined)
        for (const sum of sums) em.set(sum, operate('mul', get(sum), rescale));
      this.words(scores[0]!).forEach((word, i) => {
        em.set(held[i]!, word);
      });
    });
    this.takeUp(em.name('last', operate('sub', this.range.turns, i32(1))), held, sums);
    this.settle(0, sums);
  }

  private settle(pending: number, accumulators: readonly Register[]): void {
    this.em.push({ kind: 'settle', pending, accumulators });
  }

  private accumulators(hint: string, columns: number): Register[] {
    const zero = constantOf(0, regType('f32', 4));
    const count = Math.ceil(columns / EIGHT);
    return Array.from({ length: count }, () => this.em.variable(hint, zero));
  }

  /** Begins all scores of a block. */
  private scores(turn: TExpr, left: TExpr): Register[][] {
    const { em, cut, memory, rings } = this;
    const stage = rings.stage(turn);
    const all = cut.left.map(() => this.accumulators('score', cut.summed));
    all.forEach((accumulators, r) => {
      this.arrived(r, turn, stage);
      const rows = cut.left[r]!;
      em.push({
        kind: 'products',
        inputs: cut.inputs,
        adds: false,
        accumulators,
        a: alongDepth(memory.rows, rows, em.name('own', add(left, i32(rows.base)))),
        b: alongDepth(memory.blocks, cut.rings[r]!, rings.at(r, stage)),
        steps: Math.ceil(rows.features / SIXTEEN),
      });
    });
    return all;
  }

  /**
   * Folds the weights of a block whose scores are settled, and puts them in the place of the first; what sums of earlier
   * blocks are multiplied with.
   */
  private weigh(
    turn: TExpr,
    seat: Seat,
    scores: readonly (readonly Register[])[],
    running: readonly Running[] | undefined,
  ): TExpr | undefined {
    const { em, cut, range } = this;
    const from = em.name('from', add(range.from, mul(turn, i32(cut.summed))));
    const weights = weightsOf(em, cut, seat, from, scores);
    const folded = running && foldBlock(em, running, weights);
    if (cut.value === undefined) return undefined;
    const at = em.name('at', add(from, seat.pair));
    const powers = leftOf(em, cut, seat.rows, at, folded?.powers ?? weights);
    powers[0]!.forEach(([a, b, c, d], j) => {
      em.set(scores[0]![j]!, vec4(a!, b!, c!, d!));
    });
    return folded && em.name('by', byRows(folded.rescale[0]!, folded.rescale[1]!));
  }

  /** Weights as the left operand of a product. */
  private words(weights: readonly Register[]): TExpr[] {
    const { em, cut } = this;
    const four = (j: number): TExpr[] => LANES.map((lane) => laneOf(get(weights[j]!), lane));
    return Array.from({ length: cut.summed / SIXTEEN }, (_, i) =>
      asOperand(em, cut.inputs, four(2 * i), four(2 * i + 1)),
    );
  }

  /** Begins to add the values of a block. */
  private takeUp(turn: TExpr, words: readonly Register[], sums: readonly Register[]): void {
    const { em, cut, memory, rings } = this;
    const ring = cut.value!;
    const stage = rings.stage(turn);
    const { box } = cut.rings[ring]!;
    if (ring >= cut.left.length) this.arrived(ring, turn, stage);
    em.push({
      kind: 'products',
      inputs: cut.inputs,
      adds: true,
      accumulators: sums,
      a: { words: words.map((word) => get(word)) },
      b: { buffer: memory.blocks, at: rings.at(ring, stage), along: 'free', pitch: box },
      steps: words.length,
    });
  }

  private arrived(ring: number, turn: TExpr, stage: TExpr): void {
    const { em, memory, rings } = this;
    const index = rings.full(ring, stage);
    em.push({ kind: 'await', gates: memory.full, index, phase: rings.phase(turn) });
  }

  /** Gives back what only scores are made of. */
  private release(turn: TExpr): void {
    this.cut.left.forEach((_, r) => {
      if (r !== this.cut.value) this.giveBack(r, turn);
    });
  }

  private releaseValue(turn: TExpr): void {
    this.giveBack(this.cut.value!, turn);
  }

  private giveBack(ring: number, turn: TExpr): void {
    const { em, memory, rings } = this;
    const index = rings.empty(ring, rings.stage(turn));
    em.push({ kind: 'arrive', gates: memory.empty, index });
  }
}

/** A tile whose lines are features, one after the other. */
const alongDepth = (buffer: ThreadBuffer, { features, box }: Part, at: TExpr): TileOperand => ({
  buffer,
  at,
  along: 'depth',
  pitch: features > LINE ? box : 0,
});
