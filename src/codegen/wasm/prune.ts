/**
 * Leaves out assignments nobody reads: index registers whose uses became stepped addresses.
 *
 * Invariant: values have no effects (loads are in bounds, by the invariant of Thread IR), so dropping one changes nothing.
 */
import type { Wasm, WasmFunction } from './tree.ts';

export const withoutDeadSets = (f: WasmFunction): WasmFunction => {
  const reads = new Int32Array(f.params.length + f.locals.length);
  for (const w of f.body) count(w, reads, 1);
  return { ...f, body: prune(f.body, reads) };
};

const count = (w: Wasm, reads: Int32Array, by: 1 | -1): void => {
  switch (w.kind) {
    case 'const':
    case 'long':
      return;
    case 'get':
      reads[w.local.index]! += by;
      return;
    case 'set':
      count(w.value, reads, by);
      return;
    case 'plain':
    case 'lane':
    case 'memory':
    case 'shuffle':
    case 'call':
      for (const a of w.args) count(a, reads, by);
      return;
    case 'block':
    case 'loop':
      for (const s of w.body) count(s, reads, by);
      return;
    case 'if':
      count(w.condition, reads, by);
      for (const s of w.then) count(s, reads, by);
      for (const s of w.otherwise) count(s, reads, by);
      return;
    case 'branch':
      if (w.condition !== undefined) count(w.condition, reads, by);
      return;
    case 'return':
      if (w.value !== undefined) count(w.value, reads, by);
      return;
    default:
      w satisfies never;
  }
};

/** From the last statement to the first, so that what a dropped value read may be dropped too. */
const prune = (body: readonly Wasm[], reads: Int32Array): Wasm[] => {
  const kept: Wasm[] = [];
  for (let i = body.length - 1; i >= 0; i--) {
    const w = body[i]!;
    if (w.kind === 'set' && reads[w.local.index] === 0) count(w.value, reads, -1);
    else if (w.kind === 'block' || w.kind === 'loop')
      kept.push({ ...w, body: prune(w.body, reads) });
    else if (w.kind === 'if') {
      const otherwise = prune(w.otherwise, reads);
      kept.push({ ...w, then: prune(w.then, reads), otherwise });
    } else kept.push(w);
  }
  return kept.reverse();
};
