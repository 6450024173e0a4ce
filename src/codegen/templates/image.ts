/**
 * Convolutions that take image by image: the stores of what has been summed for one.
 *
 * Invariant: a position of the result is stored once, after its last sum.
 */
import type { Axis } from '../../ir/dim.ts';
import { add, i32, loadFrom, mul, operate } from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer } from '../../ir/thread/thread.ts';
import type { Emitter } from '../emit/emitter.ts';
import { bindAll, positionOf } from '../emit/position.ts';
import { inVectors, type Output, storeScalars, storeVectors } from '../stores.ts';
import type { Shifts } from './shifted-geometry.ts';

/** Where the sums of one image are: `rows` rows of `pitch`, each the positions of the windows, row-major. */
export interface SummedImage {
  readonly g: Shifts;
  /** Positions from `low` on, `length` of them. */
  readonly windows: readonly { readonly n: Axis; readonly low: number; readonly length: number }[];
  readonly pitch: number;
  readonly rows: number;
  readonly sums: ThreadBuffer;
  readonly outputs: readonly Output[];
  /** The first row. */
  readonly start: TExpr;
  /** The part of the first window that is here; default: all of it. */
  readonly stripe?: { readonly from: TExpr; readonly to: TExpr };
  /** Where the sums of the first row begin; default: where the memory does. */
  readonly origin?: TExpr;
}

/** The stores, over all positions of the result that the workgroup's rows have in this image. */
export const finishImage = (em: Emitter, image: SummedImage): void => {
  const { g, windows, pitch, rows, sums, outputs, start, stripe, origin } = image;
  const last = windows.at(-1)!.n;
  const end = operate('min', i32(rows), operate('sub', i32(g.rows.size), start));
  em.loop('finished', i32(0), em.name('rowEnd', end), 1, (row) => {
    bindAll(em, positionOf(em, g.rowAxes, em.name('row', add(start, row))));
    const walk = (i: number, sum: TExpr): void => {
      const w = windows[i]!;
      const from = i === 0 && stripe !== undefined ? stripe.from : i32(0);
      const to = i === 0 && stripe !== undefined ? stripe.to : i32(w.n.extent);
      const inside = (v: TExpr): TExpr => {
        const place = operate('sub', v, i32(w.low));
        return add(mul(sum, i32(w.length)), i === 0 ? operate('sub', place, from) : place);
      };
      if (i + 1 < windows.length) {
        em.loop(w.n.name, from, to, 1, (v) => {
          em.bind(w.n, v);
          walk(i + 1, em.name('at', inside(v)));
        });
        return;
      }
      const base = add(mul(row, i32(pitch)), origin ?? i32(0));
      const step = (v: TExpr, lanes: 1 | 4, store: () => void): void => {
        em.bind(w.n, v);
        em.setAccumulator(em.name('sum', loadFrom(sums, add(base, inside(v)), lanes)));
        store();
      };
      const whole = inVectors(outputs, last) ? last.extent - (last.extent % 4) : 0;
      em.loop(last.name, i32(0), i32(whole), 4, (v) =>
        step(v, 4, () => storeVectors(em, outputs, last)),
      );
      em.loop(last.name, i32(whole), i32(last.extent), 1, (v) =>
        step(v, 1, () => storeScalars(em, outputs)),
      );
    };
    walk(0, i32(0));
  });
};
