/**
 * The nets of the rows, written as users write them: a multilayer perceptron, LeNet, ResNet for CIFAR (He et al. 2016,
 * §4.2, with projections), an LSTM and GPT-2 (Radford et al. 2019; pre-norm, tied embedding).
 *
 * Invariant: `fill` gives every parameter the numbers of its table, and fails where shapes differ.
 */
import { HybridBlock, nd, Parameter } from 'tigon';
import * as nn from 'tigon/nn';
import { values } from '../work.ts';
import { type ParameterSpec, residualBlocks } from './parameters.ts';
import type { Sizes } from './sizes.ts';

/** A net of one array. */
export type Net = HybridBlock & ((x: nd.NDArray) => nd.NDArray);

/** Initializes a net with the numbers of the table. */
export const fill = (net: HybridBlock, table: readonly ParameterSpec[]): void => {
  net.initialize();
  const own = [...net.parameters()].filter((p) => p.gradReq !== 'null');
  if (own.length !== table.length)
    throw new Error(`the net has ${own.length} parameters, its table ${table.length}`);
  own.forEach((parameter, i) => {
    const { name, shape, fill: kind, scale } = table[i]!;
    parameter.infer(shape);
    const size = shape.reduce((a, b) => a * b, 1);
    const data =
      kind === 'normal'
        ? values(name, size, scale)
        : new Float32Array(size).fill(kind === 'ones' ? 1 : 0);
    parameter.setData(nd.array(data, { shape, dtype: parameter.dtype }));
  });
};

export const mlp = ({ widths }: Sizes['mlp']): Net =>
  new nn.HybridSequential(
    ...widths.slice(1).map(
      (units, i) =>
        new nn.Dense(units, {
          inUnits: widths[i]!,
          ...(i < widths.length - 2 ? { activation: 'relu' as const } : {}),
        }),
    ),
  );

/** LeNet, with so many units in the dense layer before its last one. */
export const lenetOf = (hidden: number): Net =>
  new nn.HybridSequential(
    new nn.Conv2D(20, 5, { activation: 'relu', inChannels: 1 }),
    new nn.MaxPool2D(2),
    new nn.Conv2D(50, 5, { activation: 'relu', inChannels: 20 }),
    new nn.MaxPool2D(2),
    new nn.Flatten(),
    new nn.Dense(hidden, { activation: 'relu', inUnits: 800 }),
    new nn.Dense(10, { inUnits: hidden }),
  );

export const lenet = (): Net => lenetOf(128);

/** A convolution without bias and its batch norm. */
export class ConvNorm extends HybridBlock {
  readonly conv: nn.Conv2D;
  readonly norm: nn.BatchNorm;
  constructor(inputs: number, outputs: number, kernel: number, strides: number) {
    super();
    const padding = (kernel - 1) / 2;
    const options = { strides, padding, useBias: false, inChannels: inputs };
    this.conv = new nn.Conv2D(outputs, kernel, options);
    this.norm = new nn.BatchNorm({ inChannels: outputs });
  }
  override forward(x: nd.NDArray): nd.NDArray {
    return this.norm(this.conv(x));
  }
}

export class Residual extends HybridBlock {
  readonly first: ConvNorm;
  readonly second: ConvNorm;
  readonly shortcut: ConvNorm | undefined;
  constructor(inputs: number, outputs: number) {
    super();
    const strides = inputs === outputs ? 1 : 2;
    this.first = new ConvNorm(inputs, outputs, 3, strides);
    this.second = new ConvNorm(outputs, outputs, 3, 1);
    this.shortcut = strides === 1 ? undefined : new ConvNorm(inputs, outputs, 1, strides);
  }
  override forward(x: nd.NDArray): nd.NDArray {
    const y = this.second(this.first(x).relu());
    return y.add(this.shortcut === undefined ? x : this.shortcut(x)).relu();
  }
}

class Stem extends HybridBlock {
  readonly body: ConvNorm;
  constructor(width: number) {
    super();
    this.body = new ConvNorm(3, width, 3, 1);
  }
  override forward(x: nd.NDArray): nd.NDArray {
    return this.body(x).relu();
  }
}

export const resnet = (size: Sizes['resnet']): Net =>
  new nn.HybridSequential(
    new Stem(size.width),
    ...residualBlocks(size).map(({ inputs, outputs }) => new Residual(inputs, outputs)),
    new nn.GlobalAvgPool2D(),
    new nn.Flatten(),
    new nn.Dense(10, { inUnits: 4 * size.width }),
  );

/** One layer over [steps, batch, inputs]; the last hidden state is classified. Gates: input, forget, cell, output. */
class Lstm extends HybridBlock {
  readonly input: Parameter;
  readonly hidden: Parameter;
  readonly bias: Parameter;
  readonly head: nn.Dense;
  readonly size: Sizes['lstm'];
  constructor(size: Sizes['lstm']) {
    super();
    const { inputs, hidden } = size;
    this.size = size;
    this.input = new Parameter({ shape: [4 * hidden, inputs] });
    this.hidden = new Parameter({ shape: [4 * hidden, hidden] });
    this.bias = new Parameter({ shape: [4 * hidden], init: 'zeros' });
    this.head = new nn.Dense(10, { inUnits: hidden });
  }
  override forward(x: nd.NDArray): nd.NDArray {
    const { steps, batch, hidden } = this.size;
    // the inputs of all steps in one product
    const inputs = x.matmul(this.input.data().transpose()).add(this.bias.data());
    let h = nd.zeros([batch, hidden]);
    let c = nd.zeros([batch, hidden]);
    for (let t = 0; t < steps; t++) {
      const gates = inputs.at(t).add(h.matmul(this.hidden.data().transpose()));
      const [i, f, g, o] = nd.split(gates, 4, 1);
      c = f!.sigmoid().mul(c).add(i!.sigmoid().mul(g!.tanh()));
      h = o!.sigmoid().mul(c.tanh());
    }
    return this.head(h);
  }
}
export const lstm = (size: Sizes['lstm']): Net => new Lstm(size);

class Layer extends HybridBlock {
  readonly norm1: nn.LayerNorm;
  readonly qkv: nn.Dense;
  readonly project: nn.Dense;
  readonly norm2: nn.LayerNorm;
  readonly up: nn.Dense;
  readonly down: nn.Dense;
  readonly heads: number;
  constructor(width: number, heads: number) {
    super();
    const dense = (inUnits: number, units: number): nn.Dense =>
      new nn.Dense(units, { inUnits, flatten: false });
    this.heads = heads;
    this.norm1 = new nn.LayerNorm({ inChannels: width });
    this.qkv = dense(width, 3 * width);
    this.project = dense(width, width);
    this.norm2 = new nn.LayerNorm({ inChannels: width });
    this.up = dense(width, 4 * width);
    this.down = dense(4 * width, width);
  }
  override forward(x: nd.NDArray): nd.NDArray {
    const [batch, length, width] = x.shape as [number, number, number];
    const { heads } = this;
    const apart = (y: nd.NDArray): nd.NDArray =>
      y.reshape([batch, length, heads, width / heads]).transpose([0, 2, 1, 3]);
    const [q, k, v] = nd.split(this.qkv(this.norm1(x)), 3, 2);
    const seen = nd.scaledDotProductAttention(apart(q!), apart(k!), apart(v!), { causal: true });
    const y = x.add(this.project(seen.transpose([0, 2, 1, 3]).reshape([batch, length, width])));
    return y.add(this.down(this.up(this.norm2(y)).gelu()));
  }
}

class Gpt extends HybridBlock {
  readonly words: Parameter;
  readonly places: Parameter;
  readonly layers: nn.HybridSequential;
  readonly norm: nn.LayerNorm;
  constructor({ vocabulary, length, width, heads, layers }: Sizes['gpt']) {
    super();
    this.words = new Parameter({ shape: [vocabulary, width] });
    this.places = new Parameter({ shape: [length, width] });
    this.layers = new nn.HybridSequential(
      ...Array.from({ length: layers }, () => new Layer(width, heads)),
    );
    this.norm = new nn.LayerNorm({ inChannels: width });
  }
  /** Scores of every word at every place, [batch, length, vocabulary]; the embedding is also the last layer. */
  override forward(tokens: nd.NDArray): nd.NDArray {
    const x = nd.take(this.words.data(), tokens).add(this.places.data());
    return this.norm(this.layers(x)).matmul(this.words.data().transpose());
  }
}
export const gpt = (size: Sizes['gpt']): Net => new Gpt(size);
