/**
 * What a running fold holds of what came so far, and how two such parts, one after the other, become one.
 *
 * Invariant: joining is associative, and a part of nothing leaves the other one as it is.
 */
import type { DType } from '../../ir/dtype.ts';
import { invariant } from '../../ir/errors.ts';
import type { Nest, Prefix, PrefixOp } from '../../ir/loop/loop.ts';
import { constantOf, fma, operate } from '../../ir/thread/build.ts';
import type { TExpr } from '../../ir/thread/thread.ts';
import { neutralOf } from '../emit/combine.ts';

/** The running fold of a nest. */
export const prefixIn = ({ running }: Nest): Prefix => {
  invariant(running?.kind === 'prefix', 'the nest has a running fold');
  return running;
};

/** Parts are one number, but for `affine`: factor and summand of what they make of the sum before them. */
export type Part = readonly TExpr[];

/** A part of nothing. */
export const emptyPart = (op: PrefixOp, dtype: DType, lanes: 1 | 4): Part => {
  switch (op) {
    case 'logadd':
      return [neutralOf('max', dtype, lanes)];
    case 'affine':
      return [neutralOf('mul', dtype, lanes), neutralOf('add', dtype, lanes)];
    case 'add':
    case 'mul':
    case 'max':
    case 'min':
      return [neutralOf(op, dtype, lanes)];
    default:
      return op satisfies never;
  }
};

/** The part that `first` and then `second` make. */
export const joinParts = (op: PrefixOp, first: Part, second: Part): Part => {
  switch (op) {
    case 'add':
    case 'mul':
    case 'max':
    case 'min':
      return [operate(op, first[0]!, second[0]!)];
    case 'logadd':
      return [logAdd(first[0]!, second[0]!)];
    case 'affine':
      return [operate('mul', first[0]!, second[0]!), fma(second[0]!, first[1]!, second[1]!)];
    default:
      return op satisfies never;
  }
};

/** An element where nothing came before it (`isFirst`): the factor of a recurrence has nothing to multiply. */
export const asFirst = (op: PrefixOp, element: Part, isFirst: () => TExpr): Part =>
  op === 'affine'
    ? [operate('select', isFirst(), constantOf(0, element[0]!.type), element[0]!), element[1]!]
    : element;

/** What the fold gives after one more element, from what it gave before. */
export const advance = (op: PrefixOp, before: TExpr, element: Part): TExpr =>
  op === 'affine' ? fma(element[0]!, before, element[1]!) : joinParts(op, [before], element)[0]!;

/** What the fold gives where `part` is all that came so far. */
export const resultOf = (part: Part): TExpr => part.at(-1)!;

/** `log(exp(x) + exp(y))`; infinities of one sign are equal, and their difference is not asked for. */
const logAdd = (x: TExpr, y: TExpr): TExpr => {
  const zero = constantOf(0, x.type);
  const away = operate('abs', operate('sub', x, y));
  const distance = operate('select', operate('eq', x, y), zero, away);
  const more = operate('log1p', operate('exp', operate('neg', distance)));
  return operate('add', operate('max', x, y), more);
};
