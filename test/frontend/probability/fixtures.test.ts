import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as p from '../../../src/frontend/probability/index.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import { autograd, hybridize, nd } from '../../../src/index.ts';

/** What PyTorch says (test/fixtures/make_probability.py), in float64. */
type Numbers = number | string | readonly Numbers[];
type Args = Readonly<Record<string, Numbers>>;
interface Case {
  readonly name: string;
  readonly args: Args;
  readonly value: Numbers;
  readonly logProb: Numbers;
  readonly grads?: Args;
  readonly mean?: Numbers;
  readonly variance?: Numbers;
  readonly entropy?: Numbers;
  readonly cdf?: Numbers;
  readonly icdf?: Numbers;
}
interface Pair {
  readonly name: string;
  readonly args: readonly [Args, Args];
  readonly kl: Numbers;
}
const url = new URL('../../fixtures/probability.json', import.meta.url);
const { cases, kl } = JSON.parse(readFileSync(url, 'utf8')) as {
  readonly cases: readonly Case[];
  readonly kl: readonly Pair[];
};

const SPECIAL: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
};
const numbers = (x: Numbers): nd.Nested =>
  typeof x === 'number' ? x : typeof x === 'string' ? SPECIAL[x]! : x.map(numbers);
const arrayOf = (x: Numbers): nd.NDArray => nd.array(numbers(x));

type Arrays = Readonly<Record<string, nd.NDArray>>;
/** How our classes take their parameters. */
const makers: Readonly<Record<string, (a: Arrays) => p.Distribution>> = {
  Normal: (a) => new p.Normal(a['loc'], a['scale']),
  Laplace: (a) => new p.Laplace(a['loc'], a['scale']),
  Cauchy: (a) => new p.Cauchy(a['loc'], a['scale']),
  Gumbel: (a) => new p.Gumbel(a['loc'], a['scale']),
  StudentT: (a) => new p.StudentT(a['df']!, a['loc'], a['scale']),
  Uniform: (a) => new p.Uniform(a['low'], a['high']),
  HalfNormal: (a) => new p.HalfNormal(a['scale']),
  HalfCauchy: (a) => new p.HalfCauchy(a['scale']),
  LogNormal: (a) => new p.LogNormal(a['loc'], a['scale']),
  Exponential: (a) => new p.Exponential(a['scale']),
  Weibull: (a) => new p.Weibull(a['concentration']!, a['scale']),
  Pareto: (a) => new p.Pareto(a['alpha']!, a['scale']),
  Gamma: (a) => new p.Gamma(a['shape']!, a['scale']),
  Chi2: (a) => new p.Chi2(a['df']!),
  Beta: (a) => new p.Beta(a['alpha']!, a['beta']!),
  Dirichlet: (a) => new p.Dirichlet(a['alpha']!),
  FisherSnedecor: (a) => new p.FisherSnedecor(a['df1']!, a['df2']!),
  Bernoulli: (a) => new p.Bernoulli(a as unknown as p.Chance),
  Geometric: (a) => new p.Geometric(a as unknown as p.Chance),
  Binomial: ({ n, ...chance }) => new p.Binomial(n!, chance as unknown as p.Chance),
  NegativeBinomial: ({ n, ...chance }) => new p.NegativeBinomial(n!, chance as unknown as p.Chance),
  Poisson: (a) => new p.Poisson(a['rate']),
  Categorical: (a) => new p.Categorical(a as unknown as p.Chances),
  OneHotCategorical: (a) => new p.OneHotCategorical(a as unknown as p.Chances),
  Multinomial: (a) => new p.Multinomial(6, a as unknown as p.Chances),
  RelaxedBernoulli: (a) => new p.RelaxedBernoulli(0.7, a as unknown as p.Chance),
  RelaxedOneHotCategorical: (a) => new p.RelaxedOneHotCategorical(0.7, a as unknown as p.Chances),
  MultivariateNormal: ({ loc, ...spread }) =>
    new p.MultivariateNormal(loc!, spread as unknown as p.Spread),
};
const arraysOf = (args: Args): Arrays =>
  Object.fromEntries(Object.entries(args).map(([name, x]) => [name, arrayOf(x)]));

const CLOSE = { rtol: 2e-4, atol: 2e-5 };
const KEYS = ['mean', 'variance', 'entropy'] as const;

test('log probabilities, moments, entropies and quantiles are those of PyTorch', async () => {
  for (const wanted of cases) {
    const d = makers[wanted.name]!(arraysOf(wanted.args));
    const x = arrayOf(wanted.value);
    const check = (got: nd.NDArray, expected: Numbers, what: string): Promise<void> =>
      assertAllClose(got, arrayOf(expected), { ...CLOSE, label: `${wanted.name}: ${what}` });
    await check(d.logProb(x), wanted.logProb, 'logProb');
    for (const key of KEYS) {
      const expected = wanted[key];
      // the mean number of a category means nothing; and PyTorch has none of what we have none of
      if (expected === undefined || (wanted.name === 'Categorical' && key !== 'entropy')) continue;
      await check(key === 'entropy' ? d.entropy() : d[key], expected, key);
    }
    if (wanted.cdf !== undefined && !['Gamma', 'Chi2'].includes(wanted.name))
      await check(d.cdf(x), wanted.cdf, 'cdf');
    if (wanted.icdf !== undefined) await check(d.icdf(0.3), wanted.icdf, 'icdf');
  }
  assert.is(new Set(cases.map((c) => c.name)).size, Object.keys(makers).length);
});

test('so are gradients of log probabilities, imperative and compiled', async () => {
  const values = cases.map(({ value }) => arrayOf(value));
  for (const compile of [false, true]) {
    const all = cases.map(({ args, grads = {} }) => {
      const arrays = arraysOf(args);
      for (const name of Object.keys(grads)) arrays[name]!.attachGrad();
      return arrays;
    });
    const f = (): nd.NDArray => {
      const logs = cases.map(({ name }, i) => makers[name]!(all[i]!).logProb(values[i]!));
      return nd.stack(logs.map((log) => nd.where(nd.isFinite(log), log, 0).sum())).sum();
    };
    const run = compile ? hybridize(f) : f;
    autograd.record(() => run()).backward();
    for (const [i, { name, grads = {} }] of cases.entries())
      for (const [parameter, expected] of Object.entries(grads))
        await assertAllClose(all[i]![parameter]!.grad!, arrayOf(expected), {
          rtol: 1e-3,
          atol: 1e-4,
          label: `${name}: gradient of ${parameter}${compile ? ', compiled' : ''}`,
        });
  }
});

test('so are divergences', async () => {
  for (const { name, args, kl: expected } of kl) {
    const [a, b] = args.map((x) => makers[name]!(arraysOf(x)));
    await assertAllClose(p.klDivergence(a!, b!), arrayOf(expected), {
      ...CLOSE,
      label: `divergence of two ${name}`,
    });
  }
});

test.run();
