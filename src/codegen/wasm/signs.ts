/**
 * Signs of floats, as far as the expressions tell: what is at most 0 has a cheaper exponential.
 *
 * Invariant: a sign is only claimed where it holds for all operands; NaN has any sign.
 */
import type { ScalarOp } from '../../ir/scalar.ts';
import type { Register, TExpr } from '../../ir/thread/thread.ts';

/** Values of registers that are written once. */
export type Values = (register: Register) => TExpr | undefined;

/** How far definitions are followed. */
const DEEP = 8;
const AT_LEAST_ZERO: readonly ScalarOp[] = ['abs', 'exp', 'sigmoid', 'relu', 'sqrt', 'rsqrt'];

const isSame = (a: TExpr, b: TExpr): boolean =>
  a === b || (a.kind === 'get' && b.kind === 'get' && a.register === b.register);

/** Whether `e` times `sign` is at least 0, or NaN. */
const hasSign = (e: TExpr, sign: 1 | -1, values: Values, depth: number): boolean => {
  if (depth > DEEP) return false;
  const is = (x: TExpr, s: 1 | -1): boolean => hasSign(x, s, values, depth + 1);
  switch (e.kind) {
    case 'const':
      return !(e.value * sign < 0);
    case 'splat':
      return is(e.arg, sign);
    case 'get': {
      const value = values(e.register);
      return value !== undefined && is(value, sign);
    }
    case 'op': {
      const [a, b] = e.args;
      if (sign > 0 && AT_LEAST_ZERO.includes(e.op)) return true;
      switch (e.op) {
        case 'neg':
          return is(a!, sign > 0 ? -1 : 1);
        case 'min':
        case 'max': {
          const either = (e.op === 'min') === sign < 0;
          return either ? is(a!, sign) || is(b!, sign) : is(a!, sign) && is(b!, sign);
        }
        case 'mul':
          if (isSame(a!, b!)) return sign > 0;
          return (is(a!, 1) && is(b!, sign)) || (is(a!, -1) && is(b!, sign > 0 ? -1 : 1));
        default:
          return false;
      }
    }
    default:
      return false;
  }
};

/** Whether a float is at most 0, or NaN. */
export const isAtMostZero = (e: TExpr, values: Values): boolean => hasSign(e, -1, values, 0);

/** Whether a float is 0 and not -0, on all lanes. */
export const isPlusZero = (e: TExpr, values: Values): boolean => {
  const known = e.kind === 'get' ? values(e.register) : e;
  if (known?.kind === 'splat') return isPlusZero(known.arg, values);
  return known?.kind === 'const' && known.type.elem === 'f32' && Object.is(known.value, 0);
};
