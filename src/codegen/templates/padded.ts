/**
 * Copies a channel of an image, or of a stripe of one, to where zeros stand around it.
 *
 * Invariant: only positions of the input are written; whoever copies has cleared the memory.
 */
import type { Axis } from '../../ir/dim.ts';
import type { Expr } from '../../ir/loop/loop.ts';
import { add, i32, mul, operate, storeTo } from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer } from '../../ir/thread/thread.ts';
import type { Emitter } from '../emit/emitter.ts';
import { readsVectors } from './contraction.ts';
import type { Shift } from './shifted-geometry.ts';

/** Of a window: padded input positions, zeros before the input, and memory from one position to the next. */
export interface PaddedWindow {
  readonly window: Shift;
  readonly length: number;
  readonly pad: number;
  readonly pitch: number;
}

/** Zeros before the input: so many that the first result meets position 0. */
export const paddingOf = ({ shift, sign, k }: Shift): number =>
  shift + (sign < 0 ? k.extent - 1 : 0);

/** Of the bound channel and image; `from`: the first result position of the stripe, where there are several. */
export const copyPadded = (
  em: Emitter,
  input: Expr,
  windows: readonly PaddedWindow[],
  buffer: ThreadBuffer,
  start: TExpr,
  from: TExpr | undefined,
): void => {
  const walk = (i: number, before: TExpr): void => {
    const { window, length, pad, pitch } = windows[i]!;
    const { u } = window;
    const stripe = i === 0 ? from : undefined;
    const shift = stripe === undefined ? i32(pad) : operate('sub', i32(pad), stripe);
    const place = (v: TExpr): TExpr => add(before, mul(add(v, shift), i32(pitch)));
    const [first, end] =
      stripe === undefined
        ? [i32(0), i32(u.extent)]
        : [
            operate('max', i32(0), operate('sub', stripe, i32(pad))),
            operate('min', i32(u.extent), operate('sub', i32(length), shift)),
          ];
    if (i + 1 === windows.length) {
      copyLine(em, input, u, buffer, place);
      return;
    }
    em.loop(u.name, first, em.name('inputEnd', end), 1, (v) => {
      em.bind(u, v);
      walk(i + 1, em.name('line', place(v)));
    });
  };
  walk(0, start);
};

const copyLine = (
  em: Emitter,
  input: Expr,
  axis: Axis,
  buffer: ThreadBuffer,
  place: (u: TExpr) => TExpr,
): void => {
  const whole = readsVectors(input, axis) ? axis.extent - (axis.extent % 4) : 0;
  em.loop(axis.name, i32(0), i32(whole), 4, (u) => {
    em.bind(axis, u);
    em.push(storeTo(buffer, place(u), em.vector(input, axis)));
  });
  em.loop(axis.name, i32(whole), i32(axis.extent), 1, (u) => {
    em.bind(axis, u);
    em.push(storeTo(buffer, place(u), em.scalar(input)));
  });
};
