/**
 * Scores of a warp's rows against a block, what they weigh, and the softmax over blocks, all in registers.
 *
 * A thread has two columns of two rows of every eight columns; each of these rows has an axis of its own, so that what
 * depends on the row alone is computed once.
 * Invariant: four neighbouring threads have the same rows, and the same maximum of each.
 */
import { type Axis, idxAxis, newAxis } from '../../../../ir/dim.ts';
import { scoreValues } from '../../../../ir/loop/expr.ts';
import { ABSENT, type Expr } from '../../../../ir/loop/loop.ts';
import {
  add,
  bitsOf,
  constantOf,
  exchangeOf,
  f32,
  get,
  i32,
  laneOf,
  operate,
  regType,
  vec4,
} from '../../../../ir/thread/build.ts';
import type { Register, TExpr } from '../../../../ir/thread/thread.ts';
import type { Emitter } from '../../../emit/emitter.ts';
import { LANES } from '../../../emit/mode.ts';
import { rewriter } from '../../../rewrite.ts';
import type { Problem } from '../../attention/problem.ts';
import type { Cut } from './cut.ts';

/** A row of a thread: its axis, and the weight there. */
export interface Row {
  readonly axis: Axis;
  readonly weight: Expr;
  readonly within: Problem['within'];
  readonly kept: Expr | undefined;
}

/** The rows of a thread, bound from here on: two of every sixteen of its warp. */
export const rowsOf = (
  em: Emitter,
  { problem, sixteens }: Pick<Cut, 'problem' | 'sixteens'>,
  first: TExpr,
): Row[] =>
  Array.from({ length: 2 * sixteens }, (_, r) => {
    const axis = newAxis(`row${r}`, problem.rows.extent, 'par');
    const { expr } = rewriter({ axis: (a) => (a === problem.rows ? idxAxis(axis) : undefined) });
    const at = add(first, i32(8 * r));
    em.bind(axis, em.name('row', operate('min', at, i32(problem.rows.extent - 1))));
    const { within } = problem;
    return {
      axis,
      weight: expr(problem.weight),
      within: within && { weight: expr(within.weight), holds: expr(within.holds) },
      kept: problem.kept && expr(problem.kept),
    };
  });

/** Scores or weights: by sixteen rows, then by eight columns, four a thread. */
export type Tiles<T> = readonly (readonly T[])[];

/** What the scores of a block weigh: two columns each of the thread's two rows of sixteen. */
export const weightsOf = (
  em: Emitter,
  cut: Cut,
  rows: readonly Row[],
  firstColumn: TExpr,
  scores: readonly Tiles<Register>[],
): Tiles<readonly TExpr[]> => {
  const { summed, absent } = cut.problem;
  const ragged = summed.extent % cut.summed !== 0;
  return Array.from({ length: cut.sixteens }, (_, i) =>
    Array.from({ length: cut.summed / 8 }, (_, j) =>
      LANES.map((lane) => {
        const at = em.name('at', add(firstColumn, i32(8 * j + (lane & 1))));
        const row = rows[2 * i + (lane >> 1)]!;
        let weight: TExpr = f32(0);
        em.scope('same', () => {
          em.bind(
            summed,
            ragged ? em.name('inside', operate('min', at, i32(summed.extent - 1))) : at,
          );
          scores.forEach((tiles, s) => {
            em.setAccumulator(laneOf(get(tiles[i]![j]!), lane), scoreValues[s]!);
          });
          weight = em.name('weight', em.scalar(row.weight));
        });
        if (!ragged) return weight;
        const inside = operate('lt', at, i32(summed.extent));
        return em.name('weight', operate('select', inside, weight, f32(absent)));
      }),
    ),
  );
};

/** Below any score, and so far above what is absent that its exponential is 0: rows that met nothing need no case. */
const FLOOR = Math.fround(-1e37);
const SCALAR = regType('f32');

/** The running maximum and sum of a row: the sum is of the thread's own columns until the end. */
export interface Running {
  readonly top: Register;
  readonly total: Register;
}

export const startFold = (em: Emitter, rows: readonly Row[]): Running[] =>
  rows.map(() => ({
    top: em.variable('top', f32(FLOOR)),
    total: em.variable('total', f32(0)),
  }));

/** Takes up the weights of a block: gives their exponentials, and what earlier results of each row are multiplied with. */
export const foldBlock = (
  em: Emitter,
  running: readonly Running[],
  weights: Tiles<readonly TExpr[]>,
): { readonly powers: Tiles<readonly TExpr[]>; readonly rescale: readonly TExpr[] } => {
  const turned = running.map(({ top, total }, r) => {
    const [first, second] = r % 2 === 0 ? ([0, 1] as const) : ([2, 3] as const);
    const own = weights[r >> 1]!.flatMap((four) => [four[first]!, four[second]!]);
    const met = together(
      em,
      own.reduce((x, y) => larger(em, x, y)),
      (x, y) => larger(em, x, y),
    );
    const next = larger(em, get(top), met);
    const rescale = em.name('rescale', operate('exp', operate('sub', get(top), next)));
    const powers = own.map((w) => em.name('power', operate('exp', operate('sub', w, next))));
    const sum = powers.reduce((x, y) => operate('add', x, y));
    em.set(total, operate('add', operate('mul', get(total), rescale), sum));
    em.set(top, next);
    return { powers, rescale };
  });
  return {
    powers: weights.map((tiles, i) =>
      tiles.map((_, j) => {
        const [upper, lower] = [turned[2 * i]!.powers, turned[2 * i + 1]!.powers];
        return [upper[2 * j]!, upper[2 * j + 1]!, lower[2 * j]!, lower[2 * j + 1]!];
      }),
    ),
    rescale: turned.map((t) => t.rescale),
  };
};

/** Weights of a block, times what they are multiplied with besides. */
export const leftOf = (
  em: Emitter,
  { problem: { summed } }: Pick<Cut, 'problem'>,
  rows: readonly Row[],
  firstColumn: TExpr,
  weights: Tiles<readonly TExpr[]>,
): Tiles<readonly TExpr[]> => {
  if (rows[0]!.kept === undefined) return weights;
  return weights.map((tiles, i) =>
    tiles.map((four, j) =>
      four.map((weight, lane) => {
        const at = add(firstColumn, i32(8 * j + (lane & 1)));
        let factor: TExpr = weight;
        em.scope('same', () => {
          em.bind(summed, em.name('inside', operate('min', at, i32(summed.extent - 1))));
          factor = em.name('kept', em.scalar(rows[2 * i + (lane >> 1)]!.kept!));
        });
        return em.name('left', operate('mul', weight, factor));
      }),
    ),
  );
};

/** What the results of each row are multiplied with in the end, and its norm. */
export const endFold = (
  em: Emitter,
  running: readonly Running[],
): { readonly share: TExpr; readonly norm: TExpr }[] =>
  running.map(({ top, total }) => {
    const all = together(em, get(total), (x, y) => em.name('sum', operate('add', x, y)));
    const none = em.name('none', operate('eq', all, f32(0)));
    const share = operate('select', none, f32(0), operate('div', f32(1), all));
    const norm = operate('add', get(top), operate('log', all));
    return {
      share: em.name('share', share),
      norm: em.name('norm', operate('select', none, f32(ABSENT), norm)),
    };
  });

/** The larger of two; beside a NaN either: its exponential makes the row NaN in any case. */
const larger = (em: Emitter, x: TExpr, y: TExpr): TExpr =>
  em.name('larger', operate('select', operate('gt', y, x), y, x));

/** One value from those of the four threads of a row. */
const together = (em: Emitter, own: TExpr, join: (x: TExpr, y: TExpr) => TExpr): TExpr =>
  [1, 2].reduce(
    (mine, mask) => {
      const other = em.fresh('met', SCALAR);
      em.push(exchangeOf(other, mine, mask));
      return join(mine, get(other));
    },
    em.name('own', own),
  );

/** Four numbers, two of a row and two of the row eight below, times what each row has. */
export const byRows = (upper: TExpr, lower: TExpr): TExpr => vec4(upper, upper, lower, lower);

/** Weights of sixteen columns as the left operand of a product: they lie where it wants them. */
export const asOperand = (
  em: Emitter,
  inputs: Cut['inputs'],
  left: readonly TExpr[],
  right: readonly TExpr[],
): TExpr => {
  const pair = (four: readonly TExpr[], at: 0 | 2): TExpr =>
    bitsOf(inputs, four[at]!, four[at + 1]!);
  return em.name('p', vec4(pair(left, 0), pair(left, 2), pair(right, 0), pair(right, 2)));
};

export const zeroTiles = (
  em: Emitter,
  hint: string,
  sixteens: number,
  eights: number,
): Tiles<Register> =>
  Array.from({ length: sixteens }, () =>
    Array.from({ length: eights }, () => em.variable(hint, constantOf(0, regType('f32', 4)))),
  );
