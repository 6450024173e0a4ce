/**
 * Functions with a gradient of their own in a trace whose gradient is derived from its graph: what flows back is traced
 * at once, as a graph that hangs on the value.
 *
 * Invariant: several results are one value, so that what flows back is computed once, from the gradients of all of them.
 */
import { isFloat, promote } from '../ir/dtype.ts';
import { GraphBuilder } from '../ir/graph/builder.ts';
import type { Node } from '../ir/graph/graph.ts';
import { ownGradient } from '../ir/graph/ops/own-gradient.ts';
import { tensor } from '../ir/type.ts';
import { isAdditive } from '../passes/additive.ts';
import { type BodyTrace, traceBody } from './body-trace.ts';
import { callGraph } from './call.ts';
import { callableOf } from './callable.ts';
import { failure } from './callsite.ts';
import { withMode } from './mode.ts';
import { concat, split } from './nd/concat.ts';
import { filled } from './nd/filled.ts';
import { astype } from './nd/math.ts';
import { reshape } from './nd/shape.ts';
import type { NDArray } from './ndarray.ts';

/** From gradients of all results to those of all arguments. */
export type Pull = (dys: readonly NDArray[]) => readonly (NDArray | undefined)[];

/** The results again, with `pull` as the way back from them to the arguments. */
export const withOwnGradient = (
  name: string,
  results: readonly NDArray[],
  inputs: readonly NDArray[],
  pull: Pull,
): NDArray[] => {
  const floats = results.filter((y) => isFloat(y.dtype));
  const [only, another] = floats;
  if (only === undefined) return [...results];
  const dtype = floats.map((y) => y.dtype).reduce(promote);
  const join = (ys: readonly NDArray[]): NDArray =>
    another === undefined ? ys[0]! : concat(ys.map((y) => astype(reshape(y, [y.size]), dtype)));
  /** What stands for the results in what was joined. */
  const apart = (joined: NDArray): NDArray[] => {
    if (another === undefined) return [joined];
    let end = 0;
    const ends = floats.map((y) => (end += y.size));
    const parts = split(joined, ends.slice(0, -1));
    return floats.map((y, i) => astype(reshape(parts[i]!, y.shape), y.dtype));
  };
  const value = withMode({ recording: false, taping: false }, () => join(floats));
  const device = value.device;
  const way = (): WayBack =>
    traceBody(`${name}.backward`, (trace) => {
      const dy = trace.given(tensor(dtype, value.shape), 'dy');
      const arrived = trace.nodeOf(dy);
      const parts = apart(dy);
      const dys = results.map((y) => parts[floats.indexOf(y)] ?? filled(y.type, 0, device));
      const gradients = pull(dys).map((g) => (g === undefined ? undefined : trace.nodeOf(g)));
      return { trace, arrived, gradients };
    });
  const { trace, arrived, gradients } = withMode({ recording: true, taping: false }, way);
  const { assigned, captures } = trace.ends();
  if (assigned.length > 0)
    throw failure(
      'gradient',
      `${name}.backward: assigns to an array in a hybridized function`,
      'let backward only compute, and assign in forward',
    );
  const own = trace.perSteps.map(({ input, make }) => ({
    input,
    array: reshape(make(1), input.type.shape),
  }));
  const reads = [...captures, ...own];
  const outputs = gradients.filter((g) => g !== undefined);
  const graph = trace.graph([arrived, ...reads.map((r) => r.input)], outputs);
  const gives = gradients.map((g) => (g === undefined ? -1 : outputs.indexOf(g)));
  const operands = [value, ...inputs, ...reads.map((r) => r.array)];
  const b = new GraphBuilder();
  const nodes = operands.map((x, i) => b.input(x.type, { name: `x${i}` }));
  const additive = isAdditive(graph, graph.inputs[0]!);
  const made = b.emit(ownGradient, nodes, { pull: graph, gives, additive, repeated: false });
  const callable = callableOf(b.graph(name, [made]));
  const whole = apart(callGraph(callable, operands, device)[0]!);
  return results.map((y) => whole[floats.indexOf(y)] ?? y);
};

/** What was traced, and the nodes of the gradient that arrives and of those it gives. */
interface WayBack {
  readonly trace: BodyTrace;
  readonly arrived: Node;
  readonly gradients: readonly (Node | undefined)[];
}
