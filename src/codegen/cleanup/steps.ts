/**
 * A kernel's statements with their expressions numbered: what lies between reading the source and writing the result.
 *
 * Invariant: steps keep the order of the source's effects; a `compute` is a `let` that may not move down.
 */
import type { PlainBulk, Role } from '../../ir/thread/bulk.ts';
import type { MmaInputs } from '../../ir/thread/tensor.ts';
import type { Register, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';
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
  | {
      readonly kind: 'mma';
      readonly inputs: MmaInputs;
      readonly accumulator: Register;
      readonly a: Value;
      readonly b: readonly [Value, Value];
    }
  | {
      readonly kind: 'copy';
      readonly to: ThreadBuffer;
      readonly index: Value;
      readonly from: ThreadBuffer;
      readonly at: Value;
      readonly elements: number;
      readonly when: Value;
    }
  | {
      readonly kind: 'roles';
      readonly roles: readonly { readonly role: Role; readonly body: Scope }[];
    }
  /** A statement of bulk.ts, with the values of `partsOf` it. */
  | { readonly kind: 'bulk'; readonly statement: PlainBulk; readonly parts: readonly Value[] }
  | Extract<TStmt, { kind: 'barrier' | 'commit' | 'wait' }>;

export interface Scope {
  readonly block: Block;
  readonly steps: Step[];
}
