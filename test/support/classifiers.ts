/**
 * Forward graphs of small classifiers with their loss, as tracing makes them.
 *
 * Invariant: inputs are the data, the labels, then the parameters (role `param`); outputs are the loss and the logits.
 */
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import type { Graph, Node } from '../../src/ir/graph/graph.ts';
import { logSoftmax } from '../../src/ir/graph/ops/composite.ts';
import { conv } from '../../src/ir/graph/ops/conv.ts';
import { dot } from '../../src/ir/graph/ops/dot.ts';
import { takeAlong } from '../../src/ir/graph/ops/take.ts';
import { windowMax } from '../../src/ir/graph/ops/window.ts';
import { tensor } from '../../src/ir/type.ts';

const dense = (b: GraphBuilder, x: Node, units: number): Node => {
  const w = b.input(tensor('float32', [units, x.type.shape[1]!]), { role: 'param' });
  const bias = b.input(tensor('float32', [units]), { role: 'param' });
  const y = b.emit(dot, [x, b.transpose(w, [1, 0])], {
    aBatch: [],
    bBatch: [],
    aContract: [1],
    bContract: [0],
  });
  return b.op('add', y, b.broadcastTo(bias, y.type.shape));
};

const convolution = (b: GraphBuilder, x: Node, channels: number, size: number): Node => {
  const shape = [channels, x.type.shape[1]!, size, size];
  const w = b.input(tensor('float32', shape), { role: 'param' });
  const bias = b.input(tensor('float32', [channels]), { role: 'param' });
  const y = b.emit(conv, [x, w], {
    strides: [1, 1],
    low: [0, 0],
    high: [0, 0],
    dilations: [1, 1],
    groups: 1,
  });
  return b.op('add', y, b.broadcastTo(b.reshape(bias, [channels, 1, 1]), y.type.shape));
};

const pool = (b: GraphBuilder, x: Node): Node =>
  b.emit(windowMax, [x], { kernel: [2, 2], strides: [2, 2], low: [0, 0], high: [0, 0] });

/** Mean cross-entropy of logits and int32 labels. */
const crossEntropy = (b: GraphBuilder, logits: Node, labels: Node): Node => {
  const batch = logits.type.shape[0]!;
  const logs = b.emit(logSoftmax, [logits], { axis: 1 });
  const own = b.emit(takeAlong, [logs, b.reshape(labels, [batch, 1])], { axis: 1 });
  const total = b.sum(b.op('neg', b.reshape(own, [batch])), [0]);
  return b.op('div', total, b.lit(batch, total));
};

/** A multi-layer perceptron with relu between layers of these sizes. */
export const mlp = (batch: number, sizes: readonly number[]): Graph => {
  const b = new GraphBuilder();
  let h = b.input(tensor('float32', [batch, sizes[0]!]), { name: 'x' });
  const labels = b.input(tensor('int32', [batch]), { name: 'labels' });
  for (const units of sizes.slice(1, -1)) h = b.op('relu', dense(b, h, units));
  const logits = dense(b, h, sizes.at(-1)!);
  return b.graph('mlp', [crossEntropy(b, logits, labels), logits]);
};

/** LeNet with 5 by 5 kernels on square images. */
export const lenet = (
  batch: number,
  size = 28,
  [first, second, units]: readonly [number, number, number] = [20, 50, 128],
): Graph => {
  const b = new GraphBuilder();
  const x = b.input(tensor('float32', [batch, 1, size, size]), { name: 'x' });
  const labels = b.input(tensor('int32', [batch]), { name: 'labels' });
  const low = pool(b, b.op('relu', convolution(b, x, first, 5)));
  const high = pool(b, b.op('relu', convolution(b, low, second, 5)));
  const flat = b.reshape(high, [batch, high.type.size / batch]);
  const hidden = b.op('relu', dense(b, flat, units));
  const logits = dense(b, hidden, 10);
  return b.graph('lenet', [crossEntropy(b, logits, labels), logits]);
};
