/**
 * Nests that only choose among many arrays, as `concat` makes them, in pieces: one for each array, which copies it to
 * its place and asks nothing at each element. Pieces share launches, as many as the device can bind.
 *
 * Invariant: each element is stored once, by one of the pieces; what the pieces cost to compile grows with their number
 * alone.
 */
import { type Axis, type Idx, idxAxis, idxOffset, newAxis } from '../ir/dim.ts';
import { buffersOf } from '../ir/loop/access.ts';
import type { Expr, Nest } from '../ir/loop/loop.ts';
import { type Bindings, countBindings } from './bindings.ts';
import { rewriter } from './rewrite.ts';

/** A choice among more is taken apart: testing at each element costs more than starting another loop. */
export const MOST_CHOICES = 2;
/** Pieces of one launch: functions of any length compile, but not in any time. */
const MOST_PIECES = 64;

/** A value that is one of several along an axis: each up to its end. */
interface Choice {
  readonly axis: Axis;
  readonly parts: readonly { readonly end: number; readonly value: Expr }[];
}

const choiceOf = ({ stores, contract, attend, running }: Nest): Choice | undefined => {
  const [store, another] = stores;
  if (store === undefined || (another ?? contract ?? attend ?? running)) return undefined;
  // what is added up starts from zeros, all of it
  if (store.mode !== 'set') return undefined;
  const parts: { end: number; value: Expr }[] = [];
  let axis: Axis | undefined;
  let rest = store.value;
  while (rest.kind === 'guard') {
    const [bound, another] = rest.bounds;
    const along = axisOf(bound!.idx);
    if (another !== undefined || along === undefined || bound!.lo !== 0) break;
    if (axis !== undefined && along !== axis) break;
    axis = along;
    parts.push({ end: bound!.hi, value: rest.then });
    rest = rest.otherwise;
  }
  if (axis === undefined) return undefined;
  parts.push({ end: axis.extent, value: rest });
  return { axis, parts };
};

const axisOf = (idx: Idx): Axis | undefined => {
  const [term, another] = idx.terms;
  const alone = another === undefined && idx.constant === 0 && term?.coef === 1;
  return alone && term.atom.kind === 'axis' ? term.atom.axis : undefined;
};

/** The launches that a nest becomes: itself, or pieces of it where it chooses among many arrays or binds too many. */
export const launchesOf = (nest: Nest, bindings: Bindings): Nest[][] => {
  const pieces = piecesOf(nest, bindings);
  const launches: Nest[][] = [];
  let bound = new Set<number>();
  for (const piece of pieces) {
    const own = buffersOf([piece]).filter(bindings.takesOne);
    const last = launches.at(-1);
    const together = new Set([...bound, ...own.map((b) => b.id)]);
    if (last !== undefined && last.length < MOST_PIECES && together.size <= bindings.most) {
      last.push(piece);
      bound = together;
    } else {
      launches.push([piece]);
      bound = new Set(own.map((b) => b.id));
    }
  }
  return launches;
};

const piecesOf = (nest: Nest, bindings: Bindings): Nest[] => {
  const choice = choiceOf(nest);
  if (choice === undefined) return [nest];
  const { axis, parts } = choice;
  if (parts.length <= MOST_CHOICES && countBindings([nest], bindings) <= bindings.most)
    return [nest];
  return parts.flatMap(({ end, value }, i) =>
    piecesOf(piece(nest, axis, parts[i - 1]?.end ?? 0, end, value), bindings),
  );
};

/** The part of a nest where `axis` lies in `from..to - 1` and its only value is `value`. */
const piece = (nest: Nest, axis: Axis, from: number, to: number, value: Expr): Nest => {
  const own = newAxis(axis.name, to - from, axis.kind);
  const at = idxOffset(idxAxis(own), from);
  const { expr, idx } = rewriter({ axis: (a) => (a === axis ? at : undefined) });
  const inside = (axes: readonly Axis[]): Axis[] =>
    axes.map((a) => (a === axis ? own : a)).filter((a) => a.extent !== 1);
  return {
    axes: inside(nest.axes),
    stores: nest.stores.map((s) => ({
      ...s,
      index: s.index.map(idx),
      value: expr(value),
      axes: inside(s.axes),
    })),
    contract: undefined,
  };
};
