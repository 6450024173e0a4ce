import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../../src/codegen/caps.ts';
import { softwareSchedules } from '../../../src/codegen/gpu/software-schedules.ts';
import { defaultWgslCaps, GUARANTEED_LIMITS, wgslCaps } from '../../../src/codegen/wgsl/caps.ts';
import { GraphBuilder } from '../../../src/ir/graph/builder.ts';
import type { Attrs, Graph, Node, Values } from '../../../src/ir/graph/graph.ts';
import { interpretGraph } from '../../../src/ir/graph/interpret.ts';
import { graphOps } from '../../../src/ir/graph/registry.ts';
import { interpretProgram } from '../../../src/ir/program/interpret.ts';
import { verifyProgram } from '../../../src/ir/program/verify.ts';
import type { ThreadKernel, TStmt } from '../../../src/ir/thread/thread.ts';
import { verifyThread } from '../../../src/ir/thread/verify.ts';
import { type TensorType, tensor } from '../../../src/ir/type.ts';
import { compileGraph } from '../../../src/passes/pipeline.ts';
import { opCases, random, randomValues, toleranceOf } from '../../ir/graph/cases.ts';
import { collect, layOut } from '../../support/differential.ts';
import { differentiable, gradientGraph } from '../../support/gradient-graph.ts';

/** What WebGPU guarantees; with subgroups; a device with small workgroups; one that computes on a CPU. */
const machines: readonly Caps[] = [
  defaultWgslCaps,
  wgslCaps(GUARANTEED_LIMITS, 8),
  { ...wgslCaps(GUARANTEED_LIMITS, 32), threads: 64 },
  wgslCaps(GUARANTEED_LIMITS, 4, softwareSchedules),
];
const orders = ['forward', 'reverse', 'random'] as const;

/** Compiles for each machine, and holds a run in each order of threads against the graph's meaning. */
const agree = (graph: Graph, data: readonly Values[], tolerance = 2e-5): ThreadKernel[] => {
  const meaning = interpretGraph(graph, data.slice());
  const wanted = [...meaning.outputs, ...meaning.assigns];
  let kernels: readonly ThreadKernel[] = [];
  machines.forEach((caps, m) => {
    const compiled = compileGraph(graph, caps);
    verifyProgram(compiled.program, caps);
    for (const kernel of compiled.program.kernels) verifyThread(kernel, caps);
    const memory = layOut(graph, compiled.program, data);
    interpretProgram(compiled.program, memory.externals, { order: orders[m % 3]!, seed: m + 1 });
    collect(graph, compiled, memory).forEach((got, i) => {
      const scale = wanted[i]!.reduce(
        (s, v) => (Number.isFinite(v) ? Math.max(s, Math.abs(v)) : s),
        1,
      );
      wanted[i]!.forEach((w, j) => {
        const g = got[j]!;
        if (Object.is(g, w) || g === w) return;
        assert.ok(
          Math.abs(g - w) <= tolerance * scale,
          `${graph.name} on machine ${m}, result ${i}, element ${j}: ${g}, not ${w}`,
        );
      });
    });
    if (m === 0) kernels = compiled.program.kernels;
  });
  return [...kernels];
};

class Maker {
  readonly b = new GraphBuilder();
  input(type: TensorType, name: string): Node {
    return this.b.input(type, { name });
  }
  op(name: string, inputs: Node[], attrs: Attrs = {}): Node {
    return this.b.emit(graphOps.get(name)!, inputs, attrs);
  }
}
const f32 = (...shape: number[]): TensorType => tensor('float32', shape);
const dataFor = (graph: Graph, seed = 7): Values[] => {
  const next = random(seed);
  return graph.inputs.map((x) => randomValues(next, x.type));
};
const barriers = (body: readonly TStmt[]): number =>
  body.reduce(
    (n, s) =>
      n +
      (s.kind === 'barrier'
        ? 1
        : s.kind === 'for'
          ? barriers(s.body)
          : s.kind === 'if'
            ? barriers(s.then) + barriers(s.otherwise)
            : 0),
    0,
  );

for (const [rows, length] of [
  [1, 5000],
  [3, 17],
  [5, 300],
  [130, 33],
  [7, 1024],
] as const)
  test(`softmax of ${rows} rows of ${length} is one launch`, () => {
    const m = new Maker();
    const y = m.op('softmax', [m.input(f32(rows, length), 'x')], { axis: 1 });
    const graph = m.b.graph('softmax', [y]);
    assert.is(agree(graph, dataFor(graph)).length, 1);
  });

for (const shape of [
  [64, 128],
  [1000, 3],
  [333, 17],
  [40, 1],
])
  for (const axis of [0, 1])
    for (const name of ['sum', 'prod', 'reduceMax', 'argmin', 'argmax'])
      test(`${name} of ${shape.join(' x ')} along ${axis}`, () => {
        const m = new Maker();
        const x = m.input(f32(...shape), 'x');
        const attrs = { axes: [axis] };
        const graph = m.b.graph(name, [m.op(name, [x], attrs)]);
        const next = random(3);
        // ties, so that the first of them has to win; factors near 1
        const data = Float64Array.from({ length: x.type.size }, () =>
          name === 'prod' ? 0.9 + 0.2 * next() : Math.floor(next() * 9),
        );
        if (name.startsWith('arg') || name === 'reduceMax') data[data.length >> 1] = Number.NaN;
        agree(graph, [data], name === 'prod' ? 1e-3 : 2e-5);
      });

for (const shape of [
  [160, 130],
  [96, 3, 100],
  [128, 256],
])
  test(`a transpose of ${shape.join(' x ')} goes through tiles`, () => {
    const m = new Maker();
    const x = m.input(f32(...shape), 'x');
    const axes = shape.map((_, i) => i).toReversed();
    const y = m.input(f32(...shape.toReversed()), 'y');
    const graph = m.b.graph('turned', [m.b.op('mul', m.op('transpose', [x], { axes }), y)]);
    const [kernel] = agree(graph, dataFor(graph));
    assert.match(kernel!.notes.at(-1)!, /^tiles/);
  });

test('layer norm and its statistics are one launch', () => {
  const m = new Maker();
  const graph = m.b.graph('norm', [
    m.op(
      'layerNorm',
      [m.input(f32(37, 200), 'x'), m.input(f32(200), 'g'), m.input(f32(200), 'b')],
      {
        axis: 1,
        eps: 1e-5,
      },
    ),
  ]);
  assert.is(agree(graph, dataFor(graph), 1e-4).length, 1);
});

test('results of a row and of the whole nest leave one launch together', () => {
  const m = new Maker();
  const x = m.input(f32(12, 130), 'x');
  const total = m.op('sum', [x], { axes: [1] });
  const wide = m.b.broadcast(total, [12, 130], [0]);
  const graph = m.b.graph('both', [m.b.op('mul', x, wide), total]);
  agree(graph, dataFor(graph));
});

test('a state is updated in place by a fold of itself', () => {
  const m = new Maker();
  const w = m.b.input(f32(10, 70), { name: 'w', role: 'param' });
  const top = m.b.broadcast(m.op('sum', [w], { axes: [1] }), [10, 70], [0]);
  const graph = m.b.graph('normalized', [], [{ target: w, value: m.b.op('sub', w, top) }]);
  agree(graph, dataFor(graph));
});

test('a state takes the sum of a batch', () => {
  const m = new Maker();
  const w = m.b.input(f32(10), { name: 'w', role: 'param' });
  const dy = m.input(f32(48, 10), 'dy');
  const graph = m.b.graph(
    'bias',
    [],
    [{ target: w, value: m.b.op('sub', w, m.op('sum', [dy], { axes: [0] })) }],
  );
  const [kernel] = agree(graph, dataFor(graph));
  assert.ok(barriers(kernel!.body) > 0);
});

test('nests of unlike sizes share a launch', () => {
  const m = new Maker();
  const values = [f32(3), f32(100, 40), f32(7, 9)].map((t, i) => {
    const w = m.b.input(t, { name: `w${i}`, role: 'param' });
    const g = m.input(t, `g${i}`);
    return { target: w, value: m.b.op('sub', w, g) };
  });
  const graph = m.b.graph('update', [], values);
  agree(graph, dataFor(graph));
});

for (const c of opCases())
  test(`${c.title}: scheduled for a GPU, forward and gradient`, () => {
    const tolerance = toleranceOf(c.graph, 2e-5);
    agree(c.graph, c.data, tolerance);
    const wanted = differentiable(c);
    const gradient = wanted.length === 0 ? undefined : gradientGraph(c.graph, wanted);
    if (gradient === undefined) return;
    const next = random(5);
    const data = gradient.inputs.map((x, i) => c.data[i] ?? randomValues(next, x.type, [-1, 1]));
    agree(gradient, data, tolerance);
  });

test.run();
