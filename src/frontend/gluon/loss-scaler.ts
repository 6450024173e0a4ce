/**
 * Loss scaling: gradients of 16 bits keep their small values when the loss is multiplied by a large number first.
 *
 * Invariant: the scale, and which steps are skipped, are decided on the device, within the step: nothing waits for it,
 * and a compiled step does what the imperative one does. Copies on several devices see the same gradients and stay equal.
 */
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { tensor } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import { failure } from '../callsite.ts';
import { defaultDevice } from '../default-device.ts';
import { withMode } from '../mode.ts';
import { filled } from '../nd/filled.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions } from '../options.ts';
import { data } from '../reading.ts';
import { arithmetic } from './optim/arithmetic.ts';
import { checkNumber } from './optim/optimizer.ts';
import type { ScaledOperands, ScaledStep, StepScaling } from './trainer-step.ts';

export interface LossScalerOptions {
  /** The first scale. Default 2^16; without `dynamic`, the only one. */
  readonly initScale?: number;
  /** Whether the scale follows the gradients. Default true. */
  readonly dynamic?: boolean;
  /** What the scale is multiplied by after `scaleWindow` steps without overflow, and divided by at one. Default 2. */
  readonly scaleFactor?: number;
  /** Steps without overflow before the scale grows. Default 2000. */
  readonly scaleWindow?: number;
  /** The scale does not grow beyond it. Default 2^24. */
  readonly maxScale?: number;
}

const KNOWN = ['initScale', 'dynamic', 'scaleFactor', 'scaleWindow', 'maxScale'];
const LARGEST = 3.4028234663852886e38;
const NAMES = ['scale', 'clean', 'skipped'] as const;

/**
 * The scale of losses, and what it has seen: a step with a gradient that is not finite halves the scale and changes
 * nothing else; after 2000 clean steps the scale doubles.
 *
 * Its numbers are float32 scalars [] on each device of the trainer.
 *
 * @throws {OptionError} unless numbers are above 0, `scaleFactor` above 1, and `scaleWindow` is an integer
 *
 * @example
 * const scaler = amp.initTrainer(trainer, { initScale: 2 ** 10 });
 * console.log(await scaler.scale(), await scaler.skipped());
 * scaler.scaleOn(x.device);   // 1024
 * scaler.markUnscaled();
 */
export class LossScaler implements StepScaling {
  readonly initScale: number;
  readonly dynamic: boolean;
  scaleFactor: number;
  scaleWindow: number;
  maxScale: number;
  /** The arrays of each device, in the order of `NAMES`. */
  readonly #arrays = new Map<Device, readonly NDArray[]>();
  /** The gradients at hand have been divided by the scale already. */
  #unscaled = false;

  constructor(options: LossScalerOptions = {}) {
    checkOptions('LossScaler', options, KNOWN);
    const {
      initScale = 2 ** 16,
      scaleFactor = 2,
      scaleWindow = 2000,
      maxScale = 2 ** 24,
    } = options;
    const positive = (x: number): boolean => x > 0;
    const whole = (x: number): boolean => Number.isInteger(x) && x > 0;
    this.initScale = checkNumber('LossScaler', 'initScale', initScale, '> 0', positive);
    this.scaleFactor = checkNumber('LossScaler', 'scaleFactor', scaleFactor, '> 1', (x) => x > 1);
    this.scaleWindow = checkNumber(
      'LossScaler',
      'scaleWindow',
      scaleWindow,
      'an integer ≥ 1',
      whole,
    );
    this.maxScale = checkNumber('LossScaler', 'maxScale', maxScale, '> 0', positive);
    this.dynamic = options.dynamic ?? true;
  }

  arrays(device: Device): readonly NDArray[] {
    let own = this.#arrays.get(device);
    if (own === undefined) {
      const first = [this.initScale, 0, 0];
      own = withMode({ trace: undefined, scope: undefined, recording: false, taping: false }, () =>
        first.map((value) => filled(tensor('float32', []), value, device)),
      );
      this.#arrays.set(device, own);
    }
    return own;
  }

  /** The arrays by name, each on all devices that it is on: for files. */
  states(device: Device): ReadonlyMap<string, readonly NDArray[]> {
    this.arrays(device);
    const all = [...this.#arrays.values()];
    return new Map(NAMES.map((name, i) => [name, all.map((arrays) => arrays[i]!)]));
  }

  /**
   * What losses are multiplied by, on that device (by default, the default one): a float32 scalar [].
   *
   * @throws {DeviceError} for a device that was closed
   */
  scaleOn(device: Device = defaultDevice()): NDArray {
    return this.arrays(device)[0]!;
  }
  /**
   * The scale now, a number.
   *
   * @throws {DeviceError} when the device is lost
   */
  async scale(): Promise<number> {
    return this.#read(0, this.initScale);
  }
  /**
   * How many steps were skipped.
   *
   * @throws {DeviceError} when the device is lost
   */
  async skipped(): Promise<number> {
    return this.#read(2, 0);
  }

  async #read(which: number, otherwise: number): Promise<number> {
    const [first] = this.#arrays.values();
    return first === undefined ? otherwise : (await data(first[which]!))[0]!;
  }

  /**
   * Says that the gradients have been divided by the scale.
   *
   * @throws {ValueError} when they have been since the last step
   */
  markUnscaled(): void {
    if (this.#unscaled)
      throw failure(
        'value',
        'amp.unscale: the gradients have been unscaled since the last step',
        'call it once, between backward and trainer.step',
      );
    this.#unscaled = true;
  }

  begin(): boolean {
    const unscaled = this.#unscaled;
    this.#unscaled = false;
    return unscaled;
  }

  numbers(): readonly number[] {
    const { dynamic, scaleFactor, scaleWindow, maxScale } = this;
    return dynamic
      ? [scaleFactor, 1 / scaleFactor, scaleWindow, maxScale]
      : [1, 1, scaleWindow, LARGEST];
  }

  build(b: GraphBuilder, { gradients, arrays, numbers, unscaled }: ScaledOperands): ScaledStep {
    const [scale, clean, skipped] = arrays as readonly [Node, Node, Node];
    const [grow, shrink, window, most] = numbers as readonly [Node, Node, Node, Node];
    const m = arithmetic(b);
    const [zero, one] = [m.number(0), m.number(1)];
    const wrong = gradients.map((g) => {
      const greatest = g.type.dtype === 'float64' ? Number.MAX_VALUE : LARGEST;
      const sound = b.op('le', b.op('abs', g), b.lit(greatest, g));
      const flags = b.op('select', sound, b.lit(0, g), b.lit(1, g));
      return b.sum(
        flags,
        g.type.shape.map((_, i) => i),
      );
    });
    const all = wrong.reduce((sum, x) => m.add(sum, x));
    const finite = b.op('eq', all, b.lit(0, all));
    const counted = m.add(clean, one);
    const due = b.op('ge', counted, window);
    const next = m.select(due, m.min(m.mul(scale, grow), m.max(scale, most)), scale);
    const less = m.max(m.mul(scale, shrink), m.min(scale, one));
    return {
      finite,
      scale: unscaled ? undefined : scale,
      skipped,
      assigns: [
        { target: scale, value: m.select(finite, next, less) },
        { target: clean, value: m.select(finite, m.select(due, zero, counted), zero) },
        { target: skipped, value: m.add(skipped, m.select(finite, zero, one)) },
      ],
    };
  }
}
