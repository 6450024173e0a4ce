/**
 * Functions of every family in float64 give what PyTorch gives in float64, to 1e-12, and so do their gradients: no
 * constant and no step in between is a float32. In float32 the same functions give the same to what float32 holds: on the
 * CPU, as other files test them on all devices. WebGPU has no numbers of 64 bits.
 */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clipGlobalNorm } from '../../../src/frontend/gluon/clip.ts';
import * as loss from '../../../src/frontend/gluon/loss.ts';
import * as metric from '../../../src/frontend/gluon/metric.ts';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import type { Parameter } from '../../../src/frontend/gluon/parameter.ts';
import * as rnn from '../../../src/frontend/gluon/rnn/index.ts';
import * as p from '../../../src/frontend/probability/index.ts';
import { autograd, device, hybridize, nd } from '../../../src/index.ts';

type NDArray = nd.NDArray;
type DType = 'float32' | 'float64';
interface Family {
  readonly results: readonly (readonly number[])[];
  readonly gradients: Readonly<Record<string, readonly number[] | null>>;
}
interface Fixture {
  readonly inputs: Readonly<
    Record<string, { readonly shape: number[]; readonly values: number[] }>
  >;
  readonly families: Readonly<Record<string, Family>>;
}
const { inputs, families } = JSON.parse(
  readFileSync(new URL('../../fixtures/wide.json', import.meta.url), 'utf8'),
) as Fixture;

type Arrays = Readonly<Record<'a' | 'b' | 'p' | 'gamma' | 'beta' | 'image' | 'kernel', NDArray>> &
  Readonly<Record<'offset' | 'square' | 'definite' | 'weight' | 'recurrent', NDArray>>;
const { fft, linalg } = nd;
const LABELS = [
  [1, 3, 0],
  [2, 2, 1],
];
const SIGNS = [
  [1, -1, 1],
  [-1, -1, 1],
];
const labels = (): NDArray => nd.array(LABELS, { dtype: 'int32' });
const signs = (): NDArray => nd.array(SIGNS, { dtype: 'int32' });

/** In the order of the results in `make_wide.py`. */
const FAMILIES: Readonly<Record<string, (x: Arrays) => NDArray[]>> = {
  activations: ({ a, b, p: q }) => [
    nd.softmax(a),
    nd.logSoftmax(a, { axis: 1 }),
    nd.logSumExp(a, { axis: 1 }),
    nd.gelu(a),
    nd.geluTanh(a),
    nd.silu(a),
    nd.softplus(a),
    nd.elu(a, 0.3),
    nd.mish(a),
    nd.softsign(a),
    nd.leakyRelu(a, 0.1),
    nd.hardSwish(a),
    nd.erf(a),
    nd.erfinv(q),
    nd.gammaln(q),
    nd.digamma(q),
    nd.polygamma(1, q),
    nd.logCumSumExp(a, { axis: 1 }),
    nd.logaddexp(a, b),
    nd.arctan2(a, b),
    nd.sinc(a),
    nd.arcsin(q),
    nd.arccosh(q.add(1)),
    nd.clip(a, -0.1, 0.3),
    q.pow(1.7),
    nd.log2(q),
    nd.hypot(a, b),
    nd.expm1(a),
  ],
  floors: ({ a, p: q }) => [
    nd.floorDiv(a, 0.1),
    nd.mod(a, q),
    nd.floorDiv(a, q).mul(q).add(nd.mod(a, q)),
  ],
  statistics: ({ a, b, p: q }) => [
    a.mean({ axis: 1 }),
    nd.var(a, { axis: 2, ddof: 1 }),
    nd.std(a, { ddof: 1 }),
    nd.quantile(a, 0.3, { axis: 1 }),
    nd.quantile(a, 0.7),
    nd.cumsum(a, { axis: 2 }),
    q.prod({ axis: 1 }),
    nd.norm(a, { axis: 1 }),
    nd.average(a, { weights: q }),
    nd.einsum('ijk,imk->jm', a, b),
    linalg.vectorNorm(a, { ord: 3, axis: 2 }),
    nd.diff(a),
    nd.median(a),
  ],
  norms: ({ a, image, gamma, beta }) => [
    nd.layerNorm(a, gamma, beta, { eps: 1e-7 }),
    ...nd.batchNormTraining(image, gamma, beta),
    nd.groupNorm(image, gamma, beta, 2, { eps: 1e-3 }),
    nd.instanceNorm(image, gamma, beta),
    nd.rmsNorm(a, gamma, { eps: 1e-7 }),
  ],
  images: ({ image, kernel, offset }) => [
    nd.convolution(image, kernel, undefined, {
      strides: [2, 1],
      padding: [1, 2],
      dilation: [1, 2],
    }),
    nd.deconvolution(image, kernel, undefined, { strides: [2, 1], padding: [1, 0] }),
    nd.avgPool(image, { kernel: 2 }),
    nd.maxPool(image, { kernel: 3, strides: 2 }),
    nd.adaptiveAvgPool(image, [3, 4]),
    nd.lpPool(image, { kernel: 2, p: 3 }),
    nd.resize(image, [7, 9]),
    nd.resize(image, [8, 5], { alignCorners: true }),
    nd.deformableConvolution(image, offset, kernel),
  ],
  linear: ({ square, definite, gamma }) => [
    linalg.solve(square, gamma),
    linalg.inv(square),
    linalg.det(square),
    linalg.slogdet(square)[1],
    linalg.cholesky(definite),
    nd.abs(linalg.qr(square)[1]),
    linalg.svdvals(square),
    linalg.eigvalsh(definite),
    linalg.matrixPower(square, 3),
    linalg.pinv(square.slice(':', [0, 3])),
    linalg.matrixNorm(square, { ord: 2 }),
    linalg.triangularSolve(nd.tril(definite), gamma),
    nd.kron(square.slice([0, 2], [0, 2]), square.slice([2, 4], [2, 4])),
  ],
  transforms: ({ a, image }) => {
    const rows = image.reshape([2, 4, 30]);
    const half = nd.array([1, 0.5], { dtype: image.dtype });
    return [
      fft.rfft(a),
      fft.rfft(image.slice(':', ':', ':', [0, 5])),
      fft.fft(fft.complex(rows)),
      fft.irfft(fft.multiply(fft.rfft(rows.slice(':', ':', [0, 7])), half), { n: 7 }),
      fft.rfft2(image),
      fft.rfft(rows.reshape([8, 30]).slice(':', [0, 29])),
    ];
  },
  attention: ({ a, b, p: q }) => [
    nd.scaledDotProductAttention(a, b, q, { causal: true }),
    nd.scaledDotProductAttention(a, b, q, { scale: 0.3 }),
    nd.attentionWeights(a, b),
    nd.rotaryEmbedding(a),
    nd.sinusoidalEncoding(a),
  ],
  losses: ({ a, b, p: q }) => {
    const first = a.slice(':', ':', 0);
    return [
      new loss.L2Loss()(a, b),
      new loss.L1Loss()(a, b),
      new loss.HuberLoss({ rho: 0.7 })(a, b),
      new loss.SigmoidBCELoss()(a, q),
      new loss.SoftmaxCELoss()(a, labels()),
      new loss.KLDivLoss()(nd.logSoftmax(a), q),
      new loss.HingeLoss()(first, signs()),
      new loss.SquaredHingeLoss()(first, signs()),
      new loss.LogisticLoss()(first, signs()),
      new loss.TripletLoss()(a, b, q),
      new loss.PoissonNLLLoss()(a, q),
      new loss.CTCLoss()(
        a,
        nd.array([
          [1, 0],
          [2, -1],
        ]),
      ),
      new loss.CosineEmbeddingLoss({ margin: 0.1 })(a, b, signs()),
    ];
  },
  probability: ({ a, p: q, definite, gamma, beta }) => {
    const s = q.add(0.3);
    const x = q.mul(q).add(0.2);
    const counts = nd.broadcastTo(labels().reshape([2, 3, 1]), [2, 3, 4]);
    const together = new p.MultivariateNormal(beta, { covariance: definite });
    return [
      new p.Normal(a, s).logProb(x),
      new p.Laplace(a, s).logProb(x),
      new p.Cauchy(a, s).logProb(x),
      new p.Gumbel(a, s).logProb(x),
      new p.StudentT(s.add(2), a, s).logProb(x),
      new p.Gamma(s, q).logProb(x),
      new p.Beta(s, q).logProb(q),
      new p.Dirichlet(gamma.add(1.5)).logProb(nd.softmax(a)),
      new p.Exponential(s).logProb(x),
      new p.Weibull(s, q).logProb(x),
      new p.HalfNormal(s).logProb(x),
      new p.LogNormal(a, s).logProb(x),
      new p.Poisson(s).logProb(counts),
      new p.Binomial(5, { prob: q }).logProb(counts),
      new p.NegativeBinomial(3, { prob: q }).logProb(counts),
      new p.Geometric({ prob: q }).logProb(counts),
      new p.Bernoulli({ prob: q }).logProb(counts.gt(1).astype(a.dtype)),
      together.logProb(a),
      new p.Categorical({ logit: a }).entropy(),
      new p.Gamma(s, q).entropy(),
      new p.Beta(s, q).entropy(),
      together.entropy(),
      p.klDivergence(new p.Normal(a, s), new p.Normal(x, q)),
      p.klDivergence(new p.Gamma(s, q), new p.Gamma(q, s)),
      new p.Normal(a, s).cdf(x),
      new p.Normal(a, s).icdf(q),
      new p.Binomial(5, { prob: q }).entropy(),
    ];
  },
};

const arraysOf = (names: readonly string[], dtype: DType): Arrays =>
  Object.fromEntries(
    names.map((name) => {
      const { shape, values } = inputs[name]!;
      return [name, nd.array(values, { shape, dtype })];
    }),
  ) as unknown as Arrays;

const close = async (
  got: NDArray,
  wanted: readonly number[],
  within: number,
  what: string,
): Promise<void> => {
  const values = Array.from(await got.data(), Number);
  assert.is(values.length, wanted.length, what);
  const largest = Math.max(...wanted.map(Math.abs));
  for (const [i, x] of wanted.entries()) {
    const error = Math.abs(values[i]! - x);
    const most = within * Math.max(Math.abs(x), largest / 10, 0.1);
    assert.ok(error <= most, `${what}, element ${i}: ${values[i]}, not ${x}`);
  }
};

/** A weight for each element, exact in any float. */
const weightsOf = (y: NDArray): NDArray =>
  nd.array(
    Array.from({ length: y.size }, (_, i) => (((i * 7) % 11) - 5) / 8),
    { shape: y.shape, dtype: y.dtype },
  );

const { kind, caps } = device.default();
const { wide } = caps;
const WIDE = { dtype: 'float64' } as const;

for (const [name, family] of Object.entries(FAMILIES)) {
  const { results, gradients } = families[name]!;
  const names = Object.keys(gradients);
  const run = (...arrays: NDArray[]): NDArray[] =>
    family(Object.fromEntries(arrays.map((a, i) => [names[i]!, a])) as unknown as Arrays);
  const isQuick = kind === 'cpu' || name === 'floors';
  const single = async (): Promise<void> => {
    const x = arraysOf(names, 'float32');
    const found = hybridize(run)(...Object.values(x));
    for (const [i, y] of found.entries()) {
      assert.is(y.dtype, 'float32');
      if (name !== 'floors' || i === 2) await close(y, results[i]!, 3e-4, `result ${i}`);
    }
  };
  if (isQuick) test(`${name}: float32 holds what it can`, single);
  if (!wide) continue;
  test(`${name}: float64, and gradients, to 1e-12`, async () => {
    const x = arraysOf(names, 'float64');
    for (const a of Object.values(x)) a.attachGrad();
    const compiled = hybridize(run);
    const found = autograd.record(() => {
      const ys = compiled(...Object.values(x));
      nd.addN(ys.map((y) => y.mul(weightsOf(y)).sum())).backward();
      return ys;
    });
    for (const [i, y] of found.entries()) {
      assert.is(y.dtype, 'float64', `result ${i}`);
      await close(y, results[i]!, 1e-12, `result ${i}`);
    }
    for (const [key, wanted] of Object.entries(gradients))
      if (wanted !== null) await close(x[key as keyof Arrays].grad!, wanted, 1e-12, `d ${key}`);
  });
}

if (wide) {
  test('layers of float64 keep their states and compute in double', async () => {
    const { a, weight, recurrent, image } = arraysOf(Object.keys(inputs), 'float64');
    const layer = new rnn.LSTM(3, { ...WIDE, inputSize: 4 });
    layer.initialize();
    const own = layer as unknown as Readonly<Record<string, Parameter>>;
    own['l0I2hWeight']!.setData(weight);
    own['l0H2hWeight']!.setData(recurrent);
    a.attachGrad();
    const ys = autograd.record(() => {
      const [y, states] = layer(a.transpose([1, 0, 2]), layer.beginState(2, WIDE));
      const found = [y, states[1]!];
      nd.addN(found.map((x) => x.mul(weightsOf(x)).sum())).backward();
      return found;
    });
    const { results, gradients } = families['recurrence']!;
    for (const [i, y] of ys.entries()) await close(y, results[i]!, 1e-12, `LSTM ${i}`);
    await close(a.grad!, gradients['a']!, 1e-12, 'd a');
    await close(own['l0I2hWeight']!.grad(), gradients['weight']!, 1e-12, 'd weight');
    await close(own['l0H2hWeight']!.grad(), gradients['recurrent']!, 1e-12, 'd recurrent');

    const norm = new nn.BatchNorm({ inChannels: 4 });
    norm.cast('float64');
    norm.initialize();
    autograd.trainMode(() => norm(image));
    const [, , mean, variance] = families['norms']!.results;
    const blended = (old: number, x: readonly number[]): number[] =>
      x.map((v) => 0.9 * old + (1 - 0.9) * v);
    await close(norm.runningMean.data(), blended(0, mean!), 1e-14, 'mean');
    await close(norm.runningVar.data(), blended(1, variance!), 1e-14, 'variance');
  });

  test('metrics, counts and clipping of float64 have the digits of doubles', async () => {
    const { a, b, p: q } = arraysOf(['a', 'b', 'p'], 'float64');
    const [x, y, z] = ['a', 'b', 'p'].map((name) => inputs[name]!.values) as number[][];
    const mean = (v: readonly number[]): number => v.reduce((s, n) => s + n, 0) / v.length;
    const apart = x!.map((v, i) => v - y![i]!);
    const away = [x!, y!].map((v) => v.map((n) => n - mean(v))) as [number[], number[]];
    const dot = (u: readonly number[], v: readonly number[]): number =>
      u.reduce((s, n, i) => s + n * v[i]!, 0);
    const rows = LABELS.flat().map((label, i) => -Math.log(z![4 * i + label]! + 1e-12));
    const metrics: readonly (readonly [metric.Metric, NDArray, NDArray, number])[] = [
      [new metric.MSE(), a, b, mean(apart.map((v) => v * v))],
      [new metric.MAE(), a, b, mean(apart.map(Math.abs))],
      [new metric.CrossEntropy(), labels(), q, mean(rows)],
      [
        new metric.PearsonCorrelation(),
        a,
        b,
        dot(...away) / Math.sqrt(dot(away[0], away[0]) * dot(away[1], away[1])),
      ],
    ];
    for (const [m, label, output, wanted] of metrics) {
      m.update(label, output);
      m.update(label, output);
      const [name, value] = await m.get();
      assert.ok(Math.abs(value - wanted) < 1e-14, `${name}: ${value}, not ${wanted}`);
    }
    const [counts, edges] = nd.histogram(a, { bins: 7, density: true });
    assert.equal([counts.dtype, edges.dtype], ['float64', 'float64']);
    const [least, most] = [Math.min(...x!), Math.max(...x!)];
    const places = Array.from({ length: 8 }, (_, i) => least + ((most - least) * i) / 7);
    await close(edges, places, 1e-15, 'edges');
    assert.ok(Math.abs((await counts.sum().item()) * (most - least) - 7) < 1e-13);
    const norm = Math.sqrt(dot(x!, x!));
    await close(clipGlobalNorm([a], 0.1), [norm], 1e-15, 'norm');
    await close(
      a,
      x!.map((v) => (v * 0.1) / norm),
      1e-14,
      'clipped',
    );
  });
}

test.run();
