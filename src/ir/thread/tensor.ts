/**
 * Statements for matrix units: products of small matrices spread over 32 threads, and copies that pass registers by.
 *
 * Invariants: `mma` and `fragments` are done by aligned runs of 32 threads together ("warps"): all of a warp reach them or
 * none (the conditions and loop bounds around them are the same in a warp, see uniform.ts); what a `copy` writes is there
 * for its own thread behind the `wait` that it lands at, for others behind a `barrier` after that, and nobody touches it
 * between the copy and then.
 */
import type { Register, TExpr, ThreadBuffer } from './thread.ts';

/** Threads that multiply matrices together. */
export const WARP = 32;

/** What the elements of the operands of a product are: 16-bit pairs, or float32 rounded to TF32 (10 bits of mantissa). */
export type MmaInputs = 'bfloat16' | 'float16' | 'tfloat32';

export type TensorStmt =
  /**
   * `accumulator` (a `var` of f32x4) += a b: 16 rows, 8 columns, 16 summands (8 of TF32), spread over the warp as
   * fragments.ts says: `a` is u32x4, both of `b` are u32.
   */
  | {
      readonly kind: 'mma';
      readonly inputs: MmaInputs;
      readonly accumulator: Register;
      readonly a: TExpr;
      readonly b: readonly [TExpr, TExpr];
    }
  /**
   * Four matrices of eight rows of 16 bytes: thread i of the warp says where row i % 8 of matrix i / 8 begins; `register`
   * (a `let` of u32x4) gets word i % 4 of row i / 4 of each. `transposed` (of 16-bit elements): gets elements 2 (i % 4)
   * and the one after it of column i / 4 of each.
   */
  | {
      readonly kind: 'fragments';
      readonly register: Register;
      readonly buffer: ThreadBuffer;
      readonly index: TExpr;
      readonly transposed: boolean;
    }
  /** Elements from global to shared memory (4, 8 or 16 bytes of them), or zeros where not `when`; lands at a `wait`. */
  | {
      readonly kind: 'copy';
      readonly to: ThreadBuffer;
      readonly index: TExpr;
      readonly from: ThreadBuffer;
      readonly at: TExpr;
      readonly elements: number;
      readonly when: TExpr;
    }
  /** The copies of this thread since its last `commit` are a group. */
  | { readonly kind: 'commit' }
  /** All groups of this thread have landed but the latest `pending`. */
  | { readonly kind: 'wait'; readonly pending: number };
