/**
 * A loop in a graph: one body, run once for each step, which hands states on from step to step.
 *
 * Each node is one of the loop's results; nodes that differ in `result` alone are one loop (see {@link loopKey}), so an
 * unused result costs nothing and every node keeps one type. The body is a graph whose inputs are this step's elements
 * of the sequences, then the states, then values that are the same in every step (captures); its outputs are the new
 * states, then what the step gives. Results are the states, stacked along a new first axis of `trips + 1` (the initial
 * ones included: backward reads them there), then what the steps gave, stacked along one of `trips`.
 *
 * Invariant: the body has no assigns; with `reverse`, steps run from the last element to the first, and the initial
 * states are the last of the stack.
 */
import { showType, type TensorType, tensor } from '../../type.ts';
import { type GraphBuilder, graphKey } from '../builder.ts';
import type { Graph, Node, Op } from '../graph.ts';
import { defineOp, ruleFor } from './define.ts';
import { sliceAxis } from './slice.ts';

export type ScanAttrs = {
  readonly body: Graph;
  readonly trips: number;
  /** How many of the operands are sequences, and how many after them initial states. */
  readonly sequences: number;
  readonly states: number;
  readonly reverse: boolean;
  /** Which result: states first. */
  readonly result: number;
};

const OPERANDS = ['sequence', 'state', 'capture'] as const;

export const scan: Op<ScanAttrs> = defineOp<ScanAttrs>({
  name: 'scan',
  kind: 'loop',
  schema: {
    body: { kind: 'graph' },
    trips: { kind: 'int' },
    sequences: { kind: 'int' },
    states: { kind: 'int' },
    reverse: { kind: 'bool', default: false },
    result: { kind: 'int', default: 0 },
  },
  type: (inputs, { body, trips, sequences, states, result }) => {
    const roleOf = (i: number): 0 | 1 | 2 => (i < sequences ? 0 : i < sequences + states ? 1 : 2);
    const rule = ruleFor(
      'scan',
      inputs,
      body.inputs.map((_, i) => `${OPERANDS[roleOf(i)]}${i}`),
    );
    rule.check(trips >= 1, `trips is ${trips}`, 'a loop has at least one step', 'value');
    rule.check(
      sequences >= 0 && states >= 0 && sequences + states <= inputs.length,
      `${sequences} sequences and ${states} states`,
      'operands are sequences, states and captures, in this order',
      'value',
    );
    rule.check(
      body.assigns.length === 0,
      'the body assigns',
      'what changes from step to step is a state',
      'value',
    );
    body.inputs.forEach((x, i) => {
      const given = inputs[i]!;
      const wanted = roleOf(i) === 0 ? stacked(x.type, trips) : x.type;
      rule.check(
        given === wanted,
        `operand ${i} must be ${showType(wanted)}`,
        'a sequence has one element a step along its first axis; others are what the body takes',
      );
    });
    for (let j = 0; j < states; j++)
      rule.check(
        body.outputs[j]?.type === body.inputs[sequences + j]!.type,
        `state ${j} changes its type`,
        'a state has the same shape and dtype after each step',
      );
    const given = body.outputs[result];
    if (given === undefined)
      return rule.fail(`there is no result ${result}`, 'results are the outputs of the body');
    return stacked(given.type, result < states ? trips + 1 : trips);
  },
});

const stacked = ({ dtype, shape }: TensorType, count: number): TensorType =>
  tensor(dtype, [count, ...shape]);

/** A node that is a result of a loop. */
export type ScanNode = Node<ScanAttrs>;

export const isScan = (node: Node): node is ScanNode => node.op.kind === 'loop';

/** Equal for nodes that are results of one loop. */
export const loopKey = ({ inputs, attrs }: ScanNode): string =>
  `${inputs.map((x) => x.id).join()}:${attrs.trips}:${attrs.sequences}:${attrs.states}:${attrs.reverse}:${graphKey(attrs.body)}`;

/** A loop to be made: see the head of this file for what the body's inputs and outputs are. */
export interface LoopSpec {
  readonly body: Graph;
  readonly trips: number;
  readonly reverse: boolean;
  readonly sequences: readonly Node[];
  readonly states: readonly Node[];
  readonly captures: readonly Node[];
}

/** The results of a loop, made when they are asked for. */
export interface LoopResults {
  /** State `j` before each step and after the last. */
  stack(j: number): Node;
  /** State `j` after the last step. */
  final(j: number): Node;
  /** What the steps give, number `k`. */
  output(k: number): Node;
}

/** Makes a loop; operands that its body does not use are left out. */
export const makeScan = (builder: GraphBuilder, spec: LoopSpec): LoopResults => {
  const { trips, reverse, states } = spec;
  const used = usedInputs(spec.body);
  const [m, n] = [spec.sequences.length, states.length];
  const keep = (i: number): boolean => (i >= m && i < m + n) || used.has(spec.body.inputs[i]!);
  const sequences = spec.sequences.filter((_, i) => keep(i));
  const captures = spec.captures.filter((_, i) => keep(m + n + i));
  const body: Graph = { ...spec.body, inputs: spec.body.inputs.filter((_, i) => keep(i)) };
  const operands = [...sequences, ...states, ...captures];
  const make = (result: number): Node =>
    builder.emit(scan, operands, {
      body,
      trips,
      sequences: sequences.length,
      states: n,
      reverse,
      result,
    });
  return {
    stack: make,
    final: (j) => elementAt(builder, make(j), reverse ? 0 : trips),
    output: (k) => {
      // What is a state too is in its stack.
      const j = body.outputs.indexOf(body.outputs[n + k]!);
      if (j >= n) return make(n + k);
      return sliceAxis(builder, make(j), 0, reverse ? 0 : 1, reverse ? trips : trips + 1);
    },
  };
};

const usedInputs = (body: Graph): ReadonlySet<Node> => {
  const seen = new Set<Node>();
  const stack = body.outputs.slice();
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    stack.push(...node.inputs);
  }
  return seen;
};

/** Element `at` along the first axis. */
export const elementAt = (builder: GraphBuilder, x: Node, at: number): Node =>
  builder.reshape(sliceAxis(builder, x, 0, at, at + 1), x.type.shape.slice(1));
