/**
 * Hybrid blocks: those that can also run as one compiled program.
 *
 * Invariant: hybridized or not, a block computes the same.
 */
import type { DType } from '../../ir/dtype.ts';
import { type Shape, tensor } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import { attempted } from '../attempt.ts';
import { failure } from '../callsite.ts';
import { defaultDevice, onDevice } from '../default-device.ts';
import type { Explanation } from '../explain.ts';
import { explanationOf, programsOfCached } from '../explained.ts';
import { CachedFunction, HYBRIDIZE, type HybridizeOptions } from '../hybridize.ts';
import { mode, withMode } from '../mode.ts';
import { checkDtype, checkShape } from '../nd/creation.ts';
import { filled } from '../nd/filled.ts';
import type { NDArray } from '../ndarray.ts';
import { checkList, checkOptions, shown } from '../options.ts';
import { trace } from '../plan.ts';
import { nameMembers } from './block-state.ts';
import { Block } from './plain-block.ts';
import { blocksIn, markHybrid, type Structure, sameStructure, structureOf } from './structure.ts';
import { Untraceable } from './untraceable.ts';

interface Compilation {
  readonly cached: CachedFunction;
  structure: Structure;
  /** Why the block cannot run as one program: its children are compiled each for itself. */
  split: string | undefined;
}

/** An argument that is not there: its shape, and its dtype unless it is float32. */
export type InputSpec = Shape | { readonly shape: Shape; readonly dtype?: DType };

export interface CompileOptions {
  /** Inside `record`. Default false. */
  readonly recording?: boolean;
  /** In training mode. Default: as `recording`. */
  readonly training?: boolean;
}

/** An array of that kind, of zeros. */
const standIn = (where: string, spec: InputSpec, device: Device): NDArray => {
  const isNamed = typeof spec === 'object' && spec !== null && 'shape' in spec;
  const { shape, dtype = 'float32' } = isNamed ? spec : { shape: spec };
  return filled(tensor(checkDtype(where, dtype), checkShape(where, shape)), 0, device);
};

const standIns = (where: string, inputs: readonly InputSpec[], device: Device): NDArray[] => {
  checkList(
    where,
    'the list of inputs',
    inputs,
    'pass a shape for each argument in a list: [[32, 784]]',
  );
  if (typeof device?.allocate !== 'function')
    throw failure('device', `${where}: ${shown(device)} is no device`, 'pass device.default()');
  return inputs.map((spec) => standIn(where, spec, device));
};

const compilations = new WeakMap<HybridBlock, Compilation>();

/**
 * A block that can be compiled: after `hybridize()` its `forward` is traced once per signature and replayed as one
 * fused program. `forward` may use shapes freely, but no values.
 *
 * Programs are for the shapes and dtypes of a call: another signature is another program.
 *
 * @throws {TraceError} when hybridized, and `forward` reads values
 * @throws {ValueError} when called without a `forward`, or before `initialize`, and whatever `forward` throws
 *
 * @example
 * class Net extends HybridBlock {
 *   hidden = new nn.Dense(64, { activation: 'relu' });
 *   output = new nn.Dense(10);
 *   override forward(x: nd.NDArray) { return this.output(this.hidden(x)); }
 * }
 * const net = new Net();
 * net.initialize();
 * net.hybridize();
 */
export class HybridBlock extends Block {
  override invoke(args: readonly unknown[]): unknown {
    const compilation = compilations.get(this);
    if (compilation === undefined || mode.trace !== undefined || !compilation.cached.active)
      return super.invoke(args);
    this.#freshen(compilation);
    if (compilation.split !== undefined) return super.invoke(args);
    try {
      return compilation.cached.call(args);
    } catch (error) {
      if (!(error instanceof Untraceable)) throw error;
      compilation.split = error.message;
      return super.invoke(args);
    }
  }

  /**
   * Compiles this block and all below from the next call on; `{ active: false }` goes back to running imperatively.
   * A plain Block inside that reads values splits the program: the hybrid children are compiled each for itself.
   */
  override hybridize(options: HybridizeOptions = {}): void {
    checkOptions('hybridize', options, HYBRIDIZE);
    const compilation = compilations.get(this);
    if (compilation === undefined) {
      const body = (...args: unknown[]): unknown => super.invoke(args);
      compilations.set(this, {
        cached: new CachedFunction(body, { name: this.constructor.name, ...options }),
        structure: structureOf(this),
        split: undefined,
      });
      nameMembers(this);
    } else {
      compilation.cached.configure(options);
      compilation.split = undefined;
    }
    super.hybridize(options);
  }

  /**
   * Compiles what a call with arguments of these shapes (and dtypes) would run on `device`, and does not run it: so
   * that the first call is as fast as the others. `recording`: a call inside `record`; `training`: in training mode.
   *
   * Shapes are lists of sizes, float32 unless `{ shape, dtype }` says otherwise.
   *
   * @throws {ValueError} unless it was hybridized and `inputs` is a list
   * @throws {ShapeError | OptionError} for shapes and dtypes that are none, and whatever the call would throw
   * @throws {DeviceError} for what is no device
   *
   * @example
   * net.hybridize();
   * net.compileFor(device.default(), [[32, 784]]);
   */
  compileFor(device: Device, inputs: readonly InputSpec[], options: CompileOptions = {}): void {
    checkOptions('compileFor', options, ['recording', 'training']);
    const compilation = compilations.get(this);
    if (compilation === undefined || !compilation.cached.active)
      throw failure('value', 'compileFor: the net is not hybridized', 'call net.hybridize() first');
    const { recording = false, training = recording } = options;
    const args = standIns('compileFor', inputs, device);
    this.#freshen(compilation);
    withMode({ recording, taping: recording, training }, () =>
      onDevice(device, () => compilation.cached.prepare(args)),
    );
  }

  /**
   * Tells parameters their shapes by tracing a call with arguments of these shapes (and dtypes); nothing is computed.
   *
   * Shapes as for `compileFor`, float32 unless said otherwise.
   *
   * @throws {ValueError} unless it was initialized and `inputs` is a list
   * @throws {ShapeError | OptionError} for shapes and dtypes that are none, and whatever the call would throw
   *
   * @example
   * const net = new nn.Dense(3);
   * net.initialize();
   * net.inferShape([[2, 5]]);
   * net.weight.shape;   // [3, 5]
   */
  inferShape(inputs: readonly InputSpec[], device: Device = defaultDevice()): void {
    const args = standIns('inferShape', inputs, device);
    const { name } = this.constructor;
    const body = (...given: unknown[]): unknown => super.invoke(given);
    trace({ name, key: '', device, body, args, arrays: args, keepGradients: false });
  }

  /**
   * Writes the net as it computes for arguments like these: `path.tg`, a program as text (`path.train.tg`: in training
   * mode, where that is another one), and `path.safetensors`, its parameters. `SymbolBlock.imports(path)` makes a net
   * of them without this one's code. Returns the names of the files.
   *
   * The program is for the shapes and dtypes of these arguments; their first axis may be of another size where it is
   * that of the batch.
   *
   * @throws {ValueError} for a path that is no text, arguments without arrays, or when it was not initialized
   * @throws {TraceError} when `forward` reads values
   * @throws {FileError} when files cannot be written
   *
   * @example await net.export('lenet', x);
   */
  async export(path: string, ...args: unknown[]): Promise<string[]> {
    const { exportBlock } = await import('./export.ts');
    return exportBlock(this, path, args);
  }

  #freshen(compilation: Compilation): void {
    if (sameStructure(compilation.structure)) return;
    compilation.cached.clear();
    compilation.structure = structureOf(this);
    compilation.split = undefined;
    nameMembers(this);
  }

  /**
   * What the compiler made of this block: graph, fused kernels with bytes and operations, refusals, memory plan. With
   * arguments, calls the block first. A split block shows the programs of its parts.
   *
   * Arguments are those of a call, of any shapes and dtypes.
   *
   * @throws {ValueError} when there is no program: not hybridized, or not called
   *
   * @example
   * net.hybridize();
   * console.log(net.explain(x).text());
   */
  explain(...args: unknown[]): Explanation {
    if (args.length > 0) attempted(() => this.invoke(args));
    const split = compilations.get(this)?.split;
    const parts = split === undefined ? [this] : blocksIn(this).map(({ block }) => block);
    const programs = parts.flatMap((b) => {
      const cached = b instanceof HybridBlock ? compilations.get(b)?.cached : undefined;
      return cached === undefined ? [] : programsOfCached(cached);
    });
    if (programs.length > 0) return explanationOf(programs, split);
    throw failure(
      'value',
      `explain: ${this.constructor.name} has no compiled program yet`,
      compilations.has(this)
        ? 'call it once, or pass its arguments: net.explain(x)'
        : 'call net.hybridize() first',
    );
  }
}
markHybrid(HybridBlock.prototype);

/** The compiled form of a hybridized block, for tests. */
export const compilationOf = (block: HybridBlock): Readonly<Compilation> | undefined =>
  compilations.get(block);
