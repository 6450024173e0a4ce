/**
 * Stores at bound axes: of values at hand, or of what is computed from an accumulator; lane by lane where memory asks it.
 *
 * Invariant: all values of a group of stores are computed before any of them is stored.
 */
import { type Axis, type Idx, idxFlatten } from '../ir/dim.ts';
import type { Expr, LoopBuffer, Store } from '../ir/loop/loop.ts';
import { add, i32, laneOf } from '../ir/thread/build.ts';
import type { TExpr } from '../ir/thread/thread.ts';
import { stepAlong } from './analysis.ts';
import type { Emitter } from './emit/emitter.ts';
import { LANES, type Mode } from './emit/mode.ts';
import { storeOffset } from './normalize.ts';

/** Writes the value of a store at the bound axes. */
export const writeTo = (em: Emitter, s: Store, value: TExpr, mode: Mode): void => {
  const offset = storeOffset(s);
  const along = mode.along;
  const varies = along !== undefined && s.axes.includes(along);
  if (!varies || mode.lane !== 'all') {
    em.store(s.buffer, em.index(offset), value.type.lanes === 4 ? laneOf(value, 0) : value);
    return;
  }
  const wide = value.type.lanes === 4 ? em.name('value', value) : value;
  if (stepAlong(offset, along) === 1) {
    em.store(s.buffer, em.index(offset), wide);
    return;
  }
  for (const lane of LANES)
    em.store(s.buffer, em.indexAt(offset, { along, lane }), laneOf(wide, lane));
};

export interface Output {
  readonly buffer: LoopBuffer;
  readonly value: Expr;
  readonly offset: Idx;
}

export const outputsOf = (stores: readonly Store[]): Output[] =>
  stores.map((s) => ({
    buffer: s.buffer,
    value: s.value,
    offset: idxFlatten(s.index, s.buffer.strides),
  }));

/** True when all outputs can be computed four at a time along `axis`. */
export const inVectors = (outputs: readonly Output[], axis: Axis | undefined): axis is Axis =>
  axis !== undefined &&
  axis.extent >= 4 &&
  outputs.every((o) => stepAlong(o.offset, axis) !== undefined);

/** Evaluates and stores four lanes along `last`, for the accumulator and the axes as they are bound. */
export const storeVectors = (em: Emitter, outputs: readonly Output[], last: Axis): void => {
  const values = outputs.map((o) => em.name(o.buffer.name, em.vector(o.value, last)));
  outputs.forEach(({ buffer, offset }, i) => {
    const at = em.index(offset);
    const step = stepAlong(offset, last)!;
    if (step === 1) em.store(buffer, at, values[i]!);
    else
      for (const lane of LANES)
        em.store(buffer, add(at, i32(step * lane)), laneOf(values[i]!, lane));
  });
};

export const storeScalars = (em: Emitter, outputs: readonly Output[]): void => {
  const values = outputs.map((o) => em.name(o.buffer.name, em.scalar(o.value)));
  outputs.forEach(({ buffer, offset }, i) => {
    em.store(buffer, em.index(offset), values[i]!);
  });
};
