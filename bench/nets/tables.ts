/**
 * The nets whose rows go beyond dense layers and LeNet: sizes, and parameters by name, which all subjects fill with the
 * same numbers.
 *
 * Invariant: a table is in the order in which Tigon's net of `tigon/nets.ts` lists its parameters.
 */
import { conv, dense, norm, normal, type ParameterSpec, parametersOf } from '../cuda/parameters.ts';
import { sizesFor } from '../cuda/sizes.ts';

/** ResNet-18 on one photograph (He et al. 2016, table 1). */
export const RESNET18 = {
  batch: 1,
  side: 224,
  widths: [64, 128, 256, 512],
  classes: 1000,
} as const;
/** ResNet-20 on CIFAR (§4.2, with projections). */
export const RESNET20 = { batch: 32, side: 32, blocks: 3, width: 16, classes: 10 } as const;
export const LSTM = { steps: 35, batch: 32, inputs: 256, hidden: 256 } as const;
/** One encoder layer, its norms behind the sums, relu between its dense layers (Vaswani et al. 2017). */
export const TRANSFORMER = { batch: 4, length: 128, width: 256, heads: 8, hidden: 1024 } as const;
export const EPSILON = 1e-5;
export const NET_LEARNING_RATE = 0.01;

/** A residual block: two convolutions of 3 × 3 and, where it gets narrower, a third of 1 × 1 beside them. */
export interface ResidualSpec {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
}

const stages = (name: string, widths: readonly number[], blocks: number): ResidualSpec[] =>
  widths.flatMap((outputs, stage) =>
    Array.from({ length: blocks }, (_, i) => ({
      name: `${name}.${stage}.${i}`,
      inputs: i > 0 || stage === 0 ? outputs : widths[stage - 1]!,
      outputs,
    })),
  );

export const RESNET18_BLOCKS: readonly ResidualSpec[] = stages('resnet18', RESNET18.widths, 2);
export const RESNET20_BLOCKS: readonly ResidualSpec[] = stages(
  'resnet',
  [1, 2, 4].map((times) => times * RESNET20.width),
  RESNET20.blocks,
);

const convNorm = (
  name: string,
  inputs: number,
  outputs: number,
  kernel: number,
): ParameterSpec[] => [conv(name, inputs, outputs, kernel), ...norm(name, outputs)];

const residual = ({ name, inputs, outputs }: ResidualSpec): ParameterSpec[] => [
  ...convNorm(`${name}.first`, inputs, outputs, 3),
  ...convNorm(`${name}.second`, outputs, outputs, 3),
  ...(inputs === outputs ? [] : convNorm(`${name}.shortcut`, inputs, outputs, 1)),
];

const zeros = (name: string, size: number): ParameterSpec => ({
  name,
  shape: [size],
  fill: 'zeros',
  scale: 1,
});

const { width, hidden } = TRANSFORMER;
const gates = 4 * LSTM.hidden;

export type NetName = 'resnet18' | 'resnet20' | 'lstm' | 'transformer';

export const TABLES: Readonly<Record<NetName, readonly ParameterSpec[]>> = {
  resnet18: [
    ...convNorm('resnet18.stem', 3, RESNET18.widths[0], 7),
    ...RESNET18_BLOCKS.flatMap(residual),
    ...dense('resnet18.head', RESNET18.widths[3], RESNET18.classes),
  ],
  resnet20: parametersOf({ ...sizesFor(false), resnet: RESNET20 }).resnet,
  lstm: [
    normal('lstm.input', [gates, LSTM.inputs], LSTM.inputs),
    normal('lstm.hidden', [gates, LSTM.hidden], LSTM.hidden),
    zeros('lstm.input.bias', gates),
    zeros('lstm.hidden.bias', gates),
  ],
  transformer: [
    ...['query', 'key', 'value', 'output'].flatMap((name) =>
      dense(`transformer.${name}`, width, width),
    ),
    ...norm('transformer.norm1', width),
    ...dense('transformer.up', width, hidden),
    ...dense('transformer.down', hidden, width),
    ...norm('transformer.norm2', width),
  ],
};
