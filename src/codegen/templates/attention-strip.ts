/**
 * A strip of an attention: four rows against one block of what is summed.
 *
 * Scores are products of packed panels, left in memory row by row; weights are made of them along the block, with a
 * running maximum and sum a row where they are a softmax (Milakov and Gimelshein 2018); then they are the rows of the
 * product with the values.
 * Invariants: columns outside of `[low, high)` are neither weighed nor multiplied; what a strip reads of its memory it has
 * written for this block.
 */
import { rowNorm, scoreValues } from '../../ir/loop/expr.ts';
import { ABSENT, type Expr } from '../../ir/loop/loop.ts';
import {
  add,
  constantOf,
  get,
  i32,
  laneOf,
  loadFrom,
  mul,
  operate,
  regType,
  shuffle,
  splat,
  storeTo,
} from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer } from '../../ir/thread/thread.ts';
import type { Emitter } from '../emit/emitter.ts';
import { storeScalars } from '../stores.ts';
import type { Cut, Problem } from './attention-cut.ts';
import { spanOf } from './attention-range.ts';
import { TILE_COLUMNS, TILE_ROWS } from './contraction.ts';
import { type Accumulators, accumulate, eachAccumulator, zeroAccumulators } from './micro.ts';

/** Memory of a workgroup. */
export interface AttentionScratch {
  readonly left: ThreadBuffer;
  readonly right: ThreadBuffer;
  readonly values: ThreadBuffer;
  readonly sums: ThreadBuffer;
  readonly strips: ThreadBuffer;
  /** Maxima, then sums of the workgroup's rows, then what a strip's sums are rescaled by. */
  readonly state: ThreadBuffer;
}

export interface Strip {
  /** The first row, and its place among the workgroup's. */
  readonly row: TExpr;
  readonly inBlock: TExpr;
  /** The first element of the block, and what of it takes part; `low` is a multiple of eight. */
  readonly block: TExpr;
  readonly low: TExpr;
  readonly high: TExpr;
}

const VECTOR = regType('f32', 4);
/** Below any score, and so far above what is absent that the exponential of the difference is 0. */
export const FLOOR: number = Math.fround(-1e37);

/** The larger of two. Beside a NaN it is the first: the exponential of a NaN makes its row NaN in any case. */
const larger = (x: TExpr, y: TExpr): TExpr => operate('select', operate('gt', y, x), y, x);

/** The exponential of what is at most 0, which is cheaper where that can be seen. */
const powerOf = (x: TExpr): TExpr => operate('exp', operate('min', x, constantOf(0, VECTOR)));

/** One value from those of all lanes, in each of them. */
const folded = (em: Emitter, x: TExpr, join: (a: TExpr, b: TExpr) => TExpr): TExpr => {
  const far = em.name('far', shuffle(x, x, [2, 3, 0, 1]));
  const half = em.name('half', join(x, far));
  const near = em.name('near', shuffle(half, half, [1, 0, 3, 2]));
  return em.name('all', join(half, near));
};

export class AttentionStrips {
  private readonly em: Emitter;
  private readonly p: Problem;
  private readonly cut: Cut;
  private readonly scratch: AttentionScratch;

  constructor(em: Emitter, p: Problem, cut: Cut, scratch: AttentionScratch) {
    this.em = em;
    this.p = p;
    this.cut = cut;
    this.scratch = scratch;
  }

  /** Scores, weights and values of a strip. */
  takeUp(strip: Strip): void {
    this.multiply(strip);
    this.em.loop('r', i32(0), i32(TILE_ROWS), 1, (r) => this.weigh(strip, r));
    if (this.p.value !== undefined) this.addValues(strip);
  }

  /** Products of rows with what is summed. */
  private multiply({ inBlock, low, high }: Strip): void {
    const { em, p, cut, scratch } = this;
    let before = 0;
    p.scores.forEach(({ depth }, index) => {
      const [left, right] = [before * cut.rows, before * cut.summed];
      before += depth;
      em.loop('column', low, high, TILE_COLUMNS, (column) => {
        const accumulators = zeroAccumulators(em);
        accumulate(em, accumulators, {
          rows: scratch.left,
          rowPanel: em.name('rowPanel', add(mul(inBlock, i32(depth)), i32(left))),
          columns: scratch.right,
          columnPanel: em.name('columnPanel', add(mul(column, i32(depth)), i32(right))),
          depth: i32(depth),
        });
        eachAccumulator(accumulators, (register, row, half) => {
          const at = this.lineOf(index, i32(row));
          em.push(storeTo(scratch.strips, add(add(at, column), i32(4 * half)), get(register)));
        });
      });
    });
  }

  private lineOf(score: number, r: TExpr): TExpr {
    const { summed } = this.cut;
    return add(mul(r, i32(summed)), i32(score * TILE_ROWS * summed));
  }

  /** The weights of a row, in the place of its scores. */
  private weigh(strip: Strip, r: TExpr): void {
    const { em, p, scratch } = this;
    const { blocks } = p;
    const { low, high } = strip;
    const line = em.name('line', this.lineOf(0, r));
    const row = em.name('row', add(strip.row, r));
    em.bind(blocks.rows, row);
    const own = em.name('own', add(strip.inBlock, r));
    const top = blocks.softmax
      ? em.variable('top', splat(loadFrom(scratch.state, own)))
      : undefined;
    const take = (weight: TExpr, at: TExpr, keep: boolean): void => {
      if (keep) em.push(storeTo(scratch.strips, add(line, at), weight));
      if (top === undefined) return;
      const wide = weight.type.lanes === 4 ? weight : splat(weight);
      em.set(top, larger(get(top), wide));
    };
    const { from, to, whole, padded } = spanOf(em, blocks, strip, row);
    const edge = (c: TExpr): void => take(this.weightAt(strip, r, c, p.weight, 4), c, true);
    if (from !== low) em.loop('c', low, from, 4, edge);
    const keep = p.inside !== scoreValues[0];
    em.loop('c', from, to, 8, (c) => {
      const pair = [c, em.name('c', add(c, i32(4)))];
      const weights = pair.map((at) => this.weightAt(strip, r, at, p.inside, 4));
      weights.forEach((weight, i) => {
        take(weight, pair[i]!, keep);
      });
    });
    if (to !== whole) em.loop('c', to, whole, 4, edge);
    if (blocks.summed.extent % 4 !== 0)
      em.loop('c', whole, high, 1, (c) => take(this.weightAt(strip, r, c, p.weight, 1), c, true));
    if (top === undefined) return;
    const filled = blocks.summed.extent % 4 === 0 ? whole : high;
    if (padded !== filled)
      em.loop('c', filled, padded, 1, (c) => {
        em.push(storeTo(scratch.strips, add(line, c), constantOf(ABSENT, regType('f32'))));
      });
    this.power(get(top), own, r, line, strip, padded);
  }

  /** Weights from a column of the strip on. */
  private weightAt(strip: Strip, r: TExpr, c: TExpr, weight: Expr, lanes: 1 | 4): TExpr {
    const { em, p, scratch } = this;
    const { summed } = p.blocks;
    let value: TExpr = c;
    em.scope('same', () => {
      em.bind(summed, em.name('at', add(strip.block, c)));
      p.scores.forEach((_, i) => {
        const at = add(this.lineOf(i, r), c);
        em.setAccumulator(em.name('score', loadFrom(scratch.strips, at, lanes)), scoreValues[i]!);
      });
      value = em.name('weight', lanes === 4 ? em.vector(weight, summed) : em.scalar(weight));
    });
    return value;
  }

  /** Exponentials of a row's weights, and its maximum and sum with those of this block. */
  private power(
    top: TExpr,
    own: TExpr,
    r: TExpr,
    line: TExpr,
    { block, low }: Strip,
    padded: TExpr,
  ): void {
    const { em, cut, scratch } = this;
    const { state, strips } = scratch;
    const next = folded(em, top, larger);
    const before = operate('sub', splat(loadFrom(state, own)), next);
    const rescale = em.name('rescale', powerOf(before));
    em.push(storeTo(state, own, laneOf(next, 0)));
    em.push(storeTo(state, add(r, i32(2 * cut.rows)), laneOf(rescale, 0)));
    const sums = [0, 4].map(() => em.variable('sum', constantOf(0, VECTOR)));
    em.loop('c', low, padded, 8, (c) => {
      const at = em.name('at', add(line, c));
      const powers = sums.map((_, i) => {
        const weight = loadFrom(strips, add(at, i32(4 * i)), 4);
        return em.name('power', powerOf(operate('sub', weight, next)));
      });
      powers.forEach((power, i) => {
        const left = this.left(power, add(block, add(c, i32(4 * i))));
        em.push(storeTo(strips, add(at, i32(4 * i)), left));
        em.set(sums[i]!, operate('add', get(sums[i]!), power));
      });
    });
    const total = add(own, i32(cut.rows));
    const both = em.name('sum', operate('add', get(sums[0]!), get(sums[1]!)));
    const all = folded(em, both, add);
    const earlier = operate('mul', splat(loadFrom(state, total)), rescale);
    em.push(storeTo(state, total, laneOf(em.name('total', add(earlier, all)), 0)));
  }

  /** What weighs the values from `at` on: a power, times what it is multiplied with besides. */
  private left(power: TExpr, at: TExpr): TExpr {
    const { em } = this;
    const { kept, summed } = this.p.blocks;
    if (kept === undefined) return power;
    let factor: TExpr = power;
    em.scope('same', () => {
      em.bind(summed, em.name('at', at));
      factor = em.name('kept', em.vector(kept, summed));
    });
    return em.name('left', operate('mul', power, factor));
  }

  /** Adds the values by the weights of the strip. */
  private addValues({ inBlock, low, high }: Strip): void {
    const { em, p, cut, scratch } = this;
    const length = em.name('length', operate('sub', high, low));
    const factors = p.blocks.softmax
      ? Array.from({ length: TILE_ROWS }, (_, r) =>
          em.name('by', splat(loadFrom(scratch.state, i32(2 * cut.rows + r)))),
        )
      : undefined;
    em.loop('valueTile', i32(0), i32(this.valueTiles()), 1, (tile) => {
      const slot = this.slotOf(inBlock, tile);
      const sums = this.sumsAt(slot, factors);
      const panel = add(mul(tile, i32(TILE_COLUMNS * cut.summed)), mul(low, i32(TILE_COLUMNS)));
      accumulate(em, sums, {
        rows: scratch.strips,
        rowPanel: low,
        rowSteps: { step: 1, row: cut.summed },
        columns: scratch.values,
        columnPanel: em.name('valuePanel', panel),
        depth: length,
      });
      eachAccumulator(sums, (register, row, half) => {
        const at = add(slot, i32(row * TILE_COLUMNS + 4 * half));
        em.push(storeTo(scratch.sums, at, get(register)));
      });
    });
  }

  valueTiles(): number {
    return Math.ceil(this.p.width / TILE_COLUMNS);
  }

  /** Where the sums of a tile are kept. */
  slotOf(inBlock: TExpr, tile: TExpr): TExpr {
    const strip = mul(inBlock, i32(TILE_COLUMNS * this.valueTiles()));
    return this.em.name('slot', add(strip, mul(tile, i32(TILE_ROWS * TILE_COLUMNS))));
  }

  /** The sums of a tile so far, each row by a factor. */
  sumsAt(slot: TExpr, factors: readonly TExpr[] | undefined): Accumulators {
    const { em, scratch } = this;
    const sums = zeroAccumulators(em);
    eachAccumulator(sums, (register, row, half) => {
      const kept = loadFrom(scratch.sums, add(slot, i32(row * TILE_COLUMNS + 4 * half)), 4);
      em.set(register, factors === undefined ? kept : operate('mul', kept, factors[row]!));
    });
    return sums;
  }

  /** Ends a row: what its sums are to be multiplied with takes the place of its sum, and what belongs to it is stored. */
  endRow(row: TExpr, inBlock: TExpr): void {
    const { em, p, cut, scratch } = this;
    const { softmax, rows, rowOutputs } = p.blocks;
    if (softmax) {
      const zero = constantOf(0, regType('f32'));
      const at = em.name('at', add(inBlock, i32(cut.rows)));
      const all = em.name('all', loadFrom(scratch.state, at));
      const none = em.name('none', operate('eq', all, zero));
      const share = operate('div', constantOf(1, regType('f32')), all);
      em.push(storeTo(scratch.state, at, operate('select', none, zero, share)));
      if (rowOutputs.length === 0) return;
      const norm = operate('add', loadFrom(scratch.state, inBlock), operate('log', all));
      const absent = constantOf(ABSENT, regType('f32'));
      em.setAccumulator(em.name('norm', operate('select', none, absent, norm)), rowNorm);
    }
    em.branch(operate('lt', row, i32(rows.extent)), () => {
      em.bind(rows, row);
      storeScalars(em, rowOutputs);
    });
  }
}
