/**
 * A program on a CUDA device: its translation unit, its constants, its numbers, and what a run launches.
 *
 * Invariants: a run is one launch, and an upload when its numbers changed; it returns before anything is computed. Temps
 * live in the device's arena, which all programs share because they run one after the other; constants are uploaded when
 * the program is loaded. What a kernel may not read where it lies (askew, or in memory that the program writes) is copied
 * beside first.
 */
import type { CudaArgument, CudaProgram, ScalarSlot } from '../../codegen/cuda/module.ts';
import { renderProgram } from '../../codegen/cuda/program.ts';
import { beginOf, sequence } from '../../ir/program/sequence.ts';
import type { Program } from '../../ir/program.ts';
import type { Executable, Storage } from '../device.ts';
import type { Address } from '../native/api.ts';
import { writeNumber } from '../numbers.ts';
import {
  constantsOf,
  disposedProgram,
  type External,
  foreignOperand,
  freedOperand,
  operandsOf,
} from '../operands.ts';
import { turn, type Work } from '../stream.ts';
import { accessesOf, dependences } from './dependences.ts';
import type { Engine } from './engine.ts';
import { type AddressSource, type Launch, Replay, type Source } from './replay.ts';
import { type Block, CudaStorage } from './storage.ts';
import type { Unit } from './units.ts';

/** A range of a block. */
interface Placed {
  readonly block: Block;
  readonly offset: number;
}

/** What vector loads of kernels count on. */
const ALIGNMENT = 16;
/** Of constants in their block. */
const CONSTANT_ALIGNMENT = 256;
const NONE: ReadonlyMap<number, Block> = new Map();

export class CudaExecutable implements Executable {
  readonly program: Program;
  readonly #engine: Engine;
  readonly #externals: readonly External[];
  readonly #unit: Unit;
  readonly #replay: Replay;
  readonly #slots: readonly { readonly slot: ScalarSlot; readonly position: number }[];
  readonly #numbers: Uint8Array<ArrayBuffer>;
  /** The numbers that are in device memory. */
  #sent: readonly number[] | undefined;
  readonly #scalars: CudaStorage | undefined;
  readonly #constants: CudaStorage | undefined;
  #disposed = false;

  constructor(program: Program, engine: Engine) {
    this.program = program;
    this.#engine = engine;
    const rendered = renderProgram(program, { names: 'plain' });
    const { bound, externals, scalars } = operandsOf(program);
    this.#externals = externals;
    this.#slots = rendered.scalars.map((slot) => ({
      slot,
      position: scalars.indexOf(slot.buffer),
    }));
    this.#unit = engine.attempt(`loading program ${program.name}`, () =>
      engine.units.request(rendered, `program ${program.name}`, titlesOf(program, rendered)),
    );
    this.#numbers = new Uint8Array(rendered.scalarBytes);
    this.#scalars =
      rendered.scalarBytes === 0
        ? undefined
        : engine.allocate(rendered.scalarBytes, `${program.name}: numbers`);
    const constants = constantsOf(program, CONSTANT_ALIGNMENT);
    if (constants !== undefined) {
      const { bytes } = constants;
      this.#constants = engine.allocate(bytes.length, `${program.name}: constants`);
      engine.write(this.#constants, 0, bytes);
    }
    const sourceOf = (b: number, begin: number): AddressSource => {
      const { role, offset } = program.buffers[b]!;
      if (role === 'temp') return { kind: 'arena', offset: (offset ?? 0) + begin };
      if (role === 'constant')
        return { kind: 'constants', offset: constants!.offsets.get(b)! + begin };
      return { kind: 'external', position: bound.indexOf(b), offset: begin };
    };
    engine.reserveArena(program.arenaBytes);
    this.#replay = new Replay(
      program.name,
      engine,
      launchesOf(program, rendered, sourceOf),
      bound.length,
      { constants: this.#constants?.pointer ?? 0, scalars: this.#scalars?.pointer ?? 0 },
    );
  }

  run(buffers: readonly Storage[], offsets: readonly number[], scalars: readonly number[]): void {
    const engine = this.#engine;
    engine.faults.check();
    if (this.#disposed) throw disposedProgram(this.program);
    if (this.#unit.failure !== undefined) throw this.#unit.failure;
    const placed: Placed[] = [];
    for (let i = 0; i < this.#externals.length; i++) {
      const storage = buffers[i]!;
      if (storage.pointer === 0) throw freedOperand(this.program, this.#externals[i]!);
      if (!(storage instanceof CudaStorage) || storage.device !== engine.device)
        throw foreignOperand(this.program, this.#externals[i]!, storage, engine.device);
      placed.push({ block: storage.block, offset: offsets[i]! });
    }
    if (engine.order.clear && this.#unit.ready !== undefined) this.#launch(placed, scalars);
    else engine.order.add(this.#later(placed, [...scalars]));
  }

  #later(placed: readonly Placed[], scalars: readonly number[]): Work {
    const unit = this.#unit;
    const { units, faults } = this.#engine;
    return {
      get ready() {
        return unit.ready !== undefined || unit.failure !== undefined;
      },
      bytes: 0,
      settle: () => {
        if (faults.lost === undefined) units.settle(unit);
      },
      perform: () => {
        if (faults.lost !== undefined) return;
        if (unit.failure !== undefined) faults.note(unit.failure);
        else this.#launch(placed, scalars);
      },
    };
  }

  #launch(placed: readonly Placed[], scalars: readonly number[]): void {
    const engine = this.#engine;
    const { name } = this.program;
    engine.attempt(`running program ${name}`, () => {
      this.#number(scalars);
      const addresses = placed.map(({ block, offset }) => block.address + offset);
      // what was in order for these buffers before still is
      if (this.#replay.ranOn(addresses)) this.#replay.run(this.#unit.ready!, addresses);
      else this.#launchBeside(placed, addresses);
      engine.launched(name);
    });
  }

  #launchBeside(placed: readonly Placed[], addresses: Address[]): void {
    const engine = this.#engine;
    const { context, stream, counters } = engine;
    const beside = this.#besides(placed, addresses);
    for (const [i, { address }] of beside) {
      const from = addresses[i]!;
      addresses[i] = address;
      context.copy(stream, address, from, this.#externals[i]!.bytes);
      counters.copies++;
    }
    this.#replay.run(this.#unit.ready!, addresses);
    for (const [i, block] of beside) {
      const { written, bytes } = this.#externals[i]!;
      const { block: home, offset } = placed[i]!;
      if (written) {
        context.copy(stream, home.address + offset, block.address, bytes);
        counters.copies++;
      }
      engine.storages.giveBack(block);
    }
  }

  /** Blocks for externals that cannot be used as they lie: askew, or inputs in bytes that are written. */
  #besides(placed: readonly Placed[], addresses: readonly Address[]): ReadonlyMap<number, Block> {
    const written = new Map<Block, number[]>();
    this.#externals.forEach((external, i) => {
      if (!external.written) return;
      const { block } = placed[i]!;
      const others = written.get(block);
      if (others === undefined) written.set(block, [i]);
      else others.push(i);
    });
    const overlaps = (i: number): boolean =>
      written
        .get(placed[i]!.block)
        ?.some(
          (j) =>
            addresses[i]! < addresses[j]! + this.#externals[j]!.bytes &&
            addresses[j]! < addresses[i]! + this.#externals[i]!.bytes,
        ) ?? false;
    const askew: number[] = [];
    this.#externals.forEach((external, i) => {
      const moved = addresses[i]! % ALIGNMENT !== 0 || (!external.written && overlaps(i));
      if (moved && external.bytes > 0) askew.push(i);
    });
    if (askew.length === 0) return NONE;
    return new Map(
      askew.map((i) => [
        i,
        this.#engine.borrow(this.#externals[i]!.bytes, `${this.program.name}: copy beside`),
      ]),
    );
  }

  /** Sends the numbers of a call, unless they are there. */
  #number(scalars: readonly number[]): void {
    const memory = this.#scalars;
    if (memory === undefined) return;
    const sent = this.#sent;
    if (sent !== undefined && scalars.every((x, i) => Object.is(x, sent[i]))) return;
    const view = new DataView(this.#numbers.buffer);
    for (const { slot, position } of this.#slots) {
      const { dtype } = this.program.buffers[slot.buffer]!;
      writeNumber(view, slot.offset, slot.elem, dtype, scalars[position]!);
    }
    this.#engine.staging.write(memory.block.address, this.#numbers);
    this.#sent = [...scalars];
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    const engine = this.#engine;
    // runs that wait come first
    engine.order.add(turn(() => this.#replay.dispose()));
    for (const storage of [this.#constants, this.#scalars])
      if (storage !== undefined) engine.storages.release(storage);
  }
}

/** What each kernel of the unit is called in the program. */
const titlesOf = (program: Program, { kernels, steps }: CudaProgram): string[] =>
  kernels.map((_, k) => {
    const { step } = steps.find(({ kernel }) => kernel === k)!;
    return program.kernels[program.steps[step]!.kernel]!.name;
  });

/** Loops are unrolled: a launch for each round. */
const launchesOf = (
  program: Program,
  { steps, kernels }: CudaProgram,
  sourceOf: (buffer: number, begin: number) => AddressSource,
): Launch[] => {
  const sourceFor = (argument: CudaArgument, counters: readonly number[]): Source => {
    switch (argument.kind) {
      case 'buffer':
        return sourceOf(argument.buffer, beginOf(argument.window, counters));
      case 'scalars':
        return { kind: 'scalars', offset: argument.offset };
      case 'tensorMap': {
        const of = sourceOf(argument.buffer, beginOf(argument.window, counters));
        return { kind: 'tensorMap', of, map: argument.map };
      }
      default:
        return argument satisfies never;
    }
  };
  const byStep = new Map(steps.map((s) => [s.step, s]));
  const launched = sequence(program).filter((l) => byStep.has(l.step));
  const after = dependences(launched.map((l) => accessesOf(program, l)));
  return launched.map(({ step, counters }, i) => {
    const { kernel, arguments: given } = byStep.get(step)!;
    const { grid, threads, sharedBytes } = kernels[kernel]!;
    return {
      name: program.kernels[program.steps[step]!.kernel]!.name,
      kernel,
      grid,
      threads,
      sharedBytes,
      sources: given.map((argument) => sourceFor(argument, counters)),
      after: after[i]!,
    };
  });
};
