import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import * as p from '../../../src/frontend/probability/index.ts';
import { assertAllClose, checkHybridize } from '../../../src/frontend/testing.ts';
import { autograd, hybridize, nd, random, Trainer } from '../../../src/index.ts';
import { synchronous } from '../support.ts';

const pair = nd.array([0.5, 2]);
const shares = nd.array([
  [1, 2, 3],
  [2, 1, 1],
]);
const covariance = nd.array([
  [2, 0.5, 0.3],
  [0.5, 1, -0.2],
  [0.3, -0.2, 1.5],
]);
const components = new p.Normal(
  nd.array([
    [-2, 0, 3],
    [1, 2, 5],
  ]),
  0.5,
);

/** One of each kind, with a batch of two. */
const all: Readonly<Record<string, () => p.Distribution>> = {
  Normal: () => new p.Normal(pair, 1.5),
  Laplace: () => new p.Laplace(pair, 0.5),
  Cauchy: () => new p.Cauchy(pair),
  Gumbel: () => new p.Gumbel(pair, 0.7),
  StudentT: () => new p.StudentT(6, pair),
  Uniform: () => new p.Uniform(-1, pair),
  HalfNormal: () => new p.HalfNormal(pair),
  HalfCauchy: () => new p.HalfCauchy(pair),
  LogNormal: () => new p.LogNormal(pair, 0.3),
  Exponential: () => new p.Exponential(pair),
  Weibull: () => new p.Weibull(1.5, pair),
  Pareto: () => new p.Pareto(5, pair),
  Gamma: () => new p.Gamma(pair, 2),
  Chi2: () => new p.Chi2(pair),
  Beta: () => new p.Beta(pair, 3),
  Dirichlet: () => new p.Dirichlet(shares),
  FisherSnedecor: () => new p.FisherSnedecor(pair, 12),
  Bernoulli: () => new p.Bernoulli({ logit: pair }),
  Geometric: () => new p.Geometric({ prob: pair.mul(0.3) }),
  Binomial: () => new p.Binomial(7, { prob: pair.mul(0.4) }),
  NegativeBinomial: () => new p.NegativeBinomial(pair, { prob: 0.4 }),
  Poisson: () => new p.Poisson(pair),
  Categorical: () => new p.Categorical({ prob: shares }),
  OneHotCategorical: () => new p.OneHotCategorical({ prob: shares }),
  Multinomial: () => new p.Multinomial(5, { prob: shares }),
  RelaxedBernoulli: () => new p.RelaxedBernoulli(0.5, { logit: pair }),
  RelaxedOneHotCategorical: () => new p.RelaxedOneHotCategorical(0.5, { prob: shares }),
  MultivariateNormal: () => new p.MultivariateNormal(nd.ones([2, 3]), { covariance }),
  Independent: () => new p.Independent(new p.Normal(shares, 1), 1),
  MixtureSameFamily: () => new p.MixtureSameFamily(new p.Categorical({ prob: shares }), components),
  TransformedDistribution: () =>
    new p.TransformedDistribution(new p.Normal(pair, 1), [
      p.transforms.exp(),
      p.transforms.affine(1, 2),
    ]),
};
/** No mean, none in closed form, or so heavy tails that a few thousand samples do not show it. */
const WITHOUT_MEAN = [
  ...['Cauchy', 'HalfCauchy', 'Categorical', 'RelaxedBernoulli', 'RelaxedOneHotCategorical'],
  'TransformedDistribution',
];

/** On devices whose drivers take long to compile: those that draw in ways of their own. */
const TELLING = ['Normal', 'Beta', 'Binomial', 'Categorical', 'Dirichlet', 'MultivariateNormal'];

test('samples lie in the support, have the shapes and the means that are promised', async () => {
  random.seed(12);
  const names = synchronous ? Object.keys(all) : TELLING;
  const made = names.map((name) => all[name]!());
  const checks = hybridize(() =>
    made.flatMap((d, i) => {
      const x = d.sampleN(2000);
      const inside = nd.all(d.support.check(x));
      if (WITHOUT_MEAN.includes(names[i]!)) return [inside];
      const deviation = nd.sqrt(d.variance).add(1e-6);
      return [inside, nd.mean(x, { axis: 0 }).sub(d.mean).div(deviation)];
    }),
  )();
  for (const [i, d] of made.entries()) {
    const name = names[i]!;
    assert.equal([...d.batchShape], [2], name);
    assert.equal(d.sample().shape, [2, ...d.eventShape], name);
    assert.equal(d.sample([3, 2]).shape, [3, 2, ...d.eventShape], name);
    assert.equal(d.sampleN([2, 1]).shape, [2, 1, 2, ...d.eventShape], name);
    assert.is(await checks.shift()!.item(), 1, `${name}: inside the support`);
    if (WITHOUT_MEAN.includes(name)) continue;
    const off = Math.max(...Array.from(await checks.shift()!.data(), Math.abs));
    assert.ok(off < 0.1, `${name}: means are ${off} deviations off`);
    const wide = d.broadcastTo([3, 2]);
    assert.equal([...wide.batchShape], [3, 2], name);
    assert.equal(wide.mean.shape, [3, 2, ...d.eventShape], name);
    assert.equal(wide.logProb(d.sample()).shape, [3, 2], name);
  }
});

test('what is compiled draws and weighs as what is not', async () => {
  random.seed(3);
  await checkHybridize(
    (loc, scale) => {
      const q = new p.Normal(loc!, nd.softplus(scale!));
      const z = q.sample();
      const d = new p.Gamma(nd.exp(loc!), 1);
      return [z, q.logProb(z), d.sample(), p.klDivergence(q, new p.Normal(0, 1))];
    },
    [nd.array([0.3, -1]), nd.array([0.1, 2])],
    { rtol: 1e-3, atol: 1e-4 },
  );
});

test('densities of parts, transforms and mixtures are made of those of what they are made of', async () => {
  const x = nd.array([
    [0.4, 1, 2],
    [0.3, 0.2, 1],
  ]);
  const base = new p.Normal(shares, 2);
  await assertAllClose(new p.Independent(base, 1).logProb(x), base.logProb(x).sum({ axis: -1 }));
  const log = new p.TransformedDistribution(new p.Normal(0.5, 0.3), p.transforms.exp());
  const direct = new p.LogNormal(0.5, 0.3);
  await assertAllClose(log.logProb(x), direct.logProb(x), { rtol: 1e-4, atol: 1e-5 });
  await assertAllClose(log.cdf(log.icdf(0.2)), 0.2, { rtol: 1e-4 });
  const down = new p.TransformedDistribution(new p.Exponential(2), p.transforms.affine(1, -3));
  await assertAllClose(down.cdf(down.icdf(0.2)), 0.2, { rtol: 1e-4 });
  const flipped = new p.Exponential(2).cdf(nd.array([(1 - -4) / 3]));
  await assertAllClose(down.cdf(nd.array([-4])), nd.sub(1, flipped), { rtol: 1e-4 });
  const mixture = new p.MixtureSameFamily(new p.Categorical({ prob: shares }), components);
  const at = nd.array([0.5, 2]);
  const each = components.pdf(nd.expandDims(at, -1));
  const weights = shares.div(shares.sum({ axis: -1, keepDims: true }));
  await assertAllClose(mixture.pdf(at), each.mul(weights).sum({ axis: -1 }), { rtol: 1e-4 });
  await assertAllClose(mixture.mean, [(-2 + 9) / 6, (2 + 2 + 5) / 4]);
  assert.equal(mixture.cdf(at).shape, [2]);
});

test('supports that can be listed are, and their probabilities have the sum 1', async () => {
  for (const name of ['Bernoulli', 'Binomial', 'Categorical', 'OneHotCategorical']) {
    const d = all[name]!();
    assert.ok(d.hasEnumerateSupport, name);
    const values = d.enumerateSupport();
    await assertAllClose(d.pdf(values).sum({ axis: 0 }), [1, 1], { label: name, rtol: 1e-4 });
  }
});

test('transforms undo themselves and know how they stretch', async () => {
  const x = nd.array([0.3, 1.2, 2.5]);
  const { affine, compose, exp, power, sigmoid, inverseOf } = p.transforms;
  const some = [
    affine(1, -2),
    exp(),
    sigmoid(),
    power(1.5),
    compose(affine(0.5, 0.3), sigmoid(), exp()),
  ];
  for (const t of [...some, ...some.map(inverseOf)]) {
    const from = t.name.startsWith('inverse') ? inverseOf(t).forward(x) : x;
    const to = t.forward(from);
    await assertAllClose(t.inverse(to), from, { label: t.name, rtol: 1e-3, atol: 1e-4 });
    const input = from.copy().attachGrad();
    autograd.record(() => t.forward(input).sum()).backward();
    await assertAllClose(t.logDet(from, to), nd.log(nd.abs(input.grad!)), {
      label: t.name,
      rtol: 2e-3,
      atol: 1e-3,
    });
  }
});

test('domains: from anywhere to where values may lie', async () => {
  const x = nd.array([-2, 0, 3]);
  const { constraints: c } = p;
  for (const constraint of [
    c.real,
    c.positive,
    c.greaterThan(2),
    c.lessThan(-1),
    c.unitInterval,
    c.interval(-1, 5),
  ]) {
    const y = p.bijectTo(constraint).forward(x);
    assert.is(await nd.all(constraint.check(y)).item(), 1, constraint.rule);
    await assertAllClose(p.bijectTo(constraint).inverse(y), x, { rtol: 1e-3, atol: 1e-4 });
  }
  await assertAllClose(p.transformTo(c.simplex).forward(x).sum(), 1);
});

test('divergences from samples come to those in closed form', async () => {
  random.seed(9);
  const [a, b] = [new p.Gamma(2, 1.5), new p.Gamma(3, 1)];
  const exact = await p.klDivergence(a, b).item();
  const estimate = await p.empiricalKl(a, b, 20000).item();
  assert.ok(Math.abs(exact - estimate) < 0.02, `${exact} ${estimate}`);
  const parts = p.klDivergence(
    new p.Independent(new p.Normal(shares, 1), 1),
    new p.Independent(new p.Normal(0, shares), 1),
  );
  assert.equal(parts.shape, [2]);
});

class Encoder extends p.StochasticBlock {
  layer = new nn.Dense(4);
  override forward(x: nd.NDArray): nd.NDArray {
    const [loc, spread] = nd.split(this.layer(x), 2, -1);
    const q = new p.Normal(loc!, nd.softplus(spread!));
    this.addLoss(p.klDivergence(q, new p.Normal(0, 1)).sum({ axis: -1 }));
    return q.sample();
  }
}

test('stochastic blocks give the same losses imperative and compiled, and train', async () => {
  const x = nd.array([
    [1, 2, 0.5],
    [0.2, -1, 1],
  ]);
  const net = new p.StochasticSequential(new Encoder(), new nn.Dense(3));
  random.seed(4);
  net.initialize({ init: 'xavier' });
  const outputs: nd.NDArray[][] = [];
  for (const compile of [false, true]) {
    if (compile) net.hybridize();
    random.seed(5);
    const y = net(x);
    assert.is(net.losses.length, 1);
    outputs.push([y, net.losses[0]!]);
  }
  for (const i of [0, 1])
    await assertAllClose(outputs[1]![i]!, outputs[0]![i]!, { rtol: 1e-4, atol: 1e-5 });
  const trainer = new Trainer(net.parameters(), 'adam', { learningRate: 0.05 });
  const errors: number[] = [];
  for (let step = 0; step < 30; step++) {
    const loss = autograd.record(() => {
      const error = nd.square(net(x).sub(x)).sum({ axis: -1 });
      return error.add(net.losses[0]!.mul(0.01)).mean();
    });
    loss.backward();
    trainer.step(1);
    errors.push(await loss.item());
  }
  assert.ok(errors[29]! < 0.5 * errors[0]!, `${errors[0]} to ${errors[29]}`);
});

test.run();
