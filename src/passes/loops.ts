/**
 * From loops in a graph to kernels: a loop's body is lowered as a graph of its own, once, and its kernels see the arrays
 * around it through windows that move on from step to step.
 *
 * States are kept stacked: a step reads element t and writes element t + 1, so nothing is copied between steps and
 * backward finds the states of every step. What comes before the first step (initial states go to their stacks, what no
 * window can be on is moved) is the loop's prologue.
 * Invariant: what the body's kernels touch outside of one step is named by a view.
 */
import type { Caps } from '../codegen/caps.ts';
import { bytesOf } from '../ir/dtype.ts';
import { GraphBuilder } from '../ir/graph/builder.ts';
import { type Graph, isList, type Node, reachable } from '../ir/graph/graph.ts';
import { loopKey, type ScanNode } from '../ir/graph/ops/scan.ts';
import { buffersOf } from '../ir/loop/access.ts';
import { newBuffer } from '../ir/loop/expr.ts';
import type { LoopBuffer, LoopKernel, Nest } from '../ir/loop/loop.ts';
import { stackStrides, windowAlignment } from '../ir/program/windows.ts';
import { spanOf, tensor } from '../ir/type.ts';
import type { Fused } from './fuse.ts';
import type { Kernels } from './kernels.ts';
import { type LoopOperand, loopOperands, loopReads } from './loop-operands.ts';
import { copyNest, fillNest } from './nests.ts';
import type { PassContext } from './pass.ts';
import { copyNodes } from './rewrite.ts';

/** A part of a buffer that kernels know as a buffer of its own. */
export interface View {
  readonly buffer: LoopBuffer;
  readonly of: LoopBuffer;
  /** Byte at which it begins in the first step, and how far it moves with each. */
  readonly offset: number;
  readonly step: number;
}

export interface LoopPiece {
  readonly name: string;
  readonly trips: number;
  /** What runs once, before the first step, and the views of that. */
  readonly prologue: readonly LoopKernel[];
  readonly prologueViews: readonly View[];
  readonly body: Kernels;
  readonly views: readonly View[];
  /** Buffers around the loop that it reads and writes. */
  readonly reads: readonly LoopBuffer[];
  readonly writes: readonly LoopBuffer[];
}

type Lower = (graph: Graph, caps: Caps, context: PassContext) => Kernels;

/** All loops among the units. */
export const lowerLoops = (
  fused: Fused,
  caps: Caps,
  context: PassContext,
  lower: Lower,
): LoopPiece[] => {
  const loops = new Map<string, ScanNode[]>();
  for (const unit of fused.units) {
    if (unit.loop !== true) continue;
    const node = unit.members[0]!.node as ScanNode;
    const key = loopKey(node);
    loops.set(key, [...(loops.get(key) ?? []), node]);
  }
  return [...loops.values()].map((members) => lowerLoop(members, fused, caps, context, lower));
};

const lowerLoop = (
  members: readonly ScanNode[],
  fused: Fused,
  caps: Caps,
  context: PassContext,
  lower: Lower,
): LoopPiece => {
  const { attrs, inputs } = members[0]!;
  const { body, trips, sequences, states, reverse } = attrs;
  const align = windowAlignment(caps);
  const prologue: LoopKernel[] = [];
  const prologueViews: View[] = [];
  const views: View[] = [];
  const copy = (from: LoopBuffer, to: LoopBuffer): void => {
    prologue.push(copyKernel(from, to));
  };
  /** An element along the first axis of a stack, as step counters see it: `from` is its place in the first step. */
  const element = (stack: LoopBuffer, buffer: LoopBuffer, from: number): View => {
    const pitch = stack.strides[0]! * bytesOf(stack.dtype);
    return { buffer, of: stack, offset: from * pitch, step: reverse ? -pitch : pitch };
  };

  const operands = separate(loopOperands(members[0]!, align), inputs, caps);
  const placed = operands.map(({ base, offset, strides, copied, constant }, i) => {
    if (constant !== undefined) return undefined;
    const of = fused.buffers.of(base);
    const { dtype, shape } = inputs[i]!.type;
    const isState = i >= sequences && i < sequences + states;
    const seen = newBuffer(of.name, { dtype, shape }, strides);
    if (!copied && !isState) return { of, offset, strides };
    prologueViews.push({ buffer: seen, of, offset: offset * bytesOf(dtype), step: 0 });
    if (!copied) return { of: seen, offset: 0, strides };
    const own = stackStrides(inputs[i]!.type, align);
    const moved = newBuffer(`${of.name}_moved`, { dtype, shape }, own);
    copy(seen, moved);
    return { of: moved, offset: 0, strides: own };
  });

  const results = body.outputs.map((x, r): LoopBuffer | undefined => {
    const node = members.find((m) => m.attrs.result === r);
    if (node !== undefined) return fused.buffers.of(node);
    if (r >= states) return undefined;
    const type = tensor(x.type.dtype, [trips + 1, ...x.type.shape]);
    return newBuffer(`state${r}`, type, stackStrides(type, align));
  });
  const fills: Nest[] = [];
  for (let j = 0; j < states; j++) {
    const stack = results[j]!;
    const initial = newBuffer(`${stack.name}_initial`, inputs[sequences + j]!.type);
    const at = (reverse ? trips : 0) * stack.strides[0]! * bytesOf(stack.dtype);
    prologueViews.push({ buffer: initial, of: stack, offset: at, step: 0 });
    const { constant } = operands[sequences + j]!;
    if (constant === undefined) copy(placed[sequences + j]!.of, initial);
    else fills.push(fillNest(initial, constant));
  }
  for (let i = 0; i < fills.length; i += caps.maxBindings)
    prologue.push(kernelOf('initial_states', fills.slice(i, i + caps.maxBindings)));

  const wanted = [...body.outputs.keys()].filter((r) => results[r] !== undefined);
  const stridesOfInput = (i: number): readonly number[] | undefined => {
    if (i < sequences) return placed[i]!.strides.slice(1);
    return i < sequences + states ? undefined : placed[i]!.strides;
  };
  const lowered = lower(bodyGraph(body, wanted, stridesOfInput), caps, context);

  lowered.inputs.forEach((buffer, i) => {
    if (i >= sequences && i < sequences + states) {
      views.push(element(results[i - sequences]!, buffer, reverse ? trips : 0));
      return;
    }
    const { of, offset, strides } = placed[i]!;
    const bytes = bytesOf(of.dtype);
    if (i < sequences) {
      const pitch = strides[0]! * bytes;
      const from = offset * bytes + (reverse ? (trips - 1) * pitch : 0);
      views.push({ buffer, of, offset: from, step: reverse ? -pitch : pitch });
    } else views.push({ buffer, of, offset: offset * bytes, step: 0 });
  });

  const bodyCopies: LoopKernel[] = [];
  const named = new Set<number>();
  lowered.outputs.forEach((source, k) => {
    const r = wanted[k]!;
    const from = r < states && !reverse ? 1 : reverse ? trips - 1 : 0;
    const buffer = source.kind === 'buffer' ? source.buffer : lowered.inputs[source.input]!;
    if (source.kind === 'buffer' && !named.has(buffer.id)) {
      named.add(buffer.id);
      views.push(element(results[r]!, buffer, from));
      return;
    }
    const to = newBuffer(`${results[r]!.name}_next`, body.outputs[r]!.type);
    bodyCopies.push(copyKernel(buffer, to));
    views.push(element(results[r]!, to, from));
  });
  return {
    name: body.name,
    trips,
    prologue,
    prologueViews,
    body: { ...lowered, kernels: [...lowered.kernels, ...bodyCopies] },
    views,
    reads: loopReads(members[0]!, align).map((x) => fused.buffers.of(x)),
    writes: results.filter((b) => b !== undefined),
  };
};

const copyKernel = (from: LoopBuffer, to: LoopBuffer): LoopKernel =>
  kernelOf(`copy_${to.name}`, [copyNest(from, to)]);

const kernelOf = (name: string, nests: readonly Nest[]): LoopKernel => ({
  name,
  buffers: buffersOf(nests),
  nests,
  origin: [],
});

/** The body with the outputs that are wanted, its inputs as they lie. */
const bodyGraph = (
  body: Graph,
  wanted: readonly number[],
  stridesOfInput: (i: number) => readonly number[] | undefined,
): Graph => {
  const builder = new GraphBuilder();
  const made = new Map<Node, Node>();
  body.inputs.forEach((x, i) => {
    const strides = stridesOfInput(i);
    const name = String(x.attrs['name']);
    made.set(
      x,
      builder.input(x.type, {
        name,
        ...(isList(strides) && !isDense(x, strides) ? { strides } : {}),
      }),
    );
  });
  const roots = wanted.map((r) => body.outputs[r]!);
  copyNodes(reachable(roots), builder, made);
  return builder.graph(
    body.name,
    roots.map((x) => made.get(x)!),
  );
};

const isDense = ({ type: { shape, size } }: Node, strides: readonly number[]): boolean => {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== step) return false;
    step *= shape[i]!;
  }
  return size > 0;
};

/**
 * WebGPU refuses two bindings of the same bytes where one may be written, as all of the arena may: operands that see
 * one value in different ways are moved apart there.
 */
const separate = (
  operands: readonly LoopOperand[],
  inputs: readonly Node[],
  caps: Caps,
): readonly LoopOperand[] => {
  if (caps.target !== 'wgsl') return operands;
  const seen = new Map<Node, string>();
  return operands.map((x, i) => {
    if (x.constant !== undefined) return x;
    const { shape } = inputs[i]!.type;
    const span = spanOf(shape, x.strides);
    const key = `${x.offset} ${span} ${x.strides[0] ?? 0}`;
    const known = seen.get(x.base);
    if (known === undefined) seen.set(x.base, key);
    return known === undefined || known === key ? x : { ...x, copied: true };
  });
};
