/**
 * The gradient of a loop: a loop that runs the other way, whose body is the vector-Jacobian product of the body.
 *
 * It reads the states before each step where the forward loop left them, and what products gave, which the forward loop
 * gives for its sake; the rest of the step is computed again. What flows back through a state is its own state. Gradients
 * of captures are sums over the steps, made behind the loop where they are products: one product of everything at once
 * instead of one a step.
 * Invariant: what the body computes from values that are not floats is repeated, never differentiated.
 */
import { isFloat } from '../ir/dtype.ts';
import { GraphBuilder } from '../ir/graph/builder.ts';
import type { Graph, Node } from '../ir/graph/graph.ts';
import { type DotAttrs, dot } from '../ir/graph/ops/dot.ts';
import {
  elementAt,
  type LoopResults,
  type LoopSpec,
  makeScan,
  type ScanNode,
  scan,
} from '../ir/graph/ops/scan.ts';
import { type PadAttrs, sliceAxis } from '../ir/graph/ops/slice.ts';
import { joinLoops } from './loop-joins.ts';
import { givenValues, keptProducts } from './loop-kept.ts';
import { liftProducts } from './loop-products.ts';
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
 * Gradients of a loop's operands (`null`: none) from those of its results: `members` are nodes of one course, `dys` theirs.
 * `wanted[i]`: that of operand `i` is asked for. `gradients` differentiates the body.
 */
export const scanGradients = (
  builder: GraphBuilder,
  members: readonly ScanNode[],
  dys: readonly Node[],
  wanted: readonly boolean[],
  gradients: Gradients,
): readonly (Node | null)[] => {
  const { body, resultOf } = joinLoops(members);
  const { inputs } = members[0]!;
  const attrs = { ...members[0]!.attrs, body };
  const { trips, sequences: m, states: n, reverse } = attrs;
  const given = new Map<number, Node>();
  members.forEach((node, i) => {
    const result = resultOf(node);
    given.set(result, sumOf(builder, given.get(result), dys[i]!)!);
  });
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
  const steps = new Steps(builder, trips);
  sequenceInputs.forEach((x, i) => {
    steps.known.set(x, sequences[i]!);
  });
  stateInputs.forEach((x, j) => {
    steps.known.set(x, before[j]!);
  });
  for (const { input, sequence: from } of extra) steps.known.set(input, from);
  let position = flowing.length;
  const later = inputs.map((_, i): Later | null => {
    if (!wanted[i] || (i >= m && i < m + n)) return null;
    const gradient = found[position++];
    if (gradient == null) return null;
    return i < m ? steps.stack(gradient) : steps.sum(gradient);
  });
  const known = [...sequenceInputs, ...stateInputs, ...extra.map((e) => e.input)];
  const results = [...flows, ...steps.outputs];
  const kept = keptProducts(body, inputs.length - m - n, made, results);
  const fresh = kept.filter((x) => !body.outputs.includes(x));
  const more: Graph = { ...body, outputs: [...body.outputs, ...fresh] };
  const keptSequences = kept.map((x) => {
    const result = more.outputs.indexOf(x);
    const all = builder.emit(scan, inputs, { ...attrs, body: more, result });
    if (result >= n) return all;
    return sliceAxis(builder, all, 0, reverse ? 0 : 1, reverse ? trips : trips + 1);
  });
  const bodyBack = givenValues(
    {
      name: `${body.name}.backward`,
      inputs: [...known, ...carried, ...captureInputs],
      outputs: results,
      assigns: [],
    },
    known.length,
    kept.map((x) => made.get(x)!),
    new Set(made.values()),
  );
  const spec: LoopSpec = {
    body: bodyBack,
    trips,
    reverse: !reverse,
    sequences: [...sequences, ...before, ...extra.map((e) => e.sequence), ...keptSequences],
    states: flowing.map((j) => incoming[j]!.final ?? builder.lit(0, inputs[m + j]!)),
    captures: inputs.slice(m + n),
  };
  const back = makeScan(builder, liftProducts(builder, spec));
  return inputs.map((_, i) => {
    if (i < m || i >= m + n) return later[i]?.(back) ?? null;
    if (!wanted[i]) return null;
    const at = flowing.indexOf(i - m);
    const through = at < 0 ? undefined : back.final(at);
    return sumOf(builder, through, incoming[i - m]!.first) ?? null;
  });
};

/** A value that exists when the loop back does. */
type Later = (back: LoopResults) => Node;

/**
 * Values of the steps of a loop back, as the graph around it sees them: what several of its outputs can be computed from
 * there, all steps at once, need not be an output itself.
 */
class Steps {
  /** What the body computes for the graph around it. */
  readonly outputs: Node[] = [];
  /** Values of the body that exist outside, stacked. */
  readonly known: Map<Node, Node> = new Map();
  readonly #builder: GraphBuilder;
  readonly #trips: number;

  constructor(builder: GraphBuilder, trips: number) {
    this.#builder = builder;
    this.#trips = trips;
  }

  /** The values of all steps, stacked. */
  stack(node: Node): Later {
    const b = this.#builder;
    const known = this.known.get(node);
    if (known !== undefined) return () => known;
    const [x] = node.inputs;
    if (node.op.name === 'transpose') {
      const inner = this.stack(x!);
      const axes = node.attrs['axes'] as readonly number[];
      return (back) => b.transpose(inner(back), [0, ...axes.map((a) => a + 1)]);
    }
    if (node.op.name === 'reshape') {
      const inner = this.stack(x!);
      return (back) => b.reshape(inner(back), [this.#trips, ...node.type.shape]);
    }
    const at = this.outputs.indexOf(node);
    const k = at >= 0 ? at : this.outputs.push(node) - 1;
    return (back) => back.output(k);
  }

  /** The sum of the values of all steps. Sums of products are one product, whose sums run over the steps too. */
  sum(node: Node): Later {
    const b = this.#builder;
    const [x, y] = node.inputs;
    const up = (axes: readonly number[]): number[] => axes.map((a) => a + 1);
    switch (node.op.name) {
      case 'add': {
        const [p, q] = [this.sum(x!), this.sum(y!)];
        return (back) => b.op('add', p(back), q(back));
      }
      case 'transpose':
      case 'reshape':
      case 'broadcast': {
        const inner = this.sum(x!);
        return (back) => b.emit(node.op, [inner(back)], node.attrs);
      }
      case 'sum': {
        const inner = this.stack(x!);
        return (back) => b.sum(inner(back), [0, ...up(node.attrs['axes'] as readonly number[])]);
      }
      case 'dot': {
        const [p, q] = [this.stack(x!), this.stack(y!)];
        const { aBatch, bBatch, aContract, bContract } = node.attrs as DotAttrs;
        const attrs: DotAttrs = {
          aBatch: up(aBatch),
          bBatch: up(bBatch),
          aContract: [0, ...up(aContract)],
          bContract: [0, ...up(bContract)],
        };
        return (back) => b.emit(dot, [p(back), q(back)], attrs);
      }
      default: {
        const inner = this.stack(node);
        return (back) => b.sum(inner(back), [0]);
      }
    }
  }
}

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
