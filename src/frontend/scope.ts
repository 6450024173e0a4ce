/**
 * Scopes: give the memory of intermediate results back at once instead of when they are garbage collected.
 *
 * Invariant: what the function returns outlives the scope, and so does what was assigned, recorded or asked for as a
 * gradient: those count as holders of the memory themselves.
 */
import { failure } from './callsite.ts';
import { mode, withMode } from './mode.ts';
import type { NDArray } from './ndarray.ts';
import { mapArrays } from './signature.ts';

/**
 * Runs `body` and disposes every array made in it, except those in its result (nested arrays and objects included).
 *
 * @example const y = nd.scope(() => x.mul(2).add(1).relu());   // two intermediate arrays are freed at once
 */
export const scope = <T>(body: () => T): T => {
  if (mode.trace !== undefined) return body();
  const made: NDArray[] = [];
  const outer = mode.scope;
  const kept = new Set<NDArray>();
  try {
    const result = withMode({ scope: made }, body);
    if (result instanceof Promise)
      throw failure('value', 'nd.scope: the function returned a promise', 'scopes are synchronous');
    mapArrays(result, (x) => {
      kept.add(x);
      return x;
    });
    return result;
  } finally {
    for (const x of made) if (!kept.has(x)) x.dispose();
    for (const x of kept) outer?.push(x);
  }
};
