/** Every op of the registry, on every one of its examples: type, meaning, lowering, and gradients of two orders. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isFloat } from '../../../src/ir/dtype.ts';
import { GraphBuilder } from '../../../src/ir/graph/builder.ts';
import type { Graph, Op, Values } from '../../../src/ir/graph/graph.ts';
import { interpretGraph } from '../../../src/ir/graph/interpret.ts';
import { references } from '../../../src/ir/graph/reference/registry.ts';
import { graphOps } from '../../../src/ir/graph/registry.ts';
import { verifyGraph } from '../../../src/ir/graph/verify.ts';
import { gradients } from '../../../src/passes/autodiff.ts';
import { assertClose, opCases, operandsOf, random } from './cases.ts';
import { runLowered } from './lowered.ts';

const cases = opCases();

test('every op has a reference with examples, except input', () => {
  const hasExamples = (op: Op): boolean => (references.get(op)?.examples.length ?? 0) > 0;
  const without = [...graphOps.values()].filter((op) => !hasExamples(op));
  assert.equal(
    without.map((op) => op.name),
    ['input'],
  );
});

test('every op says what it lowers to, in the way its kind asks for', () => {
  for (const op of graphOps.values()) {
    // what a loop does is in its body
    if (op.name === 'input' || op.kind === 'loop') continue;
    const way = {
      leaf: op.lower,
      map: op.lower,
      view: op.lower,
      reduce: op.lower,
      gather: op.lower,
      contract: op.contract ?? op.attend,
      scatter: op.scatter,
      running: op.running,
      composite: op.decompose,
    }[op.kind];
    assert.type(way, 'function', op.name);
  }
});

for (const { title, op, graph, node, data, example } of cases) {
  test(`${title}: verifies and evaluates`, () => {
    verifyGraph(graph);
    const [out] = interpretGraph(graph, data).outputs;
    assert.is(out!.length, node.type.size);
  });

  if (op.decompose !== undefined)
    test(`${title}: means its decomposition`, () => {
      const builder = new GraphBuilder();
      const inputs = example.inputs.map((t) => builder.input(t));
      const body = op.decompose!(builder, operandsOf(builder, example, inputs), node.attrs);
      assert.is(body.type, node.type);
      const whole = interpretGraph(graph, data, { exact: true }).outputs[0]!;
      const parts = interpretGraph(builder.graph('parts', [body]), data, { exact: true });
      // constants such as 1/n are held in float32
      assertClose(parts.outputs[0]!, whole, 1e-7, title);
    });
  else if (op.kind !== 'loop')
    test(`${title}: lowers to what it means`, () => {
      const [expected] = interpretGraph(graph, data).outputs;
      assertClose(runLowered(node, data), expected!, 2e-6, title);
    });

  const isSmooth = example.gradient !== false && isFloat(node.type.dtype) && op.kind !== 'leaf';
  if (isSmooth && example.inputs.some((t) => isFloat(t.dtype)))
    test(`${title}: first and second gradients agree with finite differences`, () => {
      const first = gradientGraph(graph);
      verifyGraph(first);
      const seeded = random(1);
      const withSeeds = [...data, uniform(seeded, node.type.size)];
      checkSlope(graph, first, data, withSeeds, seeded, 1e-5, 1e-7, 'first');
      const second = gradientGraph(first);
      verifyGraph(second);
      const wider = [...withSeeds, ...first.outputs.map((g) => uniform(seeded, g.type.size))];
      checkSlope(first, second, withSeeds, wider, seeded, 1e-5, 1e-6, 'second');
    });
}

const uniform = (next: () => number, size: number): Values =>
  new Float64Array(size).map(() => 2 * next() - 1);

/** Inputs: those of `graph`, and a gradient for each output. Outputs: the gradient of each float input. */
function gradientGraph(graph: Graph): Graph {
  const builder = new GraphBuilder();
  const copies = new Map(graph.inputs.map((x) => [x, builder.input(x.type)]));
  const copy = (node: Graph['outputs'][number]): typeof node => {
    const seen = copies.get(node);
    if (seen !== undefined) return seen;
    const made = builder.emit(node.op, node.inputs.map(copy), node.attrs);
    copies.set(node, made);
    return made;
  };
  const outputs = graph.outputs.map(copy);
  const wrt = graph.inputs.filter((x) => isFloat(x.type.dtype)).map(copy);
  const dys = outputs.map((y) => builder.input(y.type));
  const found = gradients(builder, outputs, dys, wrt);
  return builder.graph(
    `${graph.name}.grad`,
    found.map((g, i) => g ?? builder.lit(0, wrt[i]!)),
  );
}

/** Compares `slope` (the gradient graph of `graph`) with central differences of `graph` along random directions. */
function checkSlope(
  graph: Graph,
  slope: Graph,
  data: readonly Values[],
  withSeeds: readonly Values[],
  next: () => number,
  step: number,
  tolerance: number,
  what: string,
): void {
  const grads = interpretGraph(slope, withSeeds, { exact: true }).outputs;
  const seeds = withSeeds.slice(data.length);
  const floats = graph.inputs.flatMap((x, i) => (isFloat(x.type.dtype) ? [i] : []));
  const objective = (at: readonly Values[]): number =>
    interpretGraph(graph, at, { exact: true }).outputs.reduce(
      (sum, y, k) => sum + inner(y, seeds[k]!),
      0,
    );
  floats.forEach((input, position) => {
    for (let trial = 0; trial < 2; trial++) {
      const direction = uniform(next, data[input]!.length);
      const moved = (by: number): readonly Values[] =>
        data.map((v, i) => (i === input ? v.map((e, k) => e + by * direction[k]!) : v));
      const difference = (objective(moved(step)) - objective(moved(-step))) / (2 * step);
      const predicted = inner(grads[position]!, direction);
      assertClose([predicted], [difference], tolerance, `${what} gradient, input ${input}`);
    }
  });
}

const inner = (a: Values, b: Values): number => a.reduce((sum, v, i) => sum + v * b[i]!, 0);

test.run();
