/**
 * What fusion works on: units (future loop nests) and the canonical position at which each member is computed.
 *
 * Invariant: a unit's axes are in loop order, outermost first; every member's `index` maps those axes one to one onto
 * the elements of the member, using a prefix of them.
 */
import type { Axis, Idx } from '../ir/dim.ts';
import type { Node } from '../ir/graph/graph.ts';
import type { Expr, Running, Scattering } from '../ir/loop/loop.ts';
import type { Product } from './products.ts';

/** A value that is written to memory, computed at `index` of its unit's axes. */
export interface Member {
  readonly node: Node;
  readonly index: readonly Idx[];
}

export interface Unit {
  readonly id: number;
  readonly axes: readonly Axis[];
  readonly members: readonly Member[];
  /** The value of each member, as buffers stood when the unit was formed. */
  readonly values: readonly Expr[];
  /** The product whose epilogue the members are. */
  readonly contract: Product | undefined;
  /** The accumulation that is the unit's only member. */
  readonly scatter: Scattering | undefined;
  /** What gives the unit's only member. */
  readonly running?: Running;
  /** Its only member is a result of a loop: it is no nest. */
  readonly loop?: true;
}
