/**
 * `utils`: batches cut into parts, one for each device; gradients kept in bounds.
 *
 * Invariant: parts keep the order of the samples, and their sizes differ by one at most.
 */
import { devicesOf, onto } from '#several';
import type { Device } from '../../runtime/device.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../methods.ts';
import { withMode } from '../mode.ts';
import { slice } from '../nd/indexing.ts';
import { isNDArray } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';

export { type ClipOptions, clipGlobalNorm, clipGradValue } from './clip.ts';

export interface SplitOptions {
  /** The axis of the samples. Default 0. */
  readonly batchAxis?: number;
  /** True (default): a batch that cannot be cut into equal parts is an error. */
  readonly evenSplit?: boolean;
}

/**
 * Cuts a batch into `parts` arrays along its samples. With `{ evenSplit: false }` the first ones may have a sample
 * more, and a batch with fewer samples than that gives as many parts as it has samples.
 *
 * [samples, ...] of any dtype, which stays.
 *
 * @throws {ShapeError} for an axis that the batch does not have, and samples that do not divide into equal parts,
 *   unless `evenSplit` is false
 * @throws {ValueError} unless `parts` is an integer ≥ 1, and the batch an array
 *
 * @example utils.splitData(nd.arange(5), 2, { evenSplit: false })   // [0, 1, 2] and [3, 4]
 */
export const splitData = (batch: NDArray, parts: number, options: SplitOptions = {}): NDArray[] =>
  cut('splitData', batch, parts, options);

/**
 * Cuts a batch as `splitData` does and puts one part on each device, without history. The batch has to be on a device
 * that can be read at once, such as the CPU, unless its part stays where it is.
 *
 * Shapes and dtypes are those of `splitData`.
 *
 * @throws {ShapeError} for an axis that the batch does not have, and samples that do not divide into equal parts,
 *   unless `evenSplit` is false
 * @throws {DeviceError} for devices that are none, or there twice, and a batch that cannot be read at once
 * @throws {ValueError} for a batch that is no array
 *
 * @example
 * const xs = utils.splitAndLoad(x, devices);
 * const ys = utils.splitAndLoad(y, devices);
 * const losses = autograd.record(() => xs.map((part, i) => loss(net(part), ys[i]!)));
 * autograd.backward(losses);
 * await trainer.step(x.shape[0]);
 */
export const splitAndLoad = (
  batch: NDArray,
  devices: readonly Device[],
  options: SplitOptions = {},
): NDArray[] => {
  const list = devicesOf('splitAndLoad', devices);
  return withMode({ recording: false, taping: false }, () =>
    cut('splitAndLoad', batch, list.length, options).map((part, i) => {
      const loaded = onto(part, list[i]!, 'splitAndLoad');
      if (part !== batch) part.dispose();
      return loaded;
    }),
  );
};

const cut = (where: string, batch: NDArray, parts: number, options: SplitOptions): NDArray[] => {
  checkOptions(where, options, ['batchAxis', 'evenSplit']);
  const { batchAxis = 0, evenSplit = true } = options;
  if (!isNDArray(batch))
    throw failure(
      'value',
      `${where}: the batch is ${shown(batch)}, not an NDArray`,
      'nd.array(values) makes an array',
    );
  if (!Number.isInteger(parts) || parts < 1)
    throw failure('value', `${where}: ${shown(parts)} parts`, 'pass an integer ≥ 1');
  const samples = Number.isInteger(batchAxis) ? batch.shape[batchAxis] : undefined;
  if (samples === undefined)
    throw failure(
      'shape',
      `${where}: there is no axis ${shown(batchAxis)} in [${batch.shape.join(', ')}]`,
      'batchAxis is the axis of the samples, from 0',
    );
  if (evenSplit && samples % parts !== 0)
    throw failure(
      'shape',
      `${where}: ${samples} samples cannot be cut into ${parts} equal parts`,
      'pass { evenSplit: false }, or leave out the last, smaller batch: new DataLoader(data, { lastBatch: "discard" })',
    );
  const before = new Array<string>(batchAxis).fill(':');
  const count = Math.min(parts, samples);
  const [size, longer] = [Math.floor(samples / count), samples % count];
  return Array.from({ length: count }, (_, i) => {
    const begin = i * size + Math.min(i, longer);
    return slice(batch, ...(before as ':'[]), [begin, begin + size + (i < longer ? 1 : 0)]);
  });
};
