import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GraphBuilder } from '../../../src/ir/graph/builder.ts';
import { type Node, topological } from '../../../src/ir/graph/graph.ts';
import { interpretGraph } from '../../../src/ir/graph/interpret.ts';
import { attention } from '../../../src/ir/graph/ops/attention.ts';
import { attentionAttrs } from '../../../src/ir/graph/ops/attention-operands.ts';
import { parseGraph } from '../../../src/ir/graph/parse.ts';
import { printGraph } from '../../../src/ir/graph/print.ts';
import { verifyGraph } from '../../../src/ir/graph/verify.ts';
import { tensor } from '../../../src/ir/type.ts';
import { goldenText } from '../../support/golden.ts';
import { exactInputs, randomGraph } from '../../support/random-graph.ts';

const CANONICAL = `
graph main(%x: f32[4], %v: f32[4, 3] strides [1, 4], param %w: f32[3, 4], scalar %lr: f32[]) {
  %0: f32[4] = exp %x
  %1: f32[3] = full {value=-inf, dtype=f32, shape=[3]}
  %2: f32[3, 4] = broadcast %0 {shape=[3, 4], axes=[1]}
  %3: f32[3] = sum %2 {axes=[1]}
  %4: f32[3] = add %1, %3
  %5: f32[3, 4] = transpose %v {axes=[1, 0]}
  %6: f32[3, 4] = broadcast %lr {shape=[3, 4], axes=[]}
  %7: f32[3, 4] = mul %w, %6
  assign %w, %7
  return %0, %4, %5
}
`;

test('a text in any layout, without result types, prints in the canonical one', () => {
  const graph = parseGraph(`
    graph(%x: f32[4], %v: f32[4,3] strides [1,4], param %w: f32[3,4], scalar %lr: f32[]) {
      %a = exp %x // a comment
      %b = broadcast %a {axes=[1], shape=[3, 4]}
      %s = sum %b {axes=[1]}  %low = full {value=-inf, dtype=f32, shape=[3]}
      %c = add %low, %s
      %t = transpose %v {axes=[1, 0]}
      %rate = broadcast %lr {shape=[3, 4], axes=[]}
      %new = mul %w, %rate
      assign %w, %new
      return %a, %c, %t
    }`);
  verifyGraph(graph);
  goldenText(printGraph(graph), CANONICAL);
});

test('the canonical text is read back to the same text', () => {
  assert.is(printGraph(parseGraph(CANONICAL)).trim(), CANONICAL.trim());
});

test('roles, strides and names of inputs survive', () => {
  const { inputs } = parseGraph(
    'graph (%x: f32[2, 3] strides [1, 2], param %"hidden layer › w": i32[], scalar %s.1: u8[]) { return %x }',
  );
  assert.equal(
    inputs.map((x) => x.attrs),
    [
      { name: 'x', role: 'input', strides: [1, 2] },
      { name: 'hidden layer › w', role: 'param' },
      { name: 's.1', role: 'scalar' },
    ],
  );
});

test('inputs of one name are told apart', () => {
  const graph = parseGraph('graph (%x: f32[], %y: f32[]) { %a = add %x, %y return %a }');
  const renamed = {
    ...graph,
    inputs: graph.inputs.map((x) => Object.assign(x, { attrs: { ...x.attrs, name: 'x' } })),
  };
  const text = printGraph(renamed);
  assert.match(text, 'add %x, %x.1');
  assert.is(printGraph(parseGraph(text)), text);
});

test('attributes with their default value may be left out, and are', () => {
  const text =
    'graph (%x: f32[2, 3], %g: f32[3], %b: f32[3]) { %n = layerNorm %x, %g, %b {axis=1} return %n }';
  const [node] = parseGraph(text).outputs;
  assert.is(node!.attrs['eps'], 1e-5);
  assert.match(printGraph(parseGraph(text)), 'layerNorm %x, %g, %b {axis=1}\n');
});

test('every number survives: 0.1, -0, infinities, NaN, the smallest float', () => {
  const values = [
    0.1,
    -0,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
    2 ** -149,
    1e21,
  ];
  const spelled = ['0.1', '-0', 'inf', '-inf', 'nan', String(2 ** -149), '1e21'];
  const graph = parseGraph(
    `graph () { %a = literal {values=[${spelled.join(', ')}], dtype=f32, shape=[7]} return %a }`,
  );
  assert.ok(
    (graph.outputs[0]!.attrs['values'] as number[]).every((v, i) => Object.is(v, values[i])),
  );
  assert.is(printGraph(parseGraph(printGraph(graph))), printGraph(graph));
});

test('numbers that an op does not round keep all their digits, also those of a float32', () => {
  for (const scale of [1 / Math.sqrt(32), Math.fround(1 / Math.sqrt(32)), 0.125, 1]) {
    const b = new GraphBuilder();
    const [q, k, v] = [b, b, b].map(() => b.input(tensor('float32', [4, 8]))) as [Node, Node, Node];
    const y = b.emit(attention, [q, k, v], attentionAttrs({ scale }));
    const text = printGraph(b.graph('scaled', [y]));
    const read = parseGraph(text);
    assert.is(read.outputs[0]!.attrs['scale'], scale);
    assert.is(printGraph(read), text);
  }
});

test('where a node comes from is shown on demand, as a comment', () => {
  const graph = parseGraph('graph (%x: f32[]) { %a = exp %x return %a }');
  const node = Object.assign(graph.outputs[0]!, { origin: 'train.ts:3:4' });
  const text = printGraph(graph, { origins: true });
  assert.match(text, 'exp %x  // train.ts:3:4\n');
  assert.is(parseGraph(text).outputs[0]!.type, node.type);
});

test('300 random graphs: same text, same nodes and same values after a round trip', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const graph = randomGraph(seed);
    const text = printGraph(graph);
    const again = parseGraph(text, `seed ${seed}`);
    verifyGraph(again);
    assert.is(printGraph(again), text);
    assert.is(topological(again).length, topological(graph).length);
    if (seed > 100) continue;
    const inputs = exactInputs(graph, seed);
    assert.equal(interpretGraph(again, inputs), interpretGraph(graph, inputs), `seed ${seed}`);
  }
});

test.run();
