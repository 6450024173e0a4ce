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
