/**
 * What indexing by arrays means: reads at positions, and sums of what each position received.
 *
 * Invariant: positions are clamped to the axis, as in the program.
 */
import { type Shape, stridesOf } from '../../type.ts';
import { replaced, take, takeAlong, takeAlongGrad, takeGrad } from '../ops/take.ts';
import {
  defineReference,
  f32,
  forEachIndex,
  i32,
  type OpExample,
  offsetOf,
  type Reference,
  reader,
  tabulate,
} from './define.ts';

const clampedPosition = (position: number, size: number): number =>
  Math.max(0, Math.min(size - 1, position));

/** Range of example positions: some out of bounds, to see them clamped. */
const positions = (size: number): readonly [number, number] => [-1, size + 1];

const values: readonly [number, number] = [-2, 2];

const takeExample = (x: Shape, idx: Shape, axis: number): OpExample => ({
  inputs: [f32(...x), i32(...idx)],
  attrs: { axis },
  range: [values, positions(x[axis]!)],
});

const takeGradExample = (dy: Shape, idx: Shape, axis: number, size: number): OpExample => ({
  inputs: [f32(...dy), i32(...idx)],
  attrs: { axis, size },
  range: [values, positions(size)],
});

const alongExample = (x: Shape, axis: number, count: number): OpExample => ({
  inputs: [f32(...x), i32(...replaced(x, axis, [count]))],
  attrs: { axis },
  range: [values, positions(x[axis]!)],
});

const alongGradExample = (dy: Shape, axis: number, size: number): OpExample => ({
  inputs: [f32(...dy), i32(...dy)],
  attrs: { axis, size },
  range: [values, positions(size)],
});

export const takes: readonly Reference[] = [
  defineReference(take, {
    evaluate: ([x, idx], { inputs, attrs: { axis }, type }) => {
      const [from, by] = inputs.map((n) => n.type.shape) as [Shape, Shape];
      const [at, position] = [reader(x!, from), reader(idx!, by)];
      return tabulate(type.shape, (index) => {
        const after = axis + by.length;
        const p = clampedPosition(position(index.slice(axis, after)), from[axis]!);
        return at([...index.slice(0, axis), p, ...index.slice(after)]);
      });
    },
    examples: [
      takeExample([5, 3], [4], 0),
      takeExample([3, 5], [2, 3], 1),
      takeExample([2, 4, 3], [], 1),
      takeExample([7], [3, 2], 0),
      takeExample([2, 3, 4], [5], 2),
    ],
  }),

  defineReference(takeGrad, {
    evaluate: ([dy, idx], { inputs, attrs: { axis, size }, type }) => {
      const [from, by] = inputs.map((n) => n.type.shape) as [Shape, Shape];
      const position = reader(idx!, by);
      const strides = stridesOf(type.shape);
      const out = new Float64Array(type.size);
      const after = axis + by.length;
      forEachIndex(from, (index, flat) => {
        const p = clampedPosition(position(index.slice(axis, after)), size);
        out[offsetOf([...index.slice(0, axis), p, ...index.slice(after)], strides)]! += dy![flat]!;
      });
      return out;
    },
    examples: [
      takeGradExample([4, 3], [4], 0, 5),
      takeGradExample([3, 2, 3], [2, 3], 1, 4),
      takeGradExample([2, 3], [], 1, 4),
      takeGradExample([6], [6], 0, 2),
    ],
  }),

  defineReference(takeAlong, {
    evaluate: ([x, idx], { inputs, attrs: { axis }, type }) => {
      const { shape } = inputs[0]!.type;
      const at = reader(x!, shape);
      return tabulate(type.shape, (index, flat) =>
        at(index.with(axis, clampedPosition(idx![flat]!, shape[axis]!))),
      );
    },
    examples: [
      alongExample([4, 5], 1, 1),
      alongExample([4, 5], 0, 3),
      alongExample([2, 3, 4], 2, 6),
      alongExample([2, 3, 2], 1, 1),
      alongExample([6], 0, 2),
    ],
  }),

  defineReference(takeAlongGrad, {
    evaluate: ([dy, idx], { inputs, attrs: { axis, size }, type }) => {
      const strides = stridesOf(type.shape);
      const out = new Float64Array(type.size);
      forEachIndex(inputs[0]!.type.shape, (index, flat) => {
        const target = index.with(axis, clampedPosition(idx![flat]!, size));
        out[offsetOf(target, strides)]! += dy![flat]!;
      });
      return out;
    },
    examples: [
      alongGradExample([4, 1], 1, 5),
      alongGradExample([3, 5], 0, 4),
      alongGradExample([2, 3, 6], 2, 4),
      alongGradExample([7], 0, 3),
    ],
  }),
];
