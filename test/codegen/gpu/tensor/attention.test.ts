/**
 * Attention on matrix units: forward, norms and gradients of random sizes, masks and dtypes, held against what the
 * operations mean.
 *
 * Interpreted: threads in any order; races, and reads of what has not landed, are errors. Weights are rounded to 16 bits:
 * tolerances are some of those steps.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { planTensorAttention } from '../../../../src/codegen/gpu/tensor/attention/attention.ts';
import { cudaSchedules } from '../../../../src/codegen/gpu/tensor/schedules.ts';
import { isRefusal } from '../../../../src/codegen/plan.ts';
import type { ThreadKernel } from '../../../../src/ir/thread/thread.ts';
import { attentionKernel } from '../../../support/attention.ts';
import {
  type AttentionSizes,
  attentionAgrees,
  makeAttention,
  PARTS,
} from '../../../support/attention-cases.ts';
import { device } from './support.ts';

const machine = { ...device, schedules: cudaSchedules };
const agree = (sizes: AttentionSizes, seed: number): ThreadKernel =>
  attentionAgrees(sizes, seed, machine);

const shapes: readonly Omit<AttentionSizes, 'op' | 'dtype'>[] = [
  { lead: [], queries: 1, keys: 150, depth: 40, width: 16 },
  { queries: 33, keys: 29, depth: 7, width: 9, causal: true, masked: true },
  { queries: 40, keys: 56, depth: 16, width: 24, causal: true },
  { lead: [2, 1, 2], queries: 17, keys: 35, depth: 24, width: 8, masked: true },
  { lead: [1], queries: 70, keys: 66, depth: 32, width: 32, causal: true },
  { lead: [], queries: 40, keys: 136, depth: 64, width: 64, causal: true, masked: true },
  {
    queries: 36,
    keys: 42,
    depth: 16,
    width: 24,
    fill: -2,
    masked: true,
    biased: true,
    dropout: true,
  },
];

for (const [i, shape] of shapes.entries())
  for (const [j, op] of Object.keys(PARTS).entries())
    test(`${op} of ${JSON.stringify(shape)}`, () => {
      const dtype = (i + j) % 2 === 0 ? 'bfloat16' : 'float16';
      const kernel = agree({ op, dtype, ...shape }, i + j);
      assert.ok(
        kernel.notes.some((note) => note.startsWith('attention on matrix units')),
        kernel.notes.join('\n'),
      );
    });

test('128 features and columns', () => {
  for (const op of ['attention', 'attentionGradQuery', 'attentionGradKey', 'attentionGradValue']) {
    const kernel = agree(
      { op, dtype: 'bfloat16', lead: [1], queries: 33, keys: 70, depth: 128, width: 128 },
      1,
    );
    assert.match(kernel.notes.join(), /matrix units/);
  }
});

test('what matrix units refuse is done without them, and says why', () => {
  const kernel = agree(
    { op: 'attention', dtype: 'float32', queries: 40, keys: 56, depth: 16, width: 24 },
    1,
  );
  assert.match(
    kernel.notes.join(),
    /no matrix units: .*16-bit floats of one kind, these are float32/,
  );
});

test('workgroups of any size', () => {
  const { node } = makeAttention({
    op: 'attention',
    dtype: 'bfloat16',
    queries: 64,
    keys: 64,
    depth: 64,
    width: 64,
  });
  const { nest } = attentionKernel(node);
  for (const threads of [32, 64, 128, 256]) {
    const plan = planTensorAttention(nest, machine, threads);
    assert.is(isRefusal(plan) ? plan.refused : plan.threads, threads);
  }
});

test.run();
