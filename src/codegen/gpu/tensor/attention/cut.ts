/**
 * How an attention is cut into blocks for matrix units: which fit, and which take least time.
 *
 * A warp has sixteen or thirty-two rows of the block, all of its scores and all columns of its result; what its rows meet
 * is staged once for all warps, a block ahead.
 * Invariant: the choice depends on the problem, the caps and the number of threads alone.
 */

import type { Axis } from '../../../../ir/dim.ts';
import { idxAxis } from '../../../../ir/dim.ts';
import { bytesOf } from '../../../../ir/dtype.ts';
import { type MmaInputs, WARP } from '../../../../ir/thread/tensor.ts';
import type { Caps } from '../../../caps.ts';
import { rewriter } from '../../../rewrite.ts';
import type { Operand as Given, Problem } from '../../attention/problem.ts';
import {
  BARRIER,
  LATENCY,
  PARTS,
  REGISTERS,
  SHARED_BYTES,
  THREADS,
  WARP_UNITS,
} from '../../chip.ts';
import { operandOf } from '../../contraction/problem.ts';
import { heldBy, stagedAs } from '../operand.ts';
import { type Stage, stageOf } from '../tile.ts';

/** A staged operand, and where its part of the memory for all operands of a block begins. */
export interface Part {
  readonly stage: Stage;
  readonly base: number;
}

export interface Cut {
  readonly problem: Problem;
  readonly inputs: Exclude<MmaInputs, 'tfloat32'>;
  readonly warps: number;
  readonly threads: number;
  /** Rows of a warp, in sixteens. */
  readonly sixteens: number;
  /** Rows of a block, and elements of the sum. */
  readonly rows: number;
  readonly summed: number;
  readonly left: readonly Part[];
  readonly right: readonly Part[];
  readonly value: Part | undefined;
  /** Elements of the left operands, and of one block of all others. */
  readonly leftElements: number;
  readonly blockElements: number;
  /** Whether a warp keeps its rows of the left operands in registers. */
  readonly held: boolean;
  readonly rowBlocks: number;
  readonly grid: number;
  readonly cycles: number;
}

/** The first of those that take equally long. */
const WARPS = [4, 8, 2, 1];
const SIXTEENS = [1, 2];
const SUMMED = [16, 32, 64, 128];
/** Registers that a warp's rows may take up for all blocks. */
const MOST_HELD = 32;
/** Registers of a thread: sums, scores, rows, and what it needs besides. */
const MOST_REGISTERS = 240;
const OWN_REGISTERS = 56;

export const padded = (n: number): number => Math.max(16, 2 ** Math.ceil(Math.log2(n)));
const sixteensOf = (n: number): number => Math.ceil(n / 16);

/** The best way to cut a problem; `undefined` where none fits. */
export const bestCut = (
  problem: Problem,
  inputs: Cut['inputs'],
  caps: Caps,
  threads: number | undefined,
): Cut | undefined => {
  let best: Cut | undefined;
  for (const warps of WARPS) {
    if (threads === undefined ? warps * WARP > caps.threads : warps * WARP !== threads) continue;
    for (const sixteens of SIXTEENS)
      for (const summed of SUMMED) {
        const cut = cutOf(problem, inputs, caps, warps, sixteens, summed, threads !== undefined);
        if (cut !== undefined && (best === undefined || cut.cycles < best.cycles)) best = cut;
      }
  }
  return best;
};

/** Rows by features of a score, or features by rows of what is summed, as operands of a product. */
const asOperand = (
  { expr, row, feature }: Given,
  free: 'row' | 'feature',
): ReturnType<typeof operandOf> =>
  free === 'row' ? operandOf(expr, [row], [feature]) : operandOf(expr, [feature], [row]);

const cutOf = (
  problem: Problem,
  inputs: Cut['inputs'],
  caps: Caps,
  warps: number,
  sixteens: number,
  summed: number,
  fixed: boolean,
): Cut | undefined => {
  const threads = warps * WARP;
  const rows = 16 * sixteens * warps;
  const extents = { rows: problem.rows.extent, summed: problem.summed.extent };
  // more than there is to do is waste under any model
  if (!fixed && rows >= 2 * extents.rows && rows > 16) return undefined;
  if (summed >= 2 * extents.summed && summed > 16) return undefined;
  const operands = operandsOf(problem);
  const stages = (given: readonly ReturnType<typeof operandOf>[], extent: number): Stage[] =>
    given.flatMap((o) => stageOf(o, extent, padded(depthOf(o)), threads, inputs) ?? []);
  const left = stages(operands.left, rows);
  const right = stages(operands.right, summed);
  const { value, shared } = operands;
  const own =
    value === undefined || shared !== undefined
      ? undefined
      : stageOf(value, padded(value.size), summed, threads, inputs);
  if (left.length + right.length < 2 * problem.scores.length) return undefined;
  if (value !== undefined && shared === undefined && own === undefined) return undefined;
  const place = (list: readonly Stage[]): Part[] =>
    list.map((stage, i) => ({
      stage,
      base: list.slice(0, i).reduce((sum, s) => sum + s.elements, 0),
    }));
  const blocks = place(own === undefined ? right : [...right, own]);
  const blockElements = blocks.reduce((sum, p) => sum + p.stage.elements, 0);
  const leftElements = left.reduce((sum, s) => sum + s.elements, 0);
  if ((leftElements + 2 * blockElements) * bytesOf(stagedAs(inputs)) > caps.sharedBytes)
    return undefined;
  const depth = problem.scores.reduce((sum, s) => sum + sixteensOf(s.left.feature.extent), 0);
  const width = value === undefined ? 0 : sixteensOf(value.size);
  const holding = 4 * depth * sixteens;
  const held = holding <= MOST_HELD;
  const registers =
    OWN_REGISTERS +
    sixteens * (8 * width + (problem.scores.length * summed) / 2) +
    (held ? holding : 8);
  if (registers > MOST_REGISTERS) return undefined;
  const rowBlocks = Math.ceil(extents.rows / rows);
  const cut = {
    problem,
    inputs,
    warps,
    threads,
    sixteens,
    rows,
    summed,
    left: place(left),
    right: blocks.slice(0, right.length),
    value:
      own === undefined
        ? shared && sharedPart(blocks[shared.index]!, shared.stage)
        : blocks.at(-1)!,
    leftElements,
    blockElements,
    held,
    rowBlocks,
    grid: rowBlocks * problem.batches,
  };
  const bytes = (leftElements + 2 * blockElements) * bytesOf(stagedAs(inputs));
  return { ...cut, cycles: cyclesOf(cut, caps, { depth, width, registers, bytes }) };
};

const depthOf = ({ axes }: ReturnType<typeof operandOf>): number => axes.depth.at(-1)?.extent ?? 1;

/** The same tile read as the other operand: what were rows are elements of the sum. */
const sharedPart = ({ base, stage }: Part, operand: ReturnType<typeof operandOf>): Part => {
  const { panel } = stage;
  const layout = panel.layout === 'depth' ? 'free' : 'depth';
  return {
    base,
    stage: {
      ...stage,
      panel: { ...panel, operand, layout, extent: panel.depth, depth: panel.extent },
    },
  };
};

interface Operands {
  readonly left: readonly ReturnType<typeof operandOf>[];
  readonly right: readonly ReturnType<typeof operandOf>[];
  readonly value: ReturnType<typeof operandOf> | undefined;
  /** Which right operand is the value too. */
  readonly shared:
    | { readonly index: number; readonly stage: ReturnType<typeof operandOf> }
    | undefined;
}

const known = new WeakMap<Problem, Operands>();

/** What units take for all products, or why they do not. */
export const inputsOf = ({
  scores,
  value,
}: Problem): Cut['inputs'] | { readonly refused: string } => {
  const operands = [
    ...scores.flatMap(({ left, right }) => [left, right]),
    ...(value === undefined ? [] : [value]),
  ];
  const held = [...new Set(operands.map((o) => heldBy(o.expr)))];
  const [inputs] = held;
  if (held.length === 1 && (inputs === 'bfloat16' || inputs === 'float16')) return inputs;
  return { refused: `matrix units take 16-bit floats of one kind, these are ${held.join(', ')}` };
};

/** The operands of all products; found once for a problem. */
export const operandsOf = (problem: Problem): Operands => {
  let operands = known.get(problem);
  if (operands === undefined) {
    const left = problem.scores.map((s) => asOperand(s.left, 'row'));
    const right = problem.scores.map((s) => asOperand(s.right, 'row'));
    const value = problem.value && asOperand(problem.value, 'feature');
    const index = problem.value === undefined ? -1 : sameAs(problem.value, problem);
    operands = {
      left,
      right,
      value,
      shared: index < 0 || value === undefined ? undefined : { index, stage: value },
    };
    known.set(problem, operands);
  }
  return operands;
};

/** The right operand that holds what the value holds, at the same features. */
const sameAs = (value: Given, { scores }: Problem): number =>
  scores.findIndex(({ right }) => {
    if (right.feature.extent !== value.feature.extent) return false;
    const to = (a: Axis): Axis => (a === value.feature ? right.feature : a);
    const renamed = rewriter({ axis: (a) => idxAxis(to(a)) }).expr(value.expr);
    return renamed === right.expr;
  });

const PRODUCTS = WARP_UNITS.products.narrow;
const CACHE_BYTES = WARP_UNITS.cacheBytes;
/** Instructions of the softmax for one score, besides its weight. */
const SOFTMAX = 12;

interface Demands {
  /** Sixteens of features of all scores, and of columns. */
  readonly depth: number;
  readonly width: number;
  readonly registers: number;
  readonly bytes: number;
}

const cyclesOf = (
  cut: Omit<Cut, 'cycles'>,
  caps: Caps,
  { depth, width, registers, bytes }: Demands,
): number => {
  const { problem, rows, summed, warps, sixteens, threads, held } = cut;
  const products = (rows * summed * 16 * (depth + width)) / PRODUCTS;
  const read = warps * 32 * (summed * (depth + width) + (held ? 0 : 16 * sixteens * depth));
  const staged = 2 * cut.blockElements;
  const weights = 16 * sixteens * summed * (problem.softmax ? SOFTMAX + 4 : 10);
  const instructions =
    (warps * (weights / WARP + (sixteens * summed * (depth + width)) / 8)) / PARTS;
  const through = [...cut.right, ...(cut.value === undefined ? [] : [cut.value])].some(
    ({ stage }) => stage.copied === undefined,
  );
  const busy =
    Math.max(products, (read + staged) / SHARED_BYTES, staged / CACHE_BYTES, 0) + instructions / 2;
  const few = PARTS / Math.min(PARTS, warps);
  const alone =
    Math.max(busy, (products + instructions) * few, LATENCY) + (through ? LATENCY : 0) + BARRIER;
  const fit = Math.max(
    1,
    Math.min(
      Math.floor((caps.sharedBytes + 1024) / (bytes + 1024)),
      Math.floor(REGISTERS / (threads * registers)),
      Math.floor(THREADS / threads),
    ),
  );
  const steps = Math.ceil(problem.summed.extent / summed);
  const each = Math.ceil(cut.grid / caps.processors);
  const waves = Math.ceil(each / fit);
  return Math.max(each * steps * (busy + BARRIER / fit), waves * (steps * alone + 3 * LATENCY));
};
