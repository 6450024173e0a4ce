/**
 * Leaves: where values come from: inputs, constants and positions.
 *
 * Invariant: all but `input` are pure functions of their attributes, so fusion may repeat them freely.
 */
import { type Idx, idxFlatten } from '../../dim.ts';
import { bytesOf, type DType, shortName } from '../../dtype.ts';
import { TigonError } from '../../errors.ts';
import { cast, constant, indexValue, scalar } from '../../loop/expr.ts';
import type { Expr } from '../../loop/loop.ts';
import { isExactIn, roundTo } from '../../rounding.ts';
import { type Shape, stridesOf } from '../../type.ts';
import type { Attrs, Op } from '../graph.ts';
import { checkAxis, defineOp, leafType, ruleFor } from './define.ts';

/** A value passed at each call. Made by `GraphBuilder.input` alone: no two are ever merged. */
export const input: Op<Attrs> = {
  name: 'input',
  kind: 'leaf',
  schema: {
    name: { kind: 'string' },
    role: { kind: 'string', default: 'input' },
    strides: { kind: 'ints', default: [] },
  },
  type: () => {
    throw new TigonError(
      'verify',
      'input: the type of an input is given, not inferred',
      'make inputs with GraphBuilder.input(type)',
    );
  },
};

/** Fails on a number that the dtype has, if at all, beyond what numbers of the IR hold exactly. */
export const checkExact = (name: string, dtype: DType, value: number): void =>
  ruleFor(name, [], []).check(
    isExactIn(dtype, value),
    `${value} is no ${dtype} within 2^53, up to where numbers are exact`,
    'take it from an array: nd.array([2n ** 60n])',
    'value',
  );

export type FullAttrs = { readonly value: number; readonly dtype: DType; readonly shape: Shape };
/** The same number everywhere. */
export const full: Op<FullAttrs> = defineOp<FullAttrs>({
  name: 'full',
  kind: 'leaf',
  schema: { value: { kind: 'number' }, dtype: { kind: 'dtype' }, shape: { kind: 'ints' } },
  // Folding must see the number that a program would.
  normalize: (attrs) => ({ ...attrs, value: roundTo(attrs.dtype, attrs.value) }),
  type: (_, { value, dtype, shape }) => {
    const type = leafType('full', dtype, shape);
    checkExact('full', dtype, value);
    return type;
  },
  lower: ({ attrs }) => constant(attrs.value, attrs.dtype),
  gradient: () => [],
});

export type LiteralAttrs = {
  readonly values: readonly number[];
  readonly dtype: DType;
  readonly shape: Shape;
};
/** Numbers written in the program, row-major. */
export const literal: Op<LiteralAttrs> = defineOp<LiteralAttrs>({
  name: 'literal',
  kind: 'leaf',
  schema: { values: { kind: 'numbers' }, dtype: { kind: 'dtype' }, shape: { kind: 'ints' } },
  type: (_, { values, dtype, shape }) => {
    const type = leafType('literal', dtype, shape);
    const inexact = values.find((value) => !isExactIn(dtype, value));
    if (inexact !== undefined) checkExact('literal', dtype, inexact);
    ruleFor('literal', [], []).check(
      values.length === type.size,
      `${values.length} values do not fill ${shortName(dtype)}[${shape.join(', ')}] (${type.size})`,
      'give one value per element',
      'value',
    );
    return type;
  },
  lower: ({ attrs }, index) =>
    choose(attrs.values, attrs.dtype, idxFlatten(index, stridesOf(attrs.shape))),
  gradient: () => [],
});

/** `values[position]` as a balanced tree of selects; equal neighbours need none, a position that is known no tree. */
const choose = (values: readonly number[], dtype: DType, position: Idx): Expr => {
  const known = position.terms.length === 0 ? values[position.constant] : undefined;
  if (known !== undefined) return constant(known, dtype);
  const flat = indexValue(position);
  const pick = (lo: number, hi: number): Expr => {
    if (hi - lo === 1) return constant(values[lo]!, dtype);
    const middle = (lo + hi) >> 1;
    const low = pick(lo, middle);
    const high = pick(middle, hi);
    return low === high ? low : scalar('select', isBelow(flat, middle), low, high);
  };
  return values.length === 0 ? flat : pick(0, values.length);
};

const isBelow = (flat: Expr, limit: number): Expr => scalar('lt', flat, constant(limit, 'int32'));

export type IotaAttrs = { readonly axis: number; readonly dtype: DType; readonly shape: Shape };
/** The position along `axis`. */
export const iota: Op<IotaAttrs> = defineOp<IotaAttrs>({
  name: 'iota',
  kind: 'leaf',
  schema: { axis: { kind: 'int' }, dtype: { kind: 'dtype' }, shape: { kind: 'ints' } },
  type: (_, { axis, dtype, shape }) => {
    const rule = ruleFor('iota', [], []);
    checkAxis(rule, axis, shape.length);
    rule.check(
      bytesOf(dtype) > 1,
      `positions do not fit in ${dtype}`,
      'use int32 or a float dtype and convert',
      'dtype',
    );
    return leafType('iota', dtype, shape);
  },
  lower: ({ attrs }, index) => cast(indexValue(index[attrs.axis]!), attrs.dtype),
  gradient: () => [],
});
