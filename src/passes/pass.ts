/**
 * The shape of every L1 pass, and how its refusals reach the reader.
 *
 * Invariant: a pass is a pure function of its input; it never mutates nodes.
 */
import type { Graph } from '../ir/graph/graph.ts';
import type { Without } from './switches.ts';

/** Collects what a pass decided against, and why, for explain. */
export interface PassContext {
  note(text: string): void;
  /** Passes that are left out, and families of rules. Default: none. */
  readonly without?: Without;
}

export interface GraphPass {
  readonly name: string;
  run(graph: Graph, context: PassContext): Graph;
}
