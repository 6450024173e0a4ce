/**
 * Copies an image row by row into planes: whole vectors, the last of a row over what the one before it has left; with a
 * stride of 2 even and odd positions part in registers.
 *
 * Invariant: elements that are copied twice are the same both times; nothing else of the plane is written.
 */
import type { Expr } from '../../ir/loop/loop.ts';
import { add, i32, mul, operate, shuffle, storeTo } from '../../ir/thread/build.ts';
import type { TExpr } from '../../ir/thread/thread.ts';
import type { Emitter } from '../emit/emitter.ts';
import { readsVectors } from './contraction.ts';
import { copyPlane, type Planes, type Side, type Target } from './planes.ts';

/** Whether rows can be copied so: by vectors, one for each remainder of the stride. */
const isByRows = (input: Expr, { sides }: Planes): boolean => {
  const { stride, u } = sides.at(-1)!.window;
  return (
    sides.length === 2 &&
    sides.every((s) => s.remainders === s.window.stride) &&
    stride <= 2 &&
    u.extent >= 4 * stride &&
    readsVectors(input, u)
  );
};

/** Copies what there is of the input for the bound channel and image. */
export const copyRows = (em: Emitter, input: Expr, planes: Planes, target: Target): void => {
  if (!isByRows(input, planes)) {
    copyPlane(em, input, planes, target);
    return;
  }
  const [down, along] = planes.sides as [Side, Side];
  const { u, stride } = down.window;
  const from = target.from ?? i32(0);
  const begin = operate('sub', mul(from, i32(stride)), i32(down.pad));
  const first = em.name('first', operate('max', i32(0), begin));
  const end = operate('min', i32(u.extent), add(begin, i32(stride * down.length)));
  em.loop(u.name, first, em.name('end', end), 1, (y) => {
    em.bind(u, y);
    const at = add(y, i32(down.pad));
    const place = operate('sub', operate('floordiv', at, i32(stride)), from);
    const part = mul(operate('mod', at, i32(stride)), i32(down.remainderPitch));
    const line = add(add(target.at, mul(place, i32(down.pitch))), part);
    copyRow(em, input, along, target, em.name('line', line));
  });
};

const copyRow = (em: Emitter, input: Expr, side: Side, { buffer }: Target, line: TExpr): void => {
  const { pad, remainderPitch, length } = side;
  const { u, stride } = side.window;
  /** Where the input that is `offset` after a multiple of the stride goes. */
  const placeOf = (offset: number): TExpr => {
    const at = pad + offset;
    return add(line, i32((at % stride) * remainderPitch + Math.floor(at / stride)));
  };
  const places = Array.from({ length: stride }, (_, offset) => placeOf(offset));
  const vectors = (x: TExpr): void => {
    const read: TExpr[] = [];
    for (let i = 0; i < stride; i++)
      em.scope('same', () => {
        em.bind(u, add(x, i32(4 * i)));
        read.push(em.name('x', em.vector(input, u)));
      });
    const parted =
      stride === 1
        ? read
        : (
            [
              [0, 2, 4, 6],
              [1, 3, 5, 7],
            ] as const
          ).map((l) => shuffle(read[0]!, read[1]!, l));
    const by = operate('floordiv', x, i32(stride));
    parted.forEach((v, offset) => {
      em.push(storeTo(buffer, add(places[offset]!, by), v));
    });
  };
  const step = 4 * stride;
  const size = Math.min(u.extent, stride * length - pad);
  const whole = size - (size % step);
  em.loop(u.name, i32(0), i32(whole), step, (x) => em.scope('same', () => vectors(x)));
  if (whole === size) return;
  const last = size - step - ((size - step) % stride);
  em.scope('same', () => vectors(i32(last)));
  for (let x = last + step; x < size; x++)
    em.scope('same', () => {
      em.bind(u, i32(x));
      const at = add(places[x % stride]!, i32(Math.floor(x / stride)));
      em.push(storeTo(buffer, at, em.scalar(input)));
    });
};
