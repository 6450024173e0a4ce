/**
 * Recording and training mode: what a stretch of code does to arrays is remembered, or not.
 *
 * Invariant: a mode ends with the function it was turned on for, whichever way that ends.
 */
import { failure, forget } from '../callsite.ts';
import { mode, withMode } from '../mode.ts';
import { checkFunction, checkOptions } from '../options.ts';

const synchronous = <T>(where: string, result: T): T => {
  if (result instanceof Promise) {
    forget(result);
    throw failure(
      'value',
      `autograd.${where}: the function returned a promise`,
      'recording ends when the function returns: do the awaiting outside',
    );
  }
  return result;
};

const RECORD = 'write autograd.record(() => …): the function computes what is to be differentiated';

/**
 * Runs `body` and records what it does to arrays that have `attachGrad()` (floats, of any shape), so that gradients can
 * flow back through it. Turns training mode on, unless `{ training: false }`. Gives what `body` gives.
 *
 * @throws {ValueError} unless `body` is a function, and when it returns a promise
 * @throws {OptionError} for other options
 *
 * @example
 * const l = autograd.record(() => loss(net(x), y));
 * l.backward();
 */
export const record = <T>(body: () => T, options?: { readonly training?: boolean }): T => {
  checkOptions('autograd.record', options, ['training']);
  checkFunction('autograd.record', body, RECORD);
  return synchronous(
    'record',
    withMode({ recording: true, taping: true, training: options?.training ?? true }, body),
  );
};

/**
 * Runs `body` without recording what it does to arrays, of any dtype and shape. Turns training mode off, unless
 * `{ training: true }`. Gives what `body` gives.
 *
 * @throws {ValueError} unless `body` is a function, and when it returns a promise
 * @throws {OptionError} for other options
 *
 * @example
 * const x = nd.ones([2]).attachGrad();
 * autograd.record(() => autograd.pause(() => autograd.isRecording()));   // false
 */
export const pause = <T>(body: () => T, options?: { readonly training?: boolean }): T => {
  checkOptions('autograd.pause', options, ['training']);
  checkFunction('autograd.pause', body, 'write autograd.pause(() => …)');
  return synchronous(
    'pause',
    withMode({ recording: false, taping: false, training: options?.training ?? false }, body),
  );
};

/**
 * Runs `body` as in training (dropout drops, batch norm uses the batch). Recording stays as it is. Gives what `body`
 * gives.
 *
 * @throws {ValueError} unless `body` is a function, and when it returns a promise
 *
 * @example autograd.trainMode(() => autograd.isTraining());   // true
 */
export const trainMode = <T>(body: () => T): T => {
  checkFunction('autograd.trainMode', body, 'write autograd.trainMode(() => …)');
  return synchronous('trainMode', withMode({ training: true }, body));
};
/**
 * Runs `body` as in prediction. Recording stays as it is. Gives what `body` gives.
 *
 * @throws {ValueError} unless `body` is a function, and when it returns a promise
 *
 * @example autograd.record(() => autograd.predictMode(() => autograd.isTraining()));   // false
 */
export const predictMode = <T>(body: () => T): T => {
  checkFunction('autograd.predictMode', body, 'write autograd.predictMode(() => …)');
  return synchronous('predictMode', withMode({ training: false }, body));
};

/**
 * True inside `record`, where gradients can flow. Known while tracing too.
 *
 * @throws nothing
 *
 * @example autograd.record(() => autograd.isRecording());   // true
 */
export const isRecording = (): boolean => mode.recording;
/**
 * True in training mode: inside `record` or `trainMode`. Known while tracing too.
 *
 * @throws nothing
 *
 * @example autograd.isTraining();   // false
 */
export const isTraining = (): boolean => mode.training;
