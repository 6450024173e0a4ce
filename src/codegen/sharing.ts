/**
 * How the elements of a nest are shared out among workgroups, and the loops each of them runs.
 *
 * Invariant: ranges of workgroups cover every element once; what is stored does not depend on how they are cut.
 */
import type { Axis } from '../ir/dim.ts';
import { i32, operate } from '../ir/thread/build.ts';
import type { TExpr } from '../ir/thread/thread.ts';
import type { Emitter } from './emit/emitter.ts';
import { type Mode, SCALAR } from './emit/mode.ts';

/** Scalar operations that are worth a workgroup of their own. */
const GRAIN = 16384;

/** How the work is shared out: ranges of the leading axes, then chunks of the vector axis. */
export interface Sharing {
  /** Number of leading axes that are one range, shared among workgroups. */
  readonly flattened: number;
  readonly rows: number;
  readonly rowsPerGroup: number;
  readonly groups: number;
  readonly chunk: number;
  readonly chunks: number;
}

/** Splits `leading` axes (and `along`, when it may be) so that each workgroup has enough to do. */
export const share = (
  leading: readonly Axis[],
  along: Axis | undefined,
  cost: number,
  parallelism: number,
  limits: {
    readonly mayFlatten?: (count: number) => boolean;
    /** Fewest elements of `along` in a chunk. */
    readonly leastChunk?: number;
  } = {},
): Sharing => {
  const wanted = Math.max(1, Math.min(Math.floor(cost / GRAIN), parallelism * 8));
  let flattened = 0;
  let rows = 1;
  if (wanted > 1)
    while (
      flattened < leading.length &&
      rows < 4 * wanted &&
      (limits.mayFlatten?.(flattened + 1) ?? true)
    )
      rows *= leading[flattened++]!.extent;
  const rowsPerGroup = Math.max(1, Math.ceil(rows / wanted));
  const groups = Math.max(1, Math.ceil(rows / rowsPerGroup));
  const n = along?.extent ?? 1;
  const most = Math.max(1, Math.floor(n / (limits.leastChunk ?? 64)));
  const pieces = along ? Math.max(1, Math.min(most, Math.floor(wanted / groups))) : 1;
  const chunk = pieces === 1 ? n : Math.ceil(n / pieces / 64) * 64;
  return {
    flattened,
    rows,
    rowsPerGroup,
    groups,
    chunk,
    chunks: Math.max(1, Math.ceil(n / chunk)),
  };
};

/** Runs `each` for the rows of workgroup range `group`, with the flattened axes bound. */
export const emitRows = (
  em: Emitter,
  axes: readonly Axis[],
  sharing: Sharing,
  group: TExpr,
  each: () => void,
): void => {
  const { rows, rowsPerGroup } = sharing;
  const bindAll = (row: TExpr): void => {
    let rest = row;
    for (let i = axes.length - 1; i >= 0; i--) {
      const axis = axes[i]!;
      const value = i === 0 ? rest : operate('mod', rest, i32(axis.extent));
      em.bind(axis, em.name(axis.name, value));
      if (i > 0) rest = em.name('outer', operate('floordiv', rest, i32(axis.extent)));
    }
    each();
  };
  if (axes.length === 0) em.scope('same', each);
  else if (rowsPerGroup === 1) em.scope('same', () => bindAll(group));
  else {
    const from = em.name('from', operate('mul', group, i32(rowsPerGroup)));
    const end = operate('add', from, i32(rowsPerGroup));
    const to = rows % rowsPerGroup === 0 ? end : operate('min', end, i32(rows));
    em.loop('row', from, em.name('to', to), 1, bindAll);
  }
};

/**
 * Calls `each` for all elements of `axis` in `[from, to)`, by vectors, then the rest one by one. What it hands to `later`
 * happens when all vectors of a trip are computed.
 */
export const vectorLoop = (
  em: Emitter,
  axis: Axis,
  unroll: number,
  range: { readonly from: TExpr; readonly to: TExpr } | undefined,
  each: (mode: Mode, later: (write: () => void) => void) => void,
): void => {
  const n = axis.extent;
  const step = 4 * unroll;
  const from = range?.from ?? i32(0);
  const to = range?.to ?? i32(n);
  const upTo = (multiple: number): TExpr => {
    if (!range) return i32(n - (n % multiple));
    if (n % multiple === 0) return to;
    const whole = operate('and', operate('sub', to, from), i32(-multiple));
    return em.name('whole', operate('add', from, whole));
  };
  const main = upTo(step);
  const rest = unroll === 1 ? main : upTo(4);
  const vector: Mode = { along: axis, lane: 'all' };
  const bound = (value: TExpr, inside: () => void): void => {
    em.scope('same', () => {
      em.bind(axis, value);
      inside();
    });
  };
  const at = (value: TExpr, mode: Mode): void => bound(value, () => each(mode, (write) => write()));
  em.loop(axis.name, from, main, step, (v) => {
    const writes: (() => void)[] = [];
    for (let u = 0; u < unroll; u++) {
      const place = operate('add', v, i32(4 * u));
      bound(place, () => each(vector, (write) => writes.push(() => bound(place, write))));
    }
    for (const write of writes) write();
  });
  if (n % step !== 0 && unroll > 1) em.loop(axis.name, main, rest, 4, (v) => at(v, vector));
  if (n % 4 !== 0) em.loop(axis.name, rest, to, 1, (v) => at(v, SCALAR));
};
