/**
 * Blocks in a row: each takes what the one before gave.
 *
 * Invariant: children are the properties '0', '1', …, so their parameters are named `0.weight`, `1.bias`, ….
 */
import { failure } from '../../callsite.ts';
import type { NDArray } from '../../methods.ts';
import { Block, HybridBlock } from '../block.ts';
import { isBlock } from '../structure.ts';

/** A block from one array to one array. */
export type Layer = Block & { forward(x: NDArray): NDArray };

type Row = Block & { [index: number]: Layer; readonly length: number };

/** Makes `length` count the children: a function has one of its own. */
const open = (row: Block): void => {
  Object.defineProperty(row, 'length', { value: 0, writable: true, configurable: true });
};

const kindOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
};

/** Adds blocks to a row of them. Throws a ValueError for what is no block. */
export const append = (row: Row, layers: readonly Layer[]): void => {
  for (const layer of layers) {
    if (!isBlock(layer))
      throw failure(
        'value',
        `${row.constructor.name}: item ${row.length} is ${kindOf(layer)}, not a block`,
        typeof layer === 'function'
          ? 'wrap functions: new nn.HybridLambda(f)'
          : 'pass blocks: new nn.HybridSequential(new nn.Dense(8), new nn.Dense(2))',
      );
    row[row.length] = layer;
    (row as { length: number }).length++;
  }
};

const childAt = (row: Row, index: number): Layer => {
  const at = index < 0 ? index + row.length : index;
  const layer = Number.isInteger(index) && at >= 0 ? row[at] : undefined;
  if (layer !== undefined) return layer;
  throw failure(
    'value',
    `${row.constructor.name}: there is no block ${index} of ${row.length}`,
    `positions go from ${-row.length} to ${row.length - 1}`,
  );
};

/** The blocks from `begin` before `end`, negative from the end. */
const part = (row: Row, begin: number, end: number | undefined): Layer[] =>
  Array.from({ length: row.length }, (_, i) => row[i]!).slice(begin, end);

const through = (row: Row, x: NDArray): NDArray => {
  let y = x;
  for (let i = 0; i < row.length; i++) y = row[i]!(y);
  return y;
};

/**
 * Blocks one after the other, run imperatively. Its hybrid children are still compiled by `hybridize()`, each for
 * itself; {@link HybridSequential} becomes one program.
 *
 * Shapes and dtypes are those that the blocks take and give; without blocks the input comes back.
 *
 * @throws {ValueError} for anything but blocks, and whatever the blocks throw when called
 *
 * @example
 * const net = new nn.Sequential(new nn.Dense(16, { activation: 'relu' }), new nn.Dense(2));
 * net.initialize();
 * net(nd.ones([4, 8])).shape;   // [4, 2]
 */
export class Sequential extends Block implements Iterable<Layer> {
  [index: number]: Layer;

  constructor(...layers: Layer[]) {
    super();
    open(this);
    append(this, layers);
  }

  /**
   * Appends blocks; returns this.
   *
   * @throws {ValueError} for anything else
   */
  add(...layers: Layer[]): this {
    append(this, layers);
    return this;
  }

  /**
   * The block at a position, negative from the end.
   *
   * @throws {ValueError} unless it is an integer from -length to length - 1
   */
  at(index: number): Layer {
    return childAt(this, index);
  }

  /**
   * The same blocks from `begin` before `end` (default: all), negative from the end, in a container of their own.
   * Positions beyond the ends are those of `Array.slice`.
   *
   * @throws nothing
   */
  slice(begin = 0, end?: number): Sequential {
    return new Sequential(...part(this, begin, end));
  }

  *[Symbol.iterator](): Iterator<Layer> {
    for (let i = 0; i < this.length; i++) yield this[i]!;
  }

  override forward(x: NDArray): NDArray {
    return through(this, x);
  }
}

/**
 * Blocks one after the other; after `hybridize()` they run as one compiled program.
 *
 * Shapes and dtypes are those that the blocks take and give; without blocks the input comes back.
 *
 * @throws {ValueError} for anything but blocks, and whatever the blocks throw when called
 *
 * @example
 * const net = new nn.HybridSequential(new nn.Dense(16, { activation: 'relu' }), new nn.Dense(2));
 * net.initialize({ init: 'xavier' });
 * net.hybridize();
 * net(nd.ones([4, 8])).shape;   // [4, 2]
 * net.length;                   // 2
 * [...net.collectParams().keys()];   // ['0.weight', '0.bias', '1.weight', '1.bias']
 */
export class HybridSequential extends HybridBlock implements Iterable<Layer> {
  [index: number]: Layer;

  constructor(...layers: Layer[]) {
    super();
    open(this);
    append(this, layers);
  }

  /**
   * Appends blocks; returns this.
   *
   * @throws {ValueError} for anything else
   */
  add(...layers: Layer[]): this {
    append(this, layers);
    return this;
  }

  /**
   * The block at a position, negative from the end.
   *
   * @throws {ValueError} unless it is an integer from -length to length - 1
   */
  at(index: number): Layer {
    return childAt(this, index);
  }

  /**
   * The same blocks from `begin` before `end` (default: all), negative from the end, in a container of their own.
   * Positions beyond the ends are those of `Array.slice`.
   *
   * @throws nothing
   */
  slice(begin = 0, end?: number): HybridSequential {
    return new HybridSequential(...part(this, begin, end));
  }

  *[Symbol.iterator](): Iterator<Layer> {
    for (let i = 0; i < this.length; i++) yield this[i]!;
  }

  override forward(x: NDArray): NDArray {
    return through(this, x);
  }
}
