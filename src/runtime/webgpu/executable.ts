/**
 * A program on a WebGPU device: its pipelines, its constants, and what a run records.
 *
 * Invariants: a run records kernels into the open batch and returns; it makes no bind group when it has run on the same
 * buffers before. Temps live in the device's arena, which all programs share because they run one after the other;
 * constants are uploaded when the program is loaded. What cannot be bound as it lies is copied beside first.
 */
import { plainNames } from '../../codegen/text/names.ts';
import { renderProgram } from '../../codegen/wgsl/program.ts';
import type { BoundRange, ScalarSlot } from '../../codegen/wgsl/shader.ts';
import { TigonError } from '../../ir/errors.ts';
import { beginOf, sequence, timesOf } from '../../ir/program/sequence.ts';
import type { Program, Window } from '../../ir/program.ts';
import type { Executable, Storage } from '../device.ts';
import { showBytes } from '../holders.ts';
import { writeNumber } from '../numbers.ts';
import {
  constantsOf,
  disposedProgram,
  type External,
  foreignOperand,
  freedOperand,
  operandsOf,
} from '../operands.ts';
import type { Work } from '../stream.ts';
import type { Block } from './block.ts';
import { COPY_UNIFORM_BYTES } from './copier.ts';
import type { Engine } from './engine.ts';
import type { Pipeline } from './pipelines.ts';
import { type Placed, type Source, Step } from './step.ts';
import { GpuStorage } from './storage.ts';

const NONE: ReadonlyMap<number, Block> = new Map();
let nextRun = 1;

export class GpuExecutable implements Executable {
  readonly program: Program;
  readonly #engine: Engine;
  readonly #externals: readonly External[];
  readonly #steps: readonly Step[];
  readonly #pipelines: readonly Pipeline[];
  readonly #scalars: readonly { readonly slot: ScalarSlot; readonly position: number }[];
  readonly #uniformBytes: number;
  readonly #constants: GpuStorage | undefined;
  readonly #work: number;
  #ready = false;
  #disposed = false;

  constructor(program: Program, engine: Engine) {
    this.program = program;
    this.#engine = engine;
    const shaders = renderProgram(program, { features: engine.features, names: plainNames });
    this.#pipelines = shaders.shaders.map((s) =>
      engine.pipelines.request(s, `kernel ${s.name} of program ${program.name}`),
    );
    this.#uniformBytes = shaders.uniformBytes;
    const { bound, externals, scalars } = operandsOf(program);
    this.#externals = externals;
    this.#scalars = shaders.scalars.map((slot) => ({
      slot,
      position: scalars.indexOf(slot.buffer),
    }));
    const constants = constantsOf(program, engine.alignment);
    if (constants !== undefined) {
      const { bytes } = constants;
      const label = `${program.name}: constants`;
      this.#constants = engine.storages.allocate(engine.device, bytes.length, label);
      engine.write(this.#constants, 0, bytes);
    }
    const sourceOf = (b: number, begin: number): Source => {
      const buffer = program.buffers[b]!;
      if (buffer.role === 'temp') return { kind: 'arena', offset: (buffer.offset ?? 0) + begin };
      if (buffer.role === 'constant')
        return { kind: 'constant', offset: constants!.offsets.get(b)! + begin };
      return { kind: 'external', position: bound.indexOf(b), offset: begin };
    };
    for (const { bindings } of shaders.steps) for (const range of bindings) this.#check(range);
    // A step in a loop is one for each round: its bind groups name other ranges.
    this.#steps = sequence(program).flatMap(({ step: i, counters }) => {
      const step = shaders.steps[i]!;
      if (step.dispatch.includes(0)) return [];
      const kernel = program.kernels[program.steps[i]!.kernel]!.name;
      const launch = { program: program.name, kernel };
      const placed = (b: number, window: Window | undefined): Source =>
        sourceOf(b, beginOf(window, counters));
      return [new Step(launch, this.#pipelines[step.shader]!, step, placed)];
    });
    engine.reserveArena(program.arenaBytes);
    this.#work = program.steps.reduce((sum, { kernel }, i) => {
      const { flops, bytes } = program.kernels[kernel]!.cost;
      return sum + timesOf(program, i) * (flops + bytes);
    }, 0);
  }

  /** Throws when a kernel cannot see so much of a buffer. */
  #check(range: BoundRange): void {
    const limit = this.#engine.limits.maxStorageBufferBindingSize;
    if (range.kind === 'uniform' || range.bytes <= limit) return;
    const { buffers, name } = this.program;
    throw new TigonError(
      'memory',
      `${name}: ${buffers[range.buffer]!.name} has ${showBytes(range.bytes)}, and a kernel of ${this.#engine.name} can see ${showBytes(limit)} of an array`,
      'use a smaller batch, or split the array; `tigon devices` shows the limits',
    );
  }

  run(buffers: readonly Storage[], offsets: readonly number[], scalars: readonly number[]): void {
    const engine = this.#engine;
    engine.faults.check();
    if (this.#disposed) throw disposedProgram(this.program);
    const failure = this.#failure();
    if (failure !== undefined) throw failure;
    const placed: Placed[] = [];
    for (let i = 0; i < this.#externals.length; i++) {
      const storage = buffers[i]!;
      if (storage.pointer === 0) throw freedOperand(this.program, this.#externals[i]!);
      if (!(storage instanceof GpuStorage) || storage.device !== engine.device)
        throw foreignOperand(this.program, this.#externals[i]!, storage, engine.device);
      placed.push({ block: storage.block, offset: offsets[i]! });
    }
    if (engine.stream.clear && this.ready) this.#record(placed, scalars);
    else engine.stream.add(this.#later(placed, [...scalars]));
  }

  /** True when its kernels are compiled, or will never be. */
  get ready(): boolean {
    if (!this.#ready)
      this.#ready = this.#pipelines.every((p) => p.ready !== undefined || p.failure !== undefined);
    return this.#ready;
  }

  #later(placed: readonly Placed[], scalars: readonly number[]): Work {
    const isReady = (): boolean => this.ready;
    return {
      get ready() {
        return isReady();
      },
      bytes: 0,
      settle: () => {
        for (const p of this.#pipelines) this.#engine.pipelines.settle(p);
      },
      perform: () => {
        const failure = this.#failure();
        if (failure !== undefined) this.#engine.faults.note(failure);
        else this.#record(placed, scalars);
      },
    };
  }

  #failure(): TigonError | undefined {
    for (const p of this.#pipelines) if (p.failure !== undefined) return p.failure;
    return undefined;
  }

  #record(given: readonly Placed[], scalars: readonly number[]): void {
    const engine = this.#engine;
    const { recorder, copier } = engine;
    const beside = this.#besides(given);
    recorder.reserve(this.#uniformBytes + 2 * beside.size * COPY_UNIFORM_BYTES);
    const base = this.#number(scalars);
    let placed = given;
    if (beside.size > 0) {
      placed = given.map((p, i) => {
        const block = beside.get(i);
        return block === undefined ? p : { block, offset: 0 };
      });
      for (const i of beside.keys())
        copier.copy(given[i]!, placed[i]!, this.#externals[i]!.bytes, this.program.name);
    }
    for (const { block } of placed) recorder.touch(block);
    if (engine.arena !== undefined) recorder.touch(engine.arena);
    for (const step of this.#steps)
      recorder.dispatch(
        step.launch,
        step.pipeline.ready!,
        step.groupFor(engine, placed, this.#constants?.block),
        step.uniform === undefined ? undefined : base + step.uniform,
        step.dispatch,
      );
    for (const [i, block] of beside) {
      const { written, bytes } = this.#externals[i]!;
      if (written) copier.copy(placed[i]!, given[i]!, bytes, this.program.name);
      engine.giveBack(block);
    }
    recorder.programEnds(this.#work);
  }

  /** Blocks for externals that cannot be bound as they lie: unaligned ones, and inputs in a buffer that is written. */
  #besides(given: readonly Placed[]): ReadonlyMap<number, Block> {
    const { alignment } = this.#engine;
    const run = nextRun++;
    let usual = true;
    for (let i = 0; i < given.length; i++) {
      const { block, offset } = given[i]!;
      if (this.#externals[i]!.written) block.written = run;
      usual &&= offset % alignment === 0;
    }
    for (let i = 0; i < given.length; i++)
      usual &&= this.#externals[i]!.written || given[i]!.block.written !== run;
    if (usual) return NONE;
    const besides = new Map<number, Block>();
    given.forEach(({ block, offset }, i) => {
      const { written, bytes } = this.#externals[i]!;
      if (offset % alignment === 0 && (written || block.written !== run)) return;
      besides.set(i, this.#engine.borrow(bytes, `${this.program.name}: aligned copy`));
    });
    return besides;
  }

  /** Writes the numbers of a call; where they start in the uniform buffer. */
  #number(scalars: readonly number[]): number {
    if (this.#uniformBytes === 0) return 0;
    const { uniforms } = this.#engine.recorder;
    const base = uniforms.take(this.#uniformBytes);
    const { view } = uniforms;
    for (const { slot, position } of this.#scalars) {
      const { dtype } = this.program.buffers[slot.buffer]!;
      writeNumber(view, base + slot.offset, slot.elem, dtype, scalars[position]!);
    }
    return base;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#constants !== undefined) this.#engine.storages.release(this.#constants);
  }
}
