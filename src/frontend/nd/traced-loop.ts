/**
 * A loop in a trace: its body is traced once, apart, and the whole is one call of a graph with a loop in it.
 *
 * Invariant: how long the loop is changes neither the number of kernels nor the time to compile it.
 */
import { GraphBuilder } from '../../ir/graph/builder.ts';
import { type TensorType, tensor } from '../../ir/type.ts';
import { type BodyTrace, traceBody } from '../body-trace.ts';
import { assign, callGraph } from '../call.ts';
import { callableOf } from '../callable.ts';
import { makeLoop } from '../loop.ts';
import type { NDArray } from '../ndarray.ts';

const elementType = ({ dtype, shape }: TensorType): TensorType => tensor(dtype, shape.slice(1));

export interface StepResult {
  readonly outputs: readonly NDArray[];
  readonly states: readonly NDArray[];
  readonly rebuild: (outputs: readonly NDArray[]) => unknown;
}

/** One loop in the present trace: its body is traced once, apart, and the whole is one call. */
export const tracedLoop = (
  name: string,
  data: readonly NDArray[],
  initial: readonly NDArray[],
  trips: number,
  body: (elements: readonly NDArray[], states: readonly NDArray[], trace: BodyTrace) => StepResult,
): { readonly outputs: unknown; readonly states: readonly NDArray[] } => {
  const { trace, elements, states, result, outs, next } = traceBody(name, (t) => {
    const given = data.map((x, i) => t.given(elementType(x.type), `x${i}`));
    const now = initial.map((x, i) => t.given(x.type, `s${i}`));
    // The body may assign to what it is given: the inputs are what they stand for now.
    const [elementNodes, stateNodes] = [given.map((x) => t.nodeOf(x)), now.map((x) => t.nodeOf(x))];
    const done = body(given, now, t);
    return {
      trace: t,
      elements: elementNodes,
      states: stateNodes,
      result: done,
      outs: done.outputs.map((y) => t.nodeOf(y)),
      next: done.states.map((y) => t.nodeOf(y)),
    };
  });
  const { assigned, captures } = trace.ends();
  const perSteps = trace.perSteps.map(({ make }) => make(trips));
  const sequences = [...data, ...perSteps];
  const starts = [...initial, ...assigned.map((a) => a.array)];
  const operands = [...sequences, ...starts, ...captures.map((c) => c.array)];
  const graph = trace.graph(
    [
      ...elements,
      ...trace.perSteps.map((p) => p.input),
      ...states,
      ...assigned.map((a) => a.input),
      ...captures.map((c) => c.input),
    ],
    [...next, ...assigned.map((a) => a.value), ...outs],
  );
  const b = new GraphBuilder();
  const inputs = operands.map((x, i) => b.input(x.type, { name: `x${i}` }));
  const [m, n] = [sequences.length, starts.length];
  const made = makeLoop(b, {
    body: graph,
    trips,
    reverse: false,
    sequences: inputs.slice(0, m),
    states: inputs.slice(m, m + n),
    captures: inputs.slice(m + n),
  });
  const roots = [...starts.map((_, j) => made.final(j)), ...outs.map((_, k) => made.output(k))];
  const results = callGraph(callableOf(b.graph(name, roots)), operands, trace.device);
  assigned.forEach(({ target }, i) => {
    assign(target, results[initial.length + i]!);
  });
  return {
    outputs: result.rebuild(results.slice(n)),
    states: results.slice(0, initial.length),
  };
};
