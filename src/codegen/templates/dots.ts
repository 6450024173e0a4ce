/**
 * The micro-kernel of products whose sum runs along memory in both operands: four rows by two columns, four neighbours of
 * the sum at a time.
 *
 * Invariant: eight sums of four lanes, and three operands, are alive at a time, as in the micro-kernel of panels; lanes are
 * added up at the end, in pairs.
 */
import { add, fma, get, i32, loadFrom, operate } from '../../ir/thread/build.ts';
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
  /** Elements to sum over, a multiple of four. */
  readonly depth: number;
}

/** Adds the products of four rows and two columns, lane by lane. */
export const accumulateDots = (em: Emitter, sums: Accumulators, d: Dotted): void =>
  em.loop('k', i32(0), i32(d.depth), 4, (k) => {
    const columns = d.column.map((at) => em.name('b', loadFrom(d.columns, add(at, k), 4)));
    sums.forEach((pair, r) => {
      const a = em.name('a', loadFrom(d.rows, add(add(d.row, k), i32(r * d.rowPitch)), 4));
      pair.forEach((register, half) => {
        em.set(register, fma(a, columns[half]!, get(register)));
      });
    });
  });

/** Both columns of four rows: what `sums` adds up to. */
export const dotsOf = (em: Emitter, sums: Accumulators): readonly TExpr[] =>
  ([0, 1] as const).map((half) => {
    const [a, b, c, d] = sums.map((pair) => get(pair[half]));
    const [p, q, r, s] = transposed(em, [a!, b!, c!, d!]);
    return operate('add', operate('add', p!, q!), operate('add', r!, s!));
  });
