/**
 * Why: what MXNet's tests of fusion and graph passes demand: many functions in one program give what each gives alone, in
 * every dtype, forward and backward; graphs that are hard to cut into kernels are cut rightly.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as nn from '../../src/frontend/gluon/nn/index.ts';
import { plansOf } from '../../src/frontend/hybridize.ts';
import { assertAllClose, checkHybridize } from '../../src/frontend/testing.ts';
import { autograd, HybridBlock, hybridize, nd, random, Trainer } from '../../src/index.ts';
import { nodeCount } from '../../src/passes/rewrite.ts';
import { CpuDevice } from '../../src/runtime/cpu/device.ts';

type Fn = (...xs: nd.NDArray[]) => nd.NDArray;
type Run = readonly ['float16' | 'float32' | 'float64', 'write' | 'add'];
const RUNS: readonly Run[] = [
  ['float16', 'add'],
  ['float32', 'write'],
  ['float64', 'add'],
];
const FEWER: readonly Run[] = [
  ['float16', 'write'],
  ['float32', 'add'],
];
/** Of every operand: what is between functions is rounded imperatively, and need not be in a program. */
const TOLERANCE = {
  float16: { rtol: 1e-2, atol: 2e-3 },
  float32: { rtol: 2e-6, atol: 2e-7 },
  float64: { rtol: 2e-6, atol: 2e-7 },
} as const;

/**
 * All functions in one program against each alone: values, and the gradients of operands that each has for itself, once
 * written and twice added. Something to fuse with is around each function.
 */
const checkFused = async (
  functions: Readonly<Record<string, Fn>>,
  operandsOf: (name: string) => readonly nd.NDArray[],
  runs: readonly Run[] = RUNS,
): Promise<void> => {
  const names = Object.keys(functions);
  for (const [dtype, gradientMode] of runs) {
    const operands = names.map((name) => operandsOf(name).map((x) => x.astype(dtype)));
    const alone = names.map(
      (name): Fn =>
        (...xs) => {
          const y = functions[name]!(...xs.map((x) => x.mul(1)));
          return y.mul(2);
        },
    );
    const separately = (all: readonly (readonly nd.NDArray[])[]): nd.NDArray[] =>
      all.map((xs, i) => alone[i]!(...xs));
    const run = (f: typeof separately): nd.NDArray[][] => {
      const own = operands.map((xs) => xs.map((x) => x.copy().attachGrad(gradientMode)));
      let outputs: nd.NDArray[] = [];
      for (let i = 0; i < (gradientMode === 'add' ? 2 : 1); i++) {
        outputs = autograd.record(() => f(own));
        autograd.backward(outputs.filter((y) => y.origin !== undefined));
      }
      return outputs.map((y, i) => [y, ...own[i]!.map((x) => x.grad!)]);
    };
    const wanted = run(separately);
    const found = run(hybridize(separately));
    for (const [i, name] of names.entries())
      for (const [k, y] of found[i]!.entries()) {
        const label = `${name} of ${dtype}, ${k === 0 ? 'value' : `gradient ${k} (${gradientMode})`}`;
        assert.is(y.dtype, wanted[i]![k]!.dtype, label);
        await assertAllClose(y, wanted[i]![k]!, { ...TOLERANCE[dtype], label });
      }
  }
};

random.seed(11);
const between = (low: number, high: number, shape: readonly number[] = [3, 4]): nd.NDArray =>
  random.uniform(shape, low, high);
const unit = between(0.05, 0.95);

const NAMES = [
  ...['relu', 'sigmoid', 'softsign', 'softplus', 'exp', 'expm1', 'log', 'log10', 'log2', 'log1p'],
  ...['degrees', 'radians', 'sin', 'cos', 'tan', 'arcsin', 'arccos', 'arctan', 'sinh', 'cosh'],
  ...['tanh', 'arcsinh', 'arctanh', 'sqrt', 'rsqrt', 'cbrt', 'square', 'squeeze', 'zerosLike'],
  ...['onesLike', 'flatten', 'round', 'rint', 'fix', 'floor', 'ceil', 'trunc', 'sign', 'abs'],
  ...['reciprocal', 'gamma', 'gammaln', 'erf', 'neg', 'arccosh', 'erfinv', 'gelu', 'silu'],
] as const;
const UNARY: Readonly<Record<string, Fn>> = {
  ...Object.fromEntries(
    NAMES.map((name): [string, Fn] => [name, nd[name as keyof typeof nd] as unknown as Fn]),
  ),
  rcbrt: (x) => nd.cbrt(x).reciprocal(),
  'softplus of large numbers': (x) => nd.softplus(x.mul(20)).add(x.mul(50).softplus()),
  'a cast to int32': (x) => x.mul(7).astype('int32'),
  'a cast to float16': (x) => x.astype('float16'),
  'a cast to float32': (x) => x.astype('float32'),
  reshape: (x) => x.reshape([-1]),
  expandDims: (x) => x.expandDims(1),
  clip: (x) => x.clip(0.3, 0.7),
  smoothL1: (x) => nd.smoothL1(x, 0.3),
};
const OPERAND: Readonly<Record<string, nd.NDArray>> = {
  arccosh: unit.add(1.1),
  erfinv: unit.sub(0.5).mul(1.9),
};

test(`${Object.keys(UNARY).length} functions of one array, fused and not`, () =>
  checkFused(UNARY, (name) => [OPERAND[name] ?? unit]));

const PAIRS: Readonly<Record<string, Fn>> = {
  'a + b': (a, b) => a.add(b!),
  'a - b': (a, b) => a.sub(b!),
  'a · b': (a, b) => a.mul(b!),
  'a / (b + 1)': (a, b) => a.div(b!.add(1)),
  'a ** b': (a, b) => a.pow(b!),
  max: (a, b) => nd.maximum(a, b!),
  min: (a, b) => nd.minimum(a, b!),
  hypot: (a, b) => nd.hypot(a, b!),
  'gelu of a sum': (a, b) => nd.gelu(a.add(b!)),
};
const WITH_NUMBERS: Readonly<Record<string, Fn>> = {
  'a + 3': (a) => a.add(3),
  'a - 3': (a) => a.sub(3),
  '3 - a': (a) => nd.sub(3, a),
  'a · 3': (a) => a.mul(3),
  'a / 3': (a) => a.div(3),
  '3 / a': (a) => nd.div(3, a),
  'a ** 3': (a) => a.pow(3),
  '3 ** a': (a) => nd.pow(3, a),
  'hypot with 3': (a) => nd.hypot(a, 3),
};
const cube = between(0, 1, [5, 3, 4]);
const PARTS: Readonly<Record<string, Fn>> = {
  addN: (a, b, c) => nd.addN([a, b!, c!]),
  'a range of the first axis': (a) => a.slice('1:4'),
  'a range of axis -3': (a) => a.slice('1:4', '...'),
  'ranges of all axes': (a) => a.slice('2:5', '1:2', '0:3'),
  'ranges from the end': (a) => a.slice('-4:-2', '-3:-1', '-3:-2'),
  sliceLike: (a, b) => nd.sliceLike(a, b!.slice(':2', ':', ':3'), [-1, 0]),
  broadcastLike: (a, b) => nd.broadcastLike(a.slice(':1'), b!),
};
const ARITY: Readonly<Record<string, number>> = { addN: 3, sliceLike: 2, broadcastLike: 2 };

test('functions of two arrays, of an array and a number, sums of many, and parts, fused and not', async () => {
  const other = between(0.05, 0.95);
  await checkFused(
    { ...PAIRS, ...WITH_NUMBERS },
    (name) => (name in PAIRS ? [unit, other] : [unit]),
    FEWER,
  );
  const more = [cube, between(0, 1, [5, 3, 4]), between(0, 1, [5, 3, 4])];
  await checkFused(PARTS, (name) => more.slice(0, ARITY[name] ?? 1), FEWER);
});

test('one kernel twice, in two functions, and on another device', async () => {
  const elsewhere = new CpuDevice({ threads: 1 });
  const make = (): Fn => hybridize((a: nd.NDArray, b: nd.NDArray) => a.add(b).mul(2));
  const [first, second] = [make(), make()];
  const [a, b] = [nd.array([1, 2]), nd.array([3, 5])];
  const [there, too] = [await nd.toDevice(a, elsewhere), await nd.toDevice(b, elsewhere)];
  for (const f of [first, second, first]) {
    assert.equal(await f(a, b).array(), [8, 14]);
    const y = f(there, too);
    assert.is(y.device, elsewhere);
    assert.equal(await y.array(), [8, 14]);
  }
  assert.is(plansOf(first as never).length, 2);
});

test('booleans as input: casts of them, with new axes', async () => {
  const f = hybridize((valid: nd.NDArray) => {
    const [mask, column] = [valid.astype('float32'), valid.astype('float32')];
    return mask.mul(column.expandDims(-1));
  });
  const y = f(nd.array([true, false, true]));
  assert.is(y.dtype, 'float32');
  assert.equal(await y.array(), [
    [1, 0, 1],
    [0, 0, 0],
    [1, 0, 1],
  ]);
});

test('one axis, then two', async () => {
  const f = hybridize((x: nd.NDArray) => x.astype('float32').expandDims(-1));
  for (const shape of [[10], [10, 10], [10]]) {
    const y = f(nd.ones(shape));
    assert.equal(y.shape, [...shape, 1]);
    await assertAllClose(y, nd.ones([...shape, 1]), { rtol: 0, atol: 0 });
  }
});

test('inputs keep their places when what uses them is fused', async () => {
  const f: Fn = (x, y, z) => {
    const s = x.mul(2);
    const t = s.add(z!);
    return s.add(y!.mul(y!)).dot(t);
  };
  const inputs = [between(0, 1, [10, 10]), between(0, 1, [10, 1]), between(0, 1, [10, 10])];
  await checkHybridize(f as never, inputs);
  const [x, y, z] = inputs.map((v) => v.copy().attachGrad());
  autograd.record(() => hybridize(f)(x!, y!, z!)).backward();
  // of the sum over the product of p = 2x + y² and q = 2x + z
  const p = x!.mul(2).add(y!.mul(y!));
  const q = x!.mul(2).add(z!);
  const [dp, dq] = [q.sum({ axis: 1 }).reshape([1, 10]), p.sum({ axis: 0 }).reshape([10, 1])];
  const ones = nd.ones([10, 10]);
  await assertAllClose(z!.grad!, ones.mul(dq), { rtol: 1e-4 });
  await assertAllClose(x!.grad!, ones.mul(dp).add(dq).mul(2), { rtol: 1e-4 });
  await assertAllClose(y!.grad!, y!.mul(2).mul(dp.sum()), { rtol: 1e-4 });
});

test('branches that need parts of each other make no cycle of kernels', async () => {
  const crossed: Fn = (x, y) => {
    const [p, q] = [x.mul(2).tanh(), y!.add(1).sigmoid()];
    const [rows, columns] = [
      p.sum({ axis: 1, keepDims: true }),
      q.max({ axis: 0, keepDims: true }),
    ];
    const [left, right] = [p.mul(columns).add(q), q.div(rows.abs().add(1)).add(p)];
    const [l, r] = [left.softmax(), right.softmax({ axis: 0 })];
    return l
      .mul(right.sum({ axis: 0, keepDims: true }))
      .add(r.mul(left.mean({ axis: 1, keepDims: true })));
  };
  await checkHybridize(crossed as never, [between(-1, 1, [6, 6]), between(-1, 1, [6, 6])]);
});

test('what is computed twice is computed once, and gives the same', async () => {
  const half: Fn = (x, y) => x.mul(y!).add(y!).tanh().exp();
  const often: Fn = (x, y) => half(x, y!).add(half(x, y!).mul(x)).add(half(x, y!).sum());
  const once: Fn = (x, y) => {
    const h = half(x, y!);
    return h.add(h.mul(x)).add(h.sum());
  };
  const inputs = [between(-1, 1, [4, 5]), between(-1, 1, [4, 5])];
  await checkHybridize(often as never, inputs);
  const [nodes, fewest] = [often, once].map((body) => {
    const f = hybridize(body);
    f(...inputs);
    return nodeCount(plansOf(f)[0]!.callable.graph);
  });
  assert.is(nodes, fewest);
});

/** Nets where computing again pays, and where it cannot. */
const SHAPES: Readonly<
  Record<string, (x: nd.NDArray) => HybridBlock & { forward(x: nd.NDArray): nd.NDArray }>
> = {
  'cells of a recurrent net': () =>
    new (class extends HybridBlock {
      cell = new nn.Dense(8, { inUnits: 16, activation: 'tanh' });
      override forward(x: nd.NDArray): nd.NDArray {
        let h = nd.zeros([x.shape[0]!, 8]);
        for (let t = 0; t < 6; t++)
          h = this.cell(nd.concat([x, h], 1))
            .sigmoid()
            .mul(h.add(1));
        return h;
      }
    })(),
  'a perceptron with attention': () =>
    new (class extends HybridBlock {
      score = new nn.Dense(8, { inUnits: 8, activation: 'tanh' });
      out = new nn.Dense(4, { inUnits: 8 });
      override forward(x: nd.NDArray): nd.NDArray {
        const weights = this.score(x).matmul(x.T).softmax();
        return this.out(weights.matmul(x).tanh());
      }
    })(),
  'dense layers': () =>
    new nn.HybridSequential(
      ...[0, 1, 2].map(() => new nn.Dense(8, { inUnits: 8, activation: 'sigmoid' })),
    ),
};
for (const [name, make] of Object.entries(SHAPES))
  test(`${name}: computing again in backward changes no gradient, and takes no more memory`, async () => {
    const x = between(-1, 1, [64, 8]);
    const run = (recompute: boolean): { values: nd.NDArray[]; bytes: number } => {
      random.seed(1);
      const net = make(x);
      net.initialize({ init: 'xavier' });
      if (recompute) net.recompute();
      const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: 0.1 });
      const step = hybridize((data: nd.NDArray) => {
        const l = autograd.record(() => net(data).square().mean());
        l.backward();
        trainer.step(1);
        return l;
      });
      const losses = [step(x), step(x)];
      const { arenaBytes } = plansOf(step)[0]!.loaded!.compiled.program;
      return { values: [...losses, ...net.parameters().map((p) => p.data())], bytes: arenaBytes };
    };
    const [plain, again] = [run(false), run(true)];
    for (const [i, value] of again.values.entries())
      await assertAllClose(value, plain.values[i]!, { rtol: 1e-4 });
    // plans of memory stop two in a hundred above what is alive at once
    assert.ok(again.bytes <= 1.02 * plain.bytes, `${again.bytes} bytes, ${plain.bytes} without`);
  });

test('a net in parts, some of them compiled, is the whole net: every choice of three parts', async () => {
  const make = (): nn.HybridSequential => {
    random.seed(9);
    const net = new nn.HybridSequential(
      new nn.Dense(6, { inUnits: 4, activation: 'tanh' }),
      new nn.HybridSequential(new nn.BatchNorm({ inChannels: 6 }), new nn.Activation('relu')),
      new nn.Dense(3, { inUnits: 6 }),
    );
    net.initialize({ init: 'xavier' });
    return net;
  };
  const x = between(-1, 1, [5, 4]);
  const run = (net: nn.HybridSequential): nd.NDArray[] => {
    const input = x.copy().attachGrad();
    const y = autograd.record(() => net(input).softmax());
    y.backward(nd.arange(15).mul(0.9).sin().reshape([5, 3]));
    const state = net.parameters().map((p) => (p.gradReq === 'null' ? p.data() : p.grad()));
    return [y, input.grad!, ...state.map((v) => v.copy())];
  };
  const wanted = run(make());
  for (let choice = 1; choice <= 8; choice++) {
    const net = make();
    if (choice === 8) net.hybridize();
    for (const part of [0, 1, 2]) if ((choice >> part) & 1) (net[part] as HybridBlock).hybridize();
    for (const [i, y] of run(net).entries())
      await assertAllClose(y, wanted[i]!, { rtol: 1e-4, atol: 1e-6, label: `choice ${choice}` });
  }
});

test.run();
