/**
 * What windows mean: folds of the elements under each, and the ops that make them differentiable.
 *
 * Invariant: padding is the neutral element of the fold; where it was chosen, nothing is read and nothing added.
 */
import type { DType } from '../../dtype.ts';
import { stridesOf, type TensorType, tensor } from '../../type.ts';
import type { Op } from '../graph.ts';
import { sizeOf } from '../ops/define.ts';
import {
  geometry,
  lowest,
  pooledShape,
  poolScatter,
  poolSelect,
  type WindowAttrs,
  window,
  windowArgmax,
  windowMax,
  windowSum,
} from '../ops/window.ts';
import {
  defineReference,
  f32,
  forEachIndex,
  i32,
  type OpExample,
  type Reference,
  reader,
  tabulate,
} from './define.ts';
import { positionOf } from './sliding.ts';

const examples: readonly OpExample[] = [
  { inputs: [f32(2, 3, 6, 6)], attrs: window([2, 2], [2, 2], [0, 0], [0, 0]) },
  { inputs: [f32(1, 2, 7, 5)], attrs: window([3, 2], [2, 1], [1, 0], [1, 1]) },
  { inputs: [f32(3, 9)], attrs: window([4], [3], [0], [2]) },
  { inputs: [f32(2, 4, 5, 3)], attrs: window([2, 3, 2], [1, 2, 1], [1, 1, 0], [0, 1, 1]) },
  { inputs: [f32(2, 8)], attrs: window([2], [3], [0], [0]) },
  { inputs: [f32(2, 7, 5)], attrs: window([3, 2], [3, 2], [1, 0], [1, 0]) },
];

const fold = (
  op: Op<WindowAttrs>,
  padding: (dtype: DType) => number,
  of: (elements: readonly number[]) => number,
): Reference =>
  defineReference(op, {
    evaluate: ([x], { inputs: [from], attrs, type }) => {
      const { dtype, shape } = from!.type;
      const axes = geometry(op.name, from!.type, attrs);
      const lead = shape.length - axes.length;
      const at = reader(x!, shape);
      return tabulate(type.shape, (index) => {
        const elements: number[] = [];
        forEachIndex(attrs.kernel, (k) => {
          const place = axes.map((a, i) => positionOf(a, index[lead + i]!, k[i]!));
          elements.push(
            place.includes(undefined)
              ? padding(dtype)
              : at([...index.slice(0, lead), ...(place as number[])]),
          );
        });
        return of(elements);
      });
    },
    examples,
  });

/** Row-major position of the first largest element; NaN is larger than all. */
const firstLargest = (elements: readonly number[]): number =>
  elements.reduce(
    (best, v, i) =>
      !Number.isNaN(elements[best]!) && (Number.isNaN(v) || v > elements[best]!) ? i : best,
    0,
  );

const folds: readonly Reference[] = [
  fold(windowMax, lowest, (elements) => elements.reduce((a, b) => Math.max(a, b))),
  fold(
    windowSum,
    () => 0,
    (elements) => elements.reduce((a, b) => a + b, 0),
  ),
  fold(windowArgmax, lowest, firstLargest),
];

const pooledOf = (x: TensorType, attrs: WindowAttrs): number[] =>
  pooledShape(x.shape, attrs, geometry('pool', x, attrs));

export const windows: readonly Reference[] = [
  ...folds,
  defineReference(poolSelect, {
    evaluate: ([x, idx], { inputs: [from], attrs, type }) => {
      const { shape } = from!.type;
      const axes = geometry('poolSelect', from!.type, attrs);
      const lead = shape.length - axes.length;
      const at = reader(x!, shape);
      const strides = stridesOf(attrs.kernel);
      const last = sizeOf(attrs.kernel) - 1;
      return tabulate(type.shape, (index, flat) => {
        const choice = Math.max(0, Math.min(last, idx![flat]!));
        const place = axes.map((a, i) =>
          positionOf(a, index[lead + i]!, Math.floor(choice / strides[i]!) % a.kernel),
        );
        return place.includes(undefined)
          ? 0
          : at([...index.slice(0, lead), ...(place as number[])]);
      });
    },
    examples: examples.map(({ inputs: [x], attrs }) => ({
      inputs: [x!, tensor('int32', pooledOf(x!, attrs as WindowAttrs))],
      attrs: attrs!,
      range: [
        [-2, 2],
        [0, sizeOf((attrs as WindowAttrs).kernel)],
      ],
    })),
  }),

  defineReference(poolScatter, {
    evaluate: ([dy, idx], { inputs: [from], attrs, type }) => {
      const axes = geometry('poolScatter', type, attrs);
      const lead = type.shape.length - axes.length;
      const kernelStrides = stridesOf(attrs.kernel);
      const strides = stridesOf(type.shape);
      const out = new Float64Array(type.size);
      forEachIndex(from!.type.shape, (index, flat) => {
        const choice = idx![flat]!;
        if (choice < 0 || choice >= sizeOf(attrs.kernel)) return;
        const place = axes.map((a, i) =>
          positionOf(a, index[lead + i]!, Math.floor(choice / kernelStrides[i]!) % a.kernel),
        );
        if (place.includes(undefined)) return;
        const target = [...index.slice(0, lead), ...(place as number[])];
        out[target.reduce((sum, p, i) => sum + p * strides[i]!, 0)]! += dy![flat]!;
      });
      return out;
    },
    examples: examples.map(({ inputs: [x], attrs }) => {
      const pooled = pooledOf(x!, attrs as WindowAttrs);
      return {
        inputs: [f32(...pooled), i32(...pooled)],
        attrs: { ...attrs!, shape: x!.shape },
        range: [
          [-2, 2],
          [0, sizeOf((attrs as WindowAttrs).kernel)],
        ],
      };
    }),
  }),
];
