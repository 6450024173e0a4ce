/**
 * Nests of convolutions and of their gradients, as the graph's ops lower to them: any rank, stride, dilation and groups.
 *
 * Invariant: shapes and attributes are all a test has to say.
 */
import { GraphBuilder } from '../../../src/ir/graph/builder.ts';
import type { Node } from '../../../src/ir/graph/graph.ts';
import { conv, convGradInput, convGradWeight } from '../../../src/ir/graph/ops/conv.ts';
import { tensor } from '../../../src/ir/type.ts';
import { lowerGraph } from '../../../src/passes/kernels.ts';
import type { Made } from './made.ts';
import { caps } from './nests.ts';

export interface Convolved {
  /** `[images, channels, ...space]` and `[filters, channels of a group, ...taps]`. */
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly stride?: number;
  readonly pad?: number;
  readonly dilation?: number;
  readonly groups?: number;
}

export type Side = 'result' | 'input' | 'weight';

export const convolved = (side: Side, { x, w, ...o }: Convolved): Made => {
  const [stride, pad, dilation] = [o.stride ?? 1, o.pad ?? 0, o.dilation ?? 1];
  const space = x.slice(2);
  const each = (value: number): number[] => space.map(() => value);
  const attrs = {
    strides: each(stride),
    low: each(pad),
    high: each(pad),
    dilations: each(dilation),
    groups: o.groups ?? 1,
  };
  const results = space.map(
    (n, i) => Math.floor((n + 2 * pad - (w[i + 2]! - 1) * dilation - 1) / stride) + 1,
  );
  const y = [x[0]!, w[0]!, ...results];
  const builder = new GraphBuilder();
  const input = (shape: readonly number[]): Node => builder.input(tensor('float32', shape));
  const output =
    side === 'result'
      ? builder.emit(conv, [input(x), input(w)], attrs)
      : side === 'input'
        ? builder.emit(convGradInput, [input(y), input(w)], { ...attrs, shape: x })
        : builder.emit(convGradWeight, [input(x), input(y)], { ...attrs, shape: w });
  const graph = { name: side, inputs: builder.inputs, outputs: [output], assigns: [] };
  const [kernel] = lowerGraph(graph, caps(1), { note: () => {} }).kernels;
  return { nest: kernel!.nests[0]!, buffers: kernel!.buffers };
};
