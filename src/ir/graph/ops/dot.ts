/**
 * Dot: the general product of two arrays over shared axes, with batch axes.
 *
 * Invariant: the result's axes are the batch axes, then a's free axes, then b's, each in operand order; accumulation is
 * in float32 whatever the operands' dtype.
 */
import { type Axis, type Idx, idxAxis } from '../../dim.ts';
import { tensor } from '../../type.ts';
import type { GraphBuilder } from '../builder.ts';
import type { Node, Op } from '../graph.ts';
import {
  checkFloat,
  defineOp,
  inversePermutation,
  otherAxes,
  type Rule,
  ruleFor,
} from './define.ts';

export type DotAttrs = {
  readonly aBatch: readonly number[];
  readonly bBatch: readonly number[];
  readonly aContract: readonly number[];
  readonly bContract: readonly number[];
};

export const freeAxes = (
  rank: number,
  batch: readonly number[],
  contract: readonly number[],
): number[] => otherAxes(rank, [...batch, ...contract]);

const checkNamed = (rule: Rule, who: string, axes: readonly number[], rank: number): void =>
  rule.check(
    new Set(axes).size === axes.length &&
      axes.every((a) => Number.isInteger(a) && a >= 0 && a < rank),
    `batch and contracted axes of ${who} [${axes.join(', ')}] are not distinct axes of ${rank} dimensions`,
    'name each axis at most once',
  );

/** `sum over contracted axes of a * b`, for each batch position. */
export const dot: Op<DotAttrs> = defineOp<DotAttrs>({
  name: 'dot',
  kind: 'contract',
  schema: {
    aBatch: { kind: 'ints' },
    bBatch: { kind: 'ints' },
    aContract: { kind: 'ints' },
    bContract: { kind: 'ints' },
  },
  type: (inputs, { aBatch, bBatch, aContract, bContract }) => {
    const rule = ruleFor('dot', inputs, ['a', 'b']);
    const [a, b] = inputs as [(typeof inputs)[number], (typeof inputs)[number]];
    checkFloat(rule, a.dtype);
    rule.check(
      a.dtype === b.dtype,
      `operands have different dtypes (${a.dtype} ≠ ${b.dtype})`,
      'convert them to one dtype with .astype(...)',
      'dtype',
    );
    checkNamed(rule, 'a', [...aBatch, ...aContract], a.shape.length);
    checkNamed(rule, 'b', [...bBatch, ...bContract], b.shape.length);
    const pairs = (what: string, left: readonly number[], right: readonly number[]): void => {
      const sizes = `${left.map((i) => a.shape[i])} ≠ ${right.map((i) => b.shape[i])}`;
      rule.check(
        left.length === right.length && left.every((i, k) => a.shape[i] === b.shape[right[k]!]),
        `${what} sizes differ (${sizes})`,
        what === 'inner'
          ? 'the last axis of a must be as long as the axis of b it meets; transpose one of them?'
          : 'leading axes must match; broadcast one operand first',
      );
    };
    pairs('batch', aBatch, bBatch);
    pairs('inner', aContract, bContract);
    return tensor(a.dtype, [
      ...aBatch.map((i) => a.shape[i]!),
      ...freeAxes(a.shape.length, aBatch, aContract).map((i) => a.shape[i]!),
      ...freeAxes(b.shape.length, bBatch, bContract).map((i) => b.shape[i]!),
    ]);
  },
  contract: ({ inputs, attrs }, context) => {
    const [a, b] = inputs as [Node, Node];
    const inA = new Array<Idx>(a.type.shape.length);
    const inB = new Array<Idx>(b.type.shape.length);
    const place = (axis: Axis, at: Idx[], where: number): Axis => {
      at[where] = idxAxis(axis);
      return axis;
    };
    const batch = attrs.aBatch.map((i, n) => {
      const axis = place(context.parallel('batch', a.type.shape[i]!), inA, i);
      return place(axis, inB, attrs.bBatch[n]!);
    });
    const m = freeAxes(inA.length, attrs.aBatch, attrs.aContract).map((i) =>
      place(context.parallel('m', a.type.shape[i]!), inA, i),
    );
    const n = freeAxes(inB.length, attrs.bBatch, attrs.bContract).map((i) =>
      place(context.parallel('n', b.type.shape[i]!), inB, i),
    );
    const k = attrs.aContract.map((i, n) => {
      const axis = place(context.axis('k', a.type.shape[i]!), inA, i);
      return place(axis, inB, attrs.bContract[n]!);
    });
    return {
      batch,
      m,
      n,
      k,
      a: context.at(a, inA),
      b: context.at(b, inB),
      index: [...batch, ...m, ...n].map(idxAxis),
    };
  },
  gradient: (builder, { inputs, attrs }, dy) => {
    const [a, b] = inputs as [Node, Node];
    const { aBatch, bBatch, aContract, bContract } = attrs;
    const aFree = freeAxes(a.type.shape.length, aBatch, aContract);
    const bFree = freeAxes(b.type.shape.length, bBatch, bContract);
    const batches = aBatch.map((_, i) => i);
    const fromA = aFree.map((_, i) => aBatch.length + i);
    const fromB = bFree.map((_, i) => aBatch.length + aFree.length + i);
    return [
      // Over b's free axes: batch, a's free axes, and b's contracted axes for a's.
      product(
        builder,
        aBatch,
        { x: dy, batch: batches, contract: fromB, places: aFree },
        { x: b, batch: bBatch, contract: bFree, places: inOrderOf(bContract, aContract) },
      ),
      // Over a's free axes: batch, a's contracted axes for b's, and b's free axes.
      product(
        builder,
        bBatch,
        { x: a, batch: aBatch, contract: aFree, places: inOrderOf(aContract, bContract) },
        { x: dy, batch: batches, contract: fromA, places: bFree },
      ),
    ];
  },
});

/** The partners (in `theirs`) of contracted axes, in the order in which `own` axes lie in their array. */
const inOrderOf = (own: readonly number[], theirs: readonly number[]): number[] =>
  own
    .map((axis, i) => ({ axis, partner: theirs[i]! }))
    .sort((p, q) => p.axis - q.axis)
    .map((p) => p.partner);

/** One side of a product: its batch and contracted axes, and where its free axes belong in the result. */
interface Side {
  readonly x: Node;
  readonly batch: readonly number[];
  readonly contract: readonly number[];
  readonly places: readonly number[];
}

/**
 * The product with its axes put where they belong (`batch` first in operand order). The side whose free axes come first
 * in the result stands left where that saves the transpose.
 */
const product = (
  builder: GraphBuilder,
  batch: readonly number[],
  left: Side,
  right: Side,
): Node => {
  const places = [...batch, ...left.places, ...right.places];
  const turned = [...batch, ...right.places, ...left.places];
  const [a, b, own] =
    isSorted(turned) && !isSorted(places) ? [right, left, turned] : [left, right, places];
  const y = builder.emit(dot, [a.x, b.x], {
    aBatch: a.batch,
    bBatch: b.batch,
    aContract: a.contract,
    bContract: b.contract,
  });
  return builder.transpose(y, inversePermutation(own));
};

const isSorted = (axes: readonly number[]): boolean =>
  axes.every((a, i) => i === 0 || a > axes[i - 1]!);
