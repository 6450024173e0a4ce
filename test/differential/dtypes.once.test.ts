/** Every op on element types that its examples do not have: the CPU gives what the interpreter does. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DTYPES, type DType, isFloat, isWide } from '../../src/ir/dtype.ts';
import { TigonError } from '../../src/ir/errors.ts';
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import {
  type Attrs,
  type Graph,
  isBody,
  type Node,
  type Op,
  topological,
  type Values,
} from '../../src/ir/graph/graph.ts';
import { interpretGraph } from '../../src/ir/graph/interpret.ts';
import { conv } from '../../src/ir/graph/ops/conv.ts';
import { dot } from '../../src/ir/graph/ops/dot.ts';
import { tensor } from '../../src/ir/type.ts';
import { CpuDevice } from '../../src/runtime/cpu/device.ts';
import { type OpCase, opCases, random, randomValues } from '../ir/graph/cases.ts';
import { differentiable, gradientGraph } from '../support/gradient-graph.ts';
import { byDevice } from '../support/on-device.ts';

type Change = (dtype: DType) => DType;

/** The graph with other dtypes, in its attributes and the bodies of its loops too. */
const retyped = (graph: Graph, change: Change): Graph => {
  const builder = new GraphBuilder();
  const made = new Map<Node, Node>();
  for (const x of graph.inputs)
    made.set(x, builder.input(tensor(change(x.type.dtype), x.type.shape)));
  const attr = (value: Attrs[string]): Attrs[string] => {
    if (DTYPES.includes(value as DType)) return change(value as DType);
    return isBody(value) ? retyped(value, change) : value;
  };
  for (const node of topological(graph)) {
    if (made.has(node)) continue;
    const attrs = Object.fromEntries(Object.entries(node.attrs).map(([k, v]) => [k, attr(v)]));
    const inputs = node.inputs.map((x) => made.get(x)!);
    made.set(node, builder.emit(node.op, inputs, attrs));
  }
  const results = graph.outputs.map((x) => made.get(x)!);
  return builder.graph(graph.name, results);
};

/** What takes the place of float32, and of the int32 of indices; of how many examples of each op. */
const KINDS: readonly (readonly [elements: DType, indices: DType, examples: number])[] = [
  ['float64', 'int32', 2],
  ['float64', 'int64', 1],
  ['int64', 'int64', 2],
  ['uint64', 'uint64', 1],
  ['int8', 'int8', 1],
  ['int16', 'int16', 1],
  ['uint16', 'uint16', 1],
];

const cpu = new CpuDevice({ threads: 1 });
const run = byDevice(cpu);

/** Integers give the same; doubles differ by the order of sums. */
const compare = async (graph: Graph, data: readonly Values[]): Promise<void> => {
  const wanted = interpretGraph(graph, data.slice()).outputs;
  const got = await run(graph, data);
  wanted.forEach((want, i) => {
    const { dtype } = graph.outputs[i]!.type;
    const scale = want.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 1);
    const bound = isFloat(dtype) ? (isWide(dtype) ? 1e-12 : 1e-3) * scale : 0;
    const off = want.findIndex((w, j) => {
      const g = got[i]![j]!;
      return !(Object.is(w, g) || w === g || Math.abs(w - g) <= bound);
    });
    assert.is(off, -1, `result ${i}, element ${off}: ${got[i]![off]}, not ${want[off]}`);
  });
};

const dataFor = ({ example }: OpCase, graph: Graph, seed: number): Values[] => {
  const next = random(seed);
  return graph.inputs.map((x, i) => {
    const [low, high] = example.range?.[i] ?? (isFloat(x.type.dtype) ? [-2, 2] : [0, 4]);
    const least = x.type.dtype.startsWith('u') ? Math.max(0, low) : low;
    return randomValues(
      next,
      x.type,
      x.type.dtype === 'bool' ? [0, 2] : [least, Math.max(high, least + 1)],
    );
  });
};

const seen = new Map<Op, number>();
const cases = opCases().map((one) => {
  const number = seen.get(one.op) ?? 0;
  seen.set(one.op, number + 1);
  return { one, number };
});

for (const [elements, indices, examples] of KINDS) {
  const change: Change = (d) => (d === 'float32' ? elements : d === 'int32' ? indices : d);
  const graphOf = (one: OpCase): Graph | undefined => {
    try {
      return retyped(one.graph, change);
    } catch (error) {
      if (error instanceof TigonError && error.code !== 'verify') return undefined;
      throw error;
    }
  };
  test(`ops of ${elements} with indices of ${indices}`, async () => {
    const failures: string[] = [];
    for (const [seed, { one, number }] of cases.entries()) {
      const graph = number < examples ? graphOf(one) : undefined;
      if (graph === undefined) continue;
      const data = dataFor(one, graph, seed);
      try {
        await compare(graph, data);
        if (elements !== 'float64' || number > 0) continue;
        const wanted = differentiable(one);
        const first = wanted.length === 0 ? undefined : gradientGraph(graph, wanted);
        if (first === undefined) continue;
        const rest = dataFor(one, first, seed).slice(data.length);
        await compare(first, [...data, ...rest]);
      } catch (error) {
        failures.push(`${one.title}: ${(error as Error).message}`);
      }
    }
    assert.equal(failures, []);
  });
}

/** Products that are cut into blocks: rows, columns, sum; all but whole tiles. */
const SIZES = [
  [64, 64, 64],
  [67, 130, 37],
  [5, 9, 700],
  [33, 4, 65],
] as const;

test('numbers given at each call, of 64 bits behind some of fewer', async () => {
  const b = new GraphBuilder();
  const dtypes = ['float32', 'float64', 'int8', 'int64', 'bool', 'uint64', 'uint16'] as const;
  const outputs = dtypes.map((dtype) => {
    const scalar = b.input(tensor(dtype, []), { role: 'scalar' });
    const x = b.input(tensor(dtype, [5]));
    const whole = b.broadcastTo(scalar, [5]);
    return dtype === 'bool' ? b.op('xor', x, whole) : b.op('mul', x, whole);
  });
  const graph = b.graph('scalars', outputs);
  const next = random(9);
  const data = graph.inputs.map((x) => randomValues(next, x.type));
  // more than 32 bits hold
  data[2]![0] = Math.PI;
  data[6]![0] = 2 ** 40 + 1;
  data[10]![0] = 2 ** 33 + 3;
  await compare(graph, data);
});

/** Where formulas change from one range to the next. */
const FORMULAS: readonly (readonly [name: string, from: number, to: number])[] = [
  ['atan', -20, 20],
  ['asin', -1, 1],
  ['acos', -1, 1],
  ['lgamma', 0, 40],
  ['gamma', -4, 10],
  ['digamma', 0, 40],
  ['erfinv', -1, 1],
  ['log2', 0, 1000],
  ['log10', 0, 1e6],
  ['cbrt', -1000, 1000],
  ['sinh', -700, 700],
  ['asinh', -1000, 1000],
];

test('formulas of float64 are exact to 1e-13', async () => {
  const x = Float64Array.from({ length: 300 }, (_, i) => (i + 0.5) / 300);
  for (const [name, from, to] of FORMULAS) {
    const { op } = cases.find(({ one }) => one.op.name === name)!.one;
    const b = new GraphBuilder();
    const graph = b.graph(name, [b.emit(op, [b.input(tensor('float64', [x.length]))], {})]);
    const data = x.map((v) => from + (to - from) * v);
    const [want] = interpretGraph(graph, [data]).outputs;
    const [got] = await run(graph, [data]);
    want!.forEach((w, i) => {
      const bound = 1e-13 * Math.max(Math.abs(w), name === 'gamma' ? 0 : 1e-2);
      assert.ok(Math.abs(got![i]! - w) <= bound, `${name}(${data[i]}) = ${got![i]}, not ${w}`);
    });
  }
});

test('products of several blocks, with what follows them', async () => {
  for (const [operands, result] of [
    ['float64', 'float64'],
    ['float32', 'float64'],
    ['float16', 'int64'],
  ] as const)
    for (const [i, [m, n, k]] of SIZES.entries()) {
      const b = new GraphBuilder();
      const turned = i % 2 === 1;
      const x = b.input(tensor(operands, [2, m, k]));
      const w = b.input(tensor(operands, turned ? [2, n, k] : [2, k, n]));
      const bias = b.input(tensor(result, [2, m, n]));
      const product = b.emit(dot, [x, w], {
        aBatch: [0],
        bBatch: [0],
        aContract: [2],
        bContract: [turned ? 2 : 1],
      });
      const sum = b.op('add', b.cast(product, result), bias);
      const graph = b.graph('product', [b.op('relu', sum)]);
      const next = random(i);
      const data = graph.inputs.map((v) => randomValues(next, v.type, [-2, 3]));
      // sums of whole numbers are exact
      const exact = data.map((v) => (operands === 'float64' ? v : v.map(Math.floor)));
      await compare(graph, exact);
    }
});

test('convolutions of float64 and their gradients in several blocks', async () => {
  const b = new GraphBuilder();
  const x = b.input(tensor('float64', [3, 5, 13, 13]));
  const w = b.input(tensor('float64', [18, 5, 3, 3]));
  const attrs = { strides: [1, 2], low: [1, 0], high: [1, 1], dilations: [1, 1], groups: 1 };
  const graph = b.graph('conv', [b.emit(conv, [x, w], attrs)]);
  const gradient = gradientGraph(graph, [0, 1])!;
  const next = random(5);
  const data = gradient.inputs.map((v) => randomValues(next, v.type, [-1, 1]));
  await compare(graph, data.slice(0, 2));
  await compare(gradient, data);
});

test.after(() => cpu.dispose());
test.run();
