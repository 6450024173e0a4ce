/**
 * Why: what MXNet's tests of autograd demand: gradients by formula, of chosen arguments and of results in between; modes;
 * functions of one's own; second derivatives of every function, by formula, imperative and in one program.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as nn from '../../src/frontend/gluon/nn/index.ts';
import { assertAllClose } from '../../src/frontend/testing.ts';
import { historyOf } from '../../src/frontend/viz.ts';
import { autograd, HybridBlock, hybridize, nd, random } from '../../src/index.ts';
import { fails } from '../frontend/support.ts';

type Fn = (...xs: nd.NDArray[]) => nd.NDArray;

const draw = (...shape: number[]): nd.NDArray => random.uniform(shape, 0.1, 0.9);
random.seed(21);

/** Gradients of `f` of all arguments, imperative and hybridized. */
const gradientsOf = (f: Fn, xs: readonly nd.NDArray[]): nd.NDArray[][] =>
  [f, hybridize(f)].map((g) => {
    const own = xs.map((x) => x.copy().attachGrad());
    autograd.record(() => g(...own)).backward();
    return own.map((x) => x.grad!);
  });

const FORMULAS: Readonly<Record<string, readonly [Fn, (...xs: nd.NDArray[]) => nd.NDArray[]]>> = {
  'exp(x)': [(x) => x.exp(), (x) => [x.exp()]],
  'x / 2': [(x) => x.div(2), (x) => [nd.fullLike(x, 0.5)]],
  'x ** 2': [(x) => x.pow(2), (x) => [x.mul(2)]],
  'x + y': [(x, y) => x.add(y!), (x) => [nd.onesLike(x), nd.onesLike(x)]],
  'x · y': [(x, y) => x.mul(y!), (x, y) => [y!, x]],
  'x + x · y': [(x, y) => x.add(x.mul(y!)), (x, y) => [y!.add(1), x]],
};

test('gradients by formula: functions of one array and of two, and a layer with parameters', async () => {
  for (const [name, [f, formula]] of Object.entries(FORMULAS)) {
    const xs = [draw(4, 5), draw(4, 5)].slice(0, f.length);
    for (const found of gradientsOf(f, xs))
      for (const [i, wanted] of formula(...xs).entries())
        await assertAllClose(found[i]!, wanted, { rtol: 1e-6, label: name });
  }
  const [a, b, weight, bias] = [draw(6, 5), draw(6, 5), draw(3, 5), draw(3)];
  const layer: Fn = (p, q, w, c) => nd.linear(p.mul(q!), w!, c!);
  for (const [da, db, dw, dc] of gradientsOf(layer, [a, b, weight, bias])) {
    const sums = weight.sum({ axis: 0, keepDims: true });
    await assertAllClose(da!, b.mul(sums), { rtol: 1e-5 });
    await assertAllClose(db!, a.mul(sums), { rtol: 1e-5 });
    await assertAllClose(dw!, nd.ones([3, 1]).mul(a.mul(b).sum({ axis: 0 })), { rtol: 1e-5 });
    await assertAllClose(dc!, nd.full([3], 6));
  }
});

test('gradients of chosen arguments, of a function that branches on a plain one', async () => {
  const f = (a: nd.NDArray, b: nd.NDArray, sum: boolean): nd.NDArray => (sum ? a.add(b) : a.mul(b));
  for (const g of [f, hybridize(f)]) {
    const [a, b] = [draw(3, 2).attachGrad(), draw(3, 2).attachGrad()];
    for (const sum of [true, false, true]) {
      const y = autograd.record(() => g(a, b, sum));
      const [da] = autograd.grad(y, [a], { retainGraph: true });
      await assertAllClose(da!, sum ? nd.onesLike(a) : b);
      const both = autograd.grad(y, [b, a]);
      await assertAllClose(both[0]!, sum ? nd.onesLike(a) : a);
      await assertAllClose(both[1]!, sum ? nd.onesLike(a) : b);
    }
    await assertAllClose(a.grad!, nd.zerosLike(a));
  }
});

test('modes nest, and dropout and its gradient follow them', async () => {
  const x = nd.ones([8, 8]).attachGrad();
  const drop = new nn.Dropout(0.5);
  const f = (v: nd.NDArray): nd.NDArray => drop(v);
  for (const active of [false, true]) {
    drop.hybridize({ active });
    const dropped = async (y: nd.NDArray): Promise<boolean> => {
      const values = Array.from(await y.data());
      assert.ok(values.every((v) => v === 0 || v === 1 || v === 2));
      return values.includes(0) && values.includes(2);
    };
    const check = async (y: nd.NDArray, training: boolean): Promise<void> => {
      assert.is(await dropped(y), training);
      y.backward();
      await assertAllClose(x.grad!, y.detach(), { rtol: 0, atol: 0 });
    };
    const [first, inside, paused] = autograd.record(() => [
      f(x),
      autograd.predictMode(() => {
        assert.ok(autograd.isRecording() && !autograd.isTraining());
        return f(x);
      }),
      autograd.pause(() => f(x)),
    ]);
    await check(first!, true);
    await check(inside!, false);
    assert.not.ok(await dropped(paused!));
    const [second, trained] = autograd.record(
      () => [
        f(x),
        autograd.trainMode(() => {
          assert.ok(autograd.isRecording() && autograd.isTraining());
          return f(x);
        }),
      ],
      { training: false },
    );
    await check(second!, false);
    await check(trained!, true);
    assert.not.ok(await dropped(f(x)));
    assert.ok(await dropped(autograd.trainMode(() => f(x))));
  }
});

test('several heads, one of them without a gradient of its own', async () => {
  const x = nd.ones([3, 5]).attachGrad();
  const [b, c] = [nd.array([1, 2, 3, 4, 5]), nd.array([5, 4, 3, 2, 1])];
  const rows = autograd.record(() => [0, 1, 2].map((i) => x.at(i)));
  autograd.backward(rows, [undefined, b, c]);
  await assertAllClose(x.grad!, nd.stack([nd.ones([5]), b, c]), { rtol: 0, atol: 0 });
});

test('detach stops gradients, and says which gradients are new', async () => {
  const [x, y] = [nd.ones([2, 2]).attachGrad(), nd.ones([2, 2]).attachGrad()];
  const fresh = (): boolean[] => [x, y].map(autograd.hasFreshGradient);
  assert.equal(fresh(), [false, false]);
  autograd.record(() => x.add(2).add(y)).backward();
  assert.equal(fresh(), [true, true]);
  await assertAllClose(x.grad!, nd.ones([2, 2]));
  nd.assign(x.grad!, 0);
  for (const v of [x, y]) autograd.consumeGradient(v);
  autograd.record(() => x.add(2).detach().add(y)).backward();
  assert.equal(fresh(), [false, true]);
  await assertAllClose(x.grad!, nd.zeros([2, 2]));
});

/** Quotient and product. */
class Both extends autograd.Function {
  #saved: readonly [nd.NDArray, nd.NDArray] | undefined;
  override forward(x: nd.NDArray, y: nd.NDArray): nd.NDArray[] {
    this.#saved = [x, y];
    return [x.div(y), x.mul(y)];
  }
  override backward(dm: nd.NDArray, dn: nd.NDArray): nd.NDArray[] {
    const [x, y] = this.#saved!;
    return [dm.div(y).add(dn.mul(y)), dn.mul(x).sub(dm.mul(x).div(y.mul(y)))];
  }
}
class Third extends autograd.Function {
  override forward(x: nd.NDArray): nd.NDArray {
    return x.add(1);
  }
  override backward(dy: nd.NDArray): nd.NDArray {
    return dy.mul(3);
  }
}

test('functions of your own: two results, and a chain of five, imperative and hybridized', async () => {
  const given = [draw(10), draw(10)];
  const run = (f: (x: nd.NDArray, y: nd.NDArray) => nd.NDArray[]): nd.NDArray[] => {
    const [x, y] = given.map((v) => v.copy().attachGrad());
    autograd.backward(autograd.record(() => f(x!, y!)));
    return [x!.grad!, y!.grad!];
  };
  const wanted = run((x, y) => [x.div(y), x.mul(y)]);
  const own = (x: nd.NDArray, y: nd.NDArray): nd.NDArray[] => new Both().applyAll(x, y);
  for (const f of [own, hybridize(own)])
    for (const [i, g] of run(f).entries()) await assertAllClose(g, wanted[i]!, { rtol: 1e-5 });
  const chain = (x: nd.NDArray): nd.NDArray => {
    let h = x;
    for (let i = 0; i < 5; i++) h = new Third().apply(h);
    return h;
  };
  for (const f of [chain, hybridize(chain)]) {
    const x = nd.array([1]).attachGrad();
    const y = autograd.record(() => f(x).mul(2));
    y.backward();
    assert.equal([await y.item(), await x.grad!.item()], [12, 2 * 3 ** 5]);
  }
});

test('the recorded history has as many arguments as there are arrays with gradients', () => {
  const [x, z] = [nd.ones([1]).attachGrad(), nd.ones([1]).attachGrad()];
  const leaves = (y: nd.NDArray): number =>
    historyOf(y).graph.inputs.filter((node) => String(node.attrs['name']).startsWith('leaf'))
      .length;
  assert.is(leaves(autograd.record(() => x.mul(x).add(x.mul(2)).sub(1))), 1);
  assert.is(leaves(autograd.record(() => x.mul(x).add(z.mul(2)).sub(1))), 2);
});

test('the gradient of a gradient: exp(x) + x at 1', async () => {
  const f: Fn = (x) => x.exp().add(x);
  for (const g of [f, hybridize(f)]) {
    const x = nd.ones([1]).attachGrad();
    const [dx] = autograd.record(() => autograd.grad(g(x), [x], { createGraph: true }));
    await assertAllClose(dx!, [Math.E + 1], { rtol: 1e-6 });
    dx!.backward();
    await assertAllClose(x.grad!, [Math.E], { rtol: 1e-6 });
  }
});

test('gradients of results in between are kept, then dropped', async () => {
  const [x, y] = [nd.array([1, 2, 3, 4]).attachGrad(), nd.array([5, 6, 7, 8]).attachGrad()];
  const [u, z] = autograd.record(() => {
    const product = x.mul(y);
    return [product, product.mul(x)] as const;
  });
  u.retainGrad();
  z.retainGrad();
  const head = nd.full([4], 10);
  z.backward(head, { retainGraph: true });
  await assertAllClose(u.grad!, x.mul(10));
  await assertAllClose(z.grad!, head);
  await assertAllClose(x.grad!, x.mul(y).mul(20));
  await assertAllClose(y.grad!, x.mul(x).mul(10));
  for (const v of [u, z, y]) v.dropGrad();
  z.backward(nd.full([4], 0.1));
  assert.equal([u.grad, z.grad, y.grad], [undefined, undefined, undefined]);
  await assertAllClose(x.grad!, x.mul(y).mul(0.2));
});

test('gradients inside of blocks and of compiled steps are kept, added up too', async () => {
  class Marked extends HybridBlock {
    inner: nd.NDArray | undefined;
    override forward(a: nd.NDArray, b: nd.NDArray): nd.NDArray {
      this.inner = a.mul(b);
      return this.inner.mul(a);
    }
  }
  const block = new Marked();
  const [x, y] = [nd.array([1, 2]).attachGrad(), nd.array([5, 6])];
  const z = autograd.record(() => block(x, y));
  const inner = block.inner!.retainGrad('add');
  z.backward(undefined, { retainGraph: true });
  z.backward();
  await assertAllClose(inner.grad!, x.mul(2));
  await assertAllClose(x.grad!, x.mul(y).mul(2));
  let kept: nd.NDArray | undefined;
  const step = hybridize((a: nd.NDArray) => {
    const l = autograd.record(() => {
      const h = a.mul(3).retainGrad();
      kept = h.grad;
      return h.mul(h);
    });
    l.backward();
  });
  for (const v of [1, 2]) {
    const a = nd.array([v]).attachGrad();
    step(a);
    assert.equal([await kept!.item(), await a.grad!.item()], [6 * v, 18 * v]);
  }
  const whole = hybridize((a: nd.NDArray) => a.exp().retainGrad().mul(2), { name: 'whole' });
  fails(() => autograd.record(() => whole(x)), 'trace', 'whole is recorded as a whole', 'return');
  fails(() => nd.array([1], { dtype: 'int32' }).retainGrad(), 'dtype', 'retainGrad: i32[1]');
});

const { E, PI, log, sin, cos, tan, sinh, cosh, tanh, sqrt, exp, abs } = Math;
const logistic = (v: number): number => 1 / (1 + exp(-v));
/** Functions and their second derivatives. */
const SECOND: Readonly<Record<string, readonly [Fn, (v: number) => number]>> = {
  sin: [nd.sin, (v) => -sin(v)],
  cos: [nd.cos, (v) => -cos(v)],
  tan: [nd.tan, (v) => (2 * tan(v)) / cos(v) ** 2],
  sinh: [nd.sinh, sinh],
  cosh: [nd.cosh, cosh],
  tanh: [nd.tanh, (v) => -2 * tanh(v) * (1 - tanh(v) ** 2)],
  arcsin: [nd.arcsin, (v) => v / (1 - v * v) ** 1.5],
  arccos: [nd.arccos, (v) => -v / (1 - v * v) ** 1.5],
  arctan: [nd.arctan, (v) => (-2 * v) / (1 + v * v) ** 2],
  arcsinh: [nd.arcsinh, (v) => -v / (1 + v * v) ** 1.5],
  arccosh: [(x) => nd.arccosh(x.add(1.5)), (v) => -(v + 1.5) / ((v + 1.5) ** 2 - 1) ** 1.5],
  arctanh: [nd.arctanh, (v) => (2 * v) / (1 - v * v) ** 2],
  radians: [(x) => nd.radians(x.mul(x)), () => (2 * PI) / 180],
  degrees: [(x) => nd.degrees(x.mul(x)), () => (2 * 180) / PI],
  relu: [(x) => x.relu().mul(x), () => 2],
  log: [nd.log, (v) => -1 / (v * v)],
  log2: [nd.log2, (v) => -1 / (v * v * log(2))],
  log10: [nd.log10, (v) => -1 / (v * v * log(10))],
  log1p: [nd.log1p, (v) => -1 / (1 + v) ** 2],
  exp: [nd.exp, exp],
  expm1: [nd.expm1, exp],
  square: [nd.square, () => 2],
  reciprocal: [nd.reciprocal, (v) => 2 / v ** 3],
  abs: [(x) => x.sub(0.5).abs().mul(x.sub(0.5)), (v) => 2 * Math.sign(v - 0.5)],
  clip: [(x) => x.mul(x).clip(0.2, 0.5), (v) => (v * v > 0.2 && v * v < 0.5 ? 2 : 0)],
  sigmoid: [nd.sigmoid, (v) => logistic(v) * (1 - logistic(v)) * (1 - 2 * logistic(v))],
  sqrt: [nd.sqrt, (v) => -0.25 / v ** 1.5],
  rsqrt: [nd.rsqrt, (v) => 0.75 / v ** 2.5],
  cbrt: [nd.cbrt, (v) => (-2 / 9) * v ** (-5 / 3)],
  rcbrt: [(x) => nd.cbrt(x).reciprocal(), (v) => (4 / 9) * v ** (-7 / 3)],
  erf: [nd.erf, (v) => ((-4 * v) / sqrt(PI)) * exp(-v * v)],
  'a power': [(x) => x.pow(3.5), (v) => 3.5 * 2.5 * v ** 1.5],
  'a power of e': [(x) => nd.pow(E, x), exp],
  softsign: [(x) => nd.softsign(x), (v) => -2 / (1 + abs(v)) ** 3],
};

test(`second derivatives of ${Object.keys(SECOND).length} functions by formula, imperative and in one program`, async () => {
  const rows = Object.values(SECOND);
  const [x, first, second] = [draw(2, 3), draw(2, 3), draw(2, 3)];
  const values = Array.from(await x.data());
  const scale = Array.from(await first.mul(second).data());
  const run = (...xs: nd.NDArray[]): nd.NDArray[] => {
    const slopes = autograd.record(() =>
      xs.map(
        (v, i) => autograd.grad(rows[i]![0](v), [v], { headGrads: first, createGraph: true })[0]!,
      ),
    );
    autograd.backward(
      slopes,
      slopes.map(() => second),
    );
    return xs.map((v) => v.grad!);
  };
  for (const f of [run, hybridize(run)]) {
    const own = rows.map(() => x.copy().attachGrad());
    f(...own);
    for (const [i, name] of Object.keys(SECOND).entries()) {
      const wanted = values.map((v, k) => rows[i]![1](v) * scale[k]!);
      await assertAllClose(own[i]!.grad!.reshape([6]), wanted, {
        rtol: 2e-4,
        atol: 2e-5,
        label: name,
      });
    }
  }
});

test('second derivatives of dense layers, flattening or not, and of dropout', async () => {
  for (const flatten of [true, false]) {
    random.seed(4);
    const layer = new nn.Dense(3, { flatten, useBias: false });
    layer.initialize({ init: 'xavier' });
    const x = draw(4, 2, 5).attachGrad();
    layer(x);
    const w = layer.weight.data();
    const [head, over] = [draw(...layer(x).shape), draw(4, 2, 5)];
    for (const compiled of [false, true]) {
      layer.hybridize({ active: compiled });
      const [dx] = autograd.record(() =>
        autograd.grad(layer(x), [x], { headGrads: head, createGraph: true }),
      );
      dx!.backward(over);
      // x's gradient is head · w: its derivative by w is headᵀ · over, and by x it is nothing
      const [h, o] = [head.reshape([-1, 3]), over.reshape([-1, w.shape[1]!])];
      await assertAllClose(dx!.reshape([-1, w.shape[1]!]), h.matmul(w), { rtol: 1e-5 });
      await assertAllClose(layer.weight.grad(), h.T.matmul(o), { rtol: 1e-5 });
    }
  }
  const x = draw(50).attachGrad();
  const squares = autograd.record(() => {
    const y = nd.dropout(x, 0.5);
    return [y, ...autograd.grad(y.mul(y).div(2), [x], { createGraph: true })] as const;
  });
  squares[1]!.backward();
  const kept = squares[0].detach().gt(0).astype('float32').mul(4);
  await assertAllClose(x.grad!, kept);
});

test.run();
