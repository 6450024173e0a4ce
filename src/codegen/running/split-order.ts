/**
 * Orders of long lines as several launches: runs that fit scratch memory first, then merges of two runs into one.
 *
 * Invariant: each launch reads what the one before wrote, and writes elsewhere.
 */
import { idxAxis } from '../../ir/dim.ts';
import { buffersOf } from '../../ir/loop/access.ts';
import { load, newBuffer, runningValue } from '../../ir/loop/expr.ts';
import type { LoopBuffer, LoopKernel, Nest, Ordering } from '../../ir/loop/loop.ts';

/** The launches of an order, where a line is longer than a run of `longest` places. */
export const splitOrder = (
  kernel: LoopKernel,
  longest: number,
): readonly LoopKernel[] | undefined => {
  const [nest] = kernel.nests;
  const order = nest?.running;
  if (nest === undefined || order?.kind !== 'order' || order.width <= longest) return undefined;
  const { axes } = nest;
  const shape = axes.map((a) => a.extent);
  const index = axes.map(idxAxis);
  const kernels: LoopKernel[] = [];
  const launch = (running: Ordering, to: LoopBuffer | undefined): void => {
    const value = runningValue(running);
    const stores: Nest['stores'] =
      to === undefined ? nest.stores : [{ buffer: to, index, value, axes, mode: 'set', over: [] }];
    const own: Nest = { ...nest, stores, running };
    const name = to === undefined ? kernel.name : `${kernel.name}_runs`;
    kernels.push({ ...kernel, name, buffers: buffersOf([own]), nests: [own] });
  };
  let from: LoopBuffer | undefined;
  for (let width = longest; width <= order.width; width *= 2) {
    const merge = from && { width: width / 2, elements: load(from, index) };
    const isLast = width === order.width;
    const to = isLast
      ? undefined
      : newBuffer(`${kernel.name}_runs${width}`, { dtype: 'int32', shape });
    launch({ ...order, width, merge }, to);
    from = to;
  }
  return kernels;
};
