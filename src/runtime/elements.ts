/**
 * Numbers as the bytes of a dtype, for constants and scalars.
 *
 * Invariant: rounds as `roundTo` of the scalar table does.
 */
import { toBfloatBits } from '../ir/bfloat.ts';
import { bytesOf, type DType } from '../ir/dtype.ts';
import { toHalfBits } from '../ir/half.ts';
import { roundTo } from '../ir/rounding.ts';

export const encodeElements = (dtype: DType, values: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(values.length * bytesOf(dtype));
  const view = new DataView(bytes.buffer);
  values.forEach((raw, i) => {
    const x = roundTo(dtype, raw);
    switch (dtype) {
      case 'float32':
        view.setFloat32(4 * i, x, true);
        return;
      case 'float64':
        view.setFloat64(8 * i, x, true);
        return;
      case 'int64':
        view.setBigInt64(8 * i, BigInt(x), true);
        return;
      case 'uint64':
        view.setBigUint64(8 * i, BigInt(x), true);
        return;
      case 'int32':
        view.setInt32(4 * i, x, true);
        return;
      case 'uint32':
        view.setUint32(4 * i, x, true);
        return;
      case 'float16':
        view.setUint16(2 * i, toHalfBits(x), true);
        return;
      case 'bfloat16':
        view.setUint16(2 * i, toBfloatBits(x), true);
        return;
      case 'int16':
      case 'uint16':
        view.setUint16(2 * i, x, true);
        return;
      case 'int8':
      case 'uint8':
      case 'bool':
        bytes[i] = x;
        return;
      default:
        dtype satisfies never;
    }
  });
  return bytes;
};
