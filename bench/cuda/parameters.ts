/**
 * The parameters of the nets, by name: both sides fill them with the same numbers.
 *
 * Invariant: a table is in the order in which the net of `models.ts` lists its parameters.
 */
import type { Sizes } from './sizes.ts';

/** `scale` times normal numbers that follow from the name; or all alike. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly fill: 'normal' | 'zeros' | 'ones';
  readonly scale: number;
}

export const normal = (name: string, shape: readonly number[], inputs: number): ParameterSpec => ({
  name,
  shape,
  fill: 'normal',
  scale: Math.sqrt(1 / inputs),
});
const all = (fill: 'zeros' | 'ones', name: string, size: number): ParameterSpec => ({
  name,
  shape: [size],
  fill,
  scale: 1,
});
export const dense = (name: string, inputs: number, outputs: number): ParameterSpec[] => [
  normal(`${name}.weight`, [outputs, inputs], inputs),
  all('zeros', `${name}.bias`, outputs),
];
export const norm = (name: string, size: number): ParameterSpec[] => [
  all('ones', `${name}.gamma`, size),
  all('zeros', `${name}.beta`, size),
];
export const conv = (
  name: string,
  inputs: number,
  outputs: number,
  kernel: number,
): ParameterSpec =>
  normal(`${name}.weight`, [outputs, inputs, kernel, kernel], inputs * kernel ** 2);

const mlp = ({ widths }: Sizes['mlp']): ParameterSpec[] =>
  widths.slice(1).flatMap((width, i) => dense(`mlp.${i}`, widths[i]!, width));

const lenet = (): ParameterSpec[] => [
  conv('lenet.0', 1, 20, 5),
  all('zeros', 'lenet.0.bias', 20),
  conv('lenet.1', 20, 50, 5),
  all('zeros', 'lenet.1.bias', 50),
  ...dense('lenet.2', 800, 128),
  ...dense('lenet.3', 128, 10),
];

/** The blocks of a residual net: channels in and out. */
export const residualBlocks = ({
  blocks,
  width,
}: Sizes['resnet']): readonly {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
}[] =>
  [1, 2, 4].flatMap((times, stage) =>
    Array.from({ length: blocks }, (_, i) => ({
      name: `resnet.${stage}.${i}`,
      inputs: width * (stage > 0 && i === 0 ? times / 2 : times),
      outputs: width * times,
    })),
  );

const resnet = (size: Sizes['resnet']): ParameterSpec[] => [
  conv('resnet.stem', 3, size.width, 3),
  ...norm('resnet.stem', size.width),
  ...residualBlocks(size).flatMap(({ name, inputs, outputs }) => [
    conv(`${name}.first`, inputs, outputs, 3),
    ...norm(`${name}.first`, outputs),
    conv(`${name}.second`, outputs, outputs, 3),
    ...norm(`${name}.second`, outputs),
    ...(inputs === outputs
      ? []
      : [conv(`${name}.shortcut`, inputs, outputs, 1), ...norm(`${name}.shortcut`, outputs)]),
  ]),
  ...dense('resnet.head', 4 * size.width, 10),
];

const lstm = ({ inputs, hidden }: Sizes['lstm']): ParameterSpec[] => [
  normal('lstm.input', [4 * hidden, inputs], inputs),
  normal('lstm.hidden', [4 * hidden, hidden], hidden),
  all('zeros', 'lstm.bias', 4 * hidden),
  ...dense('lstm.head', hidden, 10),
];

const gpt = ({ vocabulary, length, width, layers }: Sizes['gpt']): ParameterSpec[] => [
  { ...normal('gpt.words', [vocabulary, width], 1), scale: 0.02 },
  { ...normal('gpt.places', [length, width], 1), scale: 0.02 },
  ...Array.from({ length: layers }, (_, i) => `gpt.${i}`).flatMap((name) => [
    ...norm(`${name}.norm1`, width),
    ...dense(`${name}.qkv`, width, 3 * width),
    ...dense(`${name}.project`, width, width),
    ...norm(`${name}.norm2`, width),
    ...dense(`${name}.up`, width, 4 * width),
    ...dense(`${name}.down`, 4 * width, width),
  ]),
  ...norm('gpt.norm', width),
];

export type ModelName = 'mlp' | 'lenet' | 'resnet' | 'lstm' | 'gpt';

export const parametersOf = (
  sizes: Sizes,
): Readonly<Record<ModelName, readonly ParameterSpec[]>> => ({
  mlp: mlp(sizes.mlp),
  lenet: lenet(),
  resnet: resnet(sizes.resnet),
  lstm: lstm(sizes.lstm),
  gpt: gpt(sizes.gpt),
});

/** All that the other side has to know. */
export const specOf = (sizes: Sizes): object => ({
  rows: 'cuda',
  sizes,
  models: parametersOf(sizes),
});
