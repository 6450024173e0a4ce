/**
 * Why: what MXNet's tests of layers demand beyond formulas and gradients of each: groups, layouts, views, large tables.
 *
 * Invariant: layers are held against other ways to compute the same numbers, hybridized as imperative.
 */
import { autograd, HybridBlock, nd, random } from 'tigon';
import * as nn from 'tigon/nn';
import { assertAllClose, checkHybridize } from 'tigon/testing';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

type Layer = HybridBlock & { forward(x: nd.NDArray): nd.NDArray };

const ready = <T extends HybridBlock>(net: T): T => {
  random.seed(21);
  net.initialize({ init: 'xavier' });
  return net;
};
const input = (...shape: number[]): nd.NDArray =>
  nd
    .arange(shape.reduce((n, d) => n * d, 1))
    .reshape(shape)
    .mul(0.7)
    .sin();

test('a convolution in groups of 16 channels is one convolution for each group, gradients too', async () => {
  const grouped = ready(new nn.Conv2D(32, 3, { groups: 2, inChannels: 32, padding: 1 }));
  const x = input(1, 32, 5, 4).attachGrad();
  const w = grouped.weight.data().copy().attachGrad();
  const parts = autograd.record(() =>
    [0, 1].map((g) =>
      nd.convolution(
        x.slice(':', [16 * g, 16 * g + 16]),
        w.slice([16 * g, 16 * g + 16]),
        undefined,
        { padding: 1 },
      ),
    ),
  );
  const head = input(1, 32, 5, 4).add(0.5);
  autograd.backward(parts, nd.split(head, 2, 1));
  const wanted = { y: nd.concat(parts, 1), dx: x.grad!.copy(), dw: w.grad!.copy() };
  for (const hybrid of [false, true]) {
    if (hybrid) grouped.hybridize();
    const y = autograd.record(() => grouped(x));
    y.backward(head);
    await assertAllClose(y, wanted.y, { atol: 1e-5 });
    await assertAllClose(x.grad!, wanted.dx, { atol: 1e-5 });
    await assertAllClose(grouped.weight.grad(), wanted.dw, { atol: 1e-5 });
  }
});

test('a dilated transposed convolution is the gradient of the convolution', async () => {
  const options = { strides: 2, padding: 1, dilation: 2 } as const;
  const up = ready(new nn.Conv2DTranspose(2, 3, { ...options, inChannels: 3, useBias: false }));
  const y = input(1, 3, 4, 3);
  const given = up(y);
  const x = nd.zeros(given.shape).attachGrad();
  autograd.record(() => nd.convolution(x, up.weight.data(), undefined, options)).backward(y);
  await assertAllClose(given, x.grad!, { atol: 1e-5 });
});

test('pixels are shuffled into space along one, two and three axes', async () => {
  const [a, b, c] = [2, 3, 2];
  const cases: [Layer, nd.NDArray, (x: nd.NDArray) => nd.NDArray][] = [
    [
      new nn.PixelShuffle1D(b),
      input(2, 2 * b, 4),
      (x) =>
        x
          .reshape([2, 2, b, 4])
          .transpose([0, 1, 3, 2])
          .reshape([2, 2, 4 * b]),
    ],
    [
      new nn.PixelShuffle2D([a, b]),
      input(1, 2 * a * b, 2, 3),
      (x) =>
        x
          .reshape([1, 2, a, b, 2, 3])
          .transpose([0, 1, 4, 2, 5, 3])
          .reshape([1, 2, 2 * a, 3 * b]),
    ],
    [
      new nn.PixelShuffle3D([a, b, c]),
      input(1, a * b * c, 2, 1, 3),
      (x) =>
        x
          .reshape([1, 1, a, b, c, 2, 1, 3])
          .transpose([0, 1, 5, 2, 6, 3, 7, 4])
          .reshape([1, 1, 2 * a, b, 3 * c]),
    ],
  ];
  for (const [layer, x, formula] of cases) {
    await assertAllClose(layer(x), formula(x));
    await checkHybridize(layer, [x]);
  }
});

test('a large table: rows at its end are found, and gradients are those of the rows that were read', async () => {
  const rows = 300_000;
  const table = new nn.Embedding(rows, 4, { weightInit: 'uniform' });
  table.initialize();
  const indices = nd.array([rows - 1, 0, rows - 1, 70_000], { dtype: 'int32' });
  const y = autograd.record(() => table(indices));
  const head = nd.arange(16).reshape([4, 4]).astype('float32');
  y.backward(head);
  await assertAllClose(y.at(0), table.weight.data().at(rows - 1));
  const gradient = table.weight.grad();
  await assertAllClose(gradient.at(rows - 1), head.at(0).add(head.at(2)));
  await assertAllClose(gradient.at(70_000), head.at(3));
  assert.is(await gradient.ne(0).sum().item(), 12, 'every other row is 0');
});

/** Ways to look at [2, 4, 6, 6] before a layer, and at what it gives. */
const reshaped = (x: nd.NDArray): nd.NDArray => {
  const [n, ...rest] = x.shape as [number, ...number[]];
  return x.reshape([-1]).reshape([n, ...rest.toReversed()]);
};
const sliced = (x: nd.NDArray): nd.NDArray =>
  x.slice(':', [0, null], ...x.shape.slice(2).map(() => [1, null] as const));
const LOOKS = { reshaped, sliced } as const;
const LAYERS: Readonly<Record<string, () => Layer>> = {
  conv: () => new nn.Conv2D(3, 3, { padding: 1 }),
  deconv: () => new nn.Conv2DTranspose(3, 2),
  dense: () => new nn.Dense(4, { flatten: false }),
  batchNorm: () => new nn.BatchNorm(),
  pool: () => new nn.MaxPool2D(2, { strides: 1 }),
  activation: () => new nn.Activation('relu'),
};

/** Chains of a view, a layer, another view and the same kind of layer: all of one kind of layer are one program. */
class Chains extends HybridBlock {
  readonly layers: readonly (readonly [Layer, Layer])[];
  readonly #looks: readonly (readonly [
    (x: nd.NDArray) => nd.NDArray,
    (x: nd.NDArray) => nd.NDArray,
  ])[];
  constructor(make: () => Layer) {
    super();
    const looks = Object.values(LOOKS);
    // each half of a chain that reshapes twice is there beside a slice
    this.#looks = looks
      .flatMap((a) => looks.map((b) => [a, b] as const))
      .filter(([a, b]) => a !== reshaped || b !== reshaped);
    this.layers = this.#looks.map(() => [make(), make()]);
  }
  override forward(x: nd.NDArray): nd.NDArray[] {
    return this.#looks.map(([first, second], i) => {
      const [a, b] = this.layers[i]!;
      return b(second(a(first(x))));
    });
  }
}

for (const [name, make] of Object.entries(LAYERS))
  test(`views feed ${name} twice over, reshaped and sliced in any order`, async () => {
    const net = ready(new Chains(make));
    const x = input(2, 4, 6, 5);
    net(x);
    const state = net.parameters().map((p) => p.data());
    await checkHybridize(net, [x], { state, calls: 1 });
  });

test('deformable convolutions learn hybridized as imperative, and start as plain ones', async () => {
  const options = { padding: 1, inChannels: 2 } as const;
  for (const layer of [
    new nn.DeformableConvolution(3, 3, options),
    new nn.ModulatedDeformableConvolution(3, 3, options),
  ]) {
    ready(layer);
    const x = input(1, 2, 4, 4);
    const plain = nd.convolution(x, layer.weight.data(), layer.bias?.data(), { padding: 1 });
    await assertAllClose(layer(x), plain, { atol: 1e-5 });
    layer.offsetWeight.setData(layer.offsetWeight.data().add(0.05));
    await checkHybridize(layer, [x], { state: layer.parameters().map((p) => p.data()), calls: 1 });
  }
});

test.run();
