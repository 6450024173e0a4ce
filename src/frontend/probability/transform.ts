/**
 * Transforms of values: what turns one distribution into another.
 *
 * Invariant: `logDet(x, y)` is the logarithm of how much volumes grow at x, of which y is the image; one number for the
 * last `eventAxes` axes together. Transforms are functions of arrays and compile with what they are used in.
 */
import { isFloat } from '../../ir/dtype.ts';
import { failure } from '../callsite.ts';
import { HybridBlock } from '../gluon/block.ts';
import * as nd from '../nd/index.ts';
import { isNDArray, type NDArray, type Operand } from '../ndarray.ts';
import { shown } from '../options.ts';
import { checkTransform } from './checks.ts';
import {
  type Constraint,
  interval,
  positive,
  real,
  realVector,
  simplex,
  unitInterval,
} from './constraint.ts';

export interface Transform {
  /** What it is called in messages. */
  readonly name: string;
  /** Axes that are one value. */
  readonly eventAxes: number;
  /** Whether different values have different images. */
  readonly bijective: boolean;
  /** Where values may come from, and where they go. */
  readonly domain: Constraint;
  readonly codomain: Constraint;
  /** 1 where larger values have larger images, -1 where smaller ones have; undefined where neither holds. */
  readonly sign: Operand | undefined;
  forward(x: NDArray): NDArray;
  inverse(y: NDArray): NDArray;
  logDet(x: NDArray, y: NDArray): NDArray;
}

const float = (x: NDArray): NDArray => (isFloat(x.dtype) ? x : nd.astype(x, 'float32'));

/** A transform that computes with floats whatever it is given: differences of small integers would wrap around. */
const onFloats = (t: Transform): Transform => ({
  ...t,
  forward: (x) => t.forward(float(x)),
  inverse: (y) => t.inverse(float(y)),
  logDet: (x, y) => t.logDet(float(x), float(y)),
});

const checkOperand = (name: string, what: string, value: Operand): void => {
  if (!isNDArray(value) && (typeof value !== 'number' || Number.isNaN(value)))
    throw failure('value', `${name}: ${what} is ${shown(value)}`, 'pass a number or an array');
};
const checkFactor = (name: string, what: string, value: Operand): void => {
  checkOperand(name, what, value);
  if (value === 0)
    throw failure('value', `${name}: ${what} is 0`, 'all values would have one image');
};

/**
 * `loc + scale · x`.
 *
 * `loc` and `scale`: numbers or arrays of shapes that broadcast with that of x. Integers and booleans give float32.
 *
 * @throws {ValueError} for what is no number or array, and for the scale 0
 *
 * @example probability.transforms.affine(1, 2).forward(nd.array([0, 1]));   // [1, 3]
 */
export const affine = (loc: Operand, scale: Operand): Transform => {
  checkOperand('affine', 'loc', loc);
  checkFactor('affine', 'scale', scale);
  return onFloats({
    name: 'affine',
    eventAxes: 0,
    bijective: true,
    domain: real,
    codomain: real,
    sign: isNDArray(scale) ? nd.sign(scale) : Math.sign(scale),
    forward: (x) => nd.add(nd.mul(x, scale), loc),
    inverse: (y) => nd.div(nd.sub(y, loc), scale),
    logDet: (x) =>
      isNDArray(scale)
        ? nd.log(nd.abs(scale)).add(nd.zerosLike(x))
        : nd.fullLike(x, Math.log(Math.abs(scale))),
  });
};

/**
 * `exp(x)`.
 *
 * Any shape; floats stay, integers and booleans give float32.
 *
 * @throws nothing
 *
 * @example probability.transforms.exp().inverse(nd.array([1]));   // [0]
 */
export const exp = (): Transform =>
  onFloats({
    name: 'exp',
    eventAxes: 0,
    bijective: true,
    domain: real,
    codomain: positive,
    sign: 1,
    forward: nd.exp,
    inverse: nd.log,
    logDet: (x) => x,
  });

/**
 * `1 / (1 + exp(-x))`.
 *
 * Any shape; floats stay, integers and booleans give float32.
 *
 * @throws nothing
 *
 * @example probability.transforms.sigmoid().forward(nd.array([0]));   // [0.5]
 */
export const sigmoid = (): Transform =>
  onFloats({
    name: 'sigmoid',
    eventAxes: 0,
    bijective: true,
    domain: real,
    codomain: unitInterval,
    sign: 1,
    forward: nd.sigmoid,
    inverse: (y) => nd.log(y).sub(nd.log1p(y.neg())),
    logDet: (x) => nd.softplus(x).add(nd.softplus(x.neg())).neg(),
  });

/**
 * `x^exponent`, of positive numbers.
 *
 * `exponent`: a number or an array whose shape broadcasts with that of x. Integers and booleans give float32; NaN of
 * numbers below 0, where powers have none.
 *
 * @throws {ValueError} for what is no number or array, and for the exponent 0
 *
 * @example probability.transforms.power(2).forward(nd.array([3]));   // [9]
 */
export const power = (exponent: Operand): Transform => {
  checkFactor('power', 'exponent', exponent);
  return onFloats({
    name: 'power',
    eventAxes: 0,
    bijective: true,
    domain: positive,
    codomain: positive,
    sign: isNDArray(exponent) ? nd.sign(exponent) : Math.sign(exponent),
    forward: (x) => nd.pow(x, exponent),
    inverse: (y) => nd.pow(y, isNDArray(exponent) ? nd.reciprocal(exponent) : 1 / exponent),
    logDet: (x, y) => nd.log(nd.abs(nd.mul(y, exponent).div(x))),
  });
};

/**
 * `|x|`: not one to one; its inverse is the positive one.
 *
 * Any shape; floats stay, integers and booleans give float32. `logDet` throws, so there is no density.
 *
 * @throws {ValueError} from `logDet`
 *
 * @example probability.transforms.abs().forward(nd.array([-3]));   // [3]
 */
export const abs = (): Transform =>
  onFloats({
    name: 'abs',
    eventAxes: 0,
    bijective: false,
    domain: real,
    codomain: positive,
    sign: undefined,
    forward: nd.abs,
    inverse: (y) => y,
    logDet: (x) => {
      throw noDeterminant('abs', x);
    },
  });

/**
 * Shares with sum 1 along the last axis, by their logarithms: not one to one.
 *
 * Vectors [..., K]; floats stay, integers and booleans give float32. `logDet` throws, so there is no density.
 *
 * @throws {ShapeError} for an array without axes
 * @throws {ValueError} from `logDet`
 *
 * @example probability.transforms.softmax().forward(nd.array([0, 0]));   // [0.5, 0.5]
 */
export const softmax = (): Transform =>
  onFloats({
    name: 'softmax',
    eventAxes: 1,
    bijective: false,
    domain: realVector,
    codomain: simplex,
    sign: undefined,
    forward: (x) => nd.softmax(x),
    inverse: nd.log,
    logDet: (x) => {
      throw noDeterminant('softmax', x);
    },
  });

const noDeterminant = (name: string, x: NDArray): Error =>
  failure(
    'value',
    `${name}: volumes of [${x.shape.join(', ')}] do not change by a factor: different values have one image`,
    'densities need transforms that are one to one',
  );

/**
 * One transform after the other.
 *
 * Values are of as many axes as the part that takes most together; dtypes go through the parts.
 *
 * @throws {ValueError} without parts, and for what is no transform
 *
 * @example
 * const { affine, compose, exp } = probability.transforms;
 * compose(affine(0, 2), exp()).forward(nd.array([0]));   // [1]
 */
export const compose = (...parts: readonly Transform[]): Transform => {
  if (parts.length === 0) throw failure('value', 'compose: no transforms', 'pass one at least');
  for (const part of parts) checkTransform('compose', part);
  const eventAxes = Math.max(...parts.map((t) => t.eventAxes));
  const signs = parts.map((t) => t.sign);
  return {
    name: parts.map((t) => t.name).join(', then '),
    eventAxes,
    bijective: parts.every((t) => t.bijective),
    domain: parts[0]!.domain,
    codomain: parts[parts.length - 1]!.codomain,
    sign: signs.includes(undefined) ? undefined : signs.reduce<Operand>((a, s) => times(a, s!), 1),
    forward: (x) => parts.reduce((y, t) => t.forward(y), x),
    inverse: (y) => parts.reduceRight((x, t) => t.inverse(x), y),
    logDet: (x) => {
      let at = x;
      let total: NDArray | undefined;
      for (const t of parts) {
        const next = t.forward(at);
        const own = summedTo(t.logDet(at, next), eventAxes - t.eventAxes);
        total = total === undefined ? own : nd.add(total, own);
        at = next;
      }
      return total!;
    },
  };
};
const times = (a: Operand, b: Operand): Operand =>
  typeof a === 'number' && typeof b === 'number' ? a * b : nd.mul(a, b);

/**
 * `x` added up over its last axes.
 *
 * Any dtype, booleans and integers as in `sum`: [...a, ...b] gives a, where b are the last `axes`.
 *
 * @throws {ValueError} unless `axes` is an integer ≥ 0
 * @throws {ShapeError} for more axes than x has
 *
 * @example probability.transforms.summedTo(nd.ones([2, 3]), 1);   // [3, 3]
 */
export const summedTo = (x: NDArray, axes: number): NDArray => {
  if (!Number.isInteger(axes) || axes < 0)
    throw failure('value', `summedTo: ${shown(axes)} axes`, 'pass an integer ≥ 0');
  return axes === 0 ? x : x.sum({ axis: Array.from({ length: axes }, (_, i) => -1 - i) });
};

/**
 * The other way round.
 *
 * Shapes and dtypes are those of the transform.
 *
 * @throws {ValueError} for what is no transform
 *
 * @example
 * const { exp, inverseOf } = probability.transforms;
 * inverseOf(exp()).forward(nd.array([1]));   // [0]
 */
export const inverseOf = (t: Transform): Transform => {
  checkTransform('inverseOf', t);
  return {
    name: `inverse of ${t.name}`,
    eventAxes: t.eventAxes,
    bijective: t.bijective,
    domain: t.codomain,
    codomain: t.domain,
    sign: t.sign,
    forward: (x) => t.inverse(x),
    inverse: (y) => t.forward(y),
    logDet: (x, y) => t.logDet(y, x).neg(),
  };
};

/**
 * To between `low` and `high`: the sigmoid, stretched.
 *
 * Any shape; floats stay, integers and booleans give float32.
 *
 * @throws {ValueError} unless they are numbers with low ≤ high
 *
 * @example probability.transforms.toInterval(-1, 3).forward(nd.array([0]));   // [1]
 */
export const toInterval = (low: number, high: number): Transform => {
  const codomain = interval(low, high);
  return { ...compose(sigmoid(), affine(low, high - low)), codomain };
};

/**
 * A transform with parameters: a block, which is trained and saved with the net that it is in. Subclasses define
 * `forward`, `inverse` and `logDet`.
 *
 * Shapes and dtypes are those of the parameters and of what subclasses compute.
 *
 * @throws {ValueError} when its parameters are used before `initialize()`
 *
 * @example
 * class Shift extends probability.transforms.TransformBlock {
 *   shift = new Parameter({ shape: [1], init: 'ones' });
 *   override forward(x: nd.NDArray) { return x.add(this.shift.data()); }
 *   override inverse(y: nd.NDArray) { return y.sub(this.shift.data()); }
 *   override logDet(x: nd.NDArray) { return nd.zerosLike(x); }
 * }
 * const shift = new Shift();
 * shift.initialize();
 * shift.forward(nd.array([2]));   // [3]
 */
export abstract class TransformBlock extends HybridBlock implements Transform {
  readonly eventAxes: number = 0;
  readonly bijective: boolean = true;
  readonly domain: Constraint = real;
  readonly codomain: Constraint = real;
  readonly sign: Operand | undefined = undefined;
  abstract override forward(x: NDArray): NDArray;
  abstract inverse(y: NDArray): NDArray;
  abstract logDet(x: NDArray, y: NDArray): NDArray;
}
