/**
 * The worker threads of a CPU device: one hand-off per program, the caller works too.
 *
 * Invariant: when `run` returns, no worker touches anything of the job. A program never waits for a worker to wake up:
 * it waits for work that a worker has claimed.
 */
import * as platform from '#platform';
import { CONTROL } from '../../codegen/wasm/waiting.ts';
import { TigonError } from '../../ir/errors.ts';
import type { WorkerHandle } from '../platform/platform.ts';
import type { Heap } from './heap.ts';
import { WORD, WORDS, WORDS_AT, workerSource } from './worker.ts';

/** A program made ready for several threads. */
export interface Job {
  readonly id: number;
  readonly work: (
    args: number,
    scratch: number,
    control: number,
    mayWait: number,
    side: number,
  ) => number;
  readonly args: number;
  readonly control: number;
  readonly controlBytes: number;
  readonly moduleAt: number;
  readonly moduleBytes: number;
}

/** Loads of `active` before the caller sleeps in between. */
const SPINS = 10_000;

export class WorkerPool {
  readonly threads: number;
  readonly #heap: Heap;
  readonly #words: Int32Array;
  readonly #workers: WorkerHandle[] = [];
  readonly #mayBlock: boolean;
  #failure: string | undefined;
  #closing = false;
  #job = 0;

  constructor(heap: Heap, threads: number) {
    this.#heap = heap;
    this.threads = threads;
    this.#words = new Int32Array(heap.memory.buffer, WORDS_AT, WORDS);
    this.#mayBlock = platform.mayBlock();
  }

  /** Starts the threads, unless they run. It takes them longer than most programs to get going; nobody waits for them. */
  start(): void {
    if (this.#workers.length > 0) return;
    for (let rank = 1; rank < this.threads; rank++) {
      const data = { memory: this.#heap.memory, rank };
      this.#workers.push(
        platform.spawnWorker(workerSource, data, (message) => {
          if (!this.#closing) this.#failure ??= message;
        }),
      );
    }
  }

  /** True while all workers are running, on a job or looking out for the next. */
  get awake(): boolean {
    return this.#workers.length > 0 && Atomics.load(this.#words, WORD.sleepers) === 0;
  }

  /** Throws the error of a worker that has failed since the last look, once. */
  check(): void {
    const words = this.#words;
    if (Atomics.load(words, WORD.failed) !== 0) {
      const at = WORDS_AT + 4 * WORD.message;
      const text = this.#heap.bytes.slice(at, at + words[WORD.messageBytes]!);
      this.#failure ??= new TextDecoder().decode(text);
      Atomics.store(words, WORD.failed, 0);
    }
    if (this.#failure === undefined) return;
    const message = this.#failure;
    this.#failure = undefined;
    throw new TigonError(
      'device',
      `cpu(): a worker thread failed: ${message}`,
      'results of the last program are not to be trusted; TIGON_THREADS=1 runs without workers',
    );
  }

  run(job: Job, scratch: number, scratchStride: number): void {
    this.start();
    this.check();
    const words = this.#words;
    const control = job.control >>> 2;
    this.#heap.i32.fill(0, control, control + (job.controlBytes >>> 2));
    words[WORD.program] = job.id;
    words[WORD.args] = job.args;
    words[WORD.control] = job.control;
    words[WORD.scratch] = scratch;
    words[WORD.scratchStride] = scratchStride;
    words[WORD.moduleAt] = job.moduleAt;
    words[WORD.moduleBytes] = job.moduleBytes;
    words[WORD.timed] = 0;
    this.#job = this.#job === 0x7fffffff ? 1 : this.#job + 1;
    Atomics.store(words, WORD.open, this.#job);
    Atomics.store(words, WORD.job, this.#job);
    if (Atomics.load(words, WORD.sleepers) > 0) Atomics.notify(words, WORD.job);
    try {
      job.work(job.args, scratch, job.control, this.#mayBlock ? 1 : 0, 0);
    } finally {
      // after a trap here the others must not wait for workgroups that will never be done
      Atomics.store(this.#heap.i32, control + CONTROL.stop / 4, 1);
      this.#close();
    }
    if (Atomics.load(words, WORD.failed) !== 0) this.check();
  }

  /** The caller has timed a launch of the job: the next may begin. */
  timed(): void {
    Atomics.add(this.#words, WORD.timed, 1);
    Atomics.notify(this.#words, WORD.timed);
  }

  #close(): void {
    const words = this.#words;
    Atomics.store(words, WORD.open, 0);
    let turns = 0;
    for (;;) {
      const active = Atomics.load(words, WORD.active);
      if (active === 0) return;
      if (this.#mayBlock && ++turns > SPINS) Atomics.wait(words, WORD.active, active, 1);
    }
  }

  /** Ends the threads. */
  dispose(): void {
    this.#closing = true;
    Atomics.store(this.#words, WORD.job, -1);
    Atomics.notify(this.#words, WORD.job);
    for (const w of this.#workers) w.terminate();
    this.#workers.length = 0;
  }
}
