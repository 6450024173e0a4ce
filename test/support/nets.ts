/**
 * Training steps of small nets as L1 graphs, for tests of the compiler that need something real.
 *
 * Invariant: the mean of a sparse softmax cross-entropy goes down by plain SGD or by Adam; parameters, moments and the
 * learning rate are inputs.
 */
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import type { Attrs, Graph, Node } from '../../src/ir/graph/graph.ts';
import { graphOps } from '../../src/ir/graph/registry.ts';
import { type TensorType, tensor } from '../../src/ir/type.ts';
import { gradients } from '../../src/passes/autodiff.ts';

const f32 = (...shape: number[]): TensorType => tensor('float32', shape);

export type Rule = 'sgd' | 'adam';

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

  /** The new values of a parameter and of what its rule keeps beside it. */
  update(w: Node, dy: Node, rate: Node, rule: Rule): Graph['assigns'] {
    const { b } = this;
    const times = (x: Node, by: number): Node => b.op('mul', x, b.lit(by, x));
    const less = (step: Node): Node =>
      b.op('sub', w, b.op('mul', b.broadcast(rate, w.type.shape, []), step));
    switch (rule) {
      case 'sgd':
        return [{ target: w, value: less(dy) }];
      case 'adam': {
        const [m, v] = ['m', 'v'].map((name) =>
          b.input(w.type, { name: `${name}_${w.attrs['name']}`, role: 'param' }),
        ) as [Node, Node];
        const mean = b.op('add', times(m, 0.9), times(dy, 0.1));
        const square = b.op('add', times(v, 0.999), times(b.op('mul', dy, dy), 0.001));
        const root = b.op('add', b.op('sqrt', square), b.lit(1e-8, square));
        return [
          { target: m, value: mean },
          { target: v, value: square },
          { target: w, value: less(b.op('div', mean, root)) },
        ];
      }
      default:
        return rule satisfies never;
    }
  }

  /** Loss, gradients and updates. */
  step(name: string, logits: Node, rule: Rule): Graph {
    const { b, batch } = this;
    const labels = b.input(tensor('int32', [batch]), { name: 'labels' });
    const rate = b.input(f32(), { name: 'rate', role: 'scalar' });
    const logp = this.op('logSoftmax', [logits], { axis: 1 });
    const picked = this.op('takeAlong', [logp, b.reshape(labels, [batch, 1])], { axis: 1 });
    const loss = b.op('neg', b.reshape(picked, [batch]));
    const mean = b.op('mul', b.sum(loss, [0]), b.full(1 / batch, 'float32', []));
    const dys = gradients(b, [loss], [b.full(1 / batch, 'float32', [batch])], this.params);
    const assigns = this.params.flatMap((w, i) => this.update(w, dys[i]!, rate, rule));
    return b.graph(name, [mean], assigns);
  }
}

/** 784-256-128-10 with relu. */
export const mlpStep = (batch = 64, rule: Rule = 'sgd'): Graph => {
  const net = new NetBuilder(batch);
  const x = net.b.input(f32(batch, 784), { name: 'x' });
  return net.step(
    'mlp',
    net.dense(net.relu(net.dense(net.relu(net.dense(x, 256)), 128)), 10),
    rule,
  );
};

/** LeNet: two convolutions with max pooling, two dense layers. */
export const lenetStep = (batch = 64, size = 28, rule: Rule = 'sgd'): Graph => {
  const net = new NetBuilder(batch);
  const x = net.b.input(f32(batch, 1, size, size), { name: 'x' });
  const h = net.pool(net.relu(net.conv(net.pool(net.relu(net.conv(x, 20, 5))), 50, 5)));
  const flat = net.b.reshape(h, [batch, h.type.size / batch]);
  return net.step('lenet', net.dense(net.relu(net.dense(flat, 128)), 10), rule);
};
