/**
 * What a drawn number is: itself. Its slope is held against the distribution function by a test of its own, since no
 * finite difference of the value shows it.
 */
import { gammaDraw } from '../ops/gamma-draw.ts';
import { defineReference, f32, type Reference } from './define.ts';

export const draws: readonly Reference[] = [
  defineReference(gammaDraw, {
    evaluate: ([, x]) => x!,
    examples: [
      {
        inputs: [f32(3, 4), f32(3, 4)],
        range: [
          [1, 9],
          [0.1, 12],
        ],
        gradient: false,
      },
    ],
  }),
];
