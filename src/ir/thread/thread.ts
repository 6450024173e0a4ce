/**
 * L3 Thread IR: what each thread of a workgroup does: structured statements over registers and typed buffers.
 *
 * Invariants: registers are written by `let` once or are declared `var`; every index that is reached is in bounds; a
 * kernel is run for workgroups 0..grid-1 in any order and at any time, so different workgroups never write the same
 * element nor read what another writes; threads of a workgroup see what others wrote to shared memory only behind a
 * `barrier`, and never what others wrote to global memory; `barrier` and `exchange` are reached by all threads of a
 * workgroup or by none (the conditions and loop bounds around them are uniform).
 */
import type { DType } from '../dtype.ts';
import type { ScalarOp } from '../scalar.ts';
import type { BulkStmt } from './bulk.ts';
import type { TensorStmt } from './tensor.ts';

/** Register element types. Storage types narrower than these are widened by `load` and narrowed by `store`. */
export const ELEMS = ['f32', 'i32', 'u32', 'bool', 'f64', 'i64', 'u64'] as const;
export type Elem = (typeof ELEMS)[number];
/** Four lanes only of 32-bit elements (and bool). */
export interface RegType {
  readonly elem: Elem;
  readonly lanes: 1 | 4;
}

/** The register type a dtype is computed in (float16 and bfloat16 in f32, integers of 8 and 16 bits in i32). */
export const registerOf = (dtype: DType): Elem => {
  switch (dtype) {
    case 'float32':
    case 'float16':
    case 'bfloat16':
      return 'f32';
    case 'float64':
      return 'f64';
    case 'int32':
    case 'int8':
    case 'uint8':
    case 'int16':
    case 'uint16':
      return 'i32';
    case 'uint32':
      return 'u32';
    case 'int64':
      return 'i64';
    case 'uint64':
      return 'u64';
    case 'bool':
      return 'bool';
    default:
      return dtype satisfies never;
  }
};

/** The dtype whose scalar-table rules a register element follows. */
export const registerDType: Readonly<Record<Elem, DType>> = {
  f32: 'float32',
  i32: 'int32',
  u32: 'uint32',
  bool: 'bool',
  f64: 'float64',
  i64: 'int64',
  u64: 'uint64',
};
/** Elements of 64 bits: never in lanes. */
export const isWideElem = (elem: Elem): boolean => elem.endsWith('64');
/** Elements that are floats. */
export const isFloatElem = (elem: Elem): boolean => elem.startsWith('f');

/** A named register of a thread: a `let` (assigned once), a `var` (assigned again), a loop counter or an id. */
export interface Register {
  readonly name: string;
  readonly type: RegType;
}

/** Memory a kernel touches. `shared` belongs to the workgroup, is uninitialized, and counts in bytes against caps. */
export interface ThreadBuffer {
  readonly name: string;
  readonly dtype: DType;
  readonly space: 'global' | 'shared';
  readonly access: 'read' | 'write' | 'readwrite';
  /** Number of addressable elements (for views: from the first to the last element reached, inclusive). */
  readonly elements: number;
}

export type TExpr =
  | { readonly kind: 'const'; readonly type: RegType; readonly value: number }
  | { readonly kind: 'get'; readonly type: RegType; readonly register: Register }
  /** Lane-wise scalar op; all operands have the result's lanes. */
  | {
      readonly kind: 'op';
      readonly type: RegType;
      readonly op: ScalarOp;
      readonly args: readonly TExpr[];
    }
  /** Conversion as `castTo` of the scalar table (saturating, truncating). `to` tells int8 from int32. */
  | { readonly kind: 'cast'; readonly type: RegType; readonly to: DType; readonly arg: TExpr }
  /** `a * b + c`, fused or not as the target has it. Floats only. */
  | {
      readonly kind: 'fma';
      readonly type: RegType;
      readonly a: TExpr;
      readonly b: TExpr;
      readonly c: TExpr;
    }
  /** Element `index` of a buffer; `lanes: 4` reads four consecutive elements. */
  | {
      readonly kind: 'load';
      readonly type: RegType;
      readonly buffer: ThreadBuffer;
      readonly index: TExpr;
    }
  /** One value in all lanes. */
  | { readonly kind: 'splat'; readonly type: RegType; readonly arg: TExpr }
  /** Four scalars as lanes. */
  | {
      readonly kind: 'vec4';
      readonly type: RegType;
      readonly args: readonly [TExpr, TExpr, TExpr, TExpr];
    }
  /** One lane of a vector. */
  | {
      readonly kind: 'lane';
      readonly type: RegType;
      readonly arg: TExpr;
      readonly lane: 0 | 1 | 2 | 3;
    }
  /** Lanes chosen from two vectors: 0-3 of `a`, 4-7 of `b`. */
  | {
      readonly kind: 'shuffle';
      readonly type: RegType;
      readonly a: TExpr;
      readonly b: TExpr;
      readonly lanes: readonly [number, number, number, number];
    }
  /** The bits of a u32: one float32, or two 16-bit floats side by side (rounded to them), the first one in the low half. */
  | {
      readonly kind: 'bits';
      readonly type: RegType;
      readonly of: 'float32' | 'float16' | 'bfloat16';
      readonly args: readonly TExpr[];
    };

export type TStmt =
  | { readonly kind: 'let'; readonly register: Register; readonly value: TExpr }
  | { readonly kind: 'var'; readonly register: Register; readonly value: TExpr }
  | { readonly kind: 'set'; readonly register: Register; readonly value: TExpr }
  | {
      readonly kind: 'store';
      readonly buffer: ThreadBuffer;
      readonly index: TExpr;
      readonly value: TExpr;
    }
  /** `for (counter = from; counter < to; counter += step)`, int32; bounds are evaluated once. */
  | {
      readonly kind: 'for';
      readonly counter: Register;
      readonly from: TExpr;
      readonly to: TExpr;
      readonly step: number;
      readonly body: readonly TStmt[];
    }
  | {
      readonly kind: 'if';
      readonly condition: TExpr;
      readonly then: readonly TStmt[];
      readonly otherwise: readonly TStmt[];
    }
  /** `register` (a `let`) gets the `value` that thread `local ^ mask` has: 1 <= mask < the subgroup of the device. */
  | {
      readonly kind: 'exchange';
      readonly register: Register;
      readonly value: TExpr;
      readonly mask: number;
    }
  /** All threads of the workgroup arrive, and what they wrote to shared memory is seen by all. */
  | { readonly kind: 'barrier' }
  | TensorStmt
  | BulkStmt;

export interface ThreadKernel {
  readonly name: string;
  /** Globals first, in binding order, then shared. */
  readonly buffers: readonly ThreadBuffer[];
  /** The int32 register that holds the workgroup id. */
  readonly workgroup: Register;
  /** The int32 register that holds the thread's place in its workgroup, 0..threads-1. */
  readonly local: Register;
  /** Number of workgroups. */
  readonly grid: number;
  /** Threads of a workgroup: 1 where a workgroup is the work of one thread. */
  readonly threads: number;
  readonly body: readonly TStmt[];
  /** What it costs, for dispatch decisions and explain: arithmetic (multiply-adds) and bytes moved, whole grid. */
  readonly cost: { readonly flops: number; readonly bytes: number };
  /** What it came from and which schedule was chosen, for explain. */
  readonly notes: readonly string[];
}
