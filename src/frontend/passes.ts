/**
 * Names of the compiler's passes, for those who leave some out.
 *
 * Invariant: what `hybridize` takes in `without`.
 */
import { PASSES, type PassName } from '../passes/switches.ts';

export type { PassName };

/** All passes that `hybridize(f, { without })` can leave out, in the order in which they run. */
export const passes: readonly PassName[] = PASSES;
