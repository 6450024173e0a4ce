/**
 * Places in the row-major enumeration of axes, as values of those axes.
 *
 * Invariant: `positionOf` names what it computes, so that binding it many times computes it once.
 */
import type { Axis } from '../../ir/dim.ts';
import { i32, operate } from '../../ir/thread/build.ts';
import type { TExpr } from '../../ir/thread/thread.ts';
import type { Emitter } from './emitter.ts';

/** Values of axes at a position in their row-major enumeration. */
export type Position = readonly (readonly [Axis, TExpr])[];

export const positionOf = (em: Emitter, axes: readonly Axis[], at: TExpr): Position => {
  let rest = at;
  const values: [Axis, TExpr][] = [];
  for (let i = axes.length - 1; i >= 0; i--) {
    const axis = axes[i]!;
    values.push([
      axis,
      i === 0 ? rest : em.name(axis.name, operate('mod', rest, i32(axis.extent))),
    ]);
    if (i > 0) rest = em.name('rest', operate('floordiv', rest, i32(axis.extent)));
  }
  return values;
};

export const bindAll = (em: Emitter, position: Position): void => {
  for (const [axis, value] of position) em.bind(axis, value);
};
