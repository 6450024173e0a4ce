/**
 * What running folds and orders mean: line by line along the axis.
 *
 * Invariant: folds go from the first element on, in double precision.
 */

import { constant } from '../../loop/expr.ts';
import type { PrefixOp } from '../../loop/loop.ts';
import { prefixOf, sortRuns } from '../../loop/running.ts';
import { type Shape, stridesOf } from '../../type.ts';
import type { Op, Values } from '../graph.ts';
import { argsort, arrange } from '../ops/order.ts';
import {
  cummax,
  cummin,
  cumprod,
  cumsum,
  logcumsumexp,
  type PrefixAttrs,
  recurrence,
} from '../ops/prefix.ts';
import { searchSorted } from '../ops/search.ts';
import {
  defineReference,
  f32,
  forEachIndex,
  i32,
  type OpExample,
  offsetOf,
  type Reference,
} from './define.ts';

/** Replaces the elements along `axis` of `inputs`, line by line. */
const alongLines = (
  inputs: readonly Values[],
  shape: Shape,
  axis: number,
  fold: (lines: readonly (readonly number[])[]) => readonly number[],
): Values => {
  const strides = stridesOf(shape);
  const out = new Float64Array(inputs[0]!.length);
  forEachIndex(shape.with(axis, 1), (index) => {
    const from = offsetOf(index, strides);
    const at = Array.from({ length: shape[axis]! }, (_, k) => from + k * strides[axis]!);
    fold(inputs.map((x) => at.map((i) => x[i]!))).forEach((v, k) => {
      out[at[k]!] = v;
    });
  });
  return out;
};

const values: readonly [number, number] = [-2, 2];

const examplesOf = (count: number): readonly OpExample[] => {
  const repeated = (t: ReturnType<typeof f32>): (typeof t)[] => new Array(count).fill(t);
  return [
    { inputs: repeated(f32(7)), attrs: { axis: 0, backward: false } },
    { inputs: repeated(f32(3, 5)), attrs: { axis: 1, backward: true } },
    { inputs: repeated(f32(2, 6, 4)), attrs: { axis: 1, backward: false } },
    { inputs: repeated(f32(9, 3)), attrs: { axis: 0, backward: true } },
  ];
};

const prefix = (op: Op<PrefixAttrs>, fold: PrefixOp, ints = true): Reference =>
  defineReference(op, {
    evaluate: (inputs, { attrs, type }) => {
      const values = inputs.map(() => constant(0, type.dtype));
      const { axis, backward } = attrs;
      return alongLines(inputs, type.shape, axis, (lines) =>
        prefixOf({ op: fold, backward, values }, lines),
      );
    },
    examples: [
      ...examplesOf(fold === 'affine' ? 2 : 1),
      ...(ints ? [{ inputs: [i32(3, 4)], attrs: { axis: 1, backward: false } }] : []),
    ],
  });

export const runnings: readonly Reference[] = [
  prefix(cumsum, 'add'),
  prefix(cumprod, 'mul'),
  prefix(cummax, 'max'),
  prefix(cummin, 'min'),
  prefix(logcumsumexp, 'logadd', false),
  prefix(recurrence, 'affine', false),
  defineReference(argsort, {
    evaluate: ([x], { attrs: { axis, descending }, type: { shape } }) =>
      alongLines([x!], shape, axis, ([keys]) =>
        sortRuns(keys!, { descending, width: keys!.length }),
      ),
    examples: [
      { inputs: [f32(7)], attrs: { axis: 0, descending: false } },
      { inputs: [f32(3, 5)], attrs: { axis: 0, descending: true } },
      { inputs: [i32(2, 9)], attrs: { axis: 1, descending: false } },
      { inputs: [i32(2, 9, 2)], attrs: { axis: 1, descending: true } },
    ],
  }),
  defineReference(arrange, {
    evaluate: ([x, order], { attrs: { axis }, type: { shape } }) =>
      alongLines([x!, order!], shape, axis, ([values, places]) => places!.map((p) => values![p]!)),
    examples: [
      { inputs: [f32(3, 1), i32(3, 1)], attrs: { axis: 1 }, range: [values, [0, 1]] },
      {
        inputs: [f32(4, 3), i32(4, 3)],
        attrs: { axis: 0 },
        range: [values, [0, 4]],
        // only moving into an order has a gradient
        gradient: false,
      },
    ],
  }),
  defineReference(searchSorted, {
    evaluate: ([sorted, wanted], { attrs: { right } }) => {
      // by halving, as what is not sorted gives what halving gives
      const isLess = (x: number, y: number): boolean =>
        x < y || (Number.isNaN(y) && !Number.isNaN(x));
      return wanted!.map((v) => {
        let place = 0;
        for (let step = 2 ** 30; step >= 1; step /= 2) {
          const element = sorted![place + step - 1];
          if (element === undefined) continue;
          if (right ? !isLess(v, element) : isLess(element, v)) place += step;
        }
        return place;
      });
    },
    examples: [
      { inputs: [f32(7), f32(2, 3)], attrs: { right: false }, gradient: false },
      { inputs: [i32(5), i32(6)], attrs: { right: true } },
    ],
  }),
];
