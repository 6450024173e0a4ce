/**
 * Where memory lies as rendered functions see it: what is below every buffer, and the memory of a workgroup.
 *
 * Invariant: shared buffers follow each other in the kernel's order, each aligned to a cache line.
 */
import { bytesOf } from '../../ir/dtype.ts';
import type { ThreadBuffer, ThreadKernel } from '../../ir/thread/thread.ts';

/** No buffer lies below this address. */
export const LOW_BYTES: number = 1 << 20;
const SHARED_ALIGNMENT = 64;

const align = (bytes: number): number => Math.ceil(bytes / SHARED_ALIGNMENT) * SHARED_ALIGNMENT;

/** Offset of each shared buffer in the memory of a workgroup, and the bytes of it all. */
export const sharedLayout = (
  kernel: ThreadKernel,
): { readonly offsets: ReadonlyMap<ThreadBuffer, number>; readonly bytes: number } => {
  const offsets = new Map<ThreadBuffer, number>();
  let bytes = 0;
  for (const b of kernel.buffers) {
    if (b.space !== 'shared') continue;
    offsets.set(b, bytes);
    bytes = align(bytes + b.elements * bytesOf(b.dtype));
  }
  return { offsets, bytes };
};
