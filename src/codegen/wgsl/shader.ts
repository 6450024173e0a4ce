/**
 * What the renderer hands to a runtime: WGSL text and how to bind and dispatch it, of one kernel and of a whole program.
 *
 * Invariant: all of it depends on the program, the caps and the features alone, and is plain data: a runtime adds
 * buffers and nothing else. All bindings are in group 0.
 */
import type { Window } from '../../ir/program.ts';
import type { Naming } from '../text/names.ts';
import type { ScalarSlot } from '../text/program.ts';

export type { ScalarSlot };

/** Optional parts of WGSL that a device has. */
export interface WgslFeatures {
  /** `shader-f16`: float16 arrays as they are; else two to a word. */
  readonly f16: boolean;
  /** `subgroups`: needed for `exchange`. */
  readonly subgroups: boolean;
}

/** How a kernel reaches one of its global buffers. */
export type BufferPlace =
  /** A number in the uniform block: 4-byte fields, in the order of the kernel's scalars. */
  | { readonly kind: 'scalar' }
  /**
   * A storage binding. Buffers with one slot are the same memory and become one variable; slots count from 0 without
   * gaps.
   */
  | { readonly kind: 'storage'; readonly slot: number; readonly access: 'read' | 'read_write' };

export interface RenderOptions {
  /** One for each global buffer of the kernel. */
  readonly places: readonly BufferPlace[];
  readonly features: WgslFeatures;
  readonly names: Naming;
}

/** As in a bind group layout entry (`buffer.type`). */
export type BindingKind = 'storage' | 'read-only-storage' | 'uniform';

export interface ShaderBinding {
  readonly binding: number;
  readonly kind: BindingKind;
  /** Which of the kernel's global buffers are behind it; for the uniform block the scalars, field by field. */
  readonly buffers: readonly number[];
  /** Least size to bind: what the kernel reaches, up to the next multiple of 16. */
  readonly bytes: number;
}

/** One kernel as a compute shader. */
export interface Shader {
  readonly name: string;
  /** Deterministic: equal kernels give equal text, so it can be a key of caches. */
  readonly code: string;
  readonly entryPoint: 'main';
  readonly bindings: readonly ShaderBinding[];
  /** Threads of a workgroup, all along x. */
  readonly workgroupSize: number;
  /** Workgroups along x, y, z; all 0 for a kernel without work. */
  readonly dispatch: Dispatch3;
  /** Functions that the code calls and does not hold, as nobody brought them: see `completed`. */
  readonly missing: readonly string[];
}

/** Workgroups along x, y, z. */
export type Dispatch3 = readonly [number, number, number];

/** A binding of a step: a range of a program buffer, or of the program's uniform buffer. */
export type BoundRange =
  | {
      readonly binding: number;
      readonly kind: 'storage' | 'read-only-storage';
      /** The program buffer; of buffers in each other's place, the one that was there first. */
      readonly buffer: number;
      /** The part of it that is bound; left out: from its start. */
      readonly window?: Window;
      /** A multiple of 16, at least 16. */
      readonly bytes: number;
    }
  | {
      readonly binding: number;
      readonly kind: 'uniform';
      /** Where the step's block starts in the uniform buffer: a multiple of 256. */
      readonly offset: number;
      readonly bytes: number;
    };

/** One step of a program. */
export interface DispatchShader {
  /** Index in `ProgramShaders.shaders`. */
  readonly shader: number;
  readonly dispatch: Dispatch3;
  readonly bindings: readonly BoundRange[];
}

/** A program as shaders. */
export interface ProgramShaders {
  /** Distinct ones. */
  readonly shaders: readonly Shader[];
  /** One for each step, in order. */
  readonly steps: readonly DispatchShader[];
  /** What the program's uniform buffer holds; a scalar may have several slots, and there may be none. */
  readonly scalars: readonly ScalarSlot[];
  /** Size of the uniform buffer: 0 when the program has no scalars. */
  readonly uniformBytes: number;
}
