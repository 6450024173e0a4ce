import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseGraph } from '../../src/ir/graph/parse.ts';
import { isAdditive } from '../../src/passes/additive.ts';

/** Graphs of a gradient %d and a value %w, and whether they are additive in the gradient. */
const CASES: Readonly<Record<string, readonly [boolean, string]>> = {
  'what it is times a value': [true, '%y = mul %d, %w'],
  'its square': [false, '%y = mul %d, %d'],
  'itself and a value': [false, '%y = add %d, %w'],
  'a value over it': [false, '%y = div %w, %d'],
  'cut off': [false, '%z = full {value=0, dtype=f32, shape=[4]} %y = max %d, %z'],
  'chosen by a value, or zero': [
    true,
    '%z = full {value=0, dtype=f32, shape=[4]} %c = gt %w, %z %y = select %c, %d, %z',
  ],
  'chosen by itself': [
    false,
    '%z = full {value=0, dtype=f32, shape=[4]} %c = gt %d, %z %y = select %c, %d, %z',
  ],
  'moved, surrounded by zeros, summed': [
    true,
    '%p = pad %d {low=[1], high=[0], interior=[0], value=0} %c = concat %p, %w0 {axis=0} %y = cumsum %c {axis=0, backward=false}',
  ],
  'surrounded by ones': [false, '%y = pad %d {low=[1], high=[0], interior=[0], value=1}'],
  'a product with it': [
    true,
    '%y = dot %d, %w {aBatch=[], bBatch=[], aContract=[0], bContract=[0]}',
  ],
  'its softmax': [false, '%y = softmax %d {axis=0}'],
  'nothing of it': [false, '%y = exp %w'],
  zero: [true, '%y = full {value=0, dtype=f32, shape=[4]}'],
};

for (const [name, [expected, body]] of Object.entries(CASES))
  test(`what flows back in parts is ${expected ? 'what flows back' : 'something else'}: ${name}`, () => {
    const zeros = '%w0 = full {value=0, dtype=f32, shape=[2]}';
    const text = `graph (%d: f32[4], %w: f32[4]) { ${zeros} ${body} return %y }`;
    const graph = parseGraph(text.replaceAll(' %', '\n%').replaceAll(',\n%', ', %'));
    assert.is(isAdditive(graph, graph.inputs[0]!), expected);
  });

test.run();
