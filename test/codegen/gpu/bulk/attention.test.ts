/**
 * Attention for warpgroups: forward, norms and gradients of many sizes, masks and dtypes, held against what the operations
 * mean; what it cannot take is left to warps.
 *
 * Interpreted: tiles come as late as they may, in any order; who waits for nobody finds NaN.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../../../src/codegen/caps.ts';
import { problemOf } from '../../../../src/codegen/gpu/attention/problem.ts';
import { planBulkAttention } from '../../../../src/codegen/gpu/bulk/attention/attention.ts';
import { bestCut } from '../../../../src/codegen/gpu/bulk/attention/choose.ts';
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
import { device as older } from '../tensor/support.ts';

const h200: Caps = {
  ...older,
  tensorCores: 'sm90a',
  parallelism: 528,
  processors: 132,
  sharedBytes: 226 * 1024,
  schedules: cudaSchedules,
};

const agree = (sizes: AttentionSizes, seed: number): ThreadKernel =>
  attentionAgrees(sizes, seed, h200);

/** Features in lines of 64 and parts of one; blocks that no size is a multiple of. */
const shapes: readonly Omit<AttentionSizes, 'op' | 'dtype'>[] = [
  { lead: [2], queries: 64, keys: 64, depth: 64, width: 64 },
  { lead: [2], queries: 72, keys: 88, depth: 16, width: 24, causal: true },
  { lead: [2, 2], queries: 50, keys: 150, depth: 40, width: 16, masked: true },
  { lead: [1], queries: 200, keys: 200, depth: 32, width: 32, causal: true },
  { lead: [], queries: 130, keys: 470, depth: 64, width: 72 },
  { lead: [], queries: 136, keys: 104, depth: 128, width: 128, causal: true, masked: true },
  {
    queries: 72,
    keys: 90,
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
      assert.match(kernel.notes.join('\n'), 'attention of whole tiles');
    });

test('96, 192 and 256 features', () => {
  for (const [i, depth] of [96, 192, 256].entries()) {
    const sizes = { lead: [1], queries: 70, keys: 200, depth, width: depth, causal: true };
    const kernel = agree({ op: 'attention', dtype: 'bfloat16', ...sizes }, i);
    assert.match(kernel.notes.join(), 'attention of whole tiles');
  }
});

const chosen = (depth: number, length: number, causal = true, op = 'attention'): string => {
  const lead = [8, 16];
  const shape = { lead, queries: length, keys: length, depth, width: depth, causal };
  const { node } = makeAttention({ op, dtype: 'bfloat16', ...shape }, false);
  const problem = problemOf(attentionKernel(node).nest, h200);
  if ('refused' in problem) throw new Error(problem.refused);
  const cut = bestCut(problem, 'bfloat16', h200, undefined);
  if ('refused' in cut) throw new Error(cut.refused);
  return `${cut.rows} x ${cut.summed}, ${cut.stages} stages`;
};

test('blocks by how many features there are', () => {
  assert.is(chosen(64, 4096, false), '192 x 128, 4 stages');
  assert.is(chosen(128, 4096), '128 x 128, 3 stages');
  assert.is(chosen(128, 4096, false), '128 x 128, 3 stages');
  assert.is(chosen(192, 4096, false), '128 x 112, 2 stages');
  assert.is(chosen(256, 4096), '128 x 80, 2 stages');
  assert.is(chosen(128, 4096, true, 'attentionGradKey'), '128 x 80, 4 stages');
});

const refused = (sizes: Omit<AttentionSizes, 'op'>, why: RegExp, threads?: number): void => {
  const { node } = makeAttention({ op: 'attention', ...sizes });
  const plan = planBulkAttention(attentionKernel(node).nest, h200, threads);
  if (!isRefusal(plan)) throw new Error('it was planned');
  assert.match(plan.refused, why);
};

test('what does not fit is left to warps, with the reason', () => {
  const sizes = { queries: 64, keys: 64, depth: 64, width: 64, dtype: 'bfloat16' } as const;
  refused({ ...sizes, dtype: 'float32' }, /16-bit floats/);
  refused({ ...sizes, depth: 20 }, /multiples of 16 bytes/);
  refused({ ...sizes, queries: 20 }, /as small as this/);
  refused({ ...sizes, width: 264 }, /more than 256 columns/);
  refused(sizes, /as small as this/, 64);
  const kernel = agree({ op: 'attention', ...sizes, queries: 20 }, 1);
  assert.match(kernel.notes.join('\n'), /not by warpgroups: .*\n.*attention on matrix units/);
});

test.run();
