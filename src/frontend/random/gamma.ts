/**
 * Gamma numbers and what is made of them: beta, Dirichlet, chi-square, F, Student's t.
 *
 * Invariant: the method of Marsaglia and Tsang ("A simple method for generating gamma variables", ACM TOMS 26, 2000) with
 * a fixed number of proposals, so that nothing depends on how many were refused: a proposal is refused with probability
 * 0.0484 at most (at a = 1), all seven with probability 6e-10; then the first counts. Gradients flow to all parameters,
 * to the shape by its implicit slope.
 */
import type { Node } from '../../ir/graph/graph.ts';
import { softmax } from '../../ir/graph/ops/composite.ts';
import { isDouble, polynomial, type Write } from '../../ir/graph/ops/formula.ts';
import { gammaDraw } from '../../ir/graph/ops/gamma-draw.ts';
import { stopGradient } from '../../ir/graph/ops/view.ts';
import type { Shape } from '../../ir/type.ts';
import { failure } from '../callsite.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import {
  aboveZero,
  drawFrom,
  notNegative,
  type RandomOptions,
  type Sampler,
  sampler,
} from './draw.ts';
import {
  firstAccepted,
  formulas,
  later,
  openUnit,
  perElement,
  type Source,
  standardNormal,
} from './source.ts';

const PROPOSALS = 7;
/** Words of one proposal: two of a normal number, one of the coin. */
const WORDS = 3;
/** Random words of a gamma number. */
export const GAMMA_DRAWS: number = PROPOSALS * WORDS + 1;

/** Coefficients of the logarithm's series from the 18th to the 4th: the last five are enough for float32. */
const LOGARITHM: readonly number[] = Array.from(
  { length: 15 },
  (_, i) => (-1) ** (i + 1) / (18 - i),
);

/** `log(1 + t) - t + t²/2 - t³/3`. */
const logarithmRest = (f: Write, t: Node): Node => {
  const fourth = f('mul', f('mul', t, t), f('mul', t, t));
  const near = f('mul', fourth, polynomial(f, t, LOGARITHM.slice(isDouble(t) ? 0 : -5)));
  const cubic = f('mul', polynomial(f, t, [-1 / 3, 1 / 2, -1]), t);
  const inside = f('max', t, -1 + 2 ** (isDouble(t) ? -50 : -20));
  return f('select', f('lt', f('abs', t), 0.1), near, f('add', f('log1p', inside), cubic));
};

/** Gamma numbers for shapes a ≥ 1, without gradient. */
const largeGamma = (source: Source, a: Node): Node => {
  const outer = formulas(source);
  const d = outer('sub', a, 1 / 3);
  const c = outer('div', 1, outer('sqrt', outer('mul', d, 9)));
  return firstAccepted(source, PROPOSALS, WORDS, (inner) => {
    const f = formulas(inner);
    const [scale, spread] = [d, c].map((n) => perElement(inner, n));
    const t = f('mul', standardNormal(inner), spread!);
    const cube = f('add', t, 1);
    const coin = f('log', openUnit(later(inner, 2)));
    const limit = f('mul', f('mul', scale!, 3), logarithmRest(f, t));
    return {
      accepted: f('and', f('gt', cube, 0), f('lt', coin, limit)),
      value: f('mul', scale!, f('mul', cube, f('mul', cube, cube))),
    };
  });
};

/** A gamma number as `number · exp(logFactor)`: for small shapes it is below what a float can be. */
interface GammaNumber {
  readonly number: Node;
  readonly logFactor: Node;
}

/** Shapes below 1 draw for a + 1 and multiply by `u^(1 / a)`. */
const gammaNumber = (source: Source, a: Node): GammaNumber => {
  const f = formulas(source);
  const small = f('lt', a, 1);
  const raised = f('select', small, f('add', a, 1), a);
  const drawn = largeGamma(source, source.b.emit(stopGradient, [raised], {}));
  const still = source.b.emit(stopGradient, [drawn], {});
  const u = openUnit(later(source, PROPOSALS * WORDS));
  return {
    number: source.b.emit(gammaDraw, [raised, still], {}),
    logFactor: f('select', small, f('div', f('log', u), f('select', small, a, 1)), 0),
  };
};

/** Gamma numbers with scale 1. */
export const standardGamma = (source: Source, a: Node): Node => {
  const f = formulas(source);
  const { number, logFactor } = gammaNumber(source, a);
  return f('mul', number, f('exp', logFactor));
};

/** Their logarithms. */
const logGamma = (source: Source, a: Node): Node => {
  const f = formulas(source);
  const { number, logFactor } = gammaNumber(source, a);
  return f('add', f('log', number), logFactor);
};

const gammas: Sampler = sampler({
  name: 'random.gamma',
  parameters: [aboveZero('the shape parameter a'), notNegative('scale')],
  draws: GAMMA_DRAWS,
  build: (source, [a, scale]) => formulas(source)('mul', standardGamma(source, a!), scale!),
});
/**
 * Gamma numbers with shape parameter `a` and this scale: mean `a · scale`. An array of `shape`, to which parameters
 * broadcast. Each takes 22 draws. float32, of float64 parameters float64, or the float dtype asked for.
 *
 * @throws {ValueError} unless a number `a` is above 0 and `scale` ≥ 0; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 * @throws {DTypeError} for a `dtype` that is no float
 *
 * @example
 * random.gamma([2, 3], 0.5).shape;   // [2, 3]
 */
export const gamma = (
  shape: Shape,
  a: Operand,
  scale: Operand = 1,
  options?: RandomOptions,
): NDArray => drawFrom(gammas, shape, [a, scale], options);

const betas: Sampler = sampler({
  name: 'random.beta',
  parameters: [aboveZero('a'), aboveZero('b')],
  draws: 2 * GAMMA_DRAWS,
  build: (source, [a, b]) => {
    const f = formulas(source);
    const other = logGamma(later(source, GAMMA_DRAWS), b!);
    return f('sigmoid', f('sub', logGamma(source, a!), other));
  },
});
/**
 * Beta numbers, in [0, 1]: the share of one gamma number in the sum of two. An array of `shape`, to which parameters
 * broadcast. float32, of float64 parameters float64, or the float dtype asked for.
 *
 * @throws {ValueError} unless numbers `a` and `b` are above 0; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 * @throws {DTypeError} for a `dtype` that is no float
 *
 * @example random.beta([2, 3], 2, 5).shape;   // [2, 3]
 */
export const beta = (shape: Shape, a: Operand, b: Operand, options?: RandomOptions): NDArray =>
  drawFrom(betas, shape, [a, b], options);

const shares: Sampler = sampler({
  name: 'random.dirichlet',
  parameters: [aboveZero('alpha')],
  draws: GAMMA_DRAWS,
  build: (source, [alpha]) =>
    source.b.emit(softmax, [logGamma(source, alpha!)], { axis: source.shape.length - 1 }),
});
/**
 * Dirichlet numbers: along the last axis of `shape` positive shares with sum 1. `alpha` broadcasts to the shape.
 * float32, of float64 parameters float64, or the float dtype asked for.
 *
 * @throws {ValueError} unless a number `alpha` is above 0; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none or has no axes, and an `alpha` that does not stretch to it
 * @throws {DTypeError} for a `dtype` that is no float
 *
 * @example
 * random.dirichlet([4, 3], nd.array([1, 2, 3])).shape;   // [4, 3]
 */
export const dirichlet = (shape: Shape, alpha: Operand, options?: RandomOptions): NDArray => {
  if (Array.isArray(shape) && shape.length === 0)
    throw failure(
      'shape',
      'random.dirichlet: the shape [] has no axis for the shares',
      'pass [..., how many shares]',
    );
  return drawFrom(shares, shape, [alpha], options);
};

/** A chi-square number over its degrees of freedom. */
const meanSquare = (source: Source, df: Node): Node => {
  const f = formulas(source);
  const half = f('mul', df, 0.5);
  return f('div', standardGamma(source, half), half);
};

const squares: Sampler = sampler({
  name: 'random.chisquare',
  parameters: [aboveZero('df')],
  draws: GAMMA_DRAWS,
  build: (source, [df]) => formulas(source)('mul', meanSquare(source, df!), df!),
});
/**
 * Chi-square numbers: sums of the squares of `df` normal ones. An array of `shape`, to which `df` broadcasts. float32,
 * of float64 parameters float64, or the float dtype asked for.
 *
 * @throws {ValueError} unless a number `df` is above 0; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 * @throws {DTypeError} for a `dtype` that is no float
 *
 * @example random.chisquare([3], 4).shape;   // [3]
 */
export const chisquare = (shape: Shape, df: Operand, options?: RandomOptions): NDArray =>
  drawFrom(squares, shape, [df], options);

const ratios: Sampler = sampler({
  name: 'random.f',
  parameters: [aboveZero('dfnum'), aboveZero('dfden')],
  draws: 2 * GAMMA_DRAWS,
  build: (source, [dfnum, dfden]) => {
    const f = formulas(source);
    const below = meanSquare(later(source, GAMMA_DRAWS), dfden!);
    return f('div', meanSquare(source, dfnum!), below);
  },
});
/**
 * F numbers: ratios of two chi-square numbers, each over its degrees of freedom. An array of `shape`, to which
 * parameters broadcast. float32, of float64 parameters float64, or the float dtype asked for.
 *
 * @throws {ValueError} unless numbers are above 0; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 * @throws {DTypeError} for a `dtype` that is no float
 *
 * @example random.f([3], 4, 5).shape;   // [3]
 */
export const f = (shape: Shape, dfnum: Operand, dfden: Operand, options?: RandomOptions): NDArray =>
  drawFrom(ratios, shape, [dfnum, dfden], options);

const students: Sampler = sampler({
  name: 'random.studentT',
  parameters: [aboveZero('df')],
  draws: GAMMA_DRAWS + 2,
  build: (source, [df]) => {
    const f = formulas(source);
    const normal = standardNormal(later(source, GAMMA_DRAWS));
    return f('div', normal, f('sqrt', meanSquare(source, df!)));
  },
});
/**
 * Student's t numbers with `df` degrees of freedom. An array of `shape`, to which `df` broadcasts. float32, of float64
 * parameters float64, or the float dtype asked for.
 *
 * @throws {ValueError} unless a number `df` is above 0; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 * @throws {DTypeError} for a `dtype` that is no float
 *
 * @example random.studentT([3], 4).shape;   // [3]
 */
export const studentT = (shape: Shape, df: Operand, options?: RandomOptions): NDArray =>
  drawFrom(students, shape, [df], options);
