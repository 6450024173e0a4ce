/**
 * Attention on GPUs for programs that have it found: what WebGPU brings where `tigon` opens it.
 *
 * Invariant: nothing imports this but at the time when a GPU is opened.
 */
import { bring } from '../codegen/families.ts';
import { planGpuAttention } from '../codegen/gpu/attention/attention.ts';

export const bringGpuAttention = (): void => bring({ attention: planGpuAttention });
