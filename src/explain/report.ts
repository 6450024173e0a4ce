/**
 * What the compiler did with a program, as data: stages, kernels, decisions, memory. Text, JSON and pictures read it.
 *
 * Invariant: made from a `Compiled` alone; looking at it changes nothing.
 */
import { bytesOf } from '../ir/dtype.ts';
import { topological } from '../ir/graph/graph.ts';
import { printGraph } from '../ir/graph/print.ts';
import type { LoopKernel } from '../ir/loop/loop.ts';
import { printLoop } from '../ir/loop/print.ts';
import { keptSteps, type Program } from '../ir/program.ts';
import { printThread } from '../ir/thread/print.ts';
import type { Compiled } from '../passes/pipeline.ts';

export interface StageReport {
  readonly name: string;
  /** Nodes of the graph after it. */
  readonly nodes: number;
  /** The graph after it as `.tg` text; undefined when the stage changed nothing. */
  readonly text: string | undefined;
  /** What it decided against, and why. */
  readonly notes: readonly string[];
}

export interface KernelReport {
  readonly name: string;
  /** User lines it came from. */
  readonly origin: readonly string[];
  /** Each nest in one line. */
  readonly nests: readonly string[];
  readonly reads: readonly { readonly name: string; readonly bytes: number }[];
  readonly writes: readonly { readonly name: string; readonly bytes: number }[];
  /** Whether it runs only when weights have changed: what it writes is kept from call to call. */
  readonly kept: boolean;
  /** Multiply-adds. */
  readonly flops: number;
  readonly workgroups: number;
  /** The schedule chosen, and what was refused. */
  readonly schedule: readonly string[];
  readonly loop: string;
  readonly thread: string;
}

export interface MemoryRow {
  readonly name: string;
  readonly bytes: number;
  readonly offset: number;
  /** First and last launch that use it. */
  readonly alive: readonly [number, number];
  readonly inPlaceOf: string | undefined;
}

export interface Report {
  readonly name: string;
  readonly stages: readonly StageReport[];
  readonly fusion: readonly string[];
  readonly kernels: readonly KernelReport[];
  readonly memory: {
    readonly rows: readonly MemoryRow[];
    /** What the first kernels make of weights, and later calls find. */
    readonly kept: readonly { readonly name: string; readonly bytes: number }[];
    readonly plannedPeakBytes: number;
    readonly lowerBoundBytes: number;
  };
}

/**
 * What a compiled program consists of, as plain data: `explain(f).reports` has one for each program.
 *
 * @throws nothing
 *
 * @example
 * const f = hybridize((x: nd.NDArray) => x.exp());
 * f(nd.ones([4]));
 * const [report] = explain(f).reports;
 * reportText(report!).includes('arena');   // true
 */
export const reportOf = (compiled: Compiled): Report => {
  const stages: StageReport[] = [];
  let before = '';
  let loops: readonly LoopKernel[] = [];
  const fusion: string[] = [];
  for (const stage of compiled.stages) {
    switch (stage.level) {
      case 'graph': {
        const text = printGraph(stage.graph, { origins: true });
        const nodes = topological(stage.graph).length;
        stages.push({
          name: stage.name,
          nodes,
          text: text === before ? undefined : text,
          notes: stage.notes,
        });
        before = text;
        break;
      }
      case 'loop':
        loops = stage.kernels;
        fusion.push(...stage.notes);
        break;
      case 'thread':
      case 'program':
        break;
      default:
        stage satisfies never;
    }
  }
  const { program } = compiled;
  return {
    name: program.name,
    stages,
    fusion,
    kernels: loops.map((loop, i) => kernelReport(loop, program, i)),
    memory: {
      rows: memoryRows(program),
      kept: program.buffers.flatMap(({ role, name, bytes }) =>
        role === 'kept' ? [{ name, bytes }] : [],
      ),
      plannedPeakBytes: program.arenaBytes,
      lowerBoundBytes: program.lowerBoundBytes,
    },
  };
};

const kernelReport = (loop: LoopKernel, program: Program, step: number): KernelReport => {
  const thread = program.kernels[program.steps[step]!.kernel]!;
  const written = new Set(loop.nests.flatMap((n) => n.stores.map((s) => s.buffer.id)));
  const bytes = (b: (typeof loop.buffers)[number]): number =>
    b.shape.reduce((n, d) => n * d, 1) * bytesOf(b.dtype);
  const row = (b: (typeof loop.buffers)[number]): { name: string; bytes: number } => ({
    name: b.name,
    bytes: bytes(b),
  });
  return {
    name: loop.name,
    origin: loop.origin,
    nests: loop.nests.map((nest) => {
      const extent = (axes: typeof nest.axes): string => axes.map((a) => a.extent).join('·') || '1';
      const stores = [...new Set(nest.stores.map((s) => s.buffer.name))].join(', ');
      const c = nest.contract ?? nest.attend;
      if (c === undefined) return `for ${extent(nest.axes)}: ${stores}`;
      const sum = nest.attend === undefined ? 'sum over k' : 'attention to k';
      return `for batch ${extent(c.batch)}, m ${extent(c.m)}, n ${extent(c.n)}, ${sum} ${extent(c.k)}: ${stores}`;
    }),
    reads: loop.buffers.filter((b) => !written.has(b.id)).map(row),
    writes: loop.buffers.filter((b) => written.has(b.id)).map(row),
    kept: step < keptSteps(program),
    flops: thread.cost.flops,
    workgroups: thread.grid,
    schedule: thread.notes,
    loop: printLoop(loop),
    thread: printThread(thread),
  };
};

const memoryRows = (program: Program): MemoryRow[] => {
  const first = new Map<number, number>();
  const last = new Map<number, number>();
  program.steps.forEach((step, i) => {
    for (const b of step.bindings) {
      if (!first.has(b)) first.set(b, i);
      last.set(b, i);
    }
  });
  return program.buffers.flatMap((b, i): MemoryRow[] =>
    b.role !== 'temp' || b.offset === undefined || !first.has(i)
      ? []
      : [
          {
            name: b.name,
            bytes: b.bytes,
            offset: b.offset,
            alive: [first.get(i)!, last.get(i)!],
            inPlaceOf: b.inPlaceOf === undefined ? undefined : program.buffers[b.inPlaceOf]!.name,
          },
        ],
  );
};
