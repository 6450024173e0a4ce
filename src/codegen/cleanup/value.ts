/**
 * What the clean-up knows of a computation: its shape, where it could go, its bounds, and how it is used.
 *
 * Invariants: a `Value` is what an expression is worth at one time (a var or a written buffer has a new version after
 * each write); its arguments have smaller ids; `home` is the outermost block in which it can be computed.
 */
import type { ScalarOp } from '../../ir/scalar.ts';
import type { Register, RegType, TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';

/** A statement list being rewritten. */
export interface Block {
  readonly id: number;
  readonly depth: number;
  readonly parent: Block | undefined;
  readonly kind: 'top' | 'loop' | 'branch';
  /** For loops: the body is entered at least once whenever the loop is reached. */
  readonly sure: boolean;
  /** Contains no loop (known once its statements are numbered). */
  innermost: boolean;
  readonly out: TStmt[];
}

export type Shape =
  | { readonly kind: 'const'; readonly value: number }
  | { readonly kind: 'get'; readonly register: Register }
  | { readonly kind: 'op'; readonly op: ScalarOp }
  | { readonly kind: 'cast'; readonly to: (TExpr & { kind: 'cast' })['to'] }
  | { readonly kind: 'load'; readonly buffer: ThreadBuffer }
  | { readonly kind: 'lane'; readonly lane: 0 | 1 | 2 | 3 }
  | { readonly kind: 'shuffle'; readonly lanes: readonly [number, number, number, number] }
  | { readonly kind: 'fma' | 'splat' | 'vec4' }
  | { readonly kind: 'bits'; readonly of: (TExpr & { kind: 'bits' })['of'] }
  /** What another thread has: computed where the source does, with all threads. */
  | { readonly kind: 'exchange'; readonly mask: number }
  /** Read from shared memory by a warp together: computed where the source does. */
  | { readonly kind: 'fragments'; readonly buffer: ThreadBuffer; readonly transposed: boolean };

export interface Term {
  readonly value: Value;
  readonly coef: number;
}
/** `constant + Σ coef value`, terms from outer to inner blocks. */
export interface Linear {
  readonly terms: readonly Term[];
  readonly constant: number;
}

export interface Value {
  readonly id: number;
  readonly shape: Shape;
  readonly type: RegType;
  readonly args: readonly Value[];
  readonly home: Block;
  /** Depends on memory or on a var: must be computed no later than where the source does. */
  readonly pinned: boolean;
  /** Bounds of an i32 scalar. */
  readonly lo: number;
  readonly hi: number;
  readonly linear: Linear | undefined;
  /** Costs nothing where it is used: registers, immediate constants, and the offset of an address. */
  free: boolean;
  uses: number;
  /** Innermost block around all uses. */
  spot: Block | undefined;
  /** Set where the source has a `let` that may not move down. */
  forced: boolean;
  /** The register of the source's `let`, whose name is kept. */
  hint: Register | undefined;
  /** Where it is computed into a register; without one, it is computed wherever it is used. */
  place: Block | undefined;
  /** What stands for it from now on: the register it is in, or a leaf. */
  written: TExpr | undefined;
}

/** The type of indices and counters. */
export const I32: RegType = { elem: 'i32', lanes: 1 };
export const isIndex = (type: RegType): boolean => type.elem === 'i32' && type.lanes === 1;

export const deeper = (a: Block, b: Block): Block => (b.depth > a.depth ? b : a);

/** A value as a sum: its own form, or itself as the only term. */
export const linearOf = (v: Value): Linear =>
  v.linear ??
  (v.shape.kind === 'const'
    ? { terms: [], constant: v.shape.value }
    : { terms: [{ value: v, coef: 1 }], constant: 0 });
