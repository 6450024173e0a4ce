/**
 * Recurrent cells whose products are convolutions (Shi et al., NIPS 2015): for images that follow each other.
 *
 * Invariant: the convolution of the state keeps its size: its kernel is odd and padded by half.
 */
import { type DType, isFloat } from '../../../ir/dtype.ts';
import { type Shape, showType } from '../../../ir/type.ts';
import { failure } from '../../callsite.ts';
import { add, mul, sub } from '../../nd/arithmetic.ts';
import { perAxis } from '../../nd/axes.ts';
import { split } from '../../nd/concat.ts';
import { convolution } from '../../nd/convolution.ts';
import { sigmoid } from '../../nd/math.ts';
import type { NDArray } from '../../ndarray.ts';
import { checkOptions, shown } from '../../options.ts';
import type { InitializerLike } from '../init.ts';
import { type ActivationName, activationOf, count, expectArray } from '../nn/shared.ts';
import { Parameter } from '../parameter.ts';
import { type CellResult, RecurrentCell } from './cell.ts';
import { checkStates, type StateInfo } from './states.ts';
import type { Activate } from './steps.ts';

export interface ConvCellOptions {
  /** Of the kernel over the input. Default 3. */
  readonly i2hKernel?: number | readonly number[];
  /** Of the kernel over the state: odd. Default 3. */
  readonly h2hKernel?: number | readonly number[];
  /** Zeros added on both sides of the input. Default 1. */
  readonly i2hPad?: number | readonly number[];
  readonly i2hDilate?: number | readonly number[];
  readonly h2hDilate?: number | readonly number[];
  /** Default 'tanh'. */
  readonly activation?: ActivationName;
  readonly i2hWeightInit?: InitializerLike;
  readonly h2hWeightInit?: InitializerLike;
  readonly i2hBiasInit?: InitializerLike;
  readonly h2hBiasInit?: InitializerLike;
}
const OPTIONS = [
  'i2hKernel',
  'h2hKernel',
  'i2hPad',
  'i2hDilate',
  'h2hDilate',
  'activation',
  'i2hWeightInit',
  'h2hWeightInit',
  'i2hBiasInit',
  'h2hBiasInit',
];

const SPACE = ['W', 'HW', 'DHW'];

/** How a cell goes on from the convolutions of its input and of its state. */
interface Step {
  /** Results of each convolution for one of the state. */
  readonly gates: number;
  /** States, of which the first is the output. */
  readonly states: number;
  next(input: NDArray, state: NDArray, states: readonly NDArray[], activate: Activate): NDArray[];
}

const ELMAN: Step = {
  gates: 1,
  states: 1,
  next: (input, state, _states, activate) => [activate(add(input, state))],
};

const LSTM: Step = {
  gates: 4,
  states: 2,
  next: (input, state, [, c], activate) => {
    const gates = split(add(input, state), 4, 1);
    const fresh = mul(sigmoid(gates[0]!), activate(gates[2]!));
    const cell = add(mul(sigmoid(gates[1]!), c!), fresh);
    return [mul(sigmoid(gates[3]!), activate(cell)), cell];
  },
};

const GRU: Step = {
  gates: 3,
  states: 1,
  next: (input, state, [h], activate) => {
    const [xr, xz, xn] = split(input, 3, 1) as [NDArray, NDArray, NDArray];
    const [hr, hz, hn] = split(state, 3, 1) as [NDArray, NDArray, NDArray];
    const fresh = activate(add(xn, mul(sigmoid(add(xr, hr)), hn)));
    return [add(fresh, mul(sigmoid(add(xz, hz)), sub(h!, fresh)))];
  },
};

/** A kind of step over so many axes of space. */
interface Kind {
  readonly step: Step;
  readonly rank: number;
}

/** What all of them are: two convolutions and a step. The classes below say which step, over how many axes. */
abstract class ConvCell extends RecurrentCell {
  protected static readonly kind: Kind;
  readonly hiddenChannels: number;
  readonly i2hWeight: Parameter;
  readonly h2hWeight: Parameter;
  readonly i2hBias: Parameter;
  readonly h2hBias: Parameter;
  readonly #step: Step;
  readonly #activate: Activate;
  readonly #inputShape: Shape;
  readonly #space: Shape;
  readonly #input: { readonly padding: readonly number[]; readonly dilation: readonly number[] };
  readonly #state: { readonly padding: readonly number[]; readonly dilation: readonly number[] };

  /** `inputShape`: [channels, …space] of an input. */
  constructor(inputShape: Shape, hiddenChannels: number, options: ConvCellOptions = {}) {
    super();
    const { step, rank } = new.target.kind;
    const name = new.target.name;
    checkOptions(name, options, OPTIONS);
    const isSize = (n: number): boolean => Number.isInteger(n) && n >= 1;
    if (!Array.isArray(inputShape) || inputShape.length !== rank + 1 || !inputShape.every(isSize))
      throw failure(
        'shape',
        `${name}: inputShape is ${Array.isArray(inputShape) ? `[${inputShape.join(', ')}]` : shown(inputShape)}`,
        `pass [channels, ${SPACE[rank - 1]!.toLowerCase().split('').join(', ')}] of one input`,
      );
    const all = (option: keyof ConvCellOptions, standard: number, least: number) =>
      perAxis(
        name,
        option,
        (options[option] as number | readonly number[] | undefined) ?? standard,
        rank,
        least,
      );
    const kernel = all('i2hKernel', 3, 1);
    const own = all('h2hKernel', 3, 1);
    if (own.some((k) => k % 2 === 0))
      throw failure(
        'option',
        `${name}: h2hKernel is [${own}]`,
        'pass odd sizes: the state keeps its size',
      );
    const dilate = all('h2hDilate', 1, 1);
    this.#input = { padding: all('i2hPad', 1, 0), dilation: all('i2hDilate', 1, 1) };
    this.#state = { padding: own.map((k, i) => (dilate[i]! * (k - 1)) / 2), dilation: dilate };
    this.#space = inputShape.slice(1).map((size, i) => {
      const reach = this.#input.dilation[i]! * (kernel[i]! - 1);
      return size + 2 * this.#input.padding[i]! - reach;
    });
    if (this.#space.some((size) => size < 1))
      throw failure(
        'shape',
        `${name}: a kernel of [${kernel}] is larger than the input [${inputShape.join(', ')}] with its padding`,
        'use a smaller i2hKernel or i2hDilate, or more i2hPad',
      );
    this.#inputShape = inputShape.slice();
    this.hiddenChannels = count(name, 'hiddenChannels', hiddenChannels);
    this.#step = step;
    this.#activate = activationOf(name, options.activation ?? 'tanh');
    const rows = step.gates * hiddenChannels;
    const weight = (shape: Shape, init: InitializerLike | undefined): Parameter =>
      new Parameter({ shape, ...(init === undefined ? {} : { init }) });
    this.i2hWeight = weight([rows, inputShape[0]!, ...kernel], options.i2hWeightInit);
    this.h2hWeight = weight([rows, hiddenChannels, ...own], options.h2hWeightInit);
    this.i2hBias = weight([rows], options.i2hBiasInit ?? 'zeros');
    this.h2hBias = weight([rows], options.h2hBiasInit ?? 'zeros');
  }

  override stateInfo(batchSize = 0): readonly StateInfo[] {
    const shape = [batchSize, this.hiddenChannels, ...this.#space];
    const layout = `NC${SPACE[this.#space.length - 1]!}`;
    return Array.from({ length: this.#step.states }, () => ({ shape, layout }));
  }
  override startsIn(dtype: DType): DType {
    return isFloat(dtype) ? dtype : 'float32';
  }
  override prepare(input: Shape): Shape {
    return this.stateInfo(input[0]!)[0]!.shape;
  }

  override forward(x: NDArray, states: readonly NDArray[]): CellResult {
    const name = this.constructor.name;
    expectArray(name, x);
    const wanted = this.#inputShape.join(', ');
    if (x.ndim === 0 || x.shape.slice(1).join(', ') !== wanted)
      throw failure(
        'shape',
        `${name}: takes [batch, ${wanted}], not ${showType(x.type)}`,
        'a cell is for images of one size; unroll runs over whole sequences',
      );
    checkStates(name, states, this.stateInfo(x.shape[0]!));
    const input = convolution(x, this.i2hWeight.data(), this.i2hBias.data(), this.#input);
    const state = convolution(states[0]!, this.h2hWeight.data(), this.h2hBias.data(), this.#state);
    const next = this.#step.next(input, state, states, this.#activate);
    return [next[0]!, next];
  }
}

/**
 * RNN cell over [batch, channels, width].
 *
 * States [batch, hiddenChannels, ...space], of the size of the input unless `i2hPad` changes it. Parameters, float32
 * unless cast: `i2hWeight` [hiddenChannels, channels, ...i2hKernel], `h2hWeight`
 * [hiddenChannels, hiddenChannels, ...h2hKernel], `i2hBias` and `h2hBias` [hiddenChannels]; they are converted to the
 * dtype of what they are multiplied by. Floats stay, integers give float32.
 *
 * @throws {OptionError} for sizes that are no integers in range, or an even `h2hKernel`
 * @throws {ShapeError} unless `inputShape` has a size ≥ 1 for channels and each axis of space, the kernel fits it, and
 *   steps and states fit in turn
 * @throws {ValueError} unless the step is an array, states are in a list, and it was initialized
 *
 * @example
 * const cell = new rnn.Conv1DRNNCell([2, 8], 4);
 * cell.initialize();
 * cell(nd.ones([1, 2, 8]), cell.beginState(1))[0].shape;   // [1, 4, 8]
 */
export class Conv1DRNNCell extends ConvCell {
  protected static override readonly kind: Kind = { step: ELMAN, rank: 1 };
}
/**
 * RNN cell over [batch, channels, height, width].
 *
 * @see {@link Conv1DRNNCell}
 */
export class Conv2DRNNCell extends ConvCell {
  protected static override readonly kind: Kind = { step: ELMAN, rank: 2 };
}
/**
 * RNN cell over [batch, channels, depth, height, width].
 *
 * @see {@link Conv1DRNNCell}
 */
export class Conv3DRNNCell extends ConvCell {
  protected static override readonly kind: Kind = { step: ELMAN, rank: 3 };
}
/**
 * LSTM cell over [batch, channels, width].
 *
 * @see {@link Conv2DLSTMCell}
 */
export class Conv1DLSTMCell extends ConvCell {
  protected static override readonly kind: Kind = { step: LSTM, rank: 1 };
}
/**
 * LSTM cell over [batch, channels, height, width].
 *
 * States h (the output) and c, [batch, hiddenChannels, ...space], of the size of the input unless `i2hPad` changes it.
 * Parameters, float32 unless cast: `i2hWeight` [4 · hiddenChannels, channels, ...i2hKernel], `h2hWeight`
 * [4 · hiddenChannels, hiddenChannels, ...h2hKernel], `i2hBias` and `h2hBias` [4 · hiddenChannels]; they are converted
 * to the dtype of what they are multiplied by. Floats stay, integers give float32.
 *
 * @throws {OptionError} for sizes that are no integers in range, or an even `h2hKernel`
 * @throws {ShapeError} unless `inputShape` has a size ≥ 1 for channels and each axis of space, the kernel fits it, and
 *   steps and states fit in turn
 * @throws {ValueError} unless the step is an array, states are in a list, and it was initialized
 *
 * @example
 * const cell = new rnn.Conv2DLSTMCell([3, 8, 8], 4);
 * cell.initialize();
 * const [y] = cell.unroll(2, nd.ones([1, 2, 3, 8, 8]));
 * y.shape;   // [1, 2, 4, 8, 8]
 */
export class Conv2DLSTMCell extends ConvCell {
  protected static override readonly kind: Kind = { step: LSTM, rank: 2 };
}
/**
 * LSTM cell over [batch, channels, depth, height, width].
 *
 * @see {@link Conv2DLSTMCell}
 */
export class Conv3DLSTMCell extends ConvCell {
  protected static override readonly kind: Kind = { step: LSTM, rank: 3 };
}
/**
 * GRU cell over [batch, channels, width].
 *
 * @see {@link Conv2DGRUCell}
 */
export class Conv1DGRUCell extends ConvCell {
  protected static override readonly kind: Kind = { step: GRU, rank: 1 };
}
/**
 * GRU cell over [batch, channels, height, width].
 *
 * States [batch, hiddenChannels, ...space], of the size of the input unless `i2hPad` changes it. Parameters, float32
 * unless cast: `i2hWeight` [3 · hiddenChannels, channels, ...i2hKernel], `h2hWeight`
 * [3 · hiddenChannels, hiddenChannels, ...h2hKernel], `i2hBias` and `h2hBias` [3 · hiddenChannels]; they are converted
 * to the dtype of what they are multiplied by. Floats stay, integers give float32.
 *
 * @throws {OptionError} for sizes that are no integers in range, or an even `h2hKernel`
 * @throws {ShapeError} unless `inputShape` has a size ≥ 1 for channels and each axis of space, the kernel fits it, and
 *   steps and states fit in turn
 * @throws {ValueError} unless the step is an array, states are in a list, and it was initialized
 *
 * @example
 * const cell = new rnn.Conv2DGRUCell([3, 8, 8], 4, { activation: 'relu' });
 * cell.initialize();
 * cell(nd.ones([1, 3, 8, 8]), cell.beginState(1))[0].shape;   // [1, 4, 8, 8]
 */
export class Conv2DGRUCell extends ConvCell {
  protected static override readonly kind: Kind = { step: GRU, rank: 2 };
}
/**
 * GRU cell over [batch, channels, depth, height, width].
 *
 * @see {@link Conv2DGRUCell}
 */
export class Conv3DGRUCell extends ConvCell {
  protected static override readonly kind: Kind = { step: GRU, rank: 3 };
}
