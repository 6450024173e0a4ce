/**
 * The weights of a row and a channel, as Winograd's transform reads them: four rows at a time, by vectors where they are
 * neighbours in memory.
 *
 * Invariant: taps are numbered by where they meet the padded input; rows beyond the last are the last.
 */
import type { Axis } from '../../ir/dim.ts';
import type { Expr } from '../../ir/loop/loop.ts';
import { add, i32, operate, vec4 } from '../../ir/thread/build.ts';
import type { TExpr } from '../../ir/thread/thread.ts';
import type { Emitter } from '../emit/emitter.ts';
import { bindAll, type Position, positionOf } from '../emit/position.ts';
import { readsVectors } from './contraction.ts';
import { mergeAxes } from './merge.ts';
import { transposed } from './pack.ts';
import type { Shifts } from './shifted-geometry.ts';

export interface Taps {
  readonly rows: readonly Axis[];
  readonly channels: readonly Axis[];
  readonly size: number;
  /** Over rows, channels and taps. */
  readonly expr: Expr;
  /** Along a line: 3 or 5. */
  readonly side: number;
  /** One where all of a window are neighbours, else two. */
  readonly taps: readonly Axis[];
  /** In memory; where they meet the input. */
  readonly order: readonly number[];
  /** Rough cycles to read those of a row and a channel. */
  readonly cost: number;
}

/** How the weights of a convolution with windows of 3 x 3 or 5 x 5 are read; `undefined` for other windows. */
export const tapsOf = (g: Shifts): Taps | undefined => {
  const side = g.windows[0]!.k.extent;
  if (g.windows.length !== 2 || g.windows[1]!.k.extent !== side) return undefined;
  if (side !== 3 && side !== 5) return undefined;
  const {
    axes: taps,
    exprs: [expr],
  } = mergeAxes(
    g.windows.map((w) => w.k),
    [g.rows.expr],
  );
  const [down, along] = g.windows.map((w) => (i: number) => (w.sign > 0 ? i : side - 1 - i));
  const order = Array.from(
    { length: side * side },
    (_, i) => side * down!(Math.floor(i / side)) + along!(i % side),
  );
  const vectors = taps.length === 1 && readsVectors(expr!, taps[0]);
  return {
    rows: g.rows.free,
    channels: g.rows.summed,
    size: g.rows.size,
    expr: expr!,
    side,
    taps,
    order,
    cost: side * side * (vectors ? 0.65 : Math.max(3, g.rows.cost)),
  };
};

/** Where four rows from `first` on are. */
export const tapRows = (em: Emitter, { rows, size }: Taps, first: TExpr): Position[] =>
  [0, 1, 2, 3].map((lane) => {
    const at = operate('min', add(first, i32(lane)), i32(size - 1));
    return positionOf(em, rows, em.name('row', at));
  });

/** The weights of four rows, for the bound channel. */
export const readTaps = (em: Emitter, t: Taps, rows: readonly Position[]): TExpr[] => {
  const gather = (value: () => TExpr): [TExpr, TExpr, TExpr, TExpr] =>
    rows.map((position) => {
      let result = i32(0);
      em.scope('same', () => {
        bindAll(em, position);
        result = em.name('g', value());
      });
      return result;
    }) as [TExpr, TExpr, TExpr, TExpr];
  const [first, second] = t.taps;
  const at = (tap: number): TExpr =>
    em.name(
      'tap',
      vec4(
        ...gather(() => {
          if (second === undefined) em.bind(first!, i32(tap));
          else {
            em.bind(first!, i32(Math.floor(tap / t.side)));
            em.bind(second, i32(tap % t.side));
          }
          return em.scalar(t.expr);
        }),
      ),
    );
  const four = (tap: number): TExpr[] =>
    transposed(
      em,
      gather(() => {
        em.bind(first!, i32(tap));
        return em.vector(t.expr, first!);
      }),
    ).map((v) => em.name('tap', v));
  const all = t.order.length;
  const whole = second === undefined && readsVectors(t.expr, first) ? all - (all % 4) : 0;
  const found: TExpr[] = [];
  for (let tap = 0; tap < whole; tap += 4) found.push(...four(tap));
  for (let tap = whole; tap < all; tap++) found.push(at(tap));
  return t.order.map((tap) => found[tap]!);
};
