/**
 * What a compiled call depends on besides array values: the structure of its arguments, as a key, and the arrays in it.
 *
 * Invariant: equal keys mean that a plan traced for one call is right for the other: arrays count by layout, numbers,
 * strings, booleans and null by value, other objects by identity.
 */
import { remember } from '../ir/remember.ts';
import { isNDArray, NDArray } from './ndarray.ts';

const identities = new WeakMap<object, number>();
let nextIdentity = 1;

const identityOf = (x: object): number => remember(identities, x, () => nextIdentity++);

const isPlain = (x: object): x is Record<string, unknown> => {
  const prototype = Object.getPrototypeOf(x);
  return prototype === Object.prototype || prototype === null;
};

/** Appends the arrays in `value` to `arrays`, each handle once, and returns its key. */
export const signature = (value: unknown, arrays: NDArray[]): string => {
  if (value instanceof NDArray) {
    const before = arrays.indexOf(value);
    if (before >= 0) return `=${before}`;
    arrays.push(value);
    const { origin } = value;
    const mark = origin === undefined ? '' : origin.kind === 'leaf' ? origin.mode[0] : '*';
    return `${value.layout.id}${mark}`;
  }
  if (typeof value === 'number') return `n${Object.is(value, -0) ? '-0' : value}`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (value === null || typeof value === 'undefined' || typeof value === 'boolean')
    return `${value}`;
  if (Array.isArray(value)) {
    let key = '[';
    for (const item of value) key += `${signature(item, arrays)},`;
    return `${key}]`;
  }
  if (typeof value === 'object' && isPlain(value)) {
    let key = '{';
    for (const name of Object.keys(value))
      key += `${JSON.stringify(name)}:${signature(value[name], arrays)},`;
    return `${key}}`;
  }
  return typeof value === 'object' || typeof value === 'function'
    ? `@${identityOf(value)}`
    : `${typeof value}${String(value)}`;
};

/** The same structure with each array replaced. */
export const mapArrays = (value: unknown, replace: (x: NDArray) => unknown): unknown => {
  if (isNDArray(value)) return replace(value);
  if (Array.isArray(value)) return value.map((item) => mapArrays(item, replace));
  if (typeof value === 'object' && value !== null && isPlain(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, mapArrays(item, replace)]),
    );
  return value;
};
