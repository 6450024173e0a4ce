/**
 * Layers that are not about images: dense products, dropout, embeddings, reshaping.
 *
 * Invariant: input sizes that are not given are learnt from the first call.
 */
import { type DType, isFloat } from '../../../ir/dtype.ts';
import { showType } from '../../../ir/type.ts';
import { isTraining } from '../../autograd.ts';
import { failure } from '../../callsite.ts';
import type { NDArray } from '../../methods.ts';
import { embedding } from '../../nd/embedding.ts';
import { linear } from '../../nd/linalg.ts';
import { flatten } from '../../nd/shape.ts';
import { checkOptions } from '../../options.ts';
import { dropout } from '../../random.ts';
import { expectPositions } from '../../values.ts';
import { HybridBlock } from '../block.ts';
import type { InitializerLike } from '../init.ts';
import { Parameter } from '../parameter.ts';
import {
  type ActivationName,
  activationOf,
  axisList,
  count,
  expectArray,
  expectSize,
  rate as share,
} from './shared.ts';

export interface DenseOptions {
  /** Applied to the result. Default: none. */
  readonly activation?: ActivationName;
  /** Default true. */
  readonly useBias?: boolean;
  /** Take all axes but the first as features; false: the last axis alone. Default true. */
  readonly flatten?: boolean;
  /** Number of features of the input. Default: learnt from the first call. */
  readonly inUnits?: number;
  /** Default: what `initialize` is told. */
  readonly weightInit?: InitializerLike;
  /** Default 'zeros'. */
  readonly biasInit?: InitializerLike;
  /** Of the parameters. Default 'float32'. */
  readonly dtype?: DType;
}
const DENSE = [
  'activation',
  'useBias',
  'flatten',
  'inUnits',
  'weightInit',
  'biasInit',
  'dtype',
] as const;

/**
 * A fully connected layer: `activation(x · weightᵀ + bias)`.
 *
 * x: [batch, ...] → [batch, units]; with `flatten: false` [..., features] → [..., units]. `weight` [units, features],
 * `bias` [units]. Parameters are float32 unless `dtype` or `cast` says otherwise; the result has the promoted dtype of
 * input and parameters (integers and booleans give that of the parameters).
 *
 * @throws {OptionError} when it is made: `units` no integer ≥ 1, an unknown activation or option
 * @throws {DTypeError} when it is made: a `dtype` that is no float
 * @throws {ShapeError} for an input without an axis of features, or with another number of them than the weight was
 *   made for
 * @throws {ValueError} for an input that is no array, or when it was not initialized
 *
 * @example
 * const layer = new nn.Dense(10, { activation: 'relu' });
 * layer.initialize();
 * layer(nd.ones([64, 28, 28])).shape;   // [64, 10]
 */
export class Dense extends HybridBlock {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  readonly units: number;
  readonly #flatten: boolean;
  readonly #activate: (x: NDArray) => NDArray;

  constructor(units: number, options: DenseOptions = {}) {
    super();
    checkOptions('Dense', options, DENSE);
    const { inUnits = 0, useBias = true, dtype = 'float32', weightInit, biasInit } = options;
    this.units = count('Dense', 'units', units);
    this.#flatten = options.flatten ?? true;
    this.#activate = activationOf('Dense', options.activation);
    this.weight = new Parameter({
      shape: [units, count('Dense', 'inUnits', inUnits, 0)],
      dtype,
      ...(weightInit === undefined ? {} : { init: weightInit }),
    });
    this.bias = useBias
      ? new Parameter({ shape: [units], dtype, init: biasInit ?? 'zeros' })
      : undefined;
  }

  override forward(x: NDArray): NDArray {
    expectArray('Dense', x);
    if (x.ndim < (this.#flatten ? 2 : 1))
      throw failure(
        'shape',
        `Dense: takes ${this.#flatten ? '[batch, ...features]' : '[..., features]'}, not ${showType(x.type)}`,
        'x.expandDims(0) adds a batch axis; { flatten: false } takes the last axis as features',
      );
    const rows = this.#flatten && x.ndim > 2 ? flatten(x) : x;
    const features = rows.shape[rows.ndim - 1]!;
    if (!this.weight.isInitialized) this.weight.infer([this.units, features]);
    const weight = this.weight.data();
    expectSize('Dense', rows, rows.ndim - 1, weight.shape[1]!, 'features');
    return this.#activate(linear(rows, weight, this.bias?.data()));
  }
}

/**
 * An activation function as a layer: `new nn.Activation('relu')`. See {@link ActivationName} for names and formulas.
 *
 * Any shape; floats stay, integers and booleans give float32 (but 'relu', which keeps integers and makes int32 of
 * booleans).
 *
 * @throws {OptionError} for an unknown name
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.Activation('tanh')(nd.array([0, 1]));   // [0, 0.7616]
 */
export class Activation extends HybridBlock {
  readonly activation: ActivationName;
  readonly #apply: (x: NDArray) => NDArray;

  constructor(activation: ActivationName) {
    super();
    this.activation = activation;
    this.#apply = activationOf('Activation', activation);
  }

  override forward(x: NDArray): NDArray {
    expectArray('Activation', x);
    return this.#apply(x);
  }
}

/**
 * In training, sets a share `rate` of the elements to 0 at random and scales the others by `1 / (1 - rate)`; else does
 * nothing. (Srivastava et al., JMLR 15, 2014.)
 *
 * Any shape and float dtype, which stay. `axes`: along these axes one draw counts for all elements.
 *
 * @throws {ValueError} unless 0 ≤ rate < 1, or for an input that is no array
 * @throws {OptionError} unless `axes` is a list of integers
 * @throws {DTypeError} in training, for integers and booleans
 * @throws {ShapeError} in training, for axes that the input does not have
 *
 * @example
 * const drop = new nn.Dropout(0.5);
 * drop(nd.ones([4]));                            // ones
 * autograd.record(() => drop(nd.ones([4])));     // zeros and twos
 */
export class Dropout extends HybridBlock {
  readonly rate: number;
  readonly axes: readonly number[];

  constructor(rate: number, options: { readonly axes?: readonly number[] } = {}) {
    super();
    checkOptions('Dropout', options, ['axes']);
    this.rate = share('Dropout', 'rate', rate);
    this.axes = axisList('Dropout', options.axes ?? []);
  }

  override forward(x: NDArray): NDArray {
    expectArray('Dropout', x);
    return isTraining() ? dropout(x, this.rate, { axes: this.axes }) : x;
  }
}

/**
 * All axes but the first in one: [batch, ...] → [batch, product]; a number gives [1, 1] and [batch] gives [batch, 1].
 * Any dtype, which stays.
 *
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.Flatten()(nd.ones([2, 3, 4])).shape;   // [2, 12]
 */
export class Flatten extends HybridBlock {
  override forward(x: NDArray): NDArray {
    expectArray('Flatten', x);
    return flatten(x);
  }
}

export interface EmbeddingOptions {
  /** Default 'float32'. */
  readonly dtype?: DType;
  /** Default: what `initialize` is told. */
  readonly weightInit?: InitializerLike;
}

/**
 * A table of vectors: integers of any shape [...] → [..., outputDim]. `weight` [inputDim, outputDim], of `dtype`
 * (float32), which is that of the result.
 *
 * Indices of any integer dtype.
 *
 * @throws {ValueError} for an index outside 0 … inputDim - 1, wherever the indices are arrays made outside of the
 *   compiled program (see {@link expectPositions}); indices computed inside it are clamped
 * @throws {DTypeError} for indices that are no integers, or a `dtype` that is no float
 * @throws {OptionError} unless `inputDim` and `outputDim` are integers ≥ 1
 *
 * @example
 * const words = new nn.Embedding(1000, 16);
 * words.initialize();
 * words(nd.array([[1, 2, 3]], { dtype: 'int32' })).shape;   // [1, 3, 16]
 */
export class Embedding extends HybridBlock {
  readonly weight: Parameter;
  readonly inputDim: number;
  readonly outputDim: number;

  constructor(inputDim: number, outputDim: number, options: EmbeddingOptions = {}) {
    super();
    checkOptions('Embedding', options, ['dtype', 'weightInit']);
    const { dtype = 'float32', weightInit } = options;
    this.inputDim = count('Embedding', 'inputDim', inputDim);
    this.outputDim = count('Embedding', 'outputDim', outputDim);
    this.weight = new Parameter({
      shape: [inputDim, outputDim],
      dtype,
      ...(weightInit === undefined ? {} : { init: weightInit }),
    });
  }

  override forward(x: NDArray): NDArray {
    expectArray('Embedding', x);
    if (isFloat(x.dtype) || x.dtype === 'bool')
      throw failure(
        'dtype',
        `Embedding: indices must be integers, not ${showType(x.type)}`,
        "convert them: x.astype('int32')",
      );
    expectPositions(x, this.inputDim, 'Embedding: index', 'rows');
    return embedding(x, this.weight.data());
  }
}
