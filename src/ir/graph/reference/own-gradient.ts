/**
 * Examples of values with a gradient of their own. Such a value is its first operand.
 *
 * Invariant: gradients here are not slopes, so nobody compares them with differences.
 */
import { GraphBuilder } from '../builder.ts';
import { ownGradient } from '../ops/own-gradient.ts';
import { defineReference, f32, type Reference } from './define.ts';

const b = new GraphBuilder();
const dy = b.input(f32(3), { name: 'dy' });
const w = b.input(f32(3), { name: 'w' });
const pull = b.graph('scaled', [b.op('mul', dy, w)]);

export const ownGradients: readonly Reference[] = [
  defineReference(ownGradient, {
    examples: [
      {
        inputs: [f32(3), f32(3), f32(2), f32(3)],
        attrs: { pull, gives: [0, -1], additive: true, repeated: false },
        gradient: false,
      },
    ],
  }),
];
