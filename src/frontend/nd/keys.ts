/**
 * Keys: what `x.at(…)`, `x.slice(…)` and `x.set(…)` say about each axis, read as NumPy reads `x[…]`.
 *
 * Invariant: a parsed key names every axis of the array once, in order; ranges are resolved and positions checked; arrays
 * of booleans have become arrays of positions.
 */
import { isFloat } from '../../ir/dtype.ts';
import { showType } from '../../ir/type.ts';
import { checkArray } from '../call.ts';
import { failure } from '../callsite.ts';
import { mode } from '../mode.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { shown } from '../options.ts';
import { dataSync, peek } from '../reading.ts';
import { expectValues, literalValues } from '../values.ts';
import { array } from './creation.ts';

/** One bound of a range; left open when undefined or null. */
export type Edge = number | null | undefined;
/**
 * What to take along one axis: a position (the axis goes away), `':'` (all), `'1:5'`, `'::2'`, or `[begin, end, step]`
 * with open ends left out or null; an array of integers (those positions, in its shape) or booleans (where true; as many
 * axes as it has). `'...'` stands for as many `':'` as fit, `null` for a new axis of size 1. Negative numbers count from
 * the end.
 */
export type Index = number | string | readonly [Edge?, Edge?, Edge?] | NDArray | null;

/** What a key says, in order; all but `new` are about the next axis of the array. */
export type Part =
  | { readonly kind: 'range'; readonly begin: number; readonly end: number; readonly step: number }
  | { readonly kind: 'position'; readonly at: number }
  | { readonly kind: 'array'; readonly idx: NDArray }
  | { readonly kind: 'new' };

const parse = (name: string, spec: string): readonly Edge[] => {
  const parts = spec.split(':').map((p) => (p.trim() === '' ? undefined : Number(p)));
  if (
    !spec.includes(':') ||
    parts.length > 3 ||
    parts.some((p) => p !== undefined && !Number.isInteger(p))
  )
    throw failure('value', `${name}: "${spec}" is not a range`, "write ':', '1:5', '::2' or '...'");
  return parts;
};

const clamp = (edge: number, size: number, low: number, high: number): number =>
  Math.max(low, Math.min(high, edge < 0 ? edge + size : edge));

/** Begin, end and step of a range: Python's rules for open and negative ends, then clamped to the axis. */
export const rangeOf = (
  name: string,
  spec: string | readonly Edge[],
  size: number,
): readonly [number, number, number] => {
  const [from, to, by] = typeof spec === 'string' ? parse(name, spec) : spec;
  const step = by ?? 1;
  for (const edge of [from, to, step])
    if (edge != null && !Number.isInteger(edge))
      throw failure('value', `${name}: range [${from}, ${to}, ${by}] must hold integers`);
  if (step === 0) throw failure('value', `${name}: the step of a range must not be 0`);
  const low = step > 0 ? 0 : -1;
  const high = step > 0 ? size : size - 1;
  const begin = from == null ? (step > 0 ? 0 : size - 1) : clamp(from, size, low, high);
  const end = to == null ? (step > 0 ? size : -1) : clamp(to, size, low, high);
  return (end - begin) * step > 0
    ? [begin, end, step]
    : [Math.max(0, begin), Math.max(0, begin), step];
};

const isMask = (spec: Index): spec is NDArray => isNDArray(spec) && spec.dtype === 'bool';
/** How many axes of the array a part of the key is about. */
const axesOf = (spec: Index): number => (spec === null ? 0 : isMask(spec) ? spec.ndim : 1);

/** The positions of true elements, one array for each axis of the mask. */
const whereTrue = (name: string, mask: NDArray): NDArray[] => {
  const known = literalValues(mask);
  if (known !== undefined) return positionsWhere(known, mask);
  if (mode.trace !== undefined && mask.traced !== undefined)
    throw failure(
      'trace',
      `${name}: how many elements ${showType(mask.type)} selects is not known while tracing`,
      'use where(mask, x, other) or set(x, mask, value), whose shapes do not depend on values; nd.booleanMask(x, mask, { size }) for a fixed number; or select outside of the hybridized function',
    );
  if (peek(mask) === undefined)
    throw failure(
      'device',
      `${name}: ${mask.device.name} cannot be read at once, and the size of the result depends on ${showType(mask.type)}`,
      'use `await nd.booleanMask(x, mask)`, or where(mask, x, other)',
    );
  return positionsWhere(dataSync(mask), mask);
};

const positionsWhere = (values: ArrayLike<number>, mask: NDArray): NDArray[] => {
  const found: number[][] = mask.shape.map(() => []);
  const at = mask.shape.map(() => 0);
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== 0) for (const [k, p] of at.entries()) found[k]!.push(p);
    for (let k = at.length - 1; k >= 0; k--) {
      at[k]!++;
      if (at[k]! < mask.shape[k]!) break;
      at[k] = 0;
    }
  }
  return found.map((p) => array(p, { dtype: 'int32', device: mask.device, shape: [p.length] }));
};

const checkPositions = (name: string, idx: NDArray, x: NDArray, axis: number): void => {
  const size = x.shape[axis]!;
  if (isFloat(idx.dtype))
    throw failure(
      'dtype',
      `${name}: indices must be integers or booleans, not ${showType(idx.type)}`,
      "convert them: idx.astype('int32'); compare for a mask: x.gt(0)",
    );
  expectValues(
    idx,
    (values) => values.findIndex((v) => v < -size || v >= size),
    (value, position, given, asked) =>
      failure(
        'value',
        `${name}: position ${value} at [${position.join(', ')}] of ${showType(given.type)} is out of range for axis ${axis} of ${showType(x.type)}${asked}`,
        `positions go from ${-size} to ${size - 1}`,
      ),
  );
};

/** A range with both ends open. */
const WHOLE: Index = [];

/** What `specs` say about `x`. */
export const partsOf = (name: string, x: NDArray, specs: readonly Index[]): readonly Part[] => {
  checkArray(name, x);
  const dots = specs.indexOf('...');
  const named = specs.reduce<number>((n, s, i) => n + (i === dots ? 0 : axesOf(s)), 0);
  if (named > x.ndim) throw failure('shape', `${name}: ${named} indices for ${showType(x.type)}`);
  const fill = new Array<Index>(x.ndim - named).fill(WHOLE);
  const cut = dots < 0 ? specs.length : dots;
  const all = [...specs.slice(0, cut), ...fill, ...specs.slice(dots < 0 ? cut : cut + 1)];
  let axis = 0;
  return all.flatMap((spec): Part[] => {
    if (spec === null) return [{ kind: 'new' }];
    const on = axis;
    axis += axesOf(spec);
    if (isMask(spec)) {
      const odd = spec.shape.findIndex((d, i) => d !== x.shape[on + i]);
      if (odd >= 0 || spec.ndim === 0)
        throw failure(
          'shape',
          `${name}: the mask ${showType(spec.type)} does not fit axis ${on + Math.max(0, odd)} of ${showType(x.type)}`,
          'a mask has the sizes of the axes that it selects from',
        );
      return whereTrue(name, spec).map((idx) => ({ kind: 'array', idx }));
    }
    if (isNDArray(spec)) {
      checkPositions(name, spec, x, on);
      return [{ kind: 'array', idx: spec }];
    }
    const size = x.shape[on]!;
    if (typeof spec === 'number') {
      const at = spec < 0 ? spec + size : spec;
      if (!Number.isInteger(spec) || at < 0 || at >= size)
        throw failure(
          'value',
          `${name}: position ${spec} is out of range for axis ${on} of ${showType(x.type)}`,
          `positions go from ${-size} to ${size - 1}`,
        );
      return [{ kind: 'position', at }];
    }
    if (typeof spec !== 'string' && (!Array.isArray(spec) || spec.length > 3))
      throw failure(
        'value',
        `${name}: the index for axis ${on} is ${shown(spec)}`,
        "write a position, ':' or '1:5', [begin, end, step], or an NDArray of positions, as for take(idx)",
      );
    const [begin, end, step] = rangeOf(name, spec, size);
    return [{ kind: 'range', begin, end, step }];
  });
};
