/**
 * The micro-kernel of products whose sum runs along memory in both operands: four rows by two columns, four neighbours of
 * the sum at a time.
 *
 * Invariant: eight sums of four lanes, and three operands, are alive at a time, as in the micro-kernel of panels; lanes are
 * added up at the end, in pairs.
 */
import {
  add,
  constantOf,
  fma,
  get,
  i32,
  loadFrom,
  operate,
  regType,
  splat,
  vec4,
} from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer } from '../../ir/thread/thread.ts';
import type { Emitter } from '../emit/emitter.ts';
import type { Accumulators } from './micro.ts';
import { transposed } from './pack.ts';

export interface Dotted {
  readonly rows: ThreadBuffer;
  /** Where the first of four rows begins, and how far the next one is. */
  readonly row: TExpr;
  readonly rowPitch: number;
  readonly columns: ThreadBuffer;
  /** Where both columns begin. */
  readonly column: readonly [TExpr, TExpr];
  /** Elements to sum over. */
  readonly depth: number;
  /** The lanes of the last vector that are among them, where it is not whole. */
  readonly rest: TExpr | undefined;
}

/** The lanes of the last vector of `depth` elements. */
export const restOf = (em: Emitter, depth: number): TExpr | undefined => {
  const lanes = vec4(i32(0), i32(1), i32(2), i32(3));
  const count = splat(i32(depth % 4));
  return depth % 4 === 0 ? undefined : em.name('rest', operate('lt', lanes, count));
};

/** Adds the products of four rows and two columns, lane by lane. */
export const accumulateDots = (em: Emitter, sums: Accumulators, d: Dotted): void => {
  const whole = d.depth - (d.depth % 4);
  const step = (k: TExpr, of: (v: TExpr) => TExpr): void => {
    const columns = d.column.map((at) => em.name('b', of(loadFrom(d.columns, add(at, k), 4))));
    sums.forEach((pair, r) => {
      const at = add(add(d.row, k), i32(r * d.rowPitch));
      const a = em.name('a', of(loadFrom(d.rows, at, 4)));
      pair.forEach((register, half) => {
        em.set(register, fma(a, columns[half]!, get(register)));
      });
    });
  };
  em.loop('k', i32(0), i32(whole), 4, (k) => step(k, (v) => v));
  const { rest } = d;
  if (rest === undefined) return;
  const zero = constantOf(0, regType('f32', 4));
  step(i32(whole), (v) => operate('select', rest, v, zero));
};

/** Both columns of four rows: what `sums` adds up to. */
export const dotsOf = (em: Emitter, sums: Accumulators): readonly TExpr[] =>
  ([0, 1] as const).map((half) => {
    const [a, b, c, d] = sums.map((pair) => get(pair[half]));
    const [p, q, r, s] = transposed(em, [a!, b!, c!, d!]);
    return operate('add', operate('add', p!, q!), operate('add', r!, s!));
  });
