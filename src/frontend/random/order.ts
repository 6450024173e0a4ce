/**
 * Random orders.
 *
 * Invariant: an order is that of the random words of the positions, ties by position, on whatever device.
 */
import { writing } from '../../ir/graph/ops/formula.ts';
import { iota } from '../../ir/graph/ops/leaf.ts';
import { threefry } from '../../ir/scalar.ts';
import { tensor } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import { call, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import { mode } from '../mode.ts';
import { upload } from '../nd/filled.ts';
import { take as takeAt } from '../nd/indexing.ts';
import { type NDArray, rebind } from '../ndarray.ts';
import { checkOptions } from '../options.ts';
import { deviceFor, KEY } from './draw.ts';
import { openUnit, sourceOf } from './source.ts';
import { type DrawKey, drawAtReplay, drawOperands, take } from './state.ts';

const shuffled = (count: number, [low, high, draw]: DrawKey): Int32Array => {
  const bits = Float64Array.from({ length: count }, (_, i) => threefry(low, high, i, draw));
  return Int32Array.from({ length: count }, (_, i) => i).sort(
    (a, b) => bits[a]! - bits[b]! || a - b,
  );
};

/** The numbers from 0 to `count - 1` in random order, int32: sorted by their random words. */
export const permutation = (count: number, options?: { readonly device?: Device }): NDArray => {
  checkOptions('random.permutation', options, ['device']);
  if (!Number.isInteger(count) || count < 0)
    throw failure('value', `random.permutation: ${count} is not an integer ≥ 0`);
  const { trace } = mode;
  const device = deviceFor([], options);
  const type = tensor('int32', [count]);
  if (trace === undefined)
    return upload(type, shuffled(count, take(device, 1)), device, 'permutation');
  const keyNow = drawAtReplay(trace);
  const held = upload(type, new Int32Array(count), device, 'permutation');
  trace.hooks.push(() => {
    const fresh = upload(type, shuffled(count, keyNow()), device, 'permutation');
    rebind(held, fresh);
    fresh.dispose();
  });
  return held;
};

const MOST_WEIGHTED = 4096;
/** By rank: the place of a key is how many keys are above it. */
const ranked: Fragment = fragment(
  'random.choice',
  (b, [low, high, draw, p]) => {
    const { shape } = p!.type;
    const [count] = shape as [number];
    const weights = b.cast(p!, 'float32');
    const f = writing(b, weights);
    const u = openUnit(sourceOf(b, [low!, high!, draw!], shape));
    const key = f('sub', f('log', weights), f('log', f('neg', f('log', u))));
    const square = [count, count];
    const [own, other] = [0, 1].map((axis) => b.broadcast(key, square, [axis]));
    const [row, column] = [0, 1].map((axis) =>
      b.emit(iota, [], { axis, dtype: 'int32', shape: square }),
    );
    const tie = b.op('and', b.op('eq', other!, own!), b.op('lt', column!, row!));
    const ahead = b.op('or', b.op('gt', other!, own!), tie);
    const place = b.sum(b.cast(ahead, 'int32'), [1]);
    const here = b.op('eq', b.broadcast(place, square, [1]), row!);
    return b.sum(b.op('select', here, column!, b.lit(0, column!)), [1]);
  },
  { scalars: KEY },
);
/** Positions in the order in which they are drawn without replacement by the weights `p`, at most 4096 of them. */
export const weightedOrder = (p: NDArray): NDArray => {
  if (p.size > MOST_WEIGHTED)
    throw failure(
      'value',
      `random.choice: ${p.size} weights without replacement are more than ${MOST_WEIGHTED}`,
      'draw with replacement',
    );
  return call(ranked, [...drawOperands(p.device, 1), p], { attrs: {}, key: '' });
};

/** `x` with its first axis in random order. */
export const shuffle = (x: NDArray): NDArray =>
  takeAt(x, permutation(x.shape[0] ?? 1, { device: x.device }));
