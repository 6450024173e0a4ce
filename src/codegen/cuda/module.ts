/**
 * What the renderer hands to a runtime: CUDA C++ of a whole program, which NVRTC compiles at once, and how its kernels
 * are launched.
 *
 * Invariant: all of it depends on the program and the caps alone, and is plain data: a runtime adds addresses and
 * nothing else. A kernel's arguments are tensor maps of 128 bytes, then 8-byte pointers, in the order of its parameters.
 */
import type { Window } from '../../ir/program.ts';
import type { ScalarSlot } from '../text/program.ts';

export type { ScalarSlot };

/** A program as one translation unit. */
export interface CudaProgram {
  /** Deterministic: equal programs give equal text, so it can be a key of caches. */
  readonly source: string;
  /** Distinct ones. */
  readonly kernels: readonly CudaKernel[];
  /** One for each step with work, in order. */
  readonly steps: readonly CudaStep[];
  /** What the program's block of scalars holds; a scalar may have several slots, and there may be none. */
  readonly scalars: readonly ScalarSlot[];
  /** Size of the block of scalars: 0 when the program has none. */
  readonly scalarBytes: number;
}

/** One kernel of a translation unit. */
export interface CudaKernel {
  /** A C identifier, not mangled. */
  readonly name: string;
  readonly parameters: readonly CudaParameter[];
  /** Threads of a block, all along x. */
  readonly threads: number;
  /** Dynamic shared memory of a block. */
  readonly sharedBytes: number;
  /** Blocks along x, y, z. */
  readonly grid: readonly [number, number, number];
}

/** What a kernel is given. */
export type CudaParameter =
  /** A pointer to memory. Buffers with one slot are the same memory and become one pointer; slots count from 0. */
  | {
      readonly kind: 'buffer';
      readonly slot: number;
      readonly access: 'read' | 'write' | 'readwrite';
    }
  /** A pointer to numbers of 4 bytes each. */
  | { readonly kind: 'scalars' }
  /** 128 bytes that describe memory to copies of tiles, by value; they come before all pointers. */
  | { readonly kind: 'tensorMap'; readonly slot: number; readonly map: MapShape };

/** An array in memory, and the boxes of it that are copied, with lines of 128 bytes that are permuted. */
export interface MapShape {
  readonly dtype: 'bfloat16' | 'float16';
  /** In bytes, from the start of the buffer. */
  readonly offset: number;
  /** Elements, the innermost dimension first. */
  readonly extents: readonly number[];
  /** Bytes from one to the next, of every dimension but the innermost. */
  readonly strides: readonly number[];
  readonly box: readonly number[];
}

/** One launch. */
export interface CudaStep {
  /** Index in `CudaProgram.kernels`. */
  readonly kernel: number;
  /** One for each parameter of the kernel. */
  readonly arguments: readonly CudaArgument[];
  /** Index in the program's steps. */
  readonly step: number;
}

/** What goes in for a parameter. */
export type CudaArgument =
  /** The address of a program buffer, or of the part that a window shows; of buffers in each other's place, the first. */
  | { readonly kind: 'buffer'; readonly buffer: number; readonly window?: Window }
  /** The address of the program's block of scalars, and this many bytes more. */
  | { readonly kind: 'scalars'; readonly offset: number }
  /** A description of a program buffer. */
  | {
      readonly kind: 'tensorMap';
      readonly buffer: number;
      readonly window?: Window;
      readonly map: MapShape;
    };
