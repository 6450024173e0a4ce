import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { device, hybridize, nd, random } from '../../../src/index.ts';
import {
  betaCdf,
  binomialPmf,
  chiSquare,
  gammaCdf,
  kolmogorov,
  negativeBinomialPmf,
  normalCdf,
  poissonPmf,
  studentCdf,
} from './reference.ts';

const N = 10000;
const shape = [N / 2, 2];

interface Continuous {
  readonly name: string;
  readonly draw: () => nd.NDArray;
  readonly cdf: (x: number) => number;
}
const within = (a: number, b: number, x: number): number => {
  const below = normalCdf(a);
  return Math.max(0, Math.min(1, (normalCdf(x) - below) / (normalCdf(b) - below)));
};
/** 1 - normalCdf, where that is small. */
const upper = (x: number): number => {
  let f = 0;
  for (let n = 80; n >= 1; n--) f = n / (x + f);
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI) / (x + f);
};

const { exp, log, sqrt } = Math;
const continuous: readonly Continuous[] = [
  { name: 'uniform', draw: () => random.uniform(shape, -1, 3), cdf: (x) => (x + 1) / 4 },
  { name: 'normal', draw: () => random.normal(shape, 2, 3), cdf: (x) => normalCdf((x - 2) / 3) },
  { name: 'exponential', draw: () => random.exponential(shape, 2), cdf: (x) => 1 - exp(-x / 2) },
  {
    name: 'laplace',
    draw: () => random.laplace(shape, 1, 2),
    cdf: (x) => (x < 1 ? exp((x - 1) / 2) / 2 : 1 - exp((1 - x) / 2) / 2),
  },
  {
    name: 'logistic',
    draw: () => random.logistic(shape, -1, 2),
    cdf: (x) => 1 / (1 + exp((-1 - x) / 2)),
  },
  { name: 'gumbel', draw: () => random.gumbel(shape, 1, 2), cdf: (x) => exp(-exp((1 - x) / 2)) },
  {
    name: 'cauchy',
    draw: () => random.cauchy(shape, 1, 2),
    cdf: (x) => 0.5 + Math.atan((x - 1) / 2) / Math.PI,
  },
  {
    name: 'weibull',
    draw: () => random.weibull(shape, 1.5, 2),
    cdf: (x) => 1 - exp(-((x / 2) ** 1.5)),
  },
  { name: 'pareto', draw: () => random.pareto(shape, 3), cdf: (x) => 1 - (1 + x) ** -3 },
  { name: 'power', draw: () => random.power(shape, 3), cdf: (x) => x ** 3 },
  { name: 'rayleigh', draw: () => random.rayleigh(shape, 2), cdf: (x) => 1 - exp((-x * x) / 8) },
  {
    name: 'lognormal',
    draw: () => random.lognormal(shape, 0.5, 0.7),
    cdf: (x) => normalCdf((log(x) - 0.5) / 0.7),
  },
  ...[0.2, 0.9, 1, 3.5, 40, 30000].map((a) => ({
    name: `gamma ${a}`,
    draw: () => random.gamma(shape, a, 2),
    // the normal distribution that large ones come to has a skew left
    cdf: (x: number) => (a > 1000 ? wilsonHilferty(a, x / 2) : gammaCdf(a, x / 2)),
  })),
  { name: 'beta', draw: () => random.beta(shape, 0.4, 2), cdf: (x) => betaCdf(0.4, 2, x) },
  { name: 'beta, wide', draw: () => random.beta(shape, 5, 3), cdf: (x) => betaCdf(5, 3, x) },
  { name: 'chisquare', draw: () => random.chisquare(shape, 3), cdf: (x) => gammaCdf(1.5, x / 2) },
  {
    name: 'f',
    draw: () => random.f(shape, 5, 7),
    cdf: (x) => betaCdf(2.5, 3.5, (5 * x) / (5 * x + 7)),
  },
  { name: 'studentT', draw: () => random.studentT(shape, 2.5), cdf: (x) => studentCdf(2.5, x) },
  {
    name: 'truncatedNormal',
    draw: () => random.truncatedNormal(shape, -1, 4, 1, 2),
    cdf: (x) => within(-1, 1.5, (x - 1) / 2),
  },
  {
    name: 'truncatedNormal, far below',
    draw: () => random.truncatedNormal(shape, Number.NEGATIVE_INFINITY, -5),
    cdf: (x) => upper(-x) / upper(5),
  },
];

function wilsonHilferty(a: number, x: number): number {
  return normalCdf((Math.cbrt(x / a) - (1 - 1 / (9 * a))) * sqrt(9 * a));
}

test('continuous distributions pass the test of Kolmogorov and Smirnov', async () => {
  random.seed(2026);
  for (const { name, draw, cdf } of continuous) {
    const samples = await draw().data();
    const far = kolmogorov(samples, cdf);
    assert.ok(far < 1.95, `${name}: ${far.toFixed(2)}`);
  }
});

interface Discrete {
  readonly name: string;
  readonly draw: () => nd.NDArray;
  readonly pmf: (k: number) => number;
}
const weights = [1, 4, 0, 2, 3];
const p = nd.array(weights.map((w) => w / 10));
const counts: readonly Discrete[] = [
  { name: 'bernoulli', draw: () => random.bernoulli(shape, 0.3), pmf: (k) => [0.7, 0.3][k] ?? 0 },
  { name: 'randint', draw: () => random.randint(shape, 2, 9), pmf: (k) => (k < 2 ? 0 : 1 / 7) },
  ...[0.3, 4, 9.9, 10, 25, 600].map((rate) => ({
    name: `poisson ${rate}`,
    draw: () => random.poisson(shape, rate),
    pmf: (k: number) => poissonPmf(rate, k),
  })),
  ...(
    [
      [12, 0.4],
      [20, 0.5],
      [60, 0.3],
      [60, 0.9],
      [1000, 0.4],
      [5000, 0.001],
    ] as const
  ).map(([n, q]) => ({
    name: `binomial ${n} ${q}`,
    draw: () => random.binomial(shape, n, q),
    pmf: (k: number) => binomialPmf(n, q, k),
  })),
  {
    name: 'negativeBinomial',
    draw: () => random.negativeBinomial(shape, 3.5, 0.3),
    pmf: (k) => negativeBinomialPmf(3.5, 0.3, k),
  },
  {
    name: 'generalizedNegativeBinomial',
    draw: () => random.generalizedNegativeBinomial(shape, 4, 0.5),
    pmf: (k) => negativeBinomialPmf(2, 1 / 3, k),
  },
  {
    name: 'geometric',
    draw: () => random.geometric(shape, 0.2),
    pmf: (k) => (k < 1 ? 0 : 0.2 * 0.8 ** (k - 1)),
  },
  {
    name: 'categorical',
    draw: () => random.categorical(shape, p),
    pmf: (k) => (weights[k] ?? 0) / 10,
  },
  {
    name: 'choice',
    draw: () => random.choice(5, shape, { p }),
    pmf: (k) => (weights[k] ?? 0) / 10,
  },
];

test('counts pass the chi-square test', async () => {
  random.seed(2026);
  for (const { name, draw, pmf } of counts) {
    const samples = await draw().data();
    const far = chiSquare(samples, pmf);
    assert.ok(far < 3.3, `${name}: ${far.toFixed(2)}`);
  }
});

test('every distribution draws the same on every device, imperative or compiled', async () => {
  const cpu = await device.cpu();
  const own = device.default();
  const all = [...continuous, ...counts];
  const run = (compile: boolean): nd.NDArray[] => {
    random.seed(5);
    const draws = (): nd.NDArray[] => all.map(({ draw }) => draw());
    return compile ? hybridize(draws)() : draws();
  };
  const eager = await Promise.all(run(false).map((x) => x.data()));
  const compiled = own === cpu ? await Promise.all(run(true).map((x) => x.data())) : [];
  const others: nd.TypedArray[] = [];
  if (own !== cpu) {
    random.seed(5);
    device.setDefault(cpu);
    // p lives on the device of the test: only what has no arrays for parameters
    try {
      for (const { name, draw } of all) {
        const arrays = name === 'categorical' || name === 'choice';
        others.push(arrays ? eager[others.length]! : await draw().data());
      }
    } finally {
      device.setDefault(own);
    }
  }
  for (const other of [compiled, others])
    other.forEach((values, i) => {
      let odd = 0;
      values.forEach((v, j) => {
        const wanted = eager[i]![j]!;
        if (Math.abs(v - wanted) > 1e-4 * Math.abs(wanted) + 1e-4) odd++;
      });
      // a last place that differs between devices may tip a coin
      assert.ok(odd <= (own === cpu ? 0 : 3), `${all[i]!.name}: ${odd} of ${values.length} differ`);
    });
});

test.run();
