/**
 * Points of several axes as one number, and whether four neighbours can be done at once.
 *
 * Invariant: the last axis runs fastest, so neighbouring threads that take neighbouring points touch neighbouring memory.
 */
import { type Axis, pointsOf } from '../../ir/dim.ts';
import type { Expr, Nest, Store } from '../../ir/loop/loop.ts';
import { i32, operate } from '../../ir/thread/build.ts';
import type { TExpr } from '../../ir/thread/thread.ts';
import { freeAxes, offsetOf, stepAlong, visitLoads } from '../analysis.ts';
import type { Emitter } from '../emit/emitter.ts';
import { type Mode, SCALAR } from '../emit/mode.ts';
import { storeOffset } from '../normalize.ts';
import { writeTo } from '../stores.ts';

/** Gives `axes` the values of the point with row-major number `index`, in the current scope. */
export const bindPoint = (em: Emitter, axes: readonly Axis[], index: TExpr): void => {
  let rest = index;
  for (let i = axes.length - 1; i >= 0; i--) {
    const axis = axes[i]!;
    const value = i === 0 ? rest : operate('mod', rest, i32(axis.extent));
    em.bind(axis, em.name(axis.name, value));
    if (i > 0) rest = em.name('outer', operate('floordiv', rest, i32(axis.extent)));
  }
};

/** What evaluating these reads, by how far apart neighbours along an axis are. */
export interface Strides {
  /** Loads and stores of neighbours in memory. */
  readonly unit: number;
  /** Those further apart, or at places that only running tells. */
  readonly other: number;
}

export const stridesAlong = (
  axis: Axis,
  values: readonly Expr[],
  stores: readonly Store[] = [],
): Strides => {
  let unit = 0;
  let other = 0;
  const count = (step: number | undefined): void => {
    if (step === 1) unit++;
    else if (step !== 0) other++;
  };
  const seen = new Set<Expr>();
  for (const value of values)
    visitLoads(value, (l) => {
      if (seen.has(l)) return;
      seen.add(l);
      count(stepAlong(offsetOf(l), axis));
    });
  for (const s of stores) if (s.axes.includes(axis)) count(stepAlong(storeOffset(s), axis));
  return { unit, other };
};

/** The axes in the order that threads enumerate them: the one along which most is contiguous comes last. */
export const byMemory = (
  axes: readonly Axis[],
  values: readonly Expr[],
  stores: readonly Store[] = [],
): Axis[] => {
  let best: Axis | undefined;
  let most = 0;
  for (const axis of axes) {
    if (axis.extent < 2) continue;
    // what is stored counts twice: scattered writes cost more than scattered reads
    const { unit } = stridesAlong(axis, values, [...stores, ...stores]);
    if (unit >= most && unit > 0) {
      best = axis;
      most = unit;
    }
  }
  return best === undefined ? [...axes] : [...axes.filter((a) => a !== best), best];
};

/** Whether four points along `axis` are read and written by vectors wherever they depend on it. */
export const inVectors = (
  axis: Axis | undefined,
  values: readonly Expr[],
  stores: readonly Store[] = [],
): boolean => {
  if (axis === undefined || axis.extent % 4 !== 0) return false;
  const { unit, other } = stridesAlong(axis, values, stores);
  return other === 0 && (unit > 0 || values.every((v) => !freeAxes(v).has(axis)));
};

/** Axes at the place of a store that it does not take part in: it happens where they are all 0. */
const absent = (s: Store, bound: readonly Axis[]): Axis[] =>
  bound.filter((a) => !s.axes.includes(a));

/** Runs `write` where all of `axes` are 0. */
const atOrigin = (em: Emitter, axes: readonly Axis[], write: () => void): void => {
  const zeros = axes.map((a) => operate('eq', em.axisValue(a), i32(0)));
  if (zeros.length === 0) em.scope('same', write);
  else
    em.branch(
      zeros.reduce((x, y) => operate('and', x, y)),
      write,
    );
};

/**
 * Evaluates and does stores at the bound point: those at all axes first. Those that take part in fewer are evaluated
 * behind the test for the thread that does them, so that no other thread reads what it may overwrite.
 */
export const writeStores = (
  em: Emitter,
  stores: readonly Store[],
  bound: readonly Axis[],
  mode: Mode,
): void => {
  const levels = new Map<string, Store[]>();
  for (const s of stores) {
    const level = absent(s, bound).map((a) => a.id);
    levels.set(level.join(), [...(levels.get(level.join()) ?? []), s]);
  }
  const outwards = [...levels.values()].sort((a, b) => b[0]!.axes.length - a[0]!.axes.length);
  for (const level of outwards)
    atOrigin(em, absent(level[0]!, bound), () => {
      const modes = level.map((s) => laned(s.axes, mode));
      const results = level.map((s, i) => em.evaluate(s.value, modes[i]!));
      level.forEach((s, i) => {
        writeTo(em, s, results[i]!, modes[i]!);
      });
    });
};

/** Stores that do not depend on the axis of a vector take one number. */
const laned = (axes: readonly Axis[], mode: Mode): Mode =>
  mode.along !== undefined && !axes.includes(mode.along) ? SCALAR : mode;

/** Elements that a nest stores. */
export const storedPoints = (nest: Nest): number =>
  nest.stores.reduce((most, s) => Math.max(most, pointsOf(s.axes)), 0);

/** Smallest power of two that is not below `n`. */
export const powerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, n)));
