/**
 * Memory of devices that keep arrays in blocks: its limits, its account, and the error when it runs out.
 *
 * Invariant: only looks at blocks.
 */
import type { TigonError } from '../ir/errors.ts';
import type { Blocks, PooledBlock } from './blocks.ts';
import type { MemoryReport } from './device.ts';
import { largestHolders, outOfMemory, showBytes } from './holders.ts';

export interface MemoryOptions {
  /** All blocks together. */
  readonly limitBytes: number;
  /** Bytes of new arrays after which a collection is asked for. */
  readonly pressureBytes: number;
  /** Blocks of no use that are kept for the next arrays. */
  readonly idleBytes: number;
}

/** What a block costs besides its bytes: small arrays have objects, and handles of the driver. */
const HANDLE_BYTES = 65536;

/** What a block counts for when it is decided whether to collect. */
export const weight = (size: number): number => Math.max(size, HANDLE_BYTES);

export const reportOf = (blocks: Blocks<PooledBlock>): MemoryReport => ({
  inUse: blocks.usedBytes,
  pooled: blocks.idleBytes,
  peak: blocks.peakBytes,
  largest: largestHolders(blocks.inUse).map(({ bytes, label }) => ({ bytes, label })),
});

/** Why a device (`name`) has no room for so many bytes; `limitBytes`: of what, where that is known. */
export const exhausted = (
  blocks: Blocks<PooledBlock>,
  name: string,
  bytes: number,
  label: string,
  limitBytes: number = Number.POSITIVE_INFINITY,
): TigonError => {
  const limit = Number.isFinite(limitBytes) ? ` of ${showBytes(limitBytes)}` : '';
  const room = `${showBytes(blocks.usedBytes)}${limit} in use on ${name}`;
  return outOfMemory(bytes, label, room, largestHolders(blocks.inUse));
};
