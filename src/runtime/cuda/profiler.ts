/**
 * How long kernels take: an event before and behind each.
 *
 * Invariant: measuring launches kernels one by one instead of as graphs, which changes what runs at the same time, never
 * what is computed. A profiler measures one device, from its beginning to `rows`.
 */
import type { CudaContext, Handle } from '../native/api.ts';
import type { ProfileRow } from '../profile.ts';

interface Timed {
  readonly program: string;
  readonly kernel: string;
  readonly begin: Handle;
  readonly end: Handle;
}

const NANOSECONDS = 1e6;

export class Profiler {
  readonly #context: CudaContext;
  readonly #stream: Handle;
  readonly #timed: Timed[] = [];

  constructor(context: CudaContext, stream: Handle) {
    this.#context = context;
    this.#stream = stream;
  }

  /** Launches a kernel between two events. */
  time(program: string, kernel: string, launch: () => void): void {
    const begin = this.#mark();
    launch();
    this.#timed.push({ program, kernel, begin, end: this.#mark() });
  }

  #mark(): Handle {
    const event = this.#context.event(true);
    this.#context.record(event, this.#stream);
    return event;
  }

  /** What was measured. The device must be done with it. */
  rows(): readonly ProfileRow[] {
    const context = this.#context;
    const first = this.#timed[0]?.begin;
    return this.#timed.map(({ program, kernel, begin, end }) => ({
      program,
      kernel,
      start: begin === first ? 0 : NANOSECONDS * context.elapsed(first!, begin),
      nanoseconds: NANOSECONDS * context.elapsed(begin, end),
    }));
  }

  dispose(): void {
    for (const { begin, end } of this.#timed) {
      this.#context.destroyEvent(begin);
      this.#context.destroyEvent(end);
    }
  }
}
