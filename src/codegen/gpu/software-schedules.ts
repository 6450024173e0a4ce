/**
 * The schedules of adapters that compute on a CPU, where barriers are dear: those of GPUs, but products stage nothing.
 *
 * Invariant: comes with the device that needs it; pages on graphics cards do not load it.
 */
import type { Schedules } from '../plan.ts';
import { planDirectContraction } from './contraction/direct.ts';
import { gpuSchedules } from './schedules.ts';

export const softwareSchedules: Schedules = { ...gpuSchedules, contraction: planDirectContraction };
