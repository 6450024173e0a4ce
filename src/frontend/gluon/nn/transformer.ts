/**
 * Transformers: attention and dense layers with residual connections, in stacks.
 *
 * Invariant: arrays are [batch, positions, units]; each part adds to what goes around it, with a norm after the sum
 * (default) or before the part (`normFirst`).
 */
import type { NDArray } from '../../methods.ts';
import { checkOptions } from '../../options.ts';
import { HybridBlock } from '../block.ts';
import { MultiHeadAttention } from './attention.ts';
import { Dense, Dropout } from './basic.ts';
import { LayerNorm } from './norm.ts';
import { type ActivationName, count, expectRank } from './shared.ts';

export interface TransformerOptions {
  /** Of the dense layers between. Default 4 · units. */
  readonly hiddenSize?: number;
  /** After attention weights, hidden layers and parts. Default 0. */
  readonly dropout?: number;
  /** Default 'relu'. */
  readonly activation?: ActivationName;
  /** Normalize before each part, not after its sum. Default false. */
  readonly normFirst?: boolean;
  /** Of the norms. Default 1e-5. */
  readonly epsilon?: number;
  /** Of attention and dense layers. Default true. */
  readonly useBias?: boolean;
  /** Position i sees positions 0 to i only. Default: false for encoders, true for decoders. */
  readonly causal?: boolean;
  /** Turn queries and keys of self-attention by their positions. Default false. */
  readonly rotary?: boolean;
}
const KNOWN = [
  'hiddenSize',
  'dropout',
  'activation',
  'normFirst',
  'epsilon',
  'useBias',
  'causal',
  'rotary',
] as const;

const FORM = '[batch, positions, units]';

/** Two dense layers at each position. */
class Feedforward extends HybridBlock {
  readonly hidden: Dense;
  readonly drop: Dropout;
  readonly output: Dense;

  constructor(units: number, options: TransformerOptions) {
    super();
    const { hiddenSize = 4 * units, activation = 'relu', useBias = true } = options;
    this.hidden = new Dense(hiddenSize, { flatten: false, activation, useBias, inUnits: units });
    this.drop = new Dropout(options.dropout ?? 0);
    this.output = new Dense(units, { flatten: false, useBias, inUnits: hiddenSize });
  }

  override forward(x: NDArray): NDArray {
    return this.output(this.drop(this.hidden(x)));
  }
}

/** What layers have in common: options, and how a part is added. */
abstract class TransformerLayer extends HybridBlock {
  readonly normFirst: boolean;
  readonly drop: Dropout;
  protected readonly options: TransformerOptions;

  constructor(name: string, units: number, options: TransformerOptions) {
    super();
    checkOptions(name, options, KNOWN);
    count(name, 'units', units);
    this.options = options;
    this.normFirst = options.normFirst ?? false;
    this.drop = new Dropout(options.dropout ?? 0);
  }

  protected attention(
    units: number,
    heads: number,
    isSelf: boolean,
    causal: boolean,
  ): MultiHeadAttention {
    const { dropout = 0, useBias = true, rotary = false } = this.options;
    const sizes = { inUnits: units, ...(isSelf ? { keyUnits: units, valueUnits: units } : {}) };
    return new MultiHeadAttention(units, heads, {
      ...sizes,
      dropout,
      useBias,
      causal,
      rotary: rotary && isSelf,
    });
  }

  protected norm(units: number): LayerNorm {
    return new LayerNorm({ epsilon: this.options.epsilon ?? 1e-5, inChannels: units });
  }

  /** `x` and what `part` makes of it, with the norm where it belongs. */
  protected residual(x: NDArray, norm: LayerNorm, part: (x: NDArray) => NDArray): NDArray {
    return this.normFirst ? x.add(this.drop(part(norm(x)))) : norm(x.add(this.drop(part(x))));
  }
}

/**
 * Self-attention, then two dense layers, each with a residual connection and a norm. (Vaswani et al., NIPS 2017, §3.1.)
 *
 * x [batch, positions, units] → the same shape; `mask`: bool [batch, positions] (positions that count), or as for
 * {@link MultiHeadAttention}.
 *
 * Parameters are float32 unless cast; the result has the promoted dtype of input and parameters.
 *
 * @throws {OptionError} unless `units` divide into `heads`; for unknown options
 * @throws {ShapeError} unless the input is [batch, positions, units]; for masks that do not stretch
 * @throws {DTypeError} for a mask that is not bool
 *
 * @example
 * const layer = new nn.TransformerEncoderLayer(8, 2, { dropout: 0.1, normFirst: true });
 * layer.initialize();
 * layer(nd.ones([4, 5, 8])).shape;   // [4, 5, 8]
 */
export class TransformerEncoderLayer extends TransformerLayer {
  readonly selfAttention: MultiHeadAttention;
  readonly attentionNorm: LayerNorm;
  readonly feedforward: Feedforward;
  readonly feedforwardNorm: LayerNorm;

  constructor(units: number, heads: number, options: TransformerOptions = {}) {
    super('TransformerEncoderLayer', units, options);
    this.selfAttention = this.attention(units, heads, true, options.causal ?? false);
    this.attentionNorm = this.norm(units);
    this.feedforward = new Feedforward(units, options);
    this.feedforwardNorm = this.norm(units);
  }

  override forward(x: NDArray, mask?: NDArray): NDArray {
    expectRank('TransformerEncoderLayer', x, 3, FORM);
    const y = this.residual(x, this.attentionNorm, (q) => this.selfAttention(q, q, q, mask));
    return this.residual(y, this.feedforwardNorm, (h) => this.feedforward(h));
  }
}

/**
 * Causal self-attention, attention to what an encoder made, then two dense layers, each with a residual connection and
 * a norm. (Vaswani et al., NIPS 2017, §3.1.)
 *
 * x [batch, positions, units], memory [batch, places, features] → the shape of x; `mask` is for self-attention,
 * `memoryMask` for the memory (bool [batch, places]: places that count).
 *
 * Parameters and dtypes are as for {@link TransformerEncoderLayer}.
 *
 * @throws {OptionError} unless `units` divide into `heads`; for unknown options
 * @throws {ValueError} without a memory
 * @throws {ShapeError} for arrays without three axes, a memory of another batch or with other features than at first,
 *   masks that do not stretch
 * @throws {DTypeError} for a mask that is not bool
 *
 * @example
 * const layer = new nn.TransformerDecoderLayer(8, 2);
 * layer.initialize();
 * layer(nd.ones([4, 5, 8]), nd.ones([4, 7, 8])).shape;   // [4, 5, 8]
 */
export class TransformerDecoderLayer extends TransformerLayer {
  readonly selfAttention: MultiHeadAttention;
  readonly attentionNorm: LayerNorm;
  readonly crossAttention: MultiHeadAttention;
  readonly crossNorm: LayerNorm;
  readonly feedforward: Feedforward;
  readonly feedforwardNorm: LayerNorm;

  constructor(units: number, heads: number, options: TransformerOptions = {}) {
    super('TransformerDecoderLayer', units, options);
    this.selfAttention = this.attention(units, heads, true, options.causal ?? true);
    this.attentionNorm = this.norm(units);
    this.crossAttention = this.attention(units, heads, false, false);
    this.crossNorm = this.norm(units);
    this.feedforward = new Feedforward(units, options);
    this.feedforwardNorm = this.norm(units);
  }

  override forward(x: NDArray, memory: NDArray, mask?: NDArray, memoryMask?: NDArray): NDArray {
    expectRank('TransformerDecoderLayer', x, 3, FORM);
    expectRank('TransformerDecoderLayer', memory, 3, '[batch, places, features]', 'the memory');
    const y = this.residual(x, this.attentionNorm, (q) => this.selfAttention(q, q, q, mask));
    const z = this.residual(y, this.crossNorm, (q) =>
      this.crossAttention(q, memory, memory, memoryMask),
    );
    return this.residual(z, this.feedforwardNorm, (h) => this.feedforward(h));
  }
}

const finalNorm = (units: number, options: TransformerOptions): LayerNorm | undefined =>
  options.normFirst === true
    ? new LayerNorm({ epsilon: options.epsilon ?? 1e-5, inChannels: units })
    : undefined;

/**
 * A stack of {@link TransformerEncoderLayer}s; with `normFirst`, a norm at the end.
 *
 * x [batch, positions, units] → the same shape; arguments, dtypes and errors of its layers.
 *
 * @throws {OptionError} unless `numLayers` is an integer ≥ 1, and as its layers
 * @throws {ShapeError | DTypeError} as its layers
 *
 * @example
 * const encoder = new nn.TransformerEncoder(2, 8, 2);
 * encoder.initialize();
 * encoder(nd.ones([4, 5, 8])).shape;   // [4, 5, 8]
 */
export class TransformerEncoder extends HybridBlock {
  readonly layers: readonly TransformerEncoderLayer[];
  readonly norm: LayerNorm | undefined;

  constructor(numLayers: number, units: number, heads: number, options: TransformerOptions = {}) {
    super();
    const length = count('TransformerEncoder', 'numLayers', numLayers);
    this.layers = Array.from({ length }, () => new TransformerEncoderLayer(units, heads, options));
    this.norm = finalNorm(units, options);
  }

  override forward(x: NDArray, mask?: NDArray): NDArray {
    const y = this.layers.reduce((h, layer) => layer(h, mask), x);
    return this.norm === undefined ? y : this.norm(y);
  }
}

/**
 * A stack of {@link TransformerDecoderLayer}s that all attend to the same memory; with `normFirst`, a norm at the end.
 *
 * x [batch, positions, units], memory [batch, places, features] → the shape of x; arguments, dtypes and errors of its
 * layers.
 *
 * @throws {OptionError} unless `numLayers` is an integer ≥ 1, and as its layers
 * @throws {ValueError | ShapeError | DTypeError} as its layers
 *
 * @example
 * const decoder = new nn.TransformerDecoder(2, 8, 2, { activation: 'gelu' });
 * decoder.initialize();
 * decoder(nd.ones([4, 5, 8]), nd.ones([4, 7, 8])).shape;   // [4, 5, 8]
 */
export class TransformerDecoder extends HybridBlock {
  readonly layers: readonly TransformerDecoderLayer[];
  readonly norm: LayerNorm | undefined;

  constructor(numLayers: number, units: number, heads: number, options: TransformerOptions = {}) {
    super();
    const length = count('TransformerDecoder', 'numLayers', numLayers);
    this.layers = Array.from({ length }, () => new TransformerDecoderLayer(units, heads, options));
    this.norm = finalNorm(units, options);
  }

  override forward(x: NDArray, memory: NDArray, mask?: NDArray, memoryMask?: NDArray): NDArray {
    const y = this.layers.reduce((h, layer) => layer(h, memory, mask, memoryMask), x);
    return this.norm === undefined ? y : this.norm(y);
  }
}
