/**
 * What a scattered accumulation has to zero before it adds.
 *
 * Invariant: dimensions that parallel axes alone decide are zeroed by who adds there; all others whole.
 */
import { type Axis, type Idx, idxAxis, idxFlatten, newAxis, pointsOf } from '../ir/dim.ts';
import type { Store } from '../ir/loop/loop.ts';
import { stridesOf } from '../ir/type.ts';
import { idxFree, opaqueExprs } from './analysis.ts';

/** Where zeros go for given parallel axes: dimensions that only those decide, times all of the others. */
export interface Zeroing {
  readonly axes: readonly Axis[];
  readonly offset: Idx;
  /** Row-major place among the dimensions that the parallel axes do not decide alone. */
  readonly place: Idx;
  /** True when the parallel axes reach every element once, so that each workgroup can zero its own. */
  readonly separable: boolean;
}

/** What a scattering has to zero. */
export const zeroing = (s: Store): Zeroing => {
  const axes: Axis[] = [];
  const scattered: Idx[] = [];
  let own = 1;
  const index = s.index.map((idx, d) => {
    const free = [...idxFree(idx)];
    const parallel =
      free.length > 0 && free.every((a) => s.axes.includes(a)) && opaqueExprs([idx]).length === 0;
    if (parallel) {
      own *= s.buffer.shape[d]!;
      return idx;
    }
    const axis = newAxis(`z${d}`, s.buffer.shape[d]!, 'par');
    axes.push(axis);
    scattered.push(idx);
    return idxAxis(axis);
  });
  const offset = idxFlatten(index, s.buffer.strides);
  const place = idxFlatten(scattered, stridesOf(axes.map((a) => a.extent)));
  return { axes, offset, place, separable: own === pointsOf(s.axes) };
};
