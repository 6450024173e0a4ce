/**
 * Packs a block of an operand into panels for the micro-kernel: `panel[k][lane]`, lanes being rows or columns.
 *
 * Invariants: whatever the operand computes (padding, fused maps) is computed once per packed element; lanes beyond the
 * operand's last row or column hold some other element of it, so that nothing is read out of bounds: their results are
 * never stored.
 */

import { type Axis, pointsOf } from '../../ir/dim.ts';
import { add, i32, mul, operate, shuffle, storeTo, vec4 } from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer } from '../../ir/thread/thread.ts';
import type { Emitter } from '../emit/emitter.ts';
import { bindAll, positionOf } from '../emit/position.ts';
import {
  type DepthBlocks,
  type Operand,
  type Packing,
  readsVectors,
  TILE_COLUMNS,
} from './contraction.ts';

/** A block of the sum: the chunked axis runs over `[from, from + length)`. */
export interface DepthBlock {
  readonly blocks: Pick<DepthBlocks, 'inner' | 'depth'>;
  readonly from: TExpr;
  readonly length: TExpr;
}

export interface Panels {
  readonly buffer: ThreadBuffer;
  /** Where the panels start in the buffer. */
  readonly offset: TExpr;
  /** Lanes of a panel: 4, 6, 8 or 12. */
  readonly width: number;
  /** First row or column, and the number of panels. */
  readonly start: TExpr;
  readonly count: TExpr;
}

export const pack = (em: Emitter, operand: Operand, panels: Panels, block: DepthBlock): void => {
  const { buffer, width, offset, start, count } = panels;
  const firstOf = (panel: TExpr): TExpr => add(start, mul(panel, i32(width)));
  const targetOf = (panel: TExpr): Target => {
    const base = add(offset, mul(panel, i32(width * block.blocks.depth)));
    return { buffer, width, base };
  };
  const isWide = width === TILE_COLUMNS && !(count.kind === 'const' && count.value <= FEW);
  let done: TExpr = i32(0);
  if (isNeighbouring(operand) && (width === SIX || (isWide && operand.size % width === 0))) {
    const inside = operate('floordiv', operate('sub', i32(operand.size), start), i32(width));
    done = operand.size % width === 0 ? count : em.name('whole', operate('min', count, inside));
    acrossPanels(em, operand, block, done, (panel) => [firstOf(panel), targetOf(panel)]);
    if (done === count) return;
  }
  if (width !== SIX) {
    packFours(em, operand, panels, block);
    return;
  }
  // panel by panel: what reaches beyond one, stored by fours, is overwritten by the next
  em.loop('panel', done, count, 1, (panel) =>
    packLanes(em, operand, em.name('first', firstOf(panel)), targetOf(panel), block),
  );
};

const SIX = 6;
/** Panels of eight that are read down a strip as fast, because a strip is a line wide. */
const FEW = 2;

/** Whether lanes are neighbours in memory, all of them. */
export const isNeighbouring = ({ packing, free }: Operand): boolean =>
  packing === 'free' && free.length === 1;

/**
 * Whole panels, along memory: for each four steps of the sum through all of them, so that lines are read in their order.
 * Rows of a matrix that are left for a strip of others lose what was fetched ahead, and their pages. Six neighbours are two
 * vectors that share their middle.
 */
const acrossPanels = (
  em: Emitter,
  operand: Operand,
  block: DepthBlock,
  count: TExpr,
  at: (panel: TExpr) => readonly [first: TExpr, target: Target],
): void => {
  const lanes = operand.free[0]!;
  const last = operand.summed.at(-1);
  const putLanes = (k: TExpr, panel: TExpr): void => {
    const [first, target] = at(panel);
    for (const lane of [0, target.width - 4])
      em.scope('same', () => {
        em.bind(lanes, add(first, i32(lane)));
        const base = add(target.base, i32(lane));
        put(em, { ...target, base }, k, em.vector(operand.expr, lanes));
      });
  };
  const eachPanel = (fill: (panel: TExpr) => void): void =>
    em.loop('panel', i32(0), count, 1, fill);
  const one = (k: TExpr): void => eachPanel((panel) => putLanes(k, panel));
  const four = (k: TExpr, place: TExpr): void =>
    eachPanel((panel) => {
      for (let i = 0; i < 4; i++)
        em.scope('same', () => {
          em.bind(last!, add(place, i32(i)));
          putLanes(add(k, i32(i)), panel);
        });
    });
  overDepth(em, operand.summed, block, last === undefined ? { one } : { one, four });
};

const packFours = (em: Emitter, operand: Operand, panels: Panels, block: DepthBlock): void => {
  const quarters = panels.width / 4;
  const together = groupsTogether(operand, panels);
  em.loop('lanes', i32(0), mul(panels.count, i32(quarters)), together, (group) => {
    const first = em.name('first', add(panels.start, mul(group, i32(4))));
    const targets = Array.from({ length: together }, (_, i): Target => {
      const at = add(group, i32(i));
      const panel = operate('floordiv', at, i32(quarters));
      const quarter = operate('mod', at, i32(quarters));
      const inside = add(mul(panel, i32(panels.width * block.blocks.depth)), mul(quarter, i32(4)));
      return { buffer: panels.buffer, width: panels.width, base: add(panels.offset, inside) };
    });
    if (operand.packing === 'free') packAlongFree(em, operand, first, targets, block);
    else packLanes(em, operand, first, targets[0]!, block);
  });
};

/**
 * Groups of four lanes packed in one walk over the sum. Where that walk goes down a matrix, each step is in another cache
 * line, whose neighbours are gone when the walk is over: all of a line is used at once, if panels are whole lines.
 */
const groupsTogether = (operand: Operand, { width, count }: Panels): 1 | 2 | 4 => {
  if (operand.packing !== 'free') return 1;
  const { extent } = operand.free.at(-1)!;
  const isEven = count.kind === 'const' && count.value % 2 === 0;
  if (width === 8 && isEven && extent % 16 === 0) return 4;
  return extent % 8 === 0 && (width === 8 || (width === 4 && isEven)) ? 2 : 1;
};

interface Target {
  readonly buffer: ThreadBuffer;
  readonly width: number;
  readonly base: TExpr;
}

const put = (em: Emitter, t: Target, k: TExpr, value: TExpr): void =>
  em.push(storeTo(t.buffer, add(t.base, mul(k, i32(t.width))), value));

/** Four lanes are neighbours in memory unless they run over the end of the last axis. */
const packAlongFree = (
  em: Emitter,
  operand: Operand,
  first: TExpr,
  targets: readonly Target[],
  block: DepthBlock,
): void => {
  const last = operand.free.at(-1)!;
  const aligned = last.extent % (4 * targets.length) === 0;
  const most = operand.size - 4 * targets.length;
  const start = aligned ? operate('min', first, i32(most)) : first;
  const position = positionOf(em, operand.free, em.name('start', start));
  const along = position[0]![1];
  const vectors = (): void => {
    bindAll(em, position);
    const one = (k: TExpr): void =>
      targets.forEach((target, i) => {
        em.scope('same', () => {
          em.bind(last, add(along, i32(4 * i)));
          put(em, target, k, em.vector(operand.expr, last));
        });
      });
    overDepth(em, operand.summed, block, { one });
  };
  if (aligned) em.scope('same', vectors);
  else
    em.branch(unbroken(operand, first, along), vectors, () =>
      packLanes(em, { ...operand, packing: brokenPacking(operand) }, first, targets[0]!, block),
    );
};

/**
 * How lanes that are no neighbours are read: by vectors along the sum where those are in memory. For the 5 x 5 shifts of
 * a convolution's weight gradient three groups in five are broken; transposing halves what they cost.
 */
const brokenPacking = (operand: Operand): Packing =>
  readsVectors(operand.expr, operand.summed.at(-1)) ? 'summed' : 'scalar';

/** Four lanes from `first` on are inside the operand, and neighbours on its last axis. */
const unbroken = (operand: Operand, first: TExpr, along: TExpr): TExpr =>
  operate(
    'and',
    operate('le', along, i32(operand.free.at(-1)!.extent - 4)),
    operate('le', first, i32(operand.size - 4)),
  );

/**
 * Each lane has a position of its own; vectors along the sum are transposed, four by four. Six lanes are stored as four
 * and four, of which the last two are no part of them: what they overwrite is stored after them.
 */
const packLanes = (
  em: Emitter,
  operand: Operand,
  first: TExpr,
  target: Target,
  block: DepthBlock,
): void => {
  const isSix = target.width === SIX;
  const lanes = Array.from({ length: isSix ? SIX : 4 }, (_, lane) => {
    const at = operate('min', add(first, i32(lane)), i32(operand.size - 1));
    return positionOf(em, operand.free, em.name('lane', at));
  });
  const gather = (value: () => TExpr): TExpr[] =>
    lanes.map((position) => {
      let result = i32(0);
      em.scope('same', () => {
        bindAll(em, position);
        result = em.name('x', value());
      });
      return result;
    });
  const rest: Target = { ...target, base: add(target.base, i32(4)) };
  const one = (k: TExpr): void => {
    const [a, b, c, d, e, f] = gather(() => em.scalar(operand.expr));
    put(em, target, k, vec4(a!, b!, c!, d!));
    if (isSix) put(em, rest, k, vec4(e!, f!, f!, f!));
  };
  const last = operand.summed.at(-1);
  if (operand.packing !== 'summed' || last === undefined) {
    overDepth(em, operand.summed, block, { one });
    return;
  }
  const four = (k: TExpr): void => {
    const [a, b, c, d, e, f] = gather(() => em.vector(operand.expr, last));
    const pairs = isSix ? pairsOf(em, e!, f!) : [];
    transposed(em, [a!, b!, c!, d!]).forEach((v, i) => {
      put(em, target, add(k, i32(i)), v);
      if (isSix) put(em, rest, add(k, i32(i)), pairs[i]!);
    });
  };
  overDepth(em, operand.summed, block, { one, four });
};

/** Four vectors that begin with what was a lane of both. */
const pairsOf = (em: Emitter, a: TExpr, b: TExpr): TExpr[] => {
  const low = em.name('low', shuffle(a, b, [0, 4, 1, 5]));
  const high = em.name('high', shuffle(a, b, [2, 6, 3, 7]));
  return [low, shuffle(low, low, [2, 3, 2, 3]), high, shuffle(high, high, [2, 3, 2, 3])];
};

/** Four vectors of what were their lanes. */
export const transposed = (
  em: Emitter,
  [a, b, c, d]: readonly [TExpr, TExpr, TExpr, TExpr],
): TExpr[] => {
  const low = em.name('low', shuffle(a, b, [0, 4, 1, 5]));
  const low2 = em.name('low', shuffle(c, d, [0, 4, 1, 5]));
  const high = em.name('high', shuffle(a, b, [2, 6, 3, 7]));
  const high2 = em.name('high', shuffle(c, d, [2, 6, 3, 7]));
  return [
    shuffle(low, low2, [0, 1, 4, 5]),
    shuffle(low, low2, [2, 3, 6, 7]),
    shuffle(high, high2, [0, 1, 4, 5]),
    shuffle(high, high2, [2, 3, 6, 7]),
  ];
};

export interface Fill {
  /** Fills the panel's row `k` for the bound value of the summed axes. */
  readonly one: (k: TExpr) => void;
  /** Fills rows `k` to `k + 3`; the last axis is bound to the first of them, `place`. */
  readonly four?: (k: TExpr, place: TExpr) => void;
}

/** Loops over a block of the sum in order; `k` counts its elements from 0. */
export const overDepth = (
  em: Emitter,
  axes: readonly Axis[],
  block: DepthBlock,
  { one, four }: Fill,
): void => {
  const [chunked] = axes;
  if (chunked === undefined) {
    one(i32(0));
    return;
  }
  // the first axis may have been merged with some behind it: a block of it is longer by those
  const others = pointsOf(axes.slice(1));
  const scale = i32(block.blocks.inner / others);
  const from = mul(block.from, scale);
  const walk = (i: number, outer: TExpr): void => {
    const axis = axes[i]!;
    const length = i === 0 ? mul(block.length, scale) : i32(axis.extent);
    const at = (v: TExpr): TExpr => add(outer, v);
    const place = (v: TExpr): TExpr => (i === 0 ? add(from, v) : v);
    if (i + 1 < axes.length) {
      em.loop(axis.name, i32(0), length, 1, (v) => {
        em.bind(axis, place(v));
        walk(i + 1, em.name('k', mul(at(v), i32(axes[i + 1]!.extent))));
      });
      return;
    }
    const whole = four === undefined ? i32(0) : operate('and', length, i32(-4));
    if (four !== undefined)
      em.loop(axis.name, i32(0), whole, 4, (v) => {
        em.bind(axis, place(v));
        four(at(v), place(v));
      });
    em.loop(axis.name, whole, length, 1, (v) => {
      em.bind(axis, place(v));
      one(at(v));
    });
  };
  walk(0, i32(0));
};
