/**
 * A kernel's statements with their expressions numbered: what lies between reading the source and writing the result.
 *
 * Invariant: steps keep the order of the source's effects; a `compute` is a `let` that may not move down.
 */
import type { Register, ThreadBuffer } from '../../ir/thread/thread.ts';
import type { Block, Value } from './value.ts';

/** A statement with its expressions numbered; written out once all uses are known. */
export type Step =
  | { readonly kind: 'compute'; readonly value: Value }
  | {
      readonly kind: 'var' | 'set';
      readonly register: Register;
      readonly value: Value;
    }
  | {
      readonly kind: 'store';
      readonly buffer: ThreadBuffer;
      readonly index: Value;
      readonly value: Value;
    }
  | {
      readonly kind: 'for';
      readonly counter: Register;
      readonly from: Value;
      readonly to: Value;
      readonly step: number;
      readonly body: Scope;
    }
  | {
      readonly kind: 'if';
      readonly condition: Value;
      readonly then: Scope;
      readonly otherwise: Scope;
    }
  | { readonly kind: 'barrier' };

export interface Scope {
  readonly block: Block;
  readonly steps: Step[];
}
