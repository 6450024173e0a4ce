/**
 * What a row of the ScalarOp table is, and which dtypes its operations take.
 *
 * Invariant: a row knows numbers and expressions over them, and no target.
 */
import { bytesOf, type DType, isFloat, isInteger } from './dtype.ts';

/** Names of the scalar operations, in table order. */
export const SCALAR_OPS = [
  'neg',
  'abs',
  'sign',
  'exp',
  'expm1',
  'log',
  'log1p',
  'sin',
  'cos',
  'tan',
  'tanh',
  'sigmoid',
  'erf',
  'relu',
  'sqrt',
  'rsqrt',
  'floor',
  'ceil',
  'round',
  'isnan',
  'not',
  'add',
  'sub',
  'mul',
  'div',
  'floordiv',
  'mod',
  'pow',
  'copysign',
  'min',
  'max',
  'eq',
  'ne',
  'lt',
  'le',
  'gt',
  'ge',
  'and',
  'or',
  'xor',
  'shl',
  'shr',
  'select',
  'threefry',
] as const;
/** Name of a scalar operation. */
export type ScalarOp = (typeof SCALAR_OPS)[number];

/**
 * Builds expressions over some representation of values (graph nodes, loop expressions). Operands of one call have
 * equal shapes; `lit` makes a constant of the dtype and shape of `like`.
 */
export interface Algebra<V> {
  op(name: ScalarOp, ...args: V[]): V;
  cast(value: V, dtype: DType): V;
  lit(value: number, like: V): V;
}

export interface ScalarRow {
  readonly arity: 1 | 2 | 3 | 4;
  /** Result dtype; `undefined` when the op does not take these dtypes (operands are already promoted to one dtype). */
  readonly dtype: (...args: DType[]) => DType | undefined;
  /** Value in double precision; what the interpreters compute (they round to the dtype afterwards). */
  readonly value: (...args: number[]) => number;
  /**
   * Gradients to the operands, given operands, result and incoming gradient; `null` where there is none.
   * Absent: the op has no gradient (comparisons, integers, rounding).
   */
  readonly derivative?: <V>(
    a: Algebra<V>,
    args: readonly V[],
    out: V,
    dy: V,
  ) => readonly (V | null)[];
  /** Rough cost in multiply-adds, for the fusion model. */
  readonly cost: number;
}

const areEqual = (dtypes: readonly DType[]): boolean => {
  for (let i = 1; i < dtypes.length; i++) if (dtypes[i] !== dtypes[0]) return false;
  return true;
};

export const same = (...args: DType[]): DType | undefined =>
  areEqual(args) && args[0] !== 'bool' ? args[0] : undefined;
export const float = (...args: DType[]): DType | undefined =>
  areEqual(args) && isFloat(args[0]!) ? args[0] : undefined;
export const compare = (x: DType, y: DType): DType | undefined => (x === y ? 'bool' : undefined);
export const logic = (...args: DType[]): DType | undefined =>
  areEqual(args) && !isFloat(args[0]!) ? args[0] : undefined;
export const shift = (x: DType, y: DType): DType | undefined =>
  x === y && isInteger(x) && bytesOf(x) >= 4 ? x : undefined;
