/**
 * Examples of loops. What a loop means is in the interpreter, which runs its body.
 *
 * Invariant: bodies are small, and each uses its operands in another way.
 */

import type { TensorType } from '../../type.ts';
import { GraphBuilder } from '../builder.ts';
import type { Graph, Node } from '../graph.ts';
import { type ScanAttrs, scan } from '../ops/scan.ts';
import { defineReference, f32, type OpExample, type Reference } from './define.ts';

const bodyOf = (
  types: readonly TensorType[],
  build: (b: GraphBuilder, inputs: readonly Node[]) => readonly Node[],
): Graph => {
  const b = new GraphBuilder();
  const inputs = types.map((type, i) => b.input(type, { name: `x${i}` }));
  return b.graph('step', build(b, inputs));
};

const attrsOf = (
  attrs: Pick<ScanAttrs, 'body' | 'trips' | 'sequences' | 'states'> & Partial<ScanAttrs>,
): ScanAttrs => ({ reverse: false, result: 0, ...attrs });

/** Running sums of what comes in. */
const sums = bodyOf([f32(3), f32(3)], (b, [x, s]) => [b.op('add', s!, x!)]);
/** A state that a capture scales, and what the step gives. */
const scaled = bodyOf([f32(2), f32(2), f32(2)], (b, [x, s, w]) => [
  b.op('tanh', b.op('add', b.op('mul', s!, w!), x!)),
  b.op('mul', x!, s!),
]);

const example = (inputs: readonly TensorType[], attrs: ScanAttrs): OpExample => ({ inputs, attrs });

export const scans: readonly Reference[] = [
  defineReference(scan, {
    examples: [
      example([f32(4, 3), f32(3)], attrsOf({ body: sums, trips: 4, sequences: 1, states: 1 })),
      example(
        [f32(3, 2), f32(2), f32(2)],
        attrsOf({ body: scaled, trips: 3, sequences: 1, states: 1 }),
      ),
      example(
        [f32(3, 2), f32(2), f32(2)],
        attrsOf({ body: scaled, trips: 3, sequences: 1, states: 1, reverse: true, result: 1 }),
      ),
    ],
  }),
];
