/**
 * The schedule of a launch that packs panels: workgroups own ranges of panels, and go down the sum in blocks.
 *
 * Invariant: each element of the copy is written once.
 */
import { pointsOf } from '../../ir/dim.ts';
import type { Nest } from '../../ir/loop/loop.ts';
import { add, i32, mul, operate } from '../../ir/thread/build.ts';
import { reductionsIn } from '../analysis.ts';
import type { Caps } from '../caps.ts';
import { Emitter } from '../emit/emitter.ts';
import type { NestPlan } from '../plan.ts';
import { TILE_COLUMNS } from './contraction.ts';
import { pack } from './pack.ts';
import { panelsIn } from './panels.ts';

/** Elements worth a workgroup. */
const GRAIN = 1 << 14;
/** Rows of a matrix that are packed before the next panel's: its cache lines are still there for the other half of them. */
const BLOCK = 64;

/** The schedule, if a nest is such a copy. */
export const planPanels = (nest: Nest, caps: Caps): NestPlan | undefined => {
  const found = caps.lanes === 4 ? panelsIn(nest) : undefined;
  if (found === undefined || reductionsIn(nest.stores.map((s) => s.value)).length > 0)
    return undefined;
  const { copy, columns } = found;
  const [panels, depth] = [copy.shape[0]!, copy.shape[1]!];
  const elements = panels * depth * TILE_COLUMNS;
  const wanted = Math.max(1, Math.min(Math.floor(elements / GRAIN), 2 * caps.parallelism));
  const share = Math.ceil(panels / wanted);
  const grid = Math.ceil(panels / share);
  const [first, ...others] = columns.summed;
  const inner = pointsOf(others);
  const extent = first?.extent ?? 1;
  const chunk = Math.max(4, Math.floor(BLOCK / inner));
  return {
    grid,
    threads: 1,
    shared: [],
    cost: { flops: Math.round(elements * columns.cost), bytes: 8 * elements },
    notes: [`panels of ${TILE_COLUMNS}: ${panels} of ${depth}, by ${columns.packing}`],
    emit: ({ workgroup }, resolve) => {
      const em = new Emitter({ lanes: 4, resolve });
      const start = em.name('panelStart', mul(workgroup, i32(share)));
      const left = operate('sub', i32(panels), start);
      const count =
        panels % share === 0 ? i32(share) : em.name('panels', operate('min', left, i32(share)));
      em.loop('from', i32(0), i32(extent), chunk, (from) => {
        const rest = operate('sub', i32(extent), from);
        const length =
          extent % chunk === 0 ? i32(chunk) : em.name('length', operate('min', rest, i32(chunk)));
        const offset = add(
          mul(start, i32(depth * TILE_COLUMNS)),
          mul(from, i32(inner * TILE_COLUMNS)),
        );
        const target = {
          buffer: resolve(copy),
          offset: em.name('blockAt', offset),
          width: TILE_COLUMNS,
          start: em.name('columnStart', mul(start, i32(TILE_COLUMNS))),
          count,
        };
        pack(em, columns, target, { blocks: { inner, depth }, from, length });
      });
      return em.body;
    },
  };
};
