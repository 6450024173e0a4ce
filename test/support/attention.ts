/**
 * Loop kernels of attention nodes, made as the compiler makes them, and their memory.
 *
 * Invariant: the first buffers of a kernel are the node's operands, in order; the last is its result.
 */

import { idxAxes, newAxis } from '../../src/ir/dim.ts';
import type { LowerContext, Node, Values } from '../../src/ir/graph/graph.ts';
import { cast, load, newBuffer } from '../../src/ir/loop/expr.ts';
import type { LoopBuffer, LoopKernel, Nest, Store } from '../../src/ir/loop/loop.ts';

export interface AttentionKernel {
  readonly kernel: LoopKernel;
  readonly nest: Nest;
  readonly operands: readonly LoopBuffer[];
  readonly result: LoopBuffer;
}

export const attentionKernel = (node: Node): AttentionKernel => {
  const operands = node.inputs.map((x, i) => newBuffer(`x${i}`, x.type));
  const result = newBuffer('y', node.type);
  const nest = nestOf(node, result, (x) => operands[node.inputs.indexOf(x)]!);
  const kernel = { name: node.op.name, buffers: [...operands, result], nests: [nest], origin: [] };
  return { kernel, nest, operands, result };
};

/** Several nodes with the same operands in one kernel: those, then a result for each. */
export const attentionsKernel = (
  nodes: readonly Node[],
): { readonly kernel: LoopKernel; readonly operands: readonly Node[] } => {
  const operands = [...new Set(nodes.flatMap((node) => node.inputs))];
  const buffers = operands.map((x, i) => newBuffer(`x${i}`, x.type));
  const results = nodes.map((node, i) => newBuffer(`y${i}`, node.type));
  const nests = nodes.map((node, i) =>
    nestOf(node, results[i]!, (x) => buffers[operands.indexOf(x)]!),
  );
  const kernel = { name: 'attentions', buffers: [...buffers, ...results], nests, origin: [] };
  return { kernel, operands };
};

const nestOf = (node: Node, result: LoopBuffer, bufferOf: (x: Node) => LoopBuffer): Nest => {
  const context: LowerContext = {
    at: (x, index) => load(bufferOf(x), index),
    axis: (name, extent) => newAxis(name, extent, 'red'),
    parallel: (name, extent) => newAxis(name, extent, 'par'),
  };
  const { attention, value } = node.op.attend!(node, context);
  const axes = [...attention.batch, ...attention.m, ...attention.n];
  const used = new Set<number>();
  for (const idx of attention.index) idxAxes(idx, (a) => used.add(a.id));
  const store: Store = {
    buffer: result,
    index: attention.index,
    value: cast(value, node.type.dtype),
    axes,
    mode: 'set',
    over: [],
  };
  return { axes, stores: [store], contract: undefined, attend: attention };
};

/** The operands' values, and nothing yet where the result will be. */
export const memoryOf = (
  { operands, result }: AttentionKernel,
  data: readonly Values[],
): Map<LoopBuffer, Float64Array> =>
  new Map<LoopBuffer, Float64Array>([
    ...operands.map((b, i) => [b, Float64Array.from(data[i]!)] as const),
    [result, new Float64Array(result.shape.reduce((n, d) => n * d, 1)).fill(Number.NaN)],
  ]);
