import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as p from '../../../src/frontend/probability/index.ts';
import { hybridize, nd, random } from '../../../src/index.ts';
import { fails, rejects } from '../support.ts';

test('parameters that cannot be are named', async () => {
  fails(() => new p.Normal(0, -1), 'value', 'Normal: scale is -1', 'a number above 0');
  fails(() => new p.Normal(Number.NaN, 1), 'value', 'loc is NaN');
  fails(() => new p.Chi2(0), 'value', 'Chi2: df is 0');
  fails(() => new p.Bernoulli({ prob: 1.5 }), 'value', 'prob is 1.5', 'from 0 to 1');
  fails(() => new p.Bernoulli({} as never), 'value', 'Bernoulli', 'either { prob } or { logit }');
  fails(() => new p.Bernoulli({ prob: 0.5, logit: 0 } as never), 'value', 'given twice');
  fails(() => new p.Normal('0' as never), 'value', 'loc is "0"');
  fails(() => new p.Normal(0, 1, { validate: true } as never), 'option', 'validateArgs');
  fails(() => new p.Normal(nd.zeros([2]), nd.ones([3])), 'shape', '[2]', '[3]');
  fails(() => new p.Dirichlet(nd.full([], 1)), 'shape', 'alpha', '[]');
  fails(() => new p.Normal(nd.zeros([2])).sample([3]), 'shape', 'sampleN');
  fails(() => new p.Independent(new p.Normal(), 1), 'shape', 'Independent');
  fails(() => new p.Multinomial(-1, { prob: nd.ones([2]) }), 'value', 'totalCount is -1');
  fails(() => new p.RelaxedBernoulli(0, { prob: 0.5 }), 'value', 'temperature is 0');
  fails(() => new p.Gamma(1).cdf(1), 'value', 'Gamma.cdf', 'no closed form');
  fails(
    () => p.klDivergence(new p.Normal(), new p.Gamma(1)),
    'value',
    'Normal and Gamma',
    'empiricalKl',
  );
  fails(
    () => new p.TransformedDistribution(new p.Normal(), p.transforms.abs()).logProb(1),
    'value',
    'one to one',
  );
  fails(() => p.bijectTo(p.constraints.boolean), 'value', '0 or 1', 'registerDomain');
  const wrong = nd.array([1, -2]);
  new p.Normal(0, wrong);
  fails(
    () => new p.Normal(0, wrong, { validateArgs: true }),
    'value',
    'Normal: scale',
    'not everywhere',
  );
  const beta = new p.Beta(2, 2, { validateArgs: true });
  fails(() => beta.logProb(1.5), 'value', 'Beta.logProb', 'from 0 to 1');
  await rejects(() => new p.Normal(0, wrong).validate(), 'value', 'Normal: scale');
  await new p.Normal(0, 1).validate();
  fails(
    () =>
      hybridize((s: nd.NDArray) => new p.Normal(0, s, { validateArgs: true }).mean)(nd.ones([2])),
    'trace',
    'tracing',
  );
});

test('dtypes of parameters go through; numbers take them', async () => {
  const whole = new p.StudentT(nd.array([2, 3], { dtype: 'int32' }));
  assert.is(whole.df.dtype, 'float32');
  assert.equal(await whole.variance.array(), [Number.POSITIVE_INFINITY, 3]);
  const sure = new p.Bernoulli({ prob: nd.array([1, 0], { dtype: 'bool' }) });
  assert.is(sure.logProb(1).dtype, 'float32');
  const d = new p.Normal(nd.zeros([1], { dtype: 'float64' }), 0.1);
  assert.is(d.dtype, 'float64');
  const exact = -0.5 * 3 ** 2 - Math.log(0.1) - 0.5 * Math.log(2 * Math.PI);
  assert.ok(Math.abs((await d.logProb(0.3).item()) - exact) < 1e-12);
  assert.ok(Math.abs((await d.icdf(0.5).item()) - 0) < 1e-12);
  assert.is(new p.Cauchy(d.loc).mean.dtype, 'float64');
  for (const dtype of ['float16', 'bfloat16'] as const) {
    const narrow = new p.Bernoulli({ prob: nd.array([1, 0], { dtype }) }).logProb(1);
    assert.is(narrow.dtype, dtype);
    const [kept, left] = (await narrow.array()) as number[];
    assert.ok(kept! <= 0 && kept! > -0.01 && left! < -5 && Number.isFinite(left!), dtype);
  }
});

test('values outside of a support of whole numbers have no probability', async () => {
  const never = async (d: p.Distribution, ...values: readonly number[]): Promise<void> => {
    const log = await d.logProb(nd.array(values)).array();
    assert.equal(
      log,
      values.map(() => Number.NEGATIVE_INFINITY),
    );
  };
  await never(new p.Categorical({ prob: nd.ones([2]) }), -1, 2, 0.5);
  await never(new p.Geometric({ prob: 0.5 }), -1);
  await never(new p.NegativeBinomial(1, { prob: 0.5 }), -1, -2);
});

test('what does not fit is said where it is given', () => {
  const vector = nd.ones([2]);
  const pair = new p.Dirichlet(vector);
  fails(() => pair.logProb(nd.ones([3])), 'shape', 'Dirichlet.logProb: f32[3]', '[2]');
  const spread = { covariance: nd.eye(3) };
  fails(() => new p.MultivariateNormal(vector, spread), 'shape', 'f32[3, 3]', '[..., 2, 2]');
  fails(() => new p.Categorical({ prob: nd.ones([0]) }), 'shape', 'no categories');
  fails(() => new p.Uniform(2, 1), 'value', 'Uniform: from 2 to 1');
  fails(() => new p.Chi2('x' as never), 'value', 'Chi2: df is "x"');
  fails(() => new p.Normal().icdf(2), 'value', 'Normal.icdf: the probability is 2');
  fails(() => new p.Normal().icdf([0.5] as never), 'value', 'Normal.icdf');
  fails(() => new p.Normal().sampleN(null as never), 'shape', 'Normal.sampleN');
  fails(() => new p.Normal().sample(3 as never), 'shape', 'Normal.sample: 3');
  fails(() => new p.Normal().broadcastTo(3 as never), 'shape', 'Normal.broadcastTo: 3');
  fails(() => new p.Independent(3 as never, 1), 'value', 'Independent: 3 is no distribution');
  const mixture = new p.Categorical({ prob: nd.ones([3, 2]) });
  fails(() => new p.MixtureSameFamily(mixture, 3 as never), 'value', 'is no distribution');
  const four = new p.Normal(nd.zeros([4, 2]));
  fails(() => new p.MixtureSameFamily(mixture, four), 'shape', '[3], [4]');
  const three = new p.MixtureSameFamily(mixture, new p.Normal(vector));
  assert.equal([three.batchShape, three.sample().shape, three.mean.shape], [[3], [3], [3]]);
  fails(() => new p.TransformedDistribution(new p.Normal(), 3 as never), 'value', 'no transform');
  fails(
    () => new p.TransformedDistribution(new p.Normal(), p.transforms.softmax()),
    'shape',
    'softmax takes 1 axes',
  );
  fails(() => p.empiricalKl(new p.Normal(), 3 as never), 'value', 'empiricalKl: 3');
  fails(() => p.registerKl('a' as never, p.Normal, () => vector), 'value', 'registerKl: "a"');
  fails(() => p.registerKl(p.Normal, p.Normal, 3 as never), 'value', 'registerKl: 3');
});

test('constraints and transforms refuse what cannot be', async () => {
  const { constraints: c, transforms: t } = p;
  fails(() => c.interval(2, 1), 'value', 'a number from 2 to 1');
  fails(() => c.greaterThan('a' as never), 'value', 'a number above a');
  fails(() => c.counts(-1), 'value', 'constraints.counts', '-1');
  fails(() => c.cat([c.real], 0, [1, 1]), 'value', '1 constraints and 2 lengths');
  fails(() => c.cat([c.simplex], 0, [1]), 'value', 'no constraint of numbers');
  fails(() => c.cat([c.real, c.real], 0, [1, 1]).check(nd.ones([3])), 'shape', 'f32[3]');
  fails(() => c.stack([c.real], 0).check(nd.ones([3])), 'shape', 'constraints.stack');
  fails(() => c.independent(c.real, 0.5), 'value', '0.5 axes');
  fails(() => c.independent(3 as never, 1), 'value', '3 is no constraint');
  for (const name of ['lowerCholesky', 'positiveDefinite'] as const)
    fails(() => c[name].check(nd.ones([2, 3])), 'shape', `constraints.${name}`, 'f32[2, 3]');
  fails(() => t.affine('a' as never, 1), 'value', 'affine: loc is "a"');
  fails(() => t.affine(0, 0), 'value', 'affine: scale is 0');
  fails(() => t.power(0), 'value', 'power: exponent is 0');
  fails(() => t.toInterval(3, 1), 'value', 'from 3 to 1');
  fails(() => t.summedTo(nd.ones([2]), -1), 'value', 'summedTo: -1 axes');
  fails(() => t.inverseOf(3 as never), 'value', 'inverseOf: 3 is no transform');
  fails(() => p.registerDomain('x' as never, () => undefined), 'option', 'registerDomain');
  fails(() => p.registerDomain('bijectTo', 3 as never), 'value', 'registerDomain: 3');
  fails(() => p.bijectTo(3 as never), 'value', 'bijectTo: 3 is no constraint');
  fails(
    () => new p.StochasticSequential(3 as never),
    'value',
    'StochasticSequential',
    'not a block',
  );
  const small = nd.array([0, 1], { dtype: 'uint8' });
  assert.equal(await t.affine(1, 2).inverse(small).array(), [-0.5, 0]);
  assert.is(t.affine(1, 2).logDet(small, small).dtype, 'float32');
});

class Silent extends p.StochasticBlock {
  override forward(x: nd.NDArray): nd.NDArray {
    return x;
  }
}

test('losses are added while a block computes', () => {
  const block = new Silent();
  block(nd.ones([1]));
  assert.is(block.losses.length, 0);
  fails(() => block.addLoss(nd.ones([1])), 'value', 'Silent.addLoss', 'outside of forward');
});

test('divergences can be told, for classes and those that extend them', async () => {
  class Mine extends p.Normal {}
  p.registerKl(Mine, p.Laplace, () => nd.full([], 7));
  assert.is(await p.klDivergence(new Mine(), new p.Laplace()).item(), 7);
  assert.is(await p.klDivergence(new Mine(1), new p.Normal()).item(), 0.5);
});

const truths = async (c: p.Constraint, x: nd.NDArray): Promise<unknown> => await c.check(x).array();

test('constraints say where they hold', async () => {
  const { constraints: c } = p;
  const x = nd.array([-1, 0, 0.5, 1, 2]);
  const table: readonly (readonly [p.Constraint, string])[] = [
    [c.real, '11111'],
    [c.positive, '00111'],
    [c.nonNegative, '01111'],
    [c.unitInterval, '01110'],
    [c.boolean, '01010'],
    [c.interval(0.5, 1), '00110'],
    [c.openInterval(-1, 1), '01100'],
    [c.halfOpenInterval(-1, 1), '11100'],
    [c.integerInterval(0, 2), '01011'],
    [c.integerOpenInterval(-1, 2), '01010'],
    [c.integerHalfOpenInterval(-1, 1), '11000'],
    [c.greaterThan(0.5), '00011'],
    [c.greaterThanEq(0.5), '00111'],
    [c.integerGreaterThan(0), '00011'],
    [c.integerGreaterThanEq(0), '01011'],
    [c.lessThan(1), '11100'],
    [c.lessThanEq(1), '11110'],
    [c.integerLessThan(1), '11000'],
    [c.integerLessThanEq(1), '11010'],
    [c.positiveInteger, '00011'],
    [c.nonNegativeInteger, '01011'],
  ];
  for (const [constraint, wanted] of table) {
    const bits = [...wanted].map((bit) => bit === '1');
    assert.equal(await truths(constraint, x), bits, constraint.rule);
    assert.equal([-1, 0, 0.5, 1, 2].map(constraint.allows!), bits, `${constraint.rule}, numbers`);
  }
  assert.equal(await truths(c.real, nd.array([Number.NaN, Number.POSITIVE_INFINITY])), [
    false,
    true,
  ]);
  assert.equal(
    await truths(
      c.simplex,
      nd.array([
        [0.2, 0.8],
        [0.5, 0.6],
        [1.2, -0.2],
      ]),
    ),
    [true, false, false],
  );
  assert.equal(
    await truths(
      c.oneHot,
      nd.array([
        [0, 1],
        [1, 1],
        [0.5, 0.5],
      ]),
    ),
    [true, false, false],
  );
  const matrices = nd.array([
    [
      [2, 0],
      [1, 1],
    ],
    [
      [2, 1],
      [1, 1],
    ],
    [
      [1, 2],
      [2, 1],
    ],
  ]);
  assert.equal(await truths(c.lowerTriangular, matrices), [true, false, false]);
  assert.equal(await truths(c.lowerCholesky, matrices), [true, false, false]);
  assert.equal(await truths(c.positiveDefinite, matrices), [false, true, false]);
  assert.equal(await truths(c.cat([c.positive, c.real], 0, [2, 3]), x), [
    false,
    false,
    true,
    true,
    true,
  ]);
  assert.equal(await truths(c.stack([c.positive, c.boolean], 0), nd.array([3, 3])), [true, false]);
  assert.equal(
    await truths(
      c.independent(c.positive, 1),
      nd.array([
        [1, 2],
        [0, 1],
      ]),
    ),
    [true, false],
  );
});

test('seeds hold for all devices', async () => {
  random.seed(1);
  const a = await new p.Normal(0, 1).sampleN(3).array();
  random.seed(1);
  assert.equal(await new p.Normal(0, 1).sampleN(3).array(), a);
});

test.run();
