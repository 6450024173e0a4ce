/**
 * Training steps of small nets as L1 graphs, for tests of the compiler that need something real.
 *
 * Invariant: plain SGD on the mean of a sparse softmax cross-entropy; parameters and learning rate are inputs.
 */
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import type { Attrs, Graph, Node } from '../../src/ir/graph/graph.ts';
import { graphOps } from '../../src/ir/graph/registry.ts';
import { type TensorType, tensor } from '../../src/ir/type.ts';
import { gradients } from '../../src/passes/autodiff.ts';

const f32 = (...shape: number[]): TensorType => tensor('float32', shape);

class NetBuilder {
  readonly b = new GraphBuilder();
  readonly params: Node[] = [];
  readonly batch: number;
  constructor(batch: number) {
    this.batch = batch;
  }

  op(name: string, inputs: Node[], attrs: Attrs = {}): Node {
    return this.b.emit(graphOps.get(name)!, inputs, attrs);
  }

  param(...shape: number[]): Node {
    const node = this.b.input(f32(...shape), { name: `w${this.params.length}`, role: 'param' });
    this.params.push(node);
    return node;
  }

  dense(x: Node, outputs: number): Node {
    const weight = this.param(outputs, x.type.shape[1]!);
    const bias = this.param(outputs);
    const product = this.op('dot', [x, weight], {
      aBatch: [],
      bBatch: [],
      aContract: [1],
      bContract: [1],
    });
    return this.b.op('add', product, this.b.broadcast(bias, product.type.shape, [1]));
  }

  conv(x: Node, outputs: number, kernel: number): Node {
    const weight = this.param(outputs, x.type.shape[1]!, kernel, kernel);
    const bias = this.param(outputs);
    const attrs = { strides: [1, 1], low: [0, 0], high: [0, 0], dilations: [1, 1], groups: 1 };
    const product = this.op('conv', [x, weight], attrs);
    return this.b.op('add', product, this.b.broadcast(bias, product.type.shape, [1]));
  }

  relu(x: Node): Node {
    return this.b.op('relu', x);
  }

  pool(x: Node): Node {
    return this.op('windowMax', [x], {
      kernel: [2, 2],
      strides: [2, 2],
      low: [0, 0],
      high: [0, 0],
    });
  }

  /** Loss, gradients and updates. */
  step(name: string, logits: Node): Graph {
    const { b, batch } = this;
    const labels = b.input(tensor('int32', [batch]), { name: 'labels' });
    const rate = b.input(f32(), { name: 'rate', role: 'scalar' });
    const logp = this.op('logSoftmax', [logits], { axis: 1 });
    const picked = this.op('takeAlong', [logp, b.reshape(labels, [batch, 1])], { axis: 1 });
    const loss = b.op('neg', b.reshape(picked, [batch]));
    const mean = b.op('mul', b.sum(loss, [0]), b.full(1 / batch, 'float32', []));
    const dys = gradients(b, [loss], [b.full(1 / batch, 'float32', [batch])], this.params);
    const assigns = this.params.map((w, i) => ({
      target: w,
      value: b.op('sub', w, b.op('mul', b.broadcast(rate, w.type.shape, []), dys[i]!)),
    }));
    return b.graph(name, [mean], assigns);
  }
}

/** 784-256-128-10 with relu. */
export const mlpStep = (batch = 64): Graph => {
  const net = new NetBuilder(batch);
  const x = net.b.input(f32(batch, 784), { name: 'x' });
  return net.step('mlp', net.dense(net.relu(net.dense(net.relu(net.dense(x, 256)), 128)), 10));
};

/** LeNet: two convolutions with max pooling, two dense layers. */
export const lenetStep = (batch = 64, size = 28): Graph => {
  const net = new NetBuilder(batch);
  const x = net.b.input(f32(batch, 1, size, size), { name: 'x' });
  const h = net.pool(net.relu(net.conv(net.pool(net.relu(net.conv(x, 20, 5))), 50, 5)));
  const flat = net.b.reshape(h, [batch, h.type.size / batch]);
  return net.step('lenet', net.dense(net.relu(net.dense(flat, 128)), 10));
};
