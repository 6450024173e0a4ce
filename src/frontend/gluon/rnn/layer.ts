/**
 * Recurrent layers: whole sequences, several layers, both directions.
 *
 * Invariant: a layer computes what its cells would (`test/frontend/gluon/rnn.test.ts`); the inputs of all steps are
 * multiplied by one product, so that a step is the product with the state and one kernel for the gates. In a hybridized
 * function each direction of each layer is one loop.
 */
import { showType } from '../../../ir/type.ts';
import { isTraining } from '../../autograd.ts';
import { failure } from '../../callsite.ts';
import { concat, stack } from '../../nd/concat.ts';
import { at } from '../../nd/indexing.ts';
import { linear } from '../../nd/linalg.ts';
import { reshape } from '../../nd/shape.ts';
import type { NDArray } from '../../ndarray.ts';
import { checkChoice, checkOptions, shown } from '../../options.ts';
import { dropout } from '../../random.ts';
import { HybridBlock } from '../block.ts';
import type { InitializerLike } from '../init.ts';
import { activationOf, count, expectArray, expectSize, rate } from '../nn/shared.ts';
import { Parameter } from '../parameter.ts';
import { CELL, type CellOptions, type CellParameters, cellParameters } from './cells.ts';
import {
  checkLayout,
  checkLengths,
  type Layout,
  overSteps,
  reversed,
  timeFirst,
} from './sequences.ts';
import {
  type BeginOptions,
  checkStates,
  freshStates,
  type StateInfo,
  steppedIn,
} from './states.ts';
import { gruStep, lstmStep, type Recurrent, rnnStep } from './steps.ts';

export interface LayerOptions extends CellOptions {
  /** Layers on top of each other. Default 1. */
  readonly numLayers?: number;
  /** Of inputs and outputs. Default 'TNC'. */
  readonly layout?: Layout;
  /** Dropout of the outputs of all layers but the last. Default 0. */
  readonly dropout?: number;
  /** Also from the last step to the first; outputs of both side by side. Default false. */
  readonly bidirectional?: boolean;
}
const LAYER = ['numLayers', 'layout', 'dropout', 'bidirectional', ...CELL] as const;

/** One layer in one direction. */
interface Way extends CellParameters {
  readonly backwards: boolean;
  readonly h2rWeight: Parameter | undefined;
}

/** How a kind of layer makes a step. */
interface Kind {
  readonly gates: number;
  /** Sizes of the states. */
  readonly sizes: readonly number[];
  step(
    input: NDArray,
    states: readonly NDArray[],
    recurrent: Recurrent,
    projection: NDArray | undefined,
  ): NDArray[];
}

/** What a layer may be called with: see {@link RecurrentLayer}. */
export interface RecurrentLayer {
  (x: NDArray): NDArray;
  (x: NDArray, states: readonly NDArray[], lengths?: NDArray): [NDArray, NDArray[]];
  (x: NDArray, states: null, lengths: NDArray): NDArray;
}

/**
 * What RNN, LSTM and GRU share.
 *
 * @see {@link LSTM}
 */
export abstract class RecurrentLayer extends HybridBlock {
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly layout: Layout;
  readonly bidirectional: boolean;
  readonly #dropout: number;
  readonly #kind: Kind;
  readonly #ways: readonly (readonly Way[])[];

  /** @internal */
  protected constructor(
    name: string,
    hidden: number,
    kind: Kind,
    options: LayerOptions,
    projection?: { readonly init: InitializerLike | undefined },
  ) {
    super();
    this.hiddenSize = count(name, 'hiddenSize', hidden);
    this.numLayers = count(name, 'numLayers', options.numLayers ?? 1);
    this.layout = checkLayout(name, options.layout ?? 'TNC');
    this.bidirectional = options.bidirectional ?? false;
    this.#dropout = rate(name, 'dropout', options.dropout ?? 0);
    this.#kind = kind;
    const directions = this.bidirectional ? [false, true] : [false];
    const recurrent = kind.sizes[0]!;
    this.#ways = Array.from({ length: this.numLayers }, (_, layer) =>
      directions.map((backwards): Way => {
        const inputSize = layer === 0 ? (options.inputSize ?? 0) : recurrent * directions.length;
        const made = cellParameters(name, kind.gates, hidden, recurrent, { ...options, inputSize });
        const h2rWeight =
          projection &&
          new Parameter({
            shape: [recurrent, hidden],
            dtype: options.dtype ?? 'float32',
            ...(projection.init === undefined ? {} : { init: projection.init }),
          });
        const all = { ...made, ...(h2rWeight === undefined ? {} : { h2rWeight }) };
        // named as MXNet does: l0I2hWeight, r0H2hBias
        for (const [role, parameter] of Object.entries(all))
          Object.assign(this, {
            [`${backwards ? 'r' : 'l'}${layer}${role[0]!.toUpperCase()}${role.slice(1)}`]:
              parameter,
          });
        return { ...made, h2rWeight, backwards };
      }),
    );
  }

  /**
   * Shapes of the states: layers (with both directions of each side by side) first:
   * [layers · directions, batchSize, channels].
   *
   * @throws nothing
   */
  stateInfo(batchSize = 0): readonly StateInfo[] {
    const rows = this.numLayers * (this.bidirectional ? 2 : 1);
    return this.#kind.sizes.map((size) => ({ shape: [rows, batchSize, size], layout: 'LNC' }));
  }

  /**
   * States to start from: zeros, or what `func` makes; of the shapes of `stateInfo` and of `dtype` (float32).
   *
   * @throws {OptionError} unless `batchSize` is an integer ≥ 0
   * @throws {ValueError} for a `func` that is no function, or gives no array
   */
  beginState(batchSize: number, options: BeginOptions = {}): NDArray[] {
    return freshStates(this, batchSize, options);
  }

  override forward(
    x: NDArray,
    states?: readonly NDArray[] | null,
    lengths?: NDArray,
  ): NDArray | [NDArray, NDArray[]] {
    const name = this.constructor.name;
    expectArray(name, x);
    if (x.ndim !== 3)
      throw failure(
        'shape',
        `${name}: takes [${this.layout === 'TNC' ? 'steps, batch' : 'batch, steps'}, channels] (${this.layout}), not ${showType(x.type)}`,
        'x.expandDims adds an axis; cells make single steps',
      );
    const steps = timeFirst(x, this.layout);
    const [{ i2hWeight }] = this.#ways[0] as [Way];
    if (i2hWeight.isInitialized) expectSize(name, x, 2, i2hWeight.shape[1]!, 'channels');
    if (steps.shape[0] === 0)
      throw failure('shape', `${name}: ${showType(x.type)} has no steps`, 'pass at least one');
    const batch = steps.shape[1]!;
    if (lengths !== undefined) checkLengths(name, lengths, batch);
    const begin = { dtype: steppedIn(x.dtype, this.parameters()), device: x.device };
    const start = states ?? this.beginState(batch, begin);
    checkStates(name, start, this.stateInfo(batch), begin.dtype);
    const [outputs, after] = this.#run(steps, start, lengths);
    const y = timeFirst(outputs, this.layout);
    return states == null ? y : [y, after];
  }

  #run(
    x: NDArray,
    states: readonly NDArray[],
    lengths: NDArray | undefined,
  ): readonly [NDArray, NDArray[]] {
    const after: NDArray[][] = states.map(() => []);
    let y = x;
    let row = 0;
    this.#ways.forEach((ways, layer) => {
      const drops = layer > 0 && this.#dropout > 0 && isTraining();
      const input = drops ? dropout(y, this.#dropout) : y;
      const outputs = ways.map((way) => {
        const own = states.map((s) => at(s, row));
        row++;
        const [output, last] = this.#direction(way, input, own, lengths);
        last.forEach((s, i) => {
          after[i]!.push(s);
        });
        return output;
      });
      y = outputs.length === 1 ? outputs[0]! : concat(outputs, 2);
    });
    return [y, after.map((rows) => stack(rows))];
  }

  #direction(
    way: Way,
    x: NDArray,
    states: readonly NDArray[],
    lengths: NDArray | undefined,
  ): readonly [NDArray, NDArray[]] {
    const [steps, batch, features] = x.shape as [number, number, number];
    if (!way.i2hWeight.isInitialized)
      way.i2hWeight.infer([this.#kind.gates * this.hiddenSize, features]);
    const given = way.backwards ? reversed(x, lengths) : x;
    const rows = reshape(given, [steps * batch, features]);
    const products = linear(rows, way.i2hWeight.data(), way.i2hBias.data());
    const inputs = reshape(products, [steps, batch, products.shape[1]!]);
    const recurrent = { weight: way.h2hWeight.data(), bias: way.h2hBias.data() };
    const projection = way.h2rWeight?.data();
    const [outputs, last] = overSteps(
      (input, now) => {
        const next = this.#kind.step(input, now, recurrent, projection);
        return [next[0]!, next];
      },
      inputs,
      states,
      lengths,
    );
    return [way.backwards ? reversed(outputs, lengths) : outputs, last];
  }
}

export interface RNNOptions extends LayerOptions {
  /** Default 'relu'. */
  readonly activation?: 'relu' | 'tanh';
}

/**
 * Elman layers: `h' = act(W x + b + U h + c)`.
 *
 * x [steps, batch, channels] (or by `layout`) gives [steps, batch, hiddenSize]; called with a list of states,
 * `[outputs, states]`; with lengths [batch] as third argument, samples end there. States: h
 * [layers, batch, hiddenSize].
 *
 * Parameters of each layer, float32 unless `dtype` or `cast` says otherwise, named `l0I2hWeight` (`r0…` for the way
 * back): `I2hWeight` [hiddenSize, channels], `H2hWeight` [hiddenSize, hiddenSize], `I2hBias` and `H2hBias`
 * [hiddenSize]. The result has the promoted dtype of input and parameters, in which states start unless they are given;
 * integers give that of the parameters. Lengths are numbers of any dtype.
 *
 * @throws {OptionError} for sizes that are no integers ≥ 1, another layout or activation
 * @throws {ValueError} unless 0 ≤ dropout < 1; for inputs that are no arrays, states that are no list, or when it was
 *   not initialized
 * @throws {ShapeError} unless x has three axes, a step at least and as many channels as before, states fit it, and
 *   there is a length for each sample
 * @throws {DTypeError} for a state that cannot hold what steps give (of float32, for inputs of float64)
 *
 * @example
 * const layer = new rnn.RNN(4, { numLayers: 2, activation: 'tanh' });
 * layer.initialize();
 * layer(nd.ones([5, 2, 3])).shape;   // [5, 2, 4]
 */
export class RNN extends RecurrentLayer {
  constructor(hiddenSize: number, options: RNNOptions = {}) {
    checkOptions('RNN', options, [...LAYER, 'activation']);
    const activation = checkChoice('RNN', 'activation', options.activation ?? 'relu', [
      'relu',
      'tanh',
    ]);
    const activate = activationOf('RNN', activation);
    super(
      'RNN',
      hiddenSize,
      {
        gates: 1,
        sizes: [hiddenSize],
        step: (input, states, recurrent) => rnnStep(input, states, recurrent, activate),
      },
      options,
    );
  }
}

export interface LSTMOptions extends LayerOptions {
  /** Channels of the recurrent state and of the output, projected from `hiddenSize`. Default: no projection. */
  readonly projectionSize?: number;
  readonly h2rWeightInit?: InitializerLike;
  /** Bounds of the cell state. Default: none. */
  readonly stateClipMin?: number;
  readonly stateClipMax?: number;
}

/**
 * LSTM layers (see {@link LSTMCell}). States: h [layers, batch, hiddenSize or projectionSize] and c [layers, batch,
 * hiddenSize].
 *
 * Shapes, parameters (of four gates, and `H2rWeight` [projectionSize, hiddenSize]), dtypes and errors are otherwise
 * those of {@link RNN}.
 *
 * @throws {OptionError} for sizes that are no integers ≥ 1; unless `stateClipMin` ≤ `stateClipMax`
 * @throws {ShapeError | DTypeError | ValueError} as RNN
 *
 * @example
 * const layer = new rnn.LSTM(4, { layout: 'NTC', bidirectional: true });
 * layer.initialize();
 * const x = nd.ones([2, 5, 3]);
 * const [y, [h, c]] = layer(x, layer.beginState(2), nd.array([5, 3]));   // the second sample has 3 steps
 * y.shape;   // [2, 5, 8]
 */
export class LSTM extends RecurrentLayer {
  constructor(hiddenSize: number, options: LSTMOptions = {}) {
    checkOptions('LSTM', options, [
      ...LAYER,
      'projectionSize',
      'h2rWeightInit',
      'stateClipMin',
      'stateClipMax',
    ]);
    const { projectionSize, stateClipMin, stateClipMax } = options;
    const [activate, gate] = [activationOf('LSTM', 'tanh'), activationOf('LSTM', 'sigmoid')];
    const clipped = stateClipMin !== undefined || stateClipMax !== undefined;
    const [low, high] = [stateClipMin ?? -Infinity, stateClipMax ?? Infinity];
    if (typeof low !== 'number' || typeof high !== 'number' || !(low <= high))
      throw failure(
        'option',
        `LSTM: stateClipMin is ${shown(low)}, stateClipMax ${shown(high)}`,
        'pass numbers, the first not above the second',
      );
    const bounds = clipped ? ([low, high] as const) : undefined;
    const state =
      projectionSize === undefined ? hiddenSize : count('LSTM', 'projectionSize', projectionSize);
    super(
      'LSTM',
      hiddenSize,
      {
        gates: 4,
        sizes: [state, hiddenSize],
        step: (input, states, recurrent, projection) =>
          lstmStep(input, states, recurrent, { activate, gate, projection, bounds }),
      },
      options,
      projectionSize === undefined ? undefined : { init: options.h2rWeightInit },
    );
  }
}

/**
 * GRU layers (see {@link GRUCell}). States: h [layers, batch, hiddenSize].
 *
 * Shapes, parameters (of three gates), dtypes and errors are otherwise those of {@link RNN}.
 *
 * @throws {OptionError | ShapeError | DTypeError | ValueError} as RNN
 *
 * @example
 * const layer = new rnn.GRU(4);
 * layer.initialize();
 * layer(nd.ones([5, 2, 3])).shape;   // [5, 2, 4]
 */
export class GRU extends RecurrentLayer {
  constructor(hiddenSize: number, options: LayerOptions = {}) {
    checkOptions('GRU', options, LAYER);
    super(
      'GRU',
      hiddenSize,
      {
        gates: 3,
        sizes: [hiddenSize],
        step: (input, states, recurrent) => gruStep(input, states, recurrent),
      },
      options,
    );
  }
}
