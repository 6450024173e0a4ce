/**
 * What a trainer keeps between steps, to and from safetensors files.
 *
 * Invariant: nothing is changed unless the whole file fits the trainer. Copies on several devices have equal states: one
 * is written, all are read.
 */

import { assign } from '../call.ts';
import { contiguous } from '../callable.ts';
import { failure } from '../callsite.ts';
import { readSafetensors, type TensorBytes, writeSafetensors } from '../io/safetensors.ts';
import { upload } from '../nd/filled.ts';
import { type NDArray, storageOf } from '../ndarray.ts';

/** One parameter's states by name, on each of its devices. */
export interface StateRow {
  readonly name: string;
  readonly states: ReadonlyMap<string, readonly NDArray[]>;
  /** Updates so far. */
  readonly count: number;
}

export interface TrainerState {
  readonly optimizer: string;
  readonly learningRate: number;
}

/** Writes the states. */
export const writeStates = async (
  path: string,
  { optimizer, learningRate }: TrainerState,
  rows: readonly StateRow[],
): Promise<void> => {
  const tensors: [string, TensorBytes][] = [];
  for (const { name, states } of rows)
    for (const [state, copies] of states) {
      const dense = contiguous(copies[0]!);
      const { device, dtype, shape, offset, layout } = dense;
      const bytes = await device.read(storageOf(dense, 'saveStates'), offset, layout.bytes);
      tensors.push([`${name}.${state}`, { dtype, shape, bytes: bytes.slice() }]);
    }
  const counts = JSON.stringify(Object.fromEntries(rows.map(({ name, count }) => [name, count])));
  await writeSafetensors(path, tensors, { optimizer, learningRate: String(learningRate), counts });
};

/** Reads states into the arrays of `rows`; returns the update count of each row and the learning rate. */
export const readStates = async (
  source: string | Uint8Array,
  optimizer: string,
  rows: readonly StateRow[],
): Promise<{ readonly counts: readonly number[]; readonly learningRate: number }> => {
  const file = typeof source === 'string' ? source : 'bytes';
  const { tensors, metadata } = await readSafetensors(source);
  const problems: string[] = [];
  if (metadata['optimizer'] !== optimizer)
    problems.push(
      metadata['optimizer'] === undefined
        ? 'it holds no trainer states'
        : `it is of optimizer ${metadata['optimizer']}, the trainer has ${optimizer}`,
    );
  const counts = parseCounts(metadata['counts']);
  const wanted = new Map<string, readonly NDArray[]>();
  for (const { name, states } of rows) {
    if (counts[name] === undefined) problems.push(`parameter ${name} is missing`);
    for (const [state, copies] of states) wanted.set(`${name}.${state}`, copies);
  }
  for (const [name, copies] of wanted) {
    const { dtype, shape } = copies[0]!;
    const found = tensors.get(name);
    if (found === undefined) problems.push(`${name} is missing`);
    else if (found.dtype !== dtype || found.shape.join() !== shape.join())
      problems.push(
        `${name} is ${found.dtype} [${found.shape.join(', ')}], the trainer needs ${dtype} [${shape.join(', ')}]`,
      );
  }
  for (const name of tensors.keys())
    if (!wanted.has(name)) problems.push(`${name} is in the file, but not in the trainer`);
  if (problems.length > 0)
    throw failure(
      'file',
      `loadStates: ${file} does not fit the trainer:\n  - ${problems.join('\n  - ')}`,
      'load into a trainer of the same optimizer over the same parameters',
    );
  for (const [name, copies] of wanted)
    for (const array of copies)
      assign(array, upload(array.type, tensors.get(name)!.bytes, array.device, name));
  return {
    counts: rows.map(({ name }) => counts[name]!),
    learningRate: Number(metadata['learningRate']),
  };
};

const parseCounts = (text: string | undefined): Record<string, number> => {
  let value: unknown;
  try {
    value = JSON.parse(text ?? '{}');
  } catch {
    return {};
  }
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter(([, n]) => Number.isSafeInteger(n) && n >= 0),
  );
};
