/**
 * The cells with weights: RNN, LSTM (with a projected state too), GRU.
 *
 * Invariant: parameters are those of MXNet and PyTorch: gates stacked along the first axis, one bias for the input and one
 * for the state.
 */
import type { DType } from '../../../ir/dtype.ts';
import { type Shape, showType } from '../../../ir/type.ts';
import { failure } from '../../callsite.ts';
import { linear } from '../../nd/linalg.ts';
import type { NDArray } from '../../ndarray.ts';
import { checkOptions, shown } from '../../options.ts';
import type { InitializerLike } from '../init.ts';
import { type ActivationName, activationOf, count, expectArray } from '../nn/shared.ts';
import { Parameter } from '../parameter.ts';
import { type CellResult, RecurrentCell } from './cell.ts';
import { checkStates, type StateInfo } from './states.ts';
import { type Activate, gruStep, lstmStep, type Recurrent, rnnStep } from './steps.ts';

export interface CellOptions {
  /** Channels of the input. Default: learnt from the first call. */
  readonly inputSize?: number;
  /** Default: what `initialize` is told. */
  readonly i2hWeightInit?: InitializerLike;
  readonly h2hWeightInit?: InitializerLike;
  /** Default 'zeros'. */
  readonly i2hBiasInit?: InitializerLike;
  readonly h2hBiasInit?: InitializerLike;
  /** Of the parameters. Default 'float32'. */
  readonly dtype?: DType;
}
export const CELL = [
  'inputSize',
  'i2hWeightInit',
  'h2hWeightInit',
  'i2hBiasInit',
  'h2hBiasInit',
  'dtype',
] as const;

/** `init` only where it is given. */
const initOf = (init: InitializerLike | undefined): { readonly init?: InitializerLike } =>
  init === undefined ? {} : { init };

/** Parameters of a cell: a weight and a bias from the input, a weight and a bias from the state. */
export interface CellParameters {
  readonly i2hWeight: Parameter;
  readonly h2hWeight: Parameter;
  readonly i2hBias: Parameter;
  readonly h2hBias: Parameter;
}

/** Parameters for `gates` gates of `hidden` channels, which see a state of `recurrent` channels. */
export const cellParameters = (
  where: string,
  gates: number,
  hidden: number,
  recurrent: number,
  options: CellOptions,
): CellParameters => {
  const { dtype = 'float32', inputSize = 0 } = options;
  const rows = gates * hidden;
  return {
    i2hWeight: new Parameter({
      shape: [rows, count(where, 'inputSize', inputSize, 0)],
      dtype,
      ...initOf(options.i2hWeightInit),
    }),
    h2hWeight: new Parameter({ shape: [rows, recurrent], dtype, ...initOf(options.h2hWeightInit) }),
    i2hBias: new Parameter({ shape: [rows], dtype, init: options.i2hBiasInit ?? 'zeros' }),
    h2hBias: new Parameter({ shape: [rows], dtype, init: options.h2hBiasInit ?? 'zeros' }),
  };
};

/** A cell of some gates over one state of `recurrent` channels, and maybe others. */
abstract class GatedCell extends RecurrentCell implements CellParameters {
  readonly hiddenSize: number;
  readonly i2hWeight: Parameter;
  readonly h2hWeight: Parameter;
  readonly i2hBias: Parameter;
  readonly h2hBias: Parameter;
  protected readonly recurrent: number;

  constructor(gates: number, hidden: number, recurrent: number, options: CellOptions) {
    super();
    const name = new.target.name;
    this.hiddenSize = count(name, 'hiddenSize', hidden);
    this.recurrent = recurrent;
    const made = cellParameters(name, gates, hidden, recurrent, options);
    this.i2hWeight = made.i2hWeight;
    this.h2hWeight = made.h2hWeight;
    this.i2hBias = made.i2hBias;
    this.h2hBias = made.h2hBias;
  }

  override prepare(input: Shape): Shape {
    if (input?.length !== 2)
      throw failure(
        'shape',
        `${this.constructor.name}: steps are [batch, channels], not ${Array.isArray(input) ? `[${input.join(', ')}]` : shown(input)}`,
        'reshape the input first',
      );
    const [batch, features] = input as readonly [number, number];
    const { i2hWeight } = this;
    if (!i2hWeight.isInitialized) i2hWeight.infer([i2hWeight.shape[0]!, features]);
    else if (features !== i2hWeight.shape[1])
      throw failure(
        'shape',
        `${this.constructor.name}: the input has ${features} channels, the parameters are for ${i2hWeight.shape[1]}`,
        'give every call the same size, or make a cell of its own for the other input',
      );
    return [batch, this.recurrent];
  }

  override stateInfo(batchSize = 0): readonly StateInfo[] {
    return [{ shape: [batchSize, this.recurrent], layout: 'NC' }];
  }

  override forward(x: NDArray, states: readonly NDArray[]): CellResult {
    const name = this.constructor.name;
    expectArray(name, x);
    if (x.ndim !== 2)
      throw failure(
        'shape',
        `${name}: takes [batch, channels], not ${showType(x.type)}`,
        'unroll runs over whole sequences',
      );
    checkStates(name, states, this.stateInfo(x.shape[0]!));
    this.prepare(x.shape);
    const next = this.step(linear(x, this.i2hWeight.data(), this.i2hBias.data()), states, {
      weight: this.h2hWeight.data(),
      bias: this.h2hBias.data(),
    });
    return [next[0]!, next];
  }

  protected abstract step(
    input: NDArray,
    states: readonly NDArray[],
    recurrent: Recurrent,
  ): NDArray[];
}

export interface RNNCellOptions extends CellOptions {
  /** Default 'tanh'. */
  readonly activation?: ActivationName;
}

/**
 * `h' = act(W x + b + U h + c)`: one state, which is the output.
 *
 * x [batch, channels], h [batch, hiddenSize].
 *
 * Parameters, float32 unless `dtype` or `cast` says otherwise: `i2hWeight` [hiddenSize, channels], `h2hWeight`
 * [hiddenSize, hiddenSize], `i2hBias` and `h2hBias` [hiddenSize]. Output and states have the promoted dtype of input,
 * states and parameters; integers give that of the rest.
 *
 * @throws {OptionError} for sizes that are no integers ≥ 1, an unknown activation or option
 * @throws {ShapeError} unless the input is [batch, channels] of as many channels as before, and states fit it
 * @throws {ValueError} unless the input is an array, states are in a list, and it was initialized
 *
 * @example
 * const cell = new rnn.RNNCell(4, { activation: 'relu' });
 * cell.initialize();
 * const [y, [h]] = cell(nd.ones([2, 3]), cell.beginState(2));
 * y.shape;   // [2, 4]
 */
export class RNNCell extends GatedCell {
  readonly #activate: Activate;
  constructor(hiddenSize: number, options: RNNCellOptions = {}) {
    checkOptions('RNNCell', options, [...CELL, 'activation']);
    super(1, hiddenSize, hiddenSize, options);
    this.#activate = activationOf('RNNCell', options.activation ?? 'tanh');
  }
  protected override step(input: NDArray, states: readonly NDArray[], r: Recurrent): NDArray[] {
    return rnnStep(input, states, r, this.#activate);
  }
}

export interface GatedCellOptions extends CellOptions {
  /** Default 'tanh'. */
  readonly activation?: ActivationName;
  /** Of the gates. Default 'sigmoid'. */
  readonly recurrentActivation?: ActivationName;
}
const GATED = [...CELL, 'activation', 'recurrentActivation'] as const;

/**
 * Long short-term memory: gates i, f, o and the new content g of the input and the state; `c' = f c + i g`,
 * `h' = o tanh(c')`. States h and c, [batch, hiddenSize]; the output is h'; x [batch, channels].
 *
 * Parameters, float32 unless `dtype` or `cast` says otherwise: `i2hWeight` [4 · hiddenSize, channels], `h2hWeight`
 * [4 · hiddenSize, hiddenSize], `i2hBias` and `h2hBias` [4 · hiddenSize] (gates i, f, g, o). Output and states have the
 * promoted dtype of input, states and parameters; integers give that of the rest.
 *
 * @throws {OptionError} for sizes that are no integers ≥ 1, an unknown activation or option
 * @throws {ShapeError} unless the input is [batch, channels] of as many channels as before, and states fit it
 * @throws {ValueError} unless the input is an array, states are in a list, and it was initialized
 *
 * @example
 * const cell = new rnn.LSTMCell(4);
 * cell.initialize();
 * const [y, [h, c]] = cell(nd.ones([2, 3]), cell.beginState(2));
 * c!.shape;   // [2, 4]
 */
export class LSTMCell extends GatedCell {
  readonly #activate: Activate;
  readonly #gate: Activate;
  constructor(hiddenSize: number, options: GatedCellOptions = {}) {
    checkOptions('LSTMCell', options, GATED);
    super(4, hiddenSize, hiddenSize, options);
    this.#activate = activationOf('LSTMCell', options.activation ?? 'tanh');
    this.#gate = activationOf('LSTMCell', options.recurrentActivation ?? 'sigmoid');
  }
  override stateInfo(batchSize = 0): readonly StateInfo[] {
    const state: StateInfo = { shape: [batchSize, this.hiddenSize], layout: 'NC' };
    return [state, state];
  }
  protected override step(input: NDArray, states: readonly NDArray[], r: Recurrent): NDArray[] {
    return lstmStep(input, states, r, { activate: this.#activate, gate: this.#gate });
  }
}

export interface LSTMPCellOptions extends GatedCellOptions {
  /** Default: what `initialize` is told. */
  readonly h2rWeightInit?: InitializerLike;
}

/**
 * LSTM whose recurrent state is projected to fewer channels (Sak, Senior & Beaufays, Interspeech 2014). States r
 * [batch, projectionSize], which is the output, and c [batch, hiddenSize]; x [batch, channels].
 *
 * Parameters, float32 unless `dtype` or `cast` says otherwise: `i2hWeight` [4 · hiddenSize, channels], `h2hWeight`
 * [4 · hiddenSize, projectionSize], `i2hBias` and `h2hBias` [4 · hiddenSize], `h2rWeight` [projectionSize, hiddenSize].
 * Output and states have the promoted dtype of input, states and parameters; integers give that of the rest.
 *
 * @throws {OptionError} for sizes that are no integers ≥ 1, an unknown activation or option
 * @throws {ShapeError} unless the input is [batch, channels] of as many channels as before, and states fit it
 * @throws {ValueError} unless the input is an array, states are in a list, and it was initialized
 *
 * @example
 * const cell = new rnn.LSTMPCell(8, 3);
 * cell.initialize();
 * const [y] = cell(nd.ones([2, 5]), cell.beginState(2));
 * y.shape;   // [2, 3]
 */
export class LSTMPCell extends GatedCell {
  readonly projectionSize: number;
  readonly h2rWeight: Parameter;
  readonly #activate: Activate;
  readonly #gate: Activate;
  constructor(hiddenSize: number, projectionSize: number, options: LSTMPCellOptions = {}) {
    checkOptions('LSTMPCell', options, [...GATED, 'h2rWeightInit']);
    super(4, hiddenSize, count('LSTMPCell', 'projectionSize', projectionSize), options);
    this.projectionSize = projectionSize;
    this.h2rWeight = new Parameter({
      shape: [projectionSize, hiddenSize],
      dtype: options.dtype ?? 'float32',
      ...initOf(options.h2rWeightInit),
    });
    this.#activate = activationOf('LSTMPCell', options.activation ?? 'tanh');
    this.#gate = activationOf('LSTMPCell', options.recurrentActivation ?? 'sigmoid');
  }
  override stateInfo(batchSize = 0): readonly StateInfo[] {
    return [
      { shape: [batchSize, this.projectionSize], layout: 'NC' },
      { shape: [batchSize, this.hiddenSize], layout: 'NC' },
    ];
  }
  protected override step(input: NDArray, states: readonly NDArray[], r: Recurrent): NDArray[] {
    const projection = this.h2rWeight.data();
    return lstmStep(input, states, r, { activate: this.#activate, gate: this.#gate, projection });
  }
}

/**
 * Gated recurrent unit: gates r and z, new content `n = tanh(W x + b + r (U h + c))`, `h' = (1 - z) n + z h` (as cuDNN
 * and PyTorch have it). One state [batch, hiddenSize], which is the output; x [batch, channels].
 *
 * Parameters, float32 unless `dtype` or `cast` says otherwise: `i2hWeight` [3 · hiddenSize, channels], `h2hWeight`
 * [3 · hiddenSize, hiddenSize], `i2hBias` and `h2hBias` [3 · hiddenSize] (gates r, z, n). Output and states have the
 * promoted dtype of input, states and parameters; integers give that of the rest.
 *
 * @throws {OptionError} for sizes that are no integers ≥ 1, an unknown activation or option
 * @throws {ShapeError} unless the input is [batch, channels] of as many channels as before, and states fit it
 * @throws {ValueError} unless the input is an array, states are in a list, and it was initialized
 *
 * @example
 * const cell = new rnn.GRUCell(4);
 * cell.initialize();
 * const [y] = cell(nd.ones([2, 3]), cell.beginState(2));
 * y.shape;   // [2, 4]
 */
export class GRUCell extends GatedCell {
  readonly #activate: Activate;
  readonly #gate: Activate;
  constructor(hiddenSize: number, options: GatedCellOptions = {}) {
    checkOptions('GRUCell', options, GATED);
    super(3, hiddenSize, hiddenSize, options);
    this.#activate = activationOf('GRUCell', options.activation ?? 'tanh');
    this.#gate = activationOf('GRUCell', options.recurrentActivation ?? 'sigmoid');
  }
  protected override step(input: NDArray, states: readonly NDArray[], r: Recurrent): NDArray[] {
    return gruStep(input, states, r, this.#activate, this.#gate);
  }
}
