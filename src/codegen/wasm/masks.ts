/**
 * Masks of four lanes, by the instructions that engines have: none for `not`, one for `x and not y`.
 *
 * Invariant: comparisons whose opposite is another comparison, for NaN too, are turned around instead.
 */
import { op, type Wasm } from './tree.ts';

/** The opposite of a mask. */
export const inverse = (mask: Wasm): Wasm => {
  if (mask.kind === 'plain' && mask.op === 'f32x4.ne') return op('f32x4.eq', ...mask.args);
  if (mask.kind === 'plain' && mask.op === 'f32x4.eq') return op('f32x4.ne', ...mask.args);
  return op('v128.not', mask);
};

/** Where both masks are set. */
export const conjunction = (a: Wasm, b: Wasm): Wasm => {
  const [notA, notB] = [negated(a), negated(b)];
  if (notA !== undefined) return op('v128.andnot', b, notA);
  return notB === undefined ? op('v128.and', a, b) : op('v128.andnot', a, notB);
};

const negated = (mask: Wasm): Wasm | undefined =>
  mask.kind === 'plain' && mask.op === 'v128.not' ? mask.args[0] : undefined;
