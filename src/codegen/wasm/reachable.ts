/**
 * The functions that a module needs, from its entries.
 *
 * Invariant: callees come before callers, in the order in which they are first called.
 */
import { callsOf } from './prune.ts';
import type { WasmFunction } from './tree.ts';

/** Callees before callers. */
export const reachable = (entries: readonly WasmFunction[]): WasmFunction[] => {
  const found = new Set<WasmFunction>();
  const visit = (f: WasmFunction): void => {
    if (found.has(f)) return;
    callsOf(f).forEach(visit);
    found.add(f);
  };
  entries.forEach(visit);
  return [...found];
};
