/**
 * `tigon/cache`: compiled programs that outlive the process or the page.
 *
 * Invariant: what is kept changes how fast a program is there, never what it computes.
 */

import { keeper } from '#kept';
import * as platform from '#platform';
import { failure } from './callsite.ts';
import { build } from './kept/build.ts';
import { choose } from './kept/holder.ts';
import { IndexedStore } from './kept/indexed.ts';
import { Keeper } from './kept/keeper.ts';

/** What the cache has done since it was opened. */
export interface CacheReport {
  /** Where programs are kept; undefined: they are not. */
  readonly place: string | undefined;
  /** Programs that were there. */
  readonly found: number;
  /** Programs that were compiled, and are kept now. */
  readonly kept: number;
}

/**
 * Makes this page keep compiled programs in IndexedDB (64 MB at most, what was used longest ago goes first), and reads
 * those that are there: wait for it before the first call of a hybridized function. In Node there is nothing to wait for:
 * programs of the CPU device are kept in `programs/` of `TIGON_CACHE`, or of this user's cache folder, from the start,
 * unless `TIGON_CACHE` is `off`. Where Tigon runs from its sources nothing is kept. Arrays of any shape and dtype: programs
 * are kept, not values.
 *
 * @throws {DeviceError} where there is no IndexedDB, or the browser refuses it (in some private windows)
 *
 * @example
 * await cache.open();
 * const f = hybridize((x: nd.NDArray) => x.exp());
 * f(nd.ones([4]));   // compiled in the first visit of this page, found in the next
 */
export const open = async (): Promise<void> => {
  if (keeper() !== undefined || platform.kind === 'node' || build === undefined) return;
  try {
    choose(new Keeper(await IndexedStore.open('tigon'), build));
  } catch (error) {
    throw failure(
      'device',
      `cache.open: this browser keeps nothing in IndexedDB: ${error instanceof Error ? error.message : error}`,
      'go on without it: programs are compiled anew in each visit',
    );
  }
};

/**
 * Forgets all programs that are kept, those of other processes too. Nothing that is compiled now is lost.
 *
 * @throws nothing
 *
 * @example await cache.clear();
 */
export const clear = async (): Promise<void> => keeper()?.store.clear();

/**
 * What the cache has done in this process or page: plain numbers, no arrays.
 *
 * @throws nothing
 *
 * @example cache.report().found >= 0;   // true
 */
export const report = (): CacheReport => {
  const current = keeper();
  return {
    place: current?.store.place,
    found: current?.found ?? 0,
    kept: current?.kept ?? 0,
  };
};
