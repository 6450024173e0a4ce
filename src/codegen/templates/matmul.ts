/**
 * The contraction template: matrix products and implicit-GEMM convolutions as packed panels and a 4 x 8 micro-kernel.
 *
 * Invariants: workgroups own disjoint blocks of the result; sums are taken in a fixed order; the epilogue sees each
 * element once, after its last partial sum; tiles that stick out compute values that are never stored.
 */
import type { Contraction, Nest } from '../../ir/loop/loop.ts';
import { sharedBuffer } from '../../ir/thread/build.ts';
import { registerOf } from '../../ir/thread/thread.ts';
import type { Caps } from '../caps.ts';
import type { NestPlan, Refusal } from '../plan.ts';
import { AlikeNests } from './alike-nests.ts';
import { blockings, leastCycles, packedElements } from './blocking.ts';
import { type Problem, problems, TILE_COLUMNS, TILE_ROWS } from './contraction.ts';
import type { ImagePlan } from './convolution.ts';
import { epilogueOf } from './epilogue.ts';
import { imagePlans, planImages, planReady } from './images.ts';
import { MatmulTemplate, type Schedule, type Scratch } from './matmul-emit.ts';
import { laneProblems } from './panels.ts';
import { MEASURED } from './shortlist.ts';
import { planSingle } from './single.ts';
import { planThin } from './thin.ts';

/** Products below this are cheaper without packing. */
const SMALLEST = 2048;
/** Schedules of one product that are measured where somebody measures. */
const MOST_MEASURED = 12;

/** The packed schedule of a nest with a contraction, or why the generic one is better. */
export const planContraction = (nest: Nest, caps: Caps): NestPlan | Refusal => {
  const c = nest.contract;
  if (c === undefined) return { refused: 'no contraction' };
  if (caps.lanes === 1) return planSingle(nest, c, caps);
  const product = productOf(nest, c, caps);
  return 'refused' in product ? product : product.plan;
};

const cycles = new AlikeNests<number | undefined>();

/** Estimated cycles of a nest with a contraction; `undefined` where the generic schedule takes it. */
export const productCycles = (nest: Nest, caps: Caps): number | undefined => {
  const c = nest.contract;
  if (c === undefined || caps.lanes === 1) return undefined;
  return cycles.of(nest, c, caps, () => {
    const product = productOf(nest, c, caps);
    return 'refused' in product ? undefined : product.cycles;
  });
};

/** A schedule and its estimate. */
type Product = ImagePlan | Refusal;

const known = new WeakMap<Nest, { readonly caps: Caps; readonly product: Product }>();

/** Who splits kernels asks as well as who schedules them: it is found once. */
const productOf = (nest: Nest, c: Contraction, caps: Caps): Product => {
  const before = known.get(nest);
  if (before?.caps === caps) return before.product;
  const product = bestOf(nest, c, caps);
  known.set(nest, { caps, product });
  return product;
};

const bestOf = (nest: Nest, c: Contraction, caps: Caps): Product => {
  const unfit = misfit(nest, c);
  const ready = unfit === undefined ? planReady(nest, c, caps) : undefined;
  if (ready !== undefined) return ready;
  const refused = unfit ?? smallness(c);
  if (refused !== undefined) return { refused };
  const inPlace = cheaper(planImages(nest, c, caps), planThin(nest, c, caps));
  const thin = thinness(c);
  if (thin !== undefined) return inPlace ?? { refused: thin };
  const schedule = scheduleOf(
    nest,
    laneProblems(c, caps),
    caps,
    inPlace?.cycles ?? Number.POSITIVE_INFINITY,
  );
  if (schedule !== undefined) return { plan: planOf(schedule), cycles: schedule.cycles };
  return inPlace ?? { refused: 'packed panels do not fit into shared memory' };
};

const cheaper = (a: ImagePlan | undefined, b: ImagePlan | undefined): ImagePlan | undefined =>
  a === undefined || (b !== undefined && b.cycles < a.cycles) ? b : a;

/** The best schedule on panels for some ways to read the operands, if there is one of less than `below` cycles. */
const scheduleOf = (
  nest: Nest,
  ways: readonly Problem[],
  caps: Caps,
  below: number,
): Schedule | undefined => {
  let best: Schedule | undefined;
  for (const problem of ways) {
    const [found] = schedulesOf(nest, problem, caps, 1, best?.cycles ?? below);
    if (found !== undefined && found.cycles < (best?.cycles ?? below)) best = found;
  }
  return best;
};

/** Its estimated cycles. */
export const cyclesOf = (...given: Parameters<typeof scheduleOf>): number | undefined =>
  scheduleOf(...given)?.cycles;

/** The best few cuts for a way to read the operands; one that would take `below` cycles or more may be missing. */
const schedulesOf = (
  nest: Nest,
  problem: Problem,
  caps: Caps,
  most: number,
  below: number,
): readonly Schedule[] => {
  if (leastCycles(problem, caps) >= below) return [];
  const epilogue = epilogueOf(problem, nest.stores, true);
  // tall tiles that are stored element by element, each in another line, lose more than they gain
  if (problem.tileRows !== TILE_ROWS && !epilogue.unit) return [];
  const { rows, columns, batches } = problem;
  const storing = rows.size * columns.size * batches * epilogue.storeCycles;
  const cuts = blockings(problem, caps, most, below - storing / caps.parallelism);
  return cuts.map((cut): Schedule => {
    const cycles = cut.cycles + storing / Math.min(caps.parallelism, cut.grid);
    return { problem, blocking: cut, epilogue, cycles };
  });
};

/** Plans that are worth a measurement, the best estimate first. */
export const planAlternatives = (nest: Nest, caps: Caps): readonly NestPlan[] => {
  const c = nest.contract;
  if (c === undefined || caps.lanes === 1) return [];
  if ((misfit(nest, c) ?? smallness(c)) !== undefined) return [];
  const panels =
    thinness(c) !== undefined
      ? []
      : laneProblems(c, caps)
          .flatMap((p) => schedulesOf(nest, p, caps, MEASURED, Number.POSITIVE_INFINITY))
          .map((s) => ({ plan: planOf(s), cycles: s.cycles }));
  const few = planThin(nest, c, caps) ?? [];
  const found = [...imagePlans(nest, c, caps, MEASURED), ...panels]
    .concat(few)
    .sort((a, b) => a.cycles - b.cycles);
  return found.slice(0, MOST_MEASURED).map(({ plan }) => plan);
};

const misfit = (nest: Nest, c: Contraction): string | undefined => {
  if (registerOf(c.a.dtype) !== 'f32' || registerOf(c.b.dtype) !== 'f32')
    return 'the packed schedule sums in float32';
  if (nest.stores.some((s) => s.mode !== 'set' || s.over.length > 0))
    return 'the packed schedule does not scatter';
  if (nest.stores.some((s) => nest.axes.some((a) => a.extent > 1 && !s.axes.includes(a))))
    return 'a store takes part in outer axes only';
  return undefined;
};

const smallness = (c: Contraction): string | undefined => {
  const [{ rows, columns, depth, batches }] = problems(c) as [Problem, Problem];
  if (depth < 4) return `a sum of ${depth} is no work for packed panels`;
  // nothing is packed for groups of a few rows
  const together = thinness(c) === undefined ? 1 : batches;
  if (rows.size * columns.size * depth * together < SMALLEST) return 'too small for packing';
  return undefined;
};

/** Packing a row costs as much as it takes part in products: those of convolutions need not be packed. */
const thinness = (c: Contraction): string | undefined => {
  const [{ rows, columns }] = problems(c) as [Problem, Problem];
  return Math.min(rows.size, columns.size) < 4
    ? 'fewer than four rows: packing costs more than it saves'
    : undefined;
};

const planOf = (schedule: Schedule): NestPlan => {
  const { problem: p, blocking: b, epilogue } = schedule;
  const shared = (name: string, elements: number) => sharedBuffer(name, 'float32', elements);
  const scratch: Scratch = {
    rows: p.rows.inPlace ? undefined : shared('packedRows', packedElements(p, b.packedRows)),
    columns: p.columns.panels ? undefined : shared('packedColumns', b.columns * b.k.depth),
    tiles: shared('tiles', b.k.count > 1 ? b.rows * b.columns : p.tileRows * TILE_COLUMNS),
  };
  const [m, n, k] = [p.rows.size, p.columns.size, p.depth];
  return {
    grid: b.grid,
    threads: 1,
    shared: [scratch.rows, scratch.columns, scratch.tiles].filter((x) => x !== undefined),
    cost: {
      flops: p.batches * m * n * (k + epilogue.cost),
      bytes: 4 * p.batches * (m * k + k * n + m * n),
    },
    notes: [
      `contraction ${p.batches > 1 ? `${p.batches} x ` : ''}${m} x ${n} x ${k}: rows ${p.rows.inPlace ? 'in place' : `packed by ${p.rows.packing}`}, columns ${p.columns.panels ? 'packed before' : `by ${p.columns.packing}`}, tiles of ${p.tileRows} x ${TILE_COLUMNS}`,
      `workgroups ${b.batchBlocks} x ${b.rowBlocks} x ${b.columnBlocks} of ${b.rows} x ${b.columns}, sum in ${b.k.count} of ${b.k.depth}${b.wide ? ', the last two rows by 16 columns' : ''}${epilogue.upright ? ', stored by columns' : ''}`,
    ],
    emit: ({ workgroup }, buffer) => new MatmulTemplate(schedule, scratch, buffer).emit(workgroup),
  };
};
