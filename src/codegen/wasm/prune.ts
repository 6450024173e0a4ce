/**
 * Leaves out assignments nobody reads: index registers whose uses became stepped addresses.
 *
 * Invariant: values have no effects (loads are in bounds, by the invariant of Thread IR), so dropping one changes nothing.
 */
import type { Wasm, WasmFunction } from './tree.ts';

export const withoutDeadSets = (f: WasmFunction): WasmFunction => {
  const uses = usesIn(f);
  const body = prune(f.body, uses);
  const calls = [...uses.calls].flatMap(([target, times]) => (times > 0 ? [target] : []));
  return { ...f, body, calls };
};

/** How often each local is read, and each function called. */
interface Uses {
  readonly reads: Int32Array;
  readonly calls: Map<WasmFunction, number>;
}

/** The functions that a function calls, in order. */
export const callsOf = (f: WasmFunction): readonly WasmFunction[] =>
  f.calls ?? [...usesIn(f).calls.keys()];

const usesIn = ({ params, locals, body }: WasmFunction): Uses => {
  const uses: Uses = { reads: new Int32Array(params.length + locals.length), calls: new Map() };
  countAll(body, uses, 1);
  return uses;
};

const countAll = (list: readonly Wasm[], uses: Uses, by: 1 | -1): void => {
  for (let i = 0; i < list.length; i++) count(list[i]!, uses, by);
};

const count = (w: Wasm, uses: Uses, by: 1 | -1): void => {
  switch (w.kind) {
    case 'get':
      uses.reads[w.local.index]! += by;
      return;
    case 'const':
    case 'long':
      return;
    case 'plain':
    case 'memory':
    case 'lane':
    case 'shuffle':
      countAll(w.args, uses, by);
      return;
    case 'set':
      count(w.value, uses, by);
      return;
    case 'call':
      countAll(w.args, uses, by);
      uses.calls.set(w.target, (uses.calls.get(w.target) ?? 0) + by);
      return;
    case 'block':
    case 'loop':
      countAll(w.body, uses, by);
      return;
    case 'if':
      count(w.condition, uses, by);
      countAll(w.then, uses, by);
      countAll(w.otherwise, uses, by);
      return;
    case 'branch':
      if (w.condition !== undefined) count(w.condition, uses, by);
      return;
    case 'return':
      if (w.value !== undefined) count(w.value, uses, by);
      return;
    default:
      w satisfies never;
  }
};

/** From the last statement to the first, so that what a dropped value read may be dropped too. */
const prune = (body: readonly Wasm[], uses: Uses): Wasm[] => {
  const kept: Wasm[] = [];
  for (let i = body.length - 1; i >= 0; i--) {
    const w = body[i]!;
    if (w.kind === 'set' && uses.reads[w.local.index] === 0) count(w.value, uses, -1);
    else if (w.kind === 'block' || w.kind === 'loop')
      kept.push({ ...w, body: prune(w.body, uses) });
    else if (w.kind === 'if') {
      const otherwise = prune(w.otherwise, uses);
      kept.push({ ...w, then: prune(w.then, uses), otherwise });
    } else kept.push(w);
  }
  return kept.reverse();
};
