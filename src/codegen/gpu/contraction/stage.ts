/**
 * Brings blocks of an operand into shared memory: each thread reads its groups of four, then writes them.
 *
 * Invariants: what an operand computes (padding, fused maps) is computed once per staged element, and where its index is
 * in bounds; places beyond the last row or column hold some other row, whose products are never stored; places beyond
 * the end of the sum hold zeros.
 */
import type { Axis } from '../../../ir/dim.ts';
import type { Expr } from '../../../ir/loop/loop.ts';
import {
  add,
  constantOf,
  i32,
  mul,
  operate,
  splat,
  storeTo,
  vec4,
} from '../../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer } from '../../../ir/thread/thread.ts';
import type { Emitter } from '../../emit/emitter.ts';
import { LANES } from '../../emit/mode.ts';
import { bindAll, type Position, positionOf } from '../../emit/position.ts';
import { groupsOf, type Panel } from './panel.ts';

/** Where a thread's group of four goes, and where it comes from. */
export interface Group {
  /** Places along the free axes: one for each lane, or one for all four. */
  readonly places: readonly Position[];
  /** The first element of the sum, from the start of a step. */
  readonly depth: TExpr;
  /** Its place in shared memory. */
  readonly slot: TExpr;
  /** Whether there is such a group; `undefined` where there always is. */
  readonly exists: TExpr | undefined;
}

/** What each thread brings of a panel that starts at row (or column) `start`. */
export const groupsFor = (
  em: Emitter,
  panel: Panel,
  local: TExpr,
  threads: number,
  start: TExpr,
): Group[] =>
  Array.from({ length: panel.rounds }, (_, round) => {
    const { layout, operand, pitch, counts } = panel;
    const many = groupsOf(panel);
    const beyond = (round + 1) * threads > many;
    const at = add(local, i32(round * threads));
    const fast = operand.contiguous;
    const [inner, outer] = beyond
      ? divided(em, em.name('group', operate('min', at, i32(many - 1))), counts[fast])
      : shared(em, local, round * threads, threads, counts[fast]);
    const [free, depth] = fast === 'free' ? [inner, outer] : [outer, inner];
    const across = layout === 'free' ? em.name('free', mul(free, i32(4))) : free;
    const down = layout === 'depth' ? em.name('depth', mul(depth, i32(4))) : depth;
    const [line, place] = layout === 'free' ? [down, across] : [across, down];
    return {
      places: placesOf(em, panel, add(start, across)),
      depth: down,
      slot: em.name('slot', add(mul(line, i32(pitch)), place)),
      exists: beyond ? em.name('brings', operate('lt', at, i32(many))) : undefined,
    };
  });

/** Place in a line of groups, and the line. */
const divided = (em: Emitter, group: TExpr, line: number): readonly [TExpr, TExpr] => [
  em.name('inner', operate('mod', group, i32(line))),
  em.name('outer', operate('floordiv', group, i32(line))),
];

/**
 * The same for group `local + shift`: where threads fill whole lines, or lines whole rounds, the thread's own part is the
 * same in all rounds.
 */
const shared = (
  em: Emitter,
  local: TExpr,
  shift: number,
  threads: number,
  line: number,
): readonly [TExpr, TExpr] => {
  if (line % threads === 0) return [add(local, i32(shift % line)), i32(Math.floor(shift / line))];
  if (threads % line !== 0) return divided(em, add(local, i32(shift)), line);
  const [inner, outer] = divided(em, local, line);
  return [inner, add(outer, i32(shift / line))];
};

const placesOf = (em: Emitter, { layout, operand, extent }: Panel, first: TExpr): Position[] => {
  const { axes, size, quads } = operand;
  const within = (at: TExpr, lanes: number): TExpr =>
    size % extent === 0 ? at : operate('min', at, i32(size - lanes));
  const place = (at: TExpr): Position => positionOf(em, axes.free, em.name('place', at));
  if (layout === 'depth') return [place(within(first, 1))];
  if (quads.free) return [place(within(first, 4))];
  return LANES.map((lane) => place(within(add(first, i32(lane)), 1)));
};

/** Four elements of an operand, for the step of the sum that starts at `start`; `whole` is the length of the sum. */
export const bring = (
  em: Emitter,
  panel: Panel,
  group: Group,
  start: TExpr,
  whole: number,
): TExpr => {
  const { operand, layout } = panel;
  const { expr, axes, quads } = operand;
  const first = em.name('k', add(start, group.depth));
  const ragged = whole % panel.depth !== 0;
  const inside = (lane: number): TExpr => operate('lt', add(first, i32(lane)), i32(whole));
  /** Evaluates at a place, `lanes` elements of the sum from the `lane`-th on. */
  const at = (place: Position, lane: number, lanes: number, evaluate: () => TExpr): TExpr => {
    const k = add(first, i32(lane));
    const values: TExpr[] = [];
    em.scope('same', () => {
      bindAll(em, place);
      const within = ragged ? em.name('k', operate('min', k, i32(whole - lanes))) : k;
      bindAll(em, positionOf(em, axes.depth, within));
      values.push(em.name('x', evaluate()));
    });
    return values[0]!;
  };
  const one = (): TExpr => em.scalar(expr);
  const all = (): TExpr => four(em, panel, expr, axes[layout].at(-1)!);
  const [place] = group.places as [Position];
  if (layout === 'depth' && !quads.depth)
    return joined(
      LANES.map((lane) => {
        const x = at(place, lane, 1, one);
        return ragged ? operate('select', inside(lane), x, constantOf(0, x.type)) : x;
      }),
    );
  const value =
    layout === 'depth'
      ? at(place, 0, 4, all)
      : quads.free
        ? at(place, 0, 1, all)
        : joined(group.places.map((own) => at(own, 0, 1, one)));
  if (!ragged) return value;
  return operate('select', splat(inside(0)), value, constantOf(0, value.type));
};

const joined = (lanes: readonly TExpr[]): TExpr => {
  const [a, b, c, d] = lanes as readonly [TExpr, TExpr, TExpr, TExpr];
  return vec4(a, b, c, d);
};

/** Four neighbours on an axis: one by one where a guard may let some of them through and not others. */
const four = (em: Emitter, panel: Panel, expr: Expr, along: Axis): TExpr => {
  if (panel.operand.guards[panel.layout] === 0) return em.vector(expr, along);
  return joined(LANES.map((lane) => em.evaluate(expr, { along, lane })));
};

/** Writes a group to its place in the panel that starts at `base`. */
export const put = (
  em: Emitter,
  memory: ThreadBuffer,
  base: number,
  group: Group,
  value: TExpr,
): void => {
  const store = (): void => em.push(storeTo(memory, add(group.slot, i32(base)), value));
  if (group.exists === undefined) store();
  else em.branch(group.exists, store);
};
