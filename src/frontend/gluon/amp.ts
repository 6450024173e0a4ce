/**
 * `tigon/amp`: automatic mixed precision: where 16 bits will do, and how gradients survive in them.
 *
 * Invariant: parameters stay as they are unless asked otherwise: casts are part of the functions that want them, and
 * the same imperative, recorded and hybridized.
 */

import { summedIn } from '../../ir/dtype.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import { tensor } from '../../ir/type.ts';
import {
  AUTOCAST,
  type AutocastOptions,
  type Policy,
  type Precision,
  policyOf,
} from '../autocast.ts';
import { gradientOf } from '../autograd.ts';
import { failure, forget } from '../callsite.ts';
import type { NDArray } from '../methods.ts';
import { mode, withMode } from '../mode.ts';
import { mul } from '../nd/arithmetic.ts';
import { astype } from '../nd/math.ts';
import { isNDArray } from '../ndarray.ts';
import { checkFunction, checkOptions, shown } from '../options.ts';
import { applyUpdate, type Update, updateOf } from '../update.ts';
import { LossScaler, type LossScalerOptions } from './loss-scaler.ts';
import { arithmetic } from './optim/arithmetic.ts';
import { Trainer } from './trainer.ts';

export type { AutocastOptions, Precision, TargetDtype } from '../autocast.ts';
export { type ConvertOptions, convertHybridBlock } from './amp-convert.ts';
export { LossScaler, type LossScalerOptions } from './loss-scaler.ts';

/**
 * Runs `body` with automatic precisions: products and convolutions compute in `dtype` (summing in float32), what needs
 * range or digits (softmax, norms, sums, exponentials, losses) in float32, everything else in what its operands have.
 * Parameters stay in float32, and so do their gradients. Works inside hybridized functions and around them.
 *
 * Shapes are the same as without; float64 stays float64.
 *
 * @throws {OptionError} for dtypes other than 'float16' and 'bfloat16', and for names in two lists
 * @throws {ValueError} for a `body` that is no function, or gives a promise
 *
 * @example
 * const x = nd.ones([2, 3]);
 * const y = amp.autocast(() => x.matmul(nd.ones([3, 2])));
 * y.dtype;   // 'float16'
 */
export const autocast = <T>(body: () => T, options: AutocastOptions = {}): T =>
  within('amp.autocast', policyOf('amp.autocast', options), body);

/**
 * Runs `body` in the precisions of its operands, whatever `init` or `autocast` around it say.
 *
 * Shapes and dtypes are those that `body` gives without policies.
 *
 * @throws {ValueError} for a `body` that is no function, or gives a promise
 *
 * @example
 * const y = amp.autocast(() => amp.disable(() => nd.ones([2, 2]).matmul(nd.ones([2, 2]))));
 * y.dtype;   // 'float32'
 */
export const disable = <T>(body: () => T): T => within('amp.disable', undefined, body);

const within = <T>(where: string, policy: Policy | undefined, body: () => T): T => {
  checkFunction(where, body, `write ${where}(() => …)`);
  const result = withMode({ autocast: policy }, body);
  if (!(result instanceof Promise)) return result;
  forget(result);
  throw failure('value', `${where}: the function returned a promise`, 'do the awaiting outside');
};

/**
 * Turns automatic precisions on from here on, for the whole program; `{ active: false }` turns them off.
 *
 * @throws {OptionError} for dtypes other than 'float16' and 'bfloat16', and for names in two lists
 *
 * @example
 * amp.init({ dtype: 'bfloat16' });
 * nd.ones([2, 3]).matmul(nd.ones([3, 2])).dtype;   // 'bfloat16'
 * amp.init({ active: false });
 */
export const init = (options: AutocastOptions & { readonly active?: boolean } = {}): void => {
  checkOptions('amp.init', options, [...AUTOCAST, 'active']);
  const { active = true, ...own } = options;
  const policy = policyOf('amp.init', own);
  mode.autocast = active ? policy : undefined;
};

/**
 * The precision of each function that was called under the policy of these options, by name.
 *
 * @throws {OptionError} for options that {@link autocast} refuses
 *
 * @example
 * amp.autocast(() => nd.ones([2, 2]).matmul(nd.ones([2, 2])).softmax());
 * amp.precisions().get('matmul');   // 'target'
 * amp.precisions().get('softmax');   // 'float32'
 */
export const precisions = (options: AutocastOptions = {}): ReadonlyMap<string, Precision> =>
  policyOf('amp.precisions', options).seen;

/**
 * Gives a trainer a loss scaler: from now on it expects gradients of scaled losses, divides by the scale itself, and
 * skips steps with gradients that are not finite. Returns the scaler. Losses of bfloat16 need no scale, as it has the
 * range of float32: `{ initScale: 1, dynamic: false }` still skips such steps.
 *
 * @throws {ValueError} for what is no trainer, and when the trainer has a scaler
 * @throws {OptionError} for options that {@link LossScaler} refuses
 *
 * @example
 * amp.initTrainer(trainer);
 * const l = amp.autocast(() => autograd.record(() => amp.scaleLoss(loss(net(x), y), trainer)));
 * l.backward();
 * trainer.step(x.shape[0]);
 */
export const initTrainer = (trainer: Trainer, options: LossScalerOptions = {}): LossScaler => {
  checkTrainer('amp.initTrainer', trainer);
  if (trainer.scaling !== undefined)
    throw failure('value', 'amp.initTrainer: the trainer has a loss scaler', 'call it once');
  const scaler = new LossScaler(options);
  trainer.scaling = scaler;
  return scaler;
};

const checkTrainer = (where: string, trainer: unknown): void => {
  if (!(trainer instanceof Trainer))
    throw failure('value', `${where}: ${shown(trainer)} is no Trainer`, 'pass a Trainer');
};

const scalerOf = (where: string, trainer: Trainer): LossScaler => {
  checkTrainer(where, trainer);
  if (trainer.scaling instanceof LossScaler) return trainer.scaling;
  throw failure(
    'value',
    `${where}: the trainer has no loss scaler`,
    'call amp.initTrainer(trainer) first',
  );
};

/**
 * The loss, or each of several, of any shape, times the scale of the trainer's scaler, in float32 (of float64 in
 * float64). For backward alone; recorded also where nothing else is.
 *
 * @throws {ValueError} without `initTrainer`, and for what is no array
 *
 * @example
 * amp.initTrainer(trainer);
 * amp.scaleLoss(l, trainer).backward();
 */
export function scaleLoss(loss: NDArray, trainer: Trainer): NDArray;
export function scaleLoss(loss: readonly NDArray[], trainer: Trainer): NDArray[];
export function scaleLoss(
  loss: NDArray | readonly NDArray[],
  trainer: Trainer,
): NDArray | NDArray[] {
  const scaler = scalerOf('amp.scaleLoss', trainer);
  const scaled = (l: NDArray): NDArray => {
    if (!isNDArray(l))
      throw failure('value', `amp.scaleLoss: ${shown(l)} is no array`, 'pass a loss, or several');
    return mul(astype(l, summedIn(l.dtype)), scaler.scaleOn(l.device)) as NDArray;
  };
  const all = (): NDArray | NDArray[] =>
    Array.isArray(loss) ? loss.map(scaled) : scaled(loss as NDArray);
  return mode.recording ? all() : withMode({ recording: true, taping: true }, all);
}

const divisions = new Map<string, Update>();

/**
 * Divides the gradients of the trainer's parameters by the scale, so that they can be looked at and clipped before the
 * step, which then does not divide again.
 *
 * Gradients keep shapes and dtypes; those of 16 bits are divided in float32.
 *
 * @throws {ValueError} without `initTrainer`, and when they have been divided since the last step
 *
 * @example
 * amp.initTrainer(trainer);
 * amp.scaleLoss(l, trainer).backward();
 * amp.unscale(trainer);
 * utils.clipGlobalNorm(net.parameters(), 1);
 * trainer.step(x.shape[0]);
 */
export const unscale = (trainer: Trainer): void => {
  const scaler = scalerOf('amp.unscale', trainer);
  scaler.markUnscaled();
  const wanted = trainer.parameters.filter((p) => p.gradReq !== 'null');
  (wanted[0]?.listDevices() ?? []).forEach((device, copy) => {
    const gradients = wanted.map((p) => gradientOf(p.listData()[copy]!) as NDArray);
    const key = gradients.map((g) => g.type.id).join();
    let update = divisions.get(key);
    if (update === undefined) {
      update = updateOf('unscale', (b: GraphBuilder) => {
        const targets = gradients.map((g, i) => b.input(g.type, { name: `gradient${i}` }));
        const scale = b.input(tensor('float32', []), { name: 'scale' });
        return targets.map((target) => {
          const { dtype } = target.type;
          const m = arithmetic(b, summedIn(dtype));
          const inverse = m.div(m.number(1), scale);
          return { target, value: b.cast(m.mul(b.cast(target, summedIn(dtype)), inverse), dtype) };
        });
      });
      divisions.set(key, update);
    }
    applyUpdate(update, [...gradients, scaler.scaleOn(device)], device);
  });
};
