/**
 * What reductions start from and how two partial results become one.
 *
 * Invariant: NaN wins extremes, and is the first extreme for positions.
 */
import type { DType } from '../../ir/dtype.ts';
import { integerRange, isFloat } from '../../ir/dtype.ts';
import type { ReduceOp } from '../../ir/loop/loop.ts';
import { isExactIn } from '../../ir/rounding.ts';
import { constantOf, operate, regType } from '../../ir/thread/build.ts';
import { registerOf, type TExpr } from '../../ir/thread/thread.ts';

/** The least (0) or greatest (1) value of a dtype. */
const extremeOf = (dtype: DType, which: 0 | 1, lanes: 1 | 4): TExpr => {
  const number = (value: number): TExpr => constantOf(value, regType(registerOf(dtype), lanes));
  if (isFloat(dtype))
    return number(which === 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY);
  const value = integerRange(dtype)[which];
  if (isExactIn(dtype, value)) return number(value);
  // Of 64 bits it is no number of the IR: one above the greatest comes the least.
  const least = dtype === 'int64' ? operate('shl', number(1), number(63)) : number(0);
  return which === 0 ? least : operate('sub', least, number(1));
};

/** The value folding starts from. */
export const neutralOf = (op: ReduceOp, dtype: DType, lanes: 1 | 4): TExpr => {
  const number = (value: number): TExpr => constantOf(value, regType(registerOf(dtype), lanes));
  switch (op) {
    case 'add':
      return number(0);
    case 'mul':
      return number(1);
    case 'max':
    case 'argmax':
      return extremeOf(dtype, 0, lanes);
    case 'min':
    case 'argmin':
      return extremeOf(dtype, 1, lanes);
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
