/**
 * The work of a kernel as its loops state it: arithmetic and memory that no schedule can do without.
 *
 * Invariants: an expression is computed once for all values of the axes it depends on, or once for each element of the
 * array that it is a map of, and only where the guards around it hold; an element of memory is read once and written once, however often it is used. Operations are those of the
 * scalar table, whose unit is a multiply-add: a product of a contraction and its sum are one.
 */
import {
  type Axis,
  type Bound,
  type Idx,
  idxAxes,
  idxEvaluate,
  idxOpaques,
  pointsOf,
} from '../dim.ts';
import { bytesOf } from '../dtype.ts';
import { scalarOps } from '../scalar.ts';
import { spanOf } from '../type.ts';
import { runningOperands } from './access.ts';
import { freeAxes, opaqueExprs } from './free.ts';
import type {
  AccName,
  Attention,
  Contraction,
  Expr,
  LoadExpr,
  LoopBuffer,
  LoopKernel,
  Nest,
  Score,
} from './loop.ts';
import { boundsOtherwise } from './ranges.ts';
import { indicesOf, operandsOf, visitExpr } from './visit.ts';

/** What a kernel does at least. */
export interface Work {
  /** In multiply-adds of one element. */
  readonly operations: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** Guards over more places than this are taken to hold everywhere. */
const MOST_POINTS = 1 << 18;

const axesIn = (idx: Idx): Set<Axis> => {
  const axes = new Set<Axis>();
  idxAxes(idx, (a) => axes.add(a));
  return axes;
};

/** Bounds in groups that share no axis, with the axes of each; those that depend on memory are left out. */
const groupsOf = (bounds: readonly Bound[]): { bounds: Bound[]; axes: Set<Axis> }[] => {
  const groups: { bounds: Bound[]; axes: Set<Axis> }[] = [];
  for (const bound of bounds) {
    let read = false;
    idxOpaques(bound.idx, () => {
      read = true;
    });
    if (read) continue;
    const joined = { bounds: [bound], axes: axesIn(bound.idx) };
    for (let i = groups.length - 1; i >= 0; i--) {
      const other = groups[i]!;
      if (![...other.axes].some((a) => joined.axes.has(a))) continue;
      joined.bounds.push(...other.bounds);
      for (const a of other.axes) joined.axes.add(a);
      groups.splice(i, 1);
    }
    groups.push(joined);
  }
  return groups;
};

const counted = new Map<string, number>();

/** The share of the places along `axes` where all of `bounds` hold. */
const shareHolding = (bounds: readonly Bound[], axes: readonly Axis[]): number => {
  if (pointsOf(axes) > MOST_POINTS) return 1;
  const key = bounds.map((b) => `${b.lo}<=${b.idx.key}<${b.hi}`).join();
  const known = counted.get(key);
  if (known !== undefined) return known;
  const values = new Map<Axis, number>();
  const at = (a: Axis): number => values.get(a)!;
  const nothing = (): number => 0;
  let holding = 0;
  const visit = (depth: number): void => {
    const axis = axes[depth];
    if (axis === undefined) {
      const holds = bounds.every((b) => {
        const value = idxEvaluate(b.idx, at, nothing);
        return value >= b.lo && value < b.hi;
      });
      if (holds) holding++;
      return;
    }
    for (let i = 0; i < axis.extent; i++) {
      values.set(axis, i);
      visit(depth + 1);
    }
  };
  visit(0);
  const share = holding / Math.max(1, pointsOf(axes));
  counted.set(key, share);
  return share;
};

/** The share of all places where `bounds` hold. */
const shareOf = (bounds: readonly Bound[]): number =>
  groupsOf(bounds).reduce((share, g) => share * shareHolding(g.bounds, [...g.axes]), 1);

/** How many of the places along `axes` satisfy `bounds`. */
const placesOf = (axes: Iterable<Axis>, bounds: readonly Bound[]): number => {
  const own = new Set(axes);
  // a guard over other axes holds somewhere along them
  const about = bounds.filter((b) => [...axesIn(b.idx)].every((a) => own.has(a)));
  return pointsOf(own) * shareOf(about);
};

const keyOf = (bounds: readonly Bound[]): string =>
  bounds.map((b) => `${b.lo}<=${b.idx.key}<${b.hi}`).join('&');

const productAxes = ({ axes, attend }: Nest): Readonly<Record<AccName, readonly Axis[]>> => {
  if (attend === undefined) return { acc: axes, norm: [], score: [], score1: [] };
  const { batch, m, k } = attend;
  const pairs = [...batch, ...m, ...k];
  return { acc: axes, norm: [...batch, ...m], score: pairs, score1: pairs };
};

/** Counts what expressions compute and read. */
class Counter {
  readonly #seen = new Set<string>();
  /** The most places at which an expression is computed, over the guards it stands under. */
  readonly #places = new Map<Expr, number>();
  readonly #read = new Map<LoopBuffer, Map<Expr, number>>();
  readonly #axes = new Map<Expr, ReadonlySet<Axis>>();
  /** The axes that what the product leaves depends on. */
  readonly #product: Readonly<Record<AccName, readonly Axis[]>>;

  constructor(nest: Nest) {
    this.#product = productAxes(nest);
  }

  /** Takes in what `e` computes under `bounds`. */
  add(e: Expr, bounds: readonly Bound[]): void {
    const key = `${e.id}&${keyOf(bounds)}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const places = Math.min(placesOf(this.#axesOf(e), bounds), elementsOf(e));
    this.#places.set(e, Math.max(places, this.#places.get(e) ?? 0));
    if (e.kind === 'load') this.#load(e, places);
    if (e.kind === 'guard') {
      for (const position of opaqueExprs(indicesOf(e))) this.add(position, bounds);
      this.add(e.then, [...bounds, ...e.bounds]);
      this.add(e.otherwise, [...bounds, ...boundsOtherwise(e.bounds, bounds)]);
      return;
    }
    for (const operand of operandsOf(e)) this.add(operand, bounds);
  }

  #axesOf(e: Expr): ReadonlySet<Axis> {
    const known = this.#axes.get(e);
    if (known !== undefined) return known;
    const axes = new Set(e.kind === 'acc' ? this.#product[e.name] : freeAxes(e));
    const inner = new Set(e.kind === 'reduce' ? e.axes : []);
    for (const operand of operandsOf(e))
      for (const a of this.#axesOf(operand)) if (!inner.has(a)) axes.add(a);
    this.#axes.set(e, axes);
    return axes;
  }

  #load(e: LoadExpr, places: number): void {
    const loads = this.#read.get(e.buffer) ?? new Map<Expr, number>();
    loads.set(e, Math.max(places, loads.get(e) ?? 0));
    this.#read.set(e.buffer, loads);
  }

  operations(): number {
    let sum = 0;
    for (const [e, places] of this.#places) sum += places * costOf(e);
    return sum;
  }

  /** Elements of each buffer that are read: no more than there are. */
  elementsRead(): ReadonlyMap<LoopBuffer, number> {
    const total = (loads: ReadonlyMap<Expr, number>): number =>
      [...loads.values()].reduce((a, b) => a + b, 0);
    return new Map([...this.#read].map(([b, loads]) => [b, Math.min(sizeOf(b), total(loads))]));
  }
}

/** What an expression reads, unless it depends on places or products as well. */
const loadsIn = (e: Expr): readonly LoadExpr[] | undefined => {
  const loads: LoadExpr[] = [];
  let only = true;
  visitExpr(e, {
    expr: (part) => {
      if (part.kind === 'load') loads.push(part);
      only &&= part.kind !== 'index' && part.kind !== 'acc' && part.kind !== 'reduce';
    },
  });
  return only ? loads : undefined;
};

/**
 * How many values a map of an array has: as many as the array has elements, wherever they are read. What else it reads
 * has to be known by the element's place.
 */
const elementsOf = (e: Expr): number => {
  if (e.kind !== 'op' && e.kind !== 'cast') return Number.POSITIVE_INFINITY;
  const loads = loadsIn(e) ?? [];
  const [most, ...others] = [...loads].sort((a, b) => sizeOf(b.buffer) - sizeOf(a.buffer));
  if (most === undefined) return Number.POSITIVE_INFINITY;
  const place = new Set(most.index.map((i) => i.key));
  const known = others.every(({ index }) =>
    index.every((i) => i.terms.length === 0 || place.has(i.key)),
  );
  return known ? sizeOf(most.buffer) : Number.POSITIVE_INFINITY;
};

/** Of the expression itself, operands not counted. */
const costOf = (e: Expr): number => {
  switch (e.kind) {
    case 'op':
      return scalarOps[e.op].cost;
    case 'reduce':
      return pointsOf(e.axes);
    case 'cast':
      return 1;
    case 'const':
    case 'acc':
    case 'index':
    case 'load':
    case 'guard':
      return 0;
    default:
      return e satisfies never;
  }
};

const sizeOf = (b: LoopBuffer): number => spanOf(b.shape, b.strides);

/** The bounds outside of which an operand is a constant zero: what is multiplied there needs no multiplying. */
const boundsOf = (e: Expr): readonly Bound[] => {
  if (e.kind === 'cast') return boundsOf(e.arg);
  const zero = e.kind === 'guard' && e.otherwise.kind === 'const' && e.otherwise.value === 0;
  return zero ? [...e.bounds, ...boundsOf(e.then)] : [];
};

const productsOf = (c: Contraction): number =>
  placesOf([...c.batch, ...c.m, ...c.n, ...c.k], [...boundsOf(c.a), ...boundsOf(c.b)]);

/** What the scores of a pair are made of: nests of one kernel may see the same ones from either side. */
const scoreKey = ({ a, b }: Score): string => {
  const buffers = new Set<number>();
  for (const operand of [a, b])
    visitExpr(operand, { expr: (e) => void (e.kind === 'load' && buffers.add(e.buffer.id)) });
  return [...buffers].sort((x, y) => x - y).join();
};

/**
 * The pairs of an attention that take part: a weight under a guard is absent elsewhere. `known`: the scores that other
 * nests of the kernel compute.
 */
const attentionOperations = (a: Attention, counter: Counter, known: Set<string>): number => {
  const { weight } = a;
  const bounds = weight.kind === 'guard' && weight.otherwise.kind === 'const' ? weight.bounds : [];
  const pairs = placesOf([...a.batch, ...a.m, ...a.k], bounds);
  for (const s of a.scores) {
    counter.add(s.a, []);
    counter.add(s.b, []);
  }
  counter.add(weight, []);
  counter.add(a.value, []);
  if (a.kept !== undefined) counter.add(a.kept, []);
  let depth = 0;
  for (const score of a.scores) {
    const key = scoreKey(score);
    if (!known.has(key)) depth += pointsOf(score.depth);
    known.add(key);
  }
  // a softmax takes the exponential of each weight and sums them
  const fold = a.fold === 'softmax' ? scalarOps.exp.cost + 1 : 0;
  return pairs * (depth + pointsOf(a.n) + fold);
};

/** Products of the nest, and what runs along an axis of it. */
const innerOperations = (nest: Nest, counter: Counter, known: Set<string>): number => {
  const { contract, attend, running } = nest;
  if (contract !== undefined) {
    counter.add(contract.a, []);
    counter.add(contract.b, []);
    return productsOf(contract);
  }
  if (attend !== undefined) return attentionOperations(attend, counter, known);
  if (running === undefined) return 0;
  for (const e of runningOperands(running)) counter.add(e, []);
  const places = pointsOf(nest.axes);
  return running.kind === 'prefix'
    ? places
    : places * Math.log2(Math.max(2, running.width / (running.merge?.width ?? 1)));
};

/** What the nests of a kernel do at least. */
export const workOf = (kernel: Pick<LoopKernel, 'nests'>): Work => {
  let operations = 0;
  const known = new Set<string>();
  const read = new Map<LoopBuffer, number>();
  const written = new Map<LoopBuffer, number>();
  for (const nest of kernel.nests) {
    const counter = new Counter(nest);
    operations += innerOperations(nest, counter, known);
    for (const store of nest.stores) {
      counter.add(store.value, []);
      for (const position of opaqueExprs(store.index)) counter.add(position, []);
      const places = pointsOf(store.axes) * pointsOf(store.over);
      if (store.mode !== 'set') operations += places;
      // a scattered store begins by zeroing all of the buffer
      const elements = store.mode === 'set' ? places : sizeOf(store.buffer);
      written.set(store.buffer, (written.get(store.buffer) ?? 0) + elements);
    }
    operations += counter.operations();
    for (const [b, elements] of counter.elementsRead()) read.set(b, (read.get(b) ?? 0) + elements);
  }
  return { operations, bytesRead: bytesIn(read), bytesWritten: bytesIn(written) };
};

const bytesIn = (elements: ReadonlyMap<LoopBuffer, number>): number =>
  [...elements].reduce((sum, [b, n]) => sum + bytesOf(b.dtype) * Math.min(n, sizeOf(b)), 0);
