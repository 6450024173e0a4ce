/**
 * Keys: what `x.at(…)`, `x.slice(…)` and `x.set(…)` say about each axis, read as NumPy reads `x[…]`.
 *
 * Invariant: a parsed key names every axis of the array once, in order; ranges are resolved and positions checked. What
 * arrays in keys mean is up to who reads them: few programs have any (`array-keys.ts`).
 */
import { showType } from '../../ir/type.ts';
import { checkArray } from '../call.ts';
import { failure } from '../callsite.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { shown } from '../options.ts';

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

export const isMask = (spec: Index): spec is NDArray => isNDArray(spec) && spec.dtype === 'bool';
/** How many axes of the array a part of the key is about. */
const axesOf = (spec: Index): number => (spec === null ? 0 : isMask(spec) ? spec.ndim : 1);

/**
 * The arrays of positions that an array in a key stands for, one for each axis from `axis` on that it is about: they are
 * checked, and a mask has become positions.
 */
export type ArrayKeys = (
  name: string,
  spec: NDArray,
  x: NDArray,
  axis: number,
) => readonly NDArray[];

/** A range with both ends open. */
const WHOLE: Index = [];

/** What `specs` say about `x`. */
export const partsOf = (
  name: string,
  x: NDArray,
  specs: readonly Index[],
  arrays: ArrayKeys,
): readonly Part[] => {
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
    if (isNDArray(spec)) return arrays(name, spec, x, on).map((idx) => ({ kind: 'array', idx }));
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
