/**
 * The input of a convolution as its windows want it: padded with zeros, a plane for each channel, and in it one part for
 * each remainder of the stride, so that neighbouring positions of the result read neighbours, whatever the tap.
 *
 * Invariant: the tap (and phase) adds `reachOf` to where a position reads; all that is read of a plane was copied or cleared,
 * or belongs to sums that are never stored. Zeros after a line are those before the next one.
 */
import {
  type Axis,
  type Idx,
  idxAdd,
  idxAxis,
  idxConst,
  idxDiv,
  idxMod,
  idxOffset,
  idxScale,
  newAxis,
} from '../../ir/dim.ts';
import type { Expr } from '../../ir/loop/loop.ts';
import { add, constantOf, i32, mul, operate, regType, storeTo } from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer } from '../../ir/thread/thread.ts';
import { evaluationCost, offsetOf, stepAlong, visitLoads } from '../analysis.ts';
import type { Emitter } from '../emit/emitter.ts';
import { rewriter } from '../rewrite.ts';
import type { Window } from './windows.ts';

/** How one window lies in a plane. */
export interface Side {
  readonly window: Window;
  /** Positions that are there, fewer than all where a plane holds a stripe. */
  readonly positions: number;
  /** Places of a line, from one of them to the next, and from remainder to remainder. */
  readonly length: number;
  readonly pitch: number;
  readonly remainders: number;
  readonly remainderPitch: number;
  /** Input positions from one remainder to the next. */
  readonly step: number;
  /** Zeros before the input. */
  readonly pad: number;
  /** What the tap (and phase) adds: places of the line, and remainders. */
  readonly line: Idx;
  readonly part: Idx;
}

export interface Planes {
  readonly sides: readonly Side[];
  /** Elements of all remainders. */
  readonly volume: number;
  /** The most that taps (and phases) add to where a position reads. */
  readonly farthest: number;
}

/** What they add. */
export const reachOf = ({ sides }: Planes): Idx =>
  sides.reduce((sum, side) => {
    const line = idxScale(side.line, side.pitch);
    return idxAdd(sum, idxAdd(line, idxScale(side.part, side.remainderPitch)));
  }, idxConst(0));

/** How far the tap and the phase move what is read, from `least` on: in places of a line and in remainders. */
interface Reach {
  readonly least: number;
  readonly most: number;
  readonly line: Idx;
  readonly part: Idx;
}

const reaches = new WeakMap<Window, Reach>();

/** The same for all stripes, so it is found once. */
const windowReach = (window: Window): Reach => {
  let found = reaches.get(window);
  if (found === undefined) {
    const { tap, dilation, base, stride } = window;
    const at = idxAdd(idxScale(idxAxis(tap), dilation), base);
    const shift = idxOffset(at, -at.lo);
    const [line, part] = [idxDiv(shift, stride), idxMod(shift, stride)];
    found = { least: at.lo, most: shift.hi, line, part };
    reaches.set(window, found);
  }
  return found;
};

/**
 * `first`: positions of the first window that a plane holds. `apart`: the last window has a part for each tap instead, whose
 * lines are as long as those of the result.
 */
export const planesOf = (
  windows: readonly Window[],
  first: number,
  apart: boolean = false,
): Planes => {
  const partial = windows.map((window, i) => {
    const { stride, lo, u, tap, dilation, base } = window;
    const positions = i === 0 ? first : window.position.extent;
    if (apart && i === windows.length - 1) {
      const parts = { remainders: tap.extent, step: dilation, pad: lo - base.lo };
      const ofTap = { line: idxConst(0), part: idxAxis(tap) };
      return { window, positions, length: positions, ...parts, ...ofTap };
    }
    const { least, most, line, part } = windowReach(window);
    const pad = lo - least;
    const after = positions + most - pad - u.extent;
    const shared = stride === 1 && i > 0 ? Math.max(0, Math.min(pad, after)) : 0;
    const length = positions + Math.floor(most / stride) - shared;
    const remainders = Math.min(stride, part.hi + 1);
    return { window, positions, length, remainders, step: 1, pad, line, part };
  });
  let pitch = 1;
  const lines = partial.toReversed().map((p) => {
    const own = { ...p, pitch };
    pitch *= p.length;
    return own;
  });
  let farthest = 0;
  const sides = lines.map((p) => {
    const own = { ...p, remainderPitch: pitch };
    farthest += p.line.hi * p.pitch + p.part.hi * pitch;
    pitch *= p.remainders;
    return own;
  });
  sides.reverse();
  return { sides, volume: pitch, farthest };
};

/** An odd number of cache lines: planes at a power of two would share one set. */
export const planeLength = (elements: number): number => 16 * (Math.ceil(elements / 16) | 1);

/** Steps between neighbours that vectors are made of. */
const isStreamed = (e: Expr, axis: Axis): boolean => {
  let streamed = axis.extent >= 4;
  visitLoads(e, (load) => {
    streamed &&= [0, 1, 2].includes(stepAlong(offsetOf(load), axis) ?? -1);
  });
  return streamed;
};

/** Cycles to copy an element. */
export const copyCost = (input: Expr, windows: readonly Window[]): number => {
  const map = Math.max(0, evaluationCost(input) - 1);
  const { u, stride } = windows.at(-1)!;
  if (stride > 2 || !isStreamed(input, u)) return 3 + map;
  return (stride === 2 ? 1.6 : 1) + map / 4;
};

/** Makes a buffer, or its beginning, zero. */
export const clear = (
  em: Emitter,
  buffer: ThreadBuffer,
  end: TExpr = i32(buffer.elements),
): void => {
  const zero = constantOf(0, regType('f32', 4));
  em.loop('clear', i32(0), end, 4, (at) => em.push(storeTo(buffer, at, zero)));
};

/** Where a plane goes, and from which position of the first window on; default: from its first. */
export interface Target {
  readonly buffer: ThreadBuffer;
  readonly at: TExpr;
  readonly from?: TExpr;
}

/** Copies what there is of the input for the bound channel and image. */
export const copyPlane = (em: Emitter, input: Expr, { sides }: Planes, target: Target): void => {
  const places = sides.map(({ window: { u }, length, remainders }) => ({
    place: newAxis(u.name, length, 'par'),
    remainder: newAxis('remainder', remainders, 'par'),
  }));
  const axes = new Map(
    sides.map(({ window: { u, stride }, pad, step }, i): [Axis, Idx] => {
      const { place, remainder } = places[i]!;
      const at = idxAdd(idxScale(idxAxis(place), stride), idxScale(idxAxis(remainder), step));
      return [u, idxOffset(at, -pad)];
    }),
  );
  const source = rewriter({ axis: (a) => axes.get(a) }).expr(input);
  const walk = (i: number, before: TExpr): void => {
    const side = sides[i]!;
    const { place, remainder } = places[i]!;
    em.axisLoop(remainder, () => {
      const part = mul(em.index(idxAxis(remainder)), i32(side.remainderPitch));
      const from = i === 0 ? target.from : undefined;
      const [first, end] = rangeOf(em, side, remainder, from);
      const line = em.name('line', add(before, part));
      const at = (v: TExpr): TExpr =>
        add(line, mul(from === undefined ? v : operate('sub', v, from), i32(side.pitch)));
      if (i + 1 < sides.length)
        em.loop(place.name, first, end, 1, (v) => {
          em.bind(place, v);
          walk(i + 1, em.name('line', at(v)));
        });
      else copyLine(em, source, place, { first, end, buffer: target.buffer, at });
    });
  };
  walk(0, target.at);
};

/** Places of a line that hold input. */
const rangeOf = (
  em: Emitter,
  { window: { u, stride }, pad, length, step }: Side,
  remainder: Axis,
  from: TExpr | undefined,
): [TExpr, TExpr] => {
  const upTo = (elements: number): TExpr =>
    em.index(
      idxDiv(idxOffset(idxScale(idxAxis(remainder), -step), elements + pad + stride - 1), stride),
    );
  const [least, most] = [from ?? i32(0), from === undefined ? i32(length) : add(from, i32(length))];
  return [
    em.name('first', operate('max', least, upTo(0))),
    em.name('end', operate('min', most, upTo(u.extent))),
  ];
};

interface Line {
  readonly first: TExpr;
  readonly end: TExpr;
  readonly buffer: ThreadBuffer;
  readonly at: (place: TExpr) => TExpr;
}

const copyLine = (
  em: Emitter,
  source: Expr,
  axis: Axis,
  { first, end, buffer, at }: Line,
): void => {
  const length = operate('and', operate('sub', end, first), i32(-4));
  const whole = isStreamed(source, axis) ? em.name('whole', add(first, length)) : first;
  em.loop(axis.name, first, whole, 4, (v) => {
    em.bind(axis, v);
    em.push(storeTo(buffer, at(v), em.vector(source, axis)));
  });
  em.loop(axis.name, whole, end, 1, (v) => {
    em.bind(axis, v);
    em.push(storeTo(buffer, at(v), em.scalar(source)));
  });
};
