/**
 * Contractions made by hand: planned, emitted, interpreted, and compared with their meaning.
 *
 * Invariant: data are small multiples of 1/8, so that sums are exact in any order.
 */

import type { Caps } from '../../../src/codegen/caps.ts';
import { cleanup } from '../../../src/codegen/cleanup.ts';
import { laneSchedules } from '../../../src/codegen/lanes.ts';
import { isRefusal, type NestPlan, type Refusal } from '../../../src/codegen/plan.ts';
import { planContraction } from '../../../src/codegen/templates/matmul.ts';
import { type Axis, newAxis } from '../../../src/ir/dim.ts';
import type { LoopBuffer, LoopKernel, Nest } from '../../../src/ir/loop/loop.ts';
import { get, register, regType } from '../../../src/ir/thread/build.ts';
import { interpretThread } from '../../../src/ir/thread/interpret.ts';
import type { ThreadBuffer, ThreadKernel } from '../../../src/ir/thread/thread.ts';
import { verifyThread } from '../../../src/ir/thread/verify.ts';
import { evaluate, type Memory } from './meaning.ts';

export { evaluate, type Memory } from './meaning.ts';

export const caps = (parallelism: number, sharedBytes: number = 1 << 20): Caps => ({
  target: 'wasm',
  lanes: 4,
  wide: true,
  fusedMultiplyAdd: true,
  parallelism,
  processors: parallelism,
  threads: 1,
  subgroup: 1,
  tensorCores: 'none',
  tf32: false,
  winograd: true,
  barriers: true,
  sharedBytes,
  maxBindings: 1000,
  alignment: 64,
  schedules: laneSchedules,
});

export const par = (name: string, extent: number): Axis => newAxis(name, extent, 'par');
export const red = (name: string, extent: number): Axis => newAxis(name, extent, 'red');

export const generator = (seed: number): ((n: number) => number) => {
  let state = seed | 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 10) % n;
  };
};

export const elementsOf = (b: LoopBuffer): number =>
  1 + b.shape.reduce((sum, d, i) => sum + (d - 1) * b.strides[i]!, 0);

/** Small multiples of 1/8, so that sums of products are exact in float32. */
export const randomMemory = (buffers: readonly LoopBuffer[], seed: number): Memory => {
  const pick = generator(seed);
  return new Map(
    buffers.map((b) => [b, Float64Array.from({ length: elementsOf(b) }, () => (pick(17) - 8) / 8)]),
  );
};

/** The launch a plan becomes, cleaned up. */
export const kernelOf = (
  plan: NestPlan,
  buffers: readonly LoopBuffer[],
  written: ReadonlySet<LoopBuffer>,
): ThreadKernel => {
  const workgroup = register('workgroup', regType('i32'));
  const local = register('local', regType('i32'));
  const made = new Map<LoopBuffer, ThreadBuffer>(
    buffers.map((b) => [
      b,
      {
        name: b.name,
        dtype: b.dtype,
        space: 'global',
        access: written.has(b) ? 'readwrite' : 'read',
        elements: elementsOf(b),
      },
    ]),
  );
  return {
    name: 'contraction',
    buffers: [...made.values(), ...plan.shared],
    workgroup,
    local,
    grid: plan.grid,
    threads: plan.threads,
    body: plan.emit({ workgroup: get(workgroup), local: get(local) }, (b) => made.get(b)!),
    cost: plan.cost,
    notes: plan.notes,
  };
};

export interface Ran {
  readonly kernel: ThreadKernel;
  readonly want: Memory;
  readonly got: Memory;
  /** Largest difference over what is stored. */
  readonly error: number;
}

/** Plans, emits, cleans and interprets a nest, and compares it with its meaning. */
export const check = (
  nest: Nest,
  buffers: readonly LoopBuffer[],
  device: Caps,
  seed: number,
  planner: (nest: Nest, device: Caps) => NestPlan | Refusal = planContraction,
): Ran | string => {
  const plan = planner(nest, device);
  if (isRefusal(plan)) return plan.refused;
  const memory = randomMemory(buffers, seed);
  const written = new Set(nest.stores.map((s) => s.buffer));
  const raw = kernelOf(plan, buffers, written);
  verifyThread(raw, device);
  const kernel = cleanup(raw);
  verifyThread(kernel, device);
  const got = new Map([...memory].map(([b, m]) => [b, m.slice()]));
  interpretThread(kernel, new Map(buffers.map((b, i) => [kernel.buffers[i]!, got.get(b)!])), {
    order: 'random',
    seed,
  });
  const want = evaluate([nest], memory);
  let error = 0;
  for (const b of written)
    want.get(b)!.forEach((w, i) => {
      const difference = Math.abs(w - got.get(b)![i]!);
      error = Math.max(error, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
    });
  return { kernel, want, got, error };
};

export const kernelWith = (nest: Nest, buffers: readonly LoopBuffer[]): LoopKernel => ({
  name: 'contraction',
  buffers,
  nests: [nest],
  origin: [],
});
