/**
 * NCCL: the add-on's functions under the names of our types.
 *
 * Invariant: a group that was begun is ended, whatever happens in it.
 */
import type { Addon, Opened } from './addon.ts';
import type { NativeNccl, NcclElement, NcclOperator } from './api.ts';
import { handleOf } from './context.ts';

/** ncclDataType_t, ncclRedOp_t. */
const ELEMENTS: Readonly<Record<NcclElement, number>> = {
  int8: 0,
  uint8: 1,
  int32: 2,
  uint32: 3,
  int64: 4,
  uint64: 5,
  float16: 6,
  float32: 7,
  float64: 8,
  bfloat16: 9,
};
const OPERATORS: Readonly<Record<NcclOperator, number>> = {
  add: 0,
  mul: 1,
  max: 2,
  min: 3,
  mean: 4,
};

const group = (addon: Addon, calls: () => void): void => {
  addon.ncclGroupStart();
  try {
    calls();
  } catch (error) {
    // What the group refuses now follows from this error.
    try {
      addon.ncclGroupEnd();
    } catch {}
    throw error;
  }
  addon.ncclGroupEnd();
};

export const ncclOf = (addon: Addon, { path, version }: Opened): NativeNccl => ({
  version,
  library: path,
  communicators: async (contexts) => addon.ncclCommunicators(contexts.map(handleOf)),
  uniqueId: () => addon.ncclUniqueId(),
  communicator: async (context, id, rank, ranks) =>
    addon.ncclCommunicator(handleOf(context), id, rank, ranks),
  destroy: (communicator) => addon.ncclDestroy(communicator),
  group: (calls) => group(addon, calls),
  allReduce: (communicator, stream, to, from, count, element, operator) =>
    addon.ncclAllReduce(
      communicator,
      stream,
      to,
      from,
      count,
      ELEMENTS[element],
      OPERATORS[operator],
    ),
  broadcast: (communicator, stream, to, from, count, element, root) =>
    addon.ncclBroadcast(communicator, stream, to, from, count, ELEMENTS[element], root),
});
