/** How simple what ops lower to is: guards and divisions only where the geometry asks for them. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Idx, idxAxis, newAxis } from '../../../src/ir/dim.ts';
import { GraphBuilder } from '../../../src/ir/graph/builder.ts';
import type { Attrs, LowerContext, Node } from '../../../src/ir/graph/graph.ts';
import { graphOps } from '../../../src/ir/graph/registry.ts';
import { load } from '../../../src/ir/loop/expr.ts';
import type { Contraction, Expr, LoopBuffer } from '../../../src/ir/loop/loop.ts';
import { stridesOf, tensor } from '../../../src/ir/type.ts';
import { gradients } from '../../../src/passes/autodiff.ts';

const context = (): LowerContext => {
  const buffers = new Map<Node, LoopBuffer>();
  const bufferOf = (node: Node): LoopBuffer => {
    const { dtype, shape } = node.type;
    const made = buffers.get(node) ?? {
      id: node.id,
      name: `b${node.id}`,
      dtype,
      shape,
      strides: stridesOf(shape),
    };
    buffers.set(node, made);
    return made;
  };
  return {
    at: (node, index) => load(bufferOf(node), index),
    axis: (name, extent) => newAxis(name, extent, 'red'),
    parallel: (name, extent) => newAxis(name, extent, 'par'),
  };
};

const node = (name: string, shapes: readonly (readonly number[])[], attrs: Attrs): Node => {
  const builder = new GraphBuilder();
  const inputs = shapes.map((s) => builder.input(tensor('float32', s)));
  return builder.emit(graphOps.get(name)!, inputs, attrs);
};

const contraction = (
  name: string,
  shapes: readonly (readonly number[])[],
  attrs: Attrs,
): Contraction => {
  const made = node(name, shapes, attrs);
  return made.op.contract!(made, context());
};

const lowered = (
  name: string,
  shapes: readonly (readonly number[])[],
  attrs: Attrs,
): { readonly expr: Expr; readonly index: readonly Idx[] } => {
  const made = node(name, shapes, attrs);
  const index = made.type.shape.map((d, i) => idxAxis(newAxis(`i${i}`, d, 'par')));
  return { expr: made.op.lower!(made, index, context()), index };
};

const conv = (stride: number, pad: number, groups = 1): Attrs => ({
  strides: [stride, stride],
  low: [pad, pad],
  high: [pad, pad],
  dilations: [1, 1],
  groups,
});

const coefficients = (idx: Idx): number[] => idx.terms.map((t) => t.coef).sort();
const isAffine = (idx: Idx): boolean => idx.terms.every((t) => t.atom.kind === 'axis');

test('conv without padding loads without guards', () => {
  const { a, b, batch } = contraction(
    'conv',
    [
      [2, 3, 8, 8],
      [4, 3, 3, 3],
    ],
    conv(1, 0),
  );
  assert.is(a.kind, 'load');
  assert.is(b.kind, 'load');
  assert.equal(batch, []);
});

test('conv with padding guards each padded axis once; indices stay affine', () => {
  const { b } = contraction(
    'conv',
    [
      [2, 3, 8, 8],
      [4, 3, 3, 3],
    ],
    conv(1, 1),
  );
  assert.is(b.kind, 'guard');
  if (b.kind !== 'guard' || b.then.kind !== 'load') return assert.unreachable();
  assert.is(b.bounds.length, 2);
  assert.ok(b.then.index.every(isAffine));
});

test('conv: the innermost axis of space has the stride as its coefficient', () => {
  for (const stride of [1, 2, 3]) {
    const { b, n } = contraction(
      'conv',
      [
        [2, 3, 9, 9],
        [4, 3, 3, 3],
      ],
      conv(stride, 0),
    );
    if (b.kind !== 'load') return assert.unreachable();
    const inner = b.index[3]!.terms.find(
      (t) => t.atom.kind === 'axis' && t.atom.axis === n[n.length - 1],
    );
    assert.is(inner!.coef, stride);
  }
});

test('conv: groups are a batch axis', () => {
  const { batch } = contraction(
    'conv',
    [
      [1, 4, 5, 5],
      [6, 2, 3, 3],
    ],
    conv(1, 0, 2),
  );
  assert.equal(
    batch.map((axis) => axis.extent),
    [2],
  );
});

test('the input gradient of a strided conv multiplies only what meets, where strides divide', () => {
  const attrs = { ...conv(2, 1), shape: [1, 3, 8, 8] };
  const even = contraction(
    'convGradInput',
    [
      [1, 4, 4, 4],
      [4, 3, 3, 3],
    ],
    attrs,
  );
  assert.equal(
    even.batch.map((axis) => axis.extent),
    [2, 2],
  );
  assert.equal(
    even.k.map((axis) => axis.extent),
    [4, 2, 2],
  );
  const odd = { ...conv(2, 1), shape: [1, 3, 7, 7] };
  const tried = contraction(
    'convGradInput',
    [
      [1, 4, 4, 4],
      [4, 3, 3, 3],
    ],
    odd,
  );
  assert.equal(tried.batch, []);
});

test('the input gradient of a conv of stride 1 has affine indices', () => {
  const attrs = { ...conv(1, 1), shape: [1, 3, 8, 8] };
  const { b } = contraction(
    'convGradInput',
    [
      [1, 4, 8, 8],
      [4, 3, 3, 3],
    ],
    attrs,
  );
  if (b.kind !== 'guard' || b.then.kind !== 'load') return assert.unreachable();
  assert.ok(b.then.index.every(isAffine));
  assert.equal(coefficients(b.then.index[3]!), [-1, 1]);
});

test('pooling by tiles: the gradient is a map, without a reduction', () => {
  const window = { kernel: [2, 2], strides: [2, 2], low: [0, 0], high: [0, 0] };
  const builder = new GraphBuilder();
  const dy = builder.input(tensor('float32', [3, 4, 4]));
  const idx = builder.input(tensor('int32', [3, 4, 4]));
  const attrs = { ...window, shape: [3, 8, 8] };
  const scatter = builder.emit(graphOps.get('poolScatter')!, [dy, idx], attrs);
  const index = scatter.type.shape.map((d) => idxAxis(newAxis('i', d, 'par')));
  const expr = scatter.op.lower!(scatter, index, context());
  assert.is(expr.kind, 'op');
});

test('pooling without padding has no guard', () => {
  const attrs = { kernel: [2, 2], strides: [2, 2], low: [0, 0], high: [0, 0] };
  const { expr } = lowered('windowMax', [[3, 8, 8]], attrs);
  assert.is(expr.kind === 'reduce' && expr.body.kind, 'load');
});

test('reshape passes untouched axes through, and merges without divisions', () => {
  const { expr, index } = lowered('reshape', [[5, 2, 3, 7]], { shape: [5, 6, 7] });
  if (expr.kind !== 'load') return assert.unreachable();
  assert.is(expr.index[0], index[0]);
  assert.is(expr.index[3], index[2]);
  const merged = lowered('reshape', [[5, 6, 7]], { shape: [5, 2, 3, 7] });
  assert.ok(merged.expr.kind === 'load' && merged.expr.index.every(isAffine));
});

test('concat tests only the boundaries between its parts', () => {
  const { expr } = lowered('concat', [[2], [3], [4]], { axis: 0 });
  if (expr.kind !== 'guard' || expr.otherwise.kind !== 'guard') return assert.unreachable();
  assert.is(expr.otherwise.otherwise.kind, 'load');
});

test('the gradients of a dense layer need no transpose', () => {
  for (const bContract of [0, 1]) {
    const builder = new GraphBuilder();
    const x = builder.input(tensor('float32', [2, 3]));
    const w = builder.input(tensor('float32', bContract === 0 ? [3, 5] : [5, 3]));
    const attrs = { aBatch: [], bBatch: [], aContract: [1], bContract: [bContract] };
    const y = builder.emit(graphOps.get('dot')!, [x, w], attrs);
    const found = gradients(builder, [y], [builder.input(y.type)], [x, w]);
    assert.equal(
      found.map((g) => g!.op.name),
      ['dot', 'dot'],
    );
  }
});

test.run();
