/**
 * Which blocks of the sum a block of rows has to meet: from the bounds outside of which nothing takes part.
 *
 * Invariant: the range depends on the workgroup alone, starts at a whole block, and holds every pair within the bounds.
 */
import { i32, mul, operate } from '../../../ir/thread/build.ts';
import type { TExpr } from '../../../ir/thread/thread.ts';
import type { Emitter } from '../../emit/emitter.ts';
import type { Cut } from './cut.ts';
import { linear } from './problem.ts';

export const rangeOf = (
  em: Emitter,
  cut: Pick<Cut, 'rows' | 'summed'> & {
    readonly problem: Pick<Cut['problem'], 'rows' | 'summed' | 'bounds'>;
  },
  firstRow: TExpr,
): { readonly from: TExpr; readonly to: TExpr } => {
  const { problem } = cut;
  const { extent } = problem.summed;
  let from: TExpr = i32(0);
  let to: TExpr = i32(extent);
  const lastRow = operate(
    'min',
    operate('add', firstRow, i32(cut.rows - 1)),
    i32(problem.rows.extent - 1),
  );
  for (const { idx, lo, hi } of problem.bounds) {
    const line = linear(idx, problem);
    if (line === undefined || Math.abs(line.sum) !== 1) continue;
    // lo <= row · r + sum · s + rest < hi, for some row r of the block
    const part = (end: TExpr): TExpr => mul(end, i32(line.row));
    const [least, most] = line.row >= 0 ? [firstRow, lastRow] : [lastRow, firstRow];
    const above = operate('sub', i32(lo - line.rest), part(most));
    const below = operate('sub', i32(hi - line.rest), part(least));
    if (line.sum === 1) {
      from = operate('max', from, above);
      to = operate('min', to, below);
    } else {
      from = operate('max', from, operate('sub', i32(1), below));
      to = operate('min', to, operate('sub', i32(1), above));
    }
  }
  const whole = operate('mul', operate('floordiv', from, i32(cut.summed)), i32(cut.summed));
  return { from: em.name('fromBlock', whole), to: em.name('toBlock', to) };
};
