/**
 * Exponentials of what a maximum was subtracted from (softmax and its kin) say that their arguments are at most 0, where
 * a target has a cheaper exponential for those.
 *
 * Invariant: the nest means the same, NaN included: the minimum of 0 and what is at most 0.
 */
import { type Axis, idxAxis } from '../ir/dim.ts';
import { constant, scalar } from '../ir/loop/expr.ts';
import type { Expr, Nest, ReduceExpr } from '../ir/loop/loop.ts';
import { operandsOf } from '../ir/loop/visit.ts';
import { freeAxes } from './analysis.ts';
import { rewriter } from './rewrite.ts';

/** Whether `e` is what `peak` is the maximum of, somewhere along its axes. */
const isUnder = (e: Expr, peak: ReduceExpr): boolean => {
  if (peak.op !== 'max') return false;
  if (e === peak.body) return true;
  const [along, ...others] = peak.axes;
  if (along === undefined || others.length > 0) return false;
  const at = (a: Axis): boolean =>
    a.extent === along.extent &&
    rewriter({ axis: (x) => (x === along ? idxAxis(a) : undefined) }).expr(peak.body) === e;
  return [...freeAxes(e)].some((a) => !freeAxes(peak).has(a) && at(a));
};

const isPeaked = (e: Expr): boolean => {
  if (e.kind !== 'op' || e.op !== 'exp' || e.dtype !== 'float32') return false;
  const [argument] = e.args;
  if (argument?.kind !== 'op' || argument.op !== 'sub') return false;
  const [value, peak] = argument.args;
  return peak?.kind === 'reduce' && isUnder(value!, peak);
};

const hasPeaks = (roots: readonly Expr[]): boolean => {
  const seen = new Set<Expr>();
  const walk = (e: Expr): boolean => {
    if (seen.has(e)) return false;
    seen.add(e);
    return isPeaked(e) || operandsOf(e).some(walk);
  };
  return roots.some(walk);
};

/** The nest, with arguments of such exponentials bounded. */
export const boundPeaks = (nest: Nest): Nest => {
  if (!hasPeaks(nest.stores.map((s) => s.value))) return nest;
  const zero = constant(0, 'float32');
  const { expr } = rewriter({
    replace: (e) =>
      e.kind === 'op' && isPeaked(e)
        ? scalar('exp', scalar('min', expr(e.args[0]!), zero))
        : undefined,
  });
  return { ...nest, stores: nest.stores.map((s) => ({ ...s, value: expr(s.value) })) };
};
