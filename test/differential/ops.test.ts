import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { device } from '../../src/index.ts';
import { isFloat, isNarrowFloat } from '../../src/ir/dtype.ts';
import type { Graph, Op, Values } from '../../src/ir/graph/graph.ts';
import { interpretGraph } from '../../src/ir/graph/interpret.ts';
import { type OpCase, opCases, random, randomValues, toleranceOf } from '../ir/graph/cases.ts';
import { differentiable, gradientGraph } from '../support/gradient-graph.ts';
import { byDevice } from '../support/on-device.ts';

const run = byDevice(device.default());
/** A GPU in software compiles for long: second gradients there are those of the first example of each op. */
const whole = device.default().kind === 'cpu';
const sampled = new Set<Op>();

/** Largest difference against the largest magnitude of the wanted values. */
const worst = (got: Values, wanted: Values): number => {
  let scale = 1;
  let difference = 0;
  wanted.forEach((w, i) => {
    const g = got[i]!;
    if (Object.is(g, w) || g === w) return;
    scale = Math.max(scale, Math.abs(w));
    difference = Math.max(difference, Math.abs(g - w));
  });
  return difference / scale;
};

const agree = async (graph: Graph, data: readonly Values[]): Promise<void> => {
  const wanted = interpretGraph(graph, data.slice()).outputs;
  (await run(graph, data)).forEach((got, i) => {
    const e = worst(got, wanted[i]!);
    assert.ok(e <= toleranceOf(graph, 2e-5), `${graph.name}, result ${i}: off by ${e}`);
  });
};

const withWeights = (graph: Graph, data: readonly Values[], seed: number): Values[] => {
  const next = random(seed);
  return graph.inputs.map((x, i) => data[i] ?? randomValues(next, x.type, [-1, 1]));
};

const SPECIAL: Readonly<Record<string, (v: number, i: number, count: number) => number>> = {
  'a NaN': (v, i) => (i === 1 ? Number.NaN : v),
  'only NaN': () => Number.NaN,
  'both infinities': (v, i, count) => (i === 0 ? Infinity : i === count - 1 ? -Infinity : v),
  'only -Infinity': () => -Infinity,
};

/** What NaN and infinities give is said for the first float operand of a convolution: beside the others stand padding zeros. */
const specialData = ({ graph, data, op }: OpCase, make: (typeof SPECIAL)[string]): Values[] => {
  const floats = graph.inputs.flatMap((x, i) => (isFloat(x.type.dtype) ? [i] : []));
  const chosen = op.name.startsWith('conv') ? floats.slice(0, 1) : floats;
  return data.map((x, i) => (chosen.includes(i) ? x.map((v, j) => make(v, j, x.length)) : x));
};

/** Not the same everywhere: zeros between elements times infinity, weights that are known again only from their logarithm. */
const isUnsaid = ({ op, example }: OpCase): boolean =>
  op.name === 'convGradInput' ||
  op.name === 'attentionGradValue' ||
  // drivers of GPUs may take x - x for 0, which is what softmax computes of one number
  (!whole && op.name.endsWith('oftmax') && example.inputs[0]!.shape.includes(1));

for (const c of opCases()) {
  const twice = whole || !sampled.has(c.op);
  sampled.add(c.op);
  const wanted = differentiable(c);
  let known: Graph | undefined;
  /** The graph of the gradient, made once. */
  const gradient = (): Graph | undefined => {
    known ??= gradientGraph(c.graph, wanted);
    return known;
  };

  test(`${c.title}: device = interpreter, forward and ${twice ? 'two orders of ' : ''}gradient`, async () => {
    await agree(c.graph, c.data);
    if (wanted.length === 0) return;
    const first = gradient();
    if (first === undefined) return;
    const data = withWeights(first, c.data, 1);
    await agree(first, data);
    const second = twice ? gradientGraph(first, wanted) : undefined;
    if (second !== undefined) await agree(second, withWeights(second, data, 2));
  });

  if (!isUnsaid(c) && c.graph.inputs.some((x) => isFloat(x.type.dtype)))
    test(`${c.title}: NaN and infinities where the interpreter has them`, async () => {
      for (const [name, make] of Object.entries(SPECIAL)) {
        const data = specialData(c, make);
        const [right] = interpretGraph(c.graph, data).outputs;
        const [got] = await run(c.graph, data);
        const off = right!.findIndex((w, i) => !Number.isFinite(w) && !Object.is(w, got![i]));
        assert.is(off, -1, `${name}: element ${off} is ${got![off]}, expected ${right![off]}`);
        const late = right!.findIndex((w, i) => Number.isFinite(w) && !Number.isFinite(got![i]));
        assert.is(late, -1, `${name}: element ${late} is ${got![late]}, expected ${right![late]}`);
      }
    });

  // The gradient's graph is the same on every device, and held against the interpreter above.
  if (!whole) continue;
  test(`${c.title}: finite differences at float32 on the device`, async () => {
    if (wanted.length === 0 || c.graph.inputs.some((x) => isNarrowFloat(x.type.dtype))) return;
    const first = gradient();
    if (first === undefined) return;
    const data = withWeights(first, c.data, 3);
    const slopes = await run(first, data);
    const weights = data.at(-1)!;
    const value = async (inputs: readonly Values[]): Promise<number> =>
      (await run(c.graph, inputs))[0]!.reduce((sum, y, i) => sum + y * weights[i]!, 0);
    // One direction through all inputs at once: the change of the weighted sum is the gradient along it.
    const next = random(4);
    const step = 2e-3;
    const directions = wanted.map((i) => c.data[i]!.map(() => (next() < 0.5 ? -1 : 1)));
    const moved = (by: number): Values[] =>
      c.data.map((x, i) => {
        const at = wanted.indexOf(i);
        return at < 0 ? x : x.map((v, j) => Math.fround(v + by * directions[at]![j]!));
      });
    const numeric = ((await value(moved(step))) - (await value(moved(-step)))) / (2 * step);
    const exact = slopes.reduce(
      (sum, slope, i) => sum + slope.reduce((s, v, j) => s + v * directions[i]![j]!, 0),
      0,
    );
    const scale = slopes.reduce((s, slope) => s + slope.reduce((t, v) => t + Math.abs(v), 0), 1);
    assert.ok(
      Math.abs(numeric - exact) <= 2e-2 * scale,
      `numeric ${numeric}, gradient ${exact}, scale ${scale}`,
    );
  });
}

test.run();
