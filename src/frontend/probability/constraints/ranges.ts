/**
 * Ranges of numbers: between bounds that belong to them or not, all numbers or whole ones.
 *
 * Invariant: one function makes them all, from two bounds and whether they are open.
 */
import { failure } from '../../callsite.ts';
import { logicalAnd } from '../../nd/arithmetic.ts';
import * as nd from '../../nd/index.ts';
import type { Constraint, Range } from './record.ts';

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
