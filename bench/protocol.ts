/**
 * What a benchmark subject offers and what a measurement row looks like: shared by Tigon's own rows and the peers'.
 *
 * Invariant: every subject of a row does the same work on the same numbers; when `run` is done, so is the work.
 */
import type { Explanation } from 'tigon';

export type Mode = 'imperative' | 'hybrid' | 'step';

/** What a WebGPU device was asked to do in one run. */
export interface Counts {
  readonly dispatches: number;
  readonly submits: number;
  readonly bindGroups: number;
}

/** One piece of work, ready to be timed. */
export interface Prepared {
  /** Does the work once; what it returns is awaited. */
  readonly run: () => unknown;
  /** Does it once and says how many milliseconds of it count, where not all do. */
  readonly timed?: () => Promise<number>;
  /** Some numbers of the result (for training: losses of the first steps), to be compared with other subjects'. */
  readonly check?: readonly number[];
  readonly compileMs?: number;
  readonly kernels?: number;
  readonly plannedPeakBytes?: number;
  readonly lowerBoundBytes?: number;
  /** Of a run that is not the first. */
  readonly counts?: Counts;
  /** What a run computes and moves at least, where a rate says more than a time: a multiply-add is two operations. */
  readonly flops?: number;
  readonly bytes?: number;
  /** What Tigon's compiler made of it; it stays in the process. */
  readonly compiled?: Explanation;
}

/** The figures of prepared work, without the work. */
export type Figures = Omit<Prepared, 'run' | 'timed' | 'compiled'>;

/** Rows by name, then by mode; each prepares itself afresh. */
export type Subject = Readonly<
  Record<string, Partial<Record<Mode, () => Prepared | Promise<Prepared>>>>
>;

/** What computes. */
export interface Adapter {
  readonly name: string;
  /** True for drivers and emulators that compute on the CPU: their milliseconds say nothing, ratios little. */
  readonly software: boolean;
}

/** A subject, where it runs. */
export interface Contender {
  readonly subject: Subject;
  /** Of a GPU. */
  readonly adapter?: Adapter;
}

/** What a contender can do. */
export interface Offer {
  readonly rows: readonly (readonly [string, Mode])[];
  readonly adapter: Adapter | null;
}

/** Where programs ran. */
export type Engine = 'node' | 'chromium' | 'python';

/** One line of the report, as in the JSON file. What does not apply is null. */
export interface Row {
  readonly name: string;
  readonly subject: string;
  readonly device: 'cpu' | 'webgpu' | 'cuda';
  readonly engine: Engine;
  readonly adapter: Adapter | null;
  readonly mode: Mode;
  readonly threads: number | null;
  readonly medianMs: number | null;
  readonly minMs: number | null;
  readonly maxMs: number | null;
  readonly rounds: number;
  readonly kernels: number | null;
  readonly plannedPeakBytes: number | null;
  readonly lowerBoundBytes: number | null;
  readonly compileMs: number | null;
  readonly relativeError: number | null;
  readonly counts: Counts | null;
  readonly flops: number | null;
  readonly bytes: number | null;
  /** Why there is no figure. */
  readonly failure: string | null;
}

/** Messages between the runner and a contender. */
export type Request =
  | { readonly kind: 'list' }
  | { readonly kind: 'prepare'; readonly name: string; readonly mode: Mode }
  /** Times what was prepared last under that name. */
  | { readonly kind: 'round'; readonly mode: Mode; readonly seconds: number };
export type Reply =
  | { readonly kind: 'offer'; readonly offer: Offer }
  | { readonly kind: 'prepared'; readonly figures: Figures }
  /** Milliseconds of each sample of a round. */
  | { readonly kind: 'samples'; readonly ms: readonly number[] }
  | { readonly kind: 'failed'; readonly message: string };
