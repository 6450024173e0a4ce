/**
 * How an attention is cut into blocks for warpgroups, and what that takes.
 *
 * A warpgroup has 64 rows of the block, all of their scores and all columns of their result.
 * Invariant: a cut fits into shared memory, and its numbers follow from the problem and the sizes of its blocks.
 */
import { bytesOf } from '../../../../ir/dtype.ts';
import { LINE, TILE_ROWS, WARPGROUP } from '../../../../ir/thread/bulk.ts';
import type { Caps } from '../../../caps.ts';
import type { Problem } from '../../attention/problem.ts';
import type { Operand } from '../../contraction/problem.ts';
import { operandsOf } from '../../tensor/attention/cut.ts';
import { type Source, sourceOf } from '../operand.ts';

/** An operand in shared memory: features line by line, 64 in each; the next 64 of all lines lie behind. */
export interface Part {
  readonly source: Source;
  readonly features: number;
  /** Rows, or elements of the sum. */
  readonly lines: number;
  /** Elements of 64 features, and of all. */
  readonly box: number;
  readonly elements: number;
  /** Where it begins: left operands one behind the other, of all others each with all of its stages. */
  readonly base: number;
}

export interface Cut {
  readonly problem: Problem;
  readonly inputs: 'bfloat16' | 'float16';
  /** Warpgroups that multiply. */
  readonly groups: number;
  readonly threads: number;
  /** Rows of a block, and elements of the sum. */
  readonly rows: number;
  readonly summed: number;
  readonly left: readonly Part[];
  /** What comes block by block: right operands of all scores, then the value if it is none of them. */
  readonly rings: readonly Part[];
  /** The place of the value among them. */
  readonly value: number | undefined;
  readonly stages: number;
  readonly leftElements: number;
  readonly ringElements: number;
  /** Registers of a thread that multiplies, as it asks for them. */
  readonly registers: number | undefined;
  readonly rowBlocks: number;
  readonly grid: number;
}

/** Registers that threads of so many warpgroups get: 65536 are there, of which those that fetch keep 24 each. */
export const REGISTERS: Readonly<Record<number, number>> = { 1: 255, 2: 240, 3: 160 };
const STAGES = { most: 4, least: 2 };
/** Shared memory for gates, and what is lost before the next array begins. */
const GATES_BYTES = 1280;
/** Accumulators that one product takes, of eight columns. */
const MOST_COLUMNS = 256;

/** Why there is no cut. */
export type Refused = { readonly refused: string };

interface Sources {
  readonly left: readonly Source[];
  readonly right: readonly Source[];
  /** Where it is no right operand. */
  readonly value: Source | undefined;
  /** The right operand that it is. */
  readonly shared: number | undefined;
}

/** All operands as they lie, features side by side. */
export const sourcesOf = (problem: Problem, inputs: Cut['inputs']): Sources | Refused => {
  const { left, right, value, shared } = operandsOf(problem);
  const found: Source[] = [];
  const own = value === undefined || shared !== undefined ? [] : [value];
  const wanted: readonly (readonly [Operand, Source['along']])[] = [
    ...[...left, ...right].map((o) => [o, 'depth'] as const),
    ...own.map((o) => [o, 'free'] as const),
  ];
  for (const [operand, along] of wanted) {
    const source = sourceOf(operand, problem.batch, inputs);
    if ('refused' in source) return source;
    if (source.along !== along) return { refused: 'features do not lie side by side' };
    found.push(source);
  }
  if ((value?.size ?? 0) > MOST_COLUMNS) return { refused: `more than ${MOST_COLUMNS} columns` };
  return {
    left: found.slice(0, left.length),
    right: found.slice(left.length, left.length + right.length),
    value: own.length > 0 ? found.at(-1)! : undefined,
    shared: shared?.index,
  };
};

const partsOf = (sources: readonly Source[], lines: number, stages: number): Part[] => {
  let base = 0;
  return sources.map((source) => {
    const box = lines * LINE;
    const elements = Math.ceil(source.extent / LINE) * box;
    const part = { source, features: source.extent, lines, box, elements, base };
    base += stages * elements;
    return part;
  });
};

const elementsOf = (parts: readonly Part[]): number =>
  parts.reduce((sum, part) => sum + part.elements, 0);

/** The cut of these sizes, or why it does not fit. */
export const cutOf = (
  problem: Problem,
  inputs: Cut['inputs'],
  caps: Caps,
  groups: number,
  summed: number,
): Cut | Refused => {
  const sources = sourcesOf(problem, inputs);
  if ('refused' in sources) return sources;
  const rows = groups * TILE_ROWS;
  const left = partsOf(sources.left, rows, 1);
  const leftElements = elementsOf(left);
  const ringSources = [...sources.right, ...(sources.value === undefined ? [] : [sources.value])];
  const stage = elementsOf(partsOf(ringSources, summed, 1));
  const bytes = bytesOf(inputs);
  const room = caps.sharedBytes - GATES_BYTES - bytes * leftElements;
  // what a value shares with a score stays for a block longer
  const stages = Math.min(STAGES.most, Math.floor(room / (bytes * stage)));
  if (stages < STAGES.least) return { refused: `two blocks of ${bytes * stage} bytes do not fit` };
  const rowBlocks = Math.ceil(problem.rows.extent / rows);
  const own = sources.value === undefined ? undefined : sources.right.length;
  return {
    problem,
    inputs,
    groups,
    threads: (1 + groups) * WARPGROUP,
    rows,
    summed,
    left,
    rings: partsOf(ringSources, summed, stages),
    value: sources.shared ?? own,
    stages,
    leftElements,
    ringElements: stages * stage,
    registers: groups === 1 ? undefined : REGISTERS[groups],
    rowBlocks,
    grid: rowBlocks * problem.batches,
  };
};
