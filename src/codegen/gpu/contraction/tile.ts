/**
 * Which tiles a workgroup multiplies, chosen by a model of a processor that shares its time among workgroups.
 *
 * Invariants: the choice depends on the problem, the caps and the number of threads alone; a tile fits into shared
 * memory, and its code has a bounded length.
 */
import type { Caps } from '../../caps.ts';
import { bringing, bringingStatements, type Panel, panelOf, rowLayout } from './panel.ts';
import type { Problem } from './problem.ts';

export interface Tile {
  /** Threads along columns, along rows, and how many such grids divide the sum of a step among them. */
  readonly across: number;
  readonly down: number;
  readonly slices: number;
  /** Accumulators of a thread. */
  readonly rows: number;
  readonly columns: number;
  /** Elements of the sum in one step. */
  readonly depth: number;
}

/** A problem cut into tiles. */
export interface Cut {
  readonly problem: Problem;
  readonly tile: Tile;
  readonly threads: number;
  readonly panels: { readonly rows: Panel; readonly columns: Panel };
  /** Blocks of rows and columns. */
  readonly rowBlocks: number;
  readonly columnBlocks: number;
  readonly grid: number;
  /** Steps of the sum. */
  readonly steps: number;
  /** Shared memory, in numbers. */
  readonly shared: number;
  /** Results go through shared memory this many rows of a thread at a time; 0 when they are stored from registers. */
  readonly passed: number;
  /** Estimated time until all is done. */
  readonly cycles: number;
}

/** Elements of the sum in one round of the inner loop: enough to keep it busy, in not too much code. */
export const stepsTogether = ({ rows, columns }: Tile): 2 | 4 =>
  rows * columns + rows + columns <= 40 ? 4 : 2;

export const tileRows = (t: Tile): number => t.down * t.rows;
export const tileColumns = (t: Tile): number => t.across * t.columns;

/*
 * The model. A device is so many processors that share nothing; each issues four instructions of 32 threads a cycle,
 * moves 128 bytes of shared memory a cycle, and gets so many bytes a cycle from the cache behind it. A workgroup alone
 * on its processor waits for each step's memory; with others around, the busiest of the three decides. What counts is the
 * time on a large device and, so that small tiles for its sake stay within reason, that on a small one.
 */
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
/** Instructions of a step that are neither multiplied nor staged, and what instructions wait for each other. */
const STEP = 20;
const STALLS = 1.3;
/** What a processor has for all workgroups on it. */
const REGISTERS = 65536;
const SHARED = 65536;
const THREADS = 2048;
/** Registers of a thread besides what it sums and stages. */
const OWN_REGISTERS = 40;

/** Sizes of workgroups to choose from. */
const TEAMS = [64, 128, 256];
const ACROSS = [4, 8, 16, 32];
const SLICES = [1, 2, 4, 8];
const ROWS = [2, 4, 8];
const COLUMNS = [4, 8];
const DEPTHS = [8, 16, 32, 64];
/** Groups that a thread brings of one operand. */
const MOST_ROUNDS = 4;
/** Results are stored from registers where that takes no more statements than this. */
const MOST_STORING = 128;
/** Statements of a kernel: drivers take more than twice as long for code twice as long. */
const MOST_STATEMENTS = 240;

/** The best way to cut a problem; `undefined` if no tile fits. */
export const bestCut = (
  problems: readonly Problem[],
  caps: Caps,
  threads: number | undefined,
): Cut | undefined => {
  let best: Cut | undefined;
  const possible = TEAMS.filter((n) => n <= caps.threads);
  const own = possible.length > 0 ? possible : [caps.threads];
  const teams = threads === undefined ? own : [threads];
  for (const problem of problems)
    for (const team of teams)
      for (const tile of tilesOf(team)) {
        const cut = cutOf(problem, tile, caps);
        if (cut !== undefined && (best === undefined || cut.cycles < best.cycles)) best = cut;
      }
  return best;
};

function* tilesOf(team: number): Generator<Tile> {
  for (const across of ACROSS)
    for (const slices of SLICES) {
      if (team % (across * slices) !== 0) continue;
      const down = team / (across * slices);
      for (const depth of DEPTHS) {
        if (depth % (4 * slices) !== 0) continue;
        for (const rows of ROWS)
          for (const columns of COLUMNS) yield { across, down, slices, rows, columns, depth };
      }
    }
}

const cutOf = (problem: Problem, tile: Tile, caps: Caps): Cut | undefined => {
  const { rows, columns, batches, depth, results } = problem;
  const threads = tile.across * tile.down * tile.slices;
  const [m, n] = [tileRows(tile), tileColumns(tile)];
  // twice what there is to do is waste under any model
  if ((m > 8 && m >= 2 * rows.size) || (n > 16 && n >= 2 * columns.size)) return undefined;
  if (tile.depth > 8 * tile.slices && tile.depth >= 2 * depth) return undefined;
  const panels = {
    rows: panelOf(rows, rowLayout(rows, tile.rows), m, tile.depth, threads),
    columns: panelOf(columns, 'free', n, tile.depth, threads),
  };
  if (Math.max(panels.rows.rounds, panels.columns.rounds) > MOST_ROUNDS) return undefined;
  const staged = panels.rows.elements + panels.columns.elements;
  const direct =
    tile.slices === 1 && results.quads && storingStatements(problem, tile) <= MOST_STORING;
  const passed = direct ? 0 : passedRows(tile, staged);
  const shared = Math.max(staged, passed * tile.slices * tile.down * n);
  if (4 * shared > caps.sharedBytes) return undefined;
  const rowBlocks = Math.ceil(rows.size / m);
  const columnBlocks = Math.ceil(columns.size / n);
  const cut = {
    problem,
    tile,
    threads,
    panels,
    rowBlocks,
    columnBlocks,
    grid: rowBlocks * columnBlocks * batches,
    steps: Math.ceil(depth / tile.depth),
    shared,
    passed,
  };
  return statements(cut) > MOST_STATEMENTS ? undefined : { ...cut, cycles: cyclesOf(cut) };
};

/** Statements of a kernel, about. */
const statements = ({ tile, panels, problem, passed }: Omit<Cut, 'cycles'>): number => {
  const groups = tile.columns / 4;
  const sums = tile.rows * groups;
  const staging = bringingStatements(panels.rows) + bringingStatements(panels.columns);
  const product =
    panels.rows.layout === 'depth'
      ? 4 * groups + 5 * tile.rows + sums
      : stepsTogether(tile) * (tile.rows / 4 + groups + tile.rows + sums);
  const storing =
    passed === 0 ? storingStatements(problem, tile) : 25 + sums + problem.results.cost;
  return 30 + sums + staging + product + storing;
};

/** Statements that store a tile from registers. */
const storingStatements = ({ results }: Problem, tile: Tile): number =>
  ((tile.rows * tile.columns) / 4) * (1 + 2 * results.outputs.length + results.cost / 2);

/** As many rows of a thread as the memory for staging holds. */
const passedRows = (tile: Tile, staged: number): number => {
  const one = tile.slices * tile.down * tileColumns(tile);
  let rows = 1;
  while (2 * rows <= Math.min(4, tile.rows) && 2 * rows * one <= staged) rows *= 2;
  return rows;
};

const cyclesOf = (cut: Omit<Cut, 'cycles'>): number => {
  const { tile, threads, panels, problem, shared, steps } = cut;
  const warps = Math.ceil(threads / WARP);
  const own = tile.depth / tile.slices;
  const reads = (own * (tile.rows + tile.columns)) / 4;
  const brought = [panels.rows, panels.columns].map((p) => ({
    instructions: p.rounds * bringing(p),
    // four numbers of each thread are 4 rows of 128 bytes, in memory and in shared memory
    moves: p.rounds * (p.reads === 1 ? 8 : 10),
  }));
  const staging = brought.reduce((sum, b) => sum + b.instructions, 0);
  const instructions = tile.rows * tile.columns * own + reads + staging + STEP;
  const moves = 2 * reads + brought.reduce((sum, b) => sum + b.moves, 0);
  const bytes = 4 * tile.depth * (tileRows(tile) + tileColumns(tile));
  const busy = Math.max((warps * instructions) / ISSUES, warps * moves, bytes / CACHE_BYTES);
  const alone = Math.max(busy, STALLS * instructions, LATENCY) + BARRIERS;

  const finish = finishing(cut);
  const registers = OWN_REGISTERS + tile.rows * tile.columns + tile.rows + tile.columns;
  const staged = 4 * (panels.rows.rounds + panels.columns.rounds);
  const fit = Math.min(
    Math.floor(SHARED / (4 * shared)),
    Math.floor(REGISTERS / (threads * (registers + staged))),
    Math.floor(THREADS / threads),
  );
  const { cost } = problem.results;
  return DEVICES.reduce((sum, { processors, weight }) => {
    const each = Math.ceil(cut.grid / processors);
    const waves = Math.ceil(each / Math.max(1, fit));
    const time = Math.max(
      each * (steps * busy + finish),
      waves * (steps * alone + 2 * LATENCY + finish + cost),
    );
    return sum + weight * time;
  }, 0);
};

/** Cycles to store a tile, after its slices were summed. */
const finishing = ({ tile, problem, passed }: Omit<Cut, 'cycles'>): number => {
  const { results } = problem;
  const elements = tileRows(tile) * tileColumns(tile);
  const sectors = results.contiguous ? 4 : 16;
  const through = passed === 0 ? 0 : (elements * (tile.slices + 1)) / WARP;
  const arithmetic = (elements * (results.cost + 2)) / (ISSUES * WARP);
  return through + arithmetic + (elements * results.outputs.length * sectors) / CACHE_BYTES;
};
