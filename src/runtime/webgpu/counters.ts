/**
 * What a device has done, in numbers: for tests that pin it, for reports, and for whoever looks for lost time.
 *
 * Invariant: only ever grows.
 */
export interface Counters {
  /** Command buffers handed to the queue. */
  submits: number;
  /** Kernels started, copies of unaligned arrays included. */
  dispatches: number;
  /** Bind groups made; none while programs run again on the buffers they ran on before. */
  bindGroups: number;
  pipelines: number;
  buffers: number;
  uploadedBytes: number;
  readBytes: number;
}

export const freshCounters = (): Counters => ({
  submits: 0,
  dispatches: 0,
  bindGroups: 0,
  pipelines: 0,
  buffers: 0,
  uploadedBytes: 0,
  readBytes: 0,
});
