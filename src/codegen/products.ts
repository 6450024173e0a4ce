/**
 * Products as reductions inside the stored values: what every device can run, whatever its templates.
 *
 * Invariant: the nest means the same; nothing in it is an `acc` any more.
 */
import { constant, reduce, scalar, scoreValues } from '../ir/loop/expr.ts';
import {
  ABSENT,
  type AccExpr,
  type AccName,
  type Attention,
  type Expr,
  type Nest,
} from '../ir/loop/loop.ts';
import { rewriter } from './rewrite.ts';

/** The nest without its product. */
export const productAsReduce = (nest: Nest): Nest => {
  const { contract, attend } = nest;
  if (contract !== undefined) {
    const { k, a, b } = contract;
    return replaced(nest, { acc: reduce('add', k, scalar('mul', a, b)) });
  }
  return attend === undefined ? nest : replaced(nest, resultsOf(attend));
};

type Values = Readonly<Partial<Record<AccName, Expr>>>;

const replaced = (nest: Nest, values: Values): Nest => {
  const { expr } = rewriter({ replace: (e) => (e.kind === 'acc' ? values[e.name] : undefined) });
  return {
    axes: nest.axes,
    stores: nest.stores.map((s) => ({ ...s, value: expr(s.value) })),
    contract: undefined,
  };
};

const resultsOf = ({ k, fold, scores, weight: written, value, kept }: Attention): Values => {
  const products = scores.map(({ depth, a, b }) => reduce('add', depth, scalar('mul', a, b)));
  const { expr } = rewriter({
    replace: (e) => products[scoreValues.indexOf(e as AccExpr)],
  });
  const weight = expr(written);
  const sum = (body: Expr): Expr => reduce('add', k, body);
  if (fold === 'sum') return { acc: sum(scalar('mul', weight, value)) };
  const absent = constant(ABSENT, 'float32');
  const zero = constant(0, 'float32');
  const one = constant(1, 'float32');
  const top = reduce('max', k, weight);
  const power = scalar(
    'select',
    scalar('le', weight, absent),
    zero,
    scalar('exp', scalar('sub', weight, top)),
  );
  const total = sum(power);
  const share = kept === undefined ? power : scalar('mul', power, kept);
  const none = scalar('eq', total, zero);
  return {
    acc: scalar('div', sum(scalar('mul', share, value)), scalar('select', none, one, total)),
    norm: scalar('select', none, absent, scalar('add', top, scalar('log', total))),
  };
};
