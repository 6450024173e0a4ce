/**
 * Why: results whose size depends on values have no shape in a program. What MXNet's tests do with them works imperatively,
 * in programs that are split around them, and, with a fixed size, in one program.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compilationOf } from '../../src/frontend/gluon/block.ts';
import * as nn from '../../src/frontend/gluon/nn/index.ts';
import { assertAllClose, checkGradients, checkHybridize } from '../../src/frontend/testing.ts';
import { autograd, HybridBlock, hybridize, nd, random } from '../../src/index.ts';
import { fails } from '../frontend/support.ts';

const data = (): nd.NDArray =>
  nd.array([
    [1, 2, 3],
    [4, 5, 6],
    [7, 8, 9],
  ]);
const marks = (...values: number[]): nd.NDArray => nd.array(values);

test('boolean masks: values and gradients, imperative, as they are in NumPy', async () => {
  const x = data().attachGrad();
  const mask = marks(0, 1, 1).astype('bool');
  const y = autograd.record(() => x.at(mask));
  await assertAllClose(y, [
    [4, 5, 6],
    [7, 8, 9],
  ]);
  y.backward(nd.arange(6).astype('float32').reshape([2, 3]));
  await assertAllClose(x.grad!, [
    [0, 0, 0],
    [0, 1, 2],
    [3, 4, 5],
  ]);
  const reshaped = autograd.record(() => x.at(x.gt(4)).reshape([-1]).mul(2).sum());
  reshaped.backward();
  await assertAllClose(x.grad!, x.gt(4).astype('float32').mul(2));
  assert.equal(x.at(x.gt(100)).shape, [0]);
});

test('of a size that is given, one program selects: values, gradients, and slopes', async () => {
  const select = (x: nd.NDArray, mask: nd.NDArray): nd.NDArray[] => [
    nd.booleanMask(x, mask, { size: 2 }),
    nd.booleanMask(x, mask, { size: 3, axis: 1, fillValue: -1 }),
    nd.compress(x, mask, { size: 1 }),
  ];
  const compiled = hybridize(select);
  for (const [mask, rows, columns] of [
    [
      marks(0, 1, 1),
      [
        [4, 5, 6],
        [7, 8, 9],
      ],
      [
        [2, 3, -1],
        [5, 6, -1],
        [8, 9, -1],
      ],
    ],
    [
      marks(1, 0, 0),
      [
        [1, 2, 3],
        [0, 0, 0],
      ],
      [
        [1, -1, -1],
        [4, -1, -1],
        [7, -1, -1],
      ],
    ],
    [
      marks(0, 0, 0),
      [
        [0, 0, 0],
        [0, 0, 0],
      ],
      [
        [-1, -1, -1],
        [-1, -1, -1],
        [-1, -1, -1],
      ],
    ],
  ] as const) {
    const [first, second, third] = compiled(data(), mask);
    await assertAllClose(first!, rows as never);
    await assertAllClose(second!, columns as never);
    await assertAllClose(third!, [rows[0]] as never);
  }
  assert.is(compiled.cached.plans.length, 1);
  const x = data().mul(0.3).sin();
  await checkHybridize(select, [x, marks(1, 0, 2)]);
  await checkGradients((v) => select(v.mul(v), marks(1, 0, 2)), [x]);
  assert.equal(nd.booleanMask(nd.zeros([0, 2]), nd.zeros([0]), { size: 1 }).shape, [1, 2]);
});

test('in a hybridized function without a size, the error says what to write', () => {
  const x = data();
  fails(
    () => hybridize((v: nd.NDArray) => v.at(v.gt(3)))(x),
    'trace',
    'nd.booleanMask',
    '{ size }',
  );
  fails(() => hybridize((v: nd.NDArray) => nd.flatNonzero(v))(x), 'trace', 'pass { size }');
  fails(
    () => hybridize((v: nd.NDArray) => nd.booleanMask(v, marks(1, 0, 1)))(x),
    'trace',
    'booleanMask',
    'pass { size }',
  );
});

/** Static parts around one whose size depends on values: the program is split there. */
class Filtered extends HybridBlock {
  first = new nn.Dense(4, { inUnits: 3, activation: 'tanh' });
  chosen = new nn.Lambda((h: nd.NDArray) => h.at(h.sum({ axis: 1 }).gt(0)));
  last = new nn.Dense(2, { inUnits: 4 });
  override forward(x: nd.NDArray): nd.NDArray {
    return this.last(this.chosen(this.first(x)));
  }
}

test('between static parts: one block under three sets of options, on, off and on again', async () => {
  random.seed(7);
  const net = new Filtered();
  net.initialize({ init: 'xavier' });
  const run = (x: nd.NDArray): nd.NDArray[] => {
    const y = autograd.record(() => net(x));
    y.backward();
    return [y, x.grad!.copy(), ...net.parameters().map((p) => p.grad().copy())];
  };
  const inputs = [5, 8].map((n) =>
    nd
      .arange(n * 3)
      .mul(1.7)
      .sin()
      .reshape([n, 3])
      .attachGrad(),
  );
  const wanted = inputs.map(run);
  const sizes = wanted.map(([y]) => y!.shape[0]!);
  assert.ok(
    sizes.every((n, i) => n > 0 && n < inputs[i]!.shape[0]!),
    `${sizes}`,
  );
  for (const options of [
    {},
    { staticAlloc: true },
    { staticAlloc: true, staticShape: true },
    { active: false },
    { active: true },
  ]) {
    net.hybridize(options);
    for (const [i, x] of inputs.entries())
      for (const [k, found] of run(x).entries())
        await assertAllClose(found, wanted[i]![k]!, { rtol: 1e-5, label: JSON.stringify(options) });
  }
  assert.match(compilationOf(net)!.split!, /Lambda/);
  assert.is(compilationOf(net.first)!.cached.plans.length, 2);
  assert.ok(compilationOf(net.last)!.cached.plans.length > 0);
});

test.run();
