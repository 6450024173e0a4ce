/**
 * The compiler from L1 to L4: every pass, in order, each seen by `explain`.
 *
 * Invariant: depends on the graph and the caps alone; the program's externals follow the graph's inputs (non-scalars,
 * then scalars) and then its fresh results.
 */
import { verifyStages } from '#verify';
import type { Caps } from '../codegen/caps.ts';
import { cleanup } from '../codegen/cleanup.ts';
import { splitRunning } from '../codegen/running/schedules.ts';
import { type Choose, schedule } from '../codegen/schedule.ts';
import { splitReductions } from '../codegen/split.ts';
import { hasWideElements } from '../codegen/wide.ts';
import type { Graph } from '../ir/graph/graph.ts';
import { namelessText, outlineOf } from '../ir/loop/alike.ts';
import { freshExpressions } from '../ir/loop/expr.ts';
import type { LoopKernel } from '../ir/loop/loop.ts';
import type { Program } from '../ir/program.ts';
import type { ThreadKernel } from '../ir/thread/thread.ts';
import { arrange } from './arrange.ts';
import { findingAttention, writingOutAttention } from './attention-family.ts';
import { bindKernels, outputPositions } from './bind.ts';
import { inBodies, joinLoops } from './bodies.ts';
import { indexBuffers } from './buffer-index.ts';
import { canonicalize } from './canonicalize.ts';
import { removeDeadAssigns } from './dce.ts';
import { horizontal } from './horizontal.ts';
import { keeperOf } from './keep-family.ts';
import { type Kernels, lowerGraph } from './kernels.ts';
import { refuseWide } from './no-wide.ts';
import type { GraphPass } from './pass.ts';
import { PLAIN, type Recipe } from './recipe.ts';
import { decomposeComposites, recognize } from './recognize.ts';
import type { Stage } from './stage.ts';
import { capsWithout, type Without } from './switches.ts';

/** Where the caller finds a result: among the program's output buffers, or in an input it passed. */
export type OutputSource =
  | { readonly kind: 'fresh'; readonly position: number }
  | { readonly kind: 'input'; readonly input: number };

export interface Compiled {
  readonly program: Program;
  readonly outputs: readonly OutputSource[];
  readonly stages: readonly Stage[];
  readonly caps: Caps;
}

/** The L1 passes, in order. */
const graphPasses = (caps: Caps, without: Without): readonly GraphPass[] => [
  canonicalize,
  ...findingAttention(caps, without),
  ...writingOutAttention(caps),
  ...(without.has('recognize') ? [] : [recognize]),
  ...(without.has('horizontal') ? [] : [horizontal]),
  // what it makes is canonical already
  decomposeComposites,
  removeDeadAssigns,
];

/** Compiles a graph for a device with the given capabilities. `choose`: among schedules, else as estimates do. */
export const compileGraph = (
  graph: Graph,
  given: Caps,
  { without, held = [] }: Recipe = PLAIN,
  choose: Choose = schedule,
): Compiled => {
  const caps = capsWithout(given, without);
  refuseWide(graph, caps);
  freshExpressions();
  const stages: Stage[] = [{ level: 'graph', name: 'trace', graph, notes: [] }];
  let current = inBodies(joinLoops).run(graph, { note: () => {} });
  for (const pass of graphPasses(caps, without)) {
    const notes: string[] = [];
    current = inBodies(pass).run(current, { note: (text) => notes.push(text), without });
    stages.push({ level: 'graph', name: pass.name, graph: current, notes });
  }
  const fusionNotes: string[] = [];
  const lowered = lowerGraph(current, caps, {
    note: (text) => fusionNotes.push(text),
    without,
  });
  stages.push({ level: 'loop', name: 'fuse', kernels: allKernels(lowered), notes: fusionNotes });

  const index = indexBuffers(
    lowered,
    current.inputs.map((x) => x.attrs['role'] === 'scalar'),
  );
  const stays = caps.keeps === true && !without.has('keep') ? held : [];
  const { kernels: ordered, loops } = arrange(
    lowered,
    index,
    keeperOf(lowered, index, stays),
    (k, { bindings }, copies) => {
      const parts = splitRunning(k, caps) ??
        (k.nests.some(hasWideElements) ? undefined : caps.schedules.split(k, caps, copies)) ?? [k];
      if (without.has('split')) return parts;
      return parts.flatMap((part) => splitReductions(part, caps, bindings.takesOne));
    },
    without,
  );
  stages.push({ level: 'loop', name: 'split and order', kernels: ordered, notes: [] });

  const { kinds, kindOf } = sortAlike(ordered);
  const tidy = (kernel: ThreadKernel): ThreadKernel =>
    without.has('cleanup') ? kernel : cleanup(kernel);
  const scheduled = kinds.map((loop) => choose(loop, caps, tidy));
  stages.push({ level: 'thread', name: 'schedule', kernels: scheduled, notes: [] });
  const kernels = scheduled.map(tidy);
  stages.push({ level: 'thread', name: 'clean up', kernels, notes: [] });

  const launches = ordered.map((loop, i) => ({ loop, kernel: kernels[kindOf[i]!]! }));
  const program = bindKernels(graph.name, launches, loops, index, caps, without);
  stages.push({ level: 'program', name: 'plan memory', program, notes: [] });

  verifyStages(stages, caps);
  const positions = outputPositions(lowered.outputs);
  const outputs = lowered.outputs.map(
    (out, i): OutputSource =>
      out.kind === 'input'
        ? { kind: 'input', input: out.input }
        : { kind: 'fresh', position: positions[i]! },
  );
  return { program, outputs, stages, caps: given };
};

/** Kernels that do the same, buffer for buffer, are scheduled and rendered once. */
const sortAlike = (
  ordered: readonly LoopKernel[],
): { readonly kinds: readonly LoopKernel[]; readonly kindOf: readonly number[] } => {
  const outlines = ordered.map(outlineOf);
  const common = new Set(outlines.filter((outline, i) => outlines.indexOf(outline) !== i));
  const kinds: LoopKernel[] = [];
  const positions = new Map<string, number>();
  const kindOf = ordered.map((kernel, i) => {
    // most have no other of their outline: their text would be put together for nothing
    if (!common.has(outlines[i]!)) return kinds.push(kernel) - 1;
    const text = namelessText(kernel);
    const known = positions.get(text) ?? kinds.push(kernel) - 1;
    positions.set(text, known);
    return known;
  });
  return { kinds, kindOf };
};

/** The kernels of a graph, then those of the bodies of its loops. */
const allKernels = ({ kernels, loops }: Kernels): LoopKernel[] => [
  ...kernels,
  ...loops.flatMap(({ prologue, body }) => [...prologue, ...allKernels(body)]),
];
