/**
 * Distributions, transforms, divergences and blocks that add losses: `tigon/probability`.
 *
 * Invariant: pages that do not name it load nothing of it, and of it what they name.
 */
export {
  Categorical,
  type Chances,
  Multinomial,
  OneHotCategorical,
} from './categorical.ts';
export type { Chance } from './coin.ts';
export type { Constraint } from './constraint.ts';
export * as constraints from './constraint.ts';
export { Distribution, type DistributionOptions } from './distribution.ts';
export { empiricalKl, klDivergence, registerKl } from './divergence.ts';
export { bijectTo, registerDomain, transformTo } from './domain.ts';
export { Beta, Chi2, Dirichlet, FisherSnedecor, Gamma } from './gamma.ts';
export { HalfCauchy, HalfNormal } from './half.ts';
export { Independent, MixtureSameFamily } from './independent.ts';
export { Cauchy, Gumbel, Laplace, Normal, StudentT, Uniform } from './location.ts';
export { MultivariateNormal, type Spread } from './multivariate.ts';
export { RelaxedBernoulli, RelaxedOneHotCategorical } from './relaxed.ts';
export { StochasticBlock, StochasticSequential } from './stochastic.ts';
export { Bernoulli, Binomial, Geometric, NegativeBinomial, Poisson } from './tosses.ts';
export * as transforms from './transform.ts';
export { type Transform, TransformBlock } from './transform.ts';
export { LogNormal, TransformedDistribution } from './transformed.ts';
export { Exponential, Pareto, Weibull } from './waiting.ts';
