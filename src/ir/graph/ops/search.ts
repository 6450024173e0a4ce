/**
 * Search in what is sorted: by halving, written out, so that whatever uses the places computes them on the way.
 *
 * Invariant: NaN counts as greater than all numbers, as where it was sorted to; places lie in 0 to n.
 */
import { isFloat } from '../../dtype.ts';
import { constant, scalar } from '../../loop/expr.ts';
import type { Expr } from '../../loop/loop.ts';
import { tensor } from '../../type.ts';
import type { Node, Op } from '../graph.ts';
import { defineOp, ruleFor } from './define.ts';
import { clampedIndex } from './opaque.ts';

export type SearchAttrs = {
  /** Behind equal elements instead of before them. */
  readonly right: boolean;
};

/** Before which element of `sorted` [n] each of `values` has to be put so that it stays sorted: int32, 0 to n. */
export const searchSorted: Op<SearchAttrs> = defineOp<SearchAttrs>({
  name: 'searchSorted',
  kind: 'gather',
  schema: { right: { kind: 'bool', default: false } },
  type: (inputs) => {
    const rule = ruleFor('searchSorted', inputs, ['sorted', 'values']);
    const [sorted, values] = inputs;
    rule.check(
      sorted!.shape.length === 1,
      'searches arrays of one axis',
      'search each row by itself',
    );
    rule.check(
      sorted!.dtype === values!.dtype && sorted!.dtype !== 'bool',
      `compares numbers of one dtype, not ${sorted!.dtype} and ${values!.dtype}`,
      'convert both to one dtype',
      'dtype',
    );
    return tensor('int32', values!.shape);
  },
  lower: ({ inputs, attrs: { right } }, index, context) => {
    const [sorted, values] = inputs as [Node, Node];
    const n = sorted.type.shape[0]!;
    const value = context.at(values, index);
    const isLess = (x: Expr, y: Expr): Expr => {
      const less = scalar('lt', x, y);
      if (!isFloat(x.dtype)) return less;
      return scalar(
        'or',
        less,
        scalar('and', scalar('isnan', y), scalar('not', scalar('isnan', x))),
      );
    };
    let place: Expr = constant(0, 'int32');
    for (let step = 2 ** Math.floor(Math.log2(Math.max(1, n))); n > 0 && step >= 1; step /= 2) {
      const next = scalar('add', place, constant(step, 'int32'));
      const last = scalar('add', place, constant(step - 1, 'int32'));
      const element = context.at(sorted, [clampedIndex(last, n)]);
      const before = right ? scalar('not', isLess(value, element)) : isLess(element, value);
      const inside = scalar('le', next, constant(n, 'int32'));
      place = scalar('select', scalar('and', inside, before), next, place);
    }
    return place;
  },
  gradient: () => [null, null],
});
