/**
 * Who holds device memory: the largest holders by label, for reports and for the error when it runs out.
 *
 * Invariant: only looks at blocks; called when someone asks or when there is no more room.
 */
import { TigonError } from '../ir/errors.ts';

export interface Holder {
  readonly bytes: number;
  readonly label: string;
  readonly count: number;
}

const REPORTED = 8;

/** Blocks in use, summed by label, the largest first. */
export const largestHolders = (
  blocks: Iterable<{ readonly size: number; readonly label: string }>,
): Holder[] => {
  const byLabel = new Map<string, { bytes: number; label: string; count: number }>();
  for (const { size, label } of blocks) {
    const entry = byLabel.get(label) ?? { bytes: 0, label, count: 0 };
    entry.bytes += size;
    entry.count++;
    byLabel.set(label, entry);
  }
  return [...byLabel.values()].sort((a, b) => b.bytes - a.bytes).slice(0, REPORTED);
};

/** The error for an allocation that found no room. `room` says how much is in use, of what, and where. */
export const outOfMemory = (
  bytes: number,
  label: string,
  room: string,
  holders: readonly Holder[],
): TigonError =>
  new TigonError(
    'memory',
    `allocate: no room for ${showBytes(bytes)} (${label}): ${room}; largest holders:${holders
      .map((h) => `\n    ${showBytes(h.bytes)} in ${h.count} × ${h.label}`)
      .join('')}`,
    'keep fewer arrays (drop references, dispose() or `using`), use a smaller batch, or await something between steps so that unreachable arrays can be collected',
  );

export const showBytes = (bytes: number): string => {
  const units = ['B', 'kB', 'MB', 'GB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < 3) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
};
