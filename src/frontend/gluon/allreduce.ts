/**
 * Sums gradients over the devices of a net: those of one dtype travel as one flat array.
 *
 * Invariant: afterwards the gradient handles of each device look into its flat array, each at an offset that every
 * device can bind; they are never written through, as no array is.
 */
import { bytesOf, type DType } from '../../ir/dtype.ts';
import { GraphBuilder } from '../../ir/graph/builder.ts';
import { type TensorType, tensor } from '../../ir/type.ts';
import { collectiveOf } from '../../runtime/collective.ts';
import type { Device } from '../../runtime/device.ts';
import { type Callable, callableOf, loadedFor, run } from '../callable.ts';
import { denseLayout } from '../layout.ts';
import { allocated, NDArray, rebind } from '../ndarray.ts';

/** How gradients of certain types are laid side by side. */
interface Pack {
  readonly dtype: DType;
  /** Which of the gradients. */
  readonly members: readonly number[];
  readonly types: readonly TensorType[];
  /** Where each begins, in bytes. */
  readonly offsets: readonly number[];
  /** Floats in all, gaps included. */
  readonly count: number;
  /** Copies gradients to targets: all operands of the first kind, then all of the second. */
  readonly copy: Callable;
}

/** Packs by the types that they are for: as many as there are sets of gradients that a trainer sums. */
export type Packs = Map<string, readonly Pack[]>;

/** What WebGPU wants at most, and CUDA's widest loads are content with. */
const ALIGNMENT = 256;

/**
 * Replaces each gradient by its sum over the devices. `gradients`: by device, then by parameter. Undefined when it is
 * done as far as later calls can see, else a promise.
 */
export const allReduce = (
  packs: Packs,
  devices: readonly Device[],
  gradients: readonly (readonly NDArray[])[],
): Promise<void> | undefined => {
  const collective = collectiveOf(devices);
  const waits: Promise<void>[] = [];
  for (const pack of packsFor(packs, gradients[0]!)) {
    const flats = devices.map((device, d) => flatten(pack, device, gradients[d]!));
    const done = collective.sum(
      flats.map((flat) => ({ storage: flat.storage!, offset: 0 })),
      pack.dtype,
      pack.count,
    );
    const finish = (): void => {
      for (const [d, flat] of flats.entries()) handOut(pack, flat, gradients[d]!);
    };
    if (done === undefined) finish();
    else waits.push(done.then(finish));
  }
  return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
};

const packsFor = (packs: Packs, gradients: readonly NDArray[]): readonly Pack[] => {
  const key = gradients.map((g) => g.type.id).join();
  let found = packs.get(key);
  if (found === undefined) {
    const dtypes = [...new Set(gradients.map((g) => g.dtype))];
    found = dtypes.map((dtype) => packOf(dtype, gradients));
    packs.set(key, found);
  }
  return found;
};

const packOf = (dtype: DType, gradients: readonly NDArray[]): Pack => {
  const members = [...gradients.keys()].filter((i) => gradients[i]!.dtype === dtype);
  const types = members.map((i) => gradients[i]!.type);
  const offsets: number[] = [];
  let end = 0;
  for (const { size } of types) {
    offsets.push(end);
    end += Math.ceil((size * bytesOf(dtype)) / ALIGNMENT) * ALIGNMENT;
  }
  const b = new GraphBuilder();
  const from = types.map((type, i) => b.input(type, { name: `gradient${i}` }));
  const to = types.map((type, i) => b.input(type, { name: `flat${i}` }));
  const assigns = from.map((value, i) => ({ target: to[i]!, value }));
  const copy = callableOf(b.graph('allreduce', [], assigns));
  return { dtype, members, types, offsets, count: end / bytesOf(dtype), copy };
};

/** The gradients of one device side by side in fresh memory. */
const flatten = (pack: Pack, device: Device, gradients: readonly NDArray[]): NDArray => {
  const flat = allocated(denseLayout(device, tensor(pack.dtype, [pack.count])), 'allreduce');
  const operands = [...pack.members.map((i) => gradients[i]!), ...partsOf(pack, flat)];
  const layouts = operands.map((x) => x.layout);
  run(loadedFor(pack.copy, device, layouts), operands);
  return flat;
};

/** Handles into `flat` that are not counted as its holders: it is still being written. */
const partsOf = (pack: Pack, flat: NDArray): NDArray[] =>
  pack.types.map(
    (type, i) =>
      new NDArray(denseLayout(flat.device, type), flat.storage, pack.offsets[i]!, undefined),
  );

const handOut = (pack: Pack, flat: NDArray, gradients: readonly NDArray[]): void => {
  for (const [i, part] of partsOf(pack, flat).entries()) rebind(gradients[pack.members[i]!]!, part);
  flat.dispose();
};
