/**
 * Random orders.
 *
 * Invariant: an order is that of the random words of the positions, ties by position, on whatever device.
 */
import { threefry } from '../../ir/scalar.ts';
import { tensor } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import { failure } from '../callsite.ts';
import { mode } from '../mode.ts';
import { upload } from '../nd/filled.ts';
import { take as takeAt } from '../nd/indexing.ts';
import { type NDArray, rebind } from '../ndarray.ts';
import { checkOptions } from '../options.ts';
import { deviceFor } from './draw.ts';
import { type DrawKey, drawAtReplay, take } from './state.ts';

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

/** `x` with its first axis in random order. */
export const shuffle = (x: NDArray): NDArray =>
  takeAt(x, permutation(x.shape[0] ?? 1, { device: x.device }));
