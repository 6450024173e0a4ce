/**
 * Cells around a cell, that drop, keep back or add: dropout, zoneout, residual connections.
 *
 * Invariant: they have no parameters of their own; outside training they pass everything on.
 */
import type { DType } from '../../../ir/dtype.ts';
import { type Shape, showType } from '../../../ir/type.ts';
import { isTraining } from '../../autograd.ts';
import { failure } from '../../callsite.ts';
import { add, mul, ne } from '../../nd/arithmetic.ts';
import { ones, onesLike, zeros } from '../../nd/creation.ts';
import { where } from '../../nd/indexing.ts';
import type { NDArray } from '../../ndarray.ts';
import { checkOptions, shown } from '../../options.ts';
import { dropout } from '../../random.ts';
import { axisList, expectArray, rate as share } from '../nn/shared.ts';
import { type CellResult, RecurrentCell } from './cell.ts';
import { overSteps } from './sequences.ts';
import type { StateInfo } from './states.ts';

/**
 * A cell around another one, with its states.
 *
 * @see {@link ResidualCell}
 */
export abstract class ModifierCell extends RecurrentCell {
  readonly base: RecurrentCell;
  constructor(base: RecurrentCell) {
    super();
    if (!(base instanceof RecurrentCell))
      throw failure(
        'value',
        `${new.target.name}: ${shown(base)} is no recurrent cell`,
        'pass the cell to put it around',
      );
    this.base = base;
  }
  override stateInfo(batchSize = 0): readonly StateInfo[] {
    return this.base.stateInfo(batchSize);
  }
  override prepare(input: Shape): Shape {
    return this.base.prepare(input);
  }
  override reset(): void {
    this.base.reset();
  }
  override startsIn(dtype: DType): DType {
    return this.base.startsIn(dtype);
  }
}

/**
 * Dropout of the input as a cell without states, to stand between others. `axes`: along these one draw counts for all.
 *
 * Steps of any shape and float dtype, which stay.
 *
 * @throws {ValueError} unless 0 ≤ rate < 1, or for a step that is no array
 * @throws {OptionError} unless `axes` is a list of integers
 * @throws {DTypeError} in training, for integers and booleans
 * @throws {ShapeError} in training, for axes that the step does not have
 *
 * @example
 * const [y, states] = new rnn.DropoutCell(0.5)(nd.ones([2, 3]), []);
 * states.length;   // 0
 */
export class DropoutCell extends RecurrentCell {
  readonly rate: number;
  readonly #axes: readonly number[];
  constructor(rate: number, options: { readonly axes?: readonly number[] } = {}) {
    super();
    checkOptions('DropoutCell', options, ['axes']);
    this.rate = share('DropoutCell', 'rate', rate);
    this.#axes = axisList('DropoutCell', options.axes ?? []);
  }
  override stateInfo(): readonly StateInfo[] {
    return [];
  }
  override prepare(input: Shape): Shape {
    return input;
  }
  override forward(x: NDArray, _states?: readonly NDArray[]): CellResult {
    expectArray('DropoutCell', x);
    const drops = this.rate > 0 && isTraining();
    return [drops ? dropout(x, this.rate, { axes: this.#axes }) : x, []];
  }
}

const checkSame = (x: NDArray, y: NDArray): void => {
  if (x.shape.join() !== y.shape.join())
    throw failure(
      'shape',
      `ResidualCell: the input is ${showType(x.type)}, the output of the cell ${showType(y.type)}`,
      'both must have one shape: make a cell with as many channels as the input',
    );
};

/**
 * Adds the input to the output of a cell of as many channels (He et al. 2016; Wu et al. 2016).
 *
 * The shape of steps stays; dtypes are promoted.
 *
 * @throws {ShapeError} when input and output have different shapes
 * @throws {ValueError} unless `base` is a recurrent cell, and whatever that throws
 *
 * @example
 * const cell = new rnn.ResidualCell(new rnn.GRUCell(3));
 * cell.initialize();
 * const [y] = cell.unroll(2, nd.ones([1, 2, 3]));
 */
export class ResidualCell extends ModifierCell {
  override forward(x: NDArray, states: readonly NDArray[]): CellResult {
    const [y, after] = this.base(x, states) as CellResult;
    checkSame(x, y);
    return [add(y, x), after];
  }
  override scan(x: NDArray, states: readonly NDArray[], lengths: NDArray | undefined): CellResult {
    const [y, after] = this.base.scan(x, states, lengths);
    checkSame(x, y);
    if (lengths === undefined) return [add(y, x), after];
    // behind the end of a sample the output is 0, whatever is there in the input
    const [sums] = overSteps((pair) => [pair, []], add(y, x), [], lengths);
    return [sums, after];
  }
}

/**
 * Zoneout (Krueger et al., ICLR 2017): in training, each element of the output or of a state keeps its value of the
 * step before with the given probability.
 *
 * Shapes and dtypes are those of the cell.
 *
 * @throws {ValueError} unless 0 ≤ share < 1 for both, and `base` is a recurrent cell
 * @throws {OptionError} for unknown options
 *
 * @example
 * const cell = new rnn.ZoneoutCell(new rnn.LSTMCell(4), { outputs: 0.1, states: 0.2 });
 * cell.initialize();
 * const [y] = cell.unroll(3, nd.ones([2, 3, 5]));
 */
export class ZoneoutCell extends ModifierCell {
  readonly outputs: number;
  readonly states: number;
  #before: NDArray | undefined;
  constructor(
    base: RecurrentCell,
    options: { readonly outputs?: number; readonly states?: number } = {},
  ) {
    super(base);
    checkOptions('ZoneoutCell', options, ['outputs', 'states']);
    this.outputs = share('ZoneoutCell', 'outputs', options.outputs ?? 0);
    this.states = share('ZoneoutCell', 'states', options.states ?? 0);
  }
  override reset(): void {
    super.reset();
    this.#before = undefined;
  }

  override forward(x: NDArray, states: readonly NDArray[]): CellResult {
    const before = this.#before;
    const [y, after] = this.#step(x, states, before);
    this.#before = y;
    return [y, after];
  }

  override scan(x: NDArray, states: readonly NDArray[], lengths: NDArray | undefined): CellResult {
    const shape = this.prepare(x.shape.slice(1));
    const start = zeros(shape, { dtype: this.startsIn(x.dtype), device: x.device });
    const [outputs, [, ...after]] = overSteps(
      (element, [before, ...now]) => {
        const [y, next] = this.#step(element, now, before);
        return [y, [y, ...next]];
      },
      x,
      [start, ...states],
      lengths,
    );
    return [outputs, after];
  }

  #step(x: NDArray, states: readonly NDArray[], before: NDArray | undefined): CellResult {
    const [y, after] = this.base(x, states) as CellResult;
    if (!isTraining()) return [y, after];
    const output = this.outputs === 0 ? y : kept(y, before ?? mul(y, 0), this.outputs);
    if (this.states === 0) return [output, after];
    return [output, after.map((s, i) => kept(s, states[i]!, this.states))];
  }
}

/** `next`, but `before` for a share of its elements. */
const kept = (next: NDArray, before: NDArray, share: number): NDArray =>
  where(ne(dropout(onesLike(next), share), 0), next, before);

/** Shares that are dropped; 0 for none. */
export interface VariationalDropoutOptions {
  readonly inputs?: number;
  readonly states?: number;
  readonly outputs?: number;
}

/**
 * Dropout with one mask for all steps of a sequence (Gal & Ghahramani, NIPS 2016), on the inputs, the first state and
 * the outputs of a cell. Masks are drawn at the first step after `reset`.
 *
 * Shapes and dtypes are those of the cell.
 *
 * @throws {ValueError} unless 0 ≤ share < 1 for all, and `base` is a recurrent cell
 * @throws {OptionError} for unknown options
 *
 * @example
 * const cell = new rnn.VariationalDropoutCell(new rnn.LSTMCell(4), { inputs: 0.2, states: 0.2 });
 * cell.initialize();
 * const [y] = cell.unroll(3, nd.ones([2, 3, 5]));
 */
export class VariationalDropoutCell extends ModifierCell {
  readonly inputs: number;
  readonly states: number;
  readonly outputs: number;
  #masks: Masks | undefined;
  constructor(base: RecurrentCell, options: VariationalDropoutOptions = {}) {
    super(base);
    const name = 'VariationalDropoutCell';
    checkOptions(name, options, ['inputs', 'states', 'outputs']);
    this.inputs = share(name, 'inputs', options.inputs ?? 0);
    this.states = share(name, 'states', options.states ?? 0);
    this.outputs = share(name, 'outputs', options.outputs ?? 0);
  }
  override reset(): void {
    super.reset();
    this.#masks = undefined;
  }

  override forward(x: NDArray, states: readonly NDArray[]): CellResult {
    if (!isTraining()) return this.base(x, states) as CellResult;
    const masks = this.#masks ?? this.#draw(x, x.shape, states);
    const result = this.#step(x, states, masks);
    this.#masks = masks;
    return result;
  }

  override scan(x: NDArray, states: readonly NDArray[], lengths: NDArray | undefined): CellResult {
    if (!isTraining()) return this.base.scan(x, states, lengths);
    const masks = this.#draw(x, x.shape.slice(1), states);
    return overSteps((element, now) => this.#step(element, now, masks), x, states, lengths);
  }

  /** Masks for inputs like `x`, of the shape `input` at each step. */
  #draw(x: NDArray, input: Shape, [state]: readonly NDArray[]): Masks {
    const mask = (shape: Shape | undefined, rate: number): NDArray | undefined => {
      if (rate === 0 || shape === undefined) return undefined;
      return dropout(ones(shape, { dtype: this.startsIn(x.dtype), device: x.device }), rate);
    };
    return {
      input: mask(input, this.inputs),
      state: mask(state?.shape, this.states),
      output: mask(this.prepare(input), this.outputs),
    };
  }

  #step(x: NDArray, [first, ...rest]: readonly NDArray[], masks: Masks): CellResult {
    const times = (y: NDArray, mask: NDArray | undefined): NDArray =>
      mask === undefined ? y : mul(y, mask);
    const states = first === undefined ? [] : [times(first, masks.state), ...rest];
    const [y, after] = this.base(times(x, masks.input), states) as CellResult;
    return [times(y, masks.output), after];
  }
}

interface Masks {
  readonly input: NDArray | undefined;
  readonly state: NDArray | undefined;
  readonly output: NDArray | undefined;
}
