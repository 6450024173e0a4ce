/**
 * Keeps gradients in bounds: by the norm of all of them together, or element by element.
 *
 * Invariant: one program on the device that holds the arrays, nothing is read; in a hybridized step it is part of it.
 */
import { type DType, isFloat } from '../../ir/dtype.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { showType, tensor } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import { gradientOf } from '../autograd.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../methods.ts';
import { mode } from '../mode.ts';
import { isNDArray } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { hostScalar, ONE_DEVICE } from '../trace.ts';
import { applyUpdate, type Update, updateOf } from '../update.ts';
import { type Arithmetic, arithmetic } from './optim/arithmetic.ts';
import { Parameter } from './parameter.ts';

/** Arrays to clip, or parameters whose gradients are meant (those with gradReq 'null' are left out). */
export type Clipped = Iterable<NDArray | Parameter> | ReadonlyMap<string, NDArray | Parameter>;

export interface ClipOptions {
  /** Warn, once the value has come from the device, when the norm is not finite. Not in programs. Default false. */
  readonly checkIsFinite?: boolean;
}

/** The arrays of each device. */
const arraysOf = (where: string, source: Clipped): Map<Device, NDArray[]> => {
  const help = 'pass parameters, or their gradients: net.parameters()';
  if (typeof source !== 'object' || source === null || !(Symbol.iterator in source))
    throw failure('value', `${where}: ${shown(source)} is no list of arrays`, help);
  const found = new Map<Device, NDArray[]>();
  const add = (x: NDArray): void => {
    if (!isFloat(x.dtype))
      throw failure('dtype', `${where}: takes floats, not ${showType(x.type)}`, help);
    const list = found.get(x.device);
    if (list === undefined) found.set(x.device, [x]);
    else if (!list.includes(x)) list.push(x);
  };
  let arrays: Device | undefined;
  const items = source instanceof Map ? source.values() : source;
  for (const x of items as Iterable<NDArray | Parameter>)
    if (x instanceof Parameter)
      for (const data of x.gradReq === 'null' ? [] : x.listData()) add(gradientOf(data) as NDArray);
    else if (!isNDArray(x)) throw failure('value', `${where}: ${shown(x)} is no array`, help);
    else if (arrays !== undefined && arrays !== x.device)
      throw failure(
        'device',
        `${where}: arrays live on ${arrays.name} and ${x.device.name}`,
        'pass parameters, after trainer.allreduceGrads(): each device clips its own copies',
      );
    else {
      arrays = x.device;
      add(x);
    }
  if (found.size === 0) throw failure('value', `${where}: there is nothing to clip`, help);
  if (mode.trace !== undefined && found.size > 1)
    throw failure('trace', `${where}: in ${mode.trace.name}, on several devices`, ONE_DEVICE);
  return found;
};

const checkLimit = (where: string, what: string, limit: number): void => {
  if (!(typeof limit === 'number' && limit > 0))
    throw failure('value', `${where}: the ${what} is ${shown(limit)}`, 'it must be a number > 0');
};

const updates = new Map<string, Update>();

/** What arrays are clipped in together. */
const clippedIn = (arrays: readonly NDArray[]): DType =>
  arrays.some((x) => x.dtype === 'float64') ? 'float64' : 'float32';

/** The update of arrays of these types; `build` gets them as float32 or float64, and the limit. */
const updateFor = (
  name: string,
  arrays: readonly NDArray[],
  build: (
    b: GraphBuilder,
    m: Arithmetic,
    xs: Node[],
    limit: Node,
  ) => { values: Node[]; results?: Node[] },
): Update => {
  const key = `${name} ${arrays.map((x) => x.type.id).join()}`;
  let update = updates.get(key);
  if (update === undefined) {
    update = updateOf(name, (b) => {
      const targets = arrays.map((x, i) => b.input(x.type, { name: `x${i}` }));
      const dtype = clippedIn(arrays);
      const limit = b.input(tensor(dtype, []), { name: 'limit', role: 'scalar' });
      const wide = targets.map((x) => b.cast(x, dtype));
      const { values, results } = build(b, arithmetic(b, dtype), wide, limit);
      const assigns = targets.map((target, i) => ({
        target,
        value: b.cast(values[i]!, target.type.dtype),
      }));
      return results === undefined ? { assigns } : { assigns, results };
    });
    updates.set(key, update);
  }
  return update;
};

const LARGEST = 3.4028234663852886e38;

/**
 * Scales `arrays` together so that their norm (the root of the sum of all squares) is `maxNorm` at most, and returns
 * the norm from before, an array of shape []. A norm that is not finite changes nothing. Of parameters, the gradients
 * are meant, on each of their devices for itself.
 *
 * Arrays of any shape and float dtype; the norm is float32, or float64 where one of them is.
 *
 * @throws {ValueError} without arrays, or unless `maxNorm` > 0
 * @throws {DTypeError} for integers and booleans
 * @throws {DeviceError} for arrays on several devices
 * @throws {OptionError} for unknown options
 *
 * @example
 * l.backward();
 * const norm = utils.clipGlobalNorm(net.parameters(), 1);
 * trainer.step(x.shape[0]);
 */
export const clipGlobalNorm = (
  arrays: Clipped,
  maxNorm: number,
  options: ClipOptions = {},
): NDArray => {
  checkOptions('clipGlobalNorm', options, ['checkIsFinite']);
  checkLimit('clipGlobalNorm', 'largest norm', maxNorm);
  const norms = [...arraysOf('clipGlobalNorm', arrays)].map(([device, xs]) => {
    const update = updateFor('clipGlobalNorm', xs, (b, m, wide, largest) => {
      const squares = wide.map((x) => m.square(m.norm(x)));
      const norm = m.sqrt(squares.reduce((sum, x) => m.add(sum, x)));
      const over = m.greater(norm, largest);
      const most = norm.type.dtype === 'float64' ? Number.MAX_VALUE : LARGEST;
      const finite = m.greater(m.number(most), norm);
      const scale = m.select(b.op('and', over, finite), m.div(largest, norm), m.number(1));
      return { values: wide.map((x) => m.mul(x, scale)), results: [norm] };
    });
    const limit = hostScalar(() => maxNorm, clippedIn(xs));
    return applyUpdate(update, [...xs, limit], device)[0] as NDArray;
  });
  if (options.checkIsFinite && mode.trace === undefined)
    for (const norm of norms)
      void norm.item().then((value) => {
        if (!Number.isFinite(value)) console.warn(`clipGlobalNorm: the norm is ${value}`);
      });
  return norms[0]!;
};

/**
 * Clips each element of `arrays` (of parameters: of their gradients) to [-limit, limit].
 *
 * Arrays of any shape and float dtype, which stay.
 *
 * @throws {ValueError} without arrays, or unless `limit` > 0
 * @throws {DTypeError} for integers and booleans
 * @throws {DeviceError} for arrays on several devices
 *
 * @example
 * l.backward();
 * utils.clipGradValue(net.parameters(), 0.5);
 */
export const clipGradValue = (arrays: Clipped, limit: number): void => {
  checkLimit('clipGradValue', 'limit', limit);
  for (const [device, xs] of arraysOf('clipGradValue', arrays)) {
    const update = updateFor('clipGradValue', xs, (_b, m, wide, largest) => ({
      values: wide.map((x) => m.clip(x, largest)),
    }));
    const scalar = hostScalar(() => limit, clippedIn(xs));
    applyUpdate(update, [...xs, scalar], device);
  }
};
