/**
 * Convolutions whose windows reach over the border, by shifting: one small product for each window offset, added into
 * the result at its place. Nothing is multiplied by padding, and inputs are packed once, not once for each offset.
 *
 * Invariants: a workgroup owns whole images and a block of rows; sums are taken offset by offset, in order; columns that
 * fill up a vector are zero or land in memory that no result is read from.
 */
import {
  type Axis,
  type Idx,
  idxAdd,
  idxAxis,
  idxOffset,
  idxScale,
  newAxis,
  pointsOf,
} from '../../ir/dim.ts';
import { constant, guard } from '../../ir/loop/expr.ts';
import type { Contraction, Expr, LoadExpr, LoopBuffer, Nest } from '../../ir/loop/loop.ts';
import {
  add,
  constantOf,
  get,
  i32,
  loadFrom,
  mul,
  operate,
  regType,
  sharedBuffer,
  storeTo,
} from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';
import { freeAxes } from '../analysis.ts';
import type { Caps } from '../caps.ts';
import { Emitter } from '../emit.ts';
import type { NestPlan } from '../plan.ts';
import { rewriter } from '../rewrite.ts';
import {
  elapsed,
  foldBatch,
  type Operand,
  operandOf,
  roundUp,
  STEP,
  TILE_COLUMNS,
  TILE_ROWS,
} from './contraction.ts';
import { inVectors, type Output, outputsOf, storeScalars, storeVectors } from './epilogue.ts';
import { accumulate, eachAccumulator, zeroAccumulators } from './micro.ts';
import { bindAll, pack, positionOf } from './pack.ts';

/** Input position `u` meets result position `n = u + shift - sign * k`. */
interface Window {
  /** Of the result. */
  readonly n: Axis;
  readonly k: Axis;
  readonly sign: 1 | -1;
  readonly shift: number;
  /** Of the input, without padding. */
  readonly u: Axis;
  /** First result position with memory (0 or less), and how many have some. */
  readonly low: number;
  readonly length: number;
}

interface Geometry {
  readonly windows: readonly Window[];
  readonly images: readonly Axis[];
  readonly rowAxes: readonly Axis[];
  readonly rows: Operand;
  /** Over the input positions, the last rounded up to whole vectors. */
  readonly columns: Operand;
  readonly channels: readonly Axis[];
  readonly depth: number;
  readonly offsets: number;
  /** Memory of one row of the result: positions, then a place for what no result needs. */
  readonly pitch: number;
}

/** The window a guard's bound speaks of, if it slides with stride 1 over a summed and a result axis. */
const windowOf = (
  idx: Idx,
  lo: number,
  hi: number,
  isColumn: (a: Axis) => boolean,
): Window | undefined => {
  if (idx.terms.length !== 2) return undefined;
  let n: Axis | undefined;
  let k: Axis | undefined;
  let sign: 1 | -1 = 1;
  for (const { coef, atom } of idx.terms) {
    if (atom.kind !== 'axis') return undefined;
    if (isColumn(atom.axis)) {
      if (coef !== 1) return undefined;
      n = atom.axis;
    } else {
      if (coef !== 1 && coef !== -1) return undefined;
      k = atom.axis;
      sign = coef;
    }
  }
  if (n === undefined || k === undefined) return undefined;
  const first = Math.max(lo, idx.lo);
  const end = Math.min(hi, idx.hi + 1);
  const u = newAxis(`${n.name}_in`, end - first, 'par');
  const shift = first - idx.constant;
  const reach = k.extent - 1;
  const low = Math.min(0, shift - (sign > 0 ? reach : 0));
  const high = Math.max(n.extent, shift + u.extent + (sign > 0 ? 0 : reach));
  return { n, k, sign, shift, u, low, length: high - low };
};

/** What a contraction is as shifted products; `undefined` where it is none. */
const geometryOf = (c: Contraction): Geometry | undefined => {
  const { a, b } = c;
  if (b.kind !== 'guard' || b.then.kind !== 'load' || b.otherwise.kind !== 'const')
    return undefined;
  if (b.otherwise.value !== 0) return undefined;
  const { batch, m, n } = foldBatch(c);
  if (batch.length > 0) return undefined;
  const windows: Window[] = [];
  for (const bound of b.bounds) {
    const window = windowOf(bound.idx, bound.lo, bound.hi, (x) => n.includes(x));
    if (window === undefined) return undefined;
    windows.push(window);
  }
  const order = (w: Window): number => n.indexOf(w.n);
  windows.sort((x, y) => order(x) - order(y));
  const [ns, ks] = [windows.map((w) => w.n), windows.map((w) => w.k)];
  if (new Set([...ns, ...ks]).size !== 2 * windows.length) return undefined;

  const input = rewriter({
    axis: (x) => {
      const w = windows.find((v) => v.n === x);
      if (w === undefined) return undefined;
      return idxAdd(idxOffset(idxAxis(w.u), w.shift), idxScale(idxAxis(w.k), -w.sign));
    },
  }).expr(b.then);
  const free = freeAxes(input);
  if (ks.some((k) => free.has(k)) || ns.some((x) => freeAxes(a).has(x))) return undefined;

  const images = n.filter((x) => x.extent > 1 && !ns.includes(x));
  const channels = c.k.filter((x) => x.extent > 1 && !ks.includes(x));
  const rowAxes = m.filter((x) => x.extent > 1);
  const last = windows.at(-1)!;
  return {
    windows,
    images,
    rowAxes,
    rows: operandOf(a, rowAxes, channels),
    columns: operandOf(...padded(input as LoadExpr, windows), channels),
    channels,
    depth: pointsOf(channels),
    offsets: pointsOf(ks),
    pitch:
      roundUp(
        windows.reduce((size, w) => size * w.length, 1) +
          (roundUp(last.u.extent, 4) - last.u.extent),
        4,
      ) + 4,
  };
};

/** The input with its last axis filled up with zeros to whole vectors. */
const padded = (input: LoadExpr, windows: readonly Window[]): [Expr, Axis[]] => {
  const axes = windows.map((w) => w.u);
  const last = axes.at(-1)!;
  if (last.extent % 4 === 0) return [input, axes];
  const wide = newAxis(last.name, roundUp(last.extent, 4), 'par');
  const moved = rewriter({ axis: (x) => (x === last ? idxAxis(wide) : undefined) }).expr(input);
  const bounds = [{ idx: idxAxis(wide), lo: 0, hi: last.extent }];
  return [guard(bounds, moved, constant(0, input.dtype)), [...axes.slice(0, -1), wide]];
};

interface Cut {
  readonly rows: number;
  readonly rowBlocks: number;
  readonly images: number;
  readonly imageBlocks: number;
  readonly grid: number;
  readonly cycles: number;
}

/** Cycles to take eight vectors of the result out of memory and back. */
const TURN = 45;
const START = 1500;

const cutOf = (g: Geometry, caps: Caps): Cut | undefined => {
  const images = pointsOf(g.images);
  const rowTiles = Math.ceil(g.rows.size / TILE_ROWS);
  const columnTiles = Math.ceil(g.columns.size / TILE_COLUMNS);
  let best: Cut | undefined;
  for (let rowBlocks = 1; rowBlocks <= rowTiles; rowBlocks *= 2)
    for (
      let blocks = 1;
      blocks <= images;
      blocks = blocks < images ? Math.min(2 * blocks, images) : images + 1
    ) {
      const rows = Math.ceil(rowTiles / rowBlocks) * TILE_ROWS;
      const packed = rows * g.depth * g.offsets;
      const elements = packed + columnTiles * TILE_COLUMNS * g.depth + rows * g.pitch;
      if (4 * elements > caps.sharedBytes) continue;
      const each = Math.ceil(images / blocks);
      const perImage =
        g.offsets * (rows / TILE_ROWS) * columnTiles * (g.depth * STEP + TURN) +
        g.columns.size * g.depth * g.columns.cost +
        1.5 * rows * g.pitch;
      const grid = Math.ceil(rowTiles / (rows / TILE_ROWS)) * Math.ceil(images / each);
      const one = START + packed * g.rows.cost + each * perImage;
      const cycles = elapsed(grid, one, caps);
      if (best === undefined || cycles < best.cycles)
        best = {
          rows,
          rowBlocks: Math.ceil(rowTiles / (rows / TILE_ROWS)),
          images: each,
          imageBlocks: Math.ceil(images / each),
          grid,
          cycles,
        };
    }
  return best;
};

export interface ShiftedPlan {
  readonly plan: NestPlan;
  readonly cycles: number;
}

/** The schedule by shifts, if the contraction is such a convolution. */
export const planShifted = (nest: Nest, c: Contraction, caps: Caps): ShiftedPlan | undefined => {
  const g = geometryOf(c);
  if (g === undefined || g.depth < 8 || g.rows.size < 4 || g.columns.size < 8) return undefined;
  const cut = cutOf(g, caps);
  if (cut === undefined) return undefined;
  const columnTiles = Math.ceil(g.columns.size / TILE_COLUMNS);
  const scratch: Scratch = {
    rows: sharedBuffer('packedRows', 'float32', cut.rows * g.depth * g.offsets),
    columns: sharedBuffer('packedColumns', 'float32', columnTiles * TILE_COLUMNS * g.depth),
    sums: sharedBuffer('sums', 'float32', cut.rows * g.pitch),
  };
  const images = pointsOf(g.images);
  const inputs = g.windows.reduce((size, w) => size * w.u.extent, 1);
  const results = g.windows.reduce((size, w) => size * w.n.extent, 1);
  const plan: NestPlan = {
    grid: cut.grid,
    shared: [scratch.rows, scratch.columns, scratch.sums],
    cost: {
      flops: images * g.offsets * g.rows.size * inputs * g.depth,
      bytes:
        4 *
        (images * (g.depth * inputs + g.rows.size * results) + g.rows.size * g.depth * g.offsets),
    },
    notes: [
      `convolution by ${g.offsets} shifts of ${g.rows.size} x ${inputs} x ${g.depth}, for ${images} images`,
      `workgroups ${cut.imageBlocks} x ${cut.rowBlocks} of ${cut.images} images x ${cut.rows} rows`,
    ],
    emit: (workgroup, buffer) => new Template(g, cut, scratch, nest, buffer).emit(workgroup),
  };
  return { plan, cycles: cut.cycles };
};

interface Scratch {
  readonly rows: ThreadBuffer;
  readonly columns: ThreadBuffer;
  readonly sums: ThreadBuffer;
}

class Template {
  private readonly g: Geometry;
  private readonly cut: Cut;
  private readonly scratch: Scratch;
  private readonly outputs: readonly Output[];
  private readonly em: Emitter;

  constructor(
    g: Geometry,
    cut: Cut,
    scratch: Scratch,
    nest: Nest,
    resolve: (b: LoopBuffer) => ThreadBuffer,
  ) {
    this.g = g;
    this.cut = cut;
    this.scratch = scratch;
    this.outputs = outputsOf(nest.stores);
    this.em = new Emitter({ lanes: 4, resolve });
  }

  emit(workgroup: TExpr): TStmt[] {
    const { em, g, cut } = this;
    const rowBlock = em.name('rowBlock', operate('mod', workgroup, i32(cut.rowBlocks)));
    const imageBlock = em.name('imageBlock', operate('floordiv', workgroup, i32(cut.rowBlocks)));
    const start = em.name('rowStart', mul(rowBlock, i32(cut.rows)));
    const all = Math.ceil(g.rows.size / TILE_ROWS);
    const most = cut.rows / TILE_ROWS;
    const left = operate('sub', i32(all), mul(rowBlock, i32(most)));
    const tiles = all % most === 0 ? i32(most) : em.name('tiles', operate('min', left, i32(most)));
    this.packRows(start, tiles);
    const from = em.name('imageStart', mul(imageBlock, i32(cut.images)));
    const to = operate('min', add(from, i32(cut.images)), i32(pointsOf(g.images)));
    em.loop('image', from, em.name('imageEnd', to), 1, (image) => {
      bindAll(em, positionOf(em, g.images, image));
      this.clear(tiles);
      this.packColumns();
      this.products(tiles);
      this.finish(start);
    });
    return em.body;
  }

  private depthBlock(): Parameters<typeof pack>[3] {
    const { channels, depth } = this.g;
    const first = channels[0]?.extent ?? 1;
    return { blocks: { inner: depth / first, depth }, from: i32(0), length: i32(first) };
  }

  /** Position of the bound window offsets among all of them. */
  private offset(): TExpr {
    const { em, g } = this;
    return g.windows.reduce(
      (sum: TExpr, w) => add(mul(sum, i32(w.k.extent)), em.index(idxAxis(w.k))),
      i32(0),
    );
  }

  private overOffsets(fill: () => void): void {
    const walk = (i: number): void => {
      if (i === this.g.windows.length) fill();
      else this.em.axisLoop(this.g.windows[i]!.k, () => walk(i + 1));
    };
    walk(0);
  }

  private packRows(start: TExpr, count: TExpr): void {
    const { em, g, cut, scratch } = this;
    this.overOffsets(() => {
      const offset = em.name('panels', mul(this.offset(), i32(cut.rows * g.depth)));
      const panels = { buffer: scratch.rows, offset, width: TILE_ROWS, start, count };
      pack(em, g.rows, panels, this.depthBlock());
    });
  }

  private packColumns(): void {
    const { em, g, scratch } = this;
    const count = i32(Math.ceil(g.columns.size / TILE_COLUMNS));
    const panels = {
      buffer: scratch.columns,
      offset: i32(0),
      width: TILE_COLUMNS,
      start: i32(0),
      count,
    };
    pack(em, g.columns, panels, this.depthBlock());
  }

  private clear(tiles: TExpr): void {
    const { em, g, scratch } = this;
    const zero = constantOf(0, regType('f32', 4));
    em.loop('clear', i32(0), mul(tiles, i32(TILE_ROWS * g.pitch)), 4, (at) =>
      em.push(storeTo(scratch.sums, at, zero)),
    );
  }

  /** Where four inputs from `column` on go in a row of sums, at the bound offsets. */
  private target(column: TExpr): TExpr {
    const { em, g } = this;
    const widths = g.windows.map((w, i) =>
      i + 1 === g.windows.length ? roundUp(w.u.extent, 4) : w.u.extent,
    );
    const axes = g.windows.map((w, i) => ({ ...w.u, extent: widths[i]! }));
    const position = new Map(positionOf(em, axes, column));
    const at = g.windows.reduce((sum: TExpr, w, i) => {
      const moved = mul(em.index(idxAxis(w.k)), i32(-w.sign));
      const n = add(add(position.get(axes[i]!)!, moved), i32(w.shift - w.low));
      return add(mul(sum, i32(w.length)), n);
    }, i32(0));
    const whole = g.columns.size % TILE_COLUMNS === 0;
    const beyond = operate('ge', column, i32(g.columns.size));
    return em.name('target', whole ? at : operate('select', beyond, i32(g.pitch - 4), at));
  }

  private products(tiles: TExpr): void {
    const { em, g, cut, scratch } = this;
    this.overOffsets(() => {
      const panels = em.name('panels', mul(this.offset(), i32(cut.rows * g.depth)));
      const columnTiles = Math.ceil(g.columns.size / TILE_COLUMNS);
      em.loop('columnTile', i32(0), i32(columnTiles), 1, (columnTile) => {
        const column = em.name('column', mul(columnTile, i32(TILE_COLUMNS)));
        const targets = [this.target(column), this.target(add(column, i32(4)))];
        em.loop('rowTile', i32(0), tiles, 1, (rowTile) => {
          const row = em.name('row', mul(rowTile, i32(TILE_ROWS * g.pitch)));
          const accumulators = zeroAccumulators(em);
          const at = (r: number, half: 0 | 1): TExpr =>
            add(add(row, targets[half]!), i32(r * g.pitch));
          eachAccumulator(accumulators, (register, r, half) => {
            em.set(register, loadFrom(scratch.sums, at(r, half), 4));
          });
          accumulate(em, accumulators, {
            rows: scratch.rows,
            rowPanel: em.name('rowPanel', add(panels, mul(rowTile, i32(TILE_ROWS * g.depth)))),
            columns: scratch.columns,
            columnPanel: em.name('columnPanel', mul(columnTile, i32(TILE_COLUMNS * g.depth))),
            depth: i32(g.depth),
          });
          eachAccumulator(accumulators, (register, r, half) => {
            em.push(storeTo(scratch.sums, at(r, half), get(register)));
          });
        });
      });
    });
  }

  /** The stores, over all positions of the result that the workgroup's rows have in this image. */
  private finish(start: TExpr): void {
    const { em, g, cut, scratch } = this;
    const last = g.windows.at(-1)!.n;
    const end = operate('min', i32(cut.rows), operate('sub', i32(g.rows.size), start));
    em.loop('finished', i32(0), em.name('rowEnd', end), 1, (row) => {
      bindAll(em, positionOf(em, g.rowAxes, em.name('row', add(start, row))));
      const walk = (i: number, sum: TExpr): void => {
        const w = g.windows[i]!;
        const inside = (v: TExpr): TExpr =>
          add(mul(sum, i32(w.length)), operate('sub', v, i32(w.low)));
        if (i + 1 < g.windows.length) {
          em.axisLoop(w.n, () => walk(i + 1, em.name('at', inside(em.index(idxAxis(w.n))))));
          return;
        }
        const base = mul(row, i32(g.pitch));
        const step = (v: TExpr, lanes: 1 | 4, store: () => void): void => {
          em.bind(w.n, v);
          em.setAccumulator(em.name('sum', loadFrom(scratch.sums, add(base, inside(v)), lanes)));
          store();
        };
        const whole = inVectors(this.outputs, last) ? last.extent - (last.extent % 4) : 0;
        em.loop(last.name, i32(0), i32(whole), 4, (v) =>
          step(v, 4, () => storeVectors(em, this.outputs, last)),
        );
        em.loop(last.name, i32(whole), i32(last.extent), 1, (v) =>
          step(v, 1, () => storeScalars(em, this.outputs)),
        );
      };
      walk(0, i32(0));
    });
  }
}
