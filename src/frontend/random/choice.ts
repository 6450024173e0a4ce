/**
 * Samples of a population.
 *
 * Invariant: with weights, numbers come by weight; without replacement none comes twice: positions are sorted by random
 * keys, of which the first are taken.
 */
import { type Shape, showType } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import { checkArray } from '../call.ts';
import { failure, inName } from '../callsite.ts';
import { checkShape, zeros } from '../nd/creation.ts';
import { take } from '../nd/indexing.ts';
import { reshape } from '../nd/shape.ts';
import { slicePart } from '../nd/views.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { shown } from '../options.ts';
import { randint } from './basic.ts';
import { categorical } from './categories.ts';
import { checkDrawOptions, deviceFor } from './draw.ts';
import { permutation, weightedOrder } from './order.ts';

export interface ChoiceOptions {
  /** Whether one may come more than once. Default true. */
  readonly replace?: boolean;
  /** Weights, one for each of the population. Default: equal ones. */
  readonly p?: NDArray;
  readonly device?: Device;
}

const positions = (count: number, shape: Shape, options: ChoiceOptions): NDArray => {
  const { replace = true, p } = options;
  const device = deviceFor(p === undefined ? [] : [p], options);
  const wanted = shape.reduce((n, d) => n * d, 1);
  if (count === 0 && wanted > 0) throw failure('value', 'random.choice: nothing to choose from');
  if (count === 0) return zeros(shape, { dtype: 'int32', device });
  if (replace)
    return p === undefined
      ? inName('random.choice', 'random.randint', () => randint(shape, 0, count, { device }))
      : categorical(shape, p);
  if (wanted > count)
    throw failure(
      'value',
      `random.choice: ${wanted} of ${count} without replacement`,
      'ask for fewer, or pass { replace: true }',
    );
  const order = p === undefined ? permutation(count, { device }) : weightedOrder(p);
  return reshape(slicePart(order, { begin: [0], end: [wanted], step: [1] }), shape);
};

/**
 * A sample of `population`, in an array of `shape`: slices along the first axis of an array [n, ...] give [...shape,
 * ...], of its dtype, any one; a number n gives numbers from 0 to n - 1, int32. Weights `p` [n] may have any dtype, and
 * need not sum to 1.
 *
 * @throws {ValueError} for a population that is neither array nor integer ≥ 0, for weights that are no array, and for
 *   more than there are: any of none, or too many without replacement
 * @throws {ShapeError} unless `p` has one weight for each, and for an array without axes
 *
 * @example
 * random.choice(5, [5], { replace: false }).sum().item();   // 10
 */
export const choice = (
  population: number | NDArray,
  shape: Shape,
  options: ChoiceOptions = {},
): NDArray => {
  checkDrawOptions('random.choice', options, ['replace', 'p', 'device']);
  checkShape('random.choice', shape);
  const array = isNDArray(population);
  if (array && population.ndim === 0)
    throw failure(
      'shape',
      `random.choice: ${showType(population.type)} has no axis to choose along`,
      'pass an array with an axis, or how many there are',
    );
  const count = array ? population.shape[0]! : population;
  if (!Number.isInteger(count) || count < 0)
    throw failure(
      'value',
      `random.choice: the population is ${shown(population)}`,
      'pass an array with an axis, or how many there are',
    );
  const { p } = options;
  if (p !== undefined) checkArray('random.choice: p', p);
  if (p !== undefined && (p.ndim !== 1 || p.shape[0] !== count))
    throw failure(
      'shape',
      `random.choice: weights of shape [${p.shape.join(', ')}] for ${count} to choose from`,
      'pass one weight for each',
    );
  const device = array ? population.device : options.device;
  const at = positions(count, shape, device === undefined ? options : { ...options, device });
  return array ? take(population, at) : at;
};
