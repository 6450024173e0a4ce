/**
 * Loops whose states are matrices. A loop keeps the states of all steps; loops in loops keep the root of that.
 *
 * Invariant: steps run in order, and each is told its number.
 */
import { bytesOf } from '../../../dtype.ts';
import { type TensorType, tensor } from '../../../type.ts';
import { GraphBuilder } from '../../builder.ts';
import type { Graph, Node } from '../../graph.ts';
import { concat } from '../concat.ts';
import { iota } from '../leaf.ts';
import { type LoopResults, makeScan } from '../scan.ts';
import { sliceAxis } from '../slice.ts';

/** States of all steps that are worth no loop in a loop. */
const SMALL = 1 << 24;

export interface Repetition {
  readonly trips: number;
  readonly states: readonly Node[];
  /** What is the same in each step. */
  readonly captures?: readonly Node[];
  /** New states, and what the step gives, from its number (int32, no axes), states and captures. */
  step(
    b: GraphBuilder,
    number: Node,
    states: readonly Node[],
    captures: readonly Node[],
  ): { readonly states: readonly Node[]; readonly outputs?: readonly Node[] };
}

export interface Repeated {
  /** After the last step. */
  readonly states: readonly Node[];
  /** What the steps gave, one after the other along a new first axis. */
  readonly outputs: readonly Node[];
}

const ONE = tensor('int32', []);

/** Runs a step many times. */
export const repeat = (b: GraphBuilder, repetition: Repetition): Repeated => {
  const { trips, states, captures = [] } = repetition;
  const types = [...states, ...captures].map((x) => x.type);
  const body = graphOf([ONE, ...types], (inner, [number, ...rest]) => {
    const { states: next, outputs = [] } = repetition.step(
      inner,
      number!,
      rest.slice(0, states.length),
      rest.slice(states.length),
    );
    return [...next, ...outputs];
  });
  const all = b.emit(iota, [], { axis: 0, dtype: 'int32', shape: [trips] });
  const bytes = states.reduce((sum, { type }) => sum + type.size * bytesOf(type.dtype), 0);
  const each = bytes * trips <= SMALL ? trips : Math.max(1, Math.floor(Math.sqrt(trips)));
  if (each === trips) return resultsOf(b, body, all, states, captures);
  const rounds = Math.floor(trips / each);
  const group = graphOf([tensor('int32', [each]), ...types], (inner, [own, ...rest]) => {
    const [s, c] = [rest.slice(0, states.length), rest.slice(states.length)];
    const done = resultsOf(inner, body, own!, s, c);
    return [...done.states, ...done.outputs];
  });
  const grouped = b.reshape(sliceAxis(b, all, 0, 0, rounds * each), [rounds, each]);
  const first = resultsOf(b, group, grouped, states, captures);
  const flat = first.outputs.map((x) => b.reshape(x, [rounds * each, ...x.type.shape.slice(2)]));
  if (rounds * each === trips) return { states: first.states, outputs: flat };
  const others = sliceAxis(b, all, 0, rounds * each, trips);
  const rest = resultsOf(b, body, others, first.states, captures);
  return {
    states: rest.states,
    outputs: flat.map((x, i) => b.emit(concat, [x, rest.outputs[i]!], { axis: 0 })),
  };
};

const graphOf = (
  types: readonly TensorType[],
  build: (b: GraphBuilder, inputs: readonly Node[]) => readonly Node[],
): Graph => {
  const inner = new GraphBuilder();
  const inputs = types.map((type) => inner.input(type));
  return inner.graph('step', build(inner, inputs));
};

const resultsOf = (
  b: GraphBuilder,
  body: Graph,
  sequence: Node,
  states: readonly Node[],
  captures: readonly Node[],
): Repeated => {
  const trips = sequence.type.shape[0]!;
  const loop: LoopResults = makeScan(b, {
    body,
    trips,
    reverse: false,
    sequences: [sequence],
    states,
    captures,
  });
  return {
    states: states.map((_, j) => loop.final(j)),
    outputs: body.outputs.slice(states.length).map((_, k) => loop.output(k)),
  };
};
