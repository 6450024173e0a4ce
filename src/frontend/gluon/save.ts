/**
 * Parameters to and from safetensors files.
 *
 * Invariant: nothing is changed unless the whole file fits the block, and values are those of the file: floats of 16 bits
 * may become float32, which holds them all.
 */
import { type DType, isFloat, isNarrowFloat, shortName } from '../../ir/dtype.ts';
import { tensor } from '../../ir/type.ts';
import { contiguous } from '../callable.ts';
import { failure } from '../callsite.ts';
import { defaultDevice } from '../default-device.ts';
import { readSafetensors, type TensorBytes, writeSafetensors } from '../io/safetensors.ts';
import { upload } from '../nd/filled.ts';
import { astype } from '../nd/math.ts';
import { type NDArray, storageOf } from '../ndarray.ts';
import { checkOptions, nearest } from '../options.ts';
import type { Block } from './block.ts';
import type { Parameter } from './parameter.ts';
import { parametersIn } from './structure.ts';

export interface LoadOptions {
  /** Leave parameters that the file does not have as they are. Default false: an error. */
  readonly allowMissing?: boolean;
  /** Ignore tensors that the block does not have. Default false: an error. */
  readonly ignoreExtra?: boolean;
}

export const saveFrom = async (block: Block, path: string): Promise<void> => {
  const tensors: [string, TensorBytes][] = [];
  for (const [name, parameter] of parametersIn(block)) {
    parameter.name = name;
    tensors.push([name, await valuesOf(parameter)]);
  }
  await writeSafetensors(path, tensors);
};

/**
 * The values to save. Copies on several devices are equal where they are trained; what each device has seen for itself
 * (running statistics) is saved as the mean.
 */
const valuesOf = async (parameter: Parameter): Promise<TensorBytes> => {
  const [first, ...others] = parameter.listData();
  let mean = first!;
  if (parameter.gradReq === 'null' && isFloat(mean.dtype))
    for (const [i, copy] of others.entries()) {
      const other = upload(copy.type, await bytesIn(copy), mean.device, parameter.name);
      mean = mean.add(other.sub(mean).div(i + 2));
    }
  return { dtype: mean.dtype, shape: mean.shape, bytes: await bytesIn(mean) };
};

const bytesIn = async (x: NDArray): Promise<Uint8Array> => {
  const dense = contiguous(x);
  const { device, offset, layout } = dense;
  return (await device.read(storageOf(dense, 'saveParameters'), offset, layout.bytes)).slice();
};

const holds = (own: DType, found: DType): boolean =>
  own === found || (own === 'float32' && isNarrowFloat(found));

export const loadInto = async (
  block: Block,
  source: string | Uint8Array,
  options: LoadOptions = {},
): Promise<void> => {
  checkOptions('loadParameters', options, ['allowMissing', 'ignoreExtra']);
  const file = typeof source === 'string' ? source : 'bytes';
  const { tensors } = await readSafetensors(source);
  const parameters = parametersIn(block);
  const problems: string[] = [];
  for (const [name, parameter] of parameters) {
    const found = tensors.get(name);
    if (found === undefined) {
      const guess = nearest(name, [...tensors.keys()]);
      if (!options.allowMissing)
        problems.push(`${name} is missing${guess === undefined ? '' : ` (the file has ${guess})`}`);
      continue;
    }
    const fits =
      parameter.shape.length === found.shape.length &&
      parameter.shape.every((d, i) => d === 0 || d === found.shape[i]);
    if (!fits)
      problems.push(
        `${name} has shape [${found.shape.join(', ')}], the block needs [${parameter.shape.join(', ')}]`,
      );
    if (!holds(parameter.dtype, found.dtype))
      problems.push(
        `${name} is ${shortName(found.dtype)}, the block needs ${shortName(parameter.dtype)}`,
      );
  }
  for (const name of tensors.keys())
    if (!parameters.has(name) && !options.ignoreExtra)
      problems.push(`${name} is in the file, but not in the block`);
  if (problems.length > 0)
    throw failure(
      'file',
      `loadParameters: ${file} does not fit ${block.constructor.name}:\n  - ${problems.join('\n  - ')}`,
      'load into the architecture that was saved, or pass allowMissing / ignoreExtra',
    );
  for (const [name, parameter] of parameters) {
    const found = tensors.get(name);
    if (found === undefined) continue;
    const { shape, dtype, bytes } = found;
    parameter.setEach(tensor(parameter.dtype, shape), defaultDevice(), (device) =>
      astype(upload(tensor(dtype, shape), bytes, device, name), parameter.dtype),
    );
  }
};
