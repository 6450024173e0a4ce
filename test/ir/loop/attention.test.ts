import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { productAsReduce } from '../../../src/codegen/products.ts';
import { interpretGraph } from '../../../src/ir/graph/interpret.ts';
import { interpretKernel } from '../../../src/ir/loop/interpret.ts';
import type { LoopKernel } from '../../../src/ir/loop/loop.ts';
import { parseLoop } from '../../../src/ir/loop/parse.ts';
import { printLoop } from '../../../src/ir/loop/print.ts';
import { verifyKernel } from '../../../src/ir/loop/verify.ts';
import { attentionKernel, memoryOf } from '../../support/attention.ts';
import { goldenText } from '../../support/golden.ts';
import { assertClose, opCases } from '../graph/cases.ts';

for (const { title, graph, node, data } of opCases().filter((c) => c.op.attend !== undefined)) {
  test(`${title}: its nest means what it means`, () => {
    const made = attentionKernel(node);
    const [expected] = interpretGraph(graph, data).outputs;
    const run = (kernel: LoopKernel, what: string): void => {
      verifyKernel(kernel);
      const memory = memoryOf(made, data);
      interpretKernel(kernel, memory);
      assertClose(memory.get(made.result)!, expected!, 2e-6, what);
    };
    run(made.kernel, 'as an attention');
    run({ ...made.kernel, nests: [productAsReduce(made.nest)] }, 'as reductions');
  });

  test(`${title}: its text reads back`, () => {
    const text = printLoop(attentionKernel(node).kernel);
    const again = parseLoop(text);
    verifyKernel(again);
    assert.is(printLoop(again), text);
  });
}

const causal = `
kernel causal(
  q: f32[5, 4],
  k: f32[7, 4],
  v: f32[7, 3],
  may: bool[5, 7],
  y: f32[5, 3],
  l: f32[5],
) {
  nest i < 5, j < 3 over d < 4, t < 7 {
    attend [], [i], [j] over [t] as softmax {
      contract over [d] {
        left = q[i, d]
        right = k[t, d]
      }
      left = if 0 <= i - t < 5 then select(may[i, t], score * 0.5, -1e+38) else -1e+38
      right = v[t, j]
      result [i, j]
    }
    y[i, j] = acc
    l[i] = norm for [i]
  }
}
`;

test('an attention: scores, their weight, what is weighed, and what stores have of it', () => {
  const kernel = parseLoop(causal);
  verifyKernel(kernel);
  goldenText(printLoop(kernel), causal);
});

test('a weight may use the scores there are, a store the results there are', () => {
  const broken = (from: string, to: string, rule: RegExp): void =>
    assert.throws(
      () => verifyKernel(parseLoop(causal.replace(from, to))),
      (error: Error) => rule.test(error.message),
    );
  broken('score * 0.5', 'score1 * 0.5', /`score1` stands in a nest/);
  broken('score * 0.5', 'acc * 0.5', /`acc` stands in a nest/);
  broken('y[i, j] = acc', 'y[i, j] = score', /`score` stands in a nest/);
  broken('as softmax', 'as sum', /`norm` stands in a nest/);
  broken('l[i] = norm', 'l[i] = acc', /the store to l uses `acc`/);
  broken('right = v[t, j]', 'right = v[t, j] * q[i, 0]', /axis i is not bound/);
  broken('left = q[i, d]', 'left = q[i, 0] * v[t, 0]', /axis t is not bound/);
  assert.throws(() => parseLoop(causal.replace('as softmax', 'as product')), /sum or softmax/);
});

test('a query that may attend to nothing gives 0, and its norm is that of nothing', () => {
  const kernel = parseLoop(causal);
  const memory = new Map(
    kernel.buffers.map((b) => [b, new Float64Array(b.shape.reduce((n, d) => n * d, 1)).fill(1)]),
  );
  const [, , , may, y, l] = kernel.buffers;
  memory.get(may!)!.fill(0, 7, 14);
  interpretKernel(kernel, memory);
  assert.equal([...memory.get(y!)!.subarray(3, 9)], [0, 0, 0, 1, 1, 1]);
  assert.equal(
    [...memory.get(l!)!.subarray(1, 3)],
    [Math.fround(-1e38), Math.fround(2 + Math.log(3))],
  );
});

test.run();
