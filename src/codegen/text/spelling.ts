/**
 * How scalar ops are spelled: what every language's table of spellings is made of.
 *
 * Invariant: a spelling depends on its operands alone.
 */
import type { Elem, RegType, TExpr } from '../../ir/thread/thread.ts';
import { binary, type Code, call } from './code.ts';

/** What a spelling is given. */
export interface Operands {
  /** Register type of the operands (of the last one, for `select`). */
  readonly type: RegType;
  readonly args: readonly Code[];
  /** The operands as they stood in Thread IR. */
  readonly exprs: readonly TExpr[];
  /** Known to be in [0, 2^31). */
  nonNegative(expr: TExpr): boolean;
  /** Whether the value is known to be what unbounded integers would give. */
  readonly exact: boolean;
  /** The name of a library function: `base` for this type, or for another element or number of lanes. */
  library(base: string, elem?: Elem, lanes?: 1 | 4): string;
  /** The operand, bound to a name if it is more than one. */
  held(index: number): Code;
}
export type Spelling = (o: Operands) => Code;

/** One spelling for each kind of operand: floats, signed integers, and what is not negative. */
export const byElem =
  (spelling: {
    readonly f32: Spelling;
    readonly i32: Spelling;
    readonly u32: Spelling;
  }): Spelling =>
  (o) => {
    const kind = o.type.elem[0];
    return (kind === 'f' ? spelling.f32 : kind === 'i' ? spelling.i32 : spelling.u32)(o);
  };

/** The number that an operand is in all lanes, if it is known. */
export const known = (e: TExpr): number | undefined => {
  const one = e.kind === 'splat' ? e.arg : e;
  return one.kind === 'const' ? one.value : undefined;
};

const powerOfTwo = (n: number): boolean => n > 0 && (n & (n - 1)) === 0;

/**
 * A minimum or maximum of floats: `any` keeps NaN of either operand; `against` is cheaper, and keeps NaN of the first
 * one alone: for a second one that is known.
 */
export const extremeOf =
  (any: string, against: string): Spelling =>
  (o) => {
    const [a, b] = o.args;
    const [first, second] = o.exprs.map((e) => !Number.isNaN(known(e) ?? Number.NaN));
    if (second) return call(o.library(against), a!, b!);
    if (first) return call(o.library(against), b!, a!);
    return call(o.library(any), a!, b!);
  };

/**
 * Division of integers that rounds down, or its remainder: by a constant where that is simpler, else by a function.
 * `amount` is a number in all lanes: of a shift, or a mask.
 */
export const wholeDivision =
  (remainder: boolean, amount: (o: Operands, n: number, use: 'shift' | 'mask') => Code): Spelling =>
  (o) => {
    const [a, b] = o.args;
    const by = known(o.exprs[1]!);
    if (by !== undefined && by > 0 && by <= 0x7fffffff) {
      const positive = o.type.elem[0] === 'u' || o.nonNegative(o.exprs[0]!);
      if (positive) return binary(remainder ? '%' : '/', a!, b!);
      if (powerOfTwo(by))
        return remainder
          ? binary('&', a!, amount(o, by - 1, 'mask'))
          : binary('>>', a!, amount(o, Math.log2(by), 'shift'));
    }
    return call(o.library(remainder ? 'mod' : 'floordiv'), a!, b!);
  };
