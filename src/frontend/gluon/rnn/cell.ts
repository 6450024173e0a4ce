/**
 * Recurrent cells: blocks that make one step of a sequence at a time, and run over whole sequences by `unroll`.
 *
 * Invariant: a cell keeps no state between calls (but for masks that `reset` forgets): states go in and come out, in the
 * order of `stateInfo`. In a hybridized function `unroll` is one loop, whose body is compiled once.
 */
import type { DType } from '../../../ir/dtype.ts';
import type { Shape } from '../../../ir/type.ts';
import { attempted } from '../../attempt.ts';
import { split } from '../../nd/concat.ts';
import { squeeze } from '../../nd/shape.ts';
import { isNDArray, type NDArray } from '../../ndarray.ts';
import { checkOptions } from '../../options.ts';
import { HybridBlock } from '../block.ts';
import {
  checkLayout,
  checkLengths,
  type Layout,
  overSteps,
  stepsOf,
  timeFirst,
} from './sequences.ts';
import {
  type BeginOptions,
  checkStates,
  freshStates,
  type StateInfo,
  steppedIn,
} from './states.ts';

/** What a step gives: its output, and the states for the next one. */
export type CellResult = [output: NDArray, states: NDArray[]];

export interface UnrollOptions {
  /** Of inputs and outputs. Default 'NTC'. */
  readonly layout?: Layout;
  /** Default: `beginState` of the batch. */
  readonly beginState?: readonly NDArray[];
  /** Give one array of all outputs; false: a list with one for each step. Default true. */
  readonly mergeOutputs?: boolean;
  /** Steps of each sample, [batch]: behind them outputs are 0 and states stay. Default: all steps. */
  readonly validLength?: NDArray;
}
const UNROLL = ['layout', 'beginState', 'mergeOutputs', 'validLength'];

/**
 * What all cells share. Subclasses say what they learn from inputs (`prepare`) and what a step computes (`forward`).
 *
 * States are [batch, ...]; cells promote input, states and parameters (float32 unless `dtype` or `cast` says
 * otherwise), and `unroll` starts in the dtype that steps give: floats stay or become wider, integers give floats.
 *
 * @throws {ShapeError} for a step or states that do not fit the cell
 * @throws {ValueError} for inputs that are no arrays, states that are no list of as many arrays as `stateInfo` tells,
 *   or when it was not initialized
 *
 * @example
 * const cell: rnn.RecurrentCell = new rnn.GRUCell(4);
 * cell.initialize();
 * cell.prepare([2, 3]);   // [2, 4]
 * cell.stateInfo(2)[0]!.shape;   // [2, 4]
 * cell.reset();
 * const [y, states] = cell(nd.ones([2, 3]), cell.beginState(2));
 * y.shape;   // [2, 4]
 */
export abstract class RecurrentCell extends HybridBlock {
  /**
   * Shapes of the states for a batch: [batchSize, ...], default 0.
   *
   * @throws nothing
   */
  abstract stateInfo(batchSize?: number): readonly StateInfo[];

  /**
   * Learns from the shape of an input, [batch, …], what parameters do not know yet; the shape of an output.
   *
   * @throws {ShapeError} for steps that are not for this cell
   */
  abstract prepare(input: Shape): Shape;

  /** One step: `x` [batch, …] and states in, output and states out. */
  abstract override forward(x: NDArray, states: readonly NDArray[]): CellResult;

  /**
   * Forgets what is drawn once for a sequence. `unroll` calls it; who steps by hand does at the start of each sequence.
   *
   * @throws nothing
   */
  reset(): void {}

  /**
   * States to start from.
   *
   * One for each of `stateInfo`, of its shape and of `dtype` (float32).
   *
   * @throws {OptionError} unless `batchSize` is an integer ≥ 0
   * @throws {ValueError} for a `func` that is no function, or gives no array
   *
   * @example
   * const [h, c] = new rnn.LSTMCell(8).beginState(2);
   * h!.shape;   // [2, 8]
   */
  beginState(batchSize: number, options: BeginOptions = {}): NDArray[] {
    return freshStates(this, batchSize, options);
  }

  /** The dtype of states that a sequence of `dtype` starts from. @internal */
  startsIn(dtype: DType): DType {
    return this.parameters().length === 0 ? dtype : steppedIn(dtype, this.parameters());
  }

  /**
   * Runs over `length` steps of `inputs` ([batch, steps, …], [steps, batch, …] by `layout`, or a list of steps); states
   * start in the dtype that steps give. `validLength`: numbers of any dtype, [batch].
   *
   * @returns the outputs in the layout of the inputs, and the states after the last step (of each sample, with
   *   `validLength`).
   * @throws {ShapeError} when the inputs have another number of steps, or steps and states do not fit the cell
   * @throws {ValueError} unless `length` is an integer ≥ 1, and inputs and states are arrays
   * @throws {DTypeError} for a state that cannot hold what steps give
   * @throws {OptionError} for another layout
   *
   * @example
   * const cell = new rnn.GRUCell(4);
   * cell.initialize();
   * const [outputs, [h]] = cell.unroll(3, nd.ones([2, 3, 5]));
   * outputs.shape;   // [2, 3, 4]
   */
  unroll(
    length: number,
    inputs: NDArray | readonly NDArray[],
    options: UnrollOptions & { readonly mergeOutputs: false },
  ): [NDArray[], NDArray[]];
  unroll(
    length: number,
    inputs: NDArray | readonly NDArray[],
    options?: UnrollOptions,
  ): [NDArray, NDArray[]];
  unroll(
    length: number,
    inputs: NDArray | readonly NDArray[],
    options: UnrollOptions = {},
  ): [NDArray | NDArray[], NDArray[]] {
    return attempted(() => this.#unrolled(length, inputs, options));
  }

  #unrolled(
    length: number,
    inputs: NDArray | readonly NDArray[],
    options: UnrollOptions,
  ): [NDArray | NDArray[], NDArray[]] {
    const name = this.constructor.name;
    checkOptions(`${name}.unroll`, options, UNROLL);
    const layout = checkLayout(`${name}.unroll`, options.layout ?? 'NTC');
    const x = stepsOf(name, length, inputs, layout);
    const batch = x.shape[1]!;
    const lengths = options.validLength;
    if (lengths !== undefined) checkLengths(`${name}.unroll`, lengths, batch);
    this.reset();
    this.prepare(x.shape.slice(1));
    const begin = { dtype: this.startsIn(x.dtype), device: x.device };
    const start = options.beginState ?? this.beginState(batch, begin);
    checkStates(`${name}.unroll`, start, this.stateInfo(batch), begin.dtype);
    const [outputs, states] = this.scan(x, start, lengths);
    if (options.mergeOutputs ?? isNDArray(inputs)) return [timeFirst(outputs, layout), states];
    return [split(outputs, length).map((y) => squeeze(y, 0)), states];
  }

  /**
   * All steps of `x` [steps, batch, …]. Cells that look at a sequence as a whole have their own.
   *
   * @internal
   */
  scan(x: NDArray, states: readonly NDArray[], lengths: NDArray | undefined): CellResult {
    return overSteps((element, now) => this.forward(element, now), x, states, lengths);
  }
}
