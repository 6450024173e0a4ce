/**
 * Reductions as loops: several accumulators, four lanes where the fold allows it, sums in blocks.
 *
 * Invariant: the result does not depend on how many threads run; float32 sums add at most a few hundred terms in a row
 * before they are folded into a second accumulator, so that long sums stay accurate.
 */
import { type Axis, pointsOf } from '../../ir/dim.ts';
import { isFloat } from '../../ir/dtype.ts';
import type { ReduceExpr } from '../../ir/loop/loop.ts';
import { constantOf, get, i32, operate } from '../../ir/thread/build.ts';
import type { Register, TExpr } from '../../ir/thread/thread.ts';
import { contains, evaluationCost, isSafe } from '../analysis.ts';
import { foldChoice, stepCost } from '../cost.ts';
import { isArg } from './combine.ts';
import type { Emitter } from './emitter.ts';
import { type Mode, SCALAR } from './mode.ts';
import {
  type Accumulator,
  accumulator,
  finish,
  firstStep,
  horizontal,
  join,
  neutral,
  type Partial,
  partialOf,
  setAccumulator,
  step,
  tree,
} from './partial.ts';

/** Sums longer than this (for each accumulator) are cut in blocks of about this length. */
const BLOCK = 128;

/** True when a reduction has so few elements that it is written out. */
export const isUnrolled = (e: ReduceExpr): boolean => {
  const trips = pointsOf(e.axes);
  return trips <= 16 && trips * evaluationCost(e.body) <= 160;
};

/** Emits a reduction in the current scope and returns its value in `mode`. */
export const emitReduce = (em: Emitter, e: ReduceExpr, mode: Mode): TExpr => {
  if (isUnrolled(e)) return new Fold(em, [e], mode).unrolled();
  const { team } = em;
  if (team !== undefined && mode.along === undefined && team.folds(e, em.depth)) {
    const group = companions(em, e).filter((other) => team.folds(other, em.depth));
    const results = team.fold(em, group);
    group.forEach((other, i) => {
      if (other !== e) em.remember(other, SCALAR, results[i]!);
    });
    return results[group.indexOf(e)]!;
  }
  if (mode.along === undefined && em.lanes === 4) {
    const { axis } = foldChoice(e.axes, e.body);
    if (axis) {
      const group = companions(em, e);
      const fold = new Fold(em, group, { along: axis, lane: 'all' });
      const results = fold.run(axis);
      group.forEach((other, i) => {
        if (i > 0) em.remember(other, SCALAR, results[i]!);
      });
      return results[0]!;
    }
  }
  return new Fold(em, [e], mode).run(e.axes[e.axes.length - 1]!)[0]!;
};

/** Reductions over the same elements that are needed at the same place: one loop computes them all. */
const companions = (em: Emitter, e: ReduceExpr): ReduceExpr[] => {
  const group = [e];
  for (const other of em.siblings) {
    if (other.kind !== 'reduce' || other === e || group.length === 4) continue;
    const alike =
      other.axes.length === e.axes.length && other.axes.every((a, i) => a === e.axes[i]);
    if (!alike || !em.isBound(other) || em.placement(other) !== em.depth) continue;
    // It may stand under a guard that does not hold here.
    if (!isSafe(other)) continue;
    if (em.isKnown(other) || group.some((g) => contains(g, other) || contains(other, g))) continue;
    group.push(other);
  }
  return group;
};

class Fold {
  readonly #em: Emitter;
  readonly #group: readonly ReduceExpr[];
  /** How bodies are evaluated; along the folded axis itself when lanes share the fold. */
  readonly #mode: Mode;
  readonly #lanes: 1 | 4;
  /** Whether elements are visited in row-major order. */
  #ordered = true;

  constructor(em: Emitter, group: readonly ReduceExpr[], mode: Mode) {
    this.#em = em;
    this.#group = group;
    this.#mode = mode;
    this.#lanes = mode.lane === 'all' ? 4 : 1;
  }

  /** Straight code for few trips. */
  unrolled(): TExpr {
    const em = this.#em;
    const e = this.#group[0]!;
    let partial: Partial | undefined;
    const visit = (axes: readonly Axis[]): void => {
      const [axis, ...rest] = axes;
      if (axis === undefined) {
        partial = partial
          ? step(em, e, this.#mode, partial, this.#ordered)
          : firstStep(em, e, this.#mode);
        partial = {
          value: em.name(e.op, partial.value),
          position: partial.position && em.name('position', partial.position),
        };
        return;
      }
      for (let i = 0; i < axis.extent; i++)
        em.scope('same', () => {
          em.bind(axis, i32(i));
          visit(rest);
        });
    };
    visit(e.axes);
    return finish(e, partial ?? neutral(e, this.#lanes));
  }

  /** Loops, the innermost along `inner`. */
  run(inner: Axis): TExpr[] {
    const em = this.#em;
    this.#ordered = inner === this.#group[0]!.axes.at(-1);
    const vector = this.#mode.along === inner;
    const width = vector ? 4 : 1;
    const outer = this.#group[0]!.axes.filter((a) => a !== inner);
    const n = inner.extent;
    const unroll = this.#unroll(inner, Math.floor(n / width));
    const chunk = width * unroll;
    const main = n - (n % chunk);
    const rest = n - (n % width);

    const trips = pointsOf(outer);
    const blocked =
      this.#group.some((e) => e.op === 'add' && isFloat(e.dtype)) &&
      (trips * main) / chunk > 2 * BLOCK;
    const accumulators = this.#group.map((e) =>
      Array.from({ length: unroll }, () => accumulator(em, e, this.#lanes)),
    );
    const tails = vector && rest < n ? this.#group.map((e) => accumulator(em, e, 1)) : undefined;
    const totals = blocked ? this.#group.map((e) => this.#total(e, this.#lanes)) : undefined;
    const tailTotals = blocked && tails ? this.#group.map((e) => this.#total(e, 1)) : undefined;

    const flush = (): void => {
      this.#group.forEach((e, i) => {
        const total = totals?.[i];
        if (!total) return;
        const zero = (r: Register): void => em.set(r, constantOf(0, r.type));
        em.set(
          total,
          operate('add', get(total), tree(em, e, accumulators[i]!.map(partialOf)).value),
        );
        for (const a of accumulators[i]!) zero(a.value);
        const tailTotal = tailTotals?.[i];
        if (!tailTotal) return;
        em.set(tailTotal, operate('add', get(tailTotal), get(tails![i]!.value)));
        zero(tails![i]!.value);
      });
    };
    const visit = (value: TExpr, mode: Mode, into: (i: number) => Accumulator): void => {
      em.scope('same', () => {
        em.bind(inner, value);
        em.region(() =>
          this.#group.forEach((e, i) => {
            const acc = into(i);
            setAccumulator(em, acc, step(em, e, mode, partialOf(acc), this.#ordered));
          }),
        );
      });
    };
    const mainLoop = (from: TExpr, to: TExpr): void =>
      em.loop(inner.name, from, to, chunk, (v) => {
        for (let u = 0; u < unroll; u++)
          visit(operate('add', v, i32(u * width)), this.#mode, (i) => accumulators[i]![u]!);
      });
    const row = (): void => {
      const block = chunk * BLOCK;
      const whole = blocked && main / chunk > 2 * BLOCK ? main - (main % block) : 0;
      em.loop(`${inner.name}_block`, i32(0), i32(whole), block, (b) => {
        mainLoop(b, operate('add', b, i32(block)));
        flush();
      });
      mainLoop(i32(whole), i32(main));
      em.loop(inner.name, i32(main), i32(rest), width, (v) =>
        visit(v, this.#mode, (i) => accumulators[i]![0]!),
      );
      if (vector)
        em.loop(inner.name, i32(rest), i32(n), 1, (v) => visit(v, SCALAR, (i) => tails![i]!));
    };
    // blocks end where an outer loop has summed enough, or after a number of its trips
    const steps = Math.max(1, main / chunk);
    const enough = (axes: readonly Axis[]): boolean =>
      axes.reduce((t, a) => t * a.extent, steps) >= BLOCK / 4;
    const nest = (axes: readonly Axis[]): void => {
      const [axis, ...deeper] = axes;
      if (axis === undefined) {
        row();
        return;
      }
      const trip = (v: TExpr): void => {
        em.bind(axis, v);
        nest(deeper);
      };
      const all = [i32(0), i32(axis.extent)] as const;
      if (!blocked || (deeper.length > 0 && enough(deeper.slice(1)))) {
        em.loop(axis.name, ...all, 1, trip);
      } else if (enough(deeper)) {
        em.loop(axis.name, ...all, 1, (v) => {
          trip(v);
          flush();
        });
      } else if (axes.length < outer.length) {
        em.loop(axis.name, ...all, 1, trip);
      } else {
        em.loop(`${axis.name}_block`, ...all, BLOCK, (b) => {
          const end = operate('min', operate('add', b, i32(BLOCK)), i32(axis.extent));
          em.loop(axis.name, b, em.name('end', end), 1, trip);
          flush();
        });
      }
    };
    if (outer.length === 0) em.pass(inner, row);
    else nest(outer);
    if (blocked) flush();

    return this.#group.map((e, i) => {
      const total = totals?.[i];
      const lanes: Partial = total
        ? { value: get(total), position: undefined }
        : tree(em, e, accumulators[i]!.map(partialOf));
      if (!vector) return finish(e, lanes);
      const across = horizontal(em, e, lanes);
      const tailTotal = tailTotals?.[i];
      const tail: Partial | undefined = tailTotal
        ? { value: get(tailTotal), position: undefined }
        : tails && partialOf(tails[i]!);
      return finish(e, tail ? join(em, e, across, tail) : across);
    });
  }

  #unroll(inner: Axis, steps: number): number {
    if (this.#em.compact) return 1;
    const bodies = this.#group.map((e) => e.body);
    const cost = stepCost(bodies, inner);
    const wanted = this.#group.some((e) => isArg(e.op)) ? 2 : cost <= 8 ? 4 : cost <= 24 ? 2 : 1;
    let unroll = wanted;
    while (unroll > 1 && steps < unroll * 2) unroll /= 2;
    return unroll;
  }
  #total(e: ReduceExpr, lanes: 1 | 4): Register | undefined {
    if (e.op !== 'add' || !isFloat(e.dtype)) return undefined;
    return this.#em.variable('total', neutral(e, lanes).value);
  }
}
