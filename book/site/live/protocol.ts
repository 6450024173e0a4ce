/**
 * What the page and the worker that runs its cells tell each other.
 *
 * Invariant: plain data; the worker answers each `run` with outputs of that cell and one `done`, in the order of the runs.
 */
import type { Cell } from '../../format/lesson.ts';
import type { Output } from '../../kernel/output.ts';

/** A cell as it is in the page now: the reader may have changed it, and then it has no quick values. */
export interface RunRequest extends Omit<Cell, 'line'> {
  readonly kind: 'run';
  /** Tells this run from others of the same cell. */
  readonly run: number;
}

/** Before the first run: where arrays live, and where data sets are. */
export interface StartRequest {
  readonly kind: 'start';
  readonly lesson: string;
  readonly device: DeviceName;
  /** Address under which the page's server has data sets. */
  readonly data: string;
  /** Constants of cells have their values for quick runs. */
  readonly quick: boolean;
  /** Shared, where pages may share memory: not 0 stops the cell that runs. */
  readonly stop?: Int32Array;
}

export type DeviceName = 'cpu' | 'webgpu';
export type ToWorker = RunRequest | StartRequest;

export type FromWorker =
  /** The framework is loaded. `device`: what is used; `why`: where it is not the one that was asked for. */
  | { readonly kind: 'ready'; readonly device: string; readonly why?: string }
  | { readonly kind: 'output'; readonly run: number; readonly output: Output }
  | { readonly kind: 'done'; readonly run: number; readonly ok: boolean; readonly ms: number };
