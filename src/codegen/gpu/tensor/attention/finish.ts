/**
 * The end of a block of rows on matrix units: what is stored for each column, and for each row.
 *
 * Invariant: every element inside the result is stored once; exchanges stand where all threads pass.
 */
import { rowNorm } from '../../../../ir/loop/expr.ts';
import { add, get, i32, laneOf, operate } from '../../../../ir/thread/build.ts';
import type { Register, TExpr } from '../../../../ir/thread/thread.ts';
import type { Emitter } from '../../../emit/emitter.ts';
import { LANES } from '../../../emit/mode.ts';
import { storeScalars, storeVectors } from '../../../stores.ts';
import { exchangedValue, quadOf } from '../finish.ts';
import type { Cut as WarpCut } from './cut.ts';
import { byRows, type Tiles } from './scores.ts';

/** What matters here of how rows were divided. */
type Cut = Pick<WarpCut, 'problem' | 'rows' | 'sixteens' | 'rowBlocks'>;

/** What a softmax leaves of each row. */
export interface Ended {
  readonly share: TExpr;
  readonly norm: TExpr;
}

const inside = (em: Emitter, at: TExpr, extent: number, reach: number, emit: () => void): void => {
  if (reach <= extent) em.scope('same', emit);
  else em.branch(operate('lt', at, i32(extent)), emit);
};

/** `first`: the first row of the warp. */
export const finish = (
  em: Emitter,
  cut: Cut,
  lane: TExpr,
  first: TExpr,
  sums: Tiles<Register>,
  ended: readonly Ended[] | undefined,
): void => {
  const { problem } = cut;
  if (problem.rowOutputs.length > 0) storeRows(em, cut, lane, first, ended);
  if (problem.value === undefined || problem.outputs.length === 0) return;
  const columns = problem.value.feature;
  const own = quadOf(em, { lane });
  const quads = sums.map((tiles, i) => {
    const by = ended && em.name('by', byRows(ended[2 * i]!.share, ended[2 * i + 1]!.share));
    return tiles.map((sum) => {
      const result = by === undefined ? get(sum) : em.name('result', operate('mul', get(sum), by));
      return exchangedValue(em, own, result);
    });
  });
  quads.forEach((tiles, i) => {
    const row = em.name('row', add(add(first, own.row), i32(16 * i)));
    inside(em, row, problem.rows.extent, cut.rowBlocks * cut.rows, () => {
      em.bind(problem.rows, row);
      tiles.forEach((quad, j) => {
        const column = em.name('column', add(own.column, i32(8 * j)));
        storeQuad(em, cut, quad, column, 8 * (j + 1), columns.extent);
      });
    });
  });
};

const storeQuad = (
  em: Emitter,
  { problem }: Cut,
  quad: TExpr,
  column: TExpr,
  reach: number,
  extent: number,
): void => {
  const columns = problem.value!.feature;
  if (problem.columnQuads) {
    inside(em, column, extent, reach, () => {
      em.bind(columns, column);
      em.setAccumulator(quad);
      storeVectors(em, problem.outputs, columns);
    });
    return;
  }
  for (const lane of LANES) {
    const at = em.name('column', add(column, i32(lane)));
    inside(em, at, extent, reach, () => {
      em.bind(columns, at);
      em.setAccumulator(laneOf(quad, lane));
      storeScalars(em, problem.outputs);
    });
  }
};

/** One of the four threads of each row stores what belongs to it. */
const storeRows = (
  em: Emitter,
  cut: Cut,
  lane: TExpr,
  first: TExpr,
  ended: readonly Ended[] | undefined,
): void => {
  const { rows, rowOutputs } = cut.problem;
  const group = operate('floordiv', lane, i32(4));
  em.branch(operate('eq', operate('mod', lane, i32(4)), i32(0)), () => {
    for (let r = 0; r < 2 * cut.sixteens; r++) {
      const row = em.name('row', add(add(first, group), i32(8 * r)));
      inside(em, row, rows.extent, cut.rowBlocks * cut.rows, () => {
        em.bind(rows, row);
        if (ended !== undefined) em.setAccumulator(ended[r]!.norm, rowNorm);
        storeScalars(em, rowOutputs);
      });
    }
  });
};
