/**
 * Nests of 16-bit floats, run on matrix units by the interpreter and held against their meaning.
 *
 * Invariant: values are small multiples of 1/8, so sums of products are exact: what is stored has to be equal.
 */
import * as assert from 'uvu/assert';
import { visitLoads } from '../../../../src/codegen/analysis.ts';
import type { Caps } from '../../../../src/codegen/caps.ts';
import { cleanup } from '../../../../src/codegen/cleanup.ts';
import { gpuSchedules } from '../../../../src/codegen/gpu/schedules.ts';
import { isRefusal, type NestPlan, type Refusal } from '../../../../src/codegen/plan.ts';
import { rewriter } from '../../../../src/codegen/rewrite.ts';
import type { DType } from '../../../../src/ir/dtype.ts';
import { load, newBuffer } from '../../../../src/ir/loop/expr.ts';
import type { Expr, LoopBuffer, Nest } from '../../../../src/ir/loop/loop.ts';
import { roundTo } from '../../../../src/ir/rounding.ts';
import { interpretThread } from '../../../../src/ir/thread/interpret.ts';
import type { ThreadKernel } from '../../../../src/ir/thread/thread.ts';
import { verifyThread } from '../../../../src/ir/thread/verify.ts';
import type { Made } from '../../templates/made.ts';
import { evaluate, kernelOf, randomMemory } from '../../templates/nests.ts';

/** A device with matrix units as of compute capability 8.0. */
export const device: Caps = {
  target: 'cuda',
  lanes: 4,
  wide: true,
  fusedMultiplyAdd: true,
  parallelism: 432,
  processors: 108,
  threads: 256,
  subgroup: 32,
  tensorCores: 'sm80',
  tf32: false,
  winograd: false,
  barriers: true,
  sharedBytes: 163 * 1024,
  maxBindings: 64,
  alignment: 256,
  schedules: gpuSchedules,
};
export const withTf32: Caps = { ...device, tf32: true };

/** The same nest on buffers of other dtypes, and strides. */
export const retyped = (
  made: Made,
  dtypeOf: (b: LoopBuffer) => DType,
  stridesOf: (b: LoopBuffer) => readonly number[] = (b) => b.strides,
): Made => {
  const to = new Map(
    made.buffers.map((b) => [
      b,
      newBuffer(b.name, { dtype: dtypeOf(b), shape: b.shape }, stridesOf(b)),
    ]),
  );
  const map = rewriter({
    replace: (e) => (e.kind === 'load' ? load(to.get(e.buffer)!, e.index) : undefined),
  });
  const expr = (e: Expr): Expr => map.expr(e);
  const c = made.nest.contract!;
  const nest: Nest = {
    axes: made.nest.axes,
    stores: made.nest.stores.map((s) => ({
      ...s,
      buffer: to.get(s.buffer)!,
      value: expr(s.value),
    })),
    contract: { ...c, a: expr(c.a), b: expr(c.b) },
  };
  return { nest, buffers: [...to.values()] };
};

/** Operands of one dtype; what epilogues read and results stay float32, so that sums show. */
export const of = (dtype: DType, made: Made): Made => {
  const { a, b } = made.nest.contract!;
  const operands = new Set<LoopBuffer>();
  for (const e of [a, b]) visitLoads(e, (l) => operands.add(l.buffer));
  return retyped(made, (buffer) => (operands.has(buffer) ? dtype : 'float32'));
};

/** Plans, emits, cleans and interprets a nest; every stored element must be what the nest says. */
export const passes = (
  { nest, buffers }: Made,
  seed: number,
  what: string,
  planner: (nest: Nest, caps: Caps) => NestPlan | Refusal,
  caps: Caps = device,
): ThreadKernel => {
  const plan = planner(nest, caps);
  if (isRefusal(plan)) throw new Error(`${what}: refused: ${plan.refused}`);
  const written = new Set(nest.stores.map((s) => s.buffer));
  const raw = kernelOf(plan, buffers, written);
  verifyThread(raw, caps);
  const kernel = cleanup(raw);
  verifyThread(kernel, caps);
  const memory = randomMemory(buffers, seed);
  const want = evaluate([nest], memory);
  const orders = ['forward', 'reverse', 'random'] as const;
  const got = new Map([...memory].map(([b, m]) => [b, m.slice()]));
  interpretThread(kernel, new Map(buffers.map((b, i) => [kernel.buffers[i]!, got.get(b)!])), {
    order: orders[seed % 3]!,
    seed,
  });
  for (const b of written)
    want.get(b)!.forEach((w, i) => {
      const g = got.get(b)![i]!;
      if (roundTo(b.dtype, w) !== g)
        assert.unreachable(
          `${what}: ${b.name}[${i}] is ${g}, not ${roundTo(b.dtype, w)}\n${plan.notes.join('\n')}`,
        );
    });
  return kernel;
};
