/**
 * Random numbers from counters (Threefry): the same seed gives the same numbers, eager, traced and on every device.
 *
 * Invariant: draw number `d` of element `i` is threefry(seed, i, d) alone. Each call takes as many numbers from the draw
 * counter as its distribution needs, in program order; a compiled program takes as many at each replay as its trace did.
 */
export { bernoulli, normal, rand, randint, randn, uniform } from './random/basic.ts';
export { type CategoryOptions, categorical, multinomial } from './random/categories.ts';
export { type ChoiceOptions, choice } from './random/choice.ts';
export {
  cauchy,
  exponential,
  gumbel,
  laplace,
  logistic,
  lognormal,
  pareto,
  power,
  rayleigh,
  weibull,
} from './random/continuous.ts';
export {
  binomial,
  generalizedNegativeBinomial,
  geometric,
  negativeBinomial,
  poisson,
} from './random/counts.ts';
export type { RandomOptions } from './random/draw.ts';
export { dropout } from './random/dropout.ts';
export { beta, chisquare, dirichlet, f, gamma, studentT } from './random/gamma.ts';
export { type MultivariateOptions, multivariateNormal } from './random/multivariate.ts';
export { permutation, shuffle } from './random/order.ts';
export {
  forParameter,
  getState,
  type RandomState,
  type SeedOptions,
  seed,
  setState,
} from './random/state.ts';
export { truncatedNormal } from './random/truncated.ts';
export { randZipfian } from './random/zipfian.ts';
