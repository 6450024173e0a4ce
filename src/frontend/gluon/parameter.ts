/**
 * Parameters: named arrays that a block owns and a trainer updates; their shape may be learnt from the first input.
 *
 * Invariants: once made, the handles from `data()` stay the same for the parameter's life (values change under them), so
 * that programs that captured them see every update; `cast` and moves to other devices make new ones, and programs are
 * made anew. Copies on several devices have equal values as long as only trainers and `setData` change them.
 */
import { devicesOf, namesOf, onto, replicate } from '#several';
import { type DType, isFloat } from '../../ir/dtype.ts';
import { type Shape, showType, type TensorType } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import { attempted, onFailure } from '../attempt.ts';
import * as autograd from '../autograd.ts';
import { assign } from '../call.ts';
import { failure } from '../callsite.ts';
import { defaultDevice } from '../default-device.ts';
import { mode } from '../mode.ts';
import { checkDtype, checkShape } from '../nd/creation.ts';
import { astype } from '../nd/math.ts';
import { aliasOf, isNDArray, type NDArray, rebind } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { newRevision } from '../revision.ts';
import { type InitializerLike, initializer } from './init/named.ts';
import {
  checkGradReq,
  checkKinds,
  checkMultiplier,
  type GradReq,
  PARAMETER_OPTIONS,
  type ParameterOptions,
} from './parameter-options.ts';
import { abandon, drawValues, outside, type Wanted } from './parameter-values.ts';
import type { Devices } from './replicas.ts';

/**
 * A trainable array of a block.
 *
 * Of any shape, 0 where a size is to be learnt, and of any dtype; those that have gradients are floats.
 *
 * @throws {ShapeError} for what is no shape
 * @throws {OptionError} for a dtype or `gradReq` that is none, multipliers that are no numbers, and unknown options
 * @throws {DTypeError} for integers and booleans, unless `gradReq` is 'null'
 *
 * @example
 * class Scale extends HybridBlock {
 *   factor = new Parameter({ shape: [1], init: 'ones' });
 *   override forward(x: nd.NDArray) { return x.mul(this.factor.data()); }
 * }
 * const { factor } = new Scale();
 * factor.isInitialized;   // false
 * factor.initialize();
 * factor.setData(nd.array([3]));
 * factor.listData().length === factor.listDevices().length;   // true
 * factor.zeroGrad();
 * factor.listGrad()[0];   // [0]
 * factor.gradReq = 'null';
 * factor.cast('float16');
 * factor.data().dtype;   // 'float16'
 * new Parameter({ shape: [0, 2] }).infer([3, 2]);
 */
export class Parameter {
  /** Path in the block it was last collected from: `features.0.weight`. */
  name = 'parameter';
  lrMult: number;
  wdMult: number;
  readonly init: InitializerLike | undefined;
  readonly differentiable: boolean;
  #shape: Shape;
  #dtype: DType;
  #gradReq: GradReq;
  /** One for each device. */
  #copies: readonly NDArray[] = [];
  /** What `initialize` asked for, until the shape is known. */
  #pending: Wanted | undefined;
  /** True while the gradients of its copies are being summed. */
  #busy = false;

  constructor(options: ParameterOptions) {
    checkOptions('Parameter', options ?? {}, PARAMETER_OPTIONS);
    this.#shape = checkShape('Parameter', options?.shape);
    this.#dtype = checkDtype('Parameter', options.dtype ?? 'float32');
    this.differentiable = options.differentiable ?? true;
    const gradReq = options.gradReq ?? (this.differentiable ? 'write' : 'null');
    this.#gradReq = checkGradReq(this.name, gradReq, this.differentiable);
    checkKinds(this.name, this.#dtype, this.#gradReq);
    this.init = options.init;
    this.lrMult = checkMultiplier('lrMult', options.lrMult ?? 1);
    this.wdMult = checkMultiplier('wdMult', options.wdMult ?? 1);
  }

  /** Sizes; 0 where not known yet. */
  get shape(): Shape {
    return this.#shape;
  }
  /** Of the values. */
  get dtype(): DType {
    return this.#dtype;
  }
  /**
   * What backward passes do with the gradient: write it, add to it, or nothing. May be set.
   *
   * @throws {OptionError} when set to another value, or to one of gradients where it is not differentiable
   * @throws {DTypeError} when set to one of gradients where the dtype is no float
   */
  get gradReq(): GradReq {
    return this.#gradReq;
  }
  set gradReq(value: GradReq) {
    checkKinds(this.name, this.#dtype, checkGradReq(this.name, value, this.differentiable));
    this.#gradReq = value;
    for (const data of this.#copies) this.#attach(data);
  }
  /** True when it has values. */
  get isInitialized(): boolean {
    return this.#copies.length > 0;
  }

  /**
   * Makes the values now, or, when the shape is not known yet, at the first use: on one device, or equal copies on each
   * of several.
   *
   * Values have its shape and dtype.
   *
   * @throws {OptionError} for a name that is no initializer's, or unknown options
   * @throws {DeviceError} for devices that are none, or there twice
   * @throws {ShapeError} for an initializer that is not for this shape
   */
  initialize(
    options: { init?: InitializerLike; device?: Devices; forceReinit?: boolean } = {},
  ): void {
    checkOptions('Parameter.initialize', options, ['init', 'device', 'forceReinit']);
    if (this.isInitialized && !options.forceReinit) return;
    const init = this.init ?? options.init ?? 'uniform';
    initializer(init);
    const devices = devicesOf('initialize', options.device);
    attempted(() => {
      this.#noteState();
      this.#pending = { init, devices };
      if (!this.#shape.includes(0)) this.#make();
    });
  }

  /**
   * Tells the parameter its shape, learnt from an input, and makes its values if they were waited for. Layers call it
   * first thing in `forward`.
   *
   * @throws {ShapeError} for a shape that does not fit the one it was made with
   */
  infer(shape: Shape): void {
    if (this.isInitialized) return;
    checkShape(this.name, shape);
    const fits =
      shape.length === this.#shape.length &&
      shape.every((d, i) => this.#shape[i] === 0 || this.#shape[i] === d);
    if (!fits)
      throw failure(
        'shape',
        `${this.name}: the input asks for shape [${shape.join(', ')}], it was made as [${this.#shape.join(', ')}]`,
        'give the layer the right input size, or none to have it inferred',
      );
    attempted(() => {
      this.#noteState();
      this.#shape = shape.slice();
      if (this.#pending !== undefined) this.#make();
    });
  }

  /** Should the call that is going on throw, the shape and the values that it gave are forgotten. */
  #noteState(): void {
    const [shape, pending, copies] = [this.#shape, this.#pending, this.#copies];
    const values = copies.map(aliasOf);
    onFailure(() => {
      if (this.#copies !== copies) for (const x of this.#copies) abandon(x);
      for (const [i, x] of copies.entries()) rebind(x, values[i]!);
      this.#shape = shape;
      this.#pending = pending;
      this.#copies = copies;
    });
  }

  /**
   * The array itself, of its shape and dtype: it changes when the parameter is updated. With copies on several devices,
   * the one on `device`; inside a block that is the device of the block's arguments, elsewhere the default one.
   *
   * @throws {ValueError} when it has no values, or a step over several devices is not done
   * @throws {DeviceError} when it is not on that device
   */
  data(device?: Device): NDArray {
    const copies = this.#copies;
    return copies.length === 1 && device === undefined ? copies[0]! : this.#on(device);
  }

  #on(device: Device | undefined): NDArray {
    const copies = this.listData();
    this.#checkBusy();
    const wanted = device ?? mode.trace?.device ?? defaultDevice();
    const copy = copies.find((x) => x.device === wanted);
    if (copy === undefined)
      throw failure(
        'device',
        `${this.name} is on ${namesOf(this.listDevices())}, not on ${wanted?.name ?? shown(wanted)}`,
        'give the block arrays on its devices (utils.splitAndLoad), or name one: data(device)',
      );
    if (copies.length > 1) mode.trace?.guards.push(() => !this.#busy);
    return copy;
  }

  #checkBusy(): void {
    if (this.#busy)
      throw failure(
        'value',
        `${this.name} is used before a step over several devices is done`,
        'await trainer.step(batchSize)',
      );
  }

  /** From true to false nobody may compute with it. @internal */
  setBusy(busy: boolean): void {
    if (busy) this.#checkBusy();
    this.#busy = busy;
  }

  /**
   * The arrays on all its devices, of its shape and dtype.
   *
   * @throws {ValueError} when it has no values
   */
  listData(): readonly NDArray[] {
    if (this.isInitialized) return this.#copies;
    throw failure(
      'value',
      this.#pending === undefined
        ? `${this.name} has no values: the block was not initialized`
        : `${this.name} has no values yet: its shape [${this.#shape.join(', ')}] is learnt from the first input`,
      this.#pending === undefined
        ? 'call net.initialize() before using it: it finds blocks in fields, arrays, maps and plain objects, not in #private fields'
        : 'call the block once, or give the layer its input size',
    );
  }

  /**
   * The devices that it is on, or will be once its shape is known.
   *
   * @throws {ValueError} when it was not initialized
   */
  listDevices(): readonly Device[] {
    return this.#pending?.devices ?? this.listData().map((x) => x.device);
  }

  /**
   * The gradient of the last backward pass, of its shape and dtype; of which device, as in `data`.
   *
   * @throws {GradientError} when `gradReq` is 'null'
   * @throws {ValueError | DeviceError} as `data`
   */
  grad(device?: Device): NDArray {
    return this.#gradientOf(this.data(device));
  }

  /**
   * The gradients on all its devices, of its shape and dtype.
   *
   * @throws {GradientError} when `gradReq` is 'null'
   * @throws {ValueError} when it has no values
   */
  listGrad(): readonly NDArray[] {
    return this.listData().map((x) => this.#gradientOf(x));
  }

  #gradientOf(data: NDArray): NDArray {
    const gradient = autograd.gradientOf(data);
    if (gradient !== undefined) return gradient;
    throw failure('gradient', `${this.name} has no gradient`, `its gradReq is '${this.#gradReq}'`);
  }

  /**
   * Sets the gradient to zero: needed between steps with gradReq 'add'.
   *
   * @throws {ValueError} when it has no values
   */
  zeroGrad(): void {
    for (const data of this.listData()) {
      const gradient = autograd.gradientOf(data);
      if (gradient !== undefined) assign(gradient, gradient.mul(0));
    }
  }

  /**
   * Replaces the values, on all its devices. Shape and dtype must fit (a shape that is not known yet is taken over).
   *
   * @throws {ShapeError} for another shape or dtype
   * @throws {ValueError} for what is no array
   */
  setData(value: NDArray): void {
    if (!isNDArray(value))
      throw failure(
        'value',
        `${this.name}: setData with ${shown(value)}, which is not an NDArray`,
        'nd.array(values) makes an array',
      );
    this.setEach(value.type, value.device, (device) => onto(value, device, 'setData'));
  }

  /**
   * Replaces the values by what `make` gives for each device; `home` is the device of a parameter that was not
   * initialized. @internal
   */
  setEach(type: TensorType, home: Device, make: (device: Device) => NDArray): void {
    if (!this.isInitialized) {
      this.infer(type.shape);
      if (!this.isInitialized) {
        this.#pending = { init: 'zeros', devices: [home] };
        this.#make();
      }
    }
    for (const data of this.#copies) {
      if (type !== data.type)
        throw failure(
          'shape',
          `${this.name}: setData with ${showType(type)} for ${showType(data.type)}`,
          'shapes and dtypes must be equal',
        );
      assign(data, make(data.device));
    }
  }

  /**
   * Changes the dtype of values and gradients; compiled programs that use the parameter are made anew.
   *
   * @throws {OptionError} for what is no dtype
   * @throws {DTypeError} for a dtype that is no float, unless `gradReq` is 'null'
   */
  cast(dtype: DType): void {
    checkKinds(this.name, checkDtype('cast', dtype), this.#gradReq);
    this.#dtype = dtype;
    if (this.isInitialized)
      this.#replace(outside(() => this.#copies.map((x) => astype(x, dtype).copy())));
  }

  /**
   * Puts copies that `make` gives in the place of its own; where values are yet to be made, they will be made on
   * `devices`. @internal
   */
  moveTo(devices: readonly Device[], make: (device: Device) => NDArray): void {
    if (this.#pending !== undefined) this.#pending = { ...this.#pending, devices };
    if (this.isInitialized) this.#replace(outside(() => replicate(devices, make)));
  }

  #make(): void {
    const wanted = this.#pending!;
    this.#pending = undefined;
    const made = drawValues(this, wanted);
    const inPlace =
      made.length === this.#copies.length &&
      made.every((x, i) => x.device === this.#copies[i]!.device);
    if (inPlace)
      outside(() => {
        for (const [i, x] of made.entries()) assign(this.#copies[i]!, x);
      });
    else this.#replace(made);
  }

  /** Other handles, which programs that captured the old ones do not know. */
  #replace(copies: readonly NDArray[]): void {
    if (this.isInitialized) newRevision();
    this.#copies = outside(() => copies.map((x) => this.#attach(x)));
  }

  #attach(data: NDArray): NDArray {
    return isFloat(data.dtype) ? autograd.attachGrad(data, this.#gradReq) : data;
  }

  /**
   * Name, dtype and sizes: `Parameter(0.weight float32 [4, 3])`. Also what `console.log` shows in Node.
   *
   * @throws nothing
   */
  toString(): string {
    return `${this.constructor.name}(${this.name} ${this.#dtype} [${this.#shape.join(', ')}])`;
  }
}
Object.defineProperty(Parameter.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value: Parameter.prototype.toString,
});
