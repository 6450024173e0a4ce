/**
 * The work of a nest: what it computes and what it moves at least, for reports and for choosing schedules.
 *
 * Invariant: counts each element of a buffer once, however often a schedule reads it.
 */
import { pointsOf } from '../ir/dim.ts';
import { bytesOf } from '../ir/dtype.ts';
import type { LoopBuffer, Nest } from '../ir/loop/loop.ts';
import { spanOf } from '../ir/type.ts';
import { evaluationCost, visitLoads } from './analysis.ts';
import type { Loops } from './loops.ts';

/** Arithmetic of the whole nest. */
export const flopsOf = (nest: Nest, loops: Loops): number => {
  const each = nest.stores.reduce((c, s) => c + pointsOf(s.axes) * evaluationCost(s.value), 0);
  return Math.round(Math.min(each, 4 * loops.cost));
};

/** Bytes that must move at least: each element of each buffer once. */
export const bytesMoved = (nest: Nest): number => {
  const buffers = new Set<LoopBuffer>();
  for (const s of nest.stores) visitLoads(s.value, (l) => buffers.add(l.buffer));
  const touched = [...buffers, ...nest.stores.map((s) => s.buffer)];
  return touched.reduce((sum, b) => sum + bytesOf(b.dtype) * spanOf(b.shape, b.strides), 0);
};
