/**
 * Whole programs of 16-bit floats for CUDA: forward and backward of attention, dense layers and convolutions use matrix
 * units and compute what their graphs mean.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultCudaCaps } from '../../../../src/codegen/cuda/caps.ts';
import type { DType } from '../../../../src/ir/dtype.ts';
import { GraphBuilder } from '../../../../src/ir/graph/builder.ts';
import type { Graph, Node, Values } from '../../../../src/ir/graph/graph.ts';
import { interpretGraph } from '../../../../src/ir/graph/interpret.ts';
import { graphOps } from '../../../../src/ir/graph/registry.ts';
import { interpretProgram } from '../../../../src/ir/program/interpret.ts';
import { verifyProgram } from '../../../../src/ir/program/verify.ts';
import { tensor } from '../../../../src/ir/type.ts';
import { compileGraph } from '../../../../src/passes/pipeline.ts';
import { partition } from '../../../../src/passes/recompute.ts';
import { assertClose, random, randomValues } from '../../../ir/graph/cases.ts';
import { collect, layOut } from '../../../support/differential.ts';

const caps = defaultCudaCaps;

/** Runs a graph compiled for CUDA; gives what it means, and how many launches multiply on matrix units. */
const run = (graph: Graph, data: readonly Values[], seed: number) => {
  const compiled = compileGraph(graph, caps);
  verifyProgram(compiled.program, caps);
  const memory = layOut(graph, compiled.program, data);
  interpretProgram(compiled.program, memory.externals, { order: 'random', seed });
  const wanted = interpretGraph(graph, data).outputs;
  collect(graph, compiled, memory).forEach((got, i) => {
    const most = Math.max(1, ...wanted[i]!.map(Math.abs));
    assertClose(got, wanted[i]!, 2 ** -6 * most, `${graph.name}, result ${i}`);
  });
  const units = compiled.program.kernels.filter((k) =>
    k.notes.some((n) => /on matrix units/.test(n)),
  );
  return { results: wanted, units: units.length };
};

/** A graph, and its two halves in training; `units`: launches on matrix units of each. */
const trains = (
  name: string,
  make: (b: GraphBuilder, input: (...shape: number[]) => Node) => Node,
  units: readonly [number, number],
  dtype: DType = 'bfloat16',
): void => {
  test(`${name}, ${dtype}`, () => {
    const b = new GraphBuilder();
    const graph = b.graph(name.replaceAll(' ', '_'), [
      make(b, (...shape) => b.input(tensor(dtype, shape))),
    ]);
    const next = random(units[0] + graph.inputs.length);
    const data = graph.inputs.map((x) => randomValues(next, x.type));
    run(graph, data, 1);
    const { forward, backward, saved } = partition(
      graph,
      graph.inputs.map(() => true),
    );
    const first = run(forward, data, 2);
    const given = saved.map((s) => (s.kind === 'input' ? data[s.index]! : first.results[s.index]!));
    const dy = randomValues(next, graph.outputs[0]!.type);
    const second = run(backward, [...given, dy], 3);
    assert.equal([first.units, second.units], units);
  });
};

const matrix = { aBatch: [], bBatch: [], aContract: [1], bContract: [0] };
const dense = (b: GraphBuilder, x: Node, w: Node): Node =>
  b.emit(graphOps.get('dot')!, [x, w], matrix);

for (const dtype of ['bfloat16', 'float16'] as const) {
  trains(
    'attention',
    (b, input) => {
      const [q, k, v] = [input(2, 2, 48, 32), input(2, 2, 56, 32), input(2, 2, 56, 24)];
      return b.emit(graphOps.get('attention')!, [q, k, v], { scale: 0.2, causal: true });
    },
    [1, 3],
    dtype,
  );
  trains(
    'two dense layers',
    (b, input) => {
      const [x, w, v] = [input(64, 128), input(128, 96), input(96, 64)];
      return dense(b, b.op('relu', dense(b, x, w)), v);
    },
    [2, 4],
    dtype,
  );
  trains(
    'a convolution',
    (b, input) => {
      const attrs = { strides: [1, 1], low: [1, 1], high: [1, 1], dilations: [1, 1], groups: 1 };
      return b.emit(graphOps.get('conv')!, [input(2, 8, 12, 12), input(16, 8, 3, 3)], attrs);
    },
    [1, 2],
    dtype,
  );
}

test('the gradients of a convolution share the copies of what both read', () => {
  const b = new GraphBuilder();
  const attrs = { strides: [1, 1], low: [1, 1], high: [1, 1], dilations: [1, 1], groups: 1 };
  const inputs = [
    [32, 64, 56, 56],
    [64, 64, 3, 3],
  ].map((s) => b.input(tensor('bfloat16', s)));
  const { backward } = partition(
    b.graph('layers', [b.emit(graphOps.get('conv')!, inputs, attrs)]),
    [true, true],
  );
  const { program } = compileGraph(backward, caps);
  verifyProgram(program, caps);
  const copies = program.steps.filter((s) => program.kernels[s.kernel]!.name.startsWith('layout'));
  const sources = copies.map((s) => program.buffers[s.bindings[0]!]!.name);
  assert.equal(sources.sort(), ['dy0', 'x0', 'x1']);
});

test.run();
