/**
 * Reductions: remove axes by folding them with an associative operator.
 *
 * Invariant: axes are removed; keeping one (`keepDims`) is a reshape that the caller adds, so that there is one way to
 * say it. An empty fold gives the neutral element, and is refused where there is none.
 */
import { type Idx, idxAxis } from '../../dim.ts';
import { reduce as reduceExpr } from '../../loop/expr.ts';
import type { ReduceOp } from '../../loop/loop.ts';
import { tensor } from '../../type.ts';
import type { GraphBuilder } from '../builder.ts';
import type { Node, Op } from '../graph.ts';
import { concat } from './concat.ts';
import {
  type AxesAttrs,
  checkAxes,
  defineOp,
  inversePermutation,
  otherAxes,
  ruleFor,
  sizeOf,
  without,
} from './define.ts';
import { sliceAxis } from './slice.ts';

interface Fold {
  readonly name: string;
  readonly op: ReduceOp;
  readonly gradient?: (builder: GraphBuilder, node: Node<AxesAttrs>, dy: Node) => readonly Node[];
}

const defineReduce = ({ name, op, gradient }: Fold): Op<AxesAttrs> => {
  const isPosition = op === 'argmax' || op === 'argmin';
  return defineOp<AxesAttrs>({
    name,
    kind: 'reduce',
    schema: { axes: { kind: 'ints' } },
    type: (inputs, { axes }) => {
      const rule = ruleFor(name, inputs, ['x']);
      const { dtype, shape } = inputs[0]!;
      rule.check(
        dtype !== 'bool',
        'does not take bool arrays',
        "convert with .astype('int32') first",
        'dtype',
      );
      checkAxes(rule, axes, shape.length);
      rule.check(
        op === 'add' || op === 'mul' || axes.every((a) => shape[a]! > 0),
        `there is nothing to choose from along axes [${axes.join(', ')}]`,
        'reduce over axes that have elements',
      );
      return tensor(isPosition ? 'int32' : dtype, without(shape, axes));
    },
    lower: ({ inputs: [x], attrs: { axes } }, index, context) => {
      const { shape } = x!.type;
      const folded = axes.map((a) => context.axis('k', shape[a]!));
      const at = new Array<Idx>(shape.length);
      axes.forEach((a, i) => {
        at[a] = idxAxis(folded[i]!);
      });
      otherAxes(shape.length, axes).forEach((a, i) => {
        at[a] = index[i]!;
      });
      return reduceExpr(op, folded, context.at(x!, at));
    },
    ...(gradient === undefined ? {} : { gradient }),
  });
};

/** Repeats a reduced value along the axes that were folded. */
const spreadOver = (builder: GraphBuilder, reduced: Node, x: Node, axes: readonly number[]): Node =>
  builder.broadcast(reduced, x.type.shape, otherAxes(x.type.shape.length, axes));

/** Gradient of a choice: to all elements equal to the chosen one, in equal parts. */
const shareAmongTies = (
  builder: GraphBuilder,
  node: Node<AxesAttrs>,
  dy: Node,
): readonly Node[] => {
  const x = node.inputs[0]!;
  const { axes } = node.attrs;
  const chosen = builder.op('eq', x, spreadOver(builder, node, x, axes));
  const ties = builder.sum(builder.cast(chosen, x.type.dtype), axes);
  const part = spreadOver(builder, builder.op('div', dy, ties), x, axes);
  return [builder.op('select', chosen, part, builder.lit(0, x))];
};

/**
 * Gradient of a product, exact with zeros and to any order: products of halves, and the product rule at each of them.
 * (Dividing the product by each factor would lose exactly the factors that are zero.)
 */
const productRule = (builder: GraphBuilder, node: Node<AxesAttrs>, dy: Node): readonly Node[] => {
  const x = node.inputs[0]!;
  const { shape } = x.type;
  const { axes } = node.attrs;
  const kept = otherAxes(shape.length, axes);
  const outer = sizeOf(kept.map((a) => shape[a]!));
  const factors = sizeOf(axes.map((a) => shape[a]!));
  if (x.type.size === 0) return [x];
  const order = [...kept, ...axes];
  const flat = builder.reshape(builder.transpose(x, order), [outer, factors]);
  const levels: { readonly width: number; readonly low: Node; readonly high: Node }[] = [];
  let products = flat;
  for (let width = factors; width > 1; width = products.type.shape[1]!) {
    const half = (width + 1) >> 1;
    const low = sliceAxis(builder, products, 1, 0, half);
    const rest = sliceAxis(builder, products, 1, half, width);
    const high =
      width % 2 === 0
        ? rest
        : builder.emit(concat, [rest, builder.full(1, x.type.dtype, [outer, 1])], { axis: 1 });
    levels.push({ width, low, high });
    products = builder.op('mul', low, high);
  }
  let grad = builder.reshape(dy, [outer, 1]);
  for (const { width, low, high } of levels.toReversed()) {
    const toLow = builder.op('mul', grad, high);
    const toHigh = builder.op('mul', grad, low);
    grad = sliceAxis(builder, builder.emit(concat, [toLow, toHigh], { axis: 1 }), 1, 0, width);
  }
  const ordered = builder.reshape(
    grad,
    order.map((a) => shape[a]!),
  );
  return [builder.transpose(ordered, inversePermutation(order))];
};

/** Sum over `axes`. */
export const sum: Op<AxesAttrs> = defineReduce({
  name: 'sum',
  op: 'add',
  gradient: (builder, { inputs: [x], attrs: { axes } }, dy) => [spreadOver(builder, dy, x!, axes)],
});

/** Product over `axes`. */
export const prod: Op<AxesAttrs> = defineReduce({
  name: 'prod',
  op: 'mul',
  gradient: productRule,
});

/** Largest element over `axes`. */
export const reduceMax: Op<AxesAttrs> = defineReduce({
  name: 'reduceMax',
  op: 'max',
  gradient: shareAmongTies,
});

/** Smallest element over `axes`. */
export const reduceMin: Op<AxesAttrs> = defineReduce({
  name: 'reduceMin',
  op: 'min',
  gradient: shareAmongTies,
});

/** Where the largest element is. */
export const argmax: Op<AxesAttrs> = defineReduce({
  name: 'argmax',
  op: 'argmax',
});

/** Where the smallest element is. */
export const argmin: Op<AxesAttrs> = defineReduce({
  name: 'argmin',
  op: 'argmin',
});
