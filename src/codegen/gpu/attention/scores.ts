/**
 * Blocks of scores: products of what is staged of both operands, in registers.
 *
 * Invariant: a thread has the rows `4 down .. 4 down + 3` of the block, as lanes, and the summed elements `across`,
 * `across + n`, `across + 2 n`, `across + 3 n` of it, where n threads lie across.
 */
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
  splat,
  vec4,
} from '../../../ir/thread/build.ts';
import type { Register, TExpr, ThreadBuffer } from '../../../ir/thread/thread.ts';
import type { Emitter } from '../../emit/emitter.ts';
import { LANES } from '../../emit/mode.ts';
import { type Cut, OWN, pitchOf, roundUp } from './cut.ts';
import { stage } from './stage.ts';

/** The thread's place in its workgroup. */
export interface Seat {
  readonly local: TExpr;
  readonly across: TExpr;
  readonly down: TExpr;
}

/** The first row of a workgroup, and how many rows all workgroups reach. */
export interface Rows {
  readonly from: TExpr;
  readonly reach: number;
}

const VECTOR = regType('f32', 4);

/** The thread's sums for each of its summed elements: rows are lanes. */
export type Scores = readonly Register[];

/** Stages the rows' operand of score `index` from `feature` on; `base` is where it goes. */
export const stageLeft = (
  em: Emitter,
  cut: Cut,
  memory: ThreadBuffer,
  seat: Seat,
  rows: Rows,
  index: number,
  feature: TExpr,
  features: number,
): void =>
  stage(
    em,
    cut.problem.scores[index]!.left,
    {
      from: rows.from,
      rows: cut.rows,
      reach: rows.reach,
      feature,
      features,
      base: cut.memory.left[index]!,
      pitch: pitchOf(features),
    },
    memory,
    seat.local,
    cut.threads,
  );

/** All scores of the block of summed elements from `from` on. */
export const scoresOf = (
  em: Emitter,
  cut: Cut,
  memory: ThreadBuffer,
  seat: Seat,
  rows: Rows,
  from: TExpr,
): Scores[] =>
  cut.problem.scores.map(({ right }, index) => {
    const scores = LANES.map(() => em.variable('s', constantOf(0, VECTOR)));
    const { extent } = right.feature;
    em.loop('chunk', i32(0), i32(extent), cut.features, (feature) => {
      em.push(barrier);
      if (!cut.resident) stageLeft(em, cut, memory, seat, rows, index, feature, cut.features);
      const block = {
        from,
        rows: cut.summed,
        reach: roundUp(cut.problem.summed.extent, cut.summed),
        feature,
        features: cut.features,
        base: cut.memory.right,
        pitch: pitchOf(cut.features),
      };
      stage(em, right, block, memory, seat.local, cut.threads);
      em.push(barrier);
      multiply(em, cut, memory, seat, index, feature, scores);
    });
    return scores;
  });

/** Adds the products of the features that are staged from `feature` on. */
const multiply = (
  em: Emitter,
  cut: Cut,
  memory: ThreadBuffer,
  seat: Seat,
  index: number,
  feature: TExpr,
  scores: Scores,
): void => {
  const { features, resident, across } = cut;
  const { extent } = cut.problem.scores[index]!.left.feature;
  const pitch = pitchOf(resident ? roundUp(extent, features) : features);
  const left = add(mul(seat.down, i32(OWN * pitch)), i32(cut.memory.left[index]!));
  const own = em.name('own', resident ? add(left, feature) : left);
  const other = em.name(
    'other',
    add(mul(seat.across, i32(pitchOf(features))), i32(cut.memory.right)),
  );
  const whole = roundUp(extent, OWN);
  const length =
    whole % features === 0
      ? i32(features)
      : em.name('length', operate('min', i32(features), operate('sub', i32(whole), feature)));
  em.loop('d', i32(0), length, OWN, (d) => {
    const rows = LANES.map((lane) =>
      em.name('a', loadFrom(memory, add(add(own, d), i32(lane * pitch)), 4)),
    );
    const columns = scores.map((_, i) => {
      const at = add(add(other, d), i32(i * across * pitchOf(features)));
      return em.name('b', loadFrom(memory, at, 4));
    });
    const turned = LANES.map((lane) => {
      const [a, b, c, e] = rows.map((x) => laneOf(x, lane));
      return em.name('t', vec4(a!, b!, c!, e!));
    });
    scores.forEach((score, i) => {
      const sum = LANES.reduce<TExpr>(
        (s, lane) => fma(turned[lane]!, splat(laneOf(columns[i]!, lane)), s),
        get(score),
      );
      em.set(score, sum);
    });
  });
};
