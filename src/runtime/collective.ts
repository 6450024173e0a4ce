/**
 * Sums over several devices: what training on copies of a net needs between its gradients and its updates.
 *
 * Invariants: every device ends with the same bits; through host memory, numbers are added in the order of the devices,
 * floats of 16 bits in float32 and rounded once.
 */
import { fromBfloatBits, toBfloatBits } from '../ir/bfloat.ts';
import { bytesOf, type DType, isNarrowFloat } from '../ir/dtype.ts';
import { fromHalfBits, toHalfBits } from '../ir/half.ts';
import type { Binding, Device } from './device.ts';

export interface Collective {
  /**
   * Puts the sum over the devices into `buffers`, which hold `count` floats each, one buffer on each device in their
   * order. Resolves when later work on the devices sees the result (not necessarily finished).
   */
  sum(buffers: readonly Binding[], dtype: DType, count: number): Promise<void>;
}

/** What sums over these devices: their own way among each other if they have one, else host memory. */
export const collectiveOf = (devices: readonly Device[]): Collective =>
  devices[0]?.collective?.(devices) ?? throughHost;

/** Every device's numbers are read, all at once, added here, and written back to each. */
export const throughHost: Collective = {
  async sum(buffers, dtype, count) {
    const bytes = count * bytesOf(dtype);
    const parts = await Promise.all(
      buffers.map(({ storage, offset }) => storage.device.read(storage, offset, bytes)),
    );
    const total = sumOf(parts, dtype, count);
    for (const { storage, offset } of buffers) storage.device.write(storage, offset, total);
  },
};

/** The sum of arrays of floats, as bytes. */
const sumOf = (parts: readonly Uint8Array[], dtype: DType, count: number): Uint8Array => {
  const total = floatsIn(parts[0]!, dtype).slice();
  for (const part of parts.slice(1)) {
    const more = floatsIn(part, dtype);
    for (let i = 0; i < count; i++) total[i]! += more[i]!;
  }
  const bits = isNarrowFloat(dtype) ? Uint16Array.from(total, toBits(dtype)) : total;
  return new Uint8Array(bits.buffer);
};

const floatsIn = (bytes: Uint8Array, dtype: DType): Float32Array | Float64Array => {
  const { buffer, byteOffset, length } = byteOffsetFits(bytes) ? bytes : bytes.slice();
  if (dtype === 'float32') return new Float32Array(buffer, byteOffset, length / 4);
  if (dtype === 'float64') return new Float64Array(buffer, byteOffset, length / 8);
  const bits = new Uint16Array(buffer, byteOffset, length / 2);
  return Float32Array.from(bits, dtype === 'float16' ? fromHalfBits : fromBfloatBits);
};

const byteOffsetFits = ({ byteOffset }: Uint8Array): boolean => byteOffset % 8 === 0;

const toBits = (dtype: DType): ((x: number) => number) =>
  dtype === 'float16' ? toHalfBits : toBfloatBits;
