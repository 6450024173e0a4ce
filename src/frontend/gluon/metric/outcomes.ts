/**
 * Labels and outputs as booleans for each class, and what became of each: hits, false alarms and misses.
 *
 * Invariant: counts are exact; shapes that do not fit are refused before anything is counted.
 */
import { summedIn } from '../../../ir/dtype.ts';
import type { GraphBuilder } from '../../../ir/graph/builder.ts';
import type { Node } from '../../../ir/graph/graph.ts';
import { iota } from '../../../ir/graph/ops/leaf.ts';
import { argmax } from '../../../ir/graph/ops/reduce.ts';
import { sameShape, showType } from '../../../ir/type.ts';
import { failure } from '../../callsite.ts';
import type { NDArray } from '../../ndarray.ts';
import { amount } from './totals.ts';

/** What labels are: yes or no, one of several classes, or yes or no for each of several. */
export type ClassType = 'binary' | 'multiclass' | 'multilabel';

/** Labels and outputs of shapes that have nothing to do with each other. */
export const misfit = (where: string, label: NDArray, output: NDArray, help: string): Error =>
  failure(
    'shape',
    `${where}: labels ${showType(label.type)} do not fit outputs ${showType(output.type)}`,
    help,
  );

/** [n, classes]: true where `at` [n] is the class. */
export const oneHot = (b: GraphBuilder, at: Node, classes: number): Node => {
  const shape = [at.type.shape[0]!, classes];
  const column = b.emit(iota, [], { axis: 1, dtype: 'int32', shape });
  return b.op('eq', b.broadcast(at, shape, [0]), column);
};

/** All axes in one. */
export const flat = (b: GraphBuilder, x: Node): Node => b.reshape(x, [x.type.size]);

/** The position of the highest score along `axis`; booleans are scores of 0 and 1. */
export const highest = (b: GraphBuilder, out: Node, axis: number): Node =>
  b.emit(argmax, [out.type.dtype === 'bool' ? b.cast(out, 'int32') : out], { axes: [axis] });

/** The classes with the highest scores, flat; outputs with the shape of the labels are classes themselves. */
export const chosen = (b: GraphBuilder, out: Node, isClass: boolean): Node =>
  flat(b, isClass ? b.cast(out, 'int32') : highest(b, out, out.type.shape.length - 1));

/** How outputs and labels become booleans [n, classes]. */
export interface Reading {
  readonly classes: number;
  readonly labels: (b: GraphBuilder, y: Node) => Node;
  readonly outputs: (b: GraphBuilder, out: Node) => Node;
}

const above =
  (threshold: number) =>
  (b: GraphBuilder, out: Node): Node => {
    const score = b.cast(out, summedIn(out.type.dtype));
    return b.op('gt', score, b.lit(threshold, score));
  };
const column = (b: GraphBuilder, x: Node): Node => b.reshape(x, [x.type.size, 1]);
const nonzero = (b: GraphBuilder, y: Node): Node => b.op('ne', y, b.lit(0, y));

/** How to read labels and outputs of a kind, or a ShapeError. */
export const readingOf = (
  where: string,
  type: ClassType,
  threshold: number,
  label: NDArray,
  output: NDArray,
): Reading => {
  const classes = output.shape[output.ndim - 1] ?? 1;
  const isScored = sameShape(label.shape, output.shape.slice(0, -1));
  switch (type) {
    case 'binary': {
      if (isScored && output.ndim > 1 && classes === 2)
        return {
          classes: 1,
          labels: (b, y) => column(b, nonzero(b, y)),
          outputs: (b, out) => {
            const best = chosen(b, out, false);
            return column(b, b.op('eq', best, b.lit(1, best)));
          },
        };
      if (label.size !== output.size)
        throw misfit(
          where,
          label,
          output,
          'pass one score for each label, or two: for no and for yes',
        );
      return {
        classes: 1,
        labels: (b, y) => column(b, nonzero(b, y)),
        outputs: (b, out) => column(b, above(threshold)(b, out)),
      };
    }
    case 'multiclass':
      if (!isScored)
        throw misfit(
          where,
          label,
          output,
          'outputs have an axis of classes after the axes of the labels',
        );
      return {
        classes,
        labels: (b, y) => oneHot(b, flat(b, b.cast(y, 'int32')), classes),
        outputs: (b, out) => oneHot(b, chosen(b, out, false), classes),
      };
    case 'multilabel':
      if (!sameShape(label.shape, output.shape))
        throw misfit(where, label, output, 'labels and outputs have one number for each class');
      return {
        classes,
        labels: (b, y) => b.reshape(nonzero(b, y), [label.size / classes, classes]),
        outputs: (b, out) => b.reshape(above(threshold)(b, out), [label.size / classes, classes]),
      };
    default:
      return type satisfies never;
  }
};

/** Hits, false alarms and misses of each class, [3 · classes]. */
export const outcomes = (
  b: GraphBuilder,
  { labels, outputs }: Reading,
  y: Node,
  out: Node,
): Node => {
  const twice = (n: Node): Node => b.op('add', n, n);
  const [wanted, given] = [labels(b, y), outputs(b, out)].map((n) => b.cast(n, 'int32')) as [
    Node,
    Node,
  ];
  // 3 is a hit, 2 a false alarm, 1 a miss.
  const code = b.op('add', twice(given), wanted);
  const [count, classes] = code.type.shape as [number, number];
  const shape = [count, 3, classes];
  const kind = b.emit(iota, [], { axis: 1, dtype: 'int32', shape });
  const wide = b.broadcast(code, shape, [0, 2]);
  return amount(b, b.op('eq', wide, b.op('sub', b.lit(3, kind), kind)), 2);
};
