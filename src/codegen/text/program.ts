/**
 * What launches of a program bind, on every GPU: buffers in each other's place as one memory, scalars in blocks.
 *
 * Invariant: the buffer that was there first stands for all that take its place; steps with the same scalars share a
 * block.
 */
import type { Dispatch, Program, ProgramBuffer, Window } from '../../ir/program.ts';
import { type Elem, isWideElem, registerOf } from '../../ir/thread/thread.ts';

/** A number in the memory that holds a program's scalars. */
export interface ScalarSlot {
  /** The program buffer (role `scalar`). */
  readonly buffer: number;
  /** Byte offset in that memory. */
  readonly offset: number;
  /** What to write there: the number, rounded to the buffer's dtype, as this type (`bool`: a u32 of 0 or 1). */
  readonly elem: Elem;
}

/** The buffer that was there first, where temporaries take each other's place. */
export const rootOf = (buffers: readonly ProgramBuffer[], i: number): number => {
  let root = i;
  for (let b = buffers[i]!; b.inPlaceOf !== undefined; b = buffers[root]!) root = b.inPlaceOf;
  return root;
};

/** A part of a program buffer that a step binds: of buffers in each other's place, the one that was there first. */
export interface Bound {
  readonly buffer: number;
  readonly window?: Window;
}

/** What a step binds but scalars, each memory once: buffers in each other's place are one, windows of one buffer two. */
export class Slots {
  readonly list: Bound[] = [];
  readonly #numbers = new Map<string, number>();

  /** The slot of binding `i` of a step. */
  of({ buffers }: Program, { bindings, windows }: Dispatch, i: number): number {
    const buffer = rootOf(buffers, bindings[i]!);
    const window = windows?.[i];
    const key = `${buffer}:${window === undefined ? '' : [window.offset, ...window.strides].join()}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const slot = this.list.push(window === undefined ? { buffer } : { buffer, window }) - 1;
    this.#numbers.set(key, slot);
    return slot;
  }
}

/** The word of a block at which each of its scalars stands (those of 64 bits at even ones), and how many there are. */
export const scalarWords = (
  elems: readonly Elem[],
): { readonly words: readonly number[]; readonly all: number } => {
  let all = 0;
  const words = elems.map((elem) => {
    const size = isWideElem(elem) ? 2 : 1;
    const at = Math.ceil(all / size) * size;
    all = at + size;
    return at;
  });
  return { words, all };
};

/** Blocks of scalars, each from a multiple of `alignment` on. */
export class ScalarBlocks {
  readonly slots: ScalarSlot[] = [];
  bytes = 0;
  readonly #program: Program;
  readonly #alignment: number;
  readonly #blocks = new Map<string, number>();

  constructor(program: Program, alignment: number) {
    this.#program = program;
    this.#alignment = alignment;
  }

  /** Where the block of these program buffers starts. */
  block(buffers: readonly number[]): number {
    const key = buffers.join();
    const known = this.#blocks.get(key);
    if (known !== undefined) return known;
    const start = Math.ceil(this.bytes / this.#alignment) * this.#alignment;
    const elems = buffers.map((b) => registerOf(this.#program.buffers[b]!.dtype));
    const { words, all } = scalarWords(elems);
    buffers.forEach((buffer, i) => {
      this.slots.push({ buffer, offset: start + 4 * words[i]!, elem: elems[i]! });
    });
    this.bytes = start + Math.ceil(all / 4) * 16;
    this.#blocks.set(key, start);
    return start;
  }
}
