/**
 * Gradients of random compositions of ops that move elements: against differences of what the graph means, and compiled
 * against interpreted.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../src/codegen/caps.ts';
import { wasmCaps } from '../../src/codegen/wasm/caps.ts';
import { defaultWgslCaps } from '../../src/codegen/wgsl/caps.ts';
import type { DType } from '../../src/ir/dtype.ts';
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import type { Attrs, Graph, Node, Op, Values } from '../../src/ir/graph/graph.ts';
import { interpretGraph } from '../../src/ir/graph/interpret.ts';
import { printGraph } from '../../src/ir/graph/print.ts';
import { graphOps } from '../../src/ir/graph/registry.ts';
import { type Shape, tensor } from '../../src/ir/type.ts';
import { byProgram } from '../support/differential.ts';
import { gradientGraph } from '../support/gradient-graph.ts';
import { type Random, random } from '../support/random.ts';

/** A composition in the making: values that gradients flow through, and the ends that nobody has used yet. */
class Composition {
  readonly builder: GraphBuilder = new GraphBuilder();
  readonly rng: Random;
  readonly #dtype: DType;
  readonly values: Node[] = [];

  constructor(seed: number, dtype: DType) {
    this.rng = random(seed);
    this.#dtype = dtype;
    const rank = this.rng.int(1, 4);
    this.input(Array.from({ length: rank }, () => this.rng.int(1, 5)));
  }

  input(shape: Shape, dtype: DType = this.#dtype): Node {
    const name = `x${this.builder.inputs.length}`;
    const node = this.builder.input(tensor(dtype, shape), { name, role: 'input' });
    if (dtype === this.#dtype) this.values.push(node);
    return node;
  }

  emit(name: string, inputs: readonly Node[], attrs: Attrs = {}): Node {
    return this.builder.emit(graphOps.get(name) as Op, inputs, attrs);
  }

  /** A value made before, most often the last. */
  some(): Node {
    return this.rng.chance(0.7) ? this.values.at(-1)! : this.rng.pick(this.values);
  }

  /** Another value of a shape: one made before, one made of it, or a new input. */
  like(x: Node): Node {
    const known = this.values.filter((v) => v.type === x.type);
    const partner = this.rng.pick(known);
    if (this.rng.chance(0.3)) return this.input(x.type.shape);
    return this.rng.chance(0.5) ? partner : this.emit('mul', [partner, x]);
  }

  /** Positions along an axis of `size`, some of them beyond its ends, some twice. */
  positions(shape: Shape, size: number): Node {
    const count = shape.reduce((n, d) => n * d, 1);
    const values = Array.from({ length: count }, () => this.rng.int(-1, size + 1));
    return this.emit('literal', [], { values, dtype: 'int32', shape });
  }
}

type Step = (c: Composition, x: Node, axis: number) => Node;

const STEPS: Readonly<Record<string, Step>> = {
  concat: (c, x, axis) => {
    const others = Array.from({ length: c.rng.int(1, 4) }, () => c.like(x));
    return c.emit('concat', c.rng.shuffled([x, ...others]), { axis });
  },
  slice: (c, x) => {
    const parts = x.type.shape.map((d) => {
      const from = c.rng.int(0, d);
      const to = c.rng.int(from, d) + 1;
      const step = c.rng.pick([1, 1, 2]);
      return c.rng.chance(0.3) ? [to - 1, from - 1, -step] : [from, to, step];
    });
    const [begin, end, step] = [0, 1, 2].map((i) => parts.map((p) => p[i]!));
    return c.emit('slice', [x], { begin: begin!, end: end!, step: step! });
  },
  pad: (c, x) => {
    const amounts = (): number[] => x.type.shape.map(() => c.rng.int(0, 3));
    const value = c.rng.int(-1, 2);
    return c.emit('pad', [x], { low: amounts(), high: amounts(), interior: amounts(), value });
  },
  take: (c, x, axis) => {
    const shape = c.rng.chance(0.3) ? [2, 2] : [c.rng.int(1, 5)];
    return c.emit('take', [x, c.positions(shape, x.type.shape[axis]!)], { axis });
  },
  takeAlong: (c, x, axis) => {
    const shape = x.type.shape.with(axis, c.rng.int(1, 4));
    return c.emit('takeAlong', [x, c.positions(shape, x.type.shape[axis]!)], { axis });
  },
  scatter: (c, x, axis) => {
    const size = c.rng.int(1, 5);
    return c.emit('takeGrad', [x, c.positions([x.type.shape[axis]!], size)], { axis, size });
  },
  scatterAlong: (c, x, axis) => {
    const size = c.rng.int(1, 5);
    return c.emit('takeAlongGrad', [x, c.positions(x.type.shape, size)], { axis, size });
  },
  where: (c, x) => {
    const [y, z] = [c.like(x), c.like(x)];
    const values = Array.from({ length: x.type.size }, () => c.rng.int(0, 2));
    const given = c.emit('literal', [], { values, dtype: 'bool', shape: x.type.shape });
    return c.emit('select', [c.rng.chance(0.5) ? given : c.emit('gt', [x, y]), x, z]);
  },
};
const NAMES = Object.keys(STEPS);
const MOST = 200;

/** 2 to 4 steps; results are the last value and sometimes another. */
const composition = (seed: number, dtype: DType): Graph => {
  const c = new Composition(seed, dtype);
  const steps = c.rng.int(2, 5);
  for (let done = 0; done < steps; ) {
    const x = c.some();
    const y = STEPS[c.rng.pick(NAMES)]!(c, x, c.rng.int(0, x.type.shape.length));
    if (y.type.size > MOST || y.type.shape.length > 4) continue;
    c.values.push(c.rng.chance(0.3) ? c.emit('mul', [y, y]) : y);
    done++;
  }
  const last = c.values.at(-1)!;
  const results = c.rng.chance(0.3) ? [last, c.rng.pick(c.values)] : [last];
  return c.builder.graph(`composition ${seed}`, [...new Set(results)]);
};

/** Any numbers: no two are equal, so that comparisons have slopes on both sides. */
const drawn = (graph: Graph, rng: Random): Values[] =>
  graph.inputs.map(({ type: { size } }) =>
    Float64Array.from({ length: size }, () => rng.int(-2e6, 2e6) / 1e6),
  );

const dot = (a: Values, b: Values): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

/** The slope of a weighted sum of the results along a direction, by differences. */
const slope = (
  graph: Graph,
  at: readonly Values[],
  along: readonly Values[],
  weights: readonly Values[],
): number => {
  const h = 1e-5;
  const value = (step: number): number => {
    const moved = at.map((x, i) => x.map((e, k) => e + step * along[i]![k]!));
    const { outputs } = interpretGraph(graph, moved);
    return outputs.reduce((sum, y, i) => sum + dot(y, weights[i]!), 0);
  };
  return (value(h) - value(-h)) / (2 * h);
};

const all = (graph: Graph): number[] => [...graph.inputs.keys()];

test('gradients of 200 compositions are their slopes', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const graph = composition(seed, 'float64');
    const back = gradientGraph(graph, all(graph));
    const rng = random(seed + 1e6);
    const inputs = drawn(graph, rng);
    const weights = graph.outputs.map((y) =>
      Float64Array.from({ length: y.type.size }, () => rng.int(-32, 33) / 32),
    );
    const given = back === undefined ? [] : interpretGraph(back, [...inputs, ...weights]).outputs;
    const found = wantedOf(graph);
    assert.is(given.length, found.length, printGraph(graph));
    const along = drawn(graph, rng);
    const expected = slope(graph, inputs, along, weights);
    const got = found.reduce((sum, input, i) => sum + dot(given[i]!, along[input]!), 0);
    const size = Math.max(1, Math.abs(expected));
    if (!(Math.abs(got - expected) <= 1e-5 * size))
      assert.unreachable(`seed ${seed}: ${got}, slope ${expected}\n${printGraph(graph)}`);
  }
});

/** The inputs that some result depends on. */
const wantedOf = (graph: Graph): number[] => {
  const seen = new Set<Node>(graph.outputs);
  for (const x of seen)
    if (x.op.name === 'select') for (const y of x.inputs.slice(1)) seen.add(y);
    else if (x.type.dtype !== 'bool') for (const y of x.inputs) seen.add(y);
  return graph.inputs.flatMap((x, i) => (seen.has(x) ? [i] : []));
};

const agrees = async (seed: number, dtype: DType, caps: Caps): Promise<void> => {
  const graph = composition(seed, dtype);
  const back = gradientGraph(graph, all(graph));
  if (back === undefined) return;
  const inputs = drawn(back, random(seed + 2e6));
  const wanted = interpretGraph(back, inputs).outputs;
  const got = await byProgram(caps)(
    back,
    inputs.map((x) => x.slice()),
  );
  wanted.forEach((values, i) => {
    const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
    const k = values.findIndex((x, at) => !(Math.abs(x - got[i]![at]!) <= 1e-4 * largest));
    if (k >= 0)
      assert.unreachable(
        `seed ${seed}: result ${i} at ${k} is ${got[i]![k]}, not ${values[k]}\n${printGraph(back)}`,
      );
  });
};

test('and are the same compiled', async () => {
  for (let seed = 1; seed <= 120; seed++) await agrees(seed, 'float64', wasmCaps(false));
  for (let seed = 121; seed <= 150; seed++) await agrees(seed, 'float32', defaultWgslCaps);
});

test.run();
