/**
 * What a program means: runs its steps with the thread interpreter, on plain arrays.
 *
 * Invariant: writing a temp spoils (NaN) every other temp with bytes in common, as it would in a real arena; a temp in
 * another's place is the same array, so that a kernel that reads ahead of its writes is caught.
 */
import { bytesOf } from '../dtype.ts';
import { TigonError } from '../errors.ts';
import { externals, type Program, type ProgramBuffer } from '../program.ts';
import { type InterpretOptions, interpretThread } from '../thread/interpret.ts';
import type { Cells } from '../thread/memory.ts';
import type { ThreadBuffer } from '../thread/thread.ts';
import { rangeOf, sequence } from './sequence.ts';

/**
 * Runs `program` once.
 *
 * @param buffers one array for each of `externals(program)`, in that order (scalars: one element); states and outputs
 *   are written in place
 *
 * @throws {ValueError} unless there is an array for each buffer
 * @throws {VerifyError} where a kernel breaks a rule as it runs
 *
 * @see {@link interpretGraph}
 */
export const interpretProgram = (
  program: Program,
  buffers: readonly Cells[],
  options: InterpretOptions = {},
): void => {
  const memory = bind(program, buffers);
  for (const launched of sequence(program)) {
    const { kernel: number, bindings, windows } = program.steps[launched.step]!;
    const kernel = program.kernels[number]!;
    const globals = kernel.buffers.filter((b) => b.space === 'global');
    globals.forEach((global, i) => {
      if (global.access !== 'read')
        spoil(program, memory, bindings[i]!, rangeOf(program, launched, i));
    });
    const bound = new Map<ThreadBuffer, Cells>();
    const parts: (() => void)[] = [];
    globals.forEach((global, i) => {
      const whole = memory[bindings[i]!]!;
      if (windows?.[i] === undefined) {
        bound.set(global, whole);
        return;
      }
      const at = rangeOf(program, launched, i)[0] / bytesOf(global.dtype);
      const part = Float64Array.from({ length: global.elements }, (_, j) => whole[at + j]!);
      bound.set(global, part);
      if (global.access !== 'read')
        parts.push(() => {
          for (let j = 0; j < part.length; j++) whole[at + j] = part[j]!;
        });
    });
    interpretThread(kernel, bound, options);
    for (const put of parts) put();
  }
};

const elementsOf = (b: ProgramBuffer): number => b.bytes / bytesOf(b.dtype);

const bind = (program: Program, buffers: readonly Cells[]): Cells[] => {
  const order = externals(program);
  if (buffers.length !== order.length)
    throw new TigonError(
      'value',
      `program ${program.name} takes ${order.length} buffers, not ${buffers.length}`,
      `pass one array for each of ${order.map((i) => program.buffers[i]!.name).join(', ')}`,
    );
  const memory: Cells[] = [];
  order.forEach((b, i) => {
    memory[b] = buffers[i]!;
  });
  program.buffers.forEach((b, i) => {
    if (b.role === 'constant') memory[i] = [...b.values!];
    else if (b.role === 'temp' || b.role === 'kept')
      memory[i] = new Float64Array(elementsOf(b)).fill(Number.NaN);
  });
  // Chains of in-place updates end in the temp that was there first.
  program.buffers.forEach((b, i) => {
    let first = b.inPlaceOf;
    while (first !== undefined) {
      memory[i] = memory[first]!;
      first = program.buffers[first]!.inPlaceOf;
    }
  });
  return memory;
};

const spoil = (
  program: Program,
  memory: readonly Cells[],
  written: number,
  [begin, end]: readonly [number, number],
): void => {
  const w = program.buffers[written]!;
  if (w.role !== 'temp') return;
  program.buffers.forEach((b, i) => {
    if (b.role !== 'temp' || memory[i] === memory[written]) return;
    if (b.offset! >= w.offset! + end || w.offset! + begin >= b.offset! + b.bytes) return;
    const cells = memory[i]!;
    for (let j = 0; j < cells.length; j++) cells[j] = Number.NaN;
  });
};
