/**
 * What a trainer demands of its arguments and parameters, and how it says so.
 *
 * Invariant: looks, and changes nothing.
 */
import type { Device } from '../../runtime/device.ts';
import { hasFreshGradient } from '../autograd.ts';
import { failure } from '../callsite.ts';
import { Parameter } from './parameter.ts';
import { namesOf } from './replicas.ts';

/** What a trainer is given to update: `net.parameters()`, or some of them by name: `net.collectParams('.*weight')`. */
export type ParameterSource = Iterable<Parameter> | ReadonlyMap<string, Parameter>;

export const parametersOf = (source: ParameterSource): Parameter[] => {
  const wrong = (what: string): Error =>
    failure('value', `Trainer: ${what}`, 'pass net.parameters() or net.collectParams(...)');
  if (typeof source !== 'object' || source === null || !(Symbol.iterator in source))
    throw wrong('the first argument is not a list of parameters');
  const list: unknown[] = [...(source instanceof Map ? source.values() : source)];
  if (list.length === 0) throw wrong('there are no parameters');
  const odd = list.findIndex((p) => !(p instanceof Parameter));
  if (odd >= 0) throw wrong(`item ${odd} is not a Parameter`);
  return [...new Set(list as Parameter[])];
};

/** `batchSize` as a number to divide by. */
export const checkBatch = (where: string, batchSize: number | undefined): number => {
  if (typeof batchSize === 'number' && batchSize > 0 && Number.isFinite(batchSize))
    return batchSize;
  throw failure(
    'value',
    `${where}: the batch size is ${String(batchSize)}`,
    `pass the number of samples that the loss was computed on: ${where}(x.shape[0])`,
  );
};

/** Throws unless `parameter` is on the same devices as the trainer's `first`, in the same order. */
export const checkDevices = (where: string, parameter: Parameter, first: Parameter): void => {
  const [own, others] = [parameter.listData(), first.listData()];
  if (own.length === others.length && own.every((x, i) => x.device === others[i]!.device)) return;
  const names = (p: Parameter): string => namesOf(p.listDevices());
  throw failure(
    'device',
    `${where}: ${first.name} is on ${names(first)}, ${parameter.name} on ${names(parameter)}`,
    'a trainer updates parameters of one list of devices: initialize all with the same, or make a trainer for each',
  );
};

/** Gradients that no backward pass has written. */
export const staleError = (where: string, stale: readonly Parameter[]): Error => {
  const names = stale.slice(0, 3).map((p) => p.name);
  const more = stale.length > 3 ? ` and ${stale.length - 3} more` : '';
  const missing = missingIn(stale[0]!);
  const on = missing.length === 0 ? '' : ` on ${namesOf(missing)}`;
  return failure(
    'gradient',
    `${where}: no backward pass has written the gradient of ${names.join(', ')}${more}${on} since the last step`,
    missing.length === 0
      ? 'call l.backward() on a recorded loss before each step; { ignoreStaleGrad: true } leaves such parameters as they are'
      : 'call backward on the losses of all devices before each step; { ignoreStaleGrad: true } counts a device without a part of the batch as zero',
  );
};

/** The devices whose gradient is missing, where others have one. */
const missingIn = (parameter: Parameter): readonly Device[] => {
  const missing = parameter.listData().filter((x) => !hasFreshGradient(x));
  return missing.length < parameter.listData().length ? missing.map((x) => x.device) : [];
};

/** A compiled program runs on one device; a step over several is more than one. */
export const severalError = (where: string, name: string, parameter: Parameter): Error =>
  failure(
    'trace',
    `${where}: inside of ${name}, which is hybridized, but the parameters are on ${namesOf(parameter.listDevices())}`,
    'one compiled program runs on one device: hybridize the net and the loss, and call record, backward and trainer.step outside',
  );
