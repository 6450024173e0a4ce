import { test } from 'uvu';
import { wasmCaps } from '../../src/codegen/wasm/caps.ts';
import { parseGraph } from '../../src/ir/graph/parse.ts';
import { byMeaning, byProgram } from '../support/differential.ts';
import { assertClose, randomInputs } from '../support/passes.ts';

test('updates that read what others replace are launched so that all see the old values', async () => {
  // %s is new from %c, %c from itself, and %w from the old %s: one launch for %w and %c would wait for that of %s.
  const graph = parseGraph(`graph (%w: f32[4], %g: f32[4], %s: f32[], %c: f32[]) {
    %sum = sum %g {axes=[0]}
    %more = add %c, %sum
    %next = mul %s, %more
    %spread = broadcast %s {shape=[4], axes=[]}
    %step = mul %g, %spread
    %moved = sub %w, %step
    assign %w, %moved
    assign %s, %next
    assign %c, %more
    return
  }`);
  const inputs = randomInputs(graph, 7);
  const found = await byProgram(wasmCaps(false))(graph, inputs);
  byMeaning(graph, inputs).forEach((wanted, i) => {
    assertClose(found[i]!, wanted, 1e-5, `value ${i}`);
  });
});

test.run();
