/**
 * Blocks: callable layers and models.
 *
 * Invariant: a block is a function object with its class's prototype: `net(x)` runs hooks and `forward`. Members live on
 * prototypes; children and parameters are own properties.
 */
import { besideArguments } from '#several';
import type { DType } from '../../ir/dtype.ts';
import { attempted } from '../attempt.ts';
import { failure, withinBlock } from '../callsite.ts';
import type { HybridizeOptions } from '../hybridize.ts';
import { mode } from '../mode.ts';
import { checkChoice, checkFunction, checkOptions, shown } from '../options.ts';
import { newRevision } from '../revision.ts';
import { hiddenOf, nameMembers } from './block-state.ts';
import type { InitializerLike } from './init.ts';
import type { Parameter } from './parameter.ts';
import { checkMultiplier } from './parameter-options.ts';
import type { Devices } from './replicas.ts';
import type { ArrayDict, LoadOptions, SaveOptions } from './save.ts';
import { share } from './share.ts';
import { blocksIn, isBlock, isHybrid, markBlocks, membersOf } from './structure.ts';
import { summaryOf, treeOf } from './summary.ts';
import {
  type ForwardHook,
  type ForwardPreHook,
  type HookHandle,
  hang,
  type OpHook,
  surrounded,
} from './surround.ts';
import { isUntraceable, Untraceable } from './untraceable.ts';

const HOOK = 'pass a function of the block and its arguments';

export interface Block {
  (...args: Parameters<this['forward']>): ReturnType<this['forward']>;
  /** As of any function. */
  readonly length: number;
}

/**
 * A layer or model that runs imperatively. Subclasses declare children and parameters as fields, and `forward`.
 *
 * Arrays of any shapes and dtypes go in and come out, nested in arrays and plain objects: what they must be is what
 * `forward` asks for.
 *
 * @throws {ValueError} when called without a `forward`, or before `initialize`, and whatever `forward` throws
 *
 * @example
 * class Twice extends Block {
 *   layer = new nn.Dense(4);
 *   override forward(x: nd.NDArray) { return this.layer(this.layer(x)); }
 * }
 * const twice = new Twice();
 * twice.initialize();
 * const hooks = [
 *   twice.registerForwardPreHook(() => console.log('before')),
 *   twice.registerForwardHook(() => console.log('after')),
 * ];
 * twice(nd.ones([1, 4]));
 * for (const hook of hooks) hook.detach();
 * console.log(twice.summary(nd.ones([1, 4])));
 * await twice.saveParameters('twice.safetensors');
 * await twice.loadParameters('twice.safetensors');
 */
export class Block {
  constructor() {
    const self = (...args: unknown[]): unknown =>
      attempted(() => (self as unknown as Block).invoke(args));
    // biome-ignore lint/correctness/noConstructorReturn: a callable object with this class's prototype
    return Object.setPrototypeOf(self, new.target.prototype) as this;
  }

  /**
   * What the block computes. Arguments and result: arrays, or nested arrays and plain objects of them.
   *
   * A call that throws leaves parameters, running statistics and random numbers as they were. An asynchronous `forward`
   * that rejects does not: what it did stays, as others may have built on it while it waited.
   *
   * @throws {ValueError} unless the subclass defines it
   */
  forward(..._args: never[]): unknown {
    throw failure(
      'value',
      `${this.constructor.name} has no forward()`,
      'define forward(x) { ... } in the class',
    );
  }

  /** Runs hooks and `forward`: what calling the block does. @internal */
  invoke(args: readonly unknown[]): unknown {
    const state = hiddenOf(this);
    if (!state.named) nameMembers(this);
    return withinBlock(state.label, () => {
      if (mode.trace === undefined) return this.run(args);
      try {
        return this.run(args);
      } catch (error) {
        throw isHybrid(this) || !isUntraceable(error) ? error : new Untraceable(error, this);
      }
    });
  }

  /** What is around `forward`, and `forward`. @internal */
  run(args: readonly unknown[]): unknown {
    const { around } = hiddenOf(this);
    const forward = (...given: unknown[]): unknown => this.forward(...(given as never[]));
    return besideArguments(args, () => surrounded(this, around, args, forward));
  }

  /**
   * All parameters below this block, in the order in which they were declared.
   *
   * @throws nothing
   */
  parameters(): Parameter[] {
    return [...this.collectParams().values()];
  }

  /**
   * Parameters by name. `select`: a regular expression (or its text) that names must match from the start, as in
   * `net.collectParams('.*weight')`.
   *
   * @throws {ValueError} for a text that is no regular expression
   */
  collectParams(select?: string | RegExp): Map<string, Parameter> {
    const all = nameMembers(this);
    if (select === undefined) return all;
    const pattern = patternOf(select);
    return new Map([...all].filter(([name]) => pattern.test(name)));
  }

  /**
   * Gives all parameters values: each by its own initializer if it has one, else by `init` (default 'uniform').
   * Parameters whose shape depends on the input get them at the first call. With a list of devices, each has an equal
   * copy of them all, and a call computes on the device of its arguments.
   *
   * Values have the shape and dtype of their parameter.
   *
   * @throws {OptionError} for a name that is no initializer's, or unknown options
   * @throws {DeviceError} for devices that are none, or there twice
   * @throws {ShapeError} for initializers that do not fit a parameter
   */
  initialize(
    options: { init?: InitializerLike; device?: Devices; forceReinit?: boolean } = {},
  ): void {
    checkOptions('initialize', options, ['init', 'device', 'forceReinit']);
    attempted(() => {
      for (const parameter of this.collectParams().values()) parameter.initialize(options);
    });
  }

  /**
   * Activates every HybridBlock below. Plain blocks stay imperative.
   *
   * @throws {OptionError} for unknown options, or values that are out of range
   */
  hybridize(options: HybridizeOptions = {}): void {
    for (const member of membersOf(this))
      if (member.kind === 'block') member.block.hybridize(options);
  }

  /**
   * Calls `visit` for this block and all below, children first.
   *
   * @throws {ValueError} unless `visit` is a function
   */
  apply(visit: (block: Block) => void): this {
    checkFunction('apply', visit, 'pass a function of a block');
    for (const { block } of blocksIn(this).reverse()) visit(block);
    return this;
  }

  /**
   * Changes the dtype of all parameters; layers may keep some of theirs in float32.
   *
   * @throws {OptionError} for what is no dtype
   * @throws {DTypeError} for a dtype that is no float, where parameters have gradients
   */
  cast(dtype: DType): void {
    for (const member of membersOf(this))
      if (member.kind === 'block') member.block.cast(dtype);
      else member.parameter.cast(dtype);
  }

  /**
   * Moves all parameters to another device, or equal copies to each of several. Values that differ between devices
   * (running statistics) become their mean. A trainer that has made steps is for the devices of before: make a new one.
   *
   * @throws {DeviceError} for devices that are none, or there twice
   *
   * @example await net.resetDevice(device.cpu());
   */
  async resetDevice(device: Devices): Promise<void> {
    const { move } = await import('./save.ts');
    await move(this, device);
  }

  /**
   * Sets the gradients of all parameters to zero.
   *
   * @throws nothing
   */
  zeroGrad(): void {
    for (const p of this.parameters()) if (p.gradReq !== 'null' && p.isInitialized) p.zeroGrad();
  }

  /**
   * Sets `gradReq`, `lrMult` or `wdMult` of all parameters; `gradReq` of those alone that can have gradients.
   *
   * @throws {OptionError} for other names and values
   * @throws {DTypeError} for gradients of parameters that are no floats
   *
   * @example net.setattr('gradReq', 'null');   // frozen
   */
  setattr<Name extends 'gradReq' | 'lrMult' | 'wdMult'>(name: Name, value: Parameter[Name]): void {
    checkChoice('setattr', 'the name', name, ['gradReq', 'lrMult', 'wdMult']);
    if (name !== 'gradReq') checkMultiplier(name, value as number);
    for (const parameter of this.parameters())
      if (name !== 'gradReq' || parameter.differentiable) parameter[name] = value;
  }

  /**
   * Takes parameters over from another block (or from its `collectParams()`), by name: both have the same from now on.
   * Names that the block does not have are ignored; shapes and dtypes must be equal.
   *
   * @throws {ShapeError} for shapes or dtypes that differ
   * @throws {ValueError} for what has no parameters
   *
   * @example
   * const a = new nn.Dense(4, { inUnits: 3 });
   * const b = new nn.Dense(4, { inUnits: 3 }).shareParameters(a);
   */
  shareParameters(from: Block | ReadonlyMap<string, Parameter>): this {
    share(this, isBlock(from) ? from.collectParams() : from);
    nameMembers(this);
    return this;
  }

  /**
   * Whether backward computes this block again instead of keeping what it computed: memory for time. Imperative,
   * hybridized and in hybridized steps.
   *
   * @throws nothing
   *
   * @example net.features.recompute();
   */
  recompute(active = true): this {
    const { around } = hiddenOf(this);
    if (around.recompute !== active) newRevision();
    around.recompute = active;
    return this;
  }

  /**
   * Called before every `forward` of this block; see `registerForwardHook`.
   *
   * @throws {ValueError} unless `hook` is a function
   */
  registerForwardPreHook(hook: ForwardPreHook): HookHandle {
    checkFunction('registerForwardPreHook', hook, HOOK);
    return hang(hiddenOf(this).around.preHooks, hook);
  }

  /**
   * Called after every `forward` of this block. In a hybridized net, hooks are called after each run of its program, in
   * the order of the imperative run; blocks inside loops (`foreach`) show their hooks the arrays of the trace instead.
   *
   * @throws {ValueError} unless `hook` is a function
   */
  registerForwardHook(hook: ForwardHook): HookHandle {
    checkFunction('registerForwardHook', hook, HOOK);
    return hang(hiddenOf(this).around.hooks, hook);
  }

  /**
   * Called with each array that functions inside this block make, under a name such as `hidden.linear0_output`; with
   * `monitorAll` with their operands, too. Hybridized as well: those arrays are results of the program then.
   *
   * Arrays are of any shape and dtype, and not to be changed.
   *
   * @throws {ValueError} unless `hook` is a function
   * @throws {OptionError} for unknown options
   *
   * @example
   * net.registerOpHook((name, op, array) => console.log(name, array.shape));
   */
  registerOpHook(hook: OpHook, options: { readonly monitorAll?: boolean } = {}): HookHandle {
    checkOptions('registerOpHook', options, ['monitorAll']);
    checkFunction('registerOpHook', hook, 'pass a function of a name, an op and an array');
    return hang(hiddenOf(this).around.opHooks, { hook, operands: options.monitorAll ?? false });
  }

  /**
   * Writes all parameters to a safetensors file, under their names; those that are in several places once, unless
   * `{ deduplicate: false }`.
   *
   * @throws {ValueError} when parameters have no values, or for a path that is no text
   * @throws {FileError} when the file cannot be written
   * @throws {OptionError} for unknown options
   */
  async saveParameters(path: string, options?: SaveOptions): Promise<void> {
    const { saveFrom } = await import('./save.ts');
    await saveFrom(this, path, options);
  }

  /**
   * Reads parameters from a safetensors file (path or bytes). Names, shapes and dtypes must match; parameters of
   * float32 take floats of 16 bits too, and with `castDtype` there is a conversion for all floats. Parameters that are
   * in several places are found under any of their names.
   *
   * @throws {FileError} for a file that cannot be read or does not fit, with every name, shape and dtype that does not
   * @throws {DataError} for bytes that are no safetensors file
   * @throws {OptionError} for unknown options
   */
  async loadParameters(source: string | Uint8Array, options?: LoadOptions): Promise<void> {
    const { loadInto } = await import('./save.ts');
    await loadInto(this, source, options);
  }

  /**
   * Takes values over from arrays by name, such as those that `nd.load` reads: as `loadParameters`, with the same
   * options. `arg:` and `aux:` before names, which MXNet writes, are left out.
   *
   * Arrays have the shapes and dtypes of the parameters, but for what options allow.
   *
   * @throws {FileError} for arrays that do not fit, with every name, shape and dtype that does not
   * @throws {ValueError} for what is no array
   *
   * @example
   * const weight = nd.ones([4, 3]);
   * const layer = new nn.Dense(4, { useBias: false });
   * await layer.loadDict({ 'arg:weight': weight });
   */
  async loadDict(arrays: ArrayDict, options?: LoadOptions): Promise<void> {
    const { loadArraysInto } = await import('./save.ts');
    await loadArraysInto(this, arrays, options);
  }

  /**
   * A table of layers, result shapes and parameter counts for the given inputs, arrays of the shapes and dtypes of a
   * call.
   *
   * @throws whatever the call throws
   */
  summary(...args: unknown[]): string {
    return summaryOf(this, args);
  }

  /**
   * What is in the block, as a tree with the shapes of parameters. Also what `console.log(net)` shows in Node.
   *
   * @throws nothing
   */
  toString(): string {
    return treeOf(this);
  }
}
markBlocks(Block.prototype);
Object.defineProperty(Block.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: Block): string {
    return treeOf(this);
  },
});

const patternOf = (select: string | RegExp): RegExp => {
  if (select instanceof RegExp) return select;
  try {
    if (typeof select !== 'string') throw new TypeError('it is no text');
    return new RegExp(`^(?:${select})`);
  } catch (error) {
    throw failure(
      'value',
      `collectParams: ${shown(select)} is not a regular expression (${(error as Error).message})`,
      "write a pattern for whole names, such as '.*weight'",
    );
  }
};
