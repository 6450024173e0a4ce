/**
 * What reductions start from and how two partial results become one.
 *
 * Invariant: NaN wins extremes, and is the first extreme for positions.
 */
import type { DType } from '../../ir/dtype.ts';
import { isFloat } from '../../ir/dtype.ts';
import type { ReduceOp } from '../../ir/loop/loop.ts';
import { operate } from '../../ir/thread/build.ts';
import type { TExpr } from '../../ir/thread/thread.ts';

/** The value folding starts from. */
export const neutralOf = (op: ReduceOp, dtype: DType): number => {
  switch (op) {
    case 'add':
      return 0;
    case 'mul':
      return 1;
    case 'max':
    case 'argmax':
      return isFloat(dtype) ? Number.NEGATIVE_INFINITY : dtype === 'int32' ? -2147483648 : 0;
    case 'min':
    case 'argmin':
      if (isFloat(dtype)) return Number.POSITIVE_INFINITY;
      return { bool: 1, uint8: 255, uint32: 4294967295, int32: 2147483647 }[
        dtype as 'bool' | 'uint8' | 'uint32' | 'int32'
      ];
    default:
      return op satisfies never;
  }
};

/** `x op y` for two partial results. */
export const combine = (op: ReduceOp, dtype: DType, x: TExpr, y: TExpr): TExpr => {
  switch (op) {
    case 'add':
    case 'mul':
      return operate(op, x, y);
    case 'max':
    case 'argmax':
      return operate(dtype === 'bool' ? 'or' : 'max', x, y);
    case 'min':
    case 'argmin':
      return operate(dtype === 'bool' ? 'and' : 'min', x, y);
    default:
      return op satisfies never;
  }
};

export const isArg = (op: ReduceOp): boolean => op === 'argmax' || op === 'argmin';

/** Strictly better, NaN best of all. */
export const better = (op: ReduceOp, dtype: DType, x: TExpr, best: TExpr): TExpr => {
  if (!isFloat(dtype)) return operate(op === 'argmax' ? 'gt' : 'lt', x, best);
  const notWorse = operate('not', operate(op === 'argmax' ? 'le' : 'ge', x, best));
  return operate('and', notWorse, operate('not', operate('isnan', best)));
};
/** Equal, or both NaN. */
export const tied = (dtype: DType, x: TExpr, y: TExpr): TExpr => {
  const equal = operate('eq', x, y);
  if (!isFloat(dtype)) return equal;
  return operate('or', equal, operate('and', operate('isnan', x), operate('isnan', y)));
};
