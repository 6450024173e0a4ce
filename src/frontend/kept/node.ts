/**
 * `#kept` in Node: compiled programs are kept in a folder of this user, from the first one on.
 *
 * Invariant: a process that runs from sources keeps nothing, as nothing says what they are.
 */
import { cacheFolder } from '../../runtime/disk-cache.ts';
import { build } from './build.ts';
import { DiskStore } from './disk.ts';
import { choose, chosenKeeper } from './holder.ts';
import { Keeper } from './keeper.ts';

let isChosen = false;

export const keeper = (): Keeper | undefined => {
  if (!isChosen) {
    isChosen = true;
    const folder = cacheFolder('programs');
    if (chosenKeeper() === undefined && build !== undefined && folder !== undefined)
      choose(new Keeper(new DiskStore(folder), build));
  }
  return chosenKeeper();
};
