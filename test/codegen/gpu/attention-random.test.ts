/**
 * Attention in random surroundings: what its operands are made of, what is done with it, and its gradients.
 *
 * Invariant: a case follows from its seed alone.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultWgslCaps, GUARANTEED_LIMITS, wgslCaps } from '../../../src/codegen/wgsl/caps.ts';
import { GraphBuilder } from '../../../src/ir/graph/builder.ts';
import type { Attrs, Graph, Node } from '../../../src/ir/graph/graph.ts';
import { graphOps } from '../../../src/ir/graph/registry.ts';
import { tensor } from '../../../src/ir/type.ts';
import { vjpGraph } from '../../../src/passes/autodiff.ts';
import { compileGraph } from '../../../src/passes/pipeline.ts';
import { partition } from '../../../src/passes/recompute.ts';
import { random } from '../../ir/graph/cases.ts';
import { byProgram, checkWay } from '../../support/differential.ts';

const SEEDS = 60;

const machines = [
  defaultWgslCaps,
  wgslCaps(GUARANTEED_LIMITS, 32),
  { ...wgslCaps(GUARANTEED_LIMITS, 8), threads: 64 },
];

const surrounded = (seed: number): Graph => {
  const next = random(seed);
  const pick = (n: number): number => Math.floor(next() * n);
  const b = new GraphBuilder();
  const input = (...shape: number[]): Node => b.input(tensor('float32', shape));
  const op = (name: string, inputs: readonly Node[], attrs: Attrs = {}): Node =>
    b.emit(graphOps.get(name)!, inputs, attrs);
  const [heads, queries, keys, depth, width] = [
    1 + pick(2),
    3 + pick(30),
    5 + pick(40),
    1 + pick(20),
    1 + pick(24),
  ];
  const operand = (rows: number, columns: number): Node => {
    switch (pick(6)) {
      case 0:
        return op('tanh', [input(heads, rows, columns)]);
      case 1:
        return b.transpose(input(rows, heads, columns), [1, 0, 2]);
      case 2:
        return b.transpose(input(heads, columns, rows), [0, 2, 1]);
      case 3:
        return b.broadcast(input(rows, columns), [heads, rows, columns], [1, 2]);
      case 4: {
        const attrs = { aBatch: [], bBatch: [], aContract: [2], bContract: [0] };
        return op('dot', [input(heads, rows, 6), input(6, columns)], attrs);
      }
      default:
        return input(heads, rows, columns);
    }
  };
  const [q, k, v] = [operand(queries, depth), operand(keys, depth), operand(keys, width)];
  const pairs = [heads, queries, keys];
  const shared = (): Node =>
    op('gt', [input(queries, keys), b.full(0, 'float32', [queries, keys])]);
  const masks = [b.input(tensor('bool', pairs)), b.broadcast(shared(), pairs, [1, 2])];
  const mask = pick(2) === 0 ? [masks[pick(2)]!] : [];
  const attrs = { scale: 0.25, causal: pick(2) === 0 };
  const plain = op('attention', [q, k, v, ...mask], attrs);
  const shape = plain.type.shape;
  const after = [
    plain,
    b.op('add', plain, input(...shape)),
    b.op('mul', plain, b.broadcast(input(width), shape, [2])),
    b.op('tanh', b.op('add', plain, b.broadcast(input(heads, queries), shape, [0, 1]))),
    b.reshape(b.transpose(plain, [1, 0, 2]), [queries, heads * width]),
  ];
  const outputs = [after[pick(after.length)]!];
  if (pick(4) === 0) outputs.push(plain);
  const norm = op('attentionNorm', [q, k, ...mask], attrs);
  if (pick(3) === 0) outputs.push(pick(2) === 0 ? norm : b.op('tanh', norm));
  const graph = b.graph(`attention${seed}`, outputs);
  const floats = graph.inputs.map((x) => x.type.dtype === 'float32');
  const kind = pick(4);
  if (kind === 1) return vjpGraph(graph, floats).graph;
  return kind === 2 ? partition(graph, floats).forward : graph;
};

test(`${SEEDS} random graphs around attention give on GPUs what they mean`, async () => {
  let blocks = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const caps = { ...machines[seed % machines.length]!, maxBindings: 100 };
    const graph = surrounded(seed);
    await checkWay(graph, byProgram(caps), 'GPU', seed);
    const notes = compileGraph(graph, caps).program.kernels.flatMap((kernel) => kernel.notes);
    if (notes.some((note) => note.startsWith('attention '))) blocks++;
    assert.not.ok(
      notes.some((note) => note.startsWith('no attention')),
      'what is whole has a schedule',
    );
  }
  assert.ok(blocks > SEEDS / 3, `${blocks} of them in blocks`);
});

test.run();
