/**
 * Counts: Poisson, binomial, negative binomial and geometric numbers.
 *
 * Invariant: whole numbers in float32 unless another dtype is asked for, exact up to 2^24 (in float64 to 2^53); no gradients. The number of
 * proposals is fixed, so that a call draws the same words everywhere; that none is accepted has probability below 1e-9
 * (one is refused with 0.248 at most for Poisson numbers, 0.291 for binomial ones), and then the first counts.
 */
import type { Node } from '../../ir/graph/graph.ts';
import type { Write } from '../../ir/graph/ops/formula.ts';
import { stopGradient } from '../../ir/graph/ops/view.ts';
import type { Shape } from '../../ir/type.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import { byProposals, bySearch, deviance, PROPOSED_FROM, stirlingRest } from './counting.ts';
import {
  aboveZero,
  drawFrom,
  notNegative,
  type ParameterRule,
  probability,
  type RandomOptions,
  type Sampler,
  sampler,
} from './draw.ts';
import { GAMMA_DRAWS, standardGamma } from './gamma.ts';
import { formulas, later, openUnit, type Source, unit } from './source.ts';

const POISSON_PROPOSALS = 15;
const POISSON_DRAWS = 2 * POISSON_PROPOSALS + 1;
const BINOMIAL_PROPOSALS = 17;
const BINOMIAL_DRAWS = 2 * BINOMIAL_PROPOSALS + 1;

const poissonNumber = (source: Source, rate: Node): Node => {
  const f = formulas(source);
  const u = openUnit(later(source, 2 * POISSON_PROPOSALS));
  const small = f('min', rate, PROPOSED_FROM);
  const few = bySearch(f, u, f('exp', f('neg', small)), (k) => f('div', small, k));
  const large = f('max', rate, PROPOSED_FROM);
  const b = f('add', f('mul', f('sqrt', large), 2.53), 0.931);
  const ratio = {
    a: f('sub', f('mul', b, 0.02483), 0.059),
    b,
    center: f('add', large, 0.43),
    sure: f('sub', 0.9277, f('div', 3.6224, f('sub', b, 2))),
    scale: f('add', f('div', 1.1328, f('sub', b, 3.4)), 1.1239),
  };
  const many = byProposals(
    source,
    POISSON_PROPOSALS,
    ratio,
    [large],
    (g, k, [mean]) => g('neg', g('add', deviance(g, k, mean!), stirlingRest(g, k))),
    (g, k) => g('ge', k, 0),
  );
  return f('select', f('lt', rate, PROPOSED_FROM), few, f('max', many, 0));
};

/** Random words, and from what they are made, without a gradient. */
const counts = (
  name: string,
  parameters: readonly ParameterRule[],
  draws: number,
  build: (source: Source, parameters: readonly Node[]) => Node,
): Sampler =>
  sampler({
    name: `random.${name}`,
    parameters,
    draws,
    whole: true,
    build: (source, values) =>
      source.b.emit(
        stopGradient,
        [
          build(
            source,
            values.map((x) => source.b.emit(stopGradient, [x], {})),
          ),
        ],
        {},
      ),
  });

const poissons = counts('poisson', [notNegative('rate')], POISSON_DRAWS, (source, [rate]) =>
  poissonNumber(source, rate!),
);
/**
 * Poisson numbers: how many events happen where `rate` are expected. An array of `shape`, to which it broadcasts. No
 * gradients. float32, of float64 parameters float64, or whatever dtype is asked for.
 *
 * @throws {ValueError} for a negative rate; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 *
 * @example
 * random.poisson([3], 0).array();   // [0, 0, 0]
 */
export const poisson = (shape: Shape, rate: Operand = 1, options?: RandomOptions): NDArray =>
  drawFrom(poissons, shape, [rate], options);

/** `log` of the probability of k successes in n, relative to nothing. */
const binomialLog = (f: Write, k: Node, n: Node, p: Node): Node => {
  const q = f('sub', 1, p);
  const rest = f('sub', n, k);
  const away = f('add', deviance(f, k, f('mul', n, p)), deviance(f, rest, f('mul', n, q)));
  return f('neg', f('add', away, f('add', stirlingRest(f, k), stirlingRest(f, rest))));
};

const binomialNumber = (source: Source, n: Node, p: Node): Node => {
  const f = formulas(source);
  const turned = f('gt', p, 0.5);
  const rare = f('select', turned, f('sub', 1, p), p);
  const low = f('lt', f('mul', n, rare), PROPOSED_FROM);
  const u = openUnit(later(source, 2 * BINOMIAL_PROPOSALS));

  const [smallN, smallP] = [f('select', low, n, 1), f('select', low, rare, 0.5)];
  const odds = f('div', smallP, f('sub', 1, smallP));
  const none = f('exp', f('mul', smallN, f('log1p', f('neg', smallP))));
  const few = bySearch(f, u, none, (k) =>
    f('mul', f('div', f('max', f('sub', smallN, k - 1), 0), k), odds),
  );

  const [largeN, largeP] = [f('select', low, 40, n), f('select', low, 0.5, rare)];
  const mean = f('mul', largeN, largeP);
  const deviation = f('sqrt', f('mul', mean, f('sub', 1, largeP)));
  const b = f('add', f('mul', deviation, 2.53), 1.15);
  const ratio = {
    a: f('add', f('sub', f('mul', b, 0.0248), 0.0873), f('mul', largeP, 0.01)),
    b,
    center: f('add', mean, 0.5),
    sure: f('sub', 0.92, f('div', 4.2, b)),
    scale: f('mul', f('add', f('div', 5.1, b), 2.83), deviation),
  };
  const mode = f('floor', f('mul', f('add', largeN, 1), largeP));
  const most = binomialLog(f, mode, largeN, largeP);
  const many = byProposals(
    source,
    BINOMIAL_PROPOSALS,
    ratio,
    [largeN, largeP, most],
    (g, k, [of, chance, top]) => g('sub', binomialLog(g, k, of!, chance!), top!),
    (g, k, [of]) => g('and', g('ge', k, 0), g('le', k, of!)),
  );
  const count = f('min', f('max', f('select', low, few, many), 0), n);
  return f('select', turned, f('sub', n, count), count);
};

const wholeCount = (name: string): ParameterRule => ({
  name,
  allows: (v) => Number.isInteger(v) && v >= 0 && v <= 2 ** 24,
  rule: 'an integer from 0 to 2^24',
});
const binomials = counts(
  'binomial',
  [wholeCount('n'), probability('p')],
  BINOMIAL_DRAWS,
  (source, [n, p]) => binomialNumber(source, n!, p!),
);
/**
 * Binomial numbers: how many of `n` tries succeed, each with probability `p`. An array of `shape`, to which parameters
 * broadcast. No gradients. float32, of float64 parameters float64, or whatever dtype is asked for.
 *
 * @throws {ValueError} unless a number `n` is an integer from 0 to 2²⁴ and `p` from 0 to 1; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 *
 * @example
 * random.binomial([2], 5, 1).array();   // [5, 5]
 */
export const binomial = (shape: Shape, n: Operand, p: Operand, options?: RandomOptions): NDArray =>
  drawFrom(binomials, shape, [n, p], options);

const failures = counts(
  'negativeBinomial',
  [aboveZero('k'), probability('p', true)],
  GAMMA_DRAWS + POISSON_DRAWS,
  (source, [k, p]) => {
    const f = formulas(source);
    const odds = f('div', f('sub', 1, p!), p!);
    return poissonNumber(later(source, GAMMA_DRAWS), f('mul', standardGamma(source, k!), odds));
  },
);
/**
 * How many tries fail before `k` succeed (any number above 0), each with probability `p`: mean `k (1 - p) / p`. An
 * array of `shape`, to which parameters broadcast. No gradients. float32, of float64 parameters float64, or whatever
 * dtype is asked for.
 *
 * @throws {ValueError} unless a number `k` is above 0 and `p` above 0, at most 1; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 *
 * @example random.negativeBinomial([3], 2, 1);   // [0, 0, 0]
 */
export const negativeBinomial = (
  shape: Shape,
  k: Operand,
  p: Operand,
  options?: RandomOptions,
): NDArray => drawFrom(failures, shape, [k, p], options);

const overdispersed = counts(
  'generalizedNegativeBinomial',
  [notNegative('mean'), notNegative('alpha')],
  GAMMA_DRAWS + POISSON_DRAWS,
  (source, [mean, alpha]) => {
    const f = formulas(source);
    const none = f('eq', alpha!, 0);
    const safe = f('select', none, 1, alpha!);
    const factor = f('mul', standardGamma(source, f('div', 1, safe)), safe);
    const rate = f('mul', mean!, f('select', none, 1, factor));
    return poissonNumber(later(source, GAMMA_DRAWS), rate);
  },
);
/**
 * Negative binomial numbers by their mean and dispersion: variance `mean + alpha · mean²`; with `alpha` 0, Poisson
 * ones. An array of `shape`, to which parameters broadcast. No gradients. float32, of float64 parameters float64, or
 * whatever dtype is asked for.
 *
 * @throws {ValueError} for a negative mean or `alpha`; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 *
 * @example random.generalizedNegativeBinomial([3], 2, 0.5).shape;   // [3]
 */
export const generalizedNegativeBinomial = (
  shape: Shape,
  mean: Operand = 1,
  alpha: Operand = 1,
  options?: RandomOptions,
): NDArray => drawFrom(overdispersed, shape, [mean, alpha], options);

const tries = counts('geometric', [probability('p', true)], 1, (source, [p]) => {
  const f = formulas(source);
  const steps = f('div', f('log1p', f('neg', unit(source))), f('log1p', f('neg', p!)));
  return f('add', f('floor', steps), 1);
});
/**
 * Which try is the first to succeed, from 1 on, each with probability `p`. An array of `shape`, to which it broadcasts.
 * No gradients. float32, of float64 parameters float64, or whatever dtype is asked for.
 *
 * @throws {ValueError} unless a number `p` is above 0, at most 1; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 *
 * @example random.geometric([3], 1);   // [1, 1, 1]
 */
export const geometric = (shape: Shape, p: Operand, options?: RandomOptions): NDArray =>
  drawFrom(tries, shape, [p], options);
