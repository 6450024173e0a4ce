/**
 * How long kernels take: timestamps around each, or the clock around each program where there are none.
 *
 * Invariant: measuring changes when work is submitted, never what it computes. A profiler measures one device, from its
 * beginning to `rows`. It is fetched when first asked for, and shares no code with the device.
 */
import type { Profile, ProfileRow } from '../profile.ts';
import type { Counters } from './counters.ts';
import type {
  GpuBuffer,
  GpuCommandEncoder,
  GpuDevice,
  GpuQuerySet,
  GpuQueue,
} from './gpu-types.ts';
import type { Readback } from './readback.ts';
import type { Launch } from './recorder.ts';

type PassDescriptor = NonNullable<Parameters<GpuCommandEncoder['beginComputePass']>[0]>;

/** Kernels that a query set times. */
const SET_KERNELS = 1024;
/** A timestamp is 8 bytes, two to a kernel. */
const TIMED_BYTES = 16;

interface QuerySet {
  readonly queries: GpuQuerySet;
  readonly resolved: GpuBuffer;
}

interface Timed extends Launch {
  readonly begin: number;
  readonly end: number;
}

export class Profiler {
  readonly clock: Profile['clock'];
  readonly #readback: Readback;
  readonly #gpu: GpuDevice;
  readonly #counters: Counters;
  readonly #usage: number;
  /** As many as the largest batch needs. */
  readonly #sets: QuerySet[] = [];
  /** Of the open batch. */
  #launches: Launch[] = [];
  #copied: Promise<Uint8Array<ArrayBuffer>>[] = [];
  readonly #pending: Promise<Timed[]>[] = [];
  /** When the last batch that the clock measured was done. */
  #last = 0;

  /** `usage`: of buffers that queries are resolved to and copied from. */
  constructor(gpu: GpuDevice, counters: Counters, readback: Readback, usage: number) {
    this.#gpu = gpu;
    this.#counters = counters;
    this.#readback = readback;
    this.#usage = usage;
    this.clock = gpu.features.has('timestamp-query') ? 'gpu' : 'wall';
  }

  /** True when each program is to be submitted by itself. */
  get eachProgram(): boolean {
    return this.clock === 'wall';
  }

  /** How the pass of the next kernel is timed; undefined where kernels cannot be. */
  timing(launch: Launch): PassDescriptor | undefined {
    const index = this.#launches.length;
    this.#launches.push(launch);
    if (this.clock === 'wall') return undefined;
    const at = 2 * (index % SET_KERNELS);
    return {
      timestampWrites: {
        querySet: this.#set(Math.floor(index / SET_KERNELS)).queries,
        beginningOfPassWriteIndex: at,
        endOfPassWriteIndex: at + 1,
      },
    };
  }

  #set(index: number): QuerySet {
    let set = this.#sets[index];
    if (set === undefined) {
      this.#counters.buffers++;
      set = {
        queries: this.#gpu.createQuerySet({ type: 'timestamp', count: 2 * SET_KERNELS }),
        resolved: this.#gpu.createBuffer({
          size: SET_KERNELS * TIMED_BYTES,
          usage: this.#usage,
          label: 'timestamps',
        }),
      };
      this.#sets[index] = set;
    }
    return set;
  }

  /** The batch is about to be submitted: has its timestamps copied to the host. */
  resolve(encoder: GpuCommandEncoder): void {
    if (this.clock === 'wall') return;
    for (let first = 0; first < this.#launches.length; first += SET_KERNELS) {
      const { queries, resolved } = this.#set(first / SET_KERNELS);
      const count = Math.min(SET_KERNELS, this.#launches.length - first);
      const bytes = count * TIMED_BYTES;
      const place = this.#readback.take(bytes);
      encoder.resolveQuerySet(queries, 0, 2 * count, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, place.buffer, place.offset, bytes);
      this.#copied.push(place.bytes);
    }
  }

  submitted(queue: GpuQueue): void {
    const launches = this.#launches;
    if (launches.length === 0) return;
    this.#launches = [];
    const timed =
      this.clock === 'wall'
        ? this.#byClock(launches, queue)
        : Promise.all(this.#copied).then((parts) => byTimestamps(launches, parts));
    this.#copied = [];
    // whoever awaits `rows` hears of it
    timed.catch(() => undefined);
    this.#pending.push(timed);
  }

  async #byClock(launches: readonly Launch[], queue: GpuQueue): Promise<Timed[]> {
    const submitted = performance.now() * 1e6;
    await queue.onSubmittedWorkDone();
    const end = performance.now() * 1e6;
    const begin = Math.max(submitted, this.#last);
    this.#last = end;
    const kernels = launches.length === 1 ? launches[0]!.kernel : `${launches.length} kernels`;
    return [{ program: launches[0]!.program, kernel: kernels, begin, end }];
  }

  /** What was measured. The batches must have been submitted. */
  async rows(): Promise<readonly ProfileRow[]> {
    const timed = (await Promise.all(this.#pending)).flat();
    const first = timed.reduce((least, t) => Math.min(least, t.begin), Number.POSITIVE_INFINITY);
    return timed.map(({ program, kernel, begin, end }) => ({
      program,
      kernel,
      start: begin - first,
      nanoseconds: Math.max(0, end - begin),
    }));
  }

  dispose(): void {
    for (const { queries, resolved } of this.#sets) {
      queries.destroy();
      resolved.destroy();
    }
  }
}

const byTimestamps = (
  launches: readonly Launch[],
  parts: readonly Uint8Array<ArrayBuffer>[],
): Timed[] => {
  const stamps = parts.flatMap((bytes) => [...new BigUint64Array(bytes.buffer)]);
  return launches.map((launch, i) => ({
    ...launch,
    begin: Number(stamps[2 * i]),
    end: Number(stamps[2 * i + 1]),
  }));
};
