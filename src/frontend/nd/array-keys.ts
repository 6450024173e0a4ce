/**
 * Arrays in keys: positions, or booleans that choose where they are true.
 *
 * Invariant: positions are checked where their values can be seen; arrays of booleans become arrays of positions.
 */
import { isFloat } from '../../ir/dtype.ts';
import { showType } from '../../ir/type.ts';
import { failure } from '../callsite.ts';
import { mode } from '../mode.ts';
import type { NDArray } from '../ndarray.ts';
import { peek } from '../reading.ts';
import { expectValues, literalValues } from '../values.ts';
import { array } from './creation.ts';
import { type ArrayKeys, isMask } from './keys.ts';

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
  const seen = peek(mask);
  if (seen === undefined)
    throw failure(
      'device',
      `${name}: ${mask.device.name} cannot be read at once, and the size of the result depends on ${showType(mask.type)}`,
      'use `await nd.booleanMask(x, mask)`, or where(mask, x, other)',
    );
  return positionsWhere(seen, mask);
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

/** What arrays in the keys of all functions of `nd` mean. */
export const positionsIn: ArrayKeys = (name, spec, x, axis) => {
  if (!isMask(spec)) {
    checkPositions(name, spec, x, axis);
    return [spec];
  }
  const odd = spec.shape.findIndex((d, i) => d !== x.shape[axis + i]);
  if (odd >= 0 || spec.ndim === 0)
    throw failure(
      'shape',
      `${name}: the mask ${showType(spec.type)} does not fit axis ${axis + Math.max(0, odd)} of ${showType(x.type)}`,
      'a mask has the sizes of the axes that it selects from',
    );
  return whereTrue(name, spec);
};
