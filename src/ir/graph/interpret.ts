/**
 * What an L1 graph means: a slow, plain evaluation in double precision that every other way to run one is held against.
 *
 * Invariant: uses only each op's reference (or `decompose`), never its lowering, so that the two check each other.
 */
import { isFloat } from '../dtype.ts';
import { invariant, TigonError } from '../errors.ts';
import { roundTo } from '../rounding.ts';
import { showType, type TensorType } from '../type.ts';
import { GraphBuilder } from './builder.ts';
import { type Graph, type Node, topological, type Values } from './graph.ts';
import { isScan, type ScanNode } from './ops/scan.ts';
import { references } from './reference/registry.ts';

export interface InterpretOptions {
  /** Keeps floats in double precision instead of rounding each value to its dtype: for finite differences. */
  readonly exact?: boolean;
}

export interface Interpreted {
  readonly outputs: readonly Values[];
  /** New values of the assigned inputs, in the order of `graph.assigns`. */
  readonly assigns: readonly Values[];
}

/**
 * Runs `graph` on dense row-major `inputs`, one for each of `graph.inputs`: as many doubles as its shape has elements,
 * of whatever dtype (bool as 0 and 1). Results are rounded to their dtypes.
 *
 * @throws {ValueError} when the inputs do not fit the graph
 *
 * @example
 * const graph = ir.parseGraph('graph (%x: f32[2]) { %a = mul %x, %x  return %a }');
 * ir.interpretGraph(graph, [Float64Array.of(2, 3)]).outputs[0];   // [4, 9]
 */
export const interpretGraph = (
  graph: Graph,
  inputs: readonly Values[],
  options: InterpretOptions = {},
): Interpreted => {
  if (inputs.length !== graph.inputs.length)
    throw new TigonError(
      'value',
      `graph ${graph.name}: takes ${graph.inputs.length} inputs, not ${inputs.length}`,
      'pass one array per input, in order',
    );
  const exact = options.exact ?? false;
  const values = new Map<Node, Values>();
  graph.inputs.forEach((node, i) => {
    const given = inputs[i]!;
    if (given.length !== node.type.size)
      throw new TigonError(
        'value',
        `graph ${graph.name}: input ${i} (${showType(node.type)}) needs ${node.type.size} values, not ${given.length}`,
        'pass the elements in row-major order',
      );
    values.set(node, rounded(given, node.type, exact));
  });
  for (const node of topological(graph)) {
    if (values.has(node)) continue;
    const operands = node.inputs.map((x) => values.get(x)!);
    values.set(node, rounded(evaluateNode(node, operands, options), node.type, exact));
  }
  return {
    outputs: graph.outputs.map((node) => values.get(node)!),
    assigns: graph.assigns.map(({ value }) => values.get(value)!),
  };
};

/** The value of one node from the values of its operands. */
const evaluateNode = (
  node: Node,
  operands: readonly Values[],
  options: InterpretOptions,
): Values => {
  const { op, attrs } = node;
  if (isScan(node)) return runLoop(node, operands, options);
  const reference = references.get(op);
  if (reference?.evaluate !== undefined) return reference.evaluate(operands, node);
  invariant(op.decompose !== undefined, `op ${op.name} has neither a reference nor decompose`);
  const builder = new GraphBuilder();
  const inputs = node.inputs.map((x) => builder.input(x.type));
  const body = builder.graph(op.name, [op.decompose(builder, inputs, attrs)]);
  return interpretGraph(body, operands, options).outputs[0]!;
};

/** One result of a loop: its body, step by step. */
const runLoop = (
  { inputs, attrs }: ScanNode,
  operands: readonly Values[],
  options: InterpretOptions,
): Values => {
  const { body, trips, sequences, states, reverse, result } = attrs;
  let current = operands.slice(sequences, sequences + states);
  const captures = operands.slice(sequences + states);
  const size = body.outputs[result]!.type.size;
  const isState = result < states;
  const out = new Float64Array(size * (isState ? trips + 1 : trips));
  if (isState) out.set(current[result]!, reverse ? trips * size : 0);
  for (let i = 0; i < trips; i++) {
    const t = reverse ? trips - 1 - i : i;
    const slices = operands.slice(0, sequences).map((x, s) => {
      const part = inputs[s]!.type.size / trips;
      return x.slice(t * part, (t + 1) * part);
    });
    const { outputs } = interpretGraph(body, [...slices, ...current, ...captures], options);
    current = outputs.slice(0, states);
    out.set(outputs[result]!, (isState && !reverse ? t + 1 : t) * size);
  }
  return out;
};

const rounded = (values: Values, { dtype }: TensorType, exact: boolean): Values =>
  exact && isFloat(dtype) ? values : values.map((v) => roundTo(dtype, v));
