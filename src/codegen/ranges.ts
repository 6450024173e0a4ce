/**
 * Bounds of int32 expressions, so that division by constants can skip what only negative operands need.
 *
 * Invariant: a range is only given when no step of computing the value can overflow 32 bits.
 */
import { type DType, integerRange, isNarrowInteger } from '../ir/dtype.ts';
import type { Register, TExpr } from '../ir/thread/thread.ts';

export type Range = readonly [low: number, high: number];
const LIMIT = 0x7fffffff;
/** Of an int32 that nothing is known about. */
const ANY: Range = [-LIMIT - 1, LIMIT];

const checked = (low: number, high: number): Range | undefined =>
  low >= -LIMIT - 1 && high <= LIMIT ? [low, high] : undefined;

const anyInt = (expr: TExpr): Range | undefined => (expr.type.elem === 'i32' ? ANY : undefined);

const narrow = (dtype: DType): Range | undefined =>
  isNarrowInteger(dtype) ? integerRange(dtype) : undefined;

/** The range of `expr` given those of registers; `undefined` when unknown. */
export const rangeOf = (
  expr: TExpr,
  register: (r: Register) => Range | undefined,
): Range | undefined => {
  if (expr.type.lanes !== 1) return undefined;
  switch (expr.kind) {
    case 'const':
      return [expr.value, expr.value];
    case 'get':
      return register(expr.register) ?? anyInt(expr);
    case 'load':
      return narrow(expr.buffer.dtype) ?? anyInt(expr);
    case 'cast':
      return narrow(expr.to);
    case 'op': {
      const [a, b] = expr.args.map((e) => rangeOf(e, register));
      if (a === undefined || b === undefined) return undefined;
      switch (expr.op) {
        case 'add':
          return checked(a[0] + b[0], a[1] + b[1]);
        case 'sub':
          return checked(a[0] - b[1], a[1] - b[0]);
        case 'mul': {
          const ends = [a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]];
          return checked(Math.min(...ends), Math.max(...ends));
        }
        case 'floordiv':
          return b[0] > 0 && b[0] === b[1]
            ? [Math.floor(a[0] / b[0]), Math.floor(a[1] / b[0])]
            : undefined;
        case 'mod':
          return b[0] > 0 && b[0] === b[1] ? [0, b[0] - 1] : undefined;
        case 'shr':
          return b[0] === b[1] && b[0] >= 0 && b[0] < 32 ? [a[0] >> b[0], a[1] >> b[0]] : undefined;
        case 'and':
          if (a[0] < 0) return b[0] >= 0 ? [0, b[1]] : undefined;
          return [0, b[0] < 0 ? a[1] : Math.min(a[1], b[1])];
        case 'min':
          return [Math.min(a[0], b[0]), Math.min(a[1], b[1])];
        case 'max':
          return [Math.max(a[0], b[0]), Math.max(a[1], b[1])];
        default:
          return undefined;
      }
    }
    default:
      return undefined;
  }
};
