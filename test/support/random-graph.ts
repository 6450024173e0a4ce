/**
 * Random L1 graphs over all families of ops, for differential tests, and data for their inputs.
 *
 * Invariant: a graph verifies, depends on its seed alone, and is well conditioned: magnitudes stay below `LIMIT`, and ops
 * with jumps (comparisons, rounding, argmax) see only values that every correct way of computing gives exactly.
 */
import type { Graph, Node, Values } from '../../src/ir/graph/graph.ts';
import { tensor } from '../../src/ir/type.ts';
import { random } from './random.ts';
import { Maker, type Step } from './random-maker.ts';
import {
  compare,
  convert,
  floatBinary,
  floatUnary,
  integers,
  leaf,
  logic,
  scalarOperand,
  select,
} from './random-maps.ts';
import { formula, matrices, order, recurrence, running } from './random-running.ts';
import { composite, conv, dot, fold, gather, pool, view } from './random-structure.ts';

/** Families, as often as they shall occur. */
const STEPS: readonly Step[] = [
  ...[floatUnary, floatUnary, floatUnary, floatBinary, floatBinary, floatBinary],
  ...[view, view, view, fold, fold, compare, logic, integers, select, convert, leaf],
  ...[pool, dot, conv, gather, composite, scalarOperand],
];

/** Those, and what goes along axes, formulas and matrix functions. */
export const EVERY: readonly Step[] = [...STEPS, running, recurrence, order, formula, matrices];

/** A graph of 3 to 25 steps, with 1 to 4 outputs and sometimes assigns. */
export const randomGraph = (seed: number, families: readonly Step[] = STEPS): Graph => {
  const m = new Maker(seed);
  const { rng } = m;
  const base = m.shape(rng.int(0, 5));
  m.input(tensor('float32', base));
  if (rng.chance(0.5)) m.input(tensor('float32', m.shape(rng.int(0, 4))));
  if (rng.chance(0.4)) m.input(tensor('int32', base));
  const steps = rng.int(3, 26);
  for (let done = 0, tries = 0; done < steps && tries < 200; tries++)
    if (rng.pick(families)(m) !== undefined) done++;
  const used = new Set(m.values.flatMap((n) => n.inputs));
  const computed = m.values.filter((n) => n.op.name !== 'input');
  const sinks = computed.filter((n) => !used.has(n));
  const outputs = new Set(rng.shuffled(sinks).slice(0, rng.int(1, 5)));
  if (outputs.size === 0) outputs.add(m.values[m.values.length - 1]!);
  if (rng.chance(0.3) && computed.length > 0) outputs.add(rng.pick(computed));
  if (rng.chance(0.05)) outputs.add(m.builder.inputs[0]!);
  return m.builder.graph(`random${seed}`, [...outputs], assignsOf(m, computed));
};

const assignsOf = (m: Maker, computed: readonly Node[]): Graph['assigns'] => {
  if (!m.rng.chance(0.3)) return [];
  const targets = m.builder.inputs.filter(
    (x) => x.attrs['role'] !== 'scalar' && x.attrs['strides'] === undefined,
  );
  for (const target of m.rng.shuffled(targets)) {
    const value = m.rng.shuffled(computed).find((n) => n.type === target.type);
    if (value !== undefined) return [{ target, value }];
  }
  return [];
};

/**
 * Dense row-major values for each input of `graph`: floats are multiples of 1/8 in [-4, 4], integers lie in [-3, 8),
 * beyond both ends of small axes. Views that repeat elements do so.
 */
export const exactInputs = (graph: Graph, seed: number): Values[] => {
  const rng = random(seed ^ 0x5eed);
  return graph.inputs.map((node) => {
    const { dtype, shape, size } = node.type;
    const strides = node.attrs['strides'] as readonly number[] | undefined;
    const draw = (): number =>
      dtype === 'float32'
        ? rng.int(-32, 33) / 8
        : dtype === 'bool'
          ? rng.int(0, 2)
          : rng.int(-3, 8);
    if (strides === undefined) return Float64Array.from({ length: size }, draw);
    const memory = new Map<number, number>();
    return Float64Array.from({ length: size }, (_, flat) => {
      let rest = flat;
      let place = 0;
      for (let i = shape.length - 1; i >= 0; i--) {
        place += (rest % shape[i]!) * strides[i]!;
        rest = Math.floor(rest / shape[i]!);
      }
      const value = memory.get(place) ?? draw();
      memory.set(place, value);
      return value;
    });
  });
};
