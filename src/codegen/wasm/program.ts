/**
 * Program → one WebAssembly module: a function for each kernel, and entries that replay all launches.
 *
 * Invariant: `run(args, scratch)` replays on one thread. `work(args, scratch, control, mayWait, side)` is called by every
 * thread that takes part: workgroups are claimed from counters, and a launch with a barrier starts when all workgroups
 * before it are done, whoever did them. A thread that comes late finds nothing left to claim, so none is waited for.
 * Steps that fill kept buffers are left out while a word of the arguments says so.
 * A clocked program calls `env.clock(step)` when a launch is done, and runs launches one at a time.
 */
import { bytesOf } from '../../ir/dtype.ts';
import { keptSteps, type Program } from '../../ir/program.ts';
import type { Caps } from '../caps.ts';
import { FunctionBuilder } from './builder.ts';
import { encodeModule, type MemoryImport } from './encode.ts';
import { sharedLayout } from './layout.ts';
import { programNanoseconds } from './pace.ts';
import { parallelEntry } from './parallel.ts';
import { reachable } from './reachable.ts';
import { renderKernel } from './render.ts';
import { serialEntry } from './sequence.ts';
import type { WasmFunction } from './tree.ts';

/** A module and what its caller must provide: plain data. */
export interface Code {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of the argument block: the pointer of program buffer i at 4 i, then the slots of scalars. */
  readonly argumentBytes: number;
  /** Where in the argument block the number of a scalar buffer (by buffer index) stands. */
  readonly scalarOffsets: ReadonlyMap<number, number>;
  /** Where in it the word stands that says whether to leave the first steps out, which fill kept buffers; if there are any. */
  readonly keptOffset?: number;
  /** Workgroup memory each thread needs. */
  readonly scratchBytes: number;
  /** Bytes of the control block, zero when a run starts; 0 when the module has no `work`. */
  readonly controlBytes: number;
  /** Rough duration of a run on one thread. */
  readonly nanoseconds: number;
}

export interface ProgramModule extends Code {
  readonly functions: readonly WasmFunction[];
}

export interface ProgramOptions extends MemoryImport {
  /** Without more than one there is no parallel entry. */
  readonly threads: number;
  /** Tell the clock of each launch. Default false. */
  readonly clocked?: boolean;
}

/** Renders all of a program. */
export const renderProgram = (
  program: Program,
  caps: Caps,
  options: ProgramOptions,
): ProgramModule => {
  const kernels = program.kernels.map((k) => renderKernel(k, caps));
  const scalarOffsets = new Map<number, number>();
  let argumentBytes = 4 * program.buffers.length;
  program.buffers.forEach((b, i) => {
    if (b.role !== 'scalar') return;
    const size = Math.max(4, bytesOf(b.dtype));
    argumentBytes = Math.ceil(argumentBytes / size) * size;
    scalarOffsets.set(i, argumentBytes);
    argumentBytes += size;
  });
  argumentBytes = Math.ceil(argumentBytes / 4) * 4;
  const keeps = keptSteps(program) > 0;
  const keptOffset = argumentBytes;
  if (keeps) argumentBytes += 4;
  const clock = options.clocked === true ? clockFunction() : undefined;
  const entries = [serialEntry(program, kernels, keptOffset, clock)];
  const parallel = options.threads > 1 && options.shared;
  const control = parallel
    ? parallelEntry(program, kernels, options.threads, keptOffset, clock)
    : undefined;
  if (control !== undefined) entries.push(control.entry);
  const functions = reachable(entries);
  return {
    functions,
    bytes: encodeModule(functions, options),
    argumentBytes,
    scalarOffsets,
    ...(keeps ? { keptOffset } : {}),
    scratchBytes: Math.max(0, ...program.kernels.map((k) => sharedLayout(k).bytes)),
    controlBytes: control?.bytes ?? 0,
    nanoseconds: programNanoseconds(program),
  };
};

/** What a clocked program calls. */
const clockFunction = (): WasmFunction => {
  const fb = new FunctionBuilder();
  fb.param('i32', 'step');
  return { ...fb.finish('clock'), imported: true };
};
