/**
 * Random orders: positions sorted by random keys.
 *
 * Invariant: an order is that of one random word per position, ties by position, on whatever device; positions with
 * weight 0 come last.
 */
import { bring } from '../../codegen/families.ts';
import { orderSchedules } from '../../codegen/running/order-schedules.ts';
import { summedIn } from '../../ir/dtype.ts';
import { writing } from '../../ir/graph/ops/formula.ts';
import { argsort } from '../../ir/graph/ops/order.ts';
import { showType } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import { take } from '../nd/indexing.ts';
import type { NDArray } from '../ndarray.ts';
import { shown } from '../options.ts';
import { checkDrawOptions, deviceFor, KEY } from './draw.ts';
import { openUnit, sourceOf, words } from './source.ts';
import { drawOperands } from './state.ts';

const shuffled: Fragment<{ readonly count: number }> = fragment(
  'random.permutation',
  (b, [low, high, draw], { count }) => {
    const keys = words(sourceOf(b, [low!, high!, draw!], [count], 'float32'));
    return b.emit(argsort, [keys], { axis: 0, descending: false });
  },
  { scalars: KEY },
);

/**
 * The numbers from 0 to `count - 1` in random order, int32 [count]: sorted by their random words.
 *
 * @throws {ValueError} unless `count` is an integer ≥ 0
 *
 * @example
 * random.permutation(4).sum().item();   // 6
 */
export const permutation = (count: number, options?: { readonly device?: Device }): NDArray => {
  checkDrawOptions('random.permutation', options, ['device']);
  if (!Number.isInteger(count) || count < 0)
    throw failure('value', `random.permutation: ${shown(count)} is not an integer ≥ 0`);
  bring({ order: orderSchedules });
  const device = deviceFor([], options);
  const attrs = { count };
  return call(shuffled, drawOperands(device, 1), { attrs, key: `${count}`, device });
};

const weighted: Fragment = fragment(
  'random.choice',
  (b, [low, high, draw, p]) => {
    const { shape, dtype } = p!.type;
    const weights = b.cast(p!, summedIn(dtype));
    const f = writing(b, weights);
    const u = openUnit(sourceOf(b, [low!, high!, draw!], shape, weights.type.dtype));
    const keys = f('sub', f('log', weights), f('log', f('neg', f('log', u))));
    return b.emit(argsort, [keys], { axis: 0, descending: true });
  },
  { scalars: KEY },
);
/** Positions in the order in which they are drawn without replacement by the weights `p`. */
export const weightedOrder = (p: NDArray): NDArray => {
  bring({ order: orderSchedules });
  return call(weighted, [...drawOperands(p.device, 1), p], { attrs: {}, key: '' });
};

/**
 * `x` with its first axis in random order: shape and dtype, any one, stay. Along the others nothing moves.
 *
 * @throws {ShapeError} for an array without axes
 * @throws {ValueError} for what is no array
 *
 * @example random.shuffle(nd.array([1, 2, 3])).sum();   // 6
 */
export const shuffle = (x: NDArray): NDArray => {
  checkArray('random.shuffle', x);
  const [count] = x.shape;
  if (count === undefined)
    throw failure(
      'shape',
      `random.shuffle: ${showType(x.type)} has no axis to put in order`,
      'pass an array with an axis',
    );
  return take(x, permutation(count, { device: x.device }));
};
