import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { device } from '../../src/index.ts';
import type { Graph } from '../../src/ir/graph/graph.ts';
import { printGraph } from '../../src/ir/graph/print.ts';
import { checkWay } from '../support/differential.ts';
import { byFrontend, gradientsBy } from '../support/on-frontend.ts';
import { exactInputs, randomGraph } from '../support/random-graph.ts';

const tested = device.default();
/** A GPU in software takes long to compile, and compiles every kernel apart; its graphs are others than the CPU's. */
const plan = {
  cpu: { first: 1, imperative: 120, hybridized: 250, gradients: 100 },
  webgpu: { first: 3001, imperative: 40, hybridized: 100, gradients: 40 },
  cuda: { first: 5001, imperative: 20, hybridized: 40, gradients: 16 },
}[tested.kind];

/** Graphs that do not return the old value of what they assign: an array has one value. */
const graphs = function* (count: number): Generator<readonly [number, Graph]> {
  for (let seed = plan.first; seed < plan.first + count; seed++) {
    const graph = randomGraph(seed);
    if (graph.assigns.some((a) => graph.outputs.includes(a.target))) continue;
    yield [seed, graph];
  }
};

for (const compiled of [false, true]) {
  const how = compiled ? 'hybridized' : 'imperative';
  test(`${plan[how]} random nets: ${how} is what the graph means`, async () => {
    for (const [seed, graph] of graphs(plan[how]))
      await checkWay(graph, byFrontend(compiled, tested), how, seed);
  });
}

test(`${plan.gradients} random nets: gradients hybridized are those of the CPU imperative (1e-3 of the largest)`, async () => {
  for (const [seed, graph] of graphs(plan.gradients)) {
    const inputs = exactInputs(graph, seed);
    const eager = await gradientsBy(graph, inputs, false, device.cpu());
    const hybrid = await gradientsBy(graph, inputs, true, tested);
    eager.forEach((want, i) => {
      const scale = want.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 1);
      const off = want.findIndex(
        (w, j) => !Object.is(w, hybrid[i]![j]) && !(Math.abs(w - hybrid[i]![j]!) <= 1e-3 * scale),
      );
      assert.is(
        off,
        -1,
        `seed ${seed}, gradient ${i}, element ${off}: imperative ${want[off]}, hybridized ${hybrid[i]![off]}\n${printGraph(graph)}`,
      );
    });
  }
});

test.run();
