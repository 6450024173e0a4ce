/**
 * TensorFlow.js on the rows of the benchmark, on any of its backends. It is eager only.
 *
 * Invariant: work is done when `run` is: at the call where the backend is synchronous, else when `wait` has resolved.
 */

import * as tf from '@tensorflow/tfjs';
import type { Prepared, Subject } from '../protocol.ts';
import * as work from '../work.ts';

/** Resolves when the backend has done everything so far; undefined where it has when a call returns. */
export type Wait = (() => Promise<void>) | undefined;

export const done = async (wait: Wait, make: () => tf.Tensor): Promise<Prepared> => {
  const start = performance.now();
  const first = make();
  const check = work.sample(await first.data());
  const compileMs = performance.now() - start;
  first.dispose();
  if (wait === undefined) return { check, run: () => make().dispose() };
  const run = async (): Promise<void> => {
    make().dispose();
    await wait();
  };
  return { check, compileMs, run };
};

const unary = (
  wait: Wait,
  fn: (x: tf.Tensor2D | tf.Tensor1D) => tf.Tensor,
  shape: number[],
): Subject[string] => ({
  imperative: () => {
    const x = tf.tensor(
      work.values(
        'x',
        shape.reduce((a, b) => a * b, 1),
      ),
      shape,
    ) as tf.Tensor2D;
    return done(wait, () => tf.tidy(() => fn(x)));
  },
});

const matmul = (wait: Wait, n: number): Subject[string] => ({
  imperative: () => {
    const a = tf.tensor2d(work.values('a', n * n), [n, n]);
    const b = tf.tensor2d(work.values('b', n * n), [n, n]);
    return done(wait, () => tf.matMul(a, b));
  },
});

const chain = (x: tf.Tensor): tf.Tensor => {
  let y: tf.Tensor = tf.add(tf.mul(x, 1.01), 0.1);
  y = tf.sub(tf.relu(y), 0.05);
  y = tf.add(tf.mul(tf.tanh(y), 2), 1);
  y = tf.sub(tf.mul(y, 0.5), 0.25);
  return tf.sqrt(tf.add(tf.square(y), 1));
};

const layerNorm = (x: tf.Tensor): tf.Tensor => {
  const { mean, variance } = tf.moments(x, 1, true);
  return tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5)));
};

export type Params = Map<string, tf.Variable>;

/** Weights stand as [in, out] here: with them turned, its products take several times as long on WebAssembly. */
const turned = (weight: tf.Tensor): tf.Variable => tf.variable(tf.transpose(weight));

export const dense = (layers: readonly work.DenseSpec[]): Params =>
  new Map(
    layers.flatMap((l) => [
      [`${l.name}w`, turned(tf.tensor2d(work.weightOf(l), [l.outputs, l.inputs]))] as const,
      [`${l.name}b`, tf.variable(tf.zeros([l.outputs]))] as const,
    ]),
  );

export const layer = (p: Params, name: string, x: tf.Tensor2D): tf.Tensor2D =>
  tf.add(tf.matMul(x, p.get(`${name}w`) as tf.Tensor2D), p.get(`${name}b`)!);

export const mlp = (p: Params, layers: readonly work.DenseSpec[], x: tf.Tensor2D): tf.Tensor2D => {
  let h = x;
  layers.forEach((l, i) => {
    h = layer(p, l.name, h);
    if (i < layers.length - 1) h = tf.relu(h);
  });
  return h;
};

/** Images lie channels last here: kernels and the first dense layer are reordered to mean the same. */
export const lenetParams = (): Params => {
  const p = dense(work.LENET.dense);
  for (const l of work.LENET.conv) {
    const kernel = tf.tensor4d(work.kernelOf(l), [l.outputs, l.inputs, l.kernel, l.kernel]);
    p.set(`${l.name}w`, tf.variable(tf.transpose(kernel, [2, 3, 1, 0])));
    p.set(`${l.name}b`, tf.variable(tf.zeros([l.outputs])));
  }
  const [{ name, outputs, inputs }] = work.LENET.dense;
  const channels = work.LENET.conv[1].outputs;
  const side = Math.sqrt(inputs / channels);
  const weight = tf.reshape(p.get(`${name}w`)!, [channels, side, side, outputs]);
  p.set(`${name}w`, tf.variable(tf.reshape(tf.transpose(weight, [1, 2, 0, 3]), [inputs, outputs])));
  return p;
};

export const lenet = (p: Params, x: tf.Tensor4D): tf.Tensor2D => {
  let h = x;
  for (const { name } of work.LENET.conv) {
    const y = tf.conv2d(h, p.get(`${name}w`) as tf.Tensor4D, 1, 'valid');
    h = tf.maxPool(tf.relu(tf.add(y, p.get(`${name}b`)!)), 2, 2, 'valid');
  }
  const flat = tf.reshape(h, [work.BATCH, -1]) as tf.Tensor2D;
  const [hidden, output] = work.LENET.dense;
  return layer(p, output.name, tf.relu(layer(p, hidden.name, flat)));
};

const book = (wait: Wait) => (): Promise<Prepared> => {
  const p = dense(work.BOOK_NET);
  const x = tf.tensor2d(work.values('book', 512), [1, 512]);
  return done(wait, () => {
    for (let i = 1; i < work.BOOK_FORWARDS; i++) tf.tidy(() => mlp(p, work.BOOK_NET, x)).dispose();
    return tf.tidy(() => mlp(p, work.BOOK_NET, x));
  });
};

export const numbers =
  (name: string, ...shape: number[]) =>
  (): tf.Tensor =>
    tf.tensor(
      work.values(
        name,
        shape.reduce((a, b) => a * b, 1),
      ),
      shape,
    );

/** Which class each of a batch belongs to. */
export const classes = (batch: number) => (): tf.Tensor =>
  tf.oneHot(tf.tensor1d(work.labels('labels', batch, 10), 'int32'), 10);

export const crossEntropy = (scores: tf.Tensor, y: tf.Tensor): tf.Scalar =>
  tf.mean(tf.neg(tf.sum(tf.mul(tf.logSoftmax(scores as tf.Tensor2D), y), 1))) as tf.Scalar;

/** A net, its loss and what it learns from. */
export interface Lesson {
  readonly params: () => Params;
  readonly net: (p: Params, x: tf.Tensor) => tf.Tensor;
  readonly loss: (output: tf.Tensor, y: tf.Tensor) => tf.Scalar;
  readonly x: () => tf.Tensor;
  readonly y: () => tf.Tensor;
  readonly rate: number;
}

export const train =
  (wait: Wait, { params, net, loss: lossOf, x: input, y: target, rate }: Lesson) =>
  async (): Promise<Prepared> => {
    const p = params();
    const [x, y] = [input(), target()];
    const variables = [...p.values()];
    const step = (): tf.Tensor =>
      tf.tidy(() => {
        const { value, grads } = tf.variableGrads(() => lossOf(net(p, x), y), variables);
        for (const v of variables) v.assign(tf.sub(v, tf.mul(grads[v.name]!, rate)));
        return value;
      });
    const once = async (): Promise<number> => {
      const loss = step();
      const [value] = await loss.data();
      loss.dispose();
      return value!;
    };
    const start = performance.now();
    const check = [await once()];
    const compileMs = performance.now() - start;
    for (let i = 0; i < 2; i++) check.push(await once());
    if (wait !== undefined) return { check, compileMs, run: once };
    return { check, run: () => step().dataSync()[0] };
  };

const tiny = (wait: Wait) => (): Promise<Prepared> => {
  const x = tf.tensor1d(work.values('tiny', work.TINY.size));
  return done(wait, () =>
    tf.tidy(() => {
      let y: tf.Tensor = x;
      for (let i = 0; i < work.TINY.repeats; i++) y = tf.add(y, x);
      return y;
    }),
  );
};

const classifying: Pick<Lesson, 'loss' | 'y' | 'rate'> = {
  loss: crossEntropy,
  y: classes(work.BATCH),
  rate: work.LEARNING_RATE,
};

export const subjectOf = (wait: Wait): Subject => ({
  ...Object.fromEntries(work.MATMUL_SIZES.map((n) => [`matmul-${n}`, matmul(wait, n)])),
  chain12: unary(wait, chain, [work.CHAIN_SIZE]),
  softmax: unary(wait, (x) => tf.softmax(x as tf.Tensor2D), [work.ROWS.rows, work.ROWS.columns]),
  layernorm: unary(wait, layerNorm, [work.ROWS.rows, work.ROWS.columns]),
  'tiny-op': { imperative: tiny(wait) },
  'hybridize-mlp': { imperative: book(wait) },
  'mlp-train': {
    imperative: train(wait, {
      ...classifying,
      params: () => dense(work.MLP),
      net: (p, x) => mlp(p, work.MLP, x as tf.Tensor2D),
      x: numbers('images', work.BATCH, 784),
    }),
  },
  'lenet-train': {
    imperative: train(wait, {
      ...classifying,
      params: lenetParams,
      net: (p, x) => lenet(p, x as tf.Tensor4D),
      x: numbers('images', work.BATCH, 28, 28, 1),
    }),
  },
});
