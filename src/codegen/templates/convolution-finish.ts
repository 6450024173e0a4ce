/**
 * The stores of what a convolution has summed for a stripe of an image.
 *
 * Invariant: a position of the result is stored once, after its last sum; phases are woven into each other, so that
 * neighbours in memory are stored together.
 */
import { type Axis, idxAxis, idxDiv, idxMod, newAxis } from '../../ir/dim.ts';
import type { Store } from '../../ir/loop/loop.ts';
import { add, i32, loadFrom, mul, operate, shuffle, vec4 } from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer } from '../../ir/thread/thread.ts';
import type { Emitter } from '../emit/emitter.ts';
import { bindAll, positionOf } from '../emit/position.ts';
import { rewriter } from '../rewrite.ts';
import { inVectors, type Output, outputsOf, storeScalars, storeVectors } from '../stores.ts';
import type { Geometry } from './convolution-geometry.ts';
import type { Share } from './share.ts';
import type { Slots } from './slots.ts';

/** One axis of the result: its positions of all phases. */
interface Line {
  readonly axis: Axis;
  readonly phases: number;
  /** From one position of a phase to the next, and from phase to phase. */
  readonly pitch: number;
  readonly phasePitch: number;
}

export interface Finish {
  readonly rowAxes: readonly Axis[];
  readonly lines: readonly Line[];
  readonly outputs: readonly Output[];
}

/** `each`: sums of a phase. */
export const finishOf = (
  g: Geometry,
  stores: readonly Store[],
  { slots, each }: { readonly slots: Slots; readonly each: number },
): Finish => {
  let phasePitch = each;
  const lines = g.windows.toReversed().map(({ position }, i): Line => {
    const at = g.windows.length - 1 - i;
    const phases = g.taps[at]!.phase.extent;
    const axis = phases === 1 ? position : newAxis(position.name, position.extent * phases, 'par');
    const line = { axis, phases, pitch: slots.pitches[at]!, phasePitch };
    phasePitch *= phases;
    return line;
  });
  lines.reverse();
  const { expr, idx } = rewriter({
    axis: (a) => {
      const at = g.windows.findIndex((w, i) => w.position === a || g.taps[i]!.phase === a);
      const line = lines[at];
      if (line === undefined || line.phases === 1) return undefined;
      const whole = idxAxis(line.axis);
      return g.windows[at]!.position === a
        ? idxDiv(whole, line.phases)
        : idxMod(whole, line.phases);
    },
  });
  const outputs = outputsOf(stores).map(({ buffer, value, offset }) => ({
    buffer,
    value: expr(value),
    offset: idx(offset),
  }));
  return { rowAxes: g.rowAxes, lines, outputs };
};

/** What is there to store. */
export interface Summed {
  readonly sums: ThreadBuffer;
  /** Of a row. */
  readonly pitch: number;
  readonly rows: Share;
  /** The part of the first window that is here. */
  readonly stripe: { readonly from: TExpr; readonly to: TExpr };
}

/** The stores, over all positions of the result that the workgroup's rows have in this stripe. */
export const finishImage = (em: Emitter, f: Finish, { sums, pitch, rows, stripe }: Summed): void =>
  em.loop('finished', i32(0), rows.count, 1, (row) => {
    bindAll(em, positionOf(em, f.rowAxes, em.name('row', add(rows.start, row))));
    const walk = (i: number, before: TExpr): void => {
      const line = f.lines[i]!;
      const { axis, phases, phasePitch } = line;
      const all = i32(phases);
      const from = i === 0 ? mul(stripe.from, all) : i32(0);
      const to = i === 0 ? mul(stripe.to, all) : i32(axis.extent);
      const at = (v: TExpr): TExpr => {
        const place = operate('floordiv', v, all);
        const moved = mul(i === 0 ? operate('sub', place, stripe.from) : place, i32(line.pitch));
        return add(add(before, moved), mul(operate('mod', v, all), i32(phasePitch)));
      };
      if (i + 1 < f.lines.length) {
        em.loop(axis.name, from, to, 1, (v) => {
          em.bind(axis, v);
          walk(i + 1, em.name('at', at(v)));
        });
        return;
      }
      const step = (v: TExpr, sum: TExpr, store: () => void): void => {
        em.bind(axis, v);
        em.setAccumulator(em.name('sum', sum));
        store();
      };
      const begin = em.name('from', from);
      const length = operate('and', operate('sub', to, begin), i32(-4));
      const whole = inVectors(f.outputs, axis) ? em.name('whole', add(begin, length)) : begin;
      em.loop(axis.name, begin, whole, 4, (v) =>
        step(v, woven(em, sums, v, at, line), () => storeVectors(em, f.outputs, axis)),
      );
      em.loop(axis.name, whole, to, 1, (v) =>
        step(v, loadFrom(sums, at(v)), () => storeScalars(em, f.outputs)),
      );
    };
    walk(0, em.name('sums', mul(row, i32(pitch))));
  });

/** Sums of four neighbours from `v` on, a multiple of four. */
const woven = (
  em: Emitter,
  sums: ThreadBuffer,
  v: TExpr,
  at: (v: TExpr) => TExpr,
  { phases, phasePitch }: Line,
): TExpr => {
  if (phases === 1) return loadFrom(sums, at(v), 4);
  if (phases === 2) {
    const even = em.name('even', at(v));
    return shuffle(
      loadFrom(sums, even, 4),
      loadFrom(sums, add(even, i32(phasePitch)), 4),
      [0, 4, 1, 5],
    );
  }
  const [a, b, c, d] = [0, 1, 2, 3].map((lane) => loadFrom(sums, at(add(v, i32(lane)))));
  return vec4(a!, b!, c!, d!);
};
