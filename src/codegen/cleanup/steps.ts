/**
 * A kernel's statements with their expressions numbered: what lies between reading the source and writing the result.
 *
 * Invariant: steps keep the order of the source's effects; a `compute` is a `let` that may not move down.
 */
import type { Role } from '../../ir/thread/bulk.ts';
import type { SpecialStmt } from '../../ir/thread/special.ts';
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
      readonly kind: 'roles';
      readonly roles: readonly { readonly role: Role; readonly body: Scope }[];
    }
  /** With the values of the statement's expressions. */
  | { readonly kind: 'special'; readonly statement: SpecialStmt; readonly parts: readonly Value[] }
  | Extract<TStmt, { kind: 'barrier' }>;

export interface Scope {
  readonly block: Block;
  readonly steps: Step[];
}

/** Whether a statement does anything: a product whose sum nobody reads does not. */
export const hasEffect = (
  { statement }: Step & { kind: 'special' },
  readVars: ReadonlySet<Register>,
): boolean => statement.kind !== 'mma' || readVars.has(statement.accumulator);
