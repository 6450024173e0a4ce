/** Matrix functions in double precision: the equations that factors solve, and gradients of two orders by differences. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { DType } from '../../../src/ir/dtype.ts';
import { GraphBuilder } from '../../../src/ir/graph/builder.ts';
import type { Graph, Node, Values } from '../../../src/ir/graph/graph.ts';
import { interpretGraph } from '../../../src/ir/graph/interpret.ts';
import { cholesky } from '../../../src/ir/graph/ops/linalg/cholesky.ts';
import {
  identity,
  product,
  scaleColumns,
  transposed,
} from '../../../src/ir/graph/ops/linalg/define.ts';
import { eigh } from '../../../src/ir/graph/ops/linalg/eigh.ts';
import { det, logDet, lu, rowsAt, solve } from '../../../src/ir/graph/ops/linalg/lu.ts';
import { qr } from '../../../src/ir/graph/ops/linalg/qr.ts';
import { pinv, svd } from '../../../src/ir/graph/ops/linalg/svd.ts';
import { triangularSolve } from '../../../src/ir/graph/ops/linalg/triangular.ts';
import { tensor } from '../../../src/ir/type.ts';
import { gradients } from '../../../src/passes/autodiff.ts';
import { bringEveryFamily } from '../../../src/passes/every-family.ts';
import { CpuDevice } from '../../../src/runtime/cpu/device.ts';
import { byDevice } from '../../support/on-device.ts';
import { random } from './cases.ts';

bringEveryFamily();

type Build = (b: GraphBuilder, x: Node) => readonly Node[];

const graphOf = (shape: readonly number[], build: Build, dtype: DType = 'float32'): Graph => {
  const b = new GraphBuilder();
  const x = b.input(tensor(dtype, shape));
  return b.graph('f', build(b, x));
};

const valuesOf = (size: number, seed: number): Values => {
  const next = random(seed);
  return new Float64Array(size).map(() => 2 * next() - 1);
};

const run = (graph: Graph, inputs: readonly Values[]): readonly Values[] =>
  interpretGraph(graph, inputs, { exact: true }).outputs;

const cpu = new CpuDevice({ threads: 1 });
const onCpu = byDevice(cpu);

const furthest = (x: Values): number => x.reduce((most, v) => Math.max(most, Math.abs(v)), 0);

/** Symmetric and positive definite. */
const definite = (b: GraphBuilder, x: Node): Node =>
  b.op('add', product(b, x, x, { right: 'transposed' }), identity(b, x));
const symmetric = (b: GraphBuilder, x: Node): Node => b.op('add', x, transposed(b, x));
const minus = (b: GraphBuilder, x: Node, y: Node): Node => b.op('sub', x, y);
const inner = (b: GraphBuilder, x: Node): Node => product(b, x, x, { left: 'transposed' });
const ones = (b: GraphBuilder, x: Node): Node => minus(b, x, identity(b, x));

/** What must be zero, for random matrices of a shape. */
const EQUATIONS: Record<string, readonly [readonly (readonly number[])[], Build]> = {
  'cholesky: l lᵀ = a': [
    [
      [1, 1],
      [2, 5, 5],
      [9, 9],
    ],
    (b, x) => {
      const l = b.emit(cholesky, [definite(b, x)], {});
      return [minus(b, product(b, l, l, { right: 'transposed' }), definite(b, x))];
    },
  ],
  'lu: a[order] = l u': [
    [
      [1, 1],
      [2, 5, 5],
      [8, 8],
    ],
    (b, x) => {
      const [f, order] = [0, 1].map((result) => b.emit(lu, [x], { result })) as [Node, Node];
      const rows = rowsAt(b, x, order);
      const attrs = { transposed: false, unit: false, upper: true };
      const solved = b.emit(
        triangularSolve,
        [f, b.emit(solve, [x, x], { transposed: false })],
        attrs,
      );
      const back = b.emit(triangularSolve, [f, rows], { ...attrs, upper: false, unit: true });
      return [
        minus(b, solved, b.emit(triangularSolve, [f, identity(b, x)], attrs)),
        minus(b, b.emit(triangularSolve, [f, back], attrs), identity(b, x)),
      ];
    },
  ],
  'qr: q r = a, qᵀ q = 1': [
    [
      [3, 1],
      [2, 5, 4],
      [6, 6],
    ],
    (b, x) => {
      const [q, r] = [0, 1].map((result) => b.emit(qr, [x], { result, complete: false })) as [
        Node,
        Node,
      ];
      return [minus(b, product(b, q, r), x), ones(b, inner(b, q))];
    },
  ],
  'qr, complete': [
    [
      [5, 2],
      [2, 4, 3],
    ],
    (b, x) => {
      const [q, r] = [0, 1].map((result) => b.emit(qr, [x], { result, complete: true })) as [
        Node,
        Node,
      ];
      return [minus(b, product(b, q, r), x), ones(b, inner(b, q))];
    },
  ],
  'eigh: v diag(w) vᵀ = a': [
    [
      [1, 1],
      [2, 2],
      [2, 5, 5],
      [8, 8],
    ],
    (b, x) => {
      const [w, v] = [0, 1].map((result) => b.emit(eigh, [symmetric(b, x)], { result })) as [
        Node,
        Node,
      ];
      const back = product(b, scaleColumns(b, v, w), v, { right: 'transposed' });
      return [minus(b, back, symmetric(b, x)), ones(b, inner(b, v))];
    },
  ],
  'svd: u diag(s) vᵀ = a': [
    [
      [1, 1],
      [4, 1],
      [2, 5, 5],
      [7, 4],
    ],
    (b, x) => {
      const [s, u, v] = [0, 1, 2].map((result) => b.emit(svd, [x], { result })) as [
        Node,
        Node,
        Node,
      ];
      const back = product(b, scaleColumns(b, u, s), v, { right: 'transposed' });
      return [minus(b, back, x), ones(b, inner(b, u)), ones(b, inner(b, v))];
    },
  ],
};

for (const [name, [shapes, build]] of Object.entries(EQUATIONS))
  for (const shape of shapes)
    test(`${name}, [${shape.join(', ')}]: by the interpreter, on the CPU`, async () => {
      const graph = graphOf(shape, build, 'float64');
      const x = valuesOf(graph.inputs[0]!.type.size, 5);
      for (const results of [run(graph, [x]), await onCpu(graph, [x])])
        for (const [i, o] of results.entries())
          assert.ok(furthest(o) < 1e-12, `${i}: off by ${furthest(o)}`);
    });

/** Functions of a matrix whose gradients are checked. */
const FUNCTIONS: Record<string, readonly [readonly number[], Build]> = {
  cholesky: [[4, 4], (b, x) => [b.emit(cholesky, [definite(b, x)], {})]],
  triangularSolve: [
    [4, 4],
    (b, x) => [
      b.emit(triangularSolve, [definite(b, x), x], {
        upper: false,
        transposed: false,
        unit: false,
      }),
      b.emit(triangularSolve, [definite(b, x), x], { upper: true, transposed: true, unit: true }),
    ],
  ],
  lu: [[4, 4], (b, x) => [b.emit(lu, [x], { result: 0 })]],
  solve: [
    [2, 3, 3],
    (b, x) => [
      b.emit(solve, [definite(b, x), x], { transposed: false }),
      b.emit(solve, [b.op('add', definite(b, x), x), x], { transposed: true }),
    ],
  ],
  det: [[4, 4], (b, x) => [b.emit(det, [x], {})]],
  logDet: [[4, 4], (b, x) => [b.emit(logDet, [x], {})]],
  qr: [[5, 3], (b, x) => [0, 1].map((result) => b.emit(qr, [x], { result, complete: false }))],
  eigh: [[4, 4], (b, x) => [0, 1].map((result) => b.emit(eigh, [symmetric(b, x)], { result }))],
  svd: [[5, 3], (b, x) => [0, 1, 2].map((result) => b.emit(svd, [x], { result }))],
  pinv: [[5, 3], (b, x) => [b.emit(pinv, [x], { rcond: 1e-6 })]],
};

const slopeOf = (graph: Graph): Graph => {
  const b = new GraphBuilder();
  const inputs = graph.inputs.map((x) => b.input(x.type));
  const made = new Map<Node, Node>(graph.inputs.map((x, i) => [x, inputs[i]!]));
  const copy = (x: Node): Node => {
    let known = made.get(x);
    if (known === undefined) {
      known = b.emit(x.op, x.inputs.map(copy), x.attrs);
      made.set(x, known);
    }
    return known;
  };
  const outputs = graph.outputs.map(copy);
  const dys = outputs.map((y) => b.input(y.type));
  const found = gradients(b, outputs, dys, inputs);
  return b.graph(
    'slope',
    found.map((g, i) => g ?? b.lit(0, inputs[i]!)),
  );
};

/** Differences of `graph` along a direction of its first input, against its slope there. */
const check = (graph: Graph, slope: Graph, inputs: readonly Values[], tolerance: number): void => {
  const seeds = slope.inputs
    .slice(graph.inputs.length)
    .map((x, i) => valuesOf(x.type.size, 20 + i));
  const direction = valuesOf(inputs[0]!.length, 9);
  const value = (by: number): number => {
    const moved = inputs.with(
      0,
      inputs[0]!.map((v, i) => v + by * direction[i]!),
    );
    return run(graph, moved).reduce(
      (sum, y, k) => sum + y.reduce((s, v, i) => s + v * seeds[k]![i]!, 0),
      0,
    );
  };
  const step = 1e-4;
  const numeric = (value(step) - value(-step)) / (2 * step);
  const [grad] = run(slope, [...inputs, ...seeds]);
  const exact = grad!.reduce((s, v, i) => s + v * direction[i]!, 0);
  const size = Math.max(1, Math.abs(numeric));
  assert.ok(Math.abs(numeric - exact) < tolerance * size, `${numeric} by differences, ${exact}`);
};

for (const [name, [shape, build]] of Object.entries(FUNCTIONS))
  test(`gradients of ${name}, first and second`, () => {
    const graph = graphOf(shape, build);
    const x = valuesOf(graph.inputs[0]!.type.size, 3);
    const first = slopeOf(graph);
    check(graph, first, [x], 1e-5);
    const seeds = first.inputs.slice(1).map((t, i) => valuesOf(t.type.size, 40 + i));
    check(first, slopeOf(first), [x, ...seeds], 1e-4);
  });

test.after(() => cpu.dispose());
test.run();
