/**
 * What every op definition needs: attributes tied to their schema, operands spelled for people, and the common checks.
 *
 * Invariant: a type rule throws only through `fail`, so every message names the op, all operand types and the rule.
 */
import { DTYPES, type DType, isFloat } from '../../dtype.ts';
import { type ErrorCode, TigonError } from '../../errors.ts';
import { type Shape, showType, type TensorType, tensor } from '../../type.ts';
import type { AttrKind, Attrs, AttrValue, Graph, Op } from '../graph.ts';

type KindOf<V> = V extends Graph
  ? 'graph'
  : V extends readonly number[]
    ? 'ints' | 'numbers'
    : V extends number
      ? 'int' | 'number'
      : V extends boolean
        ? 'bool'
        : V extends string
          ? 'string' | 'dtype'
          : AttrKind;

/** The schema that the attributes `A` must have. */
type SchemaOf<A extends Attrs> = {
  readonly [Name in keyof A]-?: { readonly kind: KindOf<A[Name]>; readonly default?: AttrValue };
};

/** Checks at compile time that an op's schema describes its attributes. */
export const defineOp = <A extends Attrs>(
  op: Omit<Op<A>, 'schema'> & { readonly schema: SchemaOf<A> },
): Op<A> => op as Op<A>;

export type NoAttrs = Readonly<Record<string, never>>;
export type AxesAttrs = { readonly axes: readonly number[] };
export type AxisAttrs = { readonly axis: number };

/** An operand list as messages show it: `x f32[2, 3] · idx i32[4]`. */
const showOperands = (inputs: readonly TensorType[], names: readonly string[] = []): string =>
  inputs
    .map((t, i) => (names[i] === undefined ? showType(t) : `${names[i]} ${showType(t)}`))
    .join(' · ');

/** What a type rule says about its op: throws with the op's name, its operands and the broken rule. */
export interface Rule {
  /** The broken rule and what to do about it; `code` defaults to `shape`. */
  fail(rule: string, help: string, code?: ErrorCode): never;
  /** Fails unless `condition` holds. */
  check(condition: boolean, rule: string, help: string, code?: ErrorCode): void;
}

/** The rule checker of one call of an op, after checking how many operands there are. */
export const ruleFor = (
  op: string,
  inputs: readonly TensorType[],
  names: readonly string[],
): Rule => {
  const fail = (rule: string, help: string, code: ErrorCode = 'shape'): never => {
    const operands = showOperands(inputs, names);
    throw new TigonError(code, `${op}: ${rule}${operands === '' ? '' : `: ${operands}`}`, help);
  };
  if (inputs.length !== names.length)
    fail(
      `takes ${names.length} operand${names.length === 1 ? '' : 's'} (${names.join(', ')}), not ${inputs.length}`,
      `pass exactly ${names.length}`,
      'value',
    );
  return {
    fail,
    check(condition, rule, help, code) {
      if (!condition) fail(rule, help, code);
    },
  };
};

/** Type of a leaf from its attributes, checked. */
export const leafType = (op: string, dtype: string, shape: Shape): TensorType => {
  const rule = ruleFor(op, [], []);
  rule.check(
    (DTYPES as readonly string[]).includes(dtype),
    `no such dtype: ${dtype}`,
    `use one of ${DTYPES.join(', ')}`,
    'dtype',
  );
  checkShape(rule, shape);
  return tensor(dtype as DType, shape);
};

export const checkShape = (rule: Rule, shape: Shape): void =>
  rule.check(
    shape.every((d) => Number.isInteger(d) && d >= 0),
    `sizes must be integers >= 0, not [${shape.join(', ')}]`,
    'give each axis a whole, non-negative size',
  );

/** Axes must be in range and strictly increasing (the canonical form that the IR asks for). */
export const checkAxes = (rule: Rule, axes: readonly number[], rank: number): void =>
  rule.check(
    axes.every(
      (a, i) => Number.isInteger(a) && a >= 0 && a < rank && (i === 0 || a > axes[i - 1]!),
    ),
    `axes [${axes.join(', ')}] are not increasing axes of a ${rank}-dimensional array`,
    rank === 0 ? 'the operand has no axes' : `use distinct axes from 0 to ${rank - 1}, in order`,
  );

export const checkAxis = (rule: Rule, axis: number, rank: number): void =>
  rule.check(
    Number.isInteger(axis) && axis >= 0 && axis < rank,
    `axis ${axis} is out of range for a ${rank}-dimensional array`,
    rank === 0 ? 'the operand has no axes' : `use an axis from 0 to ${rank - 1}`,
  );

/** A list attribute must have `length` integers, each at least `least`. */
export const checkInts = (
  rule: Rule,
  name: string,
  values: readonly number[],
  length: number,
  least: number,
): void =>
  rule.check(
    values.length === length && values.every((v) => Number.isInteger(v) && v >= least),
    `${name} [${values.join(', ')}] must be ${length} integer${length === 1 ? '' : 's'} >= ${least}`,
    `give one ${name} value per axis`,
    'value',
  );

export const checkFloat = (rule: Rule, dtype: DType): void =>
  rule.check(
    isFloat(dtype),
    `takes float arrays, not ${dtype}`,
    "convert with .astype('float32') first",
    'dtype',
  );

export const checkIndices = (rule: Rule, idx: TensorType): void =>
  rule.check(
    idx.dtype === 'int32',
    `indices must be int32, not ${idx.dtype}`,
    "convert the indices with .astype('int32')",
    'dtype',
  );

/** `shape` without the given axes. */
export const without = (shape: Shape, axes: readonly number[]): number[] =>
  shape.filter((_, i) => !axes.includes(i));

/** Axis numbers 0..rank-1 that are not in `axes`. */
export const otherAxes = (rank: number, axes: readonly number[]): number[] =>
  Array.from({ length: rank }, (_, i) => i).filter((i) => !axes.includes(i));

export const sizeOf = (shape: Shape): number => shape.reduce((n, d) => n * d, 1);

/** Where axis `a` of a transposed array came from, turned around. */
export const inversePermutation = (axes: readonly number[]): number[] => {
  const inverse = new Array<number>(axes.length);
  axes.forEach((a, i) => {
    inverse[a] = i;
  });
  return inverse;
};
