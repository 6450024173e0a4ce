/**
 * Tigon on the rows for a graphics card: products against the tensor units' peak, what is bound by memory against a
 * copy, attention, and training steps.
 *
 * Invariant: work is enqueued `together` times before the host waits, so that waiting is no part of what short kernels
 * take; a training step is awaited each time, its loss is read.
 */
import { autograd, device, explain, hybridize, nd, Trainer } from 'tigon';
import { SoftmaxCrossEntropyLoss } from 'tigon/loss';
import type { Mode, Prepared, Subject } from '../protocol.ts';
import { chain, layerNorm } from '../tigon/functions.ts';
import { figuresOf, reading } from '../tigon/timing.ts';
import { labels, sample, values } from '../work.ts';
import { fill, gpt, lenet, lstm, mlp, type Net, resnet } from './models.ts';
import { type ModelName, parametersOf } from './parameters.ts';
import type { Sizes } from './sizes.ts';

const LEARNING_RATE = 0.01;

type Device = nd.NDArray['device'];
type DType = nd.NDArray['dtype'];

const array = (on: Device, name: string, shape: readonly number[], dtype: DType): nd.NDArray => {
  const size = shape.reduce((a, b) => a * b, 1);
  return nd.array(values(name, size), { shape, dtype, device: on });
};

/** What a run does at least: multiply-adds count as two operations, bytes are read and written once. */
interface Floor {
  readonly flops?: number;
  readonly bytes?: number;
}

/** A function of arrays: eager if it is one op, compiled else. */
const pure =
  (
    on: Device,
    together: number,
    make: () => nd.NDArray[],
    fn: (...args: nd.NDArray[]) => nd.NDArray,
    floor: Floor,
  ) =>
  async (): Promise<Prepared> => {
    const args = make();
    const start = performance.now();
    const data = await fn(...args)
      .astype('float32')
      .data();
    const compileMs = performance.now() - start;
    const enqueue = (): void => fn(...args).dispose();
    const run = async (): Promise<void> => {
      enqueue();
      await on.synchronize();
    };
    const timed = async (): Promise<number> => {
      const from = performance.now();
      for (let i = 0; i < together; i++) enqueue();
      await on.synchronize();
      return (performance.now() - from) / together;
    };
    return { run, timed, check: sample(data), compileMs, ...floor };
  };

const products = (on: Device, sizes: Sizes, name: string, dtype: DType): Subject =>
  Object.fromEntries(
    sizes.gemm.map((n) => {
      const make = (): nd.NDArray[] => [
        array(on, 'a', [n, n], dtype),
        array(on, 'b', [n, n], dtype),
      ];
      const fn = (a: nd.NDArray, b: nd.NDArray): nd.NDArray => a.matmul(b);
      const floor = { flops: 2 * n ** 3 };
      return [
        `gemm-${name}-${n}`,
        { imperative: pure(on, sizes.together, make, (...[a, b]) => fn(a!, b!), floor) },
      ];
    }),
  );

/** What reads and writes each number once. `copy` is their ceiling. */
const memory = (on: Device, { rows, columns, together }: Sizes): Subject => {
  const bytes = 2 * 4 * rows * columns;
  const make = (): nd.NDArray[] => [array(on, 'x', [rows, columns], 'float32')];
  const row = (fn: (x: nd.NDArray) => nd.NDArray): Subject[string] => ({
    hybrid: pure(
      on,
      together,
      make,
      hybridize((...[x]: nd.NDArray[]) => fn(x!)),
      { bytes },
    ),
  });
  return {
    'copy-large': { imperative: pure(on, together, make, (...[x]) => x!.copy(), { bytes }) },
    'chain12-large': row(chain),
    'softmax-large': row((x) => x.softmax({ axis: 1 })),
    'layernorm-large': row(layerNorm),
  };
};

const attentions = (on: Device, { attention, together }: Sizes): Subject =>
  Object.fromEntries(
    attention.map(({ batch, heads, length, depth, causal }) => {
      const shape = [batch, heads, length, depth];
      const make = (): nd.NDArray[] => ['q', 'k', 'v'].map((n) => array(on, n, shape, 'bfloat16'));
      const flops = 4 * batch * heads * length * length * depth * (causal ? 0.5 : 1);
      const fn = (...[q, k, v]: nd.NDArray[]): nd.NDArray =>
        nd.scaledDotProductAttention(q!, k!, v!, { causal });
      const name = `attention-${length}x${depth}${causal ? '-causal' : ''}`;
      return [name, { imperative: pure(on, together, make, fn, { flops }) }];
    }),
  );

interface Model {
  readonly net: () => Net;
  readonly x: () => nd.NDArray;
  readonly y: () => nd.NDArray;
  readonly dtype?: DType;
}

const train =
  (on: Device, sizes: Sizes, name: ModelName, model: Model, mode: Mode) =>
  async (): Promise<Prepared> => {
    const net = model.net();
    if (model.dtype !== undefined) net.cast(model.dtype);
    fill(net, parametersOf(sizes)[name]);
    const [x, y] = [model.x(), model.y()];
    const loss = new SoftmaxCrossEntropyLoss();
    const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: LEARNING_RATE });
    if (mode === 'hybrid') net.hybridize();
    const once = (a: nd.NDArray, b: nd.NDArray): nd.NDArray => {
      const l = autograd.record(() => loss(net(a).astype('float32').reshape([b.size, -1]), b));
      l.backward();
      trainer.step(b.size);
      return l.mean();
    };
    const compiled = hybridize(once);
    const step = mode === 'step' ? compiled : once;
    const start = performance.now();
    const check = [Number(await step(x, y).item())];
    const compileMs = performance.now() - start;
    for (let i = 0; i < 2; i++) check.push(Number(await step(x, y).item()));
    const run = reading(on, () => step(x, y));
    const figures = mode === 'step' ? figuresOf(explain(compiled)) : {};
    return mode === 'imperative' ? { run, check } : { run, check, compileMs, ...figures };
  };

const models = (sizes: Sizes): Readonly<Record<ModelName, Model>> => {
  const { mlp: m, lenet: l, resnet: r, lstm: s, gpt: g } = sizes;
  const numbers = (name: string, shape: number[]) => (): nd.NDArray =>
    nd.array(
      values(
        name,
        shape.reduce((a, b) => a * b, 1),
      ),
      { shape },
    );
  const classes = (count: number, below: number) => (): nd.NDArray =>
    nd.array(labels('labels', count, below));
  return {
    mlp: {
      net: () => mlp(m),
      x: numbers('images', [m.batch, m.widths[0]!]),
      y: classes(m.batch, m.widths.at(-1)!),
    },
    lenet: {
      net: lenet,
      x: numbers('images', [l.batch, 1, 28, 28]),
      y: classes(l.batch, 10),
    },
    resnet: {
      net: () => resnet(r),
      x: numbers('images', [r.batch, 3, 32, 32]),
      y: classes(r.batch, 10),
    },
    lstm: {
      net: () => lstm(s),
      x: numbers('sequence', [s.steps, s.batch, s.inputs]),
      y: classes(s.batch, 10),
    },
    gpt: {
      net: () => gpt(g),
      x: () =>
        nd.array(labels('tokens', g.batch * g.length, g.vocabulary), {
          shape: [g.batch, g.length],
        }),
      y: classes(g.batch * g.length, g.vocabulary),
      dtype: 'bfloat16',
    },
  };
};

const ROW_OF: Readonly<Record<ModelName, string>> = {
  mlp: 'mlp-step',
  lenet: 'lenet-step',
  resnet: 'resnet20-step',
  lstm: 'lstm-step',
  gpt: 'gpt2-step',
};

const steps = (on: Device, sizes: Sizes): Subject => {
  const all = models(sizes);
  return Object.fromEntries(
    (Object.keys(all) as ModelName[]).map((name) => {
      const of = (mode: Mode): (() => Promise<Prepared>) => train(on, sizes, name, all[name], mode);
      return [
        ROW_OF[name],
        { imperative: of('imperative'), hybrid: of('hybrid'), step: of('step') },
      ];
    }),
  );
};

/** All rows on a device, which is the default one; products in TF32 on one of its own. */
export const cudaRows = async (on: Device, sizes: Sizes): Promise<Subject> => ({
  ...products(on, sizes, 'bf16', 'bfloat16'),
  ...products(on, sizes, 'f16', 'float16'),
  ...products(on, sizes, 'f32', 'float32'),
  ...products(await device.cuda({ tf32: true }), sizes, 'tf32', 'float32'),
  ...memory(on, sizes),
  ...attentions(on, sizes),
  ...steps(on, sizes),
});
