/**
 * Cells made of cells: one on top of the other, or one in each direction.
 *
 * Invariant: their states are those of their cells, in order.
 */
import type { Shape } from '../../../ir/type.ts';
import { attempted } from '../../attempt.ts';
import { failure } from '../../callsite.ts';
import { concat } from '../../nd/concat.ts';
import type { NDArray } from '../../ndarray.ts';
import { shown } from '../../options.ts';
import { expectArray } from '../nn/shared.ts';
import { type CellResult, RecurrentCell } from './cell.ts';
import { reversed } from './sequences.ts';
import { checkStates, type StateInfo } from './states.ts';

const checkCell = (where: string, cell: unknown): RecurrentCell => {
  if (cell instanceof RecurrentCell) return cell;
  throw failure(
    'value',
    `${where}: ${shown(cell)} is no recurrent cell`,
    'pass cells: new rnn.LSTMCell(8), new rnn.DropoutCell(0.1), …',
  );
};

/** The states of each cell. */
const shares = (cells: readonly RecurrentCell[], states: readonly NDArray[]): NDArray[][] => {
  let next = 0;
  return cells.map((cell) => {
    const from = next;
    next += cell.stateInfo().length;
    return states.slice(from, next);
  });
};

type Stack = RecurrentCell & { [index: number]: RecurrentCell };

/**
 * Cells one on top of the other: each takes the output of the one before. Items and their number as in
 * `nn.HybridSequential`: `stack[0]`, `stack.length`.
 *
 * Shapes, dtypes and errors are those of its cells.
 *
 * @throws {ValueError} for anything but cells; for states that are no list of as many as all cells have
 *
 * @example
 * const stack = new rnn.SequentialRNNCell(new rnn.LSTMCell(8), new rnn.DropoutCell(0.2), new rnn.LSTMCell(4));
 * stack.initialize();
 * const [y] = stack.unroll(5, nd.ones([2, 5, 3]));
 * y.shape;   // [2, 5, 4]
 */
export class SequentialRNNCell extends RecurrentCell {
  constructor(...cells: readonly RecurrentCell[]) {
    super();
    Object.defineProperty(this, 'length', { value: 0, writable: true, configurable: true });
    this.add(...cells);
  }

  /**
   * Puts cells on top.
   *
   * @throws {ValueError} for anything but recurrent cells
   */
  add(...cells: readonly RecurrentCell[]): this {
    for (const cell of cells) {
      (this as unknown as Stack)[this.length] = checkCell(this.constructor.name, cell);
      (this as { length: number }).length++;
    }
    return this;
  }

  /**
   * The cells from the bottom up.
   *
   * @example new rnn.SequentialRNNCell(new rnn.GRUCell(4), new rnn.GRUCell(2)).cells.length;   // 2
   */
  get cells(): readonly RecurrentCell[] {
    return Array.from({ length: this.length }, (_, i) => (this as unknown as Stack)[i]!);
  }

  override stateInfo(batchSize = 0): readonly StateInfo[] {
    return this.cells.flatMap((cell) => cell.stateInfo(batchSize));
  }
  override prepare(input: Shape): Shape {
    return attempted(() => this.cells.reduce((shape, cell) => cell.prepare(shape), input));
  }
  override reset(): void {
    for (const cell of this.cells) cell.reset();
  }

  override forward(x: NDArray, states: readonly NDArray[]): CellResult {
    const name = this.constructor.name;
    expectArray(name, x);
    checkStates(name, states, this.stateInfo(x.shape[0]));
    return this.#through(x, states, (cell, y, own) => cell(y, own) as CellResult);
  }

  override scan(x: NDArray, states: readonly NDArray[], lengths: NDArray | undefined): CellResult {
    return this.#through(x, states, (cell, y, own) => cell.scan(y, own, lengths));
  }

  #through(
    x: NDArray,
    states: readonly NDArray[],
    run: (cell: RecurrentCell, x: NDArray, states: NDArray[]) => CellResult,
  ): CellResult {
    const { cells } = this;
    const own = shares(cells, states);
    const after: NDArray[] = [];
    let y = x;
    cells.forEach((cell, i) => {
      const [output, next] = run(cell, y, own[i]!);
      y = output;
      after.push(...next);
    });
    return [y, after];
  }
}
/** All cells can be hybridized: another name for {@link SequentialRNNCell}. */
export { SequentialRNNCell as HybridSequentialRNNCell };

/**
 * One cell from the first step to the last, another one back; their outputs side by side along the last axis. It sees
 * whole sequences, so it can be unrolled, not stepped. With `validLength` each sample is reversed within its own
 * length.
 *
 * Both cells take steps [batch, channels] and give outputs with equal leading axes; the result has their promoted
 * dtype.
 *
 * @throws {ValueError} for anything but recurrent cells, or when it is called for a single step
 * @throws {ShapeError | DTypeError} as `unroll` of its cells
 *
 * @example
 * const both = new rnn.BidirectionalCell(new rnn.GRUCell(3), new rnn.GRUCell(3));
 * both.initialize();
 * const [y] = both.unroll(4, nd.ones([2, 4, 5]));
 * y.shape;   // [2, 4, 6]
 */
export class BidirectionalCell extends RecurrentCell {
  readonly left: RecurrentCell;
  readonly right: RecurrentCell;
  constructor(left: RecurrentCell, right: RecurrentCell) {
    super();
    this.left = checkCell('BidirectionalCell', left);
    this.right = checkCell('BidirectionalCell', right);
  }

  override stateInfo(batchSize = 0): readonly StateInfo[] {
    return [...this.left.stateInfo(batchSize), ...this.right.stateInfo(batchSize)];
  }
  override prepare(input: Shape): Shape {
    const [a, b] = attempted(() => [this.left.prepare(input), this.right.prepare(input)]);
    return [...a.slice(0, -1), a.at(-1)! + b.at(-1)!];
  }
  override reset(): void {
    this.left.reset();
    this.right.reset();
  }

  override forward(_x: NDArray, _states: readonly NDArray[]): CellResult {
    throw failure(
      'value',
      'BidirectionalCell: cannot make one step: the way back starts at the end',
      'run it over whole sequences with unroll',
    );
  }

  override scan(x: NDArray, states: readonly NDArray[], lengths: NDArray | undefined): CellResult {
    const [there, back] = shares([this.left, this.right], states) as [NDArray[], NDArray[]];
    const [a, afterA] = this.left.scan(x, there, lengths);
    const [b, afterB] = this.right.scan(reversed(x, lengths), back, lengths);
    return [concat([a, reversed(b, lengths)], -1), [...afterA, ...afterB]];
  }
}
