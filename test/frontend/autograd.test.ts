import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertAllClose, checkGradients } from '../../src/frontend/testing.ts';
import { autograd, nd, random } from '../../src/index.ts';
import { fails } from './support.ts';

const leaf = (values: number[]): nd.NDArray => nd.array(values).attachGrad();

test('gradients reach the leaves', async () => {
  const x = leaf([1, 2, 3]);
  const y = autograd.record(() => x.mul(x).add(x).sum());
  y.backward();
  assert.equal(await x.grad!.array(), [3, 5, 7]);
});

test('nothing is recorded outside record, inside pause, or past detach', async () => {
  const x = leaf([2]);
  const y = autograd.record(() => {
    assert.ok(autograd.isRecording() && autograd.isTraining());
    const a = x.mul(3);
    const b = autograd.pause(() => {
      assert.not.ok(autograd.isRecording() || autograd.isTraining());
      return x.mul(100);
    });
    return a.add(b).add(x.mul(x).detach());
  });
  y.backward();
  assert.equal(await x.grad!.array(), [3]);
  fails(
    () => x.mul(2).backward(),
    'gradient',
    'backward',
    'f32[1]',
    'attachGrad',
    'autograd.test.ts',
  );
});

test('modes nest and come back after errors', () => {
  autograd.predictMode(() => {
    assert.not.ok(autograd.isTraining());
    autograd.record(() => assert.ok(autograd.isTraining()));
    autograd.record(() => assert.not.ok(autograd.isTraining()), { training: false });
    autograd.trainMode(() => assert.ok(autograd.isTraining() && !autograd.isRecording()));
  });
  assert.throws(() =>
    autograd.record(() => {
      throw new Error('user');
    }),
  );
  assert.not.ok(autograd.isRecording());
  fails(() => autograd.record(async () => 1), 'value', 'promise');
  fails(() => autograd.record(() => 1, { train: true } as never), 'option', '"training"');
});

test('write replaces, add accumulates, null skips', async () => {
  const w = leaf([1]);
  const a = nd.array([1]).attachGrad('add');
  const n = nd.array([1]).attachGrad('null');
  for (let i = 0; i < 3; i++) autograd.record(() => w.add(a).add(n).mul(2)).backward();
  assert.equal(await w.grad!.array(), [2]);
  assert.equal(await a.grad!.array(), [6]);
  assert.is(n.grad, undefined);
  assert.equal(await leaf([1, 2]).grad!.array(), [0, 0], 'zeros before the first backward');
  fails(() => nd.array([1], { dtype: 'int32' }).attachGrad(), 'dtype', 'i32[1]', 'astype');
  fails(() => leaf([1]).attachGrad('wirte' as never), 'option', 'did you mean "write"?');
});

test('the gradient handle stays, its value changes', async () => {
  const x = leaf([1]);
  const g = x.grad!;
  autograd.record(() => x.mul(4)).backward();
  assert.is(x.grad, g);
  assert.equal(await g.array(), [4]);
});

test('a second backward needs retainGraph', async () => {
  const x = leaf([3]);
  const y = autograd.record(() => x.mul(x));
  y.backward(undefined, { retainGraph: true });
  y.backward();
  assert.equal(await x.grad!.array(), [6]);
  fails(() => y.backward(), 'gradient', 'mul', 'retainGraph: true', 'autograd.test.ts');
});

test('head gradients weigh the heads', async () => {
  const x = leaf([1, 2]);
  autograd.record(() => x.mul(x)).backward(nd.array([10, 1]));
  assert.equal(await x.grad!.array(), [20, 4]);
  const [a, b] = autograd.record(() => [x.mul(2), x.mul(3)] as const);
  autograd.backward([a, b], [undefined, nd.array([0, 1])]);
  assert.equal(await x.grad!.array(), [2, 5]);
  fails(() => autograd.record(() => x.mul(2)).backward(nd.ones([3])), 'shape', 'f32[3]', 'f32[2]');
});

test('gradients have the dtype of their arrays, floats of 16 bits too', async () => {
  for (const dtype of ['float16', 'bfloat16'] as const) {
    const x = nd.array([1, -2.5, 3], { dtype }).attachGrad();
    const w = leaf([0.5, 2, 1 / 3]);
    const y = autograd.record(() => x.mul(x).add(x.mul(w)).sum());
    assert.is(y.dtype, 'float32');
    y.backward();
    assert.is(x.grad!.dtype, dtype);
    assert.is(w.grad!.dtype, 'float32');
    assert.equal(await w.grad!.array(), [1, -2.5, 3]);
    await assertAllClose(x.grad!, [2.5, -3, 6 + 1 / 3], { rtol: 2 ** -8, atol: 0 });
    const wide = autograd.record(() => x.astype('float32').exp());
    assert.is(wide.dtype, 'float32');
    wide.backward();
    assert.is(x.grad!.dtype, dtype);
  }
});

test('gradients of bfloat16 agree with central differences', async () => {
  const x = random.uniform([3, 4], -1, 1, { dtype: 'bfloat16' });
  const w = random.uniform([4, 2], -1, 1, { dtype: 'bfloat16' });
  assert.is(x.dtype, 'bfloat16');
  await checkGradients((a, b) => a.astype('float32').matmul(b.astype('float32')).tanh(), [x, w], {
    step: 2 ** -4,
    rtol: 3e-2,
    atol: 3e-2,
  });
});

test('a value used often gets the sum, a leaf that is a head its head gradient', async () => {
  const x = leaf([2]);
  const y = autograd.record(() => {
    const a = x.mul(x);
    return a.mul(a).add(a);
  });
  y.backward();
  assert.equal(await x.grad!.array(), [4 * 8 + 4]);
  x.backward(nd.array([5]));
  assert.equal(await x.grad!.array(), [5]);
});

test('gradients follow values, not later rebinding or mutation of handles', async () => {
  const x = leaf([2]);
  const y = autograd.record(() => x.mul(x));
  const g = x.grad!;
  x.dispose();
  y.backward();
  assert.equal(await g.array(), [4]);
});

test('grad returns new arrays and leaves grad alone', async () => {
  const x = leaf([1, 2]);
  const z = leaf([5]);
  const [y, mid] = autograd.record(() => {
    const a = x.mul(2);
    return [a.mul(a).sum(), a] as const;
  });
  const [dx, da, dz] = autograd.grad(y, [x, mid, z]);
  assert.equal(await dx!.array(), [8, 16]);
  assert.equal(await da!.array(), [4, 8]);
  assert.equal(await dz!.array(), [0]);
  assert.equal(await x.grad!.array(), [0, 0]);
  fails(() => autograd.grad(y, [nd.zeros([1])]), 'gradient', 'variable 0', 'attachGrad');
});

test('gradients of gradients, three deep', async () => {
  const x = leaf([2]);
  const [first, second, third] = autograd.record(() => {
    const y = x.pow(2).mul(x.pow(2));
    const [a] = autograd.grad(y, [x], { createGraph: true });
    const [b] = autograd.grad(a!, [x], { createGraph: true });
    const [c] = autograd.grad(b!, [x], { createGraph: true });
    return [a!, b!, c!];
  });
  await assertAllClose(first!, [32]);
  await assertAllClose(second!, [48]);
  await assertAllClose(third!, [48]);
});

test('second derivatives through a norm penalty', async () => {
  const x = leaf([0.5, -1, 2]);
  const w = leaf([1, 2, 3]);
  const penalty = autograd.record(() => {
    const y = x.mul(w).tanh().sum();
    const [g] = autograd.grad(y, [x], { createGraph: true });
    return g!.mul(g!).sum();
  });
  penalty.backward();
  const f = (a: number, b: number): number => {
    const g = b * (1 - Math.tanh(a * b) ** 2);
    return g * g;
  };
  const h = 1e-5;
  const expected = [0.5, -1, 2].map((a, i) => (f(a, i + 1 + h) - f(a, i + 1 - h)) / (2 * h));
  await assertAllClose(w.grad!, expected, { rtol: 1e-3, atol: 1e-5 });
});

test('createGraph in backward lets gradients be differentiated through grad', async () => {
  const x = leaf([3]);
  autograd
    .record(() => {
      x.pow(2).mul(x).backward(undefined, { createGraph: true });
      return x.grad!.mul(1);
    })
    .backward();
  await assertAllClose(x.grad!, [18]);
});

test('custom functions have the gradient they say', async () => {
  class Cube extends autograd.Function {
    #x: nd.NDArray | undefined;
    forward(x: nd.NDArray): nd.NDArray {
      this.#x = x;
      return x.mul(x).mul(x);
    }
    backward(dy: nd.NDArray): nd.NDArray {
      return dy.mul(100).mul(this.#x!);
    }
  }
  const x = leaf([2]);
  const y = autograd.record(() => new Cube().apply(x).mul(1));
  assert.equal(await y.array(), [8]);
  y.backward();
  assert.equal(await x.grad!.array(), [200]);
  assert.equal(await new Cube().apply(x).array(), [8], 'without recording');
  class Wrong extends Cube {
    override backward(dy: nd.NDArray): nd.NDArray {
      return dy.reshape([1, 1]);
    }
  }
  const bad = autograd.record(() => new Wrong().apply(x));
  fails(() => bad.backward(), 'shape', 'Wrong.backward', 'f32[1, 1]');
});

test('gradients of functions agree with finite differences', async () => {
  random.seed(7);
  const u = (...shape: number[]): nd.NDArray => random.uniform(shape, -1, 1);
  const positive = (...shape: number[]): nd.NDArray => random.uniform(shape, 0.5, 1.5);
  const idx = nd.array([1, 0, 1], { dtype: 'int32' });
  await checkGradients((x, y) => x.mul(y).add(x.div(y.add(3))), [u(2, 3), u(3)]);
  await checkGradients((x) => x.exp().log1p().tanh().sigmoid(), [u(4)]);
  await checkGradients((x, y) => x.pow(y).add(x.sqrt()).add(x.log()), [positive(3), positive(3)]);
  await checkGradients((x) => x.gelu().add(x.silu()).add(x.softplus()).add(x.erf()), [u(5)]);
  await checkGradients(
    (x) => [x.mean({ axis: 0 }), x.var({ axis: 1 }), x.norm(), x.logSumExp()],
    [positive(3, 4)],
  );
  await checkGradients((x) => x.prod({ axis: 1 }), [positive(2, 3)]);
  await checkGradients((x) => x.softmax().add(x.logSoftmax({ axis: 0 })), [u(3, 4)]);
  await checkGradients((x, y) => x.matmul(y), [u(2, 3), u(3, 2)]);
  await checkGradients((x, y) => x.matmul(y), [u(2, 1, 2, 3), u(2, 3, 2)]);
  await checkGradients((x, w, b) => nd.linear(x, w, b), [u(2, 3), u(4, 3), u(4)]);
  await checkGradients(
    (x) =>
      x.T.reshape([2, -1])
        .slice(':', '::-2')
        .pad([
          [1, 0],
          [0, 1],
        ]),
    [u(3, 4)],
  );
  await checkGradients((x) => x.tile([2, 2]).repeat(2, 0).flip(1), [u(2, 2)]);
  await checkGradients((x, y) => nd.concat([x, y, x], 1), [u(2, 2), u(2, 1)]);
  await checkGradients((x) => nd.stack(x.split(2)), [u(4, 2)]);
  await checkGradients((x) => x.take(idx).add(x.take(idx)), [u(2, 3)]);
  await checkGradients((x) => x.pick(idx), [u(3, 2)]);
  await checkGradients((x, y) => x.set(['::2', 1], y), [u(4, 2), u(2)]);
  await checkGradients((x, y) => nd.where(nd.array([[1, 0, 1]]), x, y), [u(2, 3), u(3)]);
  await checkGradients((x, g, b) => nd.layerNorm(x, g, b), [u(3, 8), u(8), u(8)]);
  await checkGradients((x, g, b) => nd.batchNormTraining(x, g, b)[0], [u(4, 2, 3), u(2), u(2)]);
  await checkGradients(
    (x, m, v) => nd.batchNorm(x, nd.ones([2]), nd.ones([2]), m, v),
    [u(3, 2), u(2), positive(2)],
  );
  await checkGradients(
    (x, w, b) => nd.convolution(x, w, b, { strides: 2, padding: 1, dilation: 2, groups: 2 }),
    [u(2, 2, 5, 6), u(4, 1, 2, 2), u(4)],
  );
  const steps = random.permutation(36).astype('float32').mul(0.1).reshape([1, 1, 6, 6]);
  await checkGradients((x) => nd.maxPool(x, { kernel: 3, strides: 2, padding: 1 }), [steps]);
  await checkGradients(
    (x) => nd.avgPool(x, { kernel: 2, strides: 1, padding: 1, countPadding: false }),
    [u(1, 2, 3, 3)],
  );
  await checkGradients((x) => nd.dropout(x, 0.5), [u(10)]);
});

test('gradients need float results only where they flow', async () => {
  const x = leaf([1, 5, 2]);
  const y = autograd.record(() =>
    x.mul(x.gt(1).astype('float32')).sum().add(x.argmax().astype('float32')),
  );
  y.backward();
  assert.equal(await x.grad!.array(), [0, 1, 1]);
});

test.run();
