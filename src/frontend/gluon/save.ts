/**
 * Parameters to and from safetensors files, and to other devices.
 *
 * Invariant: nothing is changed unless the whole file fits the block, and values are those of the file: floats of 16 bits
 * may become float32, which holds them all.
 */
import { devicesOf } from '#several';
import { type DType, isFloat, isNarrowFloat, shortName } from '../../ir/dtype.ts';
import { tensor } from '../../ir/type.ts';
import { contiguous } from '../callable.ts';
import { failure } from '../callsite.ts';
import { defaultDevice } from '../default-device.ts';
import { readSafetensors, type TensorBytes, writeSafetensors } from '../io/safetensors.ts';
import { fitting } from '../io/stored.ts';
import { upload } from '../nd/filled.ts';
import { astype } from '../nd/math.ts';
import { isNDArray, type NDArray, storageOf } from '../ndarray.ts';
import { checkChoice, checkOptions, nearest, shown } from '../options.ts';
import type { Block } from './block.ts';
import type { Parameter } from './parameter.ts';
import type { Devices } from './replicas.ts';
import { namesIn } from './structure.ts';

export interface LoadOptions {
  /** Leave parameters that the file does not have as they are. Default false: an error. */
  readonly allowMissing?: boolean;
  /** Ignore tensors that the block does not have. Default false: an error. */
  readonly ignoreExtra?: boolean;
  /** Convert where the dtypes of file and block differ. Default false: an error, but for 16 bits into float32. */
  readonly castDtype?: boolean;
  /** With `castDtype`: 'current' converts the values, 'saved' the parameters. Default 'current'. */
  readonly dtypeSource?: 'current' | 'saved';
}

export interface SaveOptions {
  /** Write a parameter that is in several places once, under its first name. Default true. */
  readonly deduplicate?: boolean;
}

export const saveFrom = async (
  block: Block,
  path: string,
  options: SaveOptions = {},
): Promise<void> => {
  checkOptions('saveParameters', options, ['deduplicate']);
  const tensors: [string, TensorBytes][] = [];
  for (const [parameter, names] of namesIn(block)) {
    parameter.name = names[0]!;
    const values = await valuesOf(parameter);
    for (const name of (options.deduplicate ?? true) ? names.slice(0, 1) : names)
      tensors.push([name, values]);
  }
  await writeSafetensors(path, tensors);
};

/**
 * The values to save. Copies on several devices are equal where they are trained; what each device has seen for itself
 * (running statistics) is saved as the mean.
 */
export const valuesOf = async (parameter: Parameter): Promise<TensorBytes> => {
  const [first, ...others] = parameter.listData();
  let mean = first!;
  if (parameter.gradReq === 'null' && isFloat(mean.dtype))
    for (const [i, copy] of others.entries()) {
      const other = upload(copy.type, await bytesIn(copy), mean.device, parameter.name);
      mean = mean.add(other.sub(mean).div(i + 2));
    }
  return valuesIn(mean);
};

export const valuesIn = async (x: NDArray): Promise<TensorBytes> => ({
  dtype: x.dtype,
  shape: x.shape,
  bytes: await bytesIn(x),
});

const bytesIn = async (x: NDArray): Promise<Uint8Array> => {
  const dense = contiguous(x);
  const { device, offset, layout } = dense;
  return (await device.read(storageOf(dense, 'saveParameters'), offset, layout.bytes)).slice();
};

/** Puts the parameters of `block` on other devices. */
export const move = async (block: Block, device: Devices): Promise<void> => {
  const devices = devicesOf('resetDevice', device);
  const parameters = block.parameters();
  const values = await Promise.all(
    parameters.map((p) => (p.isInitialized ? valuesOf(p) : undefined)),
  );
  for (const [i, p] of parameters.entries())
    p.moveTo(devices, (d) => {
      const { dtype, shape, bytes } = values[i]!;
      return upload(tensor(dtype, shape), bytes, d, p.name);
    });
};

/** Whether a file with values of dtype `found` can be read into a parameter of dtype `own`. */
const fitsDtype = (own: DType, found: DType, { castDtype }: LoadOptions): boolean =>
  own === found ||
  (own === 'float32' && isNarrowFloat(found)) ||
  (castDtype === true && isFloat(own) && isFloat(found));

/** Arrays by name, as `nd.load` reads them from files of several kinds. */
export type ArrayDict = Readonly<Record<string, NDArray>> | ReadonlyMap<string, NDArray>;

export const loadInto = async (
  block: Block,
  source: string | Uint8Array,
  options: LoadOptions = {},
): Promise<void> => {
  checkLoad('loadParameters', options);
  const { tensors } = await readSafetensors(source);
  const file = typeof source === 'string' ? source : 'bytes';
  fill('loadParameters', file, block, tensors, options);
};

export const loadArraysInto = async (
  block: Block,
  arrays: ArrayDict,
  options: LoadOptions = {},
): Promise<void> => {
  const where = 'loadDict';
  checkLoad(where, options);
  if (typeof arrays !== 'object' || arrays === null)
    throw failure('value', `${where}: ${shown(arrays)} holds no arrays`, 'pass { name: array, … }');
  const entries: [string, unknown][] =
    arrays instanceof Map ? [...arrays] : Object.entries(arrays as Record<string, unknown>);
  const tensors = await Promise.all(
    entries.map(async ([name, x]): Promise<[string, TensorBytes]> => {
      if (isNDArray(x)) return [name.replace(/^(arg|aux):/, ''), await valuesIn(x)];
      throw failure('value', `${where}: ${name} is ${shown(x)}, not an NDArray`);
    }),
  );
  fill(where, 'the dictionary', block, new Map(tensors), options);
};

const checkLoad = (where: string, options: LoadOptions): void => {
  checkOptions(where, options, ['allowMissing', 'ignoreExtra', 'castDtype', 'dtypeSource']);
  const { dtypeSource = 'current', castDtype = false } = options;
  checkChoice(where, 'dtypeSource', dtypeSource, ['current', 'saved']);
  if (dtypeSource === 'saved' && !castDtype)
    throw failure(
      'option',
      `${where}: dtypeSource is 'saved' without castDtype`,
      "pass { castDtype: true, dtypeSource: 'saved' }",
    );
};

const fill = (
  where: string,
  file: string,
  block: Block,
  tensors: ReadonlyMap<string, TensorBytes>,
  options: LoadOptions,
): void => {
  const parameters = namesIn(block);
  const problems: string[] = [];
  const found = new Map<Parameter, TensorBytes>();
  const extra = new Set(tensors.keys());
  for (const [parameter, names] of parameters) {
    const name = names.find((n) => tensors.has(n));
    for (const n of names) extra.delete(n);
    if (name === undefined) {
      const guess = nearest(names[0]!, [...tensors.keys()]);
      if (!options.allowMissing)
        problems.push(
          `${names[0]} is missing${guess === undefined ? '' : ` (the file has ${guess})`}`,
        );
      continue;
    }
    const held = tensors.get(name)!;
    found.set(parameter, held);
    const fits =
      parameter.shape.length === held.shape.length &&
      parameter.shape.every((d, i) => d === 0 || d === held.shape[i]);
    if (!fits)
      problems.push(
        `${name} has shape [${held.shape.join(', ')}], the block needs [${parameter.shape.join(', ')}]`,
      );
    if (!fitsDtype(parameter.dtype, held.dtype, options))
      problems.push(
        `${name} is ${shortName(held.dtype)}, the block needs ${shortName(parameter.dtype)}`,
      );
  }
  if (!options.ignoreExtra)
    for (const name of extra) problems.push(`${name} is in the file, but not in the block`);
  if (problems.length > 0)
    throw failure(
      'file',
      `${where}: ${file} does not fit ${block.constructor.name}:\n  - ${problems.join('\n  - ')}`,
      'load into the architecture that was saved, or pass allowMissing / ignoreExtra / castDtype',
    );
  for (const [parameter, held] of found) {
    if (options.dtypeSource === 'saved' && parameter.dtype !== held.dtype)
      parameter.cast(held.dtype);
    parameter.setEach(tensor(parameter.dtype, held.shape), defaultDevice(), (device) => {
      const { dtype, shape, bytes } = fitting(device, held, parameter.name);
      return astype(upload(tensor(dtype, shape), bytes, device, parameter.name), parameter.dtype);
    });
  }
};
