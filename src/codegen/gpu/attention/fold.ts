/**
 * The softmax of rows that are met block by block: a running maximum and sum, to which earlier results are rescaled
 * (Milakov and Gimelshein 2018, "Online normalizer calculation for softmax"; Dao 2023, "FlashAttention-2").
 *
 * Invariant: lanes are the rows of a thread; all threads of a row have the same maximum, and each the sum of its own
 * elements until the end.
 */
import { ABSENT } from '../../../ir/loop/loop.ts';
import {
  add,
  barrier,
  constantOf,
  exchangeOf,
  get,
  i32,
  loadFrom,
  mul,
  operate,
  regType,
  storeTo,
} from '../../../ir/thread/build.ts';
import type { Register, TExpr, ThreadBuffer } from '../../../ir/thread/thread.ts';
import type { Emitter } from '../../emit/emitter.ts';
import { type Cut, OWN } from './cut.ts';
import type { Seat } from './scores.ts';

const VECTOR = regType('f32', 4);
/**
 * Below any score, and above what is absent by so much that its exponential is 0 even beside nothing else: rows that
 * have met nothing yet need no case of their own.
 */
const FLOOR = Math.fround(-1e37);

export interface Running {
  readonly top: Register;
  readonly total: Register;
}

export const startFold = (em: Emitter): Running => ({
  top: em.variable('top', constantOf(FLOOR, VECTOR)),
  total: em.variable('total', constantOf(0, VECTOR)),
});

/** Takes up the weights of a block; gives their exponentials, and what earlier results are to be multiplied with. */
export const foldBlock = (
  em: Emitter,
  cut: Cut,
  memory: ThreadBuffer,
  seat: Seat,
  { top, total }: Running,
  weights: readonly TExpr[],
): { readonly powers: readonly TExpr[]; readonly rescale: TExpr } => {
  const own = weights.reduce((x, y) => larger(em, x, y));
  const met = together(em, cut, memory, seat, (x, y) => larger(em, x, y), own);
  const next = larger(em, get(top), met);
  const rescale = em.name('rescale', operate('exp', operate('sub', get(top), next)));
  const powers = weights.map((w) => em.name('power', operate('exp', operate('sub', w, next))));
  const sum = powers.reduce((x, y) => operate('add', x, y));
  em.set(total, operate('add', operate('mul', get(total), rescale), sum));
  em.set(top, next);
  return { powers, rescale };
};

/** What results are multiplied with in the end, and the norms of the rows. */
export const endFold = (
  em: Emitter,
  cut: Cut,
  memory: ThreadBuffer,
  seat: Seat,
  { top, total }: Running,
): { readonly share: TExpr; readonly norm: TExpr } => {
  // what was exchanged last has been read before this
  if (meetsInMemory(cut)) em.push(barrier);
  const sum = (x: TExpr, y: TExpr): TExpr => em.name('sum', operate('add', x, y));
  const all = together(em, cut, memory, seat, sum, get(total));
  const zero = constantOf(0, VECTOR);
  const none = em.name('none', operate('eq', all, zero));
  const norm = operate('add', get(top), operate('log', all));
  return {
    share: em.name(
      'share',
      operate('select', none, zero, operate('div', constantOf(1, VECTOR), all)),
    ),
    norm: operate('select', none, constantOf(ABSENT, VECTOR), norm),
  };
};

/** The larger of two. Beside a NaN it is either: the exponential of the NaN makes the row NaN in any case. */
const larger = (em: Emitter, x: TExpr, y: TExpr): TExpr =>
  em.name('larger', operate('select', operate('gt', y, x), y, x));

/** Whether threads of a row exchange through shared memory: then all threads meet after the scores. */
export const meetsInMemory = ({ memory }: Cut): boolean => memory.elements > memory.team;

/** One value from those of all threads of a row, the same in each of them. */
const together = (
  em: Emitter,
  cut: Cut,
  memory: ThreadBuffer,
  seat: Seat,
  join: (x: TExpr, y: TExpr) => TExpr,
  own: TExpr,
): TExpr => {
  const { across, rows } = cut;
  if (!meetsInMemory(cut)) {
    let mine = own;
    for (let mask = 1; mask < across; mask *= 2) {
      const other = em.fresh('met', VECTOR);
      em.push(exchangeOf(other, mine, mask));
      mine = join(mine, get(other));
    }
    return mine;
  }
  const at = em.name('seat', add(mul(seat.down, i32(OWN)), i32(cut.memory.team)));
  em.push(storeTo(memory, add(at, mul(seat.across, i32(rows))), own));
  em.push(barrier);
  const result = em.variable('met', loadFrom(memory, at, 4));
  em.loop('from', i32(rows), i32(across * rows), rows, (from) => {
    const other = em.name('other', loadFrom(memory, add(at, from), 4));
    em.set(result, join(get(result), other));
  });
  return get(result);
};
