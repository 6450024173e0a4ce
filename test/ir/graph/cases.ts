/**
 * Graphs and data from the examples of the registry: what the generated op tests run on.
 *
 * Invariant: everything is seeded by the op and the example, so a failure repeats.
 */
import { isFloat } from '../../../src/ir/dtype.ts';
import { GraphBuilder } from '../../../src/ir/graph/builder.ts';
import type { Graph, Node, Op, Values } from '../../../src/ir/graph/graph.ts';
import type { OpExample } from '../../../src/ir/graph/reference/define.ts';
import { references } from '../../../src/ir/graph/reference/registry.ts';
import { roundTo } from '../../../src/ir/rounding.ts';
import { showType, type TensorType } from '../../../src/ir/type.ts';
import { bringEveryFamily } from '../../../src/passes/every-family.ts';

// there are cases of every op
bringEveryFamily();

/** A small seeded generator of numbers in [0, 1) (mulberry32). */
export const random = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
};

/** Random values of a type: bool 0/1, integers in [lo, hi), floats in [lo, hi) rounded to the dtype. */
export const randomValues = (
  next: () => number,
  type: TensorType,
  range?: readonly [number, number],
): Values => {
  const float = isFloat(type.dtype);
  const [lo, hi] = range ?? (float ? [-2, 2] : [0, type.dtype === 'bool' ? 2 : 4]);
  return new Float64Array(type.size).map(() => {
    const v = lo + (hi - lo) * next();
    return roundTo(type.dtype, float ? v : Math.floor(v));
  });
};

export interface OpCase {
  readonly title: string;
  readonly op: Op;
  readonly example: OpExample;
  readonly graph: Graph;
  readonly node: Node;
  readonly data: readonly Values[];
}

/** One graph of a single node for each example of each op. */
export const opCases = (): OpCase[] =>
  [...references.values()].flatMap(({ op, examples }) =>
    examples.map((example, i) => {
      const builder = new GraphBuilder();
      const inputs = example.inputs.map((t) => builder.input(t));
      const attrs = example.attrs ?? {};
      const node = builder.emit(op, operandsOf(builder, example, inputs), attrs);
      const next = random(hash(op.name) + i);
      const types = example.inputs.map(showType).join(' · ');
      return {
        title: `${op.name} ${types} ${JSON.stringify(attrs, bodiesByName)}`,
        op,
        example,
        graph: builder.graph(op.name, [node]),
        node,
        data: example.inputs.map((t, k) => randomValues(next, t, example.range?.[k])),
      };
    }),
  );

/** What an op is given of the inputs of an example. */
export const operandsOf = (
  builder: GraphBuilder,
  { symmetric }: OpExample,
  inputs: readonly Node[],
): readonly Node[] => (symmetric ? inputs.map((x) => inHalves(builder, x)) : inputs);

/** Half the sum of matrices and the transposed ones. */
const inHalves = (b: GraphBuilder, x: Node): Node => {
  const axes = [...x.type.shape.keys()];
  const swapped = b.transpose(x, [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!]);
  return b.op('mul', b.op('add', x, swapped), b.lit(0.5, x));
};

const bodiesByName = (key: string, value: unknown): unknown =>
  key === 'body' ? (value as Graph).name : value;

const hash = (text: string): number =>
  [...text].reduce((h, c) => Math.imul(h ^ c.charCodeAt(0), 0x01000193), 0x811c9dc5);

/** `float32`, or what results rounded to 16 bits at different places may differ by where they are computed twice. */
export const toleranceOf = (graph: Graph, float32: number): number => {
  const dtypes = [...graph.inputs, ...graph.outputs].map((x) => x.type.dtype);
  if (dtypes.includes('bfloat16')) return 3e-2;
  return dtypes.includes('float16') ? 4e-3 : float32;
};

/** Fails unless `actual` is within `tolerance` (absolute plus relative) of `expected`; NaN and infinities must agree. */
export const assertClose = (
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void => {
  if (actual.length !== expected.length)
    throw new Error(`${what}: ${actual.length} values where ${expected.length} are expected`);
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!];
    if (Object.is(a, e) || a === e) continue;
    if (!(Math.abs(a - e) <= tolerance * (1 + Math.abs(e))))
      throw new Error(`${what}: element ${i} is ${a}, expected ${e} (tolerance ${tolerance})`);
  }
};
