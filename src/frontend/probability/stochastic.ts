/**
 * Blocks that add terms to the loss while they compute: the divergence of a latent variable, for example.
 *
 * Invariant: `losses` are those of the last call, whether it ran imperatively or compiled: compiled, they are outputs
 * of the program. A block inside another compiled block gives its losses to whoever calls it there.
 */
import { failure } from '../callsite.ts';
import { HybridBlock } from '../gluon/block.ts';
import { append, type Layer } from '../gluon/nn/container.ts';
import type { NDArray } from '../ndarray.ts';
import { isNDArray } from '../ndarray.ts';
import { shown } from '../options.ts';

interface Collected {
  /** Of the call that is running. */
  open: NDArray[] | undefined;
  losses: readonly NDArray[];
}
/** State that is no member of the block: a parameter walk must not find it. */
const collected = new WeakMap<StochasticBlock, Collected>();
const stateOf = (block: StochasticBlock): Collected => {
  let state = collected.get(block);
  if (state === undefined) {
    state = { open: undefined, losses: [] };
    collected.set(block, state);
  }
  return state;
};

interface Packed {
  readonly result: unknown;
  readonly losses: readonly NDArray[];
}

/**
 * A block whose `forward` may call {@link addLoss}; after a call, `losses` has what was added.
 *
 * Arguments, results and losses have whatever shapes and dtypes `forward` gives them.
 *
 * @throws {ValueError} when called without a `forward` of its own
 *
 * @example
 * class Sampled extends StochasticBlock {
 *   layer = new nn.Dense(4);
 *   override forward(x: nd.NDArray) {
 *     const q = new Normal(this.layer(x), 1);
 *     this.addLoss(klDivergence(q, new Normal(0, 1)));
 *     return q.sample();
 *   }
 * }
 * const block = new Sampled();
 * block.initialize();
 * block(nd.ones([2, 3]));
 * block.losses[0]!.shape;   // [2, 4]
 */
export class StochasticBlock extends HybridBlock {
  /**
   * Adds a term of any shape and dtype to the losses of this call.
   *
   * @throws {ValueError} outside of `forward`, and for what is no array
   */
  addLoss(loss: NDArray): void {
    const { open } = stateOf(this);
    if (open === undefined)
      throw failure(
        'value',
        `${this.constructor.name}.addLoss: called outside of forward`,
        'call this.addLoss(…) while the block computes',
      );
    if (!isNDArray(loss))
      throw failure('value', `${this.constructor.name}.addLoss: ${shown(loss)} is not an NDArray`);
    open.push(loss);
  }
  /** What the last call added: arrays in their order, with the shapes and dtypes that they were added with. */
  get losses(): readonly NDArray[] {
    return stateOf(this).losses;
  }

  /** @internal */
  override invoke(args: readonly unknown[]): unknown {
    const { result, losses } = super.invoke(args) as Packed;
    stateOf(this).losses = losses;
    return result;
  }
  /** @internal */
  override run(args: readonly unknown[]): unknown {
    const state = stateOf(this);
    const before = state.open;
    state.open = [];
    try {
      const result = super.run(args);
      const packed: Packed = { result, losses: state.open };
      return packed;
    } finally {
      state.open = before;
    }
  }
}

/**
 * Blocks one after the other; the losses of those that are stochastic become its own.
 *
 * Takes and gives one array, of whatever shapes and dtypes the blocks take and give.
 *
 * @throws {ValueError} for what is no block
 *
 * @example
 * const net = new StochasticSequential(new nn.Dense(3), new nn.Dense(2));
 * net.initialize();
 * net(nd.ones([1, 4])).shape;   // [1, 2]
 * net.losses.length;   // 0
 */
export class StochasticSequential extends StochasticBlock {
  [index: number]: Layer;

  constructor(...layers: Layer[]) {
    super();
    Object.defineProperty(this, 'length', { value: 0, writable: true, configurable: true });
    this.add(...layers);
  }
  /**
   * Appends blocks; returns this.
   *
   * @throws {ValueError} for what is no block
   */
  add(...layers: Layer[]): this {
    append(this, layers);
    return this;
  }
  override forward(x: NDArray): NDArray {
    let y = x;
    for (let i = 0; i < this.length; i++) {
      const layer = this[i]!;
      y = layer(y);
      if (layer instanceof StochasticBlock) for (const loss of layer.losses) this.addLoss(loss);
    }
    return y;
  }
}
