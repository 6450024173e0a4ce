/**
 * Scopes: give the memory of intermediate results back at once instead of when they are garbage collected.
 *
 * Invariant: what the function returns outlives the scope, and so does what was assigned, recorded or asked for as a
 * gradient: those count as holders of the memory themselves.
 */
import { failure, forget } from './callsite.ts';
import { mode, withMode } from './mode.ts';
import type { NDArray } from './ndarray.ts';
import { checkFunction } from './options.ts';
import { mapArrays } from './signature.ts';

/**
 * Runs `body` and disposes every array made in it (any shape and dtype), except those in its result (nested arrays and
 * objects included), which it gives.
 *
 * @throws {ValueError} unless `body` is a function, and when it returns a promise
 *
 * @example const y = nd.scope(() => x.mul(2).add(1).relu());   // two intermediate arrays are freed at once
 */
export const scope = <T>(body: () => T): T => {
  checkFunction('nd.scope', body, 'write nd.scope(() => …)');
  return scoped('nd.scope', 'scopes are synchronous', body);
};

/** The same in the name of another function, which says what to do instead of returning a promise. */
export const scoped = <T>(name: string, help: string, body: () => T): T => {
  if (mode.trace !== undefined) return body();
  const made: NDArray[] = [];
  const outer = mode.scope;
  const kept = new Set<NDArray>();
  try {
    const result = withMode({ scope: made }, body);
    if (result instanceof Promise) {
      forget(result);
      throw failure('value', `${name}: the function returned a promise`, help);
    }
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
