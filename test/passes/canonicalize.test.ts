import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import type { Graph, Node } from '../../src/ir/graph/graph.ts';
import { concat } from '../../src/ir/graph/ops/concat.ts';
import { dot } from '../../src/ir/graph/ops/dot.ts';
import { argmax, prod, reduceMax } from '../../src/ir/graph/ops/reduce.ts';
import { pad } from '../../src/ir/graph/ops/slice.ts';
import { printGraph } from '../../src/ir/graph/print.ts';
import { tensor } from '../../src/ir/type.ts';
import { vjpGraph } from '../../src/passes/autodiff.ts';
import { canonicalize } from '../../src/passes/canonicalize.ts';
import { decomposeComposites, recognize } from '../../src/passes/recognize.ts';
import { nodeCount } from '../../src/passes/rewrite.ts';
import { lenet, mlp } from '../support/classifiers.ts';
import { golden, runPass } from '../support/passes.ts';
import { type Random, random } from '../support/random.ts';

test('a dense layer as it is traced', () => {
  golden(
    canonicalize,
    `graph (%x: f32[8, 16], %w: f32[4, 16], %b: f32[4]) {
      %wt = transpose %w {axes=[1, 0]}
      %p = dot %x, %wt {aBatch=[], bBatch=[], aContract=[1], bContract=[0]}
      %bk = reshape %b {shape=[1, 4]}
      %bs = reshape %bk {shape=[4]}
      %bb = broadcast %bs {shape=[8, 4], axes=[1]}
      %y = add %bb, %p
      return %y }`,
    `graph (%x: f32[8, 16], %w: f32[4, 16], %b: f32[4]) {
      %p = dot %x, %w {aBatch=[], bBatch=[], aContract=[1], bContract=[1]}
      %bb = broadcast %b {shape=[8, 4], axes=[1]}
      %y = add %p, %bb
      return %y }`,
  );
});

test('the gradient of a mean is one constant', () => {
  golden(
    canonicalize,
    `graph (%x: f32[8]) {
      %one = full {value=1, dtype=f32, shape=[]}
      %n = full {value=8, dtype=f32, shape=[]}
      %q = div %one, %n
      %g = broadcast %q {shape=[8], axes=[]}
      return %g }`,
    'graph (%x: f32[8]) { %g = full {value=0.125, dtype=f32, shape=[8]} return %g }',
  );
});

test('stopped gradients are kept: differentiation may come later', () => {
  const text = 'graph (%x: f32[4]) { %a = stopGradient %x %b = mul %x, %a return %b }';
  golden(canonicalize, text, text);
});

const isStable = (graph: Graph): void => {
  const again = canonicalize.run(graph, { note: () => {} });
  assert.fixture(printGraph(again), printGraph(graph));
};

test('training graphs shrink, keep their meaning and are stable', () => {
  for (const net of [mlp(4, [6, 5, 4, 3]), lenet(2, 16, [2, 3, 4])]) {
    const { graph } = vjpGraph(
      net,
      net.inputs.map((x) => x.attrs['role'] === 'param'),
    );
    const after = runPass(canonicalize, graph, 1e-4).graph;
    assert.ok(nodeCount(after) < nodeCount(graph));
    isStable(after);
    isStable(runPass(decomposeComposites, runPass(recognize, after, 1e-4).graph, 1e-4).graph);
  }
});

/** Some op on random nodes made so far, with sizes that fit. */
const grow = (b: GraphBuilder, nodes: readonly Node[], r: Random): Node => {
  const x = r.pick(nodes);
  const { shape } = x.type;
  const rank = shape.length;
  const like = nodes.filter((n) => `${n.type.shape}` === `${shape}`);
  const axes = shape.flatMap((_, i) => (r.chance(0.5) ? [i] : []));
  const constant = (): Node => b.lit(r.pick([0, 1, -1, 2, 0.5, 3]), x);
  const other = (): Node => (r.chance(0.4) ? constant() : r.pick(like));
  switch (r.int(0, 12)) {
    case 0:
      return b.op(r.pick(['neg', 'abs', 'relu', 'tanh', 'floor'] as const), x);
    case 1:
    case 2:
      return b.op(r.pick(['add', 'sub', 'mul', 'min', 'max'] as const), x, other());
    case 3:
      return b.op('mul', other(), x);
    case 4:
      return b.op('div', x, b.lit(r.pick([1, 2, 3, 4]), x));
    case 5:
      return b.op('select', b.op(r.pick(['gt', 'eq', 'ne'] as const), x, other()), x, other());
    case 6:
      return b.transpose(x, r.shuffled(shape.map((_, i) => i)));
    case 7: {
      const at = r.int(0, rank + 1);
      const size = r.pick([1, 2, 3]);
      if (x.type.size * size > 200) return b.reshape(x, [x.type.size]);
      const wide = [...shape.slice(0, at), size, ...shape.slice(at)];
      return b.broadcast(
        x,
        wide,
        shape.map((_, i) => (i < at ? i : i + 1)),
      );
    }
    case 8:
      return b.reshape(
        x,
        r.pick([
          [x.type.size],
          shape.filter((d) => d !== 1),
          [1, ...shape],
          [...shape, 1],
          [...shape].reverse(),
        ]),
      );
    case 9: {
      const step = shape.map((d) => (d > 1 && r.chance(0.3) ? -1 : 1));
      const begin = shape.map((d, i) => (step[i]! < 0 ? d - 1 : r.int(0, d)));
      const end = shape.map((d, i) => (step[i]! < 0 ? -1 : r.int(begin[i]! + 1, d + 1)));
      return b.slice(x, begin, end, step);
    }
    case 10: {
      if (axes.length === 0) return x;
      return b.emit(r.pick([prod, reduceMax]), [b.op('tanh', x)], { axes });
    }
    default: {
      if (rank === 0) return b.op('exp', b.op('tanh', x));
      if (r.chance(0.3)) return b.emit(concat, [x, r.pick(like)], { axis: r.int(0, rank) });
      if (r.chance(0.3)) {
        const amounts = (): number[] => shape.map(() => r.int(0, 2));
        const attrs = { low: amounts(), high: amounts(), interior: shape.map(() => 0), value: 0 };
        return b.emit(pad, [x], attrs);
      }
      if (r.chance(0.3) && rank === 2)
        return b.emit(dot, [b.op('tanh', x), b.op('tanh', r.pick(like))], {
          aBatch: [],
          bBatch: [],
          aContract: [r.int(0, 1)],
          bContract: [0],
        });
      return b.sum(x, axes);
    }
  }
};

test('300 random graphs keep their meaning, and their canonical form is stable', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const r = random(seed);
    const b = new GraphBuilder();
    const nodes: Node[] = [[2, 3], [3], [2, 1, 2], []].map((shape) =>
      b.input(tensor('float32', shape)),
    );
    for (let i = r.int(3, 16); i > 0; i--) nodes.push(grow(b, nodes, r));
    const bounded = nodes.slice(-3).map((x) => b.op('tanh', x));
    if (bounded[0]!.type.shape.length > 0)
      bounded.push(b.emit(argmax, [nodes.at(-3)!], { axes: [0] }));
    const graph = b.graph('main', bounded);
    try {
      isStable(runPass(canonicalize, graph, 1e-4).graph);
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}\n${printGraph(graph)}`, {
        cause: error,
      });
    }
  }
});

test.run();
