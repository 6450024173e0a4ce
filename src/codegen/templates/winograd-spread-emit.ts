/**
 * The code of a convolution by Winograd's algorithm seen from its input: tiles of four images are transformed, an image in
 * each lane, and multiplied; what the products become is added where tiles of the result overlap, in whole vectors.
 *
 * Invariant: what images beyond the last leave in their lanes is finite or theirs alone, and never stored.
 */
import { pointsOf } from '../../ir/dim.ts';
import type { Nest } from '../../ir/loop/loop.ts';
import { add, i32, loadFrom, mul, operate, storeTo } from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';
import type { Emitter } from '../emit/emitter.ts';
import { bindAll, positionOf } from '../emit/position.ts';
import { outputsOf } from '../stores.ts';
import { TILE_COLUMNS, TILE_ROWS } from './contraction.ts';
import { finishImage } from './image.ts';
import { transposed } from './pack.ts';
import { copyPadded } from './padded.ts';
import { clear } from './planes.ts';
import { shareOf } from './share.ts';
import type { Shifts } from './shifted-geometry.ts';
import { multiply } from './winograd-emit.ts';
import { spreadLineOf } from './winograd-lines.ts';
import type { SpreadCut } from './winograd-spread.ts';
import type { Taps } from './winograd-taps.ts';
import { inputLine, LANES, square, transformWeights } from './winograd-transforms.ts';

/** Memory of a workgroup. */
export interface SpreadScratch {
  /** By product: panels of weights, of tiles, and what they give. */
  readonly rows: ThreadBuffer;
  readonly columns: ThreadBuffer;
  readonly products: ThreadBuffer;
  /** A channel of four images. */
  readonly images: ThreadBuffer;
  /** All rows of the results, an image in each lane; one row, image by image. */
  readonly sums: ThreadBuffer;
  readonly row: ThreadBuffer;
  readonly lines: ThreadBuffer;
  /** Where tiles begin in an image, and in a row of the results. */
  readonly inputs: ThreadBuffer;
  readonly results: ThreadBuffer;
}

export interface SpreadWork {
  readonly em: Emitter;
  readonly g: Shifts;
  readonly taps: Taps;
  readonly cut: SpreadCut;
  readonly scratch: SpreadScratch;
}

/** Four images, or what there is of them. */
interface Unit {
  readonly first: TExpr;
  readonly images: TExpr;
}

export const emitSpread = (work: SpreadWork, nest: Nest, workgroup: TExpr): TStmt[] => {
  const { em, g, cut, scratch } = work;
  const { layout } = cut;
  const rowBlock = em.name('rowBlock', operate('mod', workgroup, i32(cut.rowBlocks)));
  const unitBlock = em.name('unitBlock', operate('floordiv', workgroup, i32(cut.rowBlocks)));
  const rows = shareOf(em, 'row', rowBlock, { size: g.rows.size, each: cut.rows, tile: TILE_ROWS });
  const all = pointsOf(g.images);
  placeTiles(work);
  // zeros beyond the input stay as long as all that is copied lies alike
  const inParts = layout.tileRows < layout.high;
  clear(em, scratch.images);
  transformWeights(work, rows.start, rows.tiles, { from: i32(0), length: i32(g.depth) });
  const from = em.name('unitStart', mul(unitBlock, i32(cut.units)));
  const to = operate('min', add(from, i32(cut.units)), i32(cut.allUnits));
  em.loop('unit', from, em.name('unitEnd', to), 1, (number) => {
    const first = em.name('firstImage', mul(number, i32(LANES)));
    const left = operate('sub', i32(all), first);
    const images =
      all % LANES === 0 ? i32(LANES) : em.name('images', operate('min', left, i32(LANES)));
    const unit: Unit = { first, images };
    clear(em, scratch.sums, mul(rows.tiles, i32(TILE_ROWS * LANES * layout.resultPlane)));
    const parts = Math.ceil(layout.high / layout.tileRows);
    em.loop('part', i32(0), i32(parts), 1, (part) => {
      const stripe = mul(part, i32(layout.tile * layout.tileRows));
      transformTiles(work, unit, inParts ? em.name('stripe', stripe) : undefined);
      const place = em.name('partAt', mul(stripe, i32(layout.resultPitch)));
      const panels = Math.ceil((layout.tileRows * layout.wide * LANES) / TILE_COLUMNS);
      em.loop('panel', i32(0), i32(panels), 1, (panel) => {
        const weights = { at: i32(0), slice: cut.slices.rows, tile: TILE_ROWS * cut.channels };
        multiply(work, panel, i32(0), rows.tiles, i32(cut.channels), weights);
        addProducts(work, panel, place, rows.tiles);
      });
    });
    finish(work, nest, unit, rows);
  });
  return em.body;
};

/** Where each tile is: in an image, and in a row of the results. */
const placeTiles = ({ em, cut: { layout }, scratch }: SpreadWork): void => {
  const { tile, tileRows, wide, pitch, windows, resultPitch } = layout;
  const [down, along] = windows.map((w) => w.first) as [number, number];
  em.loop('tile', i32(0), i32(tileRows * wide), 1, (number) => {
    const y = em.name('y', mul(operate('floordiv', number, i32(wide)), i32(tile)));
    const x = em.name('x', mul(operate('mod', number, i32(wide)), i32(tile)));
    em.push(storeTo(scratch.inputs, number, add(mul(y, i32(pitch)), x)));
    const place = add(mul(y, i32(resultPitch)), add(x, i32(down * resultPitch + along)));
    em.push(storeTo(scratch.results, number, place));
  });
};

/** The panels of the tiles of a unit, or of a part of their lines from `stripe` on. */
const transformTiles = (work: SpreadWork, unit: Unit, stripe: TExpr | undefined): void => {
  const { em, g, taps, cut, scratch } = work;
  const { layout, slices } = cut;
  const { tile, tileRows, wide, reach, pitch, plane } = layout;
  const windows = g.windows.map((window, i) => ({
    window,
    length: i === 0 ? tile * tileRows : pitch,
    pad: 0,
    pitch: i === 0 ? pitch : 1,
  }));
  em.loop('channel', i32(0), i32(cut.channels), 1, (channel) => {
    if (stripe !== undefined) clear(em, scratch.images);
    em.loop('image', i32(0), unit.images, 1, (image) => {
      bindAll(em, positionOf(em, g.images, em.name('imageAt', add(unit.first, image))));
      bindAll(em, positionOf(em, g.channels, channel));
      const at = em.name('planeAt', mul(image, i32(plane)));
      copyPadded(em, g.input, windows, scratch.images, at, stripe);
    });
    em.loop('tile', i32(0), i32(tileRows * wide), 1, (number) => {
      const origin = em.name('origin', loadFrom(scratch.inputs, number));
      const lanes = [0, 1, 2, 3].map((lane) => em.name('at', add(origin, i32(lane * plane))));
      const panel = mul(operate('shr', number, i32(1)), i32(cut.channels));
      const half = mul(operate('and', number, i32(1)), i32(LANES));
      const to = em.name('to', add(mul(add(panel, channel), i32(TILE_COLUMNS)), half));
      square(
        em,
        scratch.lines,
        { lines: tile, results: reach },
        spreadLineOf(taps.side).input,
        (y) => inputLine(em, scratch.images, lanes, em.name('lineAt', mul(y, i32(pitch))), tile),
        (x, values) => {
          const column = em.name('column', add(to, mul(x, i32(slices.columns))));
          values.forEach((v, y) => {
            em.push(storeTo(scratch.columns, add(column, i32(y * reach * slices.columns)), v));
          });
        },
      );
    });
  });
};

/** Adds what the products of two tiles become to the results that they meet; `part`: where those of the first tile begin. */
const addProducts = (work: SpreadWork, panel: TExpr, part: TExpr, rows: TExpr): void => {
  const { em, taps, cut, scratch } = work;
  const { layout, slices } = cut;
  const { tileRows, wide, reach, resultPitch, resultPlane } = layout;
  const first = em.name('firstTile', mul(panel, i32(2)));
  const left = operate('sub', i32(tileRows * wide), first);
  const tiles =
    (tileRows * wide) % 2 === 0 ? i32(2) : em.name('tiles', operate('min', left, i32(2)));
  em.loop('half', i32(0), tiles, 1, (half) => {
    const origin = add(loadFrom(scratch.results, add(first, half)), part);
    const place = em.name('place', mul(origin, i32(LANES)));
    em.loop('row', i32(0), mul(rows, i32(TILE_ROWS)), 1, (row) => {
      const from = em.name('from', add(mul(row, i32(TILE_COLUMNS)), mul(half, i32(LANES))));
      const to = em.name('to', add(place, mul(row, i32(LANES * resultPlane))));
      square(
        em,
        scratch.lines,
        { lines: reach, results: reach },
        spreadLineOf(taps.side).result,
        (x) => {
          const column = em.name('column', add(from, mul(x, i32(slices.sums))));
          return Array.from({ length: reach }, (_, y) =>
            loadFrom(scratch.products, add(column, i32(y * reach * slices.sums)), LANES),
          );
        },
        (y, values) => {
          const line = em.name('line', add(to, mul(y, i32(LANES * resultPitch))));
          values.forEach((v, x) => {
            const at = add(line, i32(LANES * x));
            em.push(
              storeTo(scratch.sums, at, operate('add', loadFrom(scratch.sums, at, LANES), v)),
            );
          });
        },
      );
    });
  });
};

/** The stores, row by row, of what is summed up of a unit. */
const finish = (
  { em, g, cut: { layout }, scratch }: SpreadWork,
  nest: Nest,
  unit: Unit,
  rows: ReturnType<typeof shareOf>,
): void => {
  const { windows, resultPlane } = layout;
  em.loop('row', i32(0), rows.count, 1, (row) => {
    const from = em.name('from', mul(row, i32(LANES * resultPlane)));
    em.loop('at', i32(0), i32(resultPlane), LANES, (at) => {
      const places = [0, 1, 2, 3].map((i) => add(add(from, mul(at, i32(LANES))), i32(LANES * i)));
      const four = places.map((place) => em.name('sums', loadFrom(scratch.sums, place, LANES)));
      transposed(em, four as [TExpr, TExpr, TExpr, TExpr]).forEach((v, image) => {
        em.push(storeTo(scratch.row, add(at, i32(image * resultPlane)), v));
      });
    });
    em.loop('finishedImage', i32(0), unit.images, 1, (image) => {
      bindAll(em, positionOf(em, g.images, em.name('imageAt', add(unit.first, image))));
      finishImage(em, {
        g,
        windows,
        pitch: 0,
        rows: 1,
        sums: scratch.row,
        outputs: outputsOf(nest.stores),
        start: em.name('rowAt', add(rows.start, row)),
        origin: em.name('origin', mul(image, i32(resultPlane))),
      });
    });
  });
};
