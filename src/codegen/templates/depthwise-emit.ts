/**
 * The code of a convolution along rows: weights and planes of a stripe are copied, then blocks of rows are summed in
 * registers, four positions at a time, and stored.
 *
 * Invariant: positions beyond a row's end are summed and never stored.
 */
import {
  type Axis,
  type Idx,
  idxAdd,
  idxConst,
  idxEvaluate,
  idxScale,
  pointsOf,
} from '../../ir/dim.ts';
import type { Nest } from '../../ir/loop/loop.ts';
import {
  add,
  constantOf,
  fma,
  get,
  i32,
  loadFrom,
  mul,
  operate,
  regType,
  shuffle,
  splat,
  storeTo,
} from '../../ir/thread/build.ts';
import type { Register, TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';
import type { Emitter } from '../emit/emitter.ts';
import { bindAll, positionOf } from '../emit/position.ts';
import { inVectors, storeScalars, storeVectors } from '../stores.ts';
import { tapsOf } from './convolution.ts';
import { type Finish, finishOf } from './convolution-finish.ts';
import type { Geometry } from './convolution-geometry.ts';
import type { DepthwiseCut } from './depthwise.ts';
import { clear, reachOf } from './planes.ts';
import { copyRows } from './rows.ts';
import { slotsOf } from './slots.ts';

/** Memory of a workgroup. */
export interface DepthwiseScratch {
  /** By row, channel and slot. */
  readonly weights: ThreadBuffer;
  readonly image: ThreadBuffer;
  /** Sums of which not all four are stored. */
  readonly tail: ThreadBuffer;
}

export interface DepthwiseWork {
  readonly em: Emitter;
  readonly g: Geometry;
  readonly cut: DepthwiseCut;
  readonly scratch: DepthwiseScratch;
  readonly nest: Nest;
}

const LANES = 4;

export const emitDepthwise = (work: DepthwiseWork, workgroup: TExpr): TStmt[] => {
  const { em, g, cut, scratch, nest } = work;
  const { stripe, stripes, units, allUnits } = cut;
  const finish = finishOf(g, nest.stores, { slots: slotsOf(cut.planes), each: 0 });
  if (stripes === 1) clear(em, scratch.image);
  const from = em.name('unitStart', mul(workgroup, i32(units)));
  const to = operate('min', add(from, i32(units)), i32(allUnits));
  em.loop('unit', from, em.name('unitEnd', to), 1, (unit) => {
    const rest = em.name('rest', operate('floordiv', unit, i32(stripes)));
    const images = i32(pointsOf(g.images));
    const first = em.name('first', mul(operate('mod', unit, i32(stripes)), i32(stripe)));
    bindAll(em, positionOf(em, g.batch, em.name('batch', operate('floordiv', rest, images))));
    bindAll(em, positionOf(em, g.images, em.name('image', operate('mod', rest, images))));
    copyWeights(work);
    if (stripes > 1) clear(em, scratch.image);
    em.loop('channel', i32(0), i32(g.depth), 1, (channel) => {
      bindAll(em, positionOf(em, g.channels, channel));
      const target = { buffer: scratch.image, at: em.name('plane', mul(channel, i32(cut.plane))) };
      copyRows(em, g.input, cut.planes, stripes > 1 ? { ...target, from: first } : target);
    });
    em.loop('row', i32(0), i32(g.rows.size), 1, (row) => {
      bindAll(em, positionOf(em, g.rowAxes, row));
      const down = g.taps[0]!.phase;
      for (let phase = 0; phase < down.extent; phase++)
        em.scope('same', () => {
          em.bind(down, i32(phase));
          blocks(work, finish, { row, first, phase });
        });
    });
  });
  return em.body;
};

const slotOf = (g: Geometry): Idx =>
  g.taps.reduce((n, t) => idxAdd(idxScale(n, t.slots), t.slot), idxConst(0));

const copyWeights = ({ em, g, scratch }: DepthwiseWork): void => {
  const { slots } = tapsOf(g);
  const walk = (i: number, visit: () => void): void => {
    const window = g.windows[i];
    if (window === undefined) visit();
    else
      em.axisLoop(g.taps[i]!.phase, () =>
        em.loop(window.tap.name, i32(0), em.index(g.taps[i]!.end), 1, (tap) => {
          em.bind(window.tap, tap);
          walk(i + 1, visit);
        }),
      );
  };
  em.loop('row', i32(0), i32(g.rows.size), 1, (row) => {
    bindAll(em, positionOf(em, g.rows.free, row));
    em.loop('channel', i32(0), i32(g.depth), 1, (channel) => {
      bindAll(em, positionOf(em, g.rows.summed, channel));
      const at = mul(add(mul(row, i32(g.depth)), channel), i32(slots));
      const to = em.name('weightsAt', at);
      walk(0, () =>
        em.push(storeTo(scratch.weights, add(to, em.index(slotOf(g))), em.scalar(g.rows.expr))),
      );
    });
  });
};

/** What a block of rows is of: a row of weights, a stripe that begins at `first`, a phase along the first window. */
interface Part {
  readonly row: TExpr;
  readonly first: TExpr;
  readonly phase: number;
}

const blocks = (work: DepthwiseWork, finish: Finish, part: Part): void => {
  const { em, g, cut } = work;
  const wide = g.windows[1]!.position.extent;
  const whole = wide - (wide % LANES);
  const vectors = inVectors(finish.outputs, finish.lines[1]!.axis);
  const over = (rows: number, y: TExpr): void => {
    const products = productsOf(work, part.phase, rows);
    const block = (x: TExpr, lanes: number): void => {
      const base = add(mul(y, i32(cut.planes.sides[0]!.pitch)), x);
      const sums = sumsOf(work, products, part.row, rows, em.name('base', base));
      const at = { ...part, y: em.name('y', add(part.first, y)), x, lanes };
      if (lanes === LANES && vectors) storeBlock(em, finish, sums, at);
      else storeTail(work, finish, sums, at);
    };
    em.loop('x', i32(0), i32(whole), LANES, (x) => block(x, LANES));
    if (wide > whole) em.scope('same', () => block(i32(whole), wide - whole));
  };
  const rest = cut.stripe % cut.block;
  em.loop('y', i32(0), i32(cut.stripe - rest), cut.block, (y) => over(cut.block, y));
  if (rest > 0) em.scope('same', () => over(rest, i32(cut.stripe - rest)));
};

/** The products of a block: which weight meets what of the plane, for which sum. */
interface Product {
  readonly slot: number;
  readonly offset: number;
  readonly phase: number;
  readonly r: number;
}

/** By what they read, so that it is read once. */
const productsOf = ({ g, cut }: DepthwiseWork, down: number, rows: number): Product[] => {
  const found: Product[] = [];
  const slot = slotOf(g);
  const { sides } = cut.planes;
  const reach = reachOf(cut.planes);
  for (let phase = 0; phase < g.taps[1]!.phase.extent; phase++) {
    const phases = [down, phase];
    const ends = g.taps.map(({ end }, i) => numberOf(end, () => phases[i]!));
    for (let n = 0; n < ends[0]! * ends[1]!; n++) {
      const taps = [Math.floor(n / ends[1]!), n % ends[1]!];
      const bound = (a: Axis): number => {
        const tap = g.windows.findIndex((w) => w.tap === a);
        return tap < 0 ? phases[g.taps.findIndex((t) => t.phase === a)]! : taps[tap]!;
      };
      for (let r = 0; r < rows; r++) {
        const offset = numberOf(reach, bound) + r * sides[0]!.pitch;
        found.push({ slot: numberOf(slot, bound), offset, phase, r });
      }
    }
  }
  return found.sort((x, y) => x.offset - y.offset);
};

const numberOf = (idx: Idx, axis: (a: Axis) => number): number => idxEvaluate(idx, axis, () => 0);

/** Sums of four positions from `base` on, by phase along the second window and by row. */
const sumsOf = (
  { em, g, cut, scratch }: DepthwiseWork,
  products: readonly Product[],
  row: TExpr,
  rows: number,
  base: TExpr,
): readonly (readonly Register[])[] => {
  const { slots } = tapsOf(g);
  const zero = constantOf(0, regType('f32', LANES));
  const sums = Array.from({ length: g.taps[1]!.phase.extent }, () =>
    Array.from({ length: rows }, () => em.variable('c', zero)),
  );
  em.loop('channel', i32(0), i32(g.depth), 1, (channel) => {
    const plane = em.name('plane', add(mul(channel, i32(cut.plane)), base));
    const at = mul(add(mul(row, i32(g.depth)), channel), i32(slots));
    const weightsAt = em.name('weightsAt', at);
    const weights = new Map(
      [...new Set(products.map((p) => p.slot))].map((slot) => [
        slot,
        em.name('w', splat(loadFrom(scratch.weights, add(weightsAt, i32(slot))))),
      ]),
    );
    const inputs = new Map<number, TExpr>();
    for (const { slot, offset, phase, r } of products) {
      const input =
        inputs.get(offset) ?? em.name('x', loadFrom(scratch.image, add(plane, i32(offset)), LANES));
      inputs.set(offset, input);
      const sum = sums[phase]![r]!;
      em.set(sum, fma(weights.get(slot)!, input, get(sum)));
    }
  });
  return sums;
};

/** Where a block stands: its first row and position, and how many of four positions there are. */
interface Place extends Part {
  readonly y: TExpr;
  readonly x: TExpr;
  readonly lanes: number;
}

/** Binds what a row of the block is in the result. */
const bindRow = (em: Emitter, { lines }: Finish, { y, phase }: Place, r: TExpr): void => {
  const [line] = lines;
  em.bind(line!.axis, em.name('y', add(mul(add(y, r), i32(line!.phases)), i32(phase))));
};

const storeBlock = (
  em: Emitter,
  finish: Finish,
  sums: readonly (readonly Register[])[],
  place: Place,
): void => {
  const { axis, phases } = finish.lines[1]!;
  const [even, odd] = sums;
  const put = (x: TExpr, sum: TExpr): void => {
    em.scope('same', () => {
      em.bind(axis, em.name('x', x));
      em.setAccumulator(em.name('sum', sum));
      storeVectors(em, finish.outputs, axis);
    });
  };
  even!.forEach((register, r) => {
    em.scope('same', () => {
      bindRow(em, finish, place, i32(r));
      const first = mul(place.x, i32(phases));
      if (odd === undefined) put(first, get(register));
      else {
        put(first, shuffle(get(register), get(odd[r]!), [0, 4, 1, 5]));
        put(add(first, i32(LANES)), shuffle(get(register), get(odd[r]!), [2, 6, 3, 7]));
      }
    });
  });
};

/** Stores what there is of four positions one by one. */
const storeTail = (
  { em, scratch }: DepthwiseWork,
  finish: Finish,
  sums: readonly (readonly Register[])[],
  place: Place,
): void => {
  const { axis, phases } = finish.lines[1]!;
  sums.forEach((own, phase) => {
    own.forEach((register, r) => {
      em.push(storeTo(scratch.tail, i32(LANES * r), get(register)));
    });
    em.loop('r', i32(0), i32(own.length), 1, (r) => {
      bindRow(em, finish, place, r);
      em.loop('lane', i32(0), i32(place.lanes), 1, (lane) => {
        em.bind(axis, em.name('x', add(mul(add(place.x, lane), i32(phases)), i32(phase))));
        em.setAccumulator(em.name('sum', loadFrom(scratch.tail, add(mul(r, i32(LANES)), lane))));
        storeScalars(em, finish.outputs);
      });
    });
  });
};
