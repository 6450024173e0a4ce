/**
 * How long a cut takes: a model of processors that share nothing and divide their time among workgroups.
 *
 * A processor issues four instructions of 32 threads a cycle, moves 128 bytes of shared memory a cycle, and gets so many
 * bytes a cycle from the cache behind it. A workgroup alone on its processor waits for each step's memory; with others
 * around, the busiest of the three decides. What counts is the time on a large device and, so that small tiles for its
 * sake stay within reason, that on a small one.
 * Invariant: cycles depend on the cut alone; no cut takes less than its lower bound.
 */
import { bringing } from './panel.ts';
import type { Problem } from './problem.ts';
import { type Cut, type Tile, threadsOf, tileColumns, tileRows } from './tile.ts';

const DEVICES = [
  { processors: 128, weight: 1 },
  { processors: 16, weight: 1 / 8 },
];
const WARP = 32;
const ISSUES = 4;
const CACHE_BYTES = 25;
/** From asking for memory to having it, and two barriers. */
const LATENCY = 700;
const BARRIERS = 60;
/** Instructions of a step that are neither multiplied nor staged, and how much instructions wait for each other. */
const STEP = 20;
const STALLS = 1.3;
/** What a processor has for all workgroups on it. */
const REGISTERS = 65536;
const SHARED = 65536;
const THREADS = 2048;
/** Registers of a thread besides what it sums and stages. */
const OWN_REGISTERS = 40;
/** From the end of one launch to the start of the next. */
const LAUNCH = 5000;

/** What a cut asks of a processor, besides multiplying. */
interface Demands {
  /** Instructions of a thread, and rows of shared memory moved by 32 threads, to bring one step. */
  readonly bringing: number;
  readonly moves: number;
  /** Cycles after the last step: when others are around, and alone. */
  readonly finish: number;
  readonly wait: number;
  /** Workgroups on one processor. */
  readonly fit: number;
}

const cycles = (problem: Problem, tile: Tile, demands: Demands): number => {
  const [m, n] = [tileRows(tile), tileColumns(tile)];
  const grid =
    Math.ceil(problem.rows.size / m) * Math.ceil(problem.columns.size / n) * problem.batches;
  const steps = Math.ceil(problem.depth / tile.depth);
  const warps = Math.ceil(threadsOf(tile) / WARP);
  const own = tile.depth / tile.slices;
  const reads = (own * (tile.rows + tile.columns)) / 4;
  const instructions = tile.rows * tile.columns * own + reads + STEP + demands.bringing;
  const busy = Math.max(
    (warps * instructions) / ISSUES,
    warps * (2 * reads + demands.moves),
    (4 * tile.depth * (m + n)) / CACHE_BYTES,
  );
  const alone = Math.max(busy, STALLS * instructions, LATENCY) + BARRIERS;
  const { finish, wait, fit } = demands;
  return DEVICES.reduce((sum, { processors, weight }) => {
    const each = Math.ceil(grid / processors);
    const waves = Math.ceil(each / fit);
    const together = each * (steps * busy + finish);
    return sum + weight * Math.max(together, waves * (steps * alone + wait));
  }, 0);
};

/** Estimated cycles until all of a cut is done. */
export const cyclesOf = (cut: Cut): number => {
  const { problem, tile, panels, threads, shared } = cut;
  const both = [panels.rows, panels.columns];
  const rounds = both.reduce((sum, p) => sum + p.rounds, 0);
  const registers =
    OWN_REGISTERS + tile.rows * tile.columns + tile.rows + tile.columns + 4 * rounds;
  const fit = Math.min(
    Math.floor(SHARED / (4 * shared)),
    Math.floor(REGISTERS / (threads * registers)),
    Math.floor(THREADS / threads),
  );
  const finish = finishing(cut);
  return cycles(problem, tile, {
    bringing: both.reduce((sum, p) => sum + p.rounds * bringing(p), 0),
    // four numbers of 32 threads are 4 rows of 128 bytes, in memory and in shared memory
    moves: both.reduce((sum, p) => sum + p.rounds * (p.reads === 1 ? 8 : 10), 0),
    finish,
    wait: finish + 2 * LATENCY + problem.results.cost,
    fit: Math.max(1, fit),
  });
};

/** No cut with this tile takes less. */
export const leastCycles = (problem: Problem, tile: Tile): number => {
  const fit = Math.max(1, Math.floor(THREADS / threadsOf(tile)));
  return cycles(problem, tile, { bringing: 0, moves: 0, finish: 0, wait: 2 * LATENCY, fit });
};

/** Time of one more launch, which reads so many numbers that the one before wrote. */
export const passingOn = (numbers: number): number =>
  DEVICES.reduce(
    (sum, { processors, weight }) =>
      sum + weight * (LAUNCH + (8 * numbers) / (processors * CACHE_BYTES)),
    0,
  );

/** Cycles to store a tile, after its slices were summed. */
const finishing = ({ tile, problem, passed }: Cut): number => {
  const { results } = problem;
  const elements = tileRows(tile) * tileColumns(tile);
  const bytes = results.contiguous ? 4 : 16;
  const through = passed === 0 ? 0 : (elements * (tile.slices + 1)) / WARP;
  const arithmetic = (elements * (results.cost + 2)) / (ISSUES * WARP);
  return through + arithmetic + (elements * results.outputs.length * bytes) / CACHE_BYTES;
};
