/**
 * The contract between schedules and the launch they become: each nest is planned apart, then nests share a grid.
 *
 * Invariant: `emit` produces statements for any workgroup id in `0..grid-1` and all its threads; registers and shared buffers it makes are
 * its own.
 */
import type { LoopBuffer, LoopKernel, Nest, ReduceExpr } from '../ir/loop/loop.ts';
import type { TExpr, ThreadBuffer, TStmt } from '../ir/thread/thread.ts';
import type { Caps } from './caps.ts';
import type { Copies } from './copies.ts';
import type { Cut } from './parts.ts';

/** Where a plan's statements run: registers (or what is computed from them) of the launch. */
export interface Place {
  /** The workgroup's place in the plan's own grid. */
  readonly workgroup: TExpr;
  /** The thread's place in its workgroup. */
  readonly local: TExpr;
}

export interface NestPlan {
  /** Number of workgroups. */
  readonly grid: number;
  /** Threads of each: all plans of a launch have the same. */
  readonly threads: number;
  /** Workgroup-private scratch. Plans of one launch may be laid over each other: only one runs in a workgroup. */
  readonly shared: readonly ThreadBuffer[];
  readonly cost: { readonly flops: number; readonly bytes: number };
  /** Which schedule, and why not the others: for explain. */
  readonly notes: readonly string[];
  emit(place: Place, buffer: (b: LoopBuffer) => ThreadBuffer): TStmt[];
}

/** Why a schedule does not apply. */
export interface Refusal {
  readonly refused: string;
}
export const isRefusal = (x: NestPlan | Refusal): x is Refusal => 'refused' in x;

/** How a family of devices runs loop kernels. Caps name it, so that programs load no schedules but their device's. */
export interface Schedules {
  /** Kernels to run in this one's place, where one launch would not keep the device busy; `copies`: what they may share. */
  split(kernel: LoopKernel, caps: Caps, copies: Copies): readonly LoopKernel[] | undefined;
  /** How a reduction of a nest is cut for several workgroups; `undefined` where it stays in one piece. */
  cut(e: ReduceExpr, nest: Nest): Cut | undefined;
  /** Any nest without a product. `threads` fixes the size of its workgroups. */
  nest(nest: Nest, caps: Caps, threads: number | undefined): NestPlan;
  /** A nest with a contraction, if a template fits. */
  contraction(nest: Nest, caps: Caps, threads: number | undefined): NestPlan | Refusal;
  /** Other plans for a nest with a contraction than the first choice: the best few by estimate, for who measures. */
  alternatives?(nest: Nest, caps: Caps): readonly NestPlan[];
  /** A nest with an attention, if a template fits; what does not refuse with `threads` undefined is left whole. */
  attention(nest: Nest, caps: Caps, threads: number | undefined): NestPlan | Refusal;
  /** Attentions whose scores are computed once for all of them, where the device has a schedule for that. */
  readonly joint?: JointSchedules;
}

export interface JointSchedules {
  /** Which of these nests, all with an attention, are best computed by one launch. */
  together(nests: readonly Nest[], caps: Caps): readonly (readonly Nest[])[];
  /** How one launch computes nests that belong together. */
  plan(nests: readonly Nest[], caps: Caps): NestPlan | undefined;
}
