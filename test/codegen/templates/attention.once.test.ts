import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanup } from '../../../src/codegen/cleanup.ts';
import { bringEveryFamily } from '../../../src/codegen/every-family.ts';
import { schedule } from '../../../src/codegen/schedule.ts';
import { wasmCaps } from '../../../src/codegen/wasm/caps.ts';
import { interpretGraph } from '../../../src/ir/graph/interpret.ts';
import { interpretThread } from '../../../src/ir/thread/interpret.ts';
import type { ThreadKernel } from '../../../src/ir/thread/thread.ts';
import { verifyThread } from '../../../src/ir/thread/verify.ts';
import { assertClose } from '../../ir/graph/cases.ts';
import { attentionKernel, memoryOf } from '../../support/attention.ts';
import { type AttentionSizes, makeAttention, PARTS } from '../../support/attention-cases.ts';

bringEveryFamily();
const caps = wasmCaps(true);

type Made = ReturnType<typeof makeAttention>;

/** The scheduled kernel, and what it leaves when it is run. */
const run = ({ node, data }: Made): { kernel: ThreadKernel; result: Float64Array } => {
  const made = attentionKernel(node);
  const kernel = cleanup(schedule(made.kernel, caps));
  verifyThread(kernel, caps);
  const memory = memoryOf(made, data);
  const { buffers } = made.kernel;
  const cells = new Map(
    kernel.buffers.slice(0, buffers.length).map((b, i) => [b, memory.get(buffers[i]!)!]),
  );
  interpretThread(kernel, cells, { order: 'random', seed: 3 });
  return { kernel, result: memory.get(made.result)! };
};

const shapes: readonly Omit<AttentionSizes, 'op' | 'dtype'>[] = [
  { lead: [], queries: 1, keys: 150, depth: 40, width: 12 },
  { queries: 33, keys: 29, depth: 7, width: 9, causal: true, masked: true },
  { queries: 40, keys: 52, depth: 16, width: 24, causal: true },
  { lead: [2, 1, 2], queries: 17, keys: 35, depth: 20, width: 8, masked: true },
  { lead: [1], queries: 70, keys: 66, depth: 33, width: 30, causal: true },
  { lead: [], queries: 36, keys: 131, depth: 64, width: 64, causal: true, masked: true },
  { lead: [1], queries: 150, keys: 170, depth: 8, width: 8, causal: true },
];

for (const shape of shapes)
  test(`blocks of attention and each gradient, ${JSON.stringify(shape)}`, () => {
    for (const op of Object.keys(PARTS)) {
      const made = makeAttention({ op, dtype: 'float32', ...shape });
      const { kernel, result } = run(made);
      const [wanted] = interpretGraph(made.graph, made.data).outputs;
      assertClose(result, wanted!, op.includes('Grad') ? 5e-5 : 1e-6, op);
      assert.ok(kernel.notes.some((note) => note.startsWith('attention')));
    }
  });

test('blocks in which no query may attend are not read, and scratch grows with blocks alone', () => {
  const made = makeAttention({
    op: 'attention',
    dtype: 'float32',
    lead: [1],
    queries: 40,
    keys: 400,
    depth: 16,
    width: 16,
    causal: true,
  });
  const [, k, v] = made.data;
  k!.fill(Number.NaN, 128 * 16);
  v!.fill(Number.NaN, 128 * 16);
  const { kernel, result } = run(made);
  assert.ok(result.every(Number.isFinite));
  const sizes = { op: 'attention', dtype: 'float32', lead: [1], depth: 16, width: 16 } as const;
  const sharedBy = (keys: number): number =>
    schedule(attentionKernel(makeAttention({ ...sizes, queries: 256, keys }).node).kernel, caps)
      .buffers.filter((b) => b.space === 'shared')
      .reduce((sum, b) => sum + b.elements, 0);
  assert.is(sharedBy(512), sharedBy(256));
  assert.ok(kernel.buffers.length > 4);
});

test.run();
