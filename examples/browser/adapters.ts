/**
 * Whether this browser has WebGPU, without loading anything for it.
 *
 * Invariant: asks the browser each time; a driver may come and go.
 */

/** Why there is no WebGPU here; undefined where there is. */
export const whyNoWebGpu = async (): Promise<string | undefined> => {
  if (!isSecureContext) return 'needs https (or localhost)';
  if (!('gpu' in navigator)) return 'this browser has no WebGPU, or has it switched off';
  const adapter = await navigator.gpu.requestAdapter().catch(() => null);
  return adapter === null ? 'the browser finds no graphics driver that it can use' : undefined;
};
