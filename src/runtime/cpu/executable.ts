/**
 * A program on the CPU: its module, its argument block, its constants.
 *
 * Invariant: a run writes pointers and numbers and makes one call. Temps live in the device's arena, which all programs
 * share because they run one after the other; constants are uploaded when the program is loaded. What is kept from call to
 * call is made in the run that finds it missing, or made of other values.
 */
import type { Caps } from '../../codegen/caps.ts';
import { programNanoseconds } from '../../codegen/wasm/pace.ts';
import { type Code, renderProgram } from '../../codegen/wasm/program.ts';
import type { DType } from '../../ir/dtype.ts';
import { invariant, type TigonError } from '../../ir/errors.ts';
import { externals, type Program } from '../../ir/program.ts';
import { roundTo } from '../../ir/rounding.ts';
import type { CodeKeeper, Executable, Storage } from '../device.ts';
import { encodeElements } from '../elements.ts';
import { disposedProgram, freedOperand, operandsOf } from '../operands.ts';
import type { Heap } from './heap.ts';
import { KeptBlock, type KeptMemory } from './kept.ts';
import type { Job, WorkerPool } from './pool.ts';
import type { Profiler } from './profiler.ts';
import type { CpuStorage } from './storage.ts';

/** What a device lends to its programs. */
export interface Host {
  readonly heap: Heap;
  readonly caps: Caps;
  readonly pool: WorkerPool | undefined;
  /** Who times each launch; usually nobody. */
  readonly profiler: Profiler | undefined;
  /** Of the memory for temps that all programs share; 0 while none needs any. */
  readonly arenaAddress: number;
  /** Of the first thread's workgroup memory, and how far apart those of threads are. */
  readonly scratchAddress: number;
  readonly scratchStride: number;
  /** What all programs keep. */
  readonly kept: KeptMemory;
  reserve(arenaBytes: number, scratchBytes: number): void;
  allocate(bytes: number, label: string): Storage;
  release(storage: Storage): void;
}

/** Programs shorter than this run on the caller alone when workers sleep: waking one takes as long. */
const PARALLEL_NANOSECONDS = 30_000;
/** Programs of several launches shorter than this always do: handing them over would cost what it gains. */
const AWAKE_NANOSECONDS = 12_000;
/**
 * Threads of programs longer than this start while they are rendered and compiled. A thread needs some 40 ms of a
 * processor to start, for which this one would wait where there are two; shorter programs are over before it pays.
 */
const LONG_NANOSECONDS = 100_000_000;
/** How many runs of a short program go by before sleeping workers are woken for the next. */
const PATIENCE = 16;

/** A module that is ready to run. */
interface Entry {
  readonly run: (args: number, scratch: number) => void;
  readonly job: Job | undefined;
}

let nextId = 1;

export class CpuExecutable implements Executable {
  readonly program: Program;
  readonly #host: Host;
  readonly #storages: Storage[] = [];
  readonly #args: number;
  /** Word index of each external buffer's pointer, in binding order. */
  readonly #pointers: Int32Array;
  /** Where scalars go: word index, and the dtype it is written as. */
  readonly #scalars: readonly { readonly word: number; readonly dtype: DType }[];
  /** Positions of the arrays that a run writes. */
  readonly #written: Int32Array;
  /** What it keeps from call to call, the word that tells the code so, and how often it was made. */
  readonly #kept: KeptBlock | undefined;
  readonly #keptWord: number;
  fills = 0;
  readonly #temps: readonly { readonly word: number; readonly offset: number }[];
  readonly #run: Entry['run'];
  readonly #job: Entry['job'];
  /** The same with a clock, once it has been profiled. */
  #clocked: Entry | undefined;
  /** Rough duration of a run on one thread. */
  readonly #nanoseconds: number;
  /** True when it is shared with workers that are awake, but not worth waking them each time. */
  readonly #short: boolean;
  #waited = 0;
  #arena = -1;
  #disposed = false;

  constructor(program: Program, host: Host, keeper: CodeKeeper = {}) {
    this.program = program;
    this.#host = host;
    this.#nanoseconds = keeper.code?.nanoseconds ?? programNanoseconds(program);
    this.#short = this.#nanoseconds < PARALLEL_NANOSECONDS;
    if (this.#nanoseconds > LONG_NANOSECONDS) host.pool?.start();
    const module = keeper.code ?? this.#render(false);
    // the engine looks at it before anything is taken for it
    const compiled = new WebAssembly.Module(module.bytes);
    if (module !== keeper.code) keeper.keep?.(module);
    host.reserve(program.arenaBytes, module.scratchBytes);

    this.#args = this.#keep(module.argumentBytes, `${program.name}: arguments`);
    const base = this.#args >>> 2;
    const bound = externals(program);
    const isScalar = (b: number): boolean => program.buffers[b]!.role === 'scalar';
    const arrays = bound.filter((b) => !isScalar(b));
    this.#pointers = Int32Array.from(arrays, (b) => base + b);
    this.#written = Int32Array.from(
      arrays.flatMap((b, i) => (program.buffers[b]!.role === 'input' ? [] : [i])),
    );
    const { keptOffset } = module;
    this.#kept = keptOffset === undefined ? undefined : new KeptBlock(program, arrays, host);
    this.#keptWord = (this.#args + (keptOffset ?? 0)) >>> 2;
    const words = host.heap.i32;
    this.#scalars = bound.filter(isScalar).map((b) => {
      const at = this.#args + module.scalarOffsets.get(b)!;
      words[base + b] = at;
      return { word: at >>> 2, dtype: program.buffers[b]!.dtype };
    });
    this.#temps = program.buffers.flatMap((b, i) =>
      b.role === 'temp' ? [{ word: base + i, offset: b.offset ?? 0 }] : [],
    );
    program.buffers.forEach((b, i) => {
      if (b.role !== 'constant') return;
      invariant(b.values !== undefined, `constant ${b.name} has values`);
      const at = this.#keep(b.bytes, `${program.name}: constant ${b.name}`);
      host.heap.bytes.set(encodeElements(b.dtype, b.values), at);
      host.heap.i32[base + i] = at;
    });

    const { run, job } = this.#instantiate(module, compiled);
    this.#run = run;
    this.#job = job;
  }

  #render(clocked: boolean): Code {
    const { heap, pool, caps } = this.#host;
    const { program } = this;
    const worthwhile =
      !this.#short || (program.steps.length > 1 && this.#nanoseconds >= AWAKE_NANOSECONDS);
    const { functions: _, ...code } = renderProgram(program, caps, {
      shared: heap.shared,
      maximumPages: heap.maximumPages,
      threads: worthwhile ? (pool?.threads ?? 1) : 1,
      clocked,
    });
    return code;
  }

  #instantiate(module: Code, compiled: WebAssembly.Module): Entry {
    const { memory } = this.#host.heap;
    const clock = (step: number): void => {
      this.#host.profiler?.launched(step);
      this.#host.pool?.timed();
    };
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory, clock } });
    const run = exports['run'] as Entry['run'];
    const work = exports['work'] as Job['work'];
    return { run, job: module.controlBytes > 0 ? this.#makeJob(module, work) : undefined };
  }

  #withClock(): Entry {
    const code = this.#render(true);
    return this.#instantiate(code, new WebAssembly.Module(code.bytes));
  }

  #keep(bytes: number, label: string): number {
    const storage = this.#host.allocate(bytes, label);
    this.#storages.push(storage);
    return storage.pointer;
  }

  #makeJob(module: Code, work: Job['work']): Job {
    const { name } = this.program;
    const moduleAt = this.#keep(module.bytes.length, `${name}: code`);
    this.#host.heap.bytes.set(module.bytes, moduleAt);
    return {
      id: nextId++,
      work,
      args: this.#args,
      control: this.#keep(module.controlBytes, `${name}: control`),
      controlBytes: module.controlBytes,
      moduleAt,
      moduleBytes: module.bytes.length,
    };
  }

  run(buffers: readonly Storage[], offsets: readonly number[], scalars: readonly number[]): void {
    const host = this.#host;
    const words = host.heap.i32;
    const pointers = this.#pointers;
    for (let i = 0; i < pointers.length; i++) {
      const { pointer } = buffers[i]!;
      if (pointer === 0) throw this.#freed(i);
      words[pointers[i]!] = pointer + offsets[i]!;
    }
    for (let i = 0; i < this.#scalars.length; i++) {
      const { word, dtype } = this.#scalars[i]!;
      if (dtype === 'float32') host.heap.f32[word] = scalars[i]!;
      else if (dtype === 'int32' || dtype === 'uint32') words[word] = scalars[i]!;
      else host.heap.bytes.set(encodeElements(dtype, [roundTo(dtype, scalars[i]!)]), word * 4);
    }
    if (this.#arena !== host.arenaAddress) this.#bindArena();
    const filling = this.#kept !== undefined && !this.#holds(this.#kept, buffers, offsets);
    // whoever keeps what is made of these will look, before its next run
    for (let i = 0; i < this.#written.length; i++)
      (buffers[this.#written[i]!] as CpuStorage).touch();
    if (host.profiler === undefined) this.#replay(this.#run, this.#job);
    else {
      this.#clocked ??= this.#withClock();
      host.profiler.begins(this.program);
      this.#replay(this.#clocked.run, this.#clocked.job);
    }
    if (filling) {
      this.#kept!.filled();
      this.fills++;
    }
  }

  /** Whether what it keeps is made of these arrays; tells the code. */
  #holds(kept: KeptBlock, buffers: readonly Storage[], offsets: readonly number[]): boolean {
    const { heap } = this.#host;
    const base = this.#args >>> 2;
    const holds = kept.holds(buffers, offsets, (buffer, at) => {
      heap.i32[base + buffer] = at;
    });
    heap.i32[this.#keptWord] = holds ? 1 : 0;
    return holds;
  }

  #replay(run: Entry['run'], job: Entry['job']): void {
    const { pool, scratchAddress, scratchStride } = this.#host;
    if (job === undefined || pool === undefined || (this.#short && this.#alone(pool)))
      run(this.#args, scratchAddress);
    else pool.run(job, scratchAddress, scratchStride);
  }

  /** Whether a short program runs without the workers this time: they sleep, and it has not come often enough. */
  #alone(pool: WorkerPool): boolean {
    if (pool.awake) return false;
    this.#waited = (this.#waited + 1) % PATIENCE;
    return this.#waited !== 0;
  }

  #bindArena(): void {
    if (this.#disposed) throw disposedProgram(this.program);
    this.#arena = this.#host.arenaAddress;
    for (const { word, offset } of this.#temps) this.#host.heap.i32[word] = this.#arena + offset;
  }

  #freed(position: number): TigonError {
    const { externals } = operandsOf(this.program);
    return freedOperand(this.program, externals[position]!);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    // a later run finds the arena changed, looks why, and refuses
    this.#arena = -1;
    this.#kept?.release();
    for (const s of this.#storages) this.#host.release(s);
  }
}
