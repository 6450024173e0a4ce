/**
 * The rows on the CPU as another language reads them: sizes, and the parameters of every net by name.
 *
 * Invariant: numbers follow from names as in `work.ts`; what is not listed here is written the same way on both sides.
 */
import type { ParameterSpec } from '../cuda/parameters.ts';
import * as work from '../work.ts';
import {
  EPSILON,
  LSTM,
  NET_LEARNING_RATE,
  RESNET18,
  RESNET18_BLOCKS,
  RESNET20,
  RESNET20_BLOCKS,
  TABLES,
  TRANSFORMER,
} from './tables.ts';

const zeros = (name: string, size: number): ParameterSpec => ({
  name,
  shape: [size],
  fill: 'zeros',
  scale: 1,
});

/** Weights as `work.weightOf` and `work.kernelOf` make them. */
const weight = (name: string, shape: readonly number[], inputs: number): ParameterSpec => ({
  name,
  shape,
  fill: 'normal',
  scale: Math.sqrt(2 / inputs),
});

const denseLayers = (layers: readonly work.DenseSpec[]): ParameterSpec[] =>
  layers.flatMap(({ name, inputs, outputs }) => [
    weight(name, [outputs, inputs], inputs),
    zeros(`${name}.bias`, outputs),
  ]);

const lenet: readonly ParameterSpec[] = [
  ...work.LENET.conv.flatMap(({ name, inputs, outputs, kernel }) => [
    weight(name, [outputs, inputs, kernel, kernel], inputs * kernel ** 2),
    zeros(`${name}.bias`, outputs),
  ]),
  ...denseLayers(work.LENET.dense),
];

export const cpuSpec: object = {
  rows: 'cpu',
  sizes: {
    matmul: work.MATMUL_SIZES,
    chain: work.CHAIN_SIZE,
    rows: work.ROWS,
    tiny: work.TINY,
    bookForwards: work.BOOK_FORWARDS,
    batch: work.BATCH,
    resnet18: { ...RESNET18, blocks: RESNET18_BLOCKS },
    resnet20: { ...RESNET20, blocks: RESNET20_BLOCKS },
    lstm: LSTM,
    transformer: TRANSFORMER,
    epsilon: EPSILON,
    learningRate: work.LEARNING_RATE,
    netLearningRate: NET_LEARNING_RATE,
  },
  models: { ...TABLES, book: denseLayers(work.BOOK_NET), mlp: denseLayers(work.MLP), lenet },
};
