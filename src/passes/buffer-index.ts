/**
 * The buffers of a program, numbered: who binds each, and which parts of others loops see as buffers.
 *
 * Invariant: what is bound from outside comes first, in the order of the graph's inputs and results.
 */
import { bytesOf } from '../ir/dtype.ts';
import type { LoopBuffer } from '../ir/loop/loop.ts';
import type { BufferRole, Window } from '../ir/program.ts';
import { spanOf } from '../ir/type.ts';
import type { Kernels } from './kernels.ts';
import type { View } from './loops.ts';

/** Buffers of a program, found by the id of the loop buffer (which reshapes of it share, and views of it). */
export class BufferIndex {
  readonly list: {
    readonly buffer: LoopBuffer;
    readonly role: BufferRole;
    readonly values?: readonly number[];
  }[] = [];
  readonly #byId = new Map<number, number>();
  readonly #windows = new Map<number, Window>();

  add(buffer: LoopBuffer, role: BufferRole, values?: readonly number[]): number {
    const known = this.#byId.get(buffer.id);
    if (known !== undefined) return known;
    this.list.push(values === undefined ? { buffer, role } : { buffer, role, values });
    this.#byId.set(buffer.id, this.list.length - 1);
    return this.list.length - 1;
  }

  /** Whether it has a place already. */
  has(buffer: LoopBuffer): boolean {
    return this.#byId.has(buffer.id);
  }

  of(buffer: LoopBuffer): number {
    return this.#byId.get(buffer.id) ?? this.add(buffer, 'temp');
  }

  /** Makes `buffer` stand for a part of another, as `depth` loops see it; the innermost moves it by `step`. */
  view({ buffer, of, offset, step }: View, depth: number): void {
    const around = this.windowOf(of, depth);
    this.#byId.set(buffer.id, this.of(of));
    const strides = around?.strides.slice() ?? new Array<number>(depth).fill(0);
    if (depth > 0) strides[depth - 1] = strides[depth - 1]! + step;
    const window: Window = { offset: (around?.offset ?? 0) + offset, strides };
    if (window.offset !== 0 || strides.some((s) => s !== 0)) this.#windows.set(buffer.id, window);
  }

  /** The part of its program buffer that a buffer stands for, as `depth` loops see it; undefined: all of it. */
  windowOf({ id }: LoopBuffer, depth: number): Window | undefined {
    const window = this.#windows.get(id);
    if (window === undefined || window.strides.length === depth) return window;
    if (window.strides.length > depth)
      return window.offset === 0 && window.strides.every((s) => s === 0)
        ? undefined
        : { offset: window.offset, strides: window.strides.slice(0, depth) };
    const still = new Array<number>(depth - window.strides.length).fill(0);
    return { offset: window.offset, strides: [...window.strides, ...still] };
  }
}

/** Buffers in program order: inputs and states, scalars, results, constants; temporaries join as launches name them. */
export const indexBuffers = (lowered: Kernels, isScalar: readonly boolean[]): BufferIndex => {
  const index = new BufferIndex();
  lowered.inputs.forEach((b, i) => {
    if (!isScalar[i]) index.add(b, lowered.states.has(b) ? 'state' : 'input');
  });
  lowered.inputs.forEach((b, i) => {
    if (isScalar[i]) index.add(b, 'scalar');
  });
  for (const out of lowered.outputs) if (out.kind === 'buffer') index.add(out.buffer, 'output');
  for (const { buffer, values } of lowered.literals) index.add(buffer, 'constant', values);
  return index;
};

/** The bytes that a buffer takes. */
export const byteLength = (buffer: LoopBuffer): number =>
  spanOf(buffer.shape, buffer.strides) * bytesOf(buffer.dtype);
