/**
 * How long a cut takes on matrix units: a model of processors that share nothing and divide their time among workgroups.
 *
 * A processor multiplies, reads shared memory, gets bytes from the cache behind it and issues instructions, all at the
 * same time: the slowest decides while others are around; a workgroup alone waits for what its steps have under way.
 * Numbers are of compute capability 8.0, later ones are faster by about the same factors.
 * Invariant: cycles depend on the cut and the number of processors alone.
 */
import { bytesOf } from '../../../ir/dtype.ts';
import { type MmaInputs, WARP } from '../../../ir/thread/tensor.ts';
import type { Caps } from '../../caps.ts';
import {
  BARRIER,
  LATENCY,
  LAUNCH,
  MOST_REGISTERS,
  PARTS,
  REGISTERS,
  SHARED_BYTES,
  THREADS,
  WARP_UNITS,
} from '../chip.ts';
import { bringing } from '../contraction/panel.ts';
import type { Problem } from '../contraction/problem.ts';
import { stagedAs } from './operand.ts';
import { type Cut, type Stage, summandsOf, type Tile, warpsOf } from './tile.ts';

const CACHE_BYTES = WARP_UNITS.cacheBytes;
/** Registers of a thread besides its sums and operands. */
const OWN_REGISTERS = 48;
/** Instructions of a step that neither multiply nor stage. */
const STEP = 16;

/** Multiply-adds of a processor in a cycle. */
export const productsOf = (inputs: MmaInputs): number =>
  WARP_UNITS.products[inputs === 'tfloat32' ? 'tfloat32' : 'narrow'];

/** Registers of a thread, about. */
export const registersOf = ({ tile, inputs, rows, columns }: Cut): number => {
  const sums = (tile.warpRows * tile.warpColumns) / WARP;
  const operands = (tile.warpRows * 4 + tile.warpColumns * 2) / 16;
  const held = [rows, columns].reduce(
    (sum, s) => sum + (s.copied === undefined ? 4 * s.panel.rounds : s.panel.rounds),
    0,
  );
  // places of numbers that are read one by one
  const single = [rows, columns].filter(
    (s) => inputs === 'tfloat32' && s.panel.layout === 'free',
  ).length;
  // what is rounded to TF32 early in a step waits for its products
  const rounded = inputs === 'tfloat32' ? tile.depth / 2 : 0;
  return OWN_REGISTERS + sums + 2 * operands + held + 16 * single + rounded;
};

/** Instructions of a thread to bring one step of an operand. */
const bringingOf = ({ panel, copied }: Stage, threads: number, piece: number): number => {
  if (copied === undefined) return panel.rounds * (bringing(panel) + 3);
  const copies = (panel.extent * panel.depth) / copied.unit / threads;
  const { axes } = panel.operand;
  const divisions = 4 * Math.max(0, axes.depth.length - 1);
  return copies * (6 + 3 * copied.plain.bounds.length) + (copies * copied.unit * divisions) / piece;
};

/** No cut into such tiles takes fewer cycles: what it multiplies, and what comes from the second cache. */
export const leastCycles = (
  { rows, columns, depth, batches }: Problem,
  tile: Tile,
  inputs: MmaInputs,
  caps: Caps,
): number => {
  const steps = Math.ceil(depth / tile.depth);
  const tiles = Math.ceil(rows.size / tile.rows) * Math.ceil(columns.size / tile.columns);
  const products = (tile.rows * tile.columns * tile.depth) / productsOf(inputs);
  const staged = (tile.rows + tile.columns) * tile.depth * bytesOf(stagedAs(inputs));
  const busy = Math.max(products, staged / CACHE_BYTES);
  return Math.ceil((tiles * batches) / caps.processors) * steps * busy;
};

/** Estimated cycles until all of a cut is done. */
export const cyclesOf = (cut: Cut, caps: Caps): number => {
  const { tile, inputs, threads, problem, steps, grid } = cut;
  const bytes = bytesOf(stagedAs(inputs));
  const warps = warpsOf(tile);
  const registers = registersOf(cut);
  if (registers > MOST_REGISTERS) return Number.POSITIVE_INFINITY;
  const products = (tile.rows * tile.columns * tile.depth) / productsOf(inputs);
  const staged = (tile.rows + tile.columns) * tile.depth * bytes;
  const operands = warps * (tile.warpRows + tile.warpColumns) * tile.depth * bytes;
  const rounds = tile.depth / summandsOf(inputs);
  const single = [cut.rows, cut.columns].map((s) =>
    inputs === 'tfloat32' && s.panel.layout === 'free' ? 4 : 1,
  );
  const reads = (tile.warpRows / 16) * single[0]! + (tile.warpColumns / 16) * single[1]!;
  const instructions =
    rounds * (reads + (tile.warpRows / 16) * (tile.warpColumns / 8)) +
    STEP +
    bringingOf(cut.rows, threads, 16 / bytes) +
    bringingOf(cut.columns, threads, 16 / bytes);
  const busy = Math.max(
    products,
    (operands + staged) / SHARED_BYTES,
    staged / CACHE_BYTES,
    (warps * instructions) / PARTS,
  );
  const held = cut.rows.copied === undefined || cut.columns.copied === undefined;
  const ahead = held ? 1 : tile.stages - 1;
  const few = PARTS / Math.min(PARTS, warps);
  const alone = Math.max(busy, products * few, instructions * few, LATENCY / ahead) + BARRIER;
  const fit = Math.max(
    1,
    Math.min(
      Math.floor((caps.sharedBytes + 1024) / (cut.sharedBytes + 1024)),
      Math.floor(REGISTERS / (threads * registers)),
      Math.floor(THREADS / threads),
    ),
  );
  const finish = finishing(cut);
  const each = Math.ceil(grid / caps.processors);
  const waves = Math.ceil(each / fit);
  const wait = 2 * LATENCY + finish + problem.results.cost;
  // of each step some is waiting that others fill, as many as there are
  const together = busy + BARRIER / fit;
  return Math.max(each * (steps * together + finish), waves * (steps * alone + wait));
};

/** Cycles to store a tile. */
const finishing = ({ tile, problem, passed }: Cut): number => {
  const { results } = problem;
  const elements = tile.rows * tile.columns;
  const bytes = results.contiguous ? 4 : 32;
  const through = passed === 0 ? 0 : elements / 16;
  const arithmetic = (elements * (results.cost + 2)) / (PARTS * WARP);
  return through + arithmetic + (elements * results.outputs.length * bytes) / CACHE_BYTES;
};

/** Time of one more launch, which reads so many numbers that the one before wrote. */
export const passingOn = (numbers: number, caps: Caps): number =>
  LAUNCH + (8 * numbers) / (caps.processors * CACHE_BYTES);

/** Time of a launch that reads and writes so many bytes in all; none where there are none. */
export const copying = (bytes: number, caps: Caps): number =>
  bytes === 0 ? 0 : LAUNCH + bytes / (caps.processors * CACHE_BYTES);
