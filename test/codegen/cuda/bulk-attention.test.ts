/**
 * Attention for warpgroups as CUDA C++: what the emulator of tensor maps, gates and products of tiles computes is what the
 * operations mean; nvcc makes machine code of what long sequences get, with nothing spilled and no product waiting for
 * another.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../../src/codegen/caps.ts';
import { cleanup } from '../../../src/codegen/cleanup.ts';
import { cudaCaps } from '../../../src/codegen/cuda/caps.ts';
import { problemOf } from '../../../src/codegen/gpu/attention/problem.ts';
import { planBulkAttention, planOf } from '../../../src/codegen/gpu/bulk/attention/attention.ts';
import { cutOf } from '../../../src/codegen/gpu/bulk/attention/cut.ts';
import { isRefusal, type NestPlan, type Refusal } from '../../../src/codegen/plan.ts';
import { interpretGraph } from '../../../src/ir/graph/interpret.ts';
import type { ThreadKernel } from '../../../src/ir/thread/thread.ts';
import { assertClose } from '../../ir/graph/cases.ts';
import { type AttentionKernel, attentionKernel, memoryOf } from '../../support/attention.ts';
import { type AttentionSizes, makeAttention, PARTS } from '../../support/attention-cases.ts';
import { CudaBatch, capability } from '../../support/cuda-kernels.ts';
import { compileCuda, hasNvcc } from '../../support/nvcc.ts';
import { decode, encode } from '../../support/wasm.ts';
import { kernelOf } from '../templates/nests.ts';

process.env['TIGON_EMULATED_CAPABILITY'] = '90';

const h200: Caps = cudaCaps(
  { capability: 90, processors: 132, sharedBytesPerBlock: 232448 },
  { tf32: false },
);

const kernelFor = (made: AttentionKernel, plan: NestPlan | Refusal): ThreadKernel => {
  if (isRefusal(plan)) throw new Error(plan.refused);
  return cleanup(kernelOf(plan, made.kernel.buffers, new Set([made.result])));
};

/** The plan with so many warpgroups, and elements of the sum in a block. */
const planWith = (
  { nest }: AttentionKernel,
  dtype: 'bfloat16' | 'float16',
  groups: number,
  summed: number,
): NestPlan | Refusal => {
  const problem = problemOf(nest, h200);
  if ('refused' in problem) return problem;
  const cut = cutOf(problem, dtype, h200, groups, summed);
  return 'refused' in cut ? cut : planOf(nest, cut);
};

const batch = new CudaBatch();

const define = (
  sizes: AttentionSizes & { readonly dtype: 'bfloat16' | 'float16' },
  groups: number,
  summed: number,
): void => {
  const { graph, node, data } = makeAttention(sizes);
  const made = attentionKernel(node);
  const run = batch.add(kernelFor(made, planWith(made, sizes.dtype, groups, summed)));
  test(`${JSON.stringify(sizes)}: ${groups} x 64 rows, ${summed}`, async () => {
    if ((await capability()) !== 90) {
      console.log('skipped: there is no device of compute capability 9.0');
      return;
    }
    const [wanted] = interpretGraph(graph, data).outputs;
    const most = Math.max(1, ...wanted!.map(Math.abs));
    const tolerance = (sizes.dtype === 'bfloat16' ? 2 ** -6 : 2 ** -9) * most;
    for (const order of ['forward', 'reverse', 'random']) {
      process.env['TIGON_EMULATED_ORDER'] = order;
      const memory = memoryOf(made, data);
      const after = await run(made.kernel.buffers.map((b) => encode(b.dtype, [...memory.get(b)!])));
      if (after === undefined) return;
      const got = decode(made.result.dtype, after.at(-1)!);
      assertClose(Float64Array.from(got), wanted!, tolerance, `${node.op.name}, ${order}`);
    }
  });
};

for (const op of Object.keys(PARTS)) {
  const lead = [2];
  const causal = true;
  define({ op, dtype: 'bfloat16', lead, queries: 200, keys: 90, depth: 72, width: 80 }, 2, 32);
  define(
    { op, dtype: 'float16', lead, queries: 70, keys: 200, depth: 32, width: 24, causal },
    1,
    48,
  );
}
const long = { op: 'attention', lead: [1], queries: 200, keys: 330, causal: true } as const;
define({ ...long, dtype: 'bfloat16', depth: 128, width: 128 }, 2, 128);
define({ ...long, dtype: 'float16', depth: 64, width: 64, masked: true }, 3, 128);
define({ ...long, keys: 90, dtype: 'bfloat16', depth: 64, width: 64, dropout: true }, 1, 48);

test('nvcc: machine code of long sequences, without warnings or spilled registers', () => {
  if (!hasNvcc()) {
    console.log('skipped: there is no nvcc');
    return;
  }
  const unit = new CudaBatch();
  const what: string[] = [];
  for (const op of Object.keys(PARTS))
    for (const depth of [64, 128, 192])
      for (const causal of op === 'attention' ? [true, false] : [true]) {
        const shape = { lead: [8, 16], queries: 4096, keys: 4096, depth, width: depth, causal };
        const made = attentionKernel(
          makeAttention({ op, dtype: 'bfloat16', ...shape }, false).node,
        );
        const plan = planBulkAttention(made.nest, h200, undefined);
        unit.add(kernelFor(made, plan));
        what.push(`${op} of ${depth} features${causal ? ', causal' : ''}`);
      }
  const compiled = [...compileCuda(unit.source, 'sm_90a')];
  assert.is(compiled.length, what.length);
  for (const [name, { spills, stack }] of compiled)
    assert.equal([spills, stack], [0, 0], what[Number(name.split('_')[1])]);
});

test.run();
