/**
 * Winograd's transforms as code: of weights and of tiles of the input into panels of the micro-kernel, and of products
 * into an image of results.
 *
 * Invariant: tiles beyond a unit's last are its last again: they are computed twice and give the same; what is read of
 * the image has been written or cleared for its channel.
 */
import { add, i32, loadFrom, mul, operate, shuffle, storeTo } from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer } from '../../ir/thread/thread.ts';
import type { Emitter } from '../emit/emitter.ts';
import { bindAll, positionOf } from '../emit/position.ts';
import { TILE_COLUMNS, TILE_ROWS } from './contraction.ts';
import { transposed } from './pack.ts';
import { copyPadded, type PaddedWindow, paddingOf } from './padded.ts';
import { clear } from './planes.ts';
import type { Shifts } from './shifted-geometry.ts';
import type { WinogradCut } from './winograd.ts';
import { type LineTransform, lineOf } from './winograd-lines.ts';
import { readTaps, type Taps, tapRows } from './winograd-taps.ts';

/** Memory of a workgroup. */
export interface WinogradScratch {
  /** By product: panels of weights, of tiles, and what they give. */
  readonly rows: ThreadBuffer;
  readonly columns: ThreadBuffer;
  readonly products: ThreadBuffer;
  /** A channel of the input with zeros around it, and all rows of the results. */
  readonly image: ThreadBuffer;
  readonly sums: ThreadBuffer;
  /** What the first half of a transform leaves. */
  readonly lines: ThreadBuffer;
  /** Where tiles begin in the image, and in a row of the results. */
  readonly inputs: ThreadBuffer;
  readonly results: ThreadBuffer;
}

/** What all parts of the code are about. */
export interface Work {
  readonly em: Emitter;
  readonly g: Shifts;
  readonly taps: Taps;
  readonly cut: WinogradCut;
  /** Whether panels of the weights lie ready, those of all rows and channels. */
  readonly ready: boolean;
  readonly scratch: WinogradScratch;
}

/** A part of the channels. */
export interface Channels {
  readonly from: TExpr;
  readonly length: TExpr;
}

/** The images of a unit, and of one that has only a stripe of it: which result positions. */
export interface Unit {
  readonly image: TExpr;
  readonly images: TExpr;
  readonly stripe?: { readonly from: TExpr; readonly to: TExpr };
}

export const LANES = 4;

/** Where each tile is: in the image, and in a row of the results. */
export const placeTiles = ({ em, cut: { layout }, scratch }: Work): void => {
  const { tile, tileRows, tileColumns } = layout;
  em.loop('at', i32(0), i32(layout.columns), 1, (at) => {
    const number = em.name('tile', operate('min', at, i32(layout.tiles - 1)));
    const row = em.name('tileRow', operate('floordiv', number, i32(tileColumns)));
    const x = em.name('x', mul(operate('mod', number, i32(tileColumns)), i32(tile)));
    const image = em.name('image', operate('floordiv', row, i32(tileRows)));
    const y = em.name('y', mul(operate('mod', row, i32(tileRows)), i32(tile)));
    const place = (plane: number, pitch: number): TExpr =>
      add(add(mul(image, i32(plane)), mul(y, i32(pitch))), x);
    em.push(storeTo(scratch.inputs, at, place(layout.plane, layout.pitch)));
    em.push(storeTo(scratch.results, at, place(layout.resultPlane, layout.resultPitch)));
  });
};

const lanesOf = (em: Emitter, table: ThreadBuffer, tile: TExpr): TExpr[] =>
  [0, 1, 2, 3].map((lane) => em.name('at', loadFrom(table, add(tile, i32(lane)))));

/** What the transform of weights needs to know. */
export interface WeightWork extends Pick<Work, 'em' | 'taps'> {
  readonly cut: {
    readonly layout: Pick<WinogradCut['layout'], 'tile' | 'reach'>;
    readonly channels: number;
    readonly slices: Pick<WinogradCut['slices'], 'rows'>;
  };
  readonly scratch: Pick<WinogradScratch, 'rows'>;
}

/** The panels of the weights of some channels. */
export const transformWeights = (
  { em, taps, cut, scratch }: WeightWork,
  start: TExpr,
  rows: TExpr,
  { from, length }: Channels,
): void => {
  const { tile, reach } = cut.layout;
  const { side } = taps;
  const { weight } = lineOf(tile, side);
  const sides = Array.from({ length: side }, (_, i) => i);
  const named = (v: TExpr): TExpr => em.name('v', v);
  em.loop('rowTile', i32(0), rows, 1, (rowTile) => {
    const at = em.name('rowAt', add(start, mul(rowTile, i32(TILE_ROWS))));
    const lanes = tapRows(em, taps, at);
    const panel = em.name('panel', mul(rowTile, i32(TILE_ROWS * cut.channels)));
    em.loop('channel', i32(0), length, 1, (channel) => {
      bindAll(em, positionOf(em, taps.channels, em.name('channelAt', add(from, channel))));
      const g = readTaps(em, taps, lanes);
      const to = em.name('to', add(panel, mul(channel, i32(TILE_ROWS))));
      const down = sides.map((j) =>
        weight(
          sides.map((i) => g[i * side + j]!),
          named,
        ).map(named),
      );
      for (let i = 0; i < reach; i++)
        weight(
          down.map((column) => column[i]!),
          named,
        ).forEach((v, j) => {
          const slice = i32((i * reach + j) * cut.slices.rows);
          em.push(storeTo(scratch.rows, add(to, slice), v));
        });
    });
  });
};

/** Lines of a square, and what becomes of a line. */
interface Sides {
  readonly lines: number;
  readonly results: number;
}

/**
 * Transforms vectors along the lines that `read` gives, then across: `put` gets what becomes of the first, second, ... of
 * each line. `memory` is for what the first half leaves.
 */
export const square = (
  em: Emitter,
  memory: ThreadBuffer,
  { lines, results }: Sides,
  transform: LineTransform,
  read: (line: TExpr) => readonly TExpr[],
  put: (position: TExpr, values: readonly TExpr[]) => void,
): void => {
  const named = (v: TExpr): TExpr => em.name('v', v);
  em.loop('line', i32(0), i32(lines), 1, (line) => {
    transform(read(line), named).forEach((v, j) => {
      em.push(storeTo(memory, add(mul(line, i32(LANES)), i32(j * LANES * lines)), v));
    });
  });
  em.loop('position', i32(0), i32(results), 1, (position) => {
    const from = em.name('from', mul(position, i32(LANES * lines)));
    const values = Array.from({ length: lines }, (_, i) =>
      named(loadFrom(memory, add(from, i32(i * LANES)), LANES)),
    );
    put(position, transform(values, named).map(named));
  });
};

/** The panels of a unit's tiles, channel by channel. */
export const transformTiles = (work: Work, unit: Unit, { from, length }: Channels): void => {
  const { em, g, taps, cut, scratch } = work;
  const { layout, slices } = cut;
  const { tile, tileRows, reach, pitch } = layout;
  const windows = g.windows.map(
    (window, i): PaddedWindow => ({
      window,
      length: i === 0 ? tile * tileRows + taps.side - 1 : pitch,
      pad: paddingOf(window),
      pitch: i === 0 ? pitch : 1,
    }),
  );
  em.loop('channel', i32(0), length, 1, (channel) => {
    if (layout.stripes > 1) clear(em, scratch.image);
    const at = em.name('channelAt', add(from, channel));
    em.loop('image', i32(0), unit.images, 1, (image) => {
      bindAll(em, positionOf(em, g.images, em.name('imageAt', add(unit.image, image))));
      bindAll(em, positionOf(em, g.channels, at));
      const plane = em.name('planeAt', mul(image, i32(layout.plane)));
      copyPadded(em, g.input, windows, scratch.image, plane, unit.stripe?.from);
    });
    em.loop('tiles', i32(0), i32(layout.columns), LANES, (first) => {
      const lanes = lanesOf(em, scratch.inputs, first);
      const row = add(mul(operate('shr', first, i32(3)), i32(cut.channels)), channel);
      const half = operate('and', first, i32(LANES));
      const to = em.name('to', add(mul(row, i32(TILE_COLUMNS)), half));
      square(
        em,
        scratch.lines,
        { lines: reach, results: reach },
        lineOf(tile, taps.side).input,
        (y) => inputLine(em, scratch.image, lanes, em.name('lineAt', mul(y, i32(pitch))), reach),
        (x, values) => {
          const column = em.name('column', add(to, mul(x, i32(slices.columns))));
          values.forEach((v, y) => {
            const slice = i32(y * reach * slices.columns);
            em.push(storeTo(scratch.columns, add(column, slice), v));
          });
        },
      );
    });
  });
};

/** Up to four, or six, of what begins at each of four places: a vector for each position. */
export const inputLine = (
  em: Emitter,
  image: ThreadBuffer,
  lanes: readonly TExpr[],
  line: TExpr,
  reach: number,
): readonly TExpr[] => {
  const vectors = (offset: number): [TExpr, TExpr, TExpr, TExpr] =>
    lanes.map((at) => em.name('x', loadFrom(image, add(add(at, line), i32(offset)), LANES))) as [
      TExpr,
      TExpr,
      TExpr,
      TExpr,
    ];
  const named = (v: TExpr): TExpr => em.name('x', v);
  const first = transposed(em, vectors(0)).map(named);
  if (reach <= LANES) return first;
  const [a, b, c, d] = vectors(LANES);
  const low = named(shuffle(a, b, [0, 4, 1, 5]));
  const high = named(shuffle(c, d, [0, 4, 1, 5]));
  return [
    ...first,
    named(shuffle(low, high, [0, 1, 4, 5])),
    named(shuffle(low, high, [2, 3, 6, 7])),
  ];
};

/** What the products of a panel of tiles become; `block`: where those of the panel begin. */
export const transformProducts = (work: Work, panel: TExpr, block: TExpr, rows: TExpr): void => {
  const { em, taps, cut, scratch } = work;
  const { layout, slices } = cut;
  const { tile, reach } = layout;
  em.loop('half', i32(0), i32(TILE_COLUMNS), LANES, (half) => {
    const first = em.name('tile', add(mul(panel, i32(TILE_COLUMNS)), half));
    const lanes = lanesOf(em, scratch.results, first);
    const base = em.name('base', add(block, half));
    em.loop('row', i32(0), mul(rows, i32(TILE_ROWS)), 1, (row) => {
      const from = em.name('productAt', add(base, mul(row, i32(TILE_COLUMNS))));
      const to = em.name('to', mul(row, i32(layout.images * layout.resultPlane)));
      square(
        em,
        scratch.lines,
        { lines: reach, results: tile },
        lineOf(tile, taps.side).result,
        (x) => {
          const column = em.name('column', add(from, mul(x, i32(slices.sums))));
          return Array.from({ length: reach }, (_, y) =>
            loadFrom(scratch.products, add(column, i32(y * reach * slices.sums)), LANES),
          );
        },
        (y, values) => {
          const line = em.name('resultAt', add(to, mul(y, i32(layout.resultPitch))));
          perTile(em, values).forEach((v, lane) => {
            em.push(storeTo(scratch.sums, add(line, lanes[lane]!), v));
          });
        },
      );
    });
  });
};

/** A line of results by tile; two results are the first of a vector, what follows them is overwritten. */
const perTile = (em: Emitter, values: readonly TExpr[]): readonly TExpr[] => {
  const [a, b, c, d] = values;
  if (c !== undefined && d !== undefined) return transposed(em, [a!, b!, c, d]);
  return (
    [
      [0, 4, 1, 5],
      [1, 5, 2, 6],
      [2, 6, 3, 7],
      [3, 7, 3, 7],
    ] as const
  ).map((lanes) => shuffle(a!, b!, lanes));
};
