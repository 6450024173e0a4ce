/**
 * TensorFlow.js with its WebAssembly backend on the rows of the benchmark. It is eager only; it has no kernel for the
 * gradient of a convolution, so LeNet's training is not offered.
 */

import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import type { Prepared, Subject } from '../protocol.ts';
import * as work from '../work.ts';

setWasmPaths(
  `${new URL('./node_modules/@tensorflow/tfjs-backend-wasm/dist/', import.meta.url).pathname}`,
);
await tf.setBackend('wasm');
await tf.ready();

const done = (make: () => tf.Tensor): Prepared => {
  const first = make();
  const check = work.sample(first.dataSync());
  first.dispose();
  return {
    check,
    // The backend is synchronous: its kernels have run when the call returns.
    run: () => make().dispose(),
  };
};

const unary = (
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
    return done(() => tf.tidy(() => fn(x)));
  },
});

const matmul = (n: number): Subject[string] => ({
  imperative: () => {
    const a = tf.tensor2d(work.values('a', n * n), [n, n]);
    const b = tf.tensor2d(work.values('b', n * n), [n, n]);
    return done(() => tf.matMul(a, b));
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

const params = (layers: readonly work.DenseSpec[]): Map<string, tf.Variable> =>
  new Map(
    layers.flatMap((l) => [
      [`${l.name}w`, tf.variable(tf.tensor2d(work.weightOf(l), [l.outputs, l.inputs]))] as const,
      [`${l.name}b`, tf.variable(tf.zeros([l.outputs]))] as const,
    ]),
  );

const forward = (
  p: Map<string, tf.Variable>,
  layers: readonly work.DenseSpec[],
  x: tf.Tensor2D,
): tf.Tensor2D => {
  let h = x;
  layers.forEach((l, i) => {
    h = tf.add(tf.matMul(h, p.get(`${l.name}w`) as tf.Tensor2D, false, true), p.get(`${l.name}b`)!);
    if (i < layers.length - 1) h = tf.relu(h);
  });
  return h;
};

const book = (): Prepared => {
  const p = params(work.BOOK_NET);
  const x = tf.tensor2d(work.values('book', 512), [1, 512]);
  const check = work.sample(tf.tidy(() => forward(p, work.BOOK_NET, x)).dataSync());
  return {
    check,
    run: () => {
      for (let i = 0; i < work.BOOK_FORWARDS; i++)
        tf.tidy(() => forward(p, work.BOOK_NET, x)).dispose();
    },
  };
};

const mlpTrain = (): Prepared => {
  const p = params(work.MLP);
  const x = tf.tensor2d(work.values('images', work.BATCH * 784), [work.BATCH, 784]);
  const y = tf.oneHot(tf.tensor1d(work.labels('labels', work.BATCH, 10), 'int32'), 10);
  const variables = [...p.values()];
  const step = (): number =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(
        () =>
          tf.mean(
            tf.neg(tf.sum(tf.mul(tf.logSoftmax(forward(p, work.MLP, x)), y), 1)),
          ) as tf.Scalar,
        variables,
      );
      for (const v of variables) v.assign(tf.sub(v, tf.mul(grads[v.name]!, work.LEARNING_RATE)));
      return value.dataSync()[0]!;
    });
  const check = [step(), step(), step()];
  return { check, run: step };
};

const tiny = (): Prepared => {
  const x = tf.tensor1d(work.values('tiny', work.TINY.size));
  return done(() =>
    tf.tidy(() => {
      let y: tf.Tensor = x;
      for (let i = 0; i < work.TINY.repeats; i++) y = tf.add(y, x);
      return y;
    }),
  );
};

export const subject: Subject = {
  ...Object.fromEntries(work.MATMUL_SIZES.map((n) => [`matmul-${n}`, matmul(n)])),
  chain12: unary(chain, [work.CHAIN_SIZE]),
  softmax: unary((x) => tf.softmax(x as tf.Tensor2D), [work.ROWS.rows, work.ROWS.columns]),
  layernorm: unary(layerNorm, [work.ROWS.rows, work.ROWS.columns]),
  'tiny-op': { imperative: tiny },
  'hybridize-mlp': { imperative: book },
  'mlp-train': { imperative: mlpTrain },
};
