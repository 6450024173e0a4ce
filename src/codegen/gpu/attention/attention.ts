/**
 * The GPU schedule of attention: a workgroup takes a block of rows and meets all they attend to, block by block, so that
 * no more of the scores than that exists at any time (Dao et al. 2022, "FlashAttention").
 *
 * Invariants: workgroups own disjoint rows; sums are taken in a fixed order; barriers stand where all threads pass;
 * blocks in which no pair takes part are not visited.
 */

import { scoreValues } from '../../../ir/loop/expr.ts';
import type { LoopBuffer, Nest } from '../../../ir/loop/loop.ts';
import {
  add,
  barrier,
  constantOf,
  fma,
  get,
  i32,
  laneOf,
  loadFrom,
  mul,
  operate,
  regType,
  sharedBuffer,
  splat,
  storeTo,
} from '../../../ir/thread/build.ts';
import type { Register, TExpr, ThreadBuffer, TStmt } from '../../../ir/thread/thread.ts';
import type { Caps } from '../../caps.ts';
import { Emitter } from '../../emit/emitter.ts';
import { LANES } from '../../emit/mode.ts';
import { bindAll, positionOf } from '../../emit/position.ts';
import type { NestPlan, Place, Refusal } from '../../plan.ts';
import { bytesMoved } from '../../work.ts';
import { bestCut, type Cut, OWN, roundUp, valuePitch, weightPitch } from './cut.ts';
import { finish } from './finish.ts';
import { endFold, foldBlock, meetsInMemory, type Running, startFold } from './fold.ts';
import { problemOf } from './problem.ts';
import { rangeOf } from './range.ts';
import { type Rows, type Scores, type Seat, scoresOf, stageLeft } from './scores.ts';
import { stage } from './stage.ts';

/** The blockwise schedule of a nest with an attention, or why another one is better. */
export const planGpuAttention = (
  nest: Nest,
  caps: Caps,
  threads: number | undefined,
): NestPlan | Refusal => {
  const problem = problemOf(nest, caps);
  if ('refused' in problem) return problem;
  const cut = bestCut(problem, caps, threads);
  if (cut === undefined)
    return {
      refused: `no block of ${problem.value?.feature.extent ?? 0} columns fits ${threads ?? caps.threads} threads and ${caps.sharedBytes} bytes of shared memory`,
    };
  return planOf(nest, cut);
};

const planOf = (nest: Nest, cut: Cut): NestPlan => {
  const { problem } = cut;
  const memory = sharedBuffer('blocks', 'float32', cut.memory.elements);
  const pairs = problem.batches * problem.rows.extent * problem.summed.extent;
  const depth = problem.scores.reduce((sum, s) => sum + s.left.feature.extent, 0);
  const width = problem.value?.feature.extent ?? 0;
  return {
    grid: cut.grid,
    threads: cut.threads,
    shared: [memory],
    cost: { flops: pairs * (depth + width + 16), bytes: bytesMoved(nest) },
    notes: [
      `attention ${problem.batches} x ${problem.rows.extent} x ${problem.summed.extent}: blocks of ${cut.rows} x ${cut.summed} by ${cut.down} x ${cut.across} threads`,
      `${cut.resident ? 'rows stay' : 'rows are staged again'}, ${cut.features} features and ${cut.values} values at a time${problem.bounds.length > 0 ? ', blocks out of bounds left out' : ''}`,
    ],
    emit: (place, buffer) => new Blocks(cut, memory, buffer).emit(place),
  };
};

const VECTOR = regType('f32', 4);

class Blocks {
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
    const { problem } = cut;
    em.scope('same', () => {
      const seat = this.seat(local);
      const rows = this.rows(workgroup);
      if (cut.resident)
        problem.scores.forEach(({ left: { feature } }, index) => {
          const features = roundUp(feature.extent, cut.features);
          stageLeft(em, cut, memory, seat, rows, index, i32(0), features);
        });
      const sums = this.zeros();
      const running = problem.softmax ? startFold(em) : undefined;
      const own = em.name('own', add(rows.from, mul(seat.down, i32(OWN))));
      em.bind(problem.rows, this.inside(own));
      const { from, to } = rangeOf(em, cut, rows.from);
      em.loop('block', from, to, cut.summed, (block) => {
        const scores = scoresOf(em, cut, memory, seat, rows, block);
        this.takeUp(seat, block, scores, sums, running);
      });
      const ended = running && endFold(em, cut, memory, seat, running);
      finish(em, cut, memory, seat, rows, own, sums, ended);
    });
    return em.body.slice();
  }

  private seat(local: TExpr): Seat {
    const { em, cut } = this;
    return {
      local,
      across: em.name('across', operate('mod', local, i32(cut.across))),
      down: em.name('down', operate('floordiv', local, i32(cut.across))),
    };
  }

  /** Binds the batch of the workgroup and finds its rows: those that attend to most come first. */
  private rows(workgroup: TExpr): Rows {
    const { em, cut } = this;
    const { problem, rowBlocks } = cut;
    const turned = em.name('turned', operate('mod', workgroup, i32(rowBlocks)));
    const longLast = problem.bounds.length > 0;
    const block = longLast ? operate('sub', i32(rowBlocks - 1), turned) : turned;
    if (problem.batches > 1) {
      const batch = em.name('batch', operate('floordiv', workgroup, i32(rowBlocks)));
      bindAll(em, positionOf(em, problem.batch, batch));
    }
    return {
      from: em.name('firstRow', mul(em.name('rowBlock', block), i32(cut.rows))),
      reach: rowBlocks * cut.rows,
    };
  }

  /** Rows for which four neighbours can be read at once: those of threads beyond the last row are some others. */
  private inside(own: TExpr): TExpr {
    const { rows } = this.cut.problem;
    if (rows.extent % this.cut.rows === 0 || rows.extent % OWN !== 0) return own;
    return this.em.name('weighed', operate('min', own, i32(rows.extent - OWN)));
  }

  private zeros(): Register[][] {
    return LANES.map(() =>
      Array.from({ length: this.cut.groups }, () => this.em.variable('c', constantOf(0, VECTOR))),
    );
  }

  /** Weighs the scores of a block and adds what they make of its values. */
  private takeUp(
    seat: Seat,
    block: TExpr,
    scores: readonly Scores[],
    sums: readonly (readonly Register[])[],
    running: Running | undefined,
  ): void {
    const { em, cut, memory } = this;
    const weights = this.weights(seat, block, scores);
    const folded = running && foldBlock(em, cut, memory, seat, running, weights);
    if (folded !== undefined)
      sums.forEach((groups, lane) => {
        if (groups.length === 0) return;
        const by = em.name('by', splat(laneOf(folded.rescale, LANES[lane]!)));
        for (const sum of groups) em.set(sum, operate('mul', get(sum), by));
      });
    if (cut.problem.value !== undefined)
      this.addValues(seat, block, this.left(seat, block, folded?.powers ?? weights), sums);
  }

  /** Weights, times what they are multiplied with besides. */
  private left(seat: Seat, block: TExpr, weights: readonly TExpr[]): readonly TExpr[] {
    const { em, cut } = this;
    const { kept, summed, rows } = cut.problem;
    if (kept === undefined) return weights;
    const first = em.name('first', add(block, seat.across));
    const last = i32(summed.extent - 1);
    return weights.map((weight, i) => {
      const at = em.name('at', operate('min', add(first, i32(i * cut.across)), last));
      let factor: TExpr = weight;
      em.scope('same', () => {
        em.bind(summed, at);
        factor = em.name('kept', em.vector(kept, rows));
      });
      return em.name('left', operate('mul', weight, factor));
    });
  }

  /** The weights of the thread's rows (as lanes) for each of its elements of the sum. */
  private weights(seat: Seat, block: TExpr, scores: readonly Scores[]): TExpr[] {
    const { em, cut } = this;
    const { problem } = cut;
    const { summed, absent } = problem;
    const ragged = summed.extent % cut.summed !== 0;
    const first = em.name('first', add(block, seat.across));
    return LANES.map((i) => {
      const at = em.name('at', add(first, i32(i * cut.across)));
      const weight = this.weight(
        ragged ? em.name('inside', operate('min', at, i32(summed.extent - 1))) : at,
        scores.map((s) => get(s[i]!)),
      );
      if (!ragged) return weight;
      const inside = splat(operate('lt', at, i32(summed.extent)));
      return em.name('weight', operate('select', inside, weight, constantOf(absent, VECTOR)));
    });
  }

  private weight(at: TExpr, scores: readonly TExpr[]): TExpr {
    const { em, cut } = this;
    const { weight, summed, rows } = cut.problem;
    const given: TExpr[] = [];
    em.scope('same', () => {
      em.bind(summed, at);
      scores.forEach((score, i) => {
        em.setAccumulator(score, scoreValues[i]!);
      });
      given.push(em.name('weight', em.vector(weight, rows)));
    });
    return given[0]!;
  }

  /** Adds the values of a block by their weights, which all threads of a row need. */
  private addValues(
    seat: Seat,
    block: TExpr,
    weights: readonly TExpr[],
    sums: readonly (readonly Register[])[],
  ): void {
    const { em, cut, memory } = this;
    const value = cut.problem.value!;
    const pitch = weightPitch(cut);
    const ownRows = add(mul(seat.down, i32(OWN)), i32(cut.memory.weights));
    const put = em.name('put', add(mul(seat.across, i32(pitch)), ownRows));
    weights.forEach((weight, i) => {
      em.push(storeTo(memory, add(put, i32(i * cut.across * pitch)), weight));
    });
    const columns = em.name('columns', add(mul(seat.across, i32(OWN)), i32(cut.memory.values)));
    const width = valuePitch(cut);
    // whoever has met for the softmax has read what was staged for the scores
    const haveMet = cut.problem.softmax && meetsInMemory(cut) && cut.values === cut.summed;
    em.loop('part', i32(0), i32(cut.summed), cut.values, (part) => {
      if (!haveMet) em.push(barrier);
      const staged = {
        from: em.name('from', add(block, part)),
        rows: cut.values,
        reach: roundUp(cut.problem.summed.extent, cut.summed),
        feature: i32(0),
        features: width,
        base: cut.memory.values,
        pitch: width,
      };
      stage(em, value, staged, memory, seat.local, cut.threads);
      em.push(barrier);
      const weightsAt = em.name('weightsAt', add(mul(part, i32(pitch)), ownRows));
      em.loop('j', i32(0), i32(cut.values), 1, (j) => {
        const p = em.name('p', loadFrom(memory, add(weightsAt, mul(j, i32(pitch))), 4));
        const v = sums[0]!.map((_, group) => {
          const at = add(add(columns, mul(j, i32(width))), i32(group * OWN * cut.across));
          return em.name('v', loadFrom(memory, at, 4));
        });
        sums.forEach((groups, lane) => {
          const by = splat(laneOf(p, LANES[lane]!));
          groups.forEach((sum, group) => {
            em.set(sum, fma(by, v[group]!, get(sum)));
          });
        });
      });
    });
  }
}
