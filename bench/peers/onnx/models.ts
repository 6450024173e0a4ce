/**
 * The benchmark's rows as ONNX models. ONNX predicts only: training rows are not here, nor what is eager.
 *
 * Invariant: weights are those that all subjects start from.
 */
import type { ParameterSpec } from '../../cuda/parameters.ts';
import {
  EPSILON,
  LSTM,
  RESNET18,
  RESNET18_BLOCKS,
  TABLES,
  TRANSFORMER,
} from '../../nets/tables.ts';
import * as work from '../../work.ts';
import { OnnxBuilder } from './builder.ts';

export interface OnnxRow {
  readonly bytes: Uint8Array;
  /** Names, shapes and numbers of what goes in. */
  readonly feeds: Readonly<
    Record<string, { readonly data: Float32Array; readonly shape: readonly number[] }>
  >;
  /** Runs that are one run of the row. */
  readonly repeats: number;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** A model of one input, whose numbers follow from `name`. */
const modelOf = (
  name: string,
  shape: readonly number[],
  output: readonly number[],
  body: (b: OnnxBuilder, x: string) => string,
  repeats = 1,
): OnnxRow => {
  const b = new OnnxBuilder();
  const result = body(b, b.input('x', shape));
  const data = work.values(name, sizeOf(shape));
  return { bytes: b.model(result, output), feeds: { x: { data, shape } }, repeats };
};

const matmul = (n: number): OnnxRow => {
  const b = new OnnxBuilder();
  const shape = [n, n];
  const result = b.node('MatMul', [b.input('a', shape), b.input('b', shape)]);
  const of = (name: string) => ({ data: work.values(name, n * n), shape });
  return { bytes: b.model(result, shape), feeds: { a: of('a'), b: of('b') }, repeats: 1 };
};

const chain = (b: OnnxBuilder, x: string): string => {
  const by = (op: string, y: string, value: number): string => b.node(op, [y, b.scalar(value)]);
  const kept = by('Sub', b.node('Relu', [by('Add', by('Mul', x, 1.01), 0.1)]), 0.05);
  const waved = by('Add', by('Mul', b.node('Tanh', [kept]), 2), 1);
  const half = by('Sub', by('Mul', waved, 0.5), 0.25);
  return b.node('Sqrt', [by('Add', b.node('Mul', [half, half]), 1)]);
};

const layerNorm = (b: OnnxBuilder, x: string): string => {
  const { columns } = work.ROWS;
  const ones = b.weight(new Float32Array(columns).fill(1), [columns]);
  return b.node('LayerNormalization', [x, ones], { axis: -1, epsilon: { float: 1e-5 } });
};

/** [out, in] weight and a bias of zeros. */
const gemm = (b: OnnxBuilder, x: string, layer: work.DenseSpec): string =>
  b.node(
    'Gemm',
    [
      x,
      b.weight(work.weightOf(layer), [layer.outputs, layer.inputs]),
      b.weight(new Float32Array(layer.outputs), [layer.outputs]),
    ],
    { transB: 1 },
  );

const mlp =
  (layers: readonly work.DenseSpec[]) =>
  (b: OnnxBuilder, x: string): string =>
    layers.reduce((h, layer, i) => {
      const y = gemm(b, h, layer);
      return i < layers.length - 1 ? b.node('Relu', [y]) : y;
    }, x);

const lenet = (b: OnnxBuilder, x: string): string => {
  let h = x;
  for (const layer of work.LENET.conv) {
    const { outputs, inputs, kernel } = layer;
    const weight = b.weight(work.kernelOf(layer), [outputs, inputs, kernel, kernel]);
    const bias = b.weight(new Float32Array(outputs), [outputs]);
    const y = b.node('Relu', [
      b.node('Conv', [h, weight, bias], { kernel_shape: [kernel, kernel] }),
    ]);
    h = b.node('MaxPool', [y], { kernel_shape: [2, 2], strides: [2, 2] });
  }
  const [hidden, output] = work.LENET.dense;
  const flat = b.node('Flatten', [h], { axis: 1 });
  return gemm(b, b.node('Relu', [gemm(b, flat, hidden)]), output);
};

/** The numbers of parameters, by name. */
const parametersOf = (table: readonly ParameterSpec[]) => {
  const specs = new Map(table.map((p) => [p.name, p]));
  return (name: string): { readonly data: Float32Array; readonly shape: readonly number[] } => {
    const { shape, fill, scale } = specs.get(name)!;
    const size = sizeOf(shape);
    const data =
      fill === 'normal'
        ? work.values(name, size, scale)
        : new Float32Array(size).fill(fill === 'ones' ? 1 : 0);
    return { data, shape };
  };
};

const resnet18 = (b: OnnxBuilder, x: string): string => {
  const numbers = parametersOf(TABLES.resnet18);
  const p = (name: string): string => {
    const { data, shape } = numbers(name);
    return b.weight(data, shape);
  };
  const convNorm = (h: string, name: string, kernel: number, strides: number): string => {
    const pad = (kernel - 1) / 2;
    const y = b.node('Conv', [h, p(`${name}.weight`)], {
      kernel_shape: [kernel, kernel],
      strides: [strides, strides],
      pads: [pad, pad, pad, pad],
    });
    const [channels] = numbers(`${name}.gamma`).shape as [number];
    const mean = b.weight(new Float32Array(channels), [channels]);
    const variance = b.weight(new Float32Array(channels).fill(1), [channels]);
    const affine = [p(`${name}.gamma`), p(`${name}.beta`)];
    return b.node('BatchNormalization', [y, ...affine, mean, variance], {
      epsilon: { float: EPSILON },
    });
  };
  const stem = b.node('Relu', [convNorm(x, 'resnet18.stem', 7, 2)]);
  let h = b.node('MaxPool', [stem], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  for (const { name, inputs, outputs } of RESNET18_BLOCKS) {
    const strides = inputs === outputs ? 1 : 2;
    const first = b.node('Relu', [convNorm(h, `${name}.first`, 3, strides)]);
    const beside = strides === 1 ? h : convNorm(h, `${name}.shortcut`, 1, 2);
    const y = b.node('Add', [convNorm(first, `${name}.second`, 3, 1), beside]);
    h = b.node('Relu', [y]);
  }
  const flat = b.node('Flatten', [b.node('GlobalAveragePool', [h])], { axis: 1 });
  return b.node('Gemm', [flat, p('resnet18.head.weight'), p('resnet18.head.bias')], { transB: 1 });
};

/** ONNX orders gates input, output, forget, cell; all subjects' weights are input, forget, cell, output. */
const gatesOf = (data: Float32Array): Float32Array => {
  const part = data.length / 4;
  const out = new Float32Array(data.length);
  [0, 3, 1, 2].forEach((from, to) => {
    out.set(data.subarray(from * part, (from + 1) * part), to * part);
  });
  return out;
};

const lstm = (b: OnnxBuilder, x: string): string => {
  const numbers = parametersOf(TABLES.lstm);
  const weight = (name: string): string => {
    const { data, shape } = numbers(name);
    return b.weight(gatesOf(data), [1, ...shape]);
  };
  const biases = b.weight(new Float32Array(8 * LSTM.hidden), [1, 8 * LSTM.hidden]);
  const y = b.node('LSTM', [x, weight('lstm.input'), weight('lstm.hidden'), biases], {
    hidden_size: LSTM.hidden,
  });
  return b.node('Squeeze', [y, b.integers([1])]);
};

const transformer = (b: OnnxBuilder, x: string): string => {
  const { batch, length, width, heads } = TRANSFORMER;
  const numbers = parametersOf(TABLES.transformer);
  const p = (name: string): string => {
    const { data, shape } = numbers(`transformer.${name}`);
    return b.weight(data, shape);
  };
  /** MatMul takes [in, out]. */
  const transposed = (name: string): string => {
    const { data, shape } = numbers(`transformer.${name}.weight`);
    const [rows, columns] = shape as [number, number];
    const turned = new Float32Array(data.length);
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) turned[j * rows + i] = data[i * columns + j]!;
    return b.weight(turned, [columns, rows]);
  };
  const dense = (h: string, name: string): string =>
    b.node('Add', [b.node('MatMul', [h, transposed(name)]), p(`${name}.bias`)]);
  const apart = (h: string, perm: readonly number[]): string =>
    b.node(
      'Transpose',
      [b.node('Reshape', [h, b.integers([batch, length, heads, width / heads])])],
      { perm },
    );
  const norm = (h: string, name: string): string =>
    b.node('LayerNormalization', [h, p(`${name}.gamma`), p(`${name}.beta`)], {
      axis: -1,
      epsilon: { float: EPSILON },
    });
  const q = apart(dense(x, 'query'), [0, 2, 1, 3]);
  const k = apart(dense(x, 'key'), [0, 2, 3, 1]);
  const v = apart(dense(x, 'value'), [0, 2, 1, 3]);
  const scores = b.node('Mul', [b.node('MatMul', [q, k]), b.scalar((width / heads) ** -0.5)]);
  const seen = b.node('MatMul', [b.node('Softmax', [scores], { axis: -1 }), v]);
  const joined = b.node('Transpose', [seen], { perm: [0, 2, 1, 3] });
  const mixed = b.node('Reshape', [joined, b.integers([batch, length, width])]);
  const y = norm(b.node('Add', [x, dense(mixed, 'output')]), 'norm1');
  const hidden = b.node('Relu', [dense(y, 'up')]);
  return norm(b.node('Add', [y, dense(hidden, 'down')]), 'norm2');
};

const { rows, columns } = work.ROWS;
const sequence = [LSTM.steps, LSTM.batch, LSTM.inputs];
const positions = [TRANSFORMER.batch, TRANSFORMER.length, TRANSFORMER.width];
const { side } = RESNET18;

/** The rows by name; each is made when it is asked for. */
export const onnxRows: Readonly<Record<string, () => OnnxRow>> = {
  ...Object.fromEntries(work.MATMUL_SIZES.map((n) => [`matmul-${n}`, () => matmul(n)])),
  chain12: () => modelOf('x', [work.CHAIN_SIZE], [work.CHAIN_SIZE], chain),
  softmax: () =>
    modelOf('x', [rows, columns], [rows, columns], (b, x) => b.node('Softmax', [x], { axis: 1 })),
  layernorm: () => modelOf('x', [rows, columns], [rows, columns], layerNorm),
  'hybridize-mlp': () => modelOf('book', [1, 512], [1, 2], mlp(work.BOOK_NET), work.BOOK_FORWARDS),
  'mlp-forward': () => modelOf('images', [work.BATCH, 784], [work.BATCH, 10], mlp(work.MLP)),
  'lenet-forward': () => modelOf('images', [work.BATCH, 1, 28, 28], [work.BATCH, 10], lenet),
  'resnet18-forward': () =>
    modelOf(
      'images',
      [RESNET18.batch, 3, side, side],
      [RESNET18.batch, RESNET18.classes],
      resnet18,
    ),
  'lstm-forward': () => modelOf('sequence', sequence, sequence, lstm),
  'transformer-forward': () => modelOf('sequence', positions, positions, transformer),
};
