/**
 * Values into handles that exist, and onto other devices: what `out=`, `+=`, `x[:] = y`, `copyto` and `as_in_context` are
 * elsewhere.
 *
 * Invariant: values never change, handles do: arrays that looked at the old value keep it. Nothing here is recorded.
 */
import { showType } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import { checkArray, assign as rebindTo } from '../call.ts';
import { contiguous, copyOf } from '../callable.ts';
import { failure } from '../callsite.ts';
import { mode, withMode } from '../mode.ts';
import { isNDArray, type NDArray, type Operand, storageOf } from '../ndarray.ts';
import { shown } from '../options.ts';
import { ONE_DEVICE } from '../trace.ts';
import { full } from './creation.ts';
import { checkFits, upload } from './filled.ts';
import { astype } from './math.ts';
import { broadcastTo } from './shape.ts';

/** `x`, or an error if it does not broadcast to the shape of `target`. */
const stretching = (name: string, x: NDArray, target: NDArray): NDArray => {
  const lead = target.ndim - x.ndim;
  if (lead >= 0 && x.shape.every((d, i) => d === 1 || d === target.shape[lead + i])) return x;
  throw failure(
    'shape',
    `${name}: ${showType(x.type)} does not stretch to ${showType(target.type)}`,
    'axes must be equal or 1, counted from the last',
  );
};

/**
 * Makes `x` stand for `value` (broadcast, converted to the dtype of `x`, any one) from now on, and returns `x`: `x +=
 * y` is `nd.assign(x, x.add(y))`. Inside a hybridized function `x` takes its new value when the program runs. Views of
 * the old value keep it.
 *
 * @throws {ShapeError} for a value that does not broadcast to the shape of `x`
 * @throws {ValueError} for a number that the dtype of `x` does not hold
 * @throws {GradientError} while recording, as the tape holds old values
 *
 * @example
 * const counter = nd.zeros([2]);
 * nd.assign(counter, counter.add(1));
 * counter;   // [1, 1]
 */
export const assign = (x: NDArray, value: Operand): NDArray => {
  checkArray('assign', x);
  if (mode.recording)
    throw failure(
      'gradient',
      `assign: ${showType(x.type)} cannot change while its use is recorded`,
      'compute a new array instead, or assign within autograd.pause(() => …)',
    );
  if (!isNDArray(value)) checkFits('assign: the value', value, x.dtype);
  const given = isNDArray(value)
    ? astype(stretching('assign', value, x), x.dtype)
    : full(x.shape, value, { dtype: x.dtype, device: x.device });
  rebindTo(x, broadcastTo(given, x.shape));
  if (x.origin?.kind !== 'leaf') x.origin = undefined;
  return x;
};

/**
 * The values of `x` on `device`, in memory of their own and without history; known once they have been read. Shape and
 * dtype, any one, stay.
 *
 * @throws {ValueError} unless `device` is one (as a rejected promise)
 * @throws {DTypeError} for dtypes that the device does not have (as a rejected promise)
 * @throws {TraceError} while tracing
 *
 * @example
 * const here = await nd.toDevice(nd.array([1, 2]), nd.zeros([1]).device);
 * here;   // [1, 2]
 */
export const toDevice = (x: NDArray, device: Device): Promise<NDArray> => {
  checkArray('toDevice', x);
  notTraced('toDevice');
  return moved(x, device);
};

const notTraced = (name: string): void => {
  if (mode.trace !== undefined)
    throw failure('trace', `${name}: ${mode.trace.name} is traced as one program`, ONE_DEVICE);
};

const moved = async (x: NDArray, device: Device): Promise<NDArray> => {
  if (typeof device?.allocate !== 'function')
    throw failure('value', `toDevice: ${shown(device)} is not a device`, 'device.cpu() makes one');
  const source = storageOf(x, 'toDevice');
  if (source.device === device)
    return withMode({ recording: false, taping: false }, () => copyOf(x));
  const dense = contiguous(x);
  const { layout, offset } = dense;
  const bytes = await x.device.read(storageOf(dense, 'toDevice'), offset, layout.bytes);
  const copy = upload(x.type, bytes, device, 'toDevice');
  if (dense !== x) dense.dispose();
  return copy;
};

/**
 * Makes `target` stand for the values of `x`, which may be on another device: shapes broadcast, the dtype of `target`,
 * any one, stays. Gives `target`.
 *
 * @throws {ShapeError} if `x` does not broadcast to the shape of `target`
 * @throws {TraceError} while tracing
 *
 * @example
 * const target = nd.zeros([2, 2]);
 * await nd.copyTo(nd.array([1, 2]), target);   // [[1, 2], [1, 2]]
 */
export const copyTo = (x: NDArray, target: NDArray): Promise<NDArray> => {
  checkArray('copyTo', x);
  checkArray('copyTo', target);
  stretching('copyTo', x, target);
  notTraced('copyTo');
  return moved(x, target.device).then((copy) => assign(target, copy));
};
