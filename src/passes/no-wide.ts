/**
 * What to say where elements of 64 bits are wanted of a device that has none.
 *
 * Invariant: the message names who asked, for which dtype, on what, and what to do.
 */
import type { Caps } from '../codegen/caps.ts';
import { type DType, isFloat, isWide } from '../ir/dtype.ts';
import { TigonError } from '../ir/errors.ts';
import { type Graph, isBody, topological } from '../ir/graph/graph.ts';

export const noWide = (
  where: string,
  dtype: DType,
  device: string,
): ['dtype', brief: string, help: string] => [
  'dtype',
  `${where}: ${device} has no ${dtype}: its numbers have 32 bits at most`,
  `use ${isFloat(dtype) ? 'float32' : 'int32'}: { dtype } where arrays are made, x.astype(dtype) on another device; or use device.cpu() or device.cuda()`,
];

/** Throws where a graph computes what the device has no elements for. */
export const refuseWide = (graph: Graph, caps: Caps): void => {
  if (caps.wide) return;
  for (const { op, type, attrs } of topological(graph)) {
    if (isWide(type.dtype)) throw new TigonError(...noWide(op.name, type.dtype, 'WebGPU'));
    for (const attr of Object.values(attrs)) if (isBody(attr)) refuseWide(attr, caps);
  }
};
