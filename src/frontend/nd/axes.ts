/**
 * Axis arguments: negative ones count from the end; every function checks them here.
 *
 * Invariant: what these functions return is in range and without repeats.
 */
import { failure } from '../callsite.ts';
import { shown } from '../options.ts';

/** One axis of an array of `rank` axes. */
export const axisOf = (name: string, axis: number, rank: number): number => {
  const at = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(axis) && at >= 0 && at < rank) return at;
  throw failure(
    'shape',
    typeof axis === 'number'
      ? `${name}: axis ${axis} is out of range for an array with ${rank} ${rank === 1 ? 'axis' : 'axes'}`
      : `${name}: axis is ${shown(axis)}, not a number`,
    rank === 0 ? 'the array is a single number' : `axes go from ${-rank} to ${rank - 1}`,
  );
};

/** Several axes, ascending; all of them when left out. */
export const axesOf = (
  name: string,
  axis: number | readonly number[] | undefined,
  rank: number,
): readonly number[] => {
  if (axis === undefined) return Array.from({ length: rank }, (_, i) => i);
  const given: unknown = axis;
  if (typeof given !== 'number' && !Array.isArray(given))
    throw failure(
      'value',
      `${name}: axis is ${shown(given)}`,
      'pass a number or an array of numbers; leave it out for all axes',
    );
  const axes = (typeof axis === 'number' ? [axis] : axis).map((a) => axisOf(name, a, rank));
  if (new Set(axes).size !== axes.length)
    throw failure('shape', `${name}: axes [${[axis].flat().join(', ')}] name one axis twice`);
  return axes.sort((a, b) => a - b);
};

/** `shape` with the axes made 1. */
export const kept = (shape: readonly number[], axes: readonly number[]): number[] =>
  shape.map((d, i) => (axes.includes(i) ? 1 : d));

/** One integer for all axes of space, or one for each. */
export const perAxis = (
  where: string,
  name: string,
  value: number | readonly number[],
  rank: number,
  least: number,
): readonly number[] => {
  const all: readonly number[] =
    typeof value === 'number' ? new Array<number>(rank).fill(value) : value;
  if (
    Array.isArray(all) &&
    all.length === rank &&
    all.every((n) => Number.isInteger(n) && n >= least)
  )
    return all;
  throw failure(
    'option',
    `${where}: ${name} is ${JSON.stringify(value)}`,
    rank === 1
      ? `pass an integer ≥ ${least}`
      : `pass an integer ≥ ${least}, or ${rank} of them, one per axis of space`,
  );
};
