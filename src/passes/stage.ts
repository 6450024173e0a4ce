/**
 * What the steps of the compiler leave behind, for explain and for the verifiers.
 *
 * Invariant: in order; the last stage of a level is what the next level was made from.
 */
import type { Graph } from '../ir/graph/graph.ts';
import type { LoopKernel } from '../ir/loop/loop.ts';
import type { Program } from '../ir/program.ts';
import type { ThreadKernel } from '../ir/thread/thread.ts';

/** What one step of the compiler made. */
export type Stage =
  | {
      readonly level: 'graph';
      readonly name: string;
      readonly graph: Graph;
      readonly notes: readonly string[];
    }
  | {
      readonly level: 'loop';
      readonly name: string;
      readonly kernels: readonly LoopKernel[];
      readonly notes: readonly string[];
    }
  | {
      readonly level: 'thread';
      readonly name: string;
      readonly kernels: readonly ThreadKernel[];
      readonly notes: readonly string[];
    }
  | {
      readonly level: 'program';
      readonly name: string;
      readonly program: Program;
      readonly notes: readonly string[];
    };
