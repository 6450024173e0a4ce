/**
 * What devices are good at, as the figures that fusion and splitting weigh with.
 *
 * On a CPU an operation costs about what reading an element does, and a launch is a hand-off between threads. On a GPU
 * bytes cost far more than arithmetic and a launch takes as long as megabytes; but a row that threads fold together is
 * the work of one workgroup, so few long rows leave the rest of the device idle.
 * Invariant: depends on the kind of device alone, so that kernels, and with them results, are the same on all of a kind.
 */
import type { Caps } from './caps.ts';

export interface Grain {
  /** Multiply-adds in the time of reading or writing one element. */
  readonly access: number;
  /** Multiply-adds that computing a value again may take within a unit before it is stored by another launch. */
  readonly again: number;
  /** The same for a value that several units would compute each for itself. */
  readonly trifle: number;
  /**
   * Most new values of states that a product makes of its result on the way, so that gradients need not be written and
   * read back. On a CPU, tiles of a product go through memory in short pieces: with another array beside the first, that
   * takes longer than a launch that goes through all of them from end to end.
   */
  readonly updatesTaken: number;
  /** Whether rows whose points all wait for one fold keep the device busy: `length` elements are folded a row. */
  keepsBusy(rows: number, length: number, points: number): boolean;
}

/** Work below which a CPU does not miss its other threads. */
const SMALL_WORK = 1 << 16;
/** Folds of so few elements are done by each point for itself. */
const SHORT_ROW = 16;
/** Elements that one workgroup of a GPU folds or writes in about the time of the launches that sharing them out takes. */
const LONG_ROW = 1 << 16;

const cpu = (caps: Caps): Grain => ({
  access: 1,
  again: 1 << 14,
  trifle: 256,
  updatesTaken: 1,
  keepsBusy: (rows, length) => rows >= 2 * caps.parallelism || rows * length <= SMALL_WORK,
});

const gpu = (caps: Caps): Grain => ({
  access: 8,
  again: 1 << 22,
  trifle: 1 << 22,
  updatesTaken: Number.POSITIVE_INFINITY,
  keepsBusy: (rows, length, points) =>
    rows >= caps.parallelism || length <= SHORT_ROW || Math.max(length, points) <= LONG_ROW,
});

export const grainOf = (caps: Caps): Grain => (caps.threads > 1 ? gpu(caps) : cpu(caps));
