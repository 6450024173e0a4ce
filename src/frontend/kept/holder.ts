/** Who keeps compiled programs in this process: nobody, until somebody is chosen. */
import type { Keeper } from './keeper.ts';

let chosen: Keeper | undefined;

export const chosenKeeper = (): Keeper | undefined => chosen;

/** From now on `keeper` keeps programs; undefined: nobody. */
export const choose = (keeper: Keeper | undefined): void => {
  chosen = keeper;
};
