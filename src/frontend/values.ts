/**
 * Checks of array values: wrong labels and indices are refused before anything is computed from them.
 *
 * Invariant: a check costs one look at memory that the host can see, never a wait. Imperative calls check at once; in a
 * program, arrays that come in from outside are checked before each run, those written out in it once. Values that the program itself computes, and
 * memory of devices that the host cannot look into, are not checked: what depends on them has to be safe without.
 */
import { isFloat } from '../ir/dtype.ts';
import type { Node } from '../ir/graph/graph.ts';
import { literal } from '../ir/graph/ops/leaf.ts';
import { showType } from '../ir/type.ts';
import { failure, userLine } from './callsite.ts';
import { mode } from './mode.ts';
import type { TypedArray } from './nd/filled.ts';
import type { NDArray } from './ndarray.ts';
import { peek } from './reading.ts';

/** The flat position of the first wrong value, or -1. */
type Search = (values: TypedArray) => number;

/** Looks through what does not change the set of values: views, and conversions to types that hold them all. */
const sourceOf = (node: Node): Node => {
  const from = node.inputs[0];
  if (from === undefined) return node;
  switch (node.op.name) {
    case 'reshape':
    case 'transpose':
    case 'stopGradient':
      return sourceOf(from);
    case 'cast': {
      const to = node.type.dtype;
      const exact = to === 'float32' || (to === 'int32' && !isFloat(from.type.dtype));
      return exact ? sourceOf(from) : node;
    }
    default:
      return node;
  }
};

/**
 * Calls `refuse` with the first value that `search` finds in `x`, its position, and where the check was asked for when
 * that is not where the program runs now. `limit`: larger arrays are not looked at.
 */
export const expectValues = (
  x: NDArray,
  search: Search,
  refuse: (value: number, position: readonly number[], x: NDArray, asked: string) => Error,
  limit: number = Number.POSITIVE_INFINITY,
): void => {
  if (x.size > limit) return;
  const check = (values: TypedArray | undefined, array: NDArray, line?: string): void => {
    const wrong = values === undefined ? -1 : search(values);
    if (wrong < 0) return;
    const asked = line === undefined || line === userLine() ? '' : ` (checked at ${line})`;
    throw refuse(values![wrong]!, positionIn(wrong, array.shape), array, asked);
  };
  const { trace } = mode;
  if (trace === undefined) {
    check(peek(x), x);
    return;
  }
  const known = literalValues(x);
  if (known !== undefined) {
    check(known, x);
    return;
  }
  const line = userLine();
  trace.check(sourceOf(trace.nodeOf(x)), (array) => check(peek(array), array, line));
};

/** The values of an array that was written out in the function being traced, or undefined. */
export const literalValues = (x: NDArray): TypedArray | undefined =>
  x.traced?.node.op === literal
    ? Float64Array.from(x.traced.node.attrs['values'] as readonly number[])
    : undefined;

const positionIn = (flat: number, shape: readonly number[]): number[] => {
  const position: number[] = [];
  for (let i = shape.length - 1, rest = flat; i >= 0; i--) {
    position.unshift(rest % shape[i]!);
    rest = Math.floor(rest / shape[i]!);
  }
  return position;
};

/**
 * Refuses values of `x` that are not integers from 0 to `size - 1`. `what` names them (`Loss: label`), `among` what they
 * choose from (`classes`).
 */
export const expectPositions = (
  x: NDArray,
  size: number,
  what: string,
  among: string,
  hint = '',
): void => {
  const whole = (values: TypedArray): number => {
    for (let i = 0; i < values.length; i++) {
      const v = values[i]!;
      if (!(v >= 0 && v < size)) return i;
    }
    return -1;
  };
  const fraction = (values: TypedArray): number => {
    for (let i = 0; i < values.length; i++) {
      const v = values[i]!;
      if (!(v >= 0 && v < size) || v !== Math.floor(v)) return i;
    }
    return -1;
  };
  expectValues(x, isFloat(x.dtype) ? fraction : whole, (value, position, array, asked) => {
    const rule =
      value >= 0 && value < size ? 'is not an integer' : `is out of range for ${size} ${among}`;
    return failure(
      'value',
      `${what} ${value} at [${position.join(', ')}] of ${showType(array.type)} ${rule}${asked}`,
      `allowed: integers from 0 to ${size - 1}${hint}`,
    );
  });
};
