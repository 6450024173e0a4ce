/**
 * The gradient of a loop: a loop that runs the other way, whose body is the vector-Jacobian product of the body.
 *
 * It reads the states before each step where the forward loop left them, and computes the rest of the step again; what
 * flows back through a state is its own state. Gradients of captures are what the steps gave, summed.
 * Invariant: what the body computes from values that are not floats is repeated, never differentiated.
 */
import { isFloat } from '../ir/dtype.ts';
import { GraphBuilder } from '../ir/graph/builder.ts';
import type { Graph, Node } from '../ir/graph/graph.ts';
import {
  elementAt,
  type LoopResults,
  makeScan,
  type ScanNode,
  scan,
} from '../ir/graph/ops/scan.ts';
import { type PadAttrs, sliceAxis } from '../ir/graph/ops/slice.ts';
import { copyInto } from './rewrite.ts';

type Gradients = (
  builder: GraphBuilder,
  outputs: readonly Node[],
  dys: readonly Node[],
  wrt: readonly Node[],
) => (Node | null)[];

/** What flows back into the stack of a state. */
interface StateGradient {
  /** To the state after each step, stacked. */
  readonly each: Node | undefined;
  /** To the state after the last step alone. */
  readonly final: Node | undefined;
  /** To the initial state. */
  readonly first: Node | undefined;
}

/**
 * Gradients of a loop's operands (`null`: none) from those of its results: `members` are nodes of one loop, `dys` theirs.
 * `wanted[i]`: that of operand `i` is asked for. `gradients` differentiates the body.
 */
export const scanGradients = (
  builder: GraphBuilder,
  members: readonly ScanNode[],
  dys: readonly Node[],
  wanted: readonly boolean[],
  gradients: Gradients,
): readonly (Node | null)[] => {
  const { inputs, attrs } = members[0]!;
  const { body, trips, sequences: m, states: n, reverse } = attrs;
  const given = new Map(members.map((node, i) => [node.attrs.result, dys[i]!]));
  const incoming = Array.from({ length: n }, (_, j) =>
    stateGradient(builder, given.get(j), trips, reverse),
  );
  const active = activeStates(body, m, n, wanted);
  const flowing = [...active];

  // The body of the loop back.
  const inner = new GraphBuilder();
  const made = copyInto(body, inner);
  const outputs = body.outputs.map((x) => made.get(x)!);
  const sequences = inputs.slice(0, m);
  const sequenceInputs = inner.inputs.slice(0, m);
  const stateInputs = inner.inputs.slice(m, m + n);
  const captureInputs = inner.inputs.slice(m + n);
  const before = stateInputs.map((_, j) => {
    const stack = builder.emit(scan, inputs, { ...attrs, result: j });
    return reverse
      ? sliceAxis(builder, stack, 0, 1, trips + 1)
      : sliceAxis(builder, stack, 0, 0, trips);
  });
  const extra: { readonly input: Node; readonly sequence: Node }[] = [];
  const sequence = (of: Node, name: string, from: Node): Node => {
    const input = inner.input(of.type, { name });
    extra.push({ input, sequence: from });
    return input;
  };
  const seeds: Node[] = [];
  const seedsOf: Node[] = [];
  const carried = flowing.map((j) => inner.input(stateInputs[j]!.type, { name: `ds${j}` }));
  flowing.forEach((j, i) => {
    const { each } = incoming[j]!;
    const state = outputs[j]!;
    const extraPart = each && sequence(state, `dy${j}`, each);
    seedsOf.push(state);
    seeds.push(extraPart === undefined ? carried[i]! : inner.op('add', carried[i]!, extraPart));
  });
  for (const [result, dy] of given)
    if (result >= n) {
      seedsOf.push(outputs[result]!);
      seeds.push(sequence(outputs[result]!, `dy${result}`, dy));
    }
  const asked = [
    ...flowing.map((j) => stateInputs[j]!),
    ...[...sequenceInputs.keys()].filter((i) => wanted[i]).map((i) => sequenceInputs[i]!),
    ...[...captureInputs.keys()].filter((c) => wanted[m + n + c]).map((c) => captureInputs[c]!),
  ];
  const found = gradients(inner, seedsOf, seeds, asked);
  const flows = flowing.map((j, i) => found[i] ?? inner.lit(0, stateInputs[j]!));
  const given2 = found.slice(flowing.length);
  const results = given2.filter((g) => g !== null);
  const bodyBack: Graph = {
    name: `${body.name}.backward`,
    inputs: [
      ...sequenceInputs,
      ...stateInputs,
      ...extra.map((e) => e.input),
      ...carried,
      ...captureInputs,
    ],
    outputs: [...flows, ...results],
    assigns: [],
  };
  const back: LoopResults = makeScan(builder, {
    body: bodyBack,
    trips,
    reverse: !reverse,
    sequences: [...sequences, ...before, ...extra.map((e) => e.sequence)],
    states: flowing.map((j) => incoming[j]!.final ?? builder.lit(0, inputs[m + j]!)),
    captures: inputs.slice(m + n),
  });

  let next = 0;
  const outputOf = (position: number): Node | null =>
    given2[position] === null ? null : back.output(next++);
  const gradientsOf: (Node | null)[] = inputs.map(() => null);
  let position = 0;
  for (let i = 0; i < m; i++) if (wanted[i]) gradientsOf[i] = outputOf(position++);
  for (let c = m + n; c < inputs.length; c++) {
    if (!wanted[c]) continue;
    const stacked = outputOf(position++);
    gradientsOf[c] = stacked && builder.sum(stacked, [0]);
  }
  for (let j = 0; j < n; j++) {
    if (!wanted[m + j]) continue;
    const at = flowing.indexOf(j);
    const through = at < 0 ? undefined : back.final(at);
    gradientsOf[m + j] = sumOf(builder, through, incoming[j]!.first) ?? null;
  }
  return gradientsOf;
};

const sumOf = (
  builder: GraphBuilder,
  a: Node | undefined,
  b: Node | undefined,
): Node | undefined => (a === undefined ? b : b === undefined ? a : builder.op('add', a, b));

/** Float states that depend on what gradients are asked for, in some step. */
const activeStates = (
  body: Graph,
  m: number,
  n: number,
  wanted: readonly boolean[],
): readonly number[] => {
  const active = new Set<Node>(body.inputs.filter((x, i) => wanted[i] && isFloat(x.type.dtype)));
  const states = Array.from({ length: n }, (_, j) => j).filter((j) =>
    isFloat(body.outputs[j]!.type.dtype),
  );
  for (let again = true; again; ) {
    again = false;
    for (const j of states) {
      const input = body.inputs[m + j]!;
      if (active.has(input) || !dependsOn(body.outputs[j]!, active)) continue;
      active.add(input);
      again = true;
    }
  }
  return states.filter((j) => active.has(body.inputs[m + j]!));
};

/** Whether a path of floats leads from one of `sources` to `node`. */
const dependsOn = (node: Node, sources: ReadonlySet<Node>): boolean => {
  const seen = new Set<Node>();
  const stack = [node];
  for (let x = stack.pop(); x !== undefined; x = stack.pop()) {
    if (seen.has(x) || !isFloat(x.type.dtype)) continue;
    if (sources.has(x)) return true;
    seen.add(x);
    stack.push(...x.inputs);
  }
  return false;
};

/**
 * Takes the gradient of a stack apart: what its slices gave stands in it as sums of padded parts, which need not be
 * written out as a stack of mostly zeros.
 */
const stateGradient = (
  builder: GraphBuilder,
  dy: Node | undefined,
  trips: number,
  reverse: boolean,
): StateGradient => {
  let each: Node | undefined;
  let final: Node | undefined;
  let first: Node | undefined;
  const [initialAt, finalAt, eachAt] = reverse ? [trips, 0, 0] : [0, trips, 1];
  const take = (part: Node): void => {
    if (part.op.name === 'add') {
      part.inputs.forEach(take);
      return;
    }
    const at = placeOf(part);
    const x = part.inputs[0];
    if (at === undefined || x === undefined) {
      each = sumOf(builder, each, sliceAxis(builder, part, 0, eachAt, eachAt + trips));
      first = sumOf(builder, first, elementAt(builder, part, initialAt));
      return;
    }
    const count = x.type.shape[0]!;
    if (at === eachAt && count === trips && trips > 1) each = sumOf(builder, each, x);
    else if (count === 1 && (at === finalAt || at === initialAt)) {
      const element = builder.reshape(x, x.type.shape.slice(1));
      if (at === finalAt) final = sumOf(builder, final, element);
      else first = sumOf(builder, first, element);
    } else {
      each = sumOf(builder, each, sliceAxis(builder, part, 0, eachAt, eachAt + trips));
      first = sumOf(builder, first, elementAt(builder, part, initialAt));
    }
  };
  if (dy !== undefined) take(dy);
  return { each, final, first };
};

/** Where along its first axis a part stands that zeros surround along this axis alone. */
const placeOf = (node: Node): number | undefined => {
  if (node.op.name !== 'pad') return undefined;
  const { low, high, interior, value } = node.attrs as PadAttrs;
  const alone = low.every((l, i) => i === 0 || (l === 0 && high[i] === 0 && interior[i] === 0));
  return alone && interior[0] === 0 && value === 0 ? low[0] : undefined;
};
