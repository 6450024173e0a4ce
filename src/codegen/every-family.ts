/**
 * The schedules of all op families: for programs that compile what they read.
 *
 * Invariant: nothing that pages load imports this file.
 */
import { bring } from './families.ts';
import { planGpuAttention } from './gpu/attention/attention.ts';

export const bringEveryFamily = (): void => bring({ attention: planGpuAttention });
