/**
 * Numbers as the bytes of a dtype, for constants and scalars.
 *
 * Invariant: rounds as `roundTo` of the scalar table does.
 */
import { toBfloatBits } from '../ir/bfloat.ts';
import { bytesOf, type DType } from '../ir/dtype.ts';
import { roundTo } from '../ir/scalar.ts';

/** The 16 bits of a number that float16 can hold. */
export const halfBits = (x: number): number => {
  if (Number.isNaN(x)) return 0x7e00;
  const sign = Object.is(Math.sign(x), -0) || x < 0 ? 0x8000 : 0;
  const a = Math.abs(x);
  if (a === Number.POSITIVE_INFINITY) return sign | 0x7c00;
  if (a < 2 ** -14) return sign | (a * 2 ** 24);
  const exponent = Math.floor(Math.log2(a));
  return sign | ((exponent + 15) << 10) | ((a / 2 ** exponent - 1) * 1024);
};

export const encodeElements = (dtype: DType, values: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(values.length * bytesOf(dtype));
  const view = new DataView(bytes.buffer);
  values.forEach((raw, i) => {
    const x = roundTo(dtype, raw);
    switch (dtype) {
      case 'float32':
        view.setFloat32(4 * i, x, true);
        return;
      case 'int32':
        view.setInt32(4 * i, x, true);
        return;
      case 'uint32':
        view.setUint32(4 * i, x, true);
        return;
      case 'float16':
        view.setUint16(2 * i, halfBits(x), true);
        return;
      case 'bfloat16':
        view.setUint16(2 * i, toBfloatBits(x), true);
        return;
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
