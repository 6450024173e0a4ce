/**
 * Threads that fold a row together: each takes every n-th element, then their partial results become one.
 *
 * Invariants: all threads of a row end with the same result, bit for bit, whatever the order they run in; elements are
 * shared out alike in every pass over a row, so that a thread meets again what it wrote.
 */
import { pointsOf } from '../../ir/dim.ts';
import type { ReduceExpr } from '../../ir/loop/loop.ts';
import {
  exchangeOf,
  get,
  i32,
  loadFrom,
  operate,
  sharedBuffer,
  storeTo,
} from '../../ir/thread/build.ts';
import {
  registerDType,
  registerOf,
  type TExpr,
  type ThreadBuffer,
} from '../../ir/thread/thread.ts';
import { isArg } from '../emit/combine.ts';
import type { Emitter, Team } from '../emit/emitter.ts';
import { type Mode, SCALAR } from '../emit/mode.ts';
import {
  type Accumulator,
  accumulator,
  finish,
  horizontal,
  join,
  type Partial,
  partialOf,
  setAccumulator,
  step,
  tree,
} from '../emit/partial.ts';
import { bindPoint, byMemory, inVectors } from './points.ts';

/** How the threads of a workgroup are shared out among rows. */
export interface Roster {
  /** Threads of a row, a power of two. */
  readonly lanes: number;
  /** Rows of a workgroup. */
  readonly rows: number;
  /** Whether neighbouring threads belong to one row (or to neighbouring rows). */
  readonly along: boolean;
  /** Threads that can exchange registers, or 1. */
  readonly subgroup: number;
}

/** Entries that each thread folds by itself in the end: fewer barriers than going on in halves. */
const LAST = 8;

/** Threads whose partial results meet in registers, and how many entries that leaves for memory. */
const exchanging = (r: Roster): number => (r.along ? Math.min(r.lanes, r.subgroup) : 1);
const entriesOf = (r: Roster): number => r.lanes / exchanging(r);

export type Scratch = ReadonlyMap<string, ThreadBuffer>;

/** Shared memory for the partial results of `reductions`. */
export const scratchFor = (r: Roster, reductions: readonly ReduceExpr[]): Scratch => {
  const made = new Map<string, ThreadBuffer>();
  const size = r.rows * entriesOf(r);
  if (entriesOf(r) === 1) return made;
  for (const e of reductions) {
    const elem = registerOf(e.body.dtype);
    made.set(elem, made.get(elem) ?? sharedBuffer(`team_${elem}`, registerDType[elem], size));
    if (isArg(e.op)) made.set('at', made.get('at') ?? sharedBuffer('team_at', 'int32', size));
  }
  return made;
};

/** A thread's place in its row and the row's place in the workgroup. */
export interface Seat {
  readonly lane: TExpr;
  readonly row: TExpr;
}

export const seatOf = (em: Emitter, r: Roster, local: TExpr): Seat => {
  const minor = r.along ? r.lanes : r.rows;
  const low = em.name(r.along ? 'lane' : 'row', operate('mod', local, i32(minor)));
  const high = em.name(r.along ? 'row' : 'lane', operate('floordiv', local, i32(minor)));
  return r.along ? { lane: low, row: high } : { lane: high, row: low };
};

/** Whether the points of `axes` are taken four at a time: the same in all passes over them. */
export type Width = (axes: ReduceExpr['axes']) => 1 | 4;

/** Runs `each` for the thread's share of the points of `axes`; `none` is true where it has no share at all. */
export const sharedPoints = (
  em: Emitter,
  r: Roster,
  seat: Seat,
  axes: ReduceExpr['axes'],
  width: 1 | 4,
  idle: TExpr | undefined,
  each: (mode: Mode) => void,
): void => {
  const n = pointsOf(axes);
  const stride = r.lanes * width;
  const mode: Mode = width === 4 ? { along: axes.at(-1)!, lane: 'all' } : SCALAR;
  const own = operate('mul', seat.lane, i32(width));
  const at = (point: TExpr): void => {
    bindPoint(em, axes, point);
    each(mode);
  };
  if (n === stride && idle === undefined) {
    em.scope('same', () => at(em.name('point', own)));
    return;
  }
  const from = idle === undefined ? own : operate('select', idle, i32(n), own);
  em.loop('point', em.name('from', from), i32(n), stride, at);
};

/** The team of a kernel whose rows live in the scope at `depth`. */
export const teamOf = (
  r: Roster,
  seat: Seat,
  scratch: Scratch,
  depth: number,
  isTheirs: (e: ReduceExpr) => boolean,
): Team => ({
  folds: (e, at) => r.lanes > 1 && at <= depth && isTheirs(e),
  fold: (em, group) => {
    const bodies = group.map((e) => e.body);
    const axes = byMemory(group[0]!.axes, bodies);
    const ordered = axes.every((a, i) => a === group[0]!.axes[i]);
    const width = em.lanes === 4 && inVectors(axes.at(-1), bodies) ? 4 : 1;
    const accumulators = group.map((e): Accumulator => accumulator(em, e, width));
    sharedPoints(em, r, seat, axes, width, undefined, (mode) => {
      group.forEach((e, i) => {
        const a = accumulators[i]!;
        setAccumulator(em, a, step(em, e, mode, partialOf(a), ordered));
      });
    });
    return group.map((e, i) => {
      const own = partialOf(accumulators[i]!);
      const one = width === 4 ? horizontal(em, e, own) : own;
      return em.name(e.op, finish(e, together(em, r, seat, scratch, e, one)));
    });
  },
});

/** The partial results of all threads of a row as one, in each of them. */
const together = (
  em: Emitter,
  r: Roster,
  seat: Seat,
  scratch: Scratch,
  e: ReduceExpr,
  own: Partial,
): Partial => {
  const exchanged = exchanging(r);
  let mine = named(em, own);
  for (let mask = 1; mask < exchanged; mask *= 2)
    mine = named(
      em,
      join(em, e, mine, {
        value: swap(em, mine.value, mask),
        position: mine.position && swap(em, mine.position, mask),
      }),
    );
  const entries = entriesOf(r);
  if (entries === 1) return mine;

  const values = scratch.get(registerOf(e.body.dtype))!;
  const positions = isArg(e.op) ? scratch.get('at')! : undefined;
  const entry = em.name('entry', operate('floordiv', seat.lane, i32(exchanged)));
  const place = (index: TExpr): TExpr =>
    r.along
      ? operate('add', operate('mul', seat.row, i32(entries)), index)
      : operate('add', operate('mul', index, i32(r.rows)), seat.row);
  const read = (index: TExpr): Partial => {
    const at = place(index);
    return named(em, {
      value: loadFrom(values, at),
      position: positions && loadFrom(positions, at),
    });
  };
  const write = (index: TExpr, p: Partial): void => {
    const at = place(index);
    em.push(storeTo(values, at, p.value));
    if (positions) em.push(storeTo(positions, at, p.position!));
  };
  const leads =
    exchanged === 1
      ? undefined
      : em.name('leads', operate('eq', operate('mod', seat.lane, i32(exchanged)), i32(0)));
  const leading = (fill: () => void, condition?: TExpr): void => {
    const both = [leads, condition].filter((c) => c !== undefined);
    if (both.length === 0) em.scope('same', fill);
    else
      em.branch(
        both.reduce((x, y) => operate('and', x, y)),
        fill,
      );
  };
  leading(() => write(entry, mine));
  em.push({ kind: 'barrier' });
  let left = entries;
  for (; left > LAST; left /= 2) {
    const half = left / 2;
    leading(
      () => {
        const other = read(operate('add', entry, i32(half)));
        write(entry, join(em, e, read(entry), other));
      },
      operate('lt', entry, i32(half)),
    );
    em.push({ kind: 'barrier' });
  }
  const all = tree(
    em,
    e,
    Array.from({ length: left }, (_, i) => read(i32(i))),
  );
  const result = named(em, all);
  // whoever folds next writes to the same memory
  em.push({ kind: 'barrier' });
  return result;
};

const named = (em: Emitter, p: Partial): Partial => ({
  value: em.name('part', p.value),
  position: p.position && em.name('position', p.position),
});

const swap = (em: Emitter, value: TExpr, mask: number): TExpr => {
  const register = em.fresh('other', value.type);
  em.push(exchangeOf(register, value, mask));
  return get(register);
};
