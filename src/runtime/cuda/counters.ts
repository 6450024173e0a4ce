/**
 * What a device has done, in numbers: for tests that pin it, for reports, and for whoever looks for lost time.
 *
 * Invariant: only ever grows.
 */
export interface Counters {
  /** What the driver was told to start: kernels by themselves, and whole programs as graphs. */
  launches: number;
  /** Graphs made runnable; none while programs run again on the buffers they ran on before. */
  graphs: number;
  /** Nodes of graphs that were given other buffers. */
  updates: number;
  /** Copies within the device: arrays that lie askew, or in memory that is written. */
  copies: number;
  /** Translation units compiled, and those that the disk had. */
  compiles: number;
  cached: number;
  /** Blocks of device memory asked of the driver. */
  buffers: number;
  /** Buffers of pinned host memory asked of it. */
  pinned: number;
  uploadedBytes: number;
  readBytes: number;
}

export const freshCounters = (): Counters => ({
  launches: 0,
  graphs: 0,
  updates: 0,
  copies: 0,
  compiles: 0,
  cached: 0,
  buffers: 0,
  pinned: 0,
  uploadedBytes: 0,
  readBytes: 0,
});
