/**
 * The contractions worth being fast at: squares, dense layers with their gradients, LeNet's convolutions, batches.
 *
 * Invariant: `flops` counts a multiply-add as two.
 */
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import type { Graph, Node } from '../../src/ir/graph/graph.ts';
import { conv, convGradInput, convGradWeight } from '../../src/ir/graph/ops/conv.ts';
import { dot } from '../../src/ir/graph/ops/dot.ts';
import { tensor } from '../../src/ir/type.ts';

export interface Contracted {
  readonly name: string;
  readonly flops: number;
  readonly graph: Graph;
}

const made = (
  name: string,
  flops: number,
  build: (b: GraphBuilder, input: (...shape: number[]) => Node) => Node,
): Contracted => {
  const builder = new GraphBuilder();
  const output = build(builder, (...shape) => builder.input(tensor('float32', shape)));
  return {
    name,
    flops,
    graph: { name, inputs: builder.inputs, outputs: [output], assigns: [] },
  };
};

const product = (
  name: string,
  m: number,
  n: number,
  k: number,
  at = false,
  bt = false,
): Contracted =>
  made(name, 2 * m * n * k, (b, input) =>
    b.emit(dot, [at ? input(k, m) : input(m, k), bt ? input(n, k) : input(k, n)], {
      aBatch: [],
      bBatch: [],
      aContract: [at ? 0 : 1],
      bContract: [bt ? 1 : 0],
    }),
  );

const batched = (name: string, batch: number, m: number, n: number, k: number): Contracted =>
  made(name, 2 * batch * m * n * k, (b, input) =>
    b.emit(dot, [input(batch, m, k), input(batch, k, n)], {
      aBatch: [0],
      bBatch: [0],
      aContract: [2],
      bContract: [1],
    }),
  );

const images = (
  name: string,
  [i, c, h, f, s, p]: readonly [number, number, number, number, number, number],
): Contracted[] => {
  const o = h + 2 * p - s + 1;
  const attrs = { strides: [1, 1], low: [p, p], high: [p, p], dilations: [1, 1], groups: 1 };
  const flops = 2 * i * f * o * o * c * s * s;
  return [
    made(`${name} forward`, flops, (b, input) =>
      b.emit(conv, [input(i, c, h, h), input(f, c, s, s)], attrs),
    ),
    made(`${name} gradInput`, flops, (b, input) =>
      b.emit(convGradInput, [input(i, f, o, o), input(f, c, s, s)], {
        ...attrs,
        shape: [i, c, h, h],
      }),
    ),
    made(`${name} gradWeight`, flops, (b, input) =>
      b.emit(convGradWeight, [input(i, c, h, h), input(i, f, o, o)], {
        ...attrs,
        shape: [f, c, s, s],
      }),
    ),
  ];
};

export const contractions: readonly Contracted[] = [
  ...[64, 128, 256, 512, 1024].map((n) => product(`matmul ${n}`, n, n, n)),
  product('matmul 512 aT', 512, 512, 512, true, false),
  product('matmul 512 bT', 512, 512, 512, false, true),
  product('dense forward', 64, 256, 784, false, true),
  product('dense gradWeight', 256, 784, 64, true, false),
  product('dense gradInput', 64, 784, 256),
  product('head forward', 64, 10, 128, false, true),
  product('odd 127 x 129 x 131', 127, 129, 131),
  batched('batch 32 x 64', 32, 64, 64, 64),
  ...images('conv1', [64, 1, 28, 20, 5, 0]),
  ...images('conv2', [64, 20, 12, 50, 5, 0]),
  ...images('conv 3x3 pad 14', [16, 32, 14, 64, 3, 1]),
];

/** Squares that only a graphics card does in reasonable time. */
export const largeSquares: readonly Contracted[] = [2048, 4096].map((n) =>
  product(`matmul ${n}`, n, n, n),
);
