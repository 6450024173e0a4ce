/**
 * Translation units: CUDA C++ made ready by the compiler, asynchronously and a few at a time, kept by their text.
 *
 * Invariants: equal texts are one unit; a unit that was asked for is ready, failed or on its way, and `settle` ends the
 * waiting; what the disk has is ready at once. An image that the driver does not take is compiled anew.
 */
import type { CudaKernel, CudaProgram } from '../../codegen/cuda/module.ts';
import { TigonError } from '../../ir/errors.ts';
import type { DiskCache } from '../disk-cache.ts';
import type { CompiledImage, CudaContext, Handle, NativeCuda } from '../native/api.ts';
import { NativeError } from '../native/api.ts';
import type { Counters } from './counters.ts';

export interface Unit {
  readonly source: string;
  /** Names it in errors. */
  readonly label: string;
  readonly kernels: readonly CudaKernel[];
  /** What each kernel is called by people. */
  readonly titles: readonly string[];
  /** The handle of each kernel; undefined while it is compiled, and when that failed. */
  ready: readonly Handle[] | undefined;
  failure: TigonError | undefined;
}

/** What units are compiled with, and where images are kept. */
export interface Compiler {
  readonly native: Pick<NativeCuda, 'compile' | 'compileAsync'>;
  readonly options: readonly string[];
  /** Undefined where nothing is kept. */
  readonly cache: DiskCache | undefined;
}

/** Programs keep the units they use; these are kept for programs to come. */
const KEPT = 1024;
/** Compiled at once: there are not more threads for such work in Node. */
const MOST_AT_ONCE = 4;
/** Shared memory that a kernel may have without asking. */
const USUAL_SHARED = 48 * 1024;
const LOG_LINES = 12;

export class Units {
  readonly #context: CudaContext;
  readonly #compiler: Compiler;
  readonly #counters: Counters;
  readonly #changed: () => void;
  readonly #bySource = new Map<string, Unit>();
  /** Not begun. */
  readonly #queue = new Set<Unit>();
  #running = 0;
  /** Modules of units that nobody uses any more, to be unloaded when the device is idle. */
  #dead: Handle[] = [];
  readonly #registry = new FinalizationRegistry<Handle>((module) => this.#dead.push(module));

  /** `changed` is called whenever a unit that was on its way is ready or has failed. */
  constructor(context: CudaContext, compiler: Compiler, counters: Counters, changed: () => void) {
    this.#context = context;
    this.#compiler = compiler;
    this.#counters = counters;
    this.#changed = changed;
  }

  request({ source, kernels }: CudaProgram, label: string, titles: readonly string[]): Unit {
    const known = this.#bySource.get(source);
    if (known !== undefined) {
      this.#bySource.delete(source);
      this.#bySource.set(source, known);
      return known;
    }
    const unit: Unit = {
      source,
      label,
      kernels,
      titles,
      ready: undefined,
      failure: undefined,
    };
    this.#bySource.set(source, unit);
    if (this.#bySource.size > KEPT) this.#bySource.delete(this.#bySource.keys().next().value!);
    if (kernels.length === 0) unit.ready = [];
    else if (!this.#fromDisk(unit)) {
      this.#queue.add(unit);
      this.#next();
    }
    return unit;
  }

  /** Makes a unit ready at once, whoever else works on it. */
  settle(unit: Unit): void {
    if (unit.ready !== undefined || unit.failure !== undefined) return;
    this.#queue.delete(unit);
    const { native, options } = this.#compiler;
    try {
      this.#finish(unit, native.compile(unit.source, fileName(unit), options));
    } catch (error) {
      unit.failure = failureOf(unit, error);
    }
  }

  /** The device is idle: unloads what nobody can launch any more. */
  sweep(): void {
    for (const module of this.#dead) this.#context.unloadModule(module);
    this.#dead = [];
  }

  #fromDisk(unit: Unit): boolean {
    const { cache, options } = this.#compiler;
    if (cache === undefined) return false;
    const path = cache.path(options, unit.source);
    const image = cache.get(path);
    if (image === undefined) return false;
    try {
      this.#load(unit, image);
    } catch (error) {
      if (!(error instanceof NativeError) || error.fatal) throw error;
      cache.drop(path);
      return false;
    }
    this.#counters.cached++;
    return true;
  }

  #next(): void {
    while (this.#running < MOST_AT_ONCE) {
      const [unit] = this.#queue;
      if (unit === undefined) return;
      this.#queue.delete(unit);
      this.#running++;
      void this.#compile(unit).finally(() => {
        this.#running--;
        this.#changed();
        this.#next();
      });
    }
  }

  async #compile(unit: Unit): Promise<void> {
    const { native, options } = this.#compiler;
    try {
      const compiled = await native.compileAsync(unit.source, fileName(unit), options);
      if (unit.ready === undefined && unit.failure === undefined) this.#finish(unit, compiled);
    } catch (error) {
      if (unit.ready === undefined) unit.failure ??= failureOf(unit, error);
    }
  }

  #finish(unit: Unit, { image }: CompiledImage): void {
    this.#counters.compiles++;
    this.#load(unit, image);
    const { cache, options } = this.#compiler;
    cache?.put(cache.path(options, unit.source), image);
  }

  #load(unit: Unit, image: Uint8Array): void {
    const context = this.#context;
    const module = context.loadModule(image);
    unit.ready = unit.kernels.map(({ name, sharedBytes }) => {
      const { handle } = context.kernel(module, name);
      if (sharedBytes > USUAL_SHARED) context.allowShared(handle, sharedBytes);
      return handle;
    });
    this.#registry.register(unit, module);
  }
}

const fileName = ({ label }: Unit): string => `${label.replace(/\W+/g, '_')}.cu`;

/** The first lines of what the compiler wrote, beginning with the first error. */
const excerpt = (log: string): string => {
  const lines = log.trim().split('\n');
  const first = Math.max(
    0,
    lines.findIndex((line) => /\berror\b/.test(line)),
  );
  return lines.slice(first, first + LOG_LINES).join('\n    ');
};

/** The kernel that stands around the first line that the compiler complains about. */
const kernelAt = ({ source, kernels, titles }: Unit, log: string): string => {
  const line = /\((\d+)\): (?:catastrophic )?error|:(\d+):(?:\d+:)? (?:fatal )?error/.exec(log);
  if (line === null) return '';
  const above = source.split('\n').slice(0, Number(line[1] ?? line[2]));
  const head = above.findLast((text) => /^(SUMMING_)?KERNEL\(/.test(text)) ?? '';
  const index = kernels.findIndex(({ name }) => head.includes(`, ${name})`));
  return index < 0 ? '' : `kernel ${titles[index]} of `;
};

const failureOf = (unit: Unit, error: unknown): TigonError => {
  if (error instanceof TigonError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const log = error instanceof NativeError ? error.log : '';
  const said = log === '' ? '' : `\n    ${excerpt(log)}`;
  return new TigonError(
    'device',
    `${kernelAt(unit, log)}${unit.label} does not compile for this device: ${message.split('\n')[0]}${said}`,
    'this is a bug in Tigon or in the compiler; the program runs on device.cpu()',
  );
};
