/**
 * Layers that tell attention where things are.
 *
 * Invariant: nothing is learnt; arrays of any length are taken.
 */
import { inName } from '../../callsite.ts';
import type { NDArray } from '../../methods.ts';
import { rotaryEmbedding, sinusoidalEncoding } from '../../nd/position.ts';
import { checkOptions } from '../../options.ts';
import { HybridBlock } from '../block.ts';
import { expectArray } from './shared.ts';

export interface SinusoidalOptions {
  /** Wavelengths go from 2π to 2π · base. Default 10000. */
  readonly base?: number;
}

/**
 * Adds waves of different lengths to features, by position: [..., positions, features]. (Vaswani et al., "Attention is
 * all you need", NIPS 2017, §3.5.) A second argument is the position of the first element.
 *
 * The shape stays; floats stay (waves are computed in that dtype or better), integers and booleans give float32.
 *
 * @throws {ShapeError} with fewer than two axes, or an odd number of features
 * @throws {OptionError} unless the position is an integer and `base` > 0
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * const encode = new nn.SinusoidalPositionalEncoding();
 * encode(nd.zeros([2, 2]));      // [[0, 1], [0.8415, 0.5403]]
 * encode(nd.zeros([1, 2]), 1);   // [[0.8415, 0.5403]]
 */
export class SinusoidalPositionalEncoding extends HybridBlock {
  readonly base: number;
  constructor(options: SinusoidalOptions = {}) {
    super();
    checkOptions('SinusoidalPositionalEncoding', options, ['base']);
    this.base = options.base ?? 10000;
  }
  override forward(x: NDArray, start = 0): NDArray {
    expectArray('SinusoidalPositionalEncoding', x);
    return inName('SinusoidalPositionalEncoding', 'sinusoidalEncoding', () =>
      sinusoidalEncoding(x, { start, base: this.base }),
    );
  }
}

export interface RotaryEmbeddingOptions extends SinusoidalOptions {
  /** Features 2i and 2i + 1 are a pair; false: i and i + features / 2. Default false. */
  readonly interleaved?: boolean;
}

/**
 * Turns pairs of features of queries or keys by angles that grow with the position: [..., positions, features]. (Su et
 * al., "RoFormer", 2021.) A second argument is the position of the first element.
 *
 * The shape stays; floats stay, integers and booleans give float32.
 *
 * @throws {ShapeError} with fewer than two axes, or an odd number of features
 * @throws {OptionError} unless the position is an integer and `base` > 0
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.RotaryEmbedding()(nd.array([[1, 0], [1, 0]]));   // [[1, 0], [0.5403, 0.8415]]
 */
export class RotaryEmbedding extends HybridBlock {
  readonly base: number;
  readonly interleaved: boolean;
  constructor(options: RotaryEmbeddingOptions = {}) {
    super();
    checkOptions('RotaryEmbedding', options, ['base', 'interleaved']);
    this.base = options.base ?? 10000;
    this.interleaved = options.interleaved ?? false;
  }
  override forward(x: NDArray, start = 0): NDArray {
    expectArray('RotaryEmbedding', x);
    return inName('RotaryEmbedding', 'rotaryEmbedding', () =>
      rotaryEmbedding(x, { start, base: this.base, interleaved: this.interleaved }),
    );
  }
}
