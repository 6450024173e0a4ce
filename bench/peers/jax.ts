/**
 * jax-js on the rows of the benchmark, on any of its devices. Its arrays are consumed by use: `.ref` keeps them.
 *
 * Invariant: work is done when `run` is: on WebAssembly every result is waited for, on WebGPU the last one.
 */
import {
  blockUntilReady,
  defaultDevice,
  jit,
  lax,
  nn,
  numpy as np,
  valueAndGrad,
} from '@jax-js/jax';
import type { Prepared, Subject } from '../protocol.ts';
import * as work from '../work.ts';

export type A = np.Array;

/** True where a queue does the work, in the order it was given. */
const inOrder = (): boolean => defaultDevice() === 'webgpu';

export const array = (data: Float32Array | Int32Array, shape: number[]): A =>
  np.array(data as Float32Array, { shape } as never).reshape(shape);

/** Times the first call and checks its numbers. */
export const compiled = async (make: () => A, run: () => unknown): Promise<Prepared> => {
  const start = performance.now();
  const first = make();
  await blockUntilReady(first);
  const compileMs = performance.now() - start;
  return { run, compileMs, check: work.sample(await first.data()) };
};

const unary = (fn: (x: A) => A, shape: number[]): Subject[string] => {
  const size = shape.reduce((a, b) => a * b, 1);
  const prepare = (f: (x: A) => A) => async () => {
    const x = array(work.values('x', size), shape);
    return compiled(
      () => f(x.ref),
      async () => {
        const y = f(x.ref);
        await blockUntilReady(y);
        y.dispose();
      },
    );
  };
  return { imperative: prepare(fn), hybrid: prepare(jit(fn) as never) };
};

const matmul = (n: number): Subject[string] => {
  const prepare = (f: (a: A, b: A) => A) => async () => {
    const a = array(work.values('a', n * n), [n, n]);
    const b = array(work.values('b', n * n), [n, n]);
    return compiled(
      () => f(a.ref, b.ref),
      async () => {
        const c = f(a.ref, b.ref);
        await blockUntilReady(c);
        c.dispose();
      },
    );
  };
  return { imperative: prepare(np.matmul), hybrid: prepare(jit(np.matmul) as never) };
};

const chain = (x: A): A => {
  let y = x.mul(1.01).add(0.1);
  y = nn.relu(y).sub(0.05);
  y = np.tanh(y).mul(2).add(1);
  y = y.mul(0.5).sub(0.25);
  y = np.sqrt(np.square(y).add(1));
  return y;
};

const layerNorm = (x: A): A => {
  const mean = np.mean(x.ref, 1, { keepdims: true } as never);
  const c = x.sub(mean);
  const v = np.mean(np.square(c.ref), 1, { keepdims: true } as never);
  return c.div(np.sqrt(v.add(1e-5)));
};

export interface Net {
  [name: string]: A;
}
const dense = (p: Net, x: A, name: string): A =>
  np.matmul(x, np.transpose(p[`${name}w`]!.ref)).add(p[`${name}b`]!.ref);

export const denseParams = (layers: readonly work.DenseSpec[]): Net => {
  const p: Net = {};
  for (const l of layers) {
    p[`${l.name}w`] = array(work.weightOf(l), [l.outputs, l.inputs]);
    p[`${l.name}b`] = np.zeros([l.outputs]);
  }
  return p;
};

const bookForward = (p: Net, x: A): A => {
  let h = x;
  work.BOOK_NET.forEach((l, i) => {
    h = dense(p, h, l.name);
    if (i < 2) h = nn.relu(h);
  });
  return h;
};

const book = (f: (p: Net, x: A) => A) => async (): Promise<Prepared> => {
  const p = denseParams(work.BOOK_NET);
  const x = array(work.values('book', 512), [1, 512]);
  const keep = (): Net => Object.fromEntries(Object.entries(p).map(([k, v]) => [k, v.ref]));
  return compiled(
    () => f(keep(), x.ref),
    async () => {
      // What is disposed of before somebody waits for it is never computed. Waiting costs least one by one on
      // WebAssembly, all together on WebGPU.
      const outputs: A[] = [];
      for (let i = 0; i < work.BOOK_FORWARDS; i++) {
        const y = f(keep(), x.ref);
        if (!inOrder()) await blockUntilReady(y);
        outputs.push(y);
      }
      if (inOrder()) await blockUntilReady(outputs);
      for (const y of outputs) y.dispose();
    },
  );
};

export const crossEntropy = (logits: A, onehot: A): A =>
  np.mean(np.sum(nn.logSoftmax(logits, 1).mul(onehot), 1).neg() as never);

export const mlp = (p: Net, x: A): A => {
  let h = x;
  work.MLP.forEach((l, i) => {
    h = dense(p, h, l.name);
    if (i < 2) h = nn.relu(h);
  });
  return h;
};

const pool = (x: A): A => lax.reduceWindow(x, (w: A) => np.max(w), [2, 2], [2, 2]);

export const lenet = (p: Net, x: A): A => {
  let h = x;
  for (const l of work.LENET.conv) {
    h = lax
      .conv(h, p[`${l.name}w`]!.ref, [1, 1], 'VALID')
      .add(p[`${l.name}b`]!.ref.reshape([1, l.outputs, 1, 1]));
    h = pool(nn.relu(h));
  }
  h = h.reshape([work.BATCH, 800]);
  h = nn.relu(dense(p, h, 'lenet2'));
  return dense(p, h, 'lenet3');
};

export const lenetParams = (): Net => {
  const p = denseParams(work.LENET.dense);
  for (const l of work.LENET.conv) {
    p[`${l.name}w`] = array(work.kernelOf(l), [l.outputs, l.inputs, l.kernel, l.kernel]);
    p[`${l.name}b`] = np.zeros([l.outputs]);
  }
  return p;
};

/** A net, its loss and what it learns from. */
export interface Lesson {
  readonly params: () => Net;
  readonly loss: (p: Net, x: A, y: A) => A;
  readonly x: () => A;
  readonly y: () => A;
  readonly rate: number;
}

export const numbers =
  (name: string, ...shape: number[]) =>
  (): A =>
    array(
      work.values(
        name,
        shape.reduce((a, b) => a * b, 1),
      ),
      shape,
    );

/** Which class each of a batch belongs to. */
export const classes = (batch: number) => (): A =>
  nn.oneHot(array(work.labels('labels', batch, 10), [batch]), 10);

export const train =
  ({ params, loss, x: input, y: target, rate }: Lesson, compile: boolean) =>
  async (): Promise<Prepared> => {
    const [x, y] = [input(), target()];
    let p = params();
    const update = (q: Net, a: A, b: A): [A, Net] => {
      const keep = Object.fromEntries(Object.entries(q).map(([k, v]) => [k, v.ref]));
      const [l, g] = valueAndGrad(loss as never)(q, a, b) as unknown as [A, Net];
      const next: Net = {};
      for (const k of Object.keys(keep)) next[k] = keep[k]!.sub(g[k]!.mul(rate));
      return [l, next];
    };
    const step = (compile ? jit(update as never) : update) as unknown as typeof update;
    // on WebGPU the loss is read, as everybody else does, and no parameter is
    const once = async (): Promise<number> => {
      const [l, next] = step(p, x.ref, y.ref);
      p = next;
      if (!inOrder()) await blockUntilReady([l, next]);
      return (await l.data())[0]!;
    };
    const start = performance.now();
    const check = [await once()];
    const compileMs = performance.now() - start;
    for (let i = 0; i < 2; i++) check.push(await once());
    return { run: once, compileMs, check };
  };

const classifying = (params: () => Net, net: (p: Net, x: A) => A, ...shape: number[]): Lesson => ({
  params,
  loss: (p, x, y) => crossEntropy(net(p, x), y),
  x: numbers('images', ...shape),
  y: classes(work.BATCH),
  rate: work.LEARNING_RATE,
});
const mlpLesson = classifying(() => denseParams(work.MLP), mlp, work.BATCH, 784);
const lenetLesson = classifying(lenetParams, lenet, work.BATCH, 1, 28, 28);

const tiny = async (): Promise<Prepared> => {
  const x = array(work.values('tiny', work.TINY.size), [work.TINY.size]);
  const run = async (): Promise<A> => {
    let y = x.ref;
    for (let i = 0; i < work.TINY.repeats; i++) y = y.add(x.ref);
    await blockUntilReady(y);
    return y;
  };
  return {
    run: async () => (await run()).dispose(),
    check: work.sample(await (await run()).data()),
  };
};

export const subject: Subject = {
  ...Object.fromEntries(work.MATMUL_SIZES.map((n) => [`matmul-${n}`, matmul(n)])),
  chain12: unary(chain, [work.CHAIN_SIZE]),
  softmax: unary((x) => nn.softmax(x, 1), [work.ROWS.rows, work.ROWS.columns]),
  layernorm: unary(layerNorm, [work.ROWS.rows, work.ROWS.columns]),
  'tiny-op': { imperative: tiny },
  'hybridize-mlp': {
    imperative: book(bookForward),
    hybrid: book(jit(bookForward as never) as never),
  },
  'mlp-train': { imperative: train(mlpLesson, false), step: train(mlpLesson, true) },
  'lenet-train': { step: train(lenetLesson, true) },
};
