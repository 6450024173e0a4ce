/**
 * Numbers given at a call, as fields of a uniform block.
 *
 * Invariant: rounds as `roundTo` of the scalar table does; a bool is a u32 of 0 or 1.
 */
import type { DType } from '../ir/dtype.ts';
import { roundTo } from '../ir/rounding.ts';
import type { Elem } from '../ir/thread/thread.ts';

export const writeNumber = (
  view: DataView,
  at: number,
  elem: Elem,
  dtype: DType,
  value: number,
): void => {
  const x = roundTo(dtype, value);
  switch (elem) {
    case 'f32':
      view.setFloat32(at, x, true);
      return;
    case 'i32':
      view.setInt32(at, x, true);
      return;
    case 'u32':
    case 'bool':
      view.setUint32(at, x, true);
      return;
    case 'f64':
      view.setFloat64(at, x, true);
      return;
    case 'i64':
      view.setBigInt64(at, BigInt(x), true);
      return;
    case 'u64':
      view.setBigUint64(at, BigInt(x), true);
      return;
    default:
      elem satisfies never;
  }
};
