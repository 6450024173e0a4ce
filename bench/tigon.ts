/**
 * Tigon on the rows of the benchmark: imperative, hybridized, and as one whole step, all through the public API.
 */
import { autograd, type Explanation, explain, hybridize, nd, Trainer } from 'tigon';
import { SoftmaxCrossEntropyLoss } from 'tigon/loss';
import * as nn from 'tigon/nn';
import type { Mode, Prepared, Subject } from './protocol.ts';
import * as work from './work.ts';

/** Figures of compiled programs (forward and backward together). */
const figures = (explanation: Explanation): Partial<Prepared> => {
  const programs = explanation.programs.map((p) => p.program);
  const sum = (of: (p: (typeof programs)[number]) => number): number =>
    programs.reduce((n, p) => n + of(p), 0);
  return {
    kernels: sum((p) => p.steps.length),
    plannedPeakBytes: Math.max(...programs.map((p) => p.arenaBytes)),
    lowerBoundBytes: Math.max(...programs.map((p) => p.lowerBoundBytes)),
  };
};

/** A function of arrays, imperative and hybridized; the work is done when the call returns. */
const pure = (
  make: () => nd.NDArray[],
  fn: (...args: nd.NDArray[]) => nd.NDArray,
): Subject[string] => {
  const prepare = (compile: boolean) => (): Prepared => {
    const args = make();
    const compiled = hybridize(fn);
    const f = compile ? compiled : fn;
    const start = performance.now();
    const first = f(...args);
    const compileMs = performance.now() - start;
    const check = work.sample(first.dataSync());
    const run = (): void => f(...args).dispose();
    return compile ? { run, check, compileMs, ...figures(explain(compiled)) } : { run, check };
  };
  return { imperative: prepare(false), hybrid: prepare(true) };
};

const array = (name: string, ...shape: number[]): nd.NDArray =>
  nd.array(
    work.values(
      name,
      shape.reduce((a, b) => a * b, 1),
    ),
    { shape },
  );

const chain = (x: nd.NDArray): nd.NDArray =>
  x
    .mul(1.01)
    .add(0.1)
    .relu()
    .sub(0.05)
    .tanh()
    .mul(2)
    .add(1)
    .mul(0.5)
    .sub(0.25)
    .square()
    .add(1)
    .sqrt();

const layerNorm = (x: nd.NDArray): nd.NDArray => {
  const c = x.sub(x.mean({ axis: 1, keepDims: true }));
  const v = c.square().mean({ axis: 1, keepDims: true });
  return c.div(v.add(1e-5).sqrt());
};

const setDense = (layer: nn.Dense, spec: work.DenseSpec): void => {
  layer.weight.setData(nd.array(work.weightOf(spec), { shape: [spec.outputs, spec.inputs] }));
};

const mlp = (layers: readonly work.DenseSpec[]): nn.HybridSequential => {
  const dense = layers.map(
    (l, i) =>
      new nn.Dense(l.outputs, {
        inUnits: l.inputs,
        ...(i < layers.length - 1 ? { activation: 'relu' as const } : {}),
      }),
  );
  const net = new nn.HybridSequential(...dense);
  net.initialize();
  layers.forEach((l, i) => {
    setDense(dense[i]!, l);
  });
  return net;
};

const lenet = (): nn.HybridSequential => {
  const convs = work.LENET.conv.map(
    (l) => new nn.Conv2D(l.outputs, l.kernel, { activation: 'relu', inChannels: l.inputs }),
  );
  const [hidden, output] = [
    new nn.Dense(128, { activation: 'relu', inUnits: 800 }),
    new nn.Dense(10, { inUnits: 128 }),
  ];
  const net = new nn.HybridSequential(
    convs[0]!,
    new nn.MaxPool2D(2),
    convs[1]!,
    new nn.MaxPool2D(2),
    new nn.Flatten(),
    hidden,
    output,
  );
  net.initialize();
  work.LENET.conv.forEach((l, i) => {
    const shape = [l.outputs, l.inputs, l.kernel, l.kernel];
    convs[i]!.weight.setData(nd.array(work.kernelOf(l), { shape }));
  });
  setDense(hidden, work.LENET.dense[0]);
  setDense(output, work.LENET.dense[1]);
  return net;
};

const book = (mode: Mode) => (): Prepared => {
  const net = mlp(work.BOOK_NET);
  const x = array('book', 1, 512);
  if (mode === 'hybrid') net.hybridize();
  const start = performance.now();
  const first = net(x);
  const compileMs = performance.now() - start;
  const check = work.sample(first.dataSync());
  const run = (): void => {
    for (let i = 0; i < work.BOOK_FORWARDS; i++) net(x).dispose();
  };
  return mode === 'hybrid' ? { run, check, compileMs, ...figures(net.explain()) } : { run, check };
};

/** Whole-step function as the 'book' row needs no training: one program for all forwards is what hybrid gives. */
const train = (make: () => nn.HybridSequential, shape: number[], mode: Mode) => (): Prepared => {
  const net = make();
  const x = array('images', ...shape);
  const y = nd.array(work.labels('labels', work.BATCH, 10));
  const loss = new SoftmaxCrossEntropyLoss();
  const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: work.LEARNING_RATE });
  if (mode === 'hybrid') net.hybridize();
  const once = (a: nd.NDArray, b: nd.NDArray): nd.NDArray => {
    const l = autograd.record(() => loss(net(a), b));
    l.backward();
    trainer.step(a.shape[0]!);
    return l.mean();
  };
  const compiled = hybridize(once);
  const step = mode === 'step' ? compiled : once;
  const start = performance.now();
  const check = [step(x, y).itemSync() as number];
  const compileMs = performance.now() - start;
  for (let i = 0; i < 2; i++) check.push(step(x, y).itemSync() as number);
  const run = (): void => step(x, y).dispose();
  const own =
    mode === 'step' ? figures(explain(compiled)) : mode === 'hybrid' ? figures(net.explain()) : {};
  return { run, check, ...(mode === 'imperative' ? {} : { compileMs }), ...own };
};

const training = (make: () => nn.HybridSequential, shape: number[]): Subject[string] => ({
  imperative: train(make, shape, 'imperative'),
  hybrid: train(make, shape, 'hybrid'),
  step: train(make, shape, 'step'),
});

const tiny = (): Prepared => {
  const x = array('tiny', work.TINY.size);
  const run = (): nd.NDArray => {
    let y = x;
    for (let i = 0; i < work.TINY.repeats; i++) y = y.add(x);
    return y;
  };
  return { run: () => void run(), check: work.sample(run().dataSync()) };
};

export const subject: Subject = {
  ...Object.fromEntries(
    work.MATMUL_SIZES.map((n) => [
      `matmul-${n}`,
      pure(
        () => [array('a', n, n), array('b', n, n)],
        (a, b) => a!.matmul(b!),
      ),
    ]),
  ),
  chain12: pure(
    () => [array('x', work.CHAIN_SIZE)],
    (x) => chain(x!),
  ),
  softmax: pure(
    () => [array('x', work.ROWS.rows, work.ROWS.columns)],
    (x) => x!.softmax({ axis: 1 }),
  ),
  layernorm: pure(
    () => [array('x', work.ROWS.rows, work.ROWS.columns)],
    (x) => layerNorm(x!),
  ),
  'tiny-op': { imperative: tiny },
  'hybridize-mlp': { imperative: book('imperative'), hybrid: book('hybrid') },
  'mlp-train': training(() => mlp(work.MLP), [work.BATCH, 784]),
  'lenet-train': training(lenet, [work.BATCH, 1, 28, 28]),
};
