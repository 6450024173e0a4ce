import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import { tensor } from '../../src/ir/type.ts';
import { shareCommonNodes } from '../../src/passes/cse.ts';
import { removeDeadAssigns } from '../../src/passes/dce.ts';
import { nodeCount } from '../../src/passes/rewrite.ts';
import { golden, runPass } from '../support/passes.ts';

test('equal computations from different builders become one', () => {
  const b = new GraphBuilder();
  const other = new GraphBuilder();
  const x = b.input(tensor('float32', [4]));
  const graph = b.graph('main', [b.op('add', b.op('exp', x), other.op('exp', x))]);
  assert.is(nodeCount(graph), 4);
  assert.is(nodeCount(runPass(shareCommonNodes, graph).graph), 3);
});

test('inputs of the same type stay apart, and unused ones stay', () => {
  golden(
    shareCommonNodes,
    'graph (%x: f32[4], %y: f32[4], %z: f32[4]) { %a = add %x, %y return %a }',
    'graph (%x: f32[4], %y: f32[4], %z: f32[4]) { %a = add %x, %y return %a }',
  );
});

test('assignments of an input to itself are dropped', () => {
  golden(
    removeDeadAssigns,
    'graph (param %x: f32[4], param %y: f32[4]) { %a = exp %y assign %x, %x assign %y, %a return %a }',
    'graph (param %x: f32[4], param %y: f32[4]) { %a = exp %y assign %y, %a return %a }',
  );
});

test('of several assignments to one input the last counts', () => {
  const b = new GraphBuilder();
  const x = b.input(tensor('float32', [4]));
  const [first, second] = [b.op('exp', x), b.op('neg', x)];
  const graph = b.graph(
    'main',
    [],
    [
      { target: x, value: first },
      { target: x, value: second },
    ],
  );
  const { assigns } = removeDeadAssigns.run(graph, { note: () => {} });
  assert.equal(
    assigns.map((a) => a.value),
    [second],
  );
});

test.run();
