/**
 * Distributions drawn by their inverse: one uniform number in, one number out.
 *
 * Invariant: one draw each, and gradients flow to every parameter, since the number that is drawn is a smooth function of
 * them.
 */
import type { Node } from '../../ir/graph/graph.ts';
import type { Write } from '../../ir/graph/ops/formula.ts';
import type { Shape } from '../../ir/type.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import {
  aboveZero,
  anyNumber,
  drawFrom,
  notNegative,
  type ParameterRule,
  type RandomOptions,
  type Sampler,
  sampler,
} from './draw.ts';
import { formulas, openUnit, standardNormal, unit } from './source.ts';

const inverse = (
  name: string,
  parameters: readonly ParameterRule[],
  formula: (f: Write, u: Node, parameters: readonly Node[]) => Node,
  uniform: typeof unit = unit,
): Sampler =>
  sampler({
    name: `random.${name}`,
    parameters,
    draws: 1,
    build: (source, values) => formula(formulas(source), uniform(source), values),
  });

/** `-log(1 - u)`: standard exponential numbers. */
const standardExponential = (f: Write, u: Node): Node => f('neg', f('log1p', f('neg', u)));

const exponentially = inverse('exponential', [notNegative('scale')], (f, u, [scale]) =>
  f('mul', standardExponential(f, u), scale!),
);
/**
 * Times until the first event when events come `1 / scale` a unit of time: the mean is `scale`. An array of `shape`, to
 * which the parameter broadcasts. float32, of float64 parameters float64, or the float dtype asked for.
 *
 * @throws {ValueError} for a negative scale; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 * @throws {DTypeError} for a `dtype` that is no float
 *
 * @example
 * random.exponential([3], 0).array();   // [0, 0, 0]
 */
export const exponential = (shape: Shape, scale: Operand = 1, options?: RandomOptions): NDArray =>
  drawFrom(exponentially, shape, [scale], options);

const doubly = inverse(
  'laplace',
  [anyNumber('loc'), notNegative('scale')],
  (f, u, [loc, scale]) => {
    const side = f('sub', u, 0.5);
    const far = f('log1p', f('mul', f('abs', side), -2));
    return f('sub', loc!, f('mul', scale!, f('mul', f('sign', side), far)));
  },
  openUnit,
);
/**
 * Laplace (double exponential) numbers around `loc`. An array of `shape`, to which parameters broadcast. float32, of
 * float64 parameters float64, or the float dtype asked for.
 *
 * @throws {ValueError} for a negative scale, and NaN; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 * @throws {DTypeError} for a `dtype` that is no float
 *
 * @example random.laplace([2], nd.array([0, 10]), 0);   // [0, 10]
 */
export const laplace = (
  shape: Shape,
  loc: Operand = 0,
  scale: Operand = 1,
  options?: RandomOptions,
): NDArray => drawFrom(doubly, shape, [loc, scale], options);

const logistically = inverse(
  'logistic',
  [anyNumber('loc'), notNegative('scale')],
  (f, u, [loc, scale]) =>
    f('add', loc!, f('mul', scale!, f('sub', f('log', u), f('log1p', f('neg', u))))),
  openUnit,
);
/**
 * Logistic numbers around `loc`: their distribution function is the sigmoid. An array of `shape`, to which parameters
 * broadcast. float32, of float64 parameters float64, or the float dtype asked for.
 *
 * @throws {ValueError} for a negative scale, and NaN; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 * @throws {DTypeError} for a `dtype` that is no float
 *
 * @example random.logistic([2], nd.array([0, 10]), 0);   // [0, 10]
 */
export const logistic = (
  shape: Shape,
  loc: Operand = 0,
  scale: Operand = 1,
  options?: RandomOptions,
): NDArray => drawFrom(logistically, shape, [loc, scale], options);

const extremely = inverse(
  'gumbel',
  [anyNumber('loc'), notNegative('scale')],
  (f, u, [loc, scale]) => f('sub', loc!, f('mul', scale!, f('log', f('neg', f('log', u))))),
  openUnit,
);
/**
 * Gumbel numbers, `loc - scale · log(-log(u))`: the largest of many. An array of `shape`, to which parameters
 * broadcast. float32, of float64 parameters float64, or the float dtype asked for.
 *
 * @throws {ValueError} for a negative scale, and NaN; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 * @throws {DTypeError} for a `dtype` that is no float
 *
 * @example random.gumbel([2, 3]).shape;   // [2, 3]
 */
export const gumbel = (
  shape: Shape,
  loc: Operand = 0,
  scale: Operand = 1,
  options?: RandomOptions,
): NDArray => drawFrom(extremely, shape, [loc, scale], options);

const cauchyLike = inverse(
  'cauchy',
  [anyNumber('loc'), notNegative('scale')],
  (f, u, [loc, scale]) =>
    f('add', loc!, f('mul', scale!, f('tan', f('mul', f('sub', u, 0.5), Math.PI)))),
  openUnit,
);
/**
 * Cauchy numbers around `loc`, which have no mean. An array of `shape`, to which parameters broadcast. float32, of
 * float64 parameters float64, or the float dtype asked for.
 *
 * @throws {ValueError} for a negative scale, and NaN; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 * @throws {DTypeError} for a `dtype` that is no float
 *
 * @example random.cauchy([2, 3]).shape;   // [2, 3]
 */
export const cauchy = (
  shape: Shape,
  loc: Operand = 0,
  scale: Operand = 1,
  options?: RandomOptions,
): NDArray => drawFrom(cauchyLike, shape, [loc, scale], options);

/** `exp(log(x) / a)`, 0 for 0. */
const root = (f: Write, x: Node, a: Node): Node => f('exp', f('div', f('log', x), a));

const stretched = inverse(
  'weibull',
  [aboveZero('a'), notNegative('scale')],
  (f, u, [a, scale]) => f('mul', scale!, root(f, standardExponential(f, u), a!)),
  openUnit,
);
/**
 * Weibull numbers: `scale · (-log(1 - u))^(1 / a)`. An array of `shape`, to which parameters broadcast. float32, of
 * float64 parameters float64, or the float dtype asked for.
 *
 * @throws {ValueError} unless a number `a` is above 0 and `scale` ≥ 0; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 * @throws {DTypeError} for a `dtype` that is no float
 *
 * @example random.weibull([2], 1.5, 0);   // [0, 0]
 */
export const weibull = (
  shape: Shape,
  a: Operand,
  scale: Operand = 1,
  options?: RandomOptions,
): NDArray => drawFrom(stretched, shape, [a, scale], options);

const heavily = inverse('pareto', [aboveZero('a')], (f, u, [a]) =>
  f('expm1', f('div', standardExponential(f, u), a!)),
);
/**
 * Pareto numbers of the second kind (Lomax), from 0 on: `(1 - u)^(-1 / a) - 1`. Plus 1, times m: classical ones from m
 * on. An array of `shape`, to which `a` broadcasts. float32, of float64 parameters float64, or the float dtype asked
 * for.
 *
 * @throws {ValueError} unless a number `a` is above 0; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 * @throws {DTypeError} for a `dtype` that is no float
 *
 * @example
 * const classical = random.pareto([3], 3).add(1).mul(2);
 * nd.all(classical.ge(2));   // true
 */
export const pareto = (shape: Shape, a: Operand, options?: RandomOptions): NDArray =>
  drawFrom(heavily, shape, [a], options);

const powerful = inverse('power', [aboveZero('a')], (f, u, [a]) => root(f, u, a!), openUnit);
/**
 * Numbers in (0, 1) with density `a · x^(a - 1)`. An array of `shape`, to which `a` broadcasts. float32, of float64
 * parameters float64, or the float dtype asked for.
 *
 * @throws {ValueError} unless a number `a` is above 0; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 * @throws {DTypeError} for a `dtype` that is no float
 *
 * @example nd.all(random.power([3], 2).lt(1));   // true
 */
export const power = (shape: Shape, a: Operand, options?: RandomOptions): NDArray =>
  drawFrom(powerful, shape, [a], options);

const radially = inverse(
  'rayleigh',
  [notNegative('scale')],
  (f, u, [scale]) => f('mul', scale!, f('sqrt', f('mul', standardExponential(f, u), 2))),
  openUnit,
);
/**
 * Lengths of vectors of two normal numbers with deviation `scale`. An array of `shape`, to which it broadcasts.
 * float32, of float64 parameters float64, or the float dtype asked for.
 *
 * @throws {ValueError} for a negative scale; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 * @throws {DTypeError} for a `dtype` that is no float
 *
 * @example random.rayleigh([2], 0);   // [0, 0]
 */
export const rayleigh = (shape: Shape, scale: Operand = 1, options?: RandomOptions): NDArray =>
  drawFrom(radially, shape, [scale], options);

const exponentiated: Sampler = sampler({
  name: 'random.lognormal',
  parameters: [anyNumber('mean'), notNegative('deviation')],
  draws: 2,
  build: (source, [mean, deviation]) => {
    const f = formulas(source);
    return f('exp', f('add', f('mul', standardNormal(source), deviation!), mean!));
  },
});
/**
 * Numbers whose logarithm is normal, with this mean and deviation. An array of `shape`, to which parameters broadcast.
 * float32, of float64 parameters float64, or the float dtype asked for.
 *
 * @throws {ValueError} for a negative deviation, and NaN; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 * @throws {DTypeError} for a `dtype` that is no float
 *
 * @example random.lognormal([2], 0, 0);   // [1, 1]
 */
export const lognormal = (
  shape: Shape,
  mean: Operand = 0,
  deviation: Operand = 1,
  options?: RandomOptions,
): NDArray => drawFrom(exponentiated, shape, [mean, deviation], options);
