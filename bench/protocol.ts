/**
 * What a benchmark subject offers and what a measurement row looks like: shared by Tigon's own rows and the peers'.
 *
 * Invariant: every subject of a row does the same work on the same numbers; `run` returns only when the work is done.
 */

export type Mode = 'imperative' | 'hybrid' | 'step';

/** One piece of work, ready to be timed. */
export interface Prepared {
  /** Does the work once. */
  readonly run: () => unknown;
  /** Some numbers of the result (for training: losses of the first steps), to be compared with other subjects'. */
  readonly check?: readonly number[];
  readonly compileMs?: number;
  readonly kernels?: number;
  readonly plannedPeakBytes?: number;
  readonly lowerBoundBytes?: number;
}

/** Rows by name, then by mode; each prepares itself afresh. */
export type Subject = Readonly<
  Record<string, Partial<Record<Mode, () => Prepared | Promise<Prepared>>>>
>;

/** One line of the report, as in the JSON file. What does not apply is null. */
export interface Row {
  readonly name: string;
  readonly subject: string;
  readonly device: string;
  readonly mode: Mode;
  readonly threads: number;
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly rounds: number;
  readonly kernels: number | null;
  readonly plannedPeakBytes: number | null;
  readonly lowerBoundBytes: number | null;
  readonly compileMs: number | null;
  readonly relativeError: number | null;
}

/** Messages between the runner and the process of a subject. */
export type Request =
  | { readonly kind: 'list' }
  | { readonly kind: 'prepare'; readonly name: string; readonly mode: Mode }
  | { readonly kind: 'round'; readonly seconds: number }
  | { readonly kind: 'end' };
export type Reply =
  | { readonly kind: 'rows'; readonly rows: readonly (readonly [string, Mode])[] }
  | { readonly kind: 'prepared'; readonly prepared: Omit<Prepared, 'run'> }
  /** Milliseconds of each sample of a round. */
  | { readonly kind: 'samples'; readonly ms: readonly number[] }
  | { readonly kind: 'failed'; readonly message: string };
