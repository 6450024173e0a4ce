/**
 * Reductions as loops: several accumulators, four lanes where the fold allows it, sums in blocks.
 *
 * Invariant: the result does not depend on how many threads run; float32 sums add at most a few hundred terms in a row
 * before they are folded into a second accumulator, so that long sums stay accurate.
 */
import { type Axis, idxAxis, pointsOf } from '../../ir/dim.ts';
import { isFloat } from '../../ir/dtype.ts';
import { indexValue } from '../../ir/loop/expr.ts';
import type { ReduceExpr } from '../../ir/loop/loop.ts';
import {
  constantOf,
  fma,
  get,
  i32,
  laneOf,
  operate,
  regType,
  shuffle,
} from '../../ir/thread/build.ts';
import { type Register, registerOf, type TExpr } from '../../ir/thread/thread.ts';
import { contains, evaluationCost, isSafe, positionOver } from '../analysis.ts';
import { foldChoice, stepCost } from '../cost.ts';
import { better, combine, isArg, neutralOf, tied } from './combine.ts';
import type { Emitter } from './emitter.ts';
import { type Mode, SCALAR } from './mode.ts';

/** Sums longer than this (for each accumulator) are cut in blocks of about this length. */
const BLOCK = 128;

interface Accumulator {
  readonly value: Register;
  /** Where the extreme was met, for argmax and argmin. */
  readonly position: Register | undefined;
}
interface Partial {
  readonly value: TExpr;
  readonly position: TExpr | undefined;
}

/** Emits a reduction in the current scope and returns its value in `mode`. */
export const emitReduce = (em: Emitter, e: ReduceExpr, mode: Mode): TExpr => {
  const trips = pointsOf(e.axes);
  if (trips <= 16 && trips * evaluationCost(e.body) <= 160)
    return new Fold(em, [e], mode).unrolled();
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
        partial = this.#step(e, this.#mode, partial ?? this.#neutral(e, this.#lanes), !partial);
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
    return this.#finish(e, partial ?? this.#neutral(e, this.#lanes));
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
      Array.from({ length: unroll }, () => this.#accumulator(e, this.#lanes)),
    );
    const tails = vector && rest < n ? this.#group.map((e) => this.#accumulator(e, 1)) : undefined;
    const totals = blocked ? this.#group.map((e) => this.#total(e, this.#lanes)) : undefined;
    const tailTotals = blocked && tails ? this.#group.map((e) => this.#total(e, 1)) : undefined;

    const flush = (): void => {
      this.#group.forEach((e, i) => {
        const total = totals?.[i];
        if (!total) return;
        const zero = (r: Register): void => em.set(r, constantOf(0, r.type));
        em.set(
          total,
          operate('add', get(total), this.#tree(e, accumulators[i]!.map(partialOf)).value),
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
            const next = this.#step(e, mode, partialOf(acc), false);
            if (acc.position) em.set(acc.position, next.position!);
            em.set(acc.value, next.value);
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
      const step = (v: TExpr): void => {
        em.bind(axis, v);
        nest(deeper);
      };
      const all = [i32(0), i32(axis.extent)] as const;
      if (!blocked || (deeper.length > 0 && enough(deeper.slice(1)))) {
        em.loop(axis.name, ...all, 1, step);
      } else if (enough(deeper)) {
        em.loop(axis.name, ...all, 1, (v) => {
          step(v);
          flush();
        });
      } else if (axes.length < outer.length) {
        em.loop(axis.name, ...all, 1, step);
      } else {
        em.loop(`${axis.name}_block`, ...all, BLOCK, (b) => {
          const end = operate('min', operate('add', b, i32(BLOCK)), i32(axis.extent));
          em.loop(axis.name, b, em.name('end', end), 1, step);
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
        : this.#tree(e, accumulators[i]!.map(partialOf));
      if (!vector) return this.#finish(e, lanes);
      const across = this.#horizontal(e, lanes);
      const tailTotal = tailTotals?.[i];
      const tail: Partial | undefined = tailTotal
        ? { value: get(tailTotal), position: undefined }
        : tails && partialOf(tails[i]!);
      return this.#finish(e, tail ? this.#join(e, across, tail) : across);
    });
  }

  #unroll(inner: Axis, steps: number): number {
    const bodies = this.#group.map((e) => e.body);
    const cost = stepCost(bodies, inner);
    const wanted = this.#group.some((e) => isArg(e.op)) ? 2 : cost <= 8 ? 4 : cost <= 24 ? 2 : 1;
    let unroll = wanted;
    while (unroll > 1 && steps < unroll * 2) unroll /= 2;
    return unroll;
  }
  #neutral(e: ReduceExpr, lanes: 1 | 4): Partial {
    const type = regType(registerOf(e.body.dtype), lanes);
    return {
      value: constantOf(neutralOf(e.op, e.body.dtype), type),
      position: isArg(e.op) ? constantOf(0, regType('i32', lanes)) : undefined,
    };
  }
  #accumulator(e: ReduceExpr, lanes: 1 | 4): Accumulator {
    const { value, position } = this.#neutral(e, lanes);
    return {
      value: this.#em.variable(`acc_${e.op}`, value),
      position: position && this.#em.variable('position', position),
    };
  }
  #total(e: ReduceExpr, lanes: 1 | 4): Register | undefined {
    if (e.op !== 'add' || !isFloat(e.dtype)) return undefined;
    return this.#em.variable('total', this.#neutral(e, lanes).value);
  }

  /** `before` folded with the body at the bound axes. */
  #step(e: ReduceExpr, mode: Mode, before: Partial, first: boolean): Partial {
    const em = this.#em;
    const { body } = e;
    if (isArg(e.op)) {
      const value = em.evaluate(body, mode);
      const here = em.evaluate(indexValue(positionOver(e.axes, idxAxis)), mode);
      if (first) return { value, position: here };
      const strictly = better(e.op, body.dtype, value, before.value);
      // Only the first of equals counts, and it is met first only in row-major order.
      const earlier = operate(
        'and',
        tied(body.dtype, value, before.value),
        operate('lt', here, before.position!),
      );
      const wins = em.name('wins', this.#ordered ? strictly : operate('or', strictly, earlier));
      return {
        value: operate('select', wins, value, before.value),
        position: operate('select', wins, here, before.position!),
      };
    }
    if (first) return { value: em.evaluate(body, mode), position: undefined };
    const product =
      e.op === 'add' && body.kind === 'op' && body.op === 'mul' && isFloat(body.dtype);
    if (product && !em.isShared(body)) {
      const [a, b] = body.args.map((x) => em.evaluate(x, mode));
      return { value: fma(a!, b!, before.value), position: undefined };
    }
    return {
      value: combine(e.op, body.dtype, before.value, em.evaluate(body, mode)),
      position: undefined,
    };
  }
  #join(e: ReduceExpr, x: Partial, y: Partial): Partial {
    const { dtype } = e.body;
    if (!isArg(e.op)) return { value: combine(e.op, dtype, x.value, y.value), position: undefined };
    const em = this.#em;
    const earlier = operate('lt', y.position!, x.position!);
    const wins = em.name(
      'wins',
      operate(
        'or',
        better(e.op, dtype, y.value, x.value),
        operate('and', tied(dtype, x.value, y.value), earlier),
      ),
    );
    return {
      value: em.name('best', operate('select', wins, y.value, x.value)),
      position: em.name('position', operate('select', wins, y.position!, x.position!)),
    };
  }
  #tree(e: ReduceExpr, partials: readonly Partial[]): Partial {
    let level = partials;
    while (level.length > 1) {
      const next: Partial[] = [];
      for (let i = 0; i < level.length; i += 2)
        next.push(level[i + 1] ? this.#join(e, level[i]!, level[i + 1]!) : level[i]!);
      level = next;
    }
    return level[0]!;
  }
  /** The four lanes of a vector folded into one. */
  #horizontal(e: ReduceExpr, x: Partial): Partial {
    const em = this.#em;
    const value = em.name('lanes', x.value);
    if (isArg(e.op) || e.body.dtype === 'bool') {
      const position = x.position && em.name('positions', x.position);
      const lanes = ([0, 1, 2, 3] as const).map((lane) => ({
        value: em.name('lane', laneOf(value, lane)),
        position: position && em.name('position', laneOf(position, lane)),
      }));
      return this.#tree(e, lanes);
    }
    const half = em.name(
      'lanes',
      combine(e.op, e.body.dtype, value, shuffle(value, value, [2, 3, 0, 1])),
    );
    const all = combine(e.op, e.body.dtype, half, shuffle(half, half, [1, 0, 3, 2]));
    return { value: laneOf(em.name('lanes', all), 0), position: undefined };
  }
  #finish(e: ReduceExpr, x: Partial): TExpr {
    const { value } = x;
    if (isArg(e.op)) return x.position!;
    return e.dtype === 'uint8' ? operate('and', value, constantOf(255, value.type)) : value;
  }
}

const partialOf = (a: Accumulator): Partial => ({
  value: get(a.value),
  position: a.position && get(a.position),
});
