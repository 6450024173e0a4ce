/**
 * Closed forms of Kullback–Leibler divergences.
 *
 * Invariant: what lies outside of the support of the other distribution has an infinite divergence.
 */
import * as nd from '../nd/index.ts';
import type { NDArray } from '../ndarray.ts';
import { Categorical, type Chosen, OneHotCategorical } from './categorical.ts';
import type { Distribution } from './distribution.ts';
import { Beta, Dirichlet, Gamma } from './gamma.ts';
import { HalfNormal } from './half.ts';
import { Independent } from './independent.ts';
import { Cauchy, Gumbel, Laplace, Normal, Uniform } from './location.ts';
import { MultivariateNormal, multivariateKl } from './multivariate.ts';
import { EULER, HALF_LOG_TURN, logBeta, xlogy } from './special.ts';
import { Bernoulli, Binomial, Geometric, Poisson } from './tosses.ts';
import { LogNormal } from './transformed.ts';
import { Exponential, Pareto, Weibull } from './waiting.ts';

const INF = Number.POSITIVE_INFINITY;
type Scaled = Distribution & { readonly loc: NDArray; readonly scale: NDArray };

const normals = (p: Scaled, q: Scaled): NDArray => {
  const ratio = nd.square(p.scale.div(q.scale));
  const away = nd.square(p.loc.sub(q.loc).div(q.scale));
  return ratio.add(away).sub(1).sub(nd.log(ratio)).mul(0.5);
};

const gammas = (p: Gamma, q: Gamma): NDArray => {
  const shapes = p.shape.sub(q.shape).mul(nd.digamma(p.shape));
  const logs = nd.gammaln(q.shape).sub(nd.gammaln(p.shape));
  const scales = q.shape.mul(nd.log(q.scale.div(p.scale)));
  return shapes
    .add(logs)
    .add(scales)
    .add(p.shape.mul(p.scale.div(q.scale).sub(1)));
};

const betas = (p: Beta, q: Beta): NDArray => {
  const [a, b] = [p.alpha.sub(q.alpha), p.beta.sub(q.beta)];
  const norms = logBeta(q.alpha, q.beta).sub(logBeta(p.alpha, p.beta));
  const whole = a.add(b).mul(nd.digamma(p.alpha.add(p.beta)));
  return norms
    .add(a.mul(nd.digamma(p.alpha)))
    .add(b.mul(nd.digamma(p.beta)))
    .sub(whole);
};

const dirichlets = (p: Dirichlet, q: Dirichlet): NDArray => {
  const total = p.alpha.sum({ axis: -1, keepDims: true });
  const slopes = nd.digamma(p.alpha).sub(nd.digamma(total));
  const logs = nd.gammaln(q.alpha).sub(nd.gammaln(p.alpha));
  const terms = logs.add(p.alpha.sub(q.alpha).mul(slopes)).sum({ axis: -1 });
  const norms = nd
    .gammaln(total)
    .sum({ axis: -1 })
    .sub(nd.gammaln(q.alpha.sum({ axis: -1 })));
  return terms.add(norms);
};

const categories = (p: Chosen, q: Chosen): NDArray =>
  nd.where(nd.gt(p.prob, 0), nd.mul(p.prob, p.logit.sub(q.logit)), 0).sum({ axis: -1 });

/** Of one toss, by logits: `p (lp - lq) - softplus(lp) + softplus(lq)`. */
const tosses = (p: Bernoulli | Binomial, q: Bernoulli | Binomial): NDArray =>
  nd.mul(p.prob, p.logit.sub(q.logit)).sub(nd.softplus(p.logit)).add(nd.softplus(q.logit));

const laplaces = (p: Laplace, q: Laplace): NDArray => {
  const ratio = p.scale.div(q.scale);
  const away = nd.abs(p.loc.sub(q.loc));
  const near = ratio.mul(nd.exp(away.div(p.scale).neg()));
  return near.add(away.div(q.scale)).sub(nd.log(ratio)).sub(1);
};

const cauchys = (p: Cauchy, q: Cauchy): NDArray => {
  const spread = nd.square(p.scale.add(q.scale)).add(nd.square(p.loc.sub(q.loc)));
  return nd.log(spread).sub(nd.log(p.scale.mul(q.scale).mul(4)));
};

const gumbels = (p: Gumbel, q: Gumbel): NDArray => {
  const ratio = p.scale.div(q.scale);
  const loc = p.loc.sub(q.loc).div(q.scale);
  const tail = nd.exp(nd.gammaln(ratio.add(1)).sub(loc));
  return nd
    .log(ratio)
    .neg()
    .add(ratio.mul(EULER))
    .add(loc)
    .add(tail)
    .sub(1 + EULER);
};

const weibulls = (p: Weibull, q: Weibull): NDArray => {
  const [a, b] = [p.concentration, q.concentration];
  const shift = nd.log(p.scale).sub(nd.log(q.scale)).mul(b);
  const moment = nd.exp(nd.gammaln(b.div(a).add(1)).add(shift));
  const logs = nd.log(a).sub(nd.log(b)).sub(shift);
  return logs
    .add(b.div(a).mul(EULER))
    .sub(1 + EULER)
    .add(moment);
};

const uniforms = (p: Uniform, q: Uniform): NDArray => {
  const inside = nd.logicalAnd(nd.ge(p.low, q.low), nd.le(p.high, q.high));
  return nd.where(inside, nd.log(q.high.sub(q.low).div(p.high.sub(p.low))), INF);
};

const paretos = (p: Pareto, q: Pareto): NDArray => {
  const ratio = p.scale.div(q.scale);
  const alphas = q.alpha.div(p.alpha);
  const value = nd.log(ratio).mul(q.alpha).sub(nd.log(alphas)).add(alphas).sub(1);
  return nd.where(nd.ge(p.scale, q.scale), value, INF);
};

/** What registers a form for two classes. */
export type Register = <P extends Distribution, Q extends Distribution>(
  p: Class<P>,
  q: Class<Q>,
  form: (p: P, q: Q) => NDArray,
) => void;
/** A class of distributions. */
export type Class<D extends Distribution> = abstract new (...args: never[]) => D;

/** Registers all of them. `divergence`: that of parts. */
export const registerForms = (
  registerKl: Register,
  divergence: (p: Distribution, q: Distribution) => NDArray,
): void => {
  registerKl(Normal, Normal, normals);
  registerKl(LogNormal, LogNormal, normals);
  registerKl(HalfNormal, HalfNormal, (p, q) => {
    const ratio = nd.square(p.scale.div(q.scale));
    return ratio.sub(1).sub(nd.log(ratio)).mul(0.5);
  });
  registerKl(Laplace, Laplace, laplaces);
  registerKl(Cauchy, Cauchy, cauchys);
  registerKl(Gumbel, Gumbel, gumbels);
  registerKl(Uniform, Uniform, uniforms);
  registerKl(Uniform, Normal, (p, q) => {
    const mean = nd.square(p.mean.sub(q.loc)).add(p.variance);
    const scaled = mean.div(nd.square(q.scale).mul(2)).add(nd.log(q.scale)).add(HALF_LOG_TURN);
    return scaled.sub(p.entropy());
  });
  registerKl(Exponential, Exponential, (p, q) => {
    const ratio = p.scale.div(q.scale);
    return ratio.sub(1).sub(nd.log(ratio));
  });
  registerKl(Exponential, Gamma, (p, q) => {
    const ratio = p.scale.div(q.scale);
    const logs = nd.gammaln(q.shape).sub(q.shape.mul(nd.log(ratio)));
    return ratio.add(logs).add(q.shape.sub(1).mul(EULER)).sub(1);
  });
  registerKl(Gamma, Gamma, gammas);
  registerKl(Gamma, Exponential, (p, q) => {
    const ratio = p.scale.div(q.scale);
    return p.shape.mul(ratio).add(nd.log(q.scale)).sub(p.entropy());
  });
  registerKl(MultivariateNormal, MultivariateNormal, multivariateKl);
  registerKl(Beta, Beta, betas);
  registerKl(Dirichlet, Dirichlet, dirichlets);
  registerKl(Weibull, Weibull, weibulls);
  registerKl(Pareto, Pareto, paretos);
  registerKl(Bernoulli, Bernoulli, tosses);
  registerKl(Binomial, Binomial, (p, q) => nd.where(nd.le(p.n, q.n), p.n.mul(tosses(p, q)), INF));
  registerKl(Geometric, Geometric, (p, q) => {
    const slopes = nd.log1p(q.prob.neg()).div(p.prob).neg().add(nd.log1p(q.prob.neg()));
    return slopes.sub(nd.log(q.prob)).sub(p.entropy());
  });
  registerKl(Poisson, Poisson, (p, q) => xlogy(p.rate, p.rate.div(q.rate)).sub(p.rate.sub(q.rate)));
  registerKl(Categorical, Categorical, categories);
  registerKl(OneHotCategorical, OneHotCategorical, categories);
  registerKl(Independent, Independent, (p, q) => {
    const each = divergence(p.base, q.base);
    return p.axes === 0
      ? each
      : each.sum({ axis: Array.from({ length: p.axes }, (_, i) => -1 - i) });
  });
};
