/**
 * Functions that not every program calls, which pages fetch for the first that does.
 *
 * Invariant: nothing that pages load at once imports this file.
 */
import { halfFunctions } from './functions/halves.ts';
import { integerFunctions } from './functions/integers.ts';
import { packedFunctions } from './functions/packed.ts';
import { powerFunctions } from './functions/power.ts';
import { rareFloatFunctions } from './functions/rare-floats.ts';
import { waveFunctions } from './functions/waves.ts';
import { bringFunctions } from './library.ts';

/** Brings all functions there are. */
export const bringRareFunctions = (): void =>
  bringFunctions([
    ...halfFunctions,
    ...integerFunctions,
    ...packedFunctions,
    ...powerFunctions,
    ...rareFloatFunctions,
    ...waveFunctions,
  ]);
