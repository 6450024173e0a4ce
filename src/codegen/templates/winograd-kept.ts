/**
 * Weights transformed for Winograd's algorithm, as an array that a launch before the convolution's writes, in the order in
 * which workgroups read it: `[block of rows, part of the channels, product, four rows, channel, row]`.
 *
 * Invariant: what the convolution multiplies by is written out, as what becomes of the array when it is transformed back;
 * so its launch means the same whichever schedule it gets, and Winograd's knows the array by that expression.
 */
import {
  type Idx,
  idxAdd,
  idxAxis,
  idxConst,
  idxDiv,
  idxMod,
  idxScale,
  newAxis,
} from '../../ir/dim.ts';
import { buffersOf } from '../../ir/loop/access.ts';
import { constant, guard, load, newBuffer, scalar } from '../../ir/loop/expr.ts';
import type { Expr, LoopBuffer, LoopKernel, Nest } from '../../ir/loop/loop.ts';
import { visitLoads } from '../analysis.ts';
import { rewriter } from '../rewrite.ts';
import { TILE_ROWS } from './contraction.ts';
import type { Shift, Shifts } from './shifted-geometry.ts';
import { type TileSize, weightPoints } from './winograd-lines.ts';

/** Weights that lie ready, and for tiles of which size. */
export interface ReadyWeights extends Parts {
  readonly buffer: LoopBuffer;
}

/** For tiles of which size, and how the work is cut. */
export interface Parts {
  readonly tile: TileSize;
  readonly rowBlocks: number;
  readonly chunks: number;
}

const times = (value: Expr, by: number): Expr =>
  by === 1 ? value : scalar('mul', value, constant(by, 'float32'));

/** What becomes of a line of three weights. */
const forth = (tile: TileSize, [g0, g1, g2]: readonly Expr[]): Expr[] => {
  const { first, pairs } = weightPoints[tile];
  const middle = pairs.flatMap(({ p, n }) => {
    const even = scalar('add', times(g0!, 1 / n), times(g2!, (p * p) / n));
    const odd = times(g1!, p / n);
    return [scalar('add', even, odd), scalar('sub', even, odd)];
  });
  return [times(g0!, first), ...middle, g2!];
};

/** The three weights that a line was made of. */
const back = (tile: TileSize, line: readonly Expr[]): Expr[] => {
  const { first, pairs } = weightPoints[tile];
  const { p, n } = pairs[0]!;
  const middle = times(scalar('sub', line[1]!, line[2]!), n / (2 * p));
  return [times(line[0]!, 1 / first), middle, line.at(-1)!];
};

/** The tap that meets the first, second or third input. */
const tapAt = ({ sign }: Shift, place: number): number => (sign > 0 ? place : 2 - place);

/** One of three values, by the tap. */
const pick = (window: Shift, [first, second, third]: readonly Expr[]): Expr => {
  const at = (place: number) => {
    const lo = tapAt(window, place);
    return [{ idx: idxAxis(window.k), lo, hi: lo + 1 }];
  };
  return guard(at(0), first!, guard(at(1), second!, third!));
};

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Inputs along a line of a tile. */
const reachOf = (tile: TileSize): number => tile + 2;

const shapeOf = (g: Shifts, { tile, rowBlocks, chunks }: Parts): readonly number[] => [
  rowBlocks,
  chunks,
  reachOf(tile) ** 2,
  g.rows.size / TILE_ROWS / rowBlocks,
  g.depth / chunks,
  TILE_ROWS,
];

/** Where in an array of this shape the weights of a row and a channel are, for each of the tile's products. */
const placesOf = (
  [, , , tiles, depth]: readonly number[],
  row: Idx,
  channel: Idx,
): ((product: number) => readonly Idx[]) => {
  const tile = idxDiv(row, TILE_ROWS);
  const outer = [idxDiv(tile, tiles!), idxDiv(channel, depth!)];
  const inner = [idxMod(tile, tiles!), idxMod(channel, depth!), idxMod(row, TILE_ROWS)];
  return (product) => [...outer, idxConst(product), ...inner];
};

/** The weight of a row, a channel and a tap, from the array. */
const weightFrom = (buffer: LoopBuffer, g: Shifts, tile: TileSize): Expr => {
  const placeOf = placesOf(buffer.shape, idxAxis(g.rowAxes[0]!), idxAxis(g.channels[0]!));
  const reach = reachOf(tile);
  const at = (i: number, j: number): Expr => load(buffer, placeOf(i * reach + j));
  const [down, along] = g.windows as [Shift, Shift];
  const line = range(reach).map((j) =>
    pick(
      down,
      back(
        tile,
        range(reach).map((i) => at(i, j)),
      ),
    ),
  );
  return pick(along, back(tile, line));
};

/** Whether weights of this convolution can lie ready: one axis of whole fours of rows, one of channels, 3 x 3 taps. */
const fits = (g: Shifts): boolean =>
  g.rowAxes.length === 1 &&
  g.channels.length === 1 &&
  g.rows.size % TILE_ROWS === 0 &&
  g.windows.length === 2 &&
  g.windows.every((w) => w.k.extent === 3);

/** The weights of a convolution, if they lie ready. */
export const readyWeights = ({ contract }: Nest, g: Shifts): ReadyWeights | undefined => {
  if (contract === undefined || contract.a.kind !== 'guard' || !fits(g)) return undefined;
  let buffer: LoopBuffer | undefined;
  visitLoads(contract.a, (l) => {
    buffer ??= l.buffer;
  });
  const [rowBlocks, chunks, products] = buffer?.shape ?? [];
  const tile = ([2, 4] as const).find((size) => products === reachOf(size) ** 2);
  if (buffer?.shape.length !== 6 || tile === undefined) return undefined;
  const parts: Parts = { tile, rowBlocks: rowBlocks!, chunks: chunks! };
  if (shapeOf(g, parts).some((d, i) => d !== buffer!.shape[i])) return undefined;
  if (weightFrom(buffer, g, tile) === contract.a) return { buffer, ...parts };
  return undefined;
};

/** Cycles of a row and a channel, for each product. */
const CYCLES = 2.5;

/** What transformed weights take. */
export interface Price {
  readonly bytes: number;
  /** Rough cycles to transform all. */
  readonly cycles: number;
}

/** What the weights of a convolution (its left operand) take, transformed so; `undefined` where they cannot lie ready. */
export const priceOf = (weights: Expr, g: Shifts, parts: Parts): Price | undefined => {
  if (!fits(g) || weights.dtype !== 'float32') return undefined;
  const size = shapeOf(g, parts).reduce((n, d) => n * d, 1);
  return { bytes: 4 * size, cycles: CYCLES * size };
};

/** Transformed weights: the launch that writes them, and what a convolution multiplies by instead. */
export interface Transformed {
  readonly kernel: LoopKernel;
  readonly expr: Expr;
}

/** The weights of a convolution, transformed for tiles of a size. They have a price. */
export const transformedOf = (
  weights: Expr,
  g: Shifts,
  parts: Parts,
  name: string,
): Transformed => {
  const { tile } = parts;
  const shape = shapeOf(g, parts);
  const buffer = newBuffer(name, { dtype: 'float32', shape });
  const block = newAxis('block', shape[0]! * shape[3]!, 'par');
  const channel = newAxis('channel', g.depth, 'par');
  const lane = newAxis('lane', TILE_ROWS, 'par');
  const row = idxAdd(idxScale(idxAxis(block), TILE_ROWS), idxAxis(lane));
  const [down, along] = g.windows as [Shift, Shift];
  const tap = (i: number, j: number): Expr =>
    rewriter({
      axis: (a) => {
        if (a === g.rowAxes[0]) return row;
        if (a === g.channels[0]) return idxAxis(channel);
        if (a === down.k) return idxConst(tapAt(down, i));
        return a === along.k ? idxConst(tapAt(along, j)) : undefined;
      },
    }).expr(weights);
  const columns = range(3).map((j) =>
    forth(
      tile,
      range(3).map((i) => tap(i, j)),
    ),
  );
  const values = range(reachOf(tile)).flatMap((i) =>
    forth(
      tile,
      columns.map((column) => column[i]!),
    ),
  );
  const axes = [block, channel, lane];
  const placeOf = placesOf(shape, row, idxAxis(channel));
  const nest: Nest = {
    axes,
    stores: values.map((value, product) => ({
      buffer,
      index: placeOf(product),
      value,
      axes,
      mode: 'set',
      over: [],
    })),
    contract: undefined,
  };
  return {
    kernel: { name, buffers: buffersOf([nest]), nests: [nest], origin: [] },
    expr: weightFrom(buffer, g, tile),
  };
};
