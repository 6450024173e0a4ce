/**
 * Gradients of a convolution's weight, of any stride and dilation, image by image: the input is copied with zeros around
 * it, once for each tap of the last window, so that its lines are as long as those of the gradient, and each tap is a sum
 * of products along both. Nothing is packed, and it does not matter how many channels there are.
 *
 * Invariants: nothing is multiplied but what the sum is of. A workgroup owns a block of rows and of channels; sums are
 * taken group by group of images, in order.
 */
import { type Axis, type Idx, newAxis, pointsOf } from '../../ir/dim.ts';
import type { Contraction, Expr, LoadExpr, Nest } from '../../ir/loop/loop.ts';
import { visitExpr } from '../../ir/loop/visit.ts';
import { sharedBuffer } from '../../ir/thread/build.ts';
import { freeAxes, idxFree, offsetOf, stepAlong } from '../analysis.ts';
import type { Caps } from '../caps.ts';
import type { NestPlan } from '../plan.ts';
import { elapsed, leastElapsed, roundUp, START, STEP, TILE_ROWS } from './contraction.ts';
import { type ImagePlan, stripesOf } from './convolution.ts';
import { GradientTemplate } from './gradient-emit.ts';
import { foldBatch } from './merge.ts';
import { copyCost, type Planes, planeLength, planesOf, type Side } from './planes.ts';
import { Shortlist } from './shortlist.ts';
import { type Window, windowsOf } from './windows.ts';

export interface GradientGeometry {
  readonly batch: readonly Axis[];
  readonly rowAxes: readonly Axis[];
  readonly channels: readonly Axis[];
  readonly images: readonly Axis[];
  /** Their positions are those of the gradient. */
  readonly windows: readonly Window[];
  /** At an input position, of a channel and an image. */
  readonly input: Expr;
  /** At a position, of a row and an image. */
  readonly gradient: Expr;
  readonly inPlace?: GradientInPlace;
}

/** A gradient whose rows lie in memory as they are summed: positions one after the other, rows at equal distances. */
export interface GradientInPlace {
  readonly load: LoadExpr;
  readonly pitch: number;
}

const inPlaceOf = (
  load: Expr,
  rowAxes: readonly Axis[],
  windows: readonly Window[],
): GradientInPlace | undefined => {
  if (load.kind !== 'load' || load.dtype !== 'float32' || rowAxes.length > 1) return undefined;
  if (windows.length > 2 || pointsOf(rowAxes) % TILE_ROWS !== 0) return undefined;
  const offset = offsetOf(load);
  let step = 1;
  for (const { position } of windows.toReversed()) {
    if (stepAlong(offset, position) !== step) return undefined;
    step *= position.extent;
  }
  const pitch = rowAxes[0] === undefined ? undefined : stepAlong(offset, rowAxes[0]);
  return pitch === undefined || pitch <= 0 ? undefined : { load, pitch };
};

/** Runs of a sum are taken along one window outside of them. */
const MOST_WINDOWS = 3;

/** What a contraction is as the gradient of a weight; `undefined` where it is none. */
export const gradientOf = (c: Contraction): GradientGeometry | undefined => {
  const { batch, m, n } = foldBatch(c);
  const first = c.k.findIndex((k) => k.extent > 1 && slides(c.b, k, n));
  if (first < 0) return undefined;
  const positions = c.k.slice(first).filter((k) => k.extent > 1);
  const found = windowsOf(c.b, { positions, taps: n, phases: [] });
  if (found === undefined || found.windows.length > MOST_WINDOWS) return undefined;
  const { windows, input } = found;
  const taps = windows.map((w) => w.tap);
  const channels = n.filter((x) => x.extent > 1 && !taps.includes(x));
  const ofGradient = freeAxes(c.a);
  if ([...taps, ...channels].some((x) => ofGradient.has(x))) return undefined;
  const rowAxes = m.filter((x) => x.extent > 1);
  const inPlace = inPlaceOf(c.a, rowAxes, windows);
  return {
    batch,
    rowAxes,
    channels,
    images: c.k.filter((x) => x.extent > 1 && !positions.includes(x)),
    windows,
    input,
    gradient: c.a,
    ...(inPlace === undefined ? {} : { inPlace }),
  };
};

/**
 * The geometry of so many parts of it, each of some of the images; for estimates, which ask for sizes alone. `undefined`
 * where what is cut is no axis of images.
 */
export const inParts = (
  g: GradientGeometry,
  axis: Axis,
  parts: number,
): GradientGeometry | undefined => {
  if (!g.images.includes(axis)) return undefined;
  const rest = newAxis(axis.name, axis.extent / parts, 'red');
  return {
    ...g,
    batch: [newAxis('part', parts, 'par'), ...g.batch],
    images: g.images.map((a) => (a === axis ? rest : a)),
  };
};

/** Whether some index moves with an axis and with one of others. */
const slides = (e: Expr, axis: Axis, others: readonly Axis[]): boolean => {
  let found = false;
  const index = (idx: Idx): void => {
    const free = idxFree(idx);
    found ||= free.has(axis) && others.some((x) => free.has(x));
  };
  visitExpr(e, { index });
  return found;
};

/** How a stripe of an image lies in memory. */
export interface GradientLayout {
  /** Positions along the first window. */
  readonly stripe: number;
  readonly stripes: number;
  readonly planes: Planes;
  /** Elements that lie one after the other, and how often, from one of them to the next in a plane. */
  readonly depth: number;
  readonly runs: number;
  readonly runPitch: number;
  /** Elements of a channel, and of a row of the gradient. */
  readonly plane: number;
  readonly line: number;
  /** The gradient is read where it is. */
  readonly inPlace: boolean;
}

/** How the work is cut. */
export interface GradientCut {
  readonly layout: GradientLayout;
  /** Of a workgroup. */
  readonly rows: number;
  readonly rowBlocks: number;
  readonly channels: number;
  readonly channelBlocks: number;
  /** Stripes that are summed at a time, and all. */
  readonly units: number;
  readonly allUnits: number;
  readonly grid: number;
  readonly cycles: number;
}

/** Cycles to add up lanes and take the sums on, to begin a run of steps, and to store an element. */
const TURN = 30;
const RUN = 6;
const FINISH = 4;
const LANES = 4;
/** Cycles to clear an element. */
const CLEAR = 0.3;
/** Blocks of rows and of channels that are tried. */
const BLOCKS = [1, 2, 4, 8, 16];
/** Elements of four rows and a channel that the first-level cache holds. */
const MOST_ELEMENTS = 6400;
/** Cycles to fetch an element of the gradient where it is. */
const FETCH = 0.4;

const layoutOf = (g: GradientGeometry, stripe: number, inPlace: boolean): GradientLayout => {
  const planes = planesOf(g.windows, stripe, true);
  const { sides } = planes;
  const points = (some: readonly Side[]): number => some.reduce((n, s) => n * s.positions, 1);
  const [outer, inner] = [sides.slice(0, -2), sides.slice(-2)];
  const [depth, runs] = [points(inner), points(outer)];
  return {
    stripe,
    stripes: Math.ceil(g.windows[0]!.position.extent / stripe),
    planes,
    depth,
    runs,
    runPitch: outer.at(-1)?.pitch ?? 0,
    plane: planeLength(planes.volume + LANES),
    line: inPlace ? 0 : planeLength(runs * depth + LANES),
    inPlace,
  };
};

/** The largest stripes that the first-level cache holds four rows of, in place too where the gradient allows it. */
const layoutsOf = (g: GradientGeometry): GradientLayout[] => {
  const layouts: GradientLayout[] = [];
  const { extent } = g.windows[0]!.position;
  // rows that are not there would be summed
  const stripes = stripesOf(g.windows).filter((stripe) => extent % stripe === 0);
  for (const inPlace of [false, true]) {
    if (inPlace && g.inPlace === undefined) break;
    let best: GradientLayout | undefined;
    for (const stripe of stripes) {
      const layout = layoutOf(g, stripe, inPlace);
      if (inPlace && layout.depth % LANES !== 0) continue;
      best = layout;
      if (elementsOf(layout) <= MOST_ELEMENTS) break;
    }
    if (best !== undefined) layouts.push(best);
  }
  return layouts;
};

const elementsOf = ({ depth, runs, planes }: GradientLayout): number =>
  TILE_ROWS * depth * runs + planes.volume;

/** Pairs of a tap and a channel. */
const columnsOf = (g: GradientGeometry, channels: number): number =>
  channels * pointsOf(g.windows.map((w) => w.tap));

/** Elements of the memory of a workgroup: input, gradient, sums, and where columns begin. */
export const gradientMemory = (
  g: GradientGeometry,
  { layout, rows, channels, units }: Pick<GradientCut, 'layout' | 'rows' | 'channels' | 'units'>,
): { image: number; gradient: number; sums: number; table: number } => {
  const columns = roundUp(columnsOf(g, channels), 2);
  return {
    image: units * channels * layout.plane,
    gradient: units * rows * layout.line,
    sums: rows * columns,
    table: roundUp(columns, 4),
  };
};

/** The best few cuts of less than `below` cycles. */
const cutsOf = (
  g: GradientGeometry,
  caps: Caps,
  most: number,
  below: number,
): readonly GradientCut[] => {
  const [images, batches] = [pointsOf(g.images), pointsOf(g.batch)];
  const [allRows, allChannels] = [pointsOf(g.rowAxes), pointsOf(g.channels)];
  const rowTiles = Math.ceil(allRows / TILE_ROWS);
  const positions = pointsOf(g.windows.map((w) => w.position));
  const copying = copyCost(g.input, g.windows);
  const lines = g.windows.map((w) => ({ ...w, stride: 1, u: w.position }));
  const reading = copyCost(g.gradient, lines);
  const copied = g.windows.at(-1)!.tap.extent * pointsOf(g.windows.map((w) => w.u));
  const best = new Shortlist<GradientCut>(most, below);
  for (const layout of layoutsOf(g)) {
    const { stripes, plane, line, depth, runs, inPlace } = layout;
    const allUnits = images * stripes;
    const wanted = Math.max(1, Math.min(allUnits, Math.floor(MOST_ELEMENTS / elementsOf(layout))));
    const counts = new Set([wanted, Math.ceil(wanted / 4), 1]);
    for (const rowBlocks of BLOCKS) {
      if (rowBlocks > rowTiles) break;
      const tiles = Math.ceil(rowTiles / rowBlocks);
      const rows = tiles * TILE_ROWS;
      for (const channelBlocks of BLOCKS) {
        if (channelBlocks > allChannels) break;
        const channels = Math.ceil(allChannels / channelBlocks);
        const columns = columnsOf(g, channels);
        const pairs = Math.ceil(columns / 2);
        const clearing = stripes > 1 ? CLEAR * stripes * (channels * plane + rows * line) : 0;
        const copies = channels * copied * copying + rows * positions * (inPlace ? FETCH : reading);
        const steps = tiles * pairs * runs * (Math.ceil(depth / LANES) * STEP + RUN);
        const blocks = {
          rowBlocks: Math.ceil(rowTiles / tiles),
          channelBlocks: Math.ceil(allChannels / channels),
        };
        const grid = batches * blocks.rowBlocks * blocks.channelBlocks;
        const least = START + images * (clearing + copies) + allUnits * steps;
        if (!best.takes(leastElapsed(grid, least, caps))) continue;
        for (const units of counts) {
          const turns = Math.ceil(allUnits / units) * tiles * pairs * TURN;
          const cycles = elapsed(grid, least + turns + FINISH * rows * columns, caps);
          if (!best.takes(cycles)) continue;
          const memory = gradientMemory(g, { layout, rows, channels, units });
          const elements = memory.image + memory.gradient + memory.sums + memory.table;
          if (4 * elements > caps.sharedBytes) continue;
          best.add({ layout, rows, channels, ...blocks, units, allUnits, grid, cycles });
        }
      }
    }
  }
  return best.items;
};

/** Estimated cycles of the schedule for a gradient, if they are less than `below`. */
export const gradientCycles = (
  g: GradientGeometry,
  caps: Caps,
  below: number,
): number | undefined => cutsOf(g, caps, 1, below)[0]?.cycles;

/** The best few schedules of less than `below` cycles, for a gradient of this geometry. */
export const planGradient = (
  nest: Nest,
  g: GradientGeometry,
  caps: Caps,
  most: number,
  below: number = Number.POSITIVE_INFINITY,
): readonly ImagePlan[] => cutsOf(g, caps, most, below).map((cut) => planOf(nest, g, cut));

const planOf = (nest: Nest, g: GradientGeometry, cut: GradientCut): ImagePlan => {
  const memory = gradientMemory(g, cut);
  const scratch = {
    image: sharedBuffer('image', 'float32', memory.image),
    gradient: sharedBuffer('gradient', 'float32', memory.gradient),
    sums: sharedBuffer('sums', 'float32', memory.sums),
    table: sharedBuffer('columns', 'int32', memory.table),
  };
  const [parts, images] = [pointsOf(g.batch), pointsOf(g.images)];
  const [rows, channels] = [pointsOf(g.rowAxes), pointsOf(g.channels)];
  const taps = pointsOf(g.windows.map((w) => w.tap));
  const positions = pointsOf(g.windows.map((w) => w.position));
  const inputs = pointsOf(g.windows.map((w) => w.u));
  const plan: NestPlan = {
    grid: cut.grid,
    threads: 1,
    shared: Object.values(scratch).filter((b) => b.elements > 0),
    cost: {
      flops: parts * images * taps * rows * channels * positions,
      bytes: 4 * parts * (images * (positions * rows + inputs * channels) + taps * rows * channels),
    },
    notes: [
      `gradient of ${taps} taps of ${rows} x ${channels} x ${positions}, for ${images} images`,
      `workgroups ${parts} x ${cut.rowBlocks} x ${cut.channelBlocks} of ${cut.rows} rows x ${cut.channels} channels, ${cut.units} stripes of ${cut.layout.stripe} at a time${cut.layout.inPlace ? ', gradient in place' : ''}`,
    ],
    emit: ({ workgroup }, buffer) =>
      new GradientTemplate(g, cut, scratch, nest, buffer).emit(workgroup),
  };
  return { plan, cycles: cut.cycles };
};
