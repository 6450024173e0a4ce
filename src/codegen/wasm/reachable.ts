/**
 * The functions that a module needs, from its entries.
 *
 * Invariant: callees come before callers, in the order in which they are first called.
 */
import type { Wasm, WasmFunction } from './tree.ts';

/** Callees before callers. */
export const reachable = (entries: readonly WasmFunction[]): WasmFunction[] => {
  const found = new Set<WasmFunction>();
  const walk = (w: Wasm): void => {
    switch (w.kind) {
      case 'const':
      case 'long':
      case 'get':
        return;
      case 'set':
        walk(w.value);
        return;
      case 'call':
        w.args.forEach(walk);
        visit(w.target);
        return;
      case 'plain':
      case 'lane':
      case 'memory':
      case 'shuffle':
        w.args.forEach(walk);
        return;
      case 'block':
      case 'loop':
        w.body.forEach(walk);
        return;
      case 'if':
        walk(w.condition);
        w.then.forEach(walk);
        w.otherwise.forEach(walk);
        return;
      case 'branch':
        if (w.condition !== undefined) walk(w.condition);
        return;
      case 'return':
        if (w.value !== undefined) walk(w.value);
        return;
      default:
        w satisfies never;
    }
  };
  const visit = (f: WasmFunction): void => {
    if (found.has(f)) return;
    if (f.calls === undefined) f.body.forEach(walk);
    else f.calls.forEach(visit);
    found.add(f);
  };
  entries.forEach(visit);
  return [...found];
};
