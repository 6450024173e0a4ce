/**
 * Constraints: where parameters and values of distributions may lie.
 *
 * Invariant: `check` is a function of arrays like any other, true where the constraint holds, with the last `eventAxes`
 * axes taken together; so it works while tracing and on every device. `allows` is the same for one number.
 */
import { showType } from '../../ir/type.ts';
import { failure } from '../callsite.ts';
import { logicalAnd } from '../nd/arithmetic.ts';
import * as nd from '../nd/index.ts';
import type { NDArray } from '../ndarray.ts';
import { checkList, shown } from '../options.ts';
import { cholesky } from '../random/cholesky.ts';
import { checkConstraint } from './checks.ts';

export interface Constraint {
  /** What must hold, such as `a number above 0`. */
  readonly rule: string;
  /** Axes, from the last, that are one value: 0 for numbers, 1 for vectors, 2 for matrices. */
  readonly eventAxes: number;
  /** True where values are whole numbers. */
  readonly discrete: boolean;
  /** Whether one number is allowed; absent where values are no numbers. */
  readonly allows?: (value: number) => boolean;
  readonly check: (value: NDArray) => NDArray;
  /** Where a range begins and ends; absent for other constraints. */
  readonly range?: Range;
}

/** Bounds of numbers; open ends leave the bound itself out. */
export interface Range {
  readonly low: number;
  readonly high: number;
  readonly openLow: boolean;
  readonly openHigh: boolean;
}

const { POSITIVE_INFINITY: INF } = Number;

const ranged = (rule: string, range: Range, whole: boolean): Constraint => {
  const { low, high, openLow, openHigh } = range;
  if (!(typeof low === 'number' && typeof high === 'number' && low <= high))
    throw failure(
      'value',
      `constraints: there is not ${rule}`,
      'pass numbers, the lower one first',
    );
  return {
    rule,
    eventAxes: 0,
    discrete: whole,
    range,
    allows: (v) =>
      (openLow ? v > low : v >= low) &&
      (openHigh ? v < high : v <= high) &&
      (!whole || Number.isInteger(v)),
    check: (value) => {
      let ok = openLow ? nd.gt(value, low) : nd.ge(value, low);
      if (high !== INF || openHigh)
        ok = logicalAnd(ok, openHigh ? nd.lt(value, high) : nd.le(value, high));
      return whole ? logicalAnd(ok, nd.eq(value, nd.floor(value))) : ok;
    },
  };
};
const number = (whole: boolean): string => (whole ? 'an integer' : 'a number');

/**
 * From `low` to `high`, both included.
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 *
 * @throws {ValueError} unless they are numbers with low ≤ high
 *
 * @example probability.constraints.interval(0, 1).check(nd.array([0, 1, 2]));   // [1, 1, 0]
 */
export const interval = (low: number, high: number): Constraint =>
  ranged(`a number from ${low} to ${high}`, { low, high, openLow: false, openHigh: false }, false);
/**
 * Between `low` and `high`.
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 *
 * @throws {ValueError} unless they are numbers with low ≤ high
 *
 * @example probability.constraints.openInterval(0, 1).check(nd.array([0, 0.5, 1]));   // [0, 1, 0]
 */
export const openInterval = (low: number, high: number): Constraint =>
  ranged(
    `a number between ${low} and ${high}`,
    { low, high, openLow: true, openHigh: true },
    false,
  );
/**
 * From `low`, which is included, to `high`, which is not.
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 *
 * @throws {ValueError} unless they are numbers with low ≤ high
 *
 * @example probability.constraints.halfOpenInterval(0, 1).check(nd.array([0, 0.5, 1]));   // [1, 1, 0]
 */
export const halfOpenInterval = (low: number, high: number): Constraint =>
  ranged(
    `a number from ${low} to below ${high}`,
    { low, high, openLow: false, openHigh: true },
    false,
  );
/**
 * Whole numbers from `low` to `high`, both included.
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 *
 * @throws {ValueError} unless they are numbers with low ≤ high
 *
 * @example probability.constraints.integerInterval(0, 2).check(nd.array([0, 0.5, 2]));   // [1, 0, 1]
 */
export const integerInterval = (low: number, high: number): Constraint =>
  ranged(`an integer from ${low} to ${high}`, { low, high, openLow: false, openHigh: false }, true);
/**
 * Whole numbers between `low` and `high`.
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 *
 * @throws {ValueError} unless they are numbers with low ≤ high
 *
 * @example probability.constraints.integerOpenInterval(0, 2).check(nd.array([0, 1, 2]));   // [0, 1, 0]
 */
export const integerOpenInterval = (low: number, high: number): Constraint =>
  ranged(
    `an integer between ${low} and ${high}`,
    { low, high, openLow: true, openHigh: true },
    true,
  );
/**
 * Whole numbers from `low`, which is included, to `high`, which is not.
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 *
 * @throws {ValueError} unless they are numbers with low ≤ high
 *
 * @example probability.constraints.integerHalfOpenInterval(0, 2).check(nd.array([0, 1, 2]));   // [1, 1, 0]
 */
export const integerHalfOpenInterval = (low: number, high: number): Constraint =>
  ranged(
    `an integer from ${low} to below ${high}`,
    { low, high, openLow: false, openHigh: true },
    true,
  );

const above = (low: number, openLow: boolean, whole: boolean): Constraint =>
  ranged(
    `${number(whole)} ${openLow ? 'above' : '≥'} ${low}`,
    { low, high: INF, openLow, openHigh: true },
    whole,
  );
const below = (high: number, openHigh: boolean, whole: boolean): Constraint =>
  ranged(
    `${number(whole)} ${openHigh ? 'below' : '≤'} ${high}`,
    { low: -INF, high, openLow: true, openHigh },
    whole,
  );
/**
 * Numbers above `low`.
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 *
 * @throws {ValueError} for what is no number
 *
 * @example probability.constraints.greaterThan(1).check(nd.array([1, 2]));   // [0, 1]
 */
export const greaterThan = (low: number): Constraint => above(low, true, false);
/**
 * Numbers from `low` on.
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 *
 * @throws {ValueError} for what is no number
 *
 * @example probability.constraints.greaterThanEq(1).check(nd.array([0, 1]));   // [0, 1]
 */
export const greaterThanEq = (low: number): Constraint => above(low, false, false);
/**
 * Whole numbers above `low`.
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 *
 * @throws {ValueError} for what is no number
 *
 * @example probability.constraints.integerGreaterThan(1).check(nd.array([1, 2, 2.5]));   // [0, 1, 0]
 */
export const integerGreaterThan = (low: number): Constraint => above(low, true, true);
/**
 * Whole numbers from `low` on.
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 *
 * @throws {ValueError} for what is no number
 *
 * @example probability.constraints.integerGreaterThanEq(1).check(nd.array([1, 1.5]));   // [1, 0]
 */
export const integerGreaterThanEq = (low: number): Constraint => above(low, false, true);
/**
 * Numbers below `high`.
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 *
 * @throws {ValueError} for what is no number
 *
 * @example probability.constraints.lessThan(1).check(nd.array([0, 1]));   // [1, 0]
 */
export const lessThan = (high: number): Constraint => below(high, true, false);
/**
 * Numbers up to `high`.
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 *
 * @throws {ValueError} for what is no number
 *
 * @example probability.constraints.lessThanEq(1).check(nd.array([1, 2]));   // [1, 0]
 */
export const lessThanEq = (high: number): Constraint => below(high, false, false);
/**
 * Whole numbers below `high`.
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 *
 * @throws {ValueError} for what is no number
 *
 * @example probability.constraints.integerLessThan(1).check(nd.array([0, 0.5]));   // [1, 0]
 */
export const integerLessThan = (high: number): Constraint => below(high, true, true);
/**
 * Whole numbers up to `high`.
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 *
 * @throws {ValueError} for what is no number
 *
 * @example probability.constraints.integerLessThanEq(1).check(nd.array([1, 2]));   // [1, 0]
 */
export const integerLessThanEq = (high: number): Constraint => below(high, false, true);

/**
 * Any number; infinities too, but not NaN.
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 */
export const real: Constraint = {
  ...ranged('a number', { low: -INF, high: INF, openLow: false, openHigh: false }, false),
  check: (value) => nd.eq(value, value),
};
/**
 * Numbers above 0.
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 *
 * @throws nothing
 *
 * @example probability.constraints.positive.check(nd.array([0, 1]));   // [0, 1]
 */
export const positive: Constraint = greaterThan(0);
/**
 * Numbers from 0 on.
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 *
 * @throws nothing
 *
 * @example probability.constraints.nonNegative.check(nd.array([-1, 0]));   // [0, 1]
 */
export const nonNegative: Constraint = greaterThanEq(0);
/**
 * 1, 2, 3, ….
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 *
 * @throws nothing
 *
 * @example probability.constraints.positiveInteger.check(nd.array([0, 1, 1.5]));   // [0, 1, 0]
 */
export const positiveInteger: Constraint = integerGreaterThan(0);
/**
 * 0, 1, 2, ….
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 *
 * @throws nothing
 *
 * @example probability.constraints.nonNegativeInteger.check(nd.array([0, 1, 1.5]));   // [1, 1, 0]
 */
export const nonNegativeInteger: Constraint = integerGreaterThanEq(0);
/**
 * Numbers from 0 to 1.
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 *
 * @throws nothing
 *
 * @example probability.constraints.unitInterval.check(nd.array([0, 1, 2]));   // [1, 1, 0]
 */
export const unitInterval: Constraint = interval(0, 1);
/**
 * 0 or 1.
 *
 * Arrays of any dtype and shape; `check` gives booleans of that shape.
 */
export const boolean: Constraint = { ...integerInterval(0, 1), rule: '0 or 1' };

const every = (ok: NDArray, axes: number): NDArray =>
  nd.all(ok, { axis: Array.from({ length: axes }, (_, i) => -1 - i) });

const shaped = (
  rule: string,
  eventAxes: number,
  check: (value: NDArray) => NDArray,
  discrete = false,
): Constraint => ({ rule, eventAxes, discrete, check });

/** Sums that rounding leaves near 1 are 1. */
const NEAR = 1e-5;
const sumsToOne = (value: NDArray): NDArray => nd.lt(value.sum({ axis: -1 }).sub(1).abs(), NEAR);

/**
 * Vectors of numbers ≥ 0 with sum 1.
 *
 * Arrays [..., K] of any dtype; `check` gives one boolean for each vector.
 *
 * @throws {ShapeError} from `check`, for an array without axes
 *
 * @example probability.constraints.simplex.check(nd.array([[0.5, 0.5], [0.5, 0.6]]));   // [1, 0]
 */
export const simplex: Constraint = shaped(
  'numbers ≥ 0 with sum 1 along the last axis',
  1,
  (value) => logicalAnd(every(nd.ge(value, 0), 1), sumsToOne(value)),
);
/**
 * Vectors of zeros and one 1.
 *
 * Arrays [..., K] of any dtype; `check` gives one boolean for each vector.
 *
 * @throws {ShapeError} from `check`, for an array without axes
 *
 * @example probability.constraints.oneHot.check(nd.array([[0, 1], [1, 1]]));   // [1, 0]
 */
export const oneHot: Constraint = shaped(
  'zeros and one 1 along the last axis',
  1,
  (value) => logicalAnd(every(boolean.check(value), 1), sumsToOne(value)),
  true,
);
/**
 * Vectors of counts with the sum `total`.
 *
 * Arrays [..., K] of any dtype; `check` gives one boolean for each vector.
 *
 * @throws {ValueError} unless `total` is an integer ≥ 0
 * @throws {ShapeError} from `check`, for an array without axes
 *
 * @example probability.constraints.counts(3).check(nd.array([[1, 2], [1, 1]]));   // [1, 0]
 */
export const counts = (total: number): Constraint => {
  if (!Number.isInteger(total) || total < 0)
    throw failure('value', `constraints.counts: the sum is ${shown(total)}`, 'pass an integer ≥ 0');
  return shaped(
    `counts with sum ${total} along the last axis`,
    1,
    (value) =>
      logicalAnd(every(nonNegativeInteger.check(value), 1), nd.eq(value.sum({ axis: -1 }), total)),
    true,
  );
};
/**
 * Vectors of any numbers.
 *
 * Arrays [..., K] of any dtype; `check` gives one boolean for each vector.
 *
 * @throws {ShapeError} from `check`, for an array without axes
 *
 * @example probability.constraints.realVector.check(nd.array([[1, 2], [1, NaN]]));   // [1, 0]
 */
export const realVector: Constraint = shaped('a vector of numbers', 1, (value) =>
  every(real.check(value), 1),
);
/**
 * Matrices of zeros above the diagonal.
 *
 * Arrays [..., M, N] of any dtype; `check` gives one boolean for each matrix.
 *
 * @throws {ShapeError} from `check`, for fewer than two axes
 *
 * @example probability.constraints.lowerTriangular.check(nd.array([[1, 0], [2, 3]]));   // true
 */
export const lowerTriangular: Constraint = shaped('a lower triangular matrix', 2, (value) =>
  every(nd.eq(nd.tril(value), value), 2),
);
const square = (name: string, value: NDArray): NDArray => {
  const { ndim, shape, type } = value;
  if (ndim >= 2 && shape[ndim - 1] === shape[ndim - 2]) return value;
  throw failure(
    'shape',
    `constraints.${name}: ${showType(type)} is not square in its last two axes`,
    'pass [..., N, N]',
  );
};

/**
 * Those with a diagonal above 0.
 *
 * Arrays [..., N, N] of any dtype; `check` gives one boolean for each matrix.
 *
 * @throws {ShapeError} from `check`, unless matrices are square
 *
 * @example probability.constraints.lowerCholesky.check(nd.array([[1, 0], [2, -3]]));   // false
 */
export const lowerCholesky: Constraint = shaped(
  'a lower triangular matrix with a diagonal above 0',
  2,
  (value) =>
    logicalAnd(
      lowerTriangular.check(square('lowerCholesky', value)),
      every(nd.gt(nd.diagonal(value, { axis1: -2, axis2: -1 }), 0), 1),
    ),
);

/**
 * Symmetric matrices with a Cholesky factor.
 *
 * Arrays [..., N, N] of any dtype; `check` gives one boolean for each matrix.
 *
 * @throws {ShapeError} from `check`, unless matrices are square
 *
 * @example probability.constraints.positiveDefinite.check(nd.array([[2, 1], [1, 2]]));   // true
 */
export const positiveDefinite: Constraint = shaped('a positive definite matrix', 2, (value) => {
  square('positiveDefinite', value);
  const near = nd.abs(value.sub(nd.swapAxes(value, -1, -2))).le(nd.abs(value).mul(1e-5).add(1e-6));
  const pivots = nd.diagonal(cholesky(value), { axis1: -2, axis2: -1 });
  return logicalAnd(every(near, 2), every(nd.gt(pivots, 0), 1));
});

/**
 * Parts along an axis, each with a constraint of its own; `lengths` says how long they are.
 *
 * `check` takes any dtype and gives booleans of the same shape.
 *
 * @throws {ValueError} unless there is a length for each constraint, all of them of single numbers
 * @throws {ShapeError} from `check`, for another length of the axis than all parts together
 *
 * @example
 * const { cat, positive, real } = probability.constraints;
 * cat([real, positive], 0, [1, 1]).check(nd.array([-1, 1]));   // [1, 1]
 */
export const cat = (
  constraints: readonly Constraint[],
  axis: number,
  lengths: readonly number[],
): Constraint => parts('cat', constraints, axis, lengths);

const parts = (
  name: string,
  constraints: readonly Constraint[],
  axis: number,
  lengths: readonly number[],
): Constraint => {
  const where = `constraints.${name}`;
  checkList(where, 'the first argument', constraints, 'pass a list of constraints');
  for (const c of constraints) {
    checkConstraint(where, c);
    if (c.eventAxes > 0) throw failure('value', `${where}: ${c.rule} is no constraint of numbers`);
  }
  if (constraints.length === 0 || lengths?.length !== constraints.length)
    throw failure(
      'value',
      `${where}: ${constraints.length} constraints and ${lengths?.length ?? 'no'} lengths`,
      'pass one length for each constraint, and one at least',
    );
  const total = lengths.reduce((a, b) => a + b, 0);
  const cuts = lengths
    .slice(0, -1)
    .map((_, i) => lengths.slice(0, i + 1).reduce((a, b) => a + b, 0));
  return shaped(constraints.map((c) => c.rule).join(', then '), 0, (value) => {
    const pieces = nd.split(value, cuts, axis);
    if (value.shape.at(axis) !== total)
      throw failure(
        'shape',
        `${where}: parts of ${total} along axis ${axis} of ${showType(value.type)}`,
      );
    return nd.concat(
      pieces.map((part, i) => constraints[i]!.check(part)),
      axis,
    );
  });
};
/**
 * Slices along an axis, each with a constraint of its own.
 *
 * `check` takes any dtype and gives booleans of the same shape.
 *
 * @throws {ValueError} for what is no list of constraints of single numbers
 * @throws {ShapeError} from `check`, unless there are as many slices as constraints
 *
 * @example
 * const { stack, positive, real } = probability.constraints;
 * stack([real, positive], 0).check(nd.array([-1, -1]));   // [1, 0]
 */
export const stack = (constraints: readonly Constraint[], axis: number): Constraint =>
  parts('stack', constraints, axis, Array.isArray(constraints) ? constraints.map(() => 1) : []);
/**
 * The last `axes` axes that `inner` has not taken yet are one value.
 *
 * `check` takes any dtype and gives one boolean for each value: [...a, ...b] gives a, where b are these axes.
 *
 * @throws {ValueError} for what is no constraint, and unless `axes` is an integer ≥ 0
 * @throws {ShapeError} from `check`, for arrays with fewer axes
 *
 * @example
 * const { independent, positive } = probability.constraints;
 * independent(positive, 1).check(nd.array([[1, 2], [1, -1]]));   // [1, 0]
 */
export const independent = (inner: Constraint, axes: number): Constraint => {
  checkConstraint('constraints.independent', inner);
  if (!Number.isInteger(axes) || axes < 0)
    throw failure('value', `constraints.independent: ${shown(axes)} axes`, 'pass an integer ≥ 0');
  return {
    ...shaped(inner.rule, inner.eventAxes + axes, (value) => every(inner.check(value), axes)),
    discrete: inner.discrete,
  };
};
