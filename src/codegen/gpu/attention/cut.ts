/**
 * How an attention is cut into blocks: which fit into shared memory, and which take least time.
 *
 * A thread has four rows and four summed elements of each block of scores, and four rows of the result with up to four
 * groups of four columns. A processor issues four instructions of 32 threads a cycle and moves 128 bytes of shared
 * memory a cycle; it shares its time among workgroups, and one alone waits for what it stages.
 * Invariant: the choice depends on the problem, the caps and the number of threads alone.
 */
import type { Caps } from '../../caps.ts';
import type { Problem } from './problem.ts';

/** Rows of a thread, and its elements of the sum. */
export const OWN = 4;

export interface Cut {
  readonly problem: Problem;
  /** Threads along what is summed (and along columns), and along rows. */
  readonly across: number;
  readonly down: number;
  readonly threads: number;
  /** Rows of a block, and elements of the sum. */
  readonly rows: number;
  readonly summed: number;
  /** Features of the scores' operands that are staged at a time. */
  readonly features: number;
  /** Whether the rows' operands are staged once for all blocks of the sum. */
  readonly resident: boolean;
  /** Elements of the sum whose values are staged at a time. */
  readonly values: number;
  /** Groups of four columns of a thread. */
  readonly groups: number;
  readonly memory: Memory;
  readonly rowBlocks: number;
  readonly grid: number;
  readonly cycles: number;
}

/** Where things are in shared memory, in numbers. */
export interface Memory {
  /** The rows' operand of each score. */
  readonly left: readonly number[];
  readonly right: number;
  readonly values: number;
  /** Weights, one row of the block after the other. */
  readonly weights: number;
  /** What threads of a row exchange. */
  readonly team: number;
  readonly elements: number;
}

export const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;

/** From one staged row to the next: neighbouring rows start in different banks. */
export const pitchOf = (features: number): number => features + 4;

/** From the weights of one summed element to those of the next. */
export const weightPitch = (cut: Pick<Cut, 'rows'>): number => cut.rows + 4;

/** From one staged value to the next. */
export const valuePitch = ({ across, groups }: Pick<Cut, 'across' | 'groups'>): number =>
  4 * across * groups;

const ACROSS = [8, 16, 32];
const TEAMS = [32, 64, 128, 256];
const FEATURES = [16, 32, 64, 128];
const VALUES = [8, 16, 32, 64, 128];
/** Groups of four columns: more would leave no registers. */
const MOST_GROUPS = 4;

/** The best way to cut a problem; `undefined` where none fits. */
export const bestCut = (
  problem: Problem,
  caps: Caps,
  threads: number | undefined,
): Cut | undefined => {
  let best: Cut | undefined;
  const possible = TEAMS.filter((n) => n <= caps.threads);
  for (const team of threads === undefined ? possible : [threads])
    for (const across of ACROSS) {
      if (team % across !== 0) continue;
      for (const features of FEATURES)
        for (const values of VALUES)
          for (const resident of [true, false]) {
            const cut = cutOf(problem, caps, { team, across, features, values, resident });
            if (cut !== undefined && (best === undefined || cut.cycles < best.cycles)) best = cut;
          }
    }
  return best;
};

interface Choice {
  readonly team: number;
  readonly across: number;
  readonly features: number;
  readonly values: number;
  readonly resident: boolean;
}

const cutOf = (
  problem: Problem,
  caps: Caps,
  { team, across, features, values, resident }: Choice,
): Cut | undefined => {
  const down = team / across;
  const [rows, summed] = [OWN * down, OWN * across];
  const depth = Math.max(...problem.scores.map((s) => s.left.feature.extent));
  const width = problem.value?.feature.extent ?? 0;
  const groups = Math.ceil(width / (OWN * across));
  if (groups > MOST_GROUPS || values > summed) return undefined;
  // more than there is to do is waste under any model
  if (rows >= 2 * roundUp(problem.rows.extent, OWN) && rows > 8) return undefined;
  if (features >= 2 * roundUp(depth, OWN) && features > 16) return undefined;
  if (problem.value === undefined && values > VALUES[0]!) return undefined;
  const shape = { rows, across, groups };
  const left = problem.scores.map(({ left: { feature } }) =>
    resident ? rows * pitchOf(roundUp(feature.extent, features)) : 0,
  );
  const starts = left.map((_, i) => left.slice(0, i).reduce((a, b) => a + b, 0));
  const right = left.reduce((a, b) => a + b, 0);
  const staged = (summed + (resident ? 0 : rows)) * pitchOf(features);
  const weights = right + Math.max(staged, problem.value ? values * valuePitch(shape) : 0);
  const teamAt = weights + (problem.value ? summed * weightPitch(shape) : 0);
  const meets = problem.softmax && caps.subgroup < across;
  const elements = teamAt + (meets ? rows * across : 0);
  if (4 * elements > caps.sharedBytes) return undefined;
  const rowBlocks = Math.ceil(problem.rows.extent / rows);
  const cut = {
    problem,
    across,
    down,
    threads: team,
    rows,
    summed,
    features,
    resident,
    values,
    groups,
    memory: {
      left: resident ? starts : problem.scores.map(() => right + summed * pitchOf(features)),
      right,
      values: right,
      weights,
      team: teamAt,
      elements,
    },
    rowBlocks,
    grid: rowBlocks * problem.batches,
  };
  return { ...cut, cycles: cyclesOf(cut, meets) };
};

const DEVICES = [
  { processors: 128, weight: 1 },
  { processors: 16, weight: 1 / 8 },
];
const WARP = 32;
const ISSUES = 4;
const LATENCY = 600;
const BARRIER = 30;
const STALLS = 1.3;
const REGISTERS = 65536;
const SHARED = 65536;
const THREADS = 2048;
/** Instructions to stage four numbers. */
const STAGING = 14;
/** Instructions of the softmax for one score. */
const SOFTMAX = 10;

const cyclesOf = (cut: Omit<Cut, 'cycles'>, meets: boolean): number => {
  const { problem, threads, rows, summed, features, resident, values, groups } = cut;
  const depths = problem.scores.map((s) => roundUp(s.left.feature.extent, OWN));
  const depth = depths.reduce((a, b) => a + b, 0);
  const rounds = (count: number): number => Math.ceil(count / 4 / threads);
  const staging =
    problem.scores.reduce((sum, { left, right }, i) => {
      const chunk = Math.min(features, depths[i]!);
      const chunks = Math.ceil(depths[i]! / features);
      const lefts = resident ? 0 : rounds(rows * chunk) * (STAGING + 4 * left.cost);
      return sum + chunks * (lefts + rounds(summed * chunk) * (STAGING + 4 * right.cost));
    }, 0) +
    (problem.value
      ? (summed / values) * rounds(values * valuePitch(cut)) * (STAGING + 4 * problem.value.cost)
      : 0);
  // per feature: four rows and four summed elements; per summed element: four rows, and groups of columns
  const reads = 2 * depth + (problem.value ? summed * (1 + groups) : 0);
  const sums = 16 * depth + (problem.value ? 16 * groups * summed : 0);
  const scores = 16 * (6 + (problem.softmax ? SOFTMAX : 0)) + 16 * groups;
  const instructions = sums + reads + staging + scores;
  const chunks = depths.reduce((sum, d) => sum + Math.ceil(d / features), 0);
  const stagings = chunks + (problem.value ? summed / values : 0);
  const barriers = 2 * stagings + (meets ? 1 : 0);
  const warps = Math.ceil(threads / WARP);
  const busy = Math.max((warps * instructions) / ISSUES, 2 * warps * reads);
  const waiting = stagings * LATENCY + barriers * BARRIER;
  const alone = Math.max(busy, STALLS * instructions) + waiting;
  const steps = Math.ceil(problem.summed.extent / summed);
  const registers = 60 + 16 * problem.scores.length + 16 * groups;
  const fit = Math.max(
    1,
    Math.min(
      Math.floor(SHARED / (4 * cut.memory.elements)),
      Math.floor(REGISTERS / (threads * registers)),
      Math.floor(THREADS / threads),
    ),
  );
  return DEVICES.reduce((sum, { processors, weight }) => {
    const each = Math.ceil(cut.grid / processors);
    const waves = Math.ceil(each / fit);
    return sum + weight * Math.max(each * steps * busy, waves * (steps * alone + 2 * LATENCY));
  }, 0);
};
