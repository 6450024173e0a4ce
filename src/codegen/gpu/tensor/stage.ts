/**
 * Brings a step of an operand into shared memory: copied as it lies, or through registers where something is computed
 * or nothing is aligned.
 *
 * Invariants: both ways put the same element in the same place (swizzle.ts); elements beyond the end of the sum are
 * zeros; rows and columns beyond the last are zeros or some others, whose products are never stored.
 */
import {
  add,
  constantOf,
  copyOf,
  i32,
  mul,
  operate,
  regType,
  storeTo,
} from '../../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer } from '../../../ir/thread/thread.ts';
import { offsetOf } from '../../analysis.ts';
import type { Emitter } from '../../emit/emitter.ts';
import { holds } from '../../emit/guards.ts';
import { SCALAR } from '../../emit/mode.ts';
import { bindAll, type Position, positionOf } from '../../emit/position.ts';
import { bring, type Group, groupsFor } from '../contraction/stage.ts';
import type { Plain } from './operand.ts';
import { periodOf, placeIn } from './swizzle.ts';
import type { Stage } from './tile.ts';

/** A copy of a thread: where it goes, and where it comes from. */
interface Copy {
  /** Its place in the step's tile. */
  readonly slot: TExpr;
  readonly free: Position;
  /** The first element of the sum, from the start of a step. */
  readonly depth: TExpr;
  /** Whether there is such a row (or column), where not all are. */
  readonly isRow: TExpr | undefined;
  /** Whether the thread has such a copy, where not all have. */
  readonly exists: TExpr | undefined;
}

/** What a thread brings of an operand in each step. */
export interface Bringer {
  readonly stage: Stage;
  readonly memory: ThreadBuffer;
  readonly copies: readonly Copy[];
  readonly groups: readonly Group[];
}

/** Plans what the thread at `local` brings of a tile that starts at row (or column) `start`. */
export const bringerFor = (
  em: Emitter,
  stage: Stage,
  memory: ThreadBuffer,
  local: TExpr,
  threads: number,
  start: TExpr,
): Bringer => {
  const { panel, swizzle, copied } = stage;
  if (copied !== undefined)
    return {
      stage,
      memory,
      copies: copiesFor(em, stage, copied.unit, local, threads, start),
      groups: [],
    };
  const groups = groupsFor(em, panel, local, threads, start).map((group) => ({
    ...group,
    slot: em.name('slot', placeIn(swizzle, group.slot)),
  }));
  return { stage, memory, copies: [], groups };
};

/** Threads take pieces that follow each other; a piece may take several copies. */
const copiesFor = (
  em: Emitter,
  { panel, swizzle, elements }: Stage,
  unit: number,
  local: TExpr,
  threads: number,
  start: TExpr,
): Copy[] => {
  const { layout, operand, extent } = panel;
  const { line } = swizzle;
  const piece = swizzle.piece;
  const pieces = elements / piece;
  const own = em.name('own', mul(local, i32(piece)));
  const ragged = operand.size % extent !== 0;
  const copies: Copy[] = [];
  const atFirst = em.name('flat', placeIn(swizzle, own));
  /** Places so many elements further on: the same permutation where that is a multiple of its period. */
  const placeAt = (shift: number): TExpr =>
    shift % periodOf(swizzle) === 0
      ? add(atFirst, i32(shift))
      : placeIn(swizzle, add(own, i32(shift)));
  for (let first = 0; first < pieces; first += threads) {
    const shift = first * piece;
    // lines and places of a thread in later rounds follow from those in the first
    const whole = (threads * piece) % line === 0;
    const at = whole ? own : em.name('at', add(own, i32(shift)));
    const number = em.name('line', operate('floordiv', at, i32(line)));
    const place = em.name('place', operate('mod', at, i32(line)));
    const inLine = whole ? add(number, i32(shift / line)) : number;
    const flat = em.name('flat', placeAt(shift));
    const exists = pieces - first < threads ? operate('lt', local, i32(pieces - first)) : undefined;
    for (let part = 0; part < piece; part += unit) {
      const along = add(place, i32(part));
      const [free, depth] = layout === 'depth' ? [inLine, along] : [along, inLine];
      const row = em.name('row', add(start, free));
      copies.push({
        slot: em.name('slot', add(flat, i32(part))),
        free: positionOf(em, operand.axes.free, row),
        depth,
        isRow: ragged ? em.name('isRow', operate('lt', row, i32(operand.size))) : undefined,
        exists: exists && em.name('copies', exists),
      });
    }
  }
  return copies;
};

/** Starts the copies of the step of the sum that starts at `start`, to the tile at `base`. */
export const startCopies = (
  em: Emitter,
  { stage, memory, copies }: Bringer,
  start: TExpr,
  base: TExpr,
  whole: number,
): void => {
  const { panel, copied } = stage;
  if (copied === undefined) return;
  const ragged = whole % panel.depth !== 0;
  for (const { slot, free, depth, isRow, exists } of copies) {
    const copy = (): void => {
      const k = em.name('k', add(start, depth));
      const isSummed = ragged ? operate('lt', k, i32(whole)) : undefined;
      bindAll(em, free);
      bindAll(em, positionOf(em, panel.operand.axes.depth, k));
      const { from, inside } = sourceOf(em, copied.plain);
      const when = [isRow, isSummed, ...inside]
        .filter((c) => c !== undefined)
        .reduce((x, y) => operate('and', x, y), constantOf(1, regType('bool')));
      em.push(
        copyOf(
          memory,
          add(base, slot),
          em.resolve(copied.plain.load.buffer),
          from,
          copied.unit,
          when,
        ),
      );
    };
    if (exists === undefined) em.scope('same', copy);
    else em.branch(exists, copy);
  }
};

const sourceOf = (
  em: Emitter,
  { load, bounds }: Plain,
): { readonly from: TExpr; readonly inside: readonly TExpr[] } => ({
  from: em.name('from', em.index(offsetOf(load))),
  inside: bounds.map((b) => holds(em, b, SCALAR)),
});

/** What comes through registers, for the step of the sum that starts at `start`. */
export const bringGroups = (
  em: Emitter,
  { stage, groups }: Bringer,
  start: TExpr,
  whole: number,
): TExpr[] => groups.map((group) => bring(em, stage.panel, group, start, whole));

/** Writes what came through registers to the tile at `base`. */
export const putGroups = (
  em: Emitter,
  { memory, groups }: Bringer,
  base: TExpr,
  values: readonly TExpr[],
): void => {
  groups.forEach(({ slot, exists }, i) => {
    const store = (): void => em.push(storeTo(memory, add(base, slot), values[i]!));
    if (exists === undefined) store();
    else em.branch(exists, store);
  });
};
