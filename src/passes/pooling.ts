/**
 * Backward of pooling: masks and sums are taken on the small side of the pool.
 *
 * Invariant: a window passes its gradient to the one element it chose, so a test of that element is a test of the
 * window's maximum; the full-size activation is then needed neither by the mask nor between forward and backward. Ops
 * are those of the nodes met, so that rules bring none into programs without pools.
 */
import type { Node } from '../ir/graph/graph.ts';
import type { Choice, PoolScatterAttrs, WindowAttrs } from '../ir/graph/ops/window.ts';
import { type Rule, type RuleTable, uniform } from './rewrite.ts';

/** `select(x > c, poolScatter(dy, argmax of x), 0) = poolScatter(select(max of x > c, dy, 0), argmax of x)`. */
const maskBeforeScatter: Rule = ({ inputs: [mask, spread, zero] }, b) => {
  if (uniform(zero) !== 0 || mask!.op.name !== 'gt' || spread!.op.name !== 'poolScatter')
    return undefined;
  const [dy, idx] = spread!.inputs as [Node, Node];
  const [x, limit] = mask!.inputs as [Node, Node];
  const threshold = uniform(limit);
  if (idx.op.name !== 'windowArgmax' || idx.inputs[0] !== x || threshold === undefined)
    return undefined;
  const scatter = spread!.attrs as PoolScatterAttrs;
  const windows = idx.attrs as WindowAttrs;
  if (!sameWindows(scatter, windows)) return undefined;
  const top = b.emit((idx.op as Choice).chosen, [x], windows);
  const kept = b.op('select', b.op('gt', top, b.lit(threshold, top)), dy, b.lit(0, dy));
  return b.emit(spread!.op, [kept, idx], scatter);
};

const sameWindows = (a: WindowAttrs, b: WindowAttrs): boolean =>
  (['kernel', 'strides', 'low', 'high'] as const).every((name) => `${a[name]}` === `${b[name]}`);

/** What a pool passes back sums up to what came in: each window's value lands on one element of the array. */
const sumBeforeScatter: Rule = ({ inputs: [x], attrs }, b) => {
  if (x!.op.name !== 'poolScatter') return undefined;
  const [dy, idx] = x!.inputs as [Node, Node];
  const scatter = x!.attrs as PoolScatterAttrs;
  const axes = attrs['axes'] as readonly number[];
  const rank = scatter.shape.length;
  const pooled = scatter.kernel.map((_, i) => rank - 1 - i);
  const chosen = idx.op.name === 'windowArgmax' && sameWindows(scatter, idx.attrs as WindowAttrs);
  return chosen && pooled.every((a) => axes.includes(a)) ? b.sum(dy, axes) : undefined;
};

export const poolingRules: RuleTable = { select: maskBeforeScatter, sum: sumBeforeScatter };
