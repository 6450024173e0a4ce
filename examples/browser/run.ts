/**
 * What a page asks of a training run, and what the run tells the page: plain data, so that it crosses threads.
 *
 * Invariant: the same in a worker and on the main thread; every run ends with `done` or `failed`.
 */

/** `best`: WebGPU on a graphics card, else the CPU. */
export type DeviceChoice = 'best' | 'cpu' | 'webgpu';

/** How the step runs: function by function, with the net compiled, or all of it as one program. */
export type Mode = 'imperative' | 'net' | 'step';

export type DataChoice =
  | { readonly kind: 'mnist' }
  | { readonly kind: 'drawn' }
  | { readonly kind: 'files'; readonly files: readonly File[] };

export interface Request {
  readonly device: DeviceChoice;
  readonly mode: Mode;
  readonly data: DataChoice;
  /** Most training images. */
  readonly images: number;
  readonly batchSize: number;
  readonly epochs: number;
  /** Longest time without letting other tasks run, milliseconds: short where the page has to stay alive. */
  readonly patience: number;
}

export type Report =
  | { readonly kind: 'log'; readonly text: string; readonly important?: boolean }
  /** Bytes of the data so far. */
  | { readonly kind: 'loading'; readonly what: string; readonly done: number; readonly of: number }
  | { readonly kind: 'started'; readonly device: string; readonly steps: number }
  /** The first step is done: it compiles. */
  | { readonly kind: 'compiled'; readonly ms: number }
  | {
      readonly kind: 'progress';
      readonly step: number;
      readonly loss: number;
      /** Of the training images since the last report. */
      readonly accuracy: number;
      /** Steps a second since then; not known after the first step. */
      readonly speed: number | undefined;
    }
  /** On test images, after an epoch. */
  | { readonly kind: 'tested'; readonly epoch: number; readonly accuracy: number }
  | { readonly kind: 'done'; readonly stopped: boolean }
  | { readonly kind: 'failed'; readonly message: string };

/** What the page sends to the worker. */
export type Order =
  | { readonly kind: 'start'; readonly request: Request }
  | { readonly kind: 'stop' };
