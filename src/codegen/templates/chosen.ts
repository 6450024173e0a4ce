/**
 * Gradients of weights where each window of positions has a gradient at one of them alone, as below a maximum: for each
 * window what its position meets of the input, times its gradient, is added to all taps, which stay in registers. A pool
 * of 2 x 2 leaves a quarter of the products, and its gradient is never written out.
 *
 * Invariants: a workgroup owns a block of rows; sums are taken image by image, window by window, in order; lanes beyond the
 * taps of a line are never stored. Positions without a gradient take no part, infinite inputs there neither.
 */
import { type Axis, idxAdd, idxAxis, idxScale, newAxis, pointsOf } from '../../ir/dim.ts';
import type { Expr, Nest } from '../../ir/loop/loop.ts';
import {
  add,
  fma,
  get,
  i32,
  loadFrom,
  mul,
  operate,
  sharedBuffer,
  splat,
  storeTo,
} from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';
import { evaluationCost, freeAxes } from '../analysis.ts';
import type { Caps } from '../caps.ts';
import { Emitter } from '../emit/emitter.ts';
import { bindAll, positionOf } from '../emit/position.ts';
import type { NestPlan } from '../plan.ts';
import { rewriter } from '../rewrite.ts';
import { outputsOf, storeScalars } from '../stores.ts';
import { elapsed, START } from './contraction.ts';
import type { ImagePlan } from './convolution.ts';
import { doublings } from './cuts.ts';
import type { GradientGeometry } from './gradient.ts';
import { clear, copyCost, type Planes, planeLength, planesOf } from './planes.ts';
import { copyRows } from './rows.ts';
import { shareOf } from './share.ts';
import { isZero, type Window } from './windows.ts';

/** A gradient that windows side by side have at one position each. */
export interface Chosen {
  /** Windows along both axes, and positions that each has. */
  readonly windows: readonly [Axis, Axis];
  readonly sides: readonly [number, number];
  /** Which of its positions, row-major, and the gradient there: of a window, a row and an image. */
  readonly choice: Expr;
  readonly value: Expr;
}

/** The windows of a gradient that is chosen so, over the positions of `windows`. */
export const chosenOf = (gradient: Expr, windows: readonly Window[]): Chosen | undefined => {
  const [down, along] = windows.map((w) => w.position);
  if (down === undefined || along === undefined || windows.length > 2) return undefined;
  if (gradient.kind !== 'op' || gradient.op !== 'select') return undefined;
  const [test, value, otherwise] = gradient.args as [Expr, Expr, Expr];
  if (!isZero(otherwise) || test.kind !== 'op' || test.op !== 'eq') return undefined;
  const [choice, own] = test.args as [Expr, Expr];
  if (own.kind !== 'index') return undefined;
  const positions = own.idx.hi + 1;
  for (let high = 1; high <= positions; high++) {
    const wide = positions / high;
    if (down.extent % high !== 0 || along.extent % wide !== 0) continue;
    const [y, x] = [
      newAxis('y', down.extent / high, 'red'),
      newAxis('x', along.extent / wide, 'red'),
    ];
    const [dy, dx] = [newAxis('dy', high, 'red'), newAxis('dx', wide, 'red')];
    const inside = rewriter({
      axis: (a) => {
        if (a === down) return idxAdd(idxScale(idxAxis(y), high), idxAxis(dy));
        return a === along ? idxAdd(idxScale(idxAxis(x), wide), idxAxis(dx)) : undefined;
      },
    });
    if (inside.idx(own.idx).key !== idxAdd(idxScale(idxAxis(dy), wide), idxAxis(dx)).key) continue;
    const [c, v] = [inside.expr(choice), inside.expr(value)];
    if ([c, v].some((e) => freeAxes(e).has(dy) || freeAxes(e).has(dx))) return undefined;
    return { windows: [y, x], sides: [high, wide], choice: c, value: v };
  }
  return undefined;
};

const LANES = 4;
/** Sums of four taps that stay in registers, beside a gradient and an input. */
const MOST_SUMS = 12;
/** Cycles of a window, of each of its sums, to take a sum on, and to store an element. */
const WINDOW = 4;
const SUM = 0.6;
const TURN = 2;
const FINISH = 4;

interface Cut {
  readonly chosen: Chosen;
  readonly planes: Planes;
  /** Elements of a channel. */
  readonly plane: number;
  /** Vectors of a line of taps, and of a channel. */
  readonly line: number;
  readonly sums: number;
  /** Channels whose sums are in registers at a time. */
  readonly channels: number;
  readonly rows: number;
  readonly rowBlocks: number;
  readonly grid: number;
  readonly cycles: number;
}

/** The best cut, if it takes less than `below` cycles. */
const cutOf = (g: GradientGeometry, caps: Caps, below: number): Cut | undefined => {
  const { chosen } = g;
  const [down, along] = g.windows;
  if (chosen === undefined || down === undefined || along === undefined) return undefined;
  if (g.windows.some((w) => w.stride !== 1 || w.dilation !== 1)) return undefined;
  const line = Math.ceil(along.tap.extent / LANES);
  const sums = down.tap.extent * line;
  if (sums > MOST_SUMS) return undefined;
  const [allRows, allChannels] = [pointsOf(g.rowAxes), pointsOf(g.channels)];
  let channels = Math.min(allChannels, Math.floor(MOST_SUMS / sums));
  while (allChannels % channels !== 0) channels--;
  const planes = planesOf(g.windows, down.position.extent);
  const plane = planeLength(planes.volume + LANES);
  const [images, groups] = [pointsOf(g.images), pointsOf(g.batch)];
  const perWindow = WINDOW + channels * sums * SUM + evaluationCost(chosen.value);
  const perRow =
    (allChannels / channels) * pointsOf(chosen.windows) * perWindow + allChannels * sums * TURN;
  const inputs = down.u.extent * along.u.extent * copyCost(g.input, g.windows);
  let best: Cut | undefined;
  for (const blocks of doublings(allRows)) {
    const rows = Math.ceil(allRows / blocks);
    const rowBlocks = Math.ceil(allRows / rows);
    const elements = allChannels * (plane + rows * sums * LANES) + pointsOf(chosen.windows);
    if (4 * elements > caps.sharedBytes) continue;
    const grid = groups * rowBlocks;
    const stored = rows * allChannels * down.tap.extent * along.tap.extent * FINISH;
    const one = START + images * (allChannels * inputs + rows * perRow) + stored;
    const cycles = elapsed(grid, one, caps);
    if (cycles >= (best?.cycles ?? below)) continue;
    best = { chosen, planes, plane, line, sums, channels, rows, rowBlocks, grid, cycles };
  }
  return best;
};

/** Estimated cycles for a gradient that is chosen, if they are less than `below`. */
export const chosenCycles = (g: GradientGeometry, caps: Caps, below: number): number | undefined =>
  cutOf(g, caps, below)?.cycles;

/** The schedule for a gradient that is chosen, if it takes less than `below` cycles. */
export const planChosen = (
  nest: Nest,
  g: GradientGeometry,
  caps: Caps,
  below: number = Number.POSITIVE_INFINITY,
): ImagePlan | undefined => {
  const cut = cutOf(g, caps, below);
  if (cut === undefined) return undefined;
  const { chosen, sums, rows } = cut;
  const channels = pointsOf(g.channels);
  const scratch: Scratch = {
    image: sharedBuffer('image', 'float32', channels * cut.plane),
    sums: sharedBuffer('sums', 'float32', rows * channels * sums * LANES),
    offsets: sharedBuffer('offsets', 'int32', chosen.sides[0] * chosen.sides[1]),
  };
  const [groups, images, allRows] = [g.batch, g.images, g.rowAxes].map(pointsOf) as [
    number,
    number,
    number,
  ];
  const [taps, windows] = [pointsOf(g.windows.map((w) => w.tap)), pointsOf(chosen.windows)];
  const inputs = pointsOf(g.windows.map((w) => w.u));
  const plan: NestPlan = {
    grid: cut.grid,
    threads: 1,
    shared: Object.values(scratch),
    cost: {
      flops: groups * images * taps * allRows * channels * windows,
      bytes:
        4 *
        groups *
        (images * (2 * windows * allRows + inputs * channels) + taps * allRows * channels),
    },
    notes: [
      `gradient of ${taps} taps of ${allRows} x ${channels} at one of ${chosen.sides.join(' x ')} positions of ${windows} windows, for ${images} images`,
      `workgroups ${groups} x ${cut.rowBlocks} of ${rows} rows, ${cut.channels} channels at a time`,
    ],
    emit: ({ workgroup }, buffer) => {
      const em = new Emitter({ lanes: LANES, resolve: buffer });
      return emit({ em, g, cut, scratch }, nest, workgroup);
    },
  };
  return { plan, cycles: cut.cycles };
};

/** Memory of a workgroup. */
interface Scratch {
  /** All channels of an image with zeros around them. */
  readonly image: ThreadBuffer;
  /** By row, channel, line of taps and lane. */
  readonly sums: ThreadBuffer;
  /** Where the positions of a window are in the image. */
  readonly offsets: ThreadBuffer;
}

interface Work {
  readonly em: Emitter;
  readonly g: GradientGeometry;
  readonly cut: Cut;
  readonly scratch: Scratch;
}

const emit = (work: Work, nest: Nest, workgroup: TExpr): TStmt[] => {
  const { em, g, cut, scratch } = work;
  const channels = pointsOf(g.channels);
  bindAll(em, positionOf(em, g.batch, operate('floordiv', workgroup, i32(cut.rowBlocks))));
  const block = em.name('rowBlock', operate('mod', workgroup, i32(cut.rowBlocks)));
  const size = { size: pointsOf(g.rowAxes), each: cut.rows, tile: 1 };
  const rows = shareOf(em, 'row', block, size);
  const [high, wide] = cut.chosen.sides;
  for (let at = 0; at < high * wide; at++) {
    const place = Math.floor(at / wide) * cut.planes.sides[0]!.pitch + (at % wide);
    em.push(storeTo(scratch.offsets, i32(at), i32(place)));
  }
  clear(em, scratch.image);
  clear(em, scratch.sums);
  em.loop('image', i32(0), i32(pointsOf(g.images)), 1, (image) => {
    bindAll(em, positionOf(em, g.images, image));
    em.loop('channel', i32(0), i32(channels), 1, (channel) => {
      bindAll(em, positionOf(em, g.channels, channel));
      const at = em.name('planeAt', mul(channel, i32(cut.plane)));
      copyRows(em, g.input, cut.planes, { buffer: scratch.image, at });
    });
    em.loop('row', i32(0), rows.count, 1, (row) => {
      bindAll(em, positionOf(em, g.rowAxes, em.name('rowAt', add(rows.start, row))));
      em.loop('channel', i32(0), i32(channels), cut.channels, (channel) =>
        overWindows(work, row, channel),
      );
    });
  });
  em.loop('row', i32(0), rows.count, 1, (row) => {
    bindAll(em, positionOf(em, g.rowAxes, em.name('rowAt', add(rows.start, row))));
    em.loop('channel', i32(0), i32(channels), 1, (channel) => {
      bindAll(em, positionOf(em, g.channels, channel));
      store(work, nest, sumAt(work, row, channel));
    });
  });
  return em.body;
};

/** Where the sums of a row and a channel begin. */
const sumAt = ({ em, g, cut }: Work, row: TExpr, channel: TExpr): TExpr => {
  const number = add(mul(row, i32(pointsOf(g.channels))), channel);
  return em.name('sumAt', mul(number, i32(cut.sums * LANES)));
};

/** Adds what the windows of the bound image have for a row and some channels from `channel` on. */
const overWindows = (work: Work, row: TExpr, channel: TExpr): void => {
  const { em, cut, scratch } = work;
  const { chosen, line, sums, plane, planes } = cut;
  const at = sumAt(work, row, channel);
  const places = Array.from({ length: cut.channels * sums }, (_, i) => add(at, i32(i * LANES)));
  const found = places.map((place) => em.variable('c', loadFrom(scratch.sums, place, LANES)));
  const pitch = planes.sides[0]!.pitch;
  const [y, x] = chosen.windows;
  const [high, wide] = chosen.sides;
  const base = em.name('planeAt', mul(channel, i32(plane)));
  em.axisLoop(y, () => {
    const lineAt = em.name('lineAt', add(base, mul(em.axisValue(y), i32(high * pitch))));
    em.axisLoop(x, () => {
      const value = em.name('value', splat(em.scalar(chosen.value)));
      const offset = loadFrom(scratch.offsets, em.scalar(chosen.choice));
      const start = add(lineAt, mul(em.axisValue(x), i32(wide)));
      const from = em.name('from', add(start, offset));
      found.forEach((register, i) => {
        const [c, tap] = [Math.floor(i / sums), i % sums];
        const place = c * plane + Math.floor(tap / line) * pitch + (tap % line) * LANES;
        const input = loadFrom(scratch.image, add(from, i32(place)), LANES);
        em.set(register, fma(value, input, get(register)));
      });
    });
  });
  found.forEach((register, i) => {
    em.push(storeTo(scratch.sums, places[i]!, get(register)));
  });
};

/** Stores the sums of the bound row and channel. */
const store = ({ em, g, cut, scratch }: Work, nest: Nest, at: TExpr): void => {
  const [down, along] = g.windows.map((w) => w.tap) as [Axis, Axis];
  em.axisLoop(down, () =>
    em.axisLoop(along, () => {
      const line = mul(em.axisValue(down), i32(cut.line * LANES));
      em.setAccumulator(
        em.name('sum', loadFrom(scratch.sums, add(at, add(line, em.axisValue(along))))),
      );
      storeScalars(em, outputsOf(nest.stores));
    }),
  );
};
