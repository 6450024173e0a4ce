/**
 * Gradients of the weights of groups with few results: for each tap four sums along the rows of the image, which are
 * added up at the end.
 *
 * Invariants: a workgroup owns whole groups; sums are taken image by image, row by row, in order; positions that fill up
 * a row of the gradient are zero.
 */
import { type Axis, idxEvaluate, pointsOf } from '../../ir/dim.ts';
import type { Nest } from '../../ir/loop/loop.ts';
import {
  add,
  constantOf,
  fma,
  get,
  i32,
  laneOf,
  loadFrom,
  mul,
  operate,
  regType,
  sharedBuffer,
  storeTo,
  vec4,
} from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';
import type { Caps } from '../caps.ts';
import { Emitter } from '../emit/emitter.ts';
import { bindAll, positionOf } from '../emit/position.ts';
import type { NestPlan } from '../plan.ts';
import { outputsOf, storeScalars } from '../stores.ts';
import { elapsed, readsVectors, roundUp, START } from './contraction.ts';
import type { ImagePlan } from './convolution.ts';
import type { GradientGeometry } from './gradient.ts';
import { clear, copyCost, type Planes, planeLength, planesOf, reachOf } from './planes.ts';
import { copyRows } from './rows.ts';

/** Rows and channels of a group that this is for. */
const MOST = 3;
/** Taps that are summed at a time, in registers, and rows of the image for which what is read serves. */
const SUMS = 10;
const ROWS = 4;
const LANES = 4;
/** Cycles of a vector's product, to take a sum out of memory and back, and to add one up and store it. */
const PRODUCT = 0.75;
const TURN = 6;
const FINISH = 20;

interface Work {
  readonly em: Emitter;
  readonly g: GradientGeometry;
  readonly planes: Planes;
  /** Elements of a channel, and from one row of the gradient to the next. */
  readonly plane: number;
  readonly pitch: number;
  readonly image: ThreadBuffer;
  readonly gradient: ThreadBuffer;
  /** By row, channel and tap: four lanes. */
  readonly sums: ThreadBuffer;
}

/** The schedule, for a gradient of this geometry whose groups have few rows and channels. */
export const planDepthwiseGradient = (
  nest: Nest,
  g: GradientGeometry,
  caps: Caps,
): ImagePlan | undefined => {
  const [rows, channels] = [pointsOf(g.rowAxes), pointsOf(g.channels)];
  const [down, along] = g.windows;
  if (down === undefined || along === undefined || g.windows.length !== 2) return undefined;
  if (Math.max(rows, channels) > MOST || along.position.extent < LANES) return undefined;
  const [high, wide] = [down.position.extent, along.position.extent];
  const planes = planesOf(g.windows, high);
  const plane = planeLength(planes.volume + 2 * LANES);
  const pitch = roundUp(wide, LANES);
  const taps = down.tap.extent * along.tap.extent;
  const scratch = {
    image: sharedBuffer('image', 'float32', channels * plane),
    gradient: sharedBuffer('gradient', 'float32', rows * high * pitch),
    sums: sharedBuffer('sums', 'float32', rows * channels * taps * LANES),
  };
  const shared = Object.values(scratch);
  if (4 * shared.reduce((n, b) => n + b.elements, 0) > caps.sharedBytes) return undefined;
  const [images, groups] = [pointsOf(g.images), pointsOf(g.batch)];
  const copying = copyCost(g.input, g.windows);
  const inputs = down.u.extent * along.u.extent;
  const image =
    channels * inputs * copying +
    rows * high * pitch * copying +
    rows * channels * taps * (((high * pitch) / LANES) * PRODUCT + TURN);
  const each = Math.ceil(groups / Math.min(groups, 8 * caps.parallelism));
  const grid = Math.ceil(groups / each);
  const one = START + each * (images * image + rows * channels * taps * FINISH);
  const plan: NestPlan = {
    grid,
    threads: 1,
    shared,
    cost: {
      flops: groups * images * rows * channels * taps * high * wide,
      bytes: 4 * groups * images * (channels * inputs + rows * high * wide),
    },
    notes: [
      `gradient along rows of ${taps} taps of ${rows} x ${channels} x ${high * wide}, for ${images} images`,
      `workgroups ${grid} of ${each} groups`,
    ],
    emit: ({ workgroup }, buffer) => {
      const em = new Emitter({ lanes: LANES, resolve: buffer });
      const work = { em, g, planes, plane, pitch, ...scratch };
      return emit(work, nest, workgroup, each);
    },
  };
  return { plan, cycles: elapsed(grid, one, caps) };
};

const emit = (work: Work, nest: Nest, workgroup: TExpr, each: number): TStmt[] => {
  const { em, g, image, gradient, sums } = work;
  for (const b of [image, gradient]) clear(em, b);
  const from = em.name('groupStart', mul(workgroup, i32(each)));
  const to = operate('min', add(from, i32(each)), i32(pointsOf(g.batch)));
  em.loop('group', from, em.name('groupEnd', to), 1, (group) => {
    bindAll(em, positionOf(em, g.batch, group));
    clear(em, sums);
    em.loop('image', i32(0), i32(pointsOf(g.images)), 1, (number) => {
      bindAll(em, positionOf(em, g.images, number));
      over(em, g.rowAxes, (row) => copyGradient(work, row));
      over(em, g.channels, (channel) => {
        const at = em.name('plane', mul(channel, i32(work.plane)));
        copyRows(em, g.input, work.planes, { buffer: image, at });
      });
      over(em, g.rowAxes, (row) => over(em, g.channels, (channel) => sum(work, row, channel)));
    });
    over(em, g.rowAxes, (row) =>
      over(em, g.channels, (channel) => {
        const at = em.name('sumAt', sumAt(work, row, channel));
        over(em, tapAxes(g), (tap) => {
          const four = em.name('four', loadFrom(sums, add(at, mul(tap, i32(LANES))), LANES));
          const pairs = [0, 2].map((i) => add(laneOf(four, i as 0), laneOf(four, (i + 1) as 1)));
          em.setAccumulator(em.name('sum', add(pairs[0]!, pairs[1]!)));
          storeScalars(em, outputsOf(nest.stores));
        });
      }),
    );
  });
  return em.body;
};

/** Visits the positions of some axes, with them bound. */
const over = (em: Emitter, axes: readonly Axis[], visit: (number: TExpr) => void): void =>
  em.loop(axes[0]?.name ?? 'only', i32(0), i32(pointsOf(axes)), 1, (number) => {
    bindAll(em, positionOf(em, axes, number));
    visit(number);
  });

const tapAxes = (g: GradientGeometry): Axis[] => g.windows.map((w) => w.tap);

const sumAt = ({ g }: Work, row: TExpr, channel: TExpr): TExpr => {
  const pair = add(mul(row, i32(pointsOf(g.channels))), channel);
  return mul(pair, i32(pointsOf(tapAxes(g)) * LANES));
};

/** The gradient of a row, its lines filled up to whole vectors. */
const copyGradient = ({ em, g, gradient, pitch }: Work, row: TExpr): void => {
  const [down, along] = g.windows.map((w) => w.position) as [Axis, Axis];
  const size = along.extent;
  em.axisLoop(down, () => {
    const line = add(mul(row, i32(down.extent)), em.axisValue(down));
    const at = em.name('line', mul(line, i32(pitch)));
    const whole = readsVectors(g.gradient, along) ? size - (size % LANES) : 0;
    em.loop(along.name, i32(0), i32(whole), LANES, (x) => {
      em.bind(along, x);
      em.push(storeTo(gradient, add(at, x), em.vector(g.gradient, along)));
    });
    em.loop(along.name, i32(whole), i32(size), 1, (x) => {
      em.bind(along, x);
      em.push(storeTo(gradient, add(at, x), em.scalar(g.gradient)));
    });
  });
};

/** Adds to the sums of a row and a channel what the image gives: some lines of taps at a time. */
const sum = (work: Work, row: TExpr, channel: TExpr): void => {
  const { em, g } = work;
  const [down, along] = tapAxes(g) as [Axis, Axis];
  const lines = Math.max(1, Math.floor(SUMS / along.extent));
  const at = em.name('sumAt', sumAt(work, row, channel));
  const plane = em.name('plane', mul(channel, i32(work.plane)));
  const high = g.windows[0]!.position.extent;
  const gradientAt = em.name('gradientAt', mul(row, i32(high * work.pitch)));
  for (let first = 0; first < down.extent; first += lines) {
    const taps = Math.min(lines, down.extent - first) * along.extent;
    const numbers = Array.from({ length: taps }, (_, i) => first * along.extent + i);
    em.scope('same', () => sumTaps(work, numbers, { at, plane, gradientAt }));
  }
};

/** Which of four lanes are among the first few. */
const insideOf = (lanes: number): TExpr => {
  const [a, b, c, d] = [0, 1, 2, 3].map((lane) => i32(lane < lanes ? 1 : 0));
  return operate('ne', vec4(a!, b!, c!, d!), constantOf(0, regType('i32', LANES)));
};

/** Where the sums of a row and a channel are, and what they are made of. */
interface Place {
  readonly at: TExpr;
  readonly plane: TExpr;
  readonly gradientAt: TExpr;
}

const sumTaps = (work: Work, taps: readonly number[], { at, plane, gradientAt }: Place): void => {
  const { em, g, planes, pitch, sums, image, gradient } = work;
  const [high, wide] = g.windows.map((w) => w.position.extent) as [number, number];
  const whole = wide - (wide % LANES);
  const zero = constantOf(0, regType('f32', LANES));
  const [down, along] = tapAxes(g) as [Axis, Axis];
  const place = (tap: number): TExpr => add(at, i32(tap * LANES));
  const own = taps.map((tap) => em.variable('c', loadFrom(sums, place(tap), LANES)));
  const block = (y: TExpr, rows: number): void => {
    const reads = taps.flatMap((tap, i) =>
      Array.from({ length: rows }, (_, r) => ({ i, r, offset: offsetOf(tap, r) })),
    );
    const base = em.name('base', add(plane, mul(y, i32(planes.sides[0]!.pitch))));
    const line = em.name('line', add(gradientAt, mul(y, i32(pitch))));
    const vector = (x: TExpr, inside?: TExpr): void => {
      const of = Array.from({ length: rows }, (_, r) =>
        em.name('dy', loadFrom(gradient, add(add(line, x), i32(r * pitch)), LANES)),
      );
      const inputs = new Map<number, TExpr>();
      for (const { i, r, offset } of reads.sort((a, b) => a.offset - b.offset)) {
        const read = loadFrom(image, add(add(base, x), i32(offset)), LANES);
        const there = inside === undefined ? read : operate('select', inside, read, zero);
        const input = inputs.get(offset) ?? em.name('x', there);
        inputs.set(offset, input);
        em.set(own[i]!, fma(of[r]!, input, get(own[i]!)));
      }
    };
    em.loop('x', i32(0), i32(whole), LANES, (x) => em.scope('same', () => vector(x)));
    // what is beyond a row may be infinite: zeros of the gradient would not keep it out
    if (whole < wide) em.scope('same', () => vector(i32(whole), insideOf(wide - whole)));
  };
  /** How far from a position what a tap meets is, `r` rows on. */
  const ofTaps = reachOf(planes);
  const offsetOf = (tap: number, r: number): number => {
    const [ky, kx] = [Math.floor(tap / along.extent), tap % along.extent];
    const reach = idxEvaluate(
      ofTaps,
      (a) => (a === down ? ky : kx),
      () => 0,
    );
    return reach + r * planes.sides[0]!.pitch;
  };
  const rest = high % ROWS;
  em.loop('y', i32(0), i32(high - rest), ROWS, (y) => block(y, ROWS));
  if (rest > 0) em.scope('same', () => block(i32(high - rest), rest));
  taps.forEach((tap, i) => {
    em.push(storeTo(sums, place(tap), get(own[i]!)));
  });
};
