/**
 * Attention with several heads.
 *
 * Invariant: arrays are [batch, positions, features]; masks are true where a query may attend to a key; a query that may
 * attend to nothing mixes nothing (its result is the output layer's bias).
 */
import { showType } from '../../../ir/type.ts';
import { isTraining } from '../../autograd.ts';
import { failure } from '../../callsite.ts';
import type { NDArray } from '../../methods.ts';
import { scaledDotProductAttention } from '../../nd/attention.ts';
import { attentionWeights } from '../../nd/attention-weights.ts';
import { reshape, transpose } from '../../nd/shape.ts';
import { checkOptions } from '../../options.ts';
import { HybridBlock } from '../block.ts';
import type { InitializerLike } from '../init.ts';
import { Dense } from './basic.ts';
import { RotaryEmbedding } from './position.ts';
import { count, expectArray, expectRank, rate } from './shared.ts';

export interface MultiHeadAttentionOptions {
  /** Share of the weights of keys that are set to 0 in training. Default 0. */
  readonly dropout?: number;
  /** Of the four dense layers. Default true. */
  readonly useBias?: boolean;
  /** Query i attends to keys 0 to i only. Default false. */
  readonly causal?: boolean;
  /** Turn queries and keys by their positions, see {@link RotaryEmbedding}. Default false. */
  readonly rotary?: boolean;
  /** Features of queries. Default: learnt from the first call. */
  readonly inUnits?: number;
  /** Features of keys. Default: learnt from the first call. */
  readonly keyUnits?: number;
  /** Features of values. Default: learnt from the first call. */
  readonly valueUnits?: number;
  /** Default: what `initialize` is told. */
  readonly weightInit?: InitializerLike;
}
const KNOWN = [
  'dropout',
  'useBias',
  'causal',
  'rotary',
  'inUnits',
  'keyUnits',
  'valueUnits',
  'weightInit',
] as const;

const FORM = '[batch, positions, features]';

/**
 * Attention of queries to keys, `heads` times in parallel: each head attends with `units / heads` features of its own.
 * (Vaswani et al., "Attention is all you need", NIPS 2017, §3.2.)
 *
 * query [batch, Tq, ...] → [batch, Tq, units]; key [batch, Tk, ...] (default: the query); value [batch, Tk, ...]
 * (default: the key); `mask`: bool [batch, Tk] (keys that count), [batch, Tq, Tk] or [batch, heads, Tq, Tk], sizes of 1
 * stretch. Children `query`, `key`, `value`, `output`: dense layers, each with `weight` [units, features] and `bias`
 * [units].
 *
 * Parameters are float32 unless cast; the result has the promoted dtype of arrays and parameters.
 *
 * @throws {OptionError} unless `units` divide into `heads`
 * @throws {ValueError} unless 0 ≤ dropout < 1; for anything but arrays
 * @throws {ShapeError} for arrays without three axes, other sizes than the parameters were made for, batches that
 *   differ, values without a position for each key, masks that do not stretch
 * @throws {DTypeError} for a mask that is not bool
 *
 * @example
 * const attention = new nn.MultiHeadAttention(8, 2);
 * attention.initialize();
 * attention(nd.ones([4, 5, 8])).shape;                       // [4, 5, 8]
 * attention(nd.ones([4, 3, 8]), nd.ones([4, 7, 8])).shape;   // [4, 3, 8]
 */
export class MultiHeadAttention extends HybridBlock {
  readonly query: Dense;
  readonly key: Dense;
  readonly value: Dense;
  readonly output: Dense;
  readonly units: number;
  readonly heads: number;
  readonly causal: boolean;
  readonly dropout: number;
  readonly rotary: RotaryEmbedding | undefined;

  constructor(units: number, heads: number, options: MultiHeadAttentionOptions = {}) {
    super();
    const name = 'MultiHeadAttention';
    checkOptions(name, options, KNOWN);
    this.units = count(name, 'units', units);
    this.heads = count(name, 'heads', heads);
    if (units % heads !== 0)
      throw failure('option', `${name}: ${units} units do not divide into ${heads} heads`);
    const { useBias = true, weightInit } = options;
    this.dropout = rate(name, 'dropout', options.dropout ?? 0);
    this.causal = options.causal ?? false;
    this.rotary = options.rotary === true ? new RotaryEmbedding() : undefined;
    const dense = (inUnits = 0): Dense =>
      new Dense(units, {
        flatten: false,
        useBias,
        inUnits,
        ...(weightInit === undefined ? {} : { weightInit }),
      });
    this.query = dense(options.inUnits);
    this.key = dense(options.keyUnits);
    this.value = dense(options.valueUnits);
    this.output = dense(units);
  }

  override forward(
    query: NDArray,
    key: NDArray = query,
    value: NDArray = key,
    mask?: NDArray,
  ): NDArray {
    const [q, k] = this.#ends(query, key);
    const v = this.#split(this.value, value);
    const shares = { mask: this.#wide(mask), causal: this.causal };
    const dropped = isTraining() ? this.dropout : 0;
    const mixed = scaledDotProductAttention(q, k, v, { ...shares, dropout: dropped });
    const [batch, , positions] = mixed.shape as [number, number, number];
    return this.output(reshape(transpose(mixed, [0, 2, 1, 3]), [batch, positions, this.units]));
  }

  /**
   * The shares of keys for each query, to look at: [batch, heads, Tq, Tk]. Arguments as of a call, without dropout.
   * The dtype is that of a call.
   *
   * @throws {ShapeError | DTypeError} as a call
   */
  weights(query: NDArray, key: NDArray = query, mask?: NDArray): NDArray {
    const [q, k] = this.#ends(query, key);
    return attentionWeights(q, k, { mask: this.#wide(mask), causal: this.causal });
  }

  #ends(query: NDArray, key: NDArray): [NDArray, NDArray] {
    const ends = [this.#split(this.query, query), this.#split(this.key, key)] as const;
    const { rotary } = this;
    return rotary === undefined ? [...ends] : [rotary(ends[0]), rotary(ends[1])];
  }

  /** [batch, positions, features] → [batch, heads, positions, features of a head]. */
  #split(dense: Dense, x: NDArray): NDArray {
    expectRank('MultiHeadAttention', x, 3, FORM);
    const { heads, units } = this;
    const [batch, positions] = x.shape as [number, number, number];
    return transpose(reshape(dense(x), [batch, positions, heads, units / heads]), [0, 2, 1, 3]);
  }

  /** The mask with an axis for heads. */
  #wide(mask: NDArray | undefined): NDArray | undefined {
    if (mask === undefined) return undefined;
    expectArray('MultiHeadAttention', mask, 'the mask');
    if (mask.ndim === 4) return mask;
    if (mask.ndim === 3) return mask.expandDims(1);
    if (mask.ndim === 2) return mask.expandDims(1).expandDims(1);
    throw failure(
      'shape',
      `MultiHeadAttention: the mask is ${showType(mask.type)}`,
      'pass [batch, keys], [batch, queries, keys] or [batch, heads, queries, keys]',
    );
  }
}
