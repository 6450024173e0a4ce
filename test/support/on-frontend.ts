/**
 * Runs a graph through the front end: one call per node, at once or inside `hybridize`.
 *
 * Invariant: the same function of arrays is run either way, so a difference is the tracer's or the compiler's.
 */
import { assign, call, type Fragment, fragment } from '../../src/frontend/call.ts';
import { autograd, hybridize, nd } from '../../src/index.ts';
import {
  type Graph,
  type Node,
  type Op,
  topological,
  type Values,
} from '../../src/ir/graph/graph.ts';
import type { Device } from '../../src/runtime/device.ts';
import type { Results, Way } from './differential.ts';

const fragments = new Map<Op, Fragment<Node['attrs']>>();
const fragmentOf = (op: Op): Fragment<Node['attrs']> => {
  let found = fragments.get(op);
  if (found === undefined) {
    found = fragment(op.name, (builder, inputs, attrs) => builder.emit(op, inputs, attrs));
    fragments.set(op, found);
  }
  return found;
};

/** The outputs of `graph` from the arrays of its inputs; its assigns happen at the end. */
const runGraph = (graph: Graph, arrays: readonly nd.NDArray[], on: Device): nd.NDArray[] => {
  const values = new Map(graph.inputs.map((node, i) => [node, arrays[i]!]));
  for (const node of topological(graph)) {
    if (values.has(node)) continue;
    const operands = node.inputs.map((x) => values.get(x)!);
    const key = JSON.stringify(node.attrs, exactly);
    const options = { attrs: node.attrs, key, device: on };
    values.set(node, call(fragmentOf(node.op), operands, options));
  }
  const results = graph.assigns.map((a) => values.get(a.value)!);
  graph.assigns.forEach((a, i) => {
    assign(values.get(a.target)!, results[i]!);
  });
  return graph.outputs.map((node) => values.get(node)!);
};

/** JSON has no -0, infinities or NaN. */
const exactly = (_: string, value: unknown): unknown =>
  typeof value === 'number' && (Object.is(value, -0) || !Number.isFinite(value))
    ? `number ${Object.is(value, -0) ? '-0' : value}`
    : value;

const arraysFor = (graph: Graph, inputs: readonly Values[], on: Device): nd.NDArray[] =>
  graph.inputs.map((node, i) =>
    nd.array(inputs[i]!, { dtype: node.type.dtype, shape: node.type.shape, device: on }),
  );

const read = async (x: nd.NDArray): Promise<Values> =>
  Float64Array.from((await x.data()) as ArrayLike<number>);

/** By the front end, imperatively or compiled. A compiled function runs twice: the second time replays. */
export const byFrontend =
  (compiled: boolean, on: Device): Way =>
  async (graph, inputs) => {
    const fresh = (): nd.NDArray[] => arraysFor(graph, inputs, on);
    const states = fresh();
    const isState = (i: number): boolean => graph.assigns.some((a) => a.target === graph.inputs[i]);
    // States are read from outside, as parameters are; the others are arguments.
    const body = (...args: nd.NDArray[]): nd.NDArray[] =>
      runGraph(
        graph,
        args.map((x, i) => (isState(i) ? states[i]! : x)),
        on,
      );
    const fn = compiled ? hybridize(body) : body;
    if (compiled) {
      fn(...fresh());
      fresh().forEach((x, i) => {
        if (isState(i)) assign(states[i]!, x);
      });
    }
    const outputs = fn(...fresh());
    const assigned = graph.assigns.map((a) => states[graph.inputs.indexOf(a.target)]!);
    return Promise.all([...outputs, ...assigned].map(read));
  };

/** Gradients of the sum of all float outputs, and of the first input, to all float inputs. */
export const gradientsBy = (
  graph: Graph,
  inputs: readonly Values[],
  compiled: boolean,
  on: Device,
): Promise<Results> => {
  const body = (...args: nd.NDArray[]): nd.NDArray[] =>
    runGraph({ ...graph, assigns: [] }, args, on);
  const fn = compiled ? hybridize(body) : body;
  const arrays = arraysFor(graph, inputs, on);
  const floats = arrays.filter((x) => x.dtype === 'float32');
  for (const x of floats) x.attachGrad();
  const total = autograd.record(() =>
    fn(...arrays)
      .filter((y) => y.dtype === 'float32')
      .map((y) => y.sum())
      .reduce((a, b) => a.add(b), floats[0]!.sum()),
  );
  total.backward();
  return Promise.all(floats.map((x) => read(x.grad!)));
};
