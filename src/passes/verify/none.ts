/**
 * `#verify` in browsers: pages have no environment to ask for it in, so they do not carry the verifiers.
 *
 * Invariant: the same face as `stages.ts`.
 */
import type { verifyStages as VerifyStages } from './stages.ts';

export const verifyStages: typeof VerifyStages = () => {};
