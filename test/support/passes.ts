/**
 * How passes are tested: text in, text out, and the same values before and after on random data.
 *
 * Invariant: cases depend on their seed alone.
 */
import * as assert from 'uvu/assert';
import { isFloat } from '../../src/ir/dtype.ts';
import type { Graph, Values } from '../../src/ir/graph/graph.ts';
import { interpretGraph } from '../../src/ir/graph/interpret.ts';
import { parseGraph } from '../../src/ir/graph/parse.ts';
import { printGraph } from '../../src/ir/graph/print.ts';
import { verifyGraph } from '../../src/ir/graph/verify.ts';
import type { GraphPass } from '../../src/passes/pass.ts';
import { goldenText } from './golden.ts';
import { random } from './random.ts';

/** Random inputs of a graph: floats in [-2, 2), integers in [0, 4), bools. */
export const randomInputs = (graph: Graph, seed: number): Values[] => {
  const { next } = random(seed);
  return graph.inputs.map(({ type }) =>
    new Float64Array(type.size).map(() => {
      if (type.dtype === 'bool') return next() < 0.5 ? 0 : 1;
      return isFloat(type.dtype) ? Math.fround(next() * 4 - 2) : Math.floor(next() * 4);
    }),
  );
};

export const assertClose = (
  actual: Values,
  expected: Values,
  tolerance: number,
  what: string,
): void => {
  assert.is(actual.length, expected.length, what);
  expected.forEach((want, i) => {
    const got = actual[i]!;
    const near = Math.abs(got - want) <= tolerance * Math.max(1, Math.abs(want));
    assert.ok(Object.is(got, want) || got === want || near, `${what}[${i}]: ${got} ≠ ${want}`);
  });
};

/** Both graphs compute the same (relative tolerance 1e-5: one rounding more or less per step), on three seeds. */
export const assertSameMeaning = (before: Graph, after: Graph, tolerance = 1e-5): void => {
  verifyGraph(after);
  assert.equal(
    after.inputs.map((x) => [x.type, x.attrs]),
    before.inputs.map((x) => [x.type, x.attrs]),
  );
  for (const seed of [1, 2, 3]) {
    const inputs = randomInputs(before, seed);
    const want = interpretGraph(before, inputs);
    const got = interpretGraph(after, inputs);
    want.outputs.forEach((w, i) => {
      assertClose(got.outputs[i]!, w, tolerance, `output ${i}`);
    });
    const states = finalStates(after, inputs, got.assigns);
    finalStates(before, inputs, want.assigns).forEach((w, i) => {
      assertClose(states[i]!, w, tolerance, `input ${i} afterwards`);
    });
  }
};

/** What the inputs hold after a run. */
const finalStates = (
  graph: Graph,
  inputs: readonly Values[],
  assigned: readonly Values[],
): Values[] => {
  const states = inputs.slice();
  graph.assigns.forEach(({ target }, i) => {
    states[graph.inputs.indexOf(target)] = assigned[i]!;
  });
  return states;
};

/** Runs a pass, checks that it keeps the graph's meaning; gives the result and its notes. */
export const runPass = (
  pass: GraphPass,
  graph: Graph,
  tolerance?: number,
): { readonly graph: Graph; readonly notes: readonly string[] } => {
  const notes: string[] = [];
  const after = pass.run(graph, { note: (text) => notes.push(text) });
  assertSameMeaning(graph, after, tolerance);
  return { graph: after, notes };
};

/** The pass turns the one text into the other (both written in any layout). */
export const golden = (
  pass: GraphPass,
  before: string,
  after: string,
  tolerance?: number,
): void => {
  const result = runPass(pass, parseGraph(before), tolerance).graph;
  // An update starts from an empty text.
  const expected = after.trim() === '' ? '' : printGraph(parseGraph(after));
  goldenText(printGraph(result), after, expected);
};
