/**
 * Parameters: named arrays that a block owns and a trainer updates; their shape may be learnt from the first input.
 *
 * Invariant: once made, the handle from `data()` stays the same for the parameter's life (values change under it), so
 * that programs that captured it see every update; `cast` alone makes a new one.
 */
import type { DType } from '../../ir/dtype.ts';
import { type Shape, showType } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import * as autograd from '../autograd.ts';
import { assign } from '../call.ts';
import { failure } from '../callsite.ts';
import { defaultDevice } from '../default-device.ts';
import { withMode } from '../mode.ts';
import { checkDtype, checkShape } from '../nd/creation.ts';
import { astype } from '../nd/math.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { checkChoice, checkOptions, shown } from '../options.ts';
import { forParameter } from '../random.ts';
import { type InitializerLike, initializer } from './init.ts';

export type GradReq = 'write' | 'add' | 'null';

export interface ParameterOptions {
  /** Sizes; 0 where they are to be learnt from the first input. */
  readonly shape: Shape;
  /** Default 'float32'. */
  readonly dtype?: DType;
  /** How its values are made; default: what `initialize` is told. */
  readonly init?: InitializerLike;
  /** 'null' for state that no gradient changes (running statistics). Default 'write'. */
  readonly gradReq?: GradReq;
  /** Multiplies the trainer's learning rate. Default 1. */
  readonly lrMult?: number;
  /** Multiplies the trainer's weight decay. Default 1. */
  readonly wdMult?: number;
}

const KNOWN = ['shape', 'dtype', 'init', 'gradReq', 'lrMult', 'wdMult'];

/**
 * A trainable array of a block.
 *
 * @example
 * class Scale extends HybridBlock {
 *   factor = new Parameter({ shape: [1], init: 'ones' });
 *   forward(x: nd.NDArray) { return x.mul(this.factor.data()); }
 * }
 */
export class Parameter {
  /** Path in the block it was last collected from: `features.0.weight`. */
  name = 'parameter';
  lrMult: number;
  wdMult: number;
  readonly init: InitializerLike | undefined;
  #shape: Shape;
  #dtype: DType;
  #gradReq: GradReq;
  #data: NDArray | undefined;
  /** What `initialize` asked for, until the shape is known. */
  #pending: { readonly init: InitializerLike; readonly device: Device } | undefined;

  constructor(options: ParameterOptions) {
    checkOptions('Parameter', options ?? {}, KNOWN);
    this.#shape = checkShape('Parameter', options?.shape);
    this.#dtype = checkDtype('Parameter', options.dtype ?? 'float32');
    this.#gradReq = checkChoice('Parameter', 'gradReq', options.gradReq ?? 'write', [
      'write',
      'add',
      'null',
    ]);
    this.init = options.init;
    this.lrMult = options.lrMult ?? 1;
    this.wdMult = options.wdMult ?? 1;
  }

  /** Sizes; 0 where not known yet. */
  get shape(): Shape {
    return this.#shape;
  }
  get dtype(): DType {
    return this.#dtype;
  }
  get gradReq(): GradReq {
    return this.#gradReq;
  }
  set gradReq(value: GradReq) {
    this.#gradReq = checkChoice('Parameter', 'gradReq', value, ['write', 'add', 'null']);
    if (this.#data !== undefined) this.#attach(this.#data);
  }
  /** True when it has values. */
  get isInitialized(): boolean {
    return this.#data !== undefined;
  }

  /** Makes the values now, or, when the shape is not known yet, at the first use. */
  initialize(
    options: { init?: InitializerLike; device?: Device; forceReinit?: boolean } = {},
  ): void {
    checkOptions('Parameter.initialize', options, ['init', 'device', 'forceReinit']);
    if (this.#data !== undefined && !options.forceReinit) return;
    const init = this.init ?? options.init ?? 'uniform';
    initializer(init);
    this.#pending = { init, device: options.device ?? defaultDevice() };
    if (!this.#shape.includes(0)) this.#make();
  }

  /**
   * Tells the parameter its shape, learnt from an input, and makes its values if they were waited for. Layers call it
   * first thing in `forward`.
   */
  infer(shape: Shape): void {
    if (this.#data !== undefined) return;
    const fits =
      shape.length === this.#shape.length &&
      shape.every((d, i) => this.#shape[i] === 0 || this.#shape[i] === d);
    if (!fits)
      throw failure(
        'shape',
        `${this.name}: the input asks for shape [${shape.join(', ')}], it was made as [${this.#shape.join(', ')}]`,
        'give the layer the right input size, or none to have it inferred',
      );
    this.#shape = shape.slice();
    if (this.#pending !== undefined) this.#make();
  }

  /** The array itself: it changes when the parameter is updated. */
  data(): NDArray {
    if (this.#data !== undefined) return this.#data;
    throw failure(
      'value',
      this.#pending === undefined
        ? `${this.name} has no values: the block was not initialized`
        : `${this.name} has no values yet: its shape [${this.#shape.join(', ')}] is learnt from the first input`,
      this.#pending === undefined
        ? 'call net.initialize() before using it'
        : 'call the block once, or give the layer its input size',
    );
  }

  /** The gradient of the last backward pass. */
  grad(): NDArray {
    const gradient = autograd.gradientOf(this.data());
    if (gradient !== undefined) return gradient;
    throw failure('gradient', `${this.name} has no gradient`, `its gradReq is '${this.#gradReq}'`);
  }

  /** Sets the gradient to zero: needed between steps with gradReq 'add'. */
  zeroGrad(): void {
    const gradient = autograd.gradientOf(this.data());
    if (gradient !== undefined) assign(gradient, gradient.mul(0));
  }

  /** Replaces the values. Shape and dtype must fit (a shape that is not known yet is taken over). */
  setData(value: NDArray): void {
    if (!isNDArray(value))
      throw failure(
        'value',
        `${this.name}: setData with ${shown(value)}, which is not an NDArray`,
        'nd.array(values) makes an array',
      );
    if (this.#data === undefined) {
      this.infer(value.shape);
      if (this.#data === undefined) {
        this.#pending = { init: 'zeros', device: value.device };
        this.#make();
      }
    }
    const data = this.data();
    if (value.type !== data.type)
      throw failure(
        'shape',
        `${this.name}: setData with ${showType(value.type)} for ${showType(data.type)}`,
        'shapes and dtypes must be equal',
      );
    assign(data, value.detach());
  }

  /** Changes the dtype; compiled programs that use the parameter are made anew. */
  cast(dtype: DType): void {
    this.#dtype = checkDtype('cast', dtype);
    if (this.#data === undefined) return;
    this.#data = withMode(OUTSIDE, () => this.#attach(astype(this.#data!, dtype).copy()));
  }

  #make(): void {
    const { init, device } = this.#pending!;
    this.#pending = undefined;
    this.#data = withMode(OUTSIDE, () => {
      const request = { shape: this.#shape, dtype: this.#dtype, device, name: this.name };
      return this.#attach(forParameter(() => initializer(init).draw(request)));
    });
  }

  #attach(data: NDArray): NDArray {
    return autograd.attachGrad(data, this.#gradReq);
  }
}

/** Values are made outside of whatever is being traced or recorded. */
const OUTSIDE = { trace: undefined, recording: false, taping: false } as const;
