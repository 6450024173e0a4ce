/**
 * The end of a block of rows: what is stored for each column, and for each row.
 *
 * Invariant: every element inside the result is stored once; the code of a costly epilogue is there once for each group
 * of columns, however many rows a thread has.
 */
import { rowNorm } from '../../../ir/loop/expr.ts';
import {
  add,
  barrier,
  get,
  i32,
  laneOf,
  loadFrom,
  mul,
  operate,
  splat,
  storeTo,
} from '../../../ir/thread/build.ts';
import type { Register, TExpr, ThreadBuffer } from '../../../ir/thread/thread.ts';
import type { Emitter } from '../../emit/emitter.ts';
import { LANES } from '../../emit/mode.ts';
import { storeScalars, storeVectors } from '../../stores.ts';
import { type Cut, OWN } from './cut.ts';
import type { Rows, Seat } from './scores.ts';

/** What a softmax leaves: the factor of each row's sums, and its norm. */
interface Ended {
  readonly share: TExpr;
  readonly norm: TExpr;
}

/** Epilogues above this cost are not written out for each row of a thread. */
const CHEAP = 12;

export const finish = (
  em: Emitter,
  cut: Cut,
  memory: ThreadBuffer,
  seat: Seat,
  rows: Rows,
  own: TExpr,
  sums: readonly (readonly Register[])[],
  ended: Ended | undefined,
): void => {
  const { problem } = cut;
  if (problem.rowOutputs.length > 0)
    storeRows(em, cut, seat, own, ended && em.name('norm', ended.norm));
  if (problem.outputs.length === 0) return;
  const results = sums.map((groups, lane) => {
    if (ended === undefined) return groups.map(get);
    const by = em.name('by', splat(laneOf(ended.share, LANES[lane]!)));
    return groups.map((sum) => em.name('result', operate('mul', get(sum), by)));
  });
  if (problem.columnQuads && problem.outputCost <= CHEAP)
    fromRegisters(em, cut, seat, own, results);
  else throughMemory(em, cut, memory, seat, rows, results);
};

const inside = (em: Emitter, at: TExpr, extent: number, reach: number, emit: () => void): void => {
  if (reach <= extent) em.scope('same', emit);
  else em.branch(operate('lt', at, i32(extent)), emit);
};

const rowReach = ({ rowBlocks, rows }: Cut): number => rowBlocks * rows;

/** One thread of each row stores what belongs to it. */
const storeRows = (
  em: Emitter,
  cut: Cut,
  seat: Seat,
  own: TExpr,
  norm: TExpr | undefined,
): void => {
  const { rows, rowOutputs } = cut.problem;
  em.branch(operate('eq', seat.across, i32(0)), () => {
    eachRow(em, cut, own, (row, lane) => {
      em.bind(rows, row);
      if (norm !== undefined) em.setAccumulator(laneOf(norm, lane), rowNorm);
      storeScalars(em, rowOutputs);
    });
  });
};

const fromRegisters = (
  em: Emitter,
  cut: Cut,
  seat: Seat,
  own: TExpr,
  results: readonly (readonly TExpr[])[],
): void => {
  const { rows, outputs, value } = cut.problem;
  const columns = value!.feature;
  const first = em.name('column', mul(seat.across, i32(OWN)));
  const store = (groups: readonly TExpr[], row: TExpr): void => {
    em.bind(rows, row);
    groups.forEach((result, group) => {
      const column = add(first, i32(group * OWN * cut.across));
      inside(em, column, columns.extent, (group + 1) * OWN * cut.across, () => {
        em.bind(columns, column);
        em.setAccumulator(result);
        storeVectors(em, outputs, columns);
      });
    });
  };
  eachRow(em, cut, own, (row, lane) => store(results[lane]!, row));
};

/** Runs `emit` for those rows of the thread that there are: four at once where they are all there or none. */
const eachRow = (
  em: Emitter,
  cut: Cut,
  own: TExpr,
  emit: (row: TExpr, lane: 0 | 1 | 2 | 3) => void,
): void => {
  const { extent } = cut.problem.rows;
  const each = (lane: 0 | 1 | 2 | 3): void => emit(em.name('row', add(own, i32(lane))), lane);
  if (extent % OWN === 0)
    inside(em, own, extent, rowReach(cut), () => {
      for (const lane of LANES) em.scope('same', () => each(lane));
    });
  else
    for (const lane of LANES)
      inside(em, add(own, i32(lane)), extent, rowReach(cut), () => each(lane));
};

/** A group of columns at a time: written by those that summed it, stored element by element by all. */
const throughMemory = (
  em: Emitter,
  cut: Cut,
  memory: ThreadBuffer,
  seat: Seat,
  rows: Rows,
  results: readonly (readonly TExpr[])[],
): void => {
  const { problem, across, threads } = cut;
  const columns = problem.value!.feature;
  const width = OWN * across;
  const lanes = problem.columnQuads ? 4 : 1;
  const line = width / lanes;
  const at = em.name('put', mul(seat.down, i32(OWN * width)));
  const put = em.name('put', add(at, mul(seat.across, i32(OWN))));
  for (let group = 0; group < cut.groups; group++) {
    em.push(barrier);
    results.forEach((groups, lane) => {
      em.push(storeTo(memory, add(put, i32(lane * width)), groups[group]!));
    });
    em.push(barrier);
    em.loop('item', seat.local, i32(cut.rows * line), threads, (item) => {
      const inLine = em.name('inLine', mul(operate('mod', item, i32(line)), i32(lanes)));
      const inBlock = em.name('inBlock', operate('floordiv', item, i32(line)));
      const row = em.name('row', add(rows.from, inBlock));
      const column = em.name('column', add(inLine, i32(group * width)));
      inside(em, row, problem.rows.extent, rowReach(cut), () =>
        inside(em, column, columns.extent, (group + 1) * width, () => {
          em.bind(problem.rows, row);
          em.bind(columns, column);
          em.setAccumulator(loadFrom(memory, add(mul(inBlock, i32(width)), inLine), lanes));
          if (lanes === 4) storeVectors(em, problem.outputs, columns);
          else storeScalars(em, problem.outputs);
        }),
      );
    });
  }
};
