import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Graph } from '../../src/ir/graph/graph.ts';
import { printGraph } from '../../src/ir/graph/print.ts';
import { checkWay } from '../support/differential.ts';
import { byFrontend, gradientsBy } from '../support/on-frontend.ts';
import { exactInputs, randomGraph } from '../support/random-graph.ts';

/** Graphs that do not return the old value of what they assign: an array has one value. */
const graphs = function* (count: number): Generator<readonly [number, Graph]> {
  for (let seed = 1; seed <= count; seed++) {
    const graph = randomGraph(seed);
    if (graph.assigns.some((a) => graph.outputs.includes(a.target))) continue;
    yield [seed, graph];
  }
};

test('120 random nets: imperative is what the graph means', () => {
  for (const [seed, graph] of graphs(120)) checkWay(graph, byFrontend(false), 'imperative', seed);
});

test('250 random nets: hybridized is what the graph means', () => {
  for (const [seed, graph] of graphs(250)) checkWay(graph, byFrontend(true), 'hybridized', seed);
});

test('100 random nets: gradients are the same imperative and hybridized (1e-3 of the largest)', () => {
  for (const [seed, graph] of graphs(100)) {
    const inputs = exactInputs(graph, seed);
    const [eager, hybrid] = [gradientsBy(graph, inputs, false), gradientsBy(graph, inputs, true)];
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
