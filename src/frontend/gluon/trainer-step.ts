/**
 * The graph of an optimizer step over many parameters.
 *
 * Invariant: what may change from step to step is an input of role `scalar`; weights are computed in float32 and stored
 * in their own dtype.
 */
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Assign, Node } from '../../ir/graph/graph.ts';
import { tensor } from '../../ir/type.ts';
import { type Update, updateOf } from '../update.ts';
import { arithmetic, type Optimizer } from './optim/optimizer.ts';
import type { Parameter } from './parameter.ts';

/** Scalars that every rule may use, before the optimizer's own. */
const SCALARS = ['learningRate', 'wd', 'rescale', 'clip'] as const;

/**
 * The step for `parameters`, those of one group (updated equally often) with the same scalars. Operands: for each
 * parameter its data, gradient and states; then the scalars of each group.
 */
export const stepOf = (
  optimizer: Optimizer,
  parameters: readonly Parameter[],
  groups: readonly number[],
): Update =>
  updateOf(`${optimizer.name}.step`, (b) => {
    const arrays = parameters.map((parameter) => {
      const { type } = parameter.listData()[0]!;
      const input = (what: string, t = type): Node =>
        b.input(t, { name: `${parameter.name}.${what}` });
      const state = tensor('float32', type.shape);
      return {
        weight: input('data'),
        gradient: input('grad'),
        states: optimizer.states.map((name) => input(name, state)),
      };
    });
    const scalars = scalarInputs(b, optimizer, Math.max(...groups) + 1);
    return parameters.flatMap((parameter, i): Assign[] =>
      assignsOf(b, optimizer, parameter, arrays[i]!, scalars[groups[i]!]!),
    );
  });

const scalarInputs = (
  b: GraphBuilder,
  optimizer: Optimizer,
  groups: number,
): Record<string, Node>[] =>
  Array.from({ length: groups }, (_, g) =>
    Object.fromEntries(
      [...SCALARS, ...Object.keys(optimizer.scalars(1))].map((name) => [
        name,
        b.input(tensor('float32', []), { name: `${name}${g}`, role: 'scalar' }),
      ]),
    ),
  );

const assignsOf = (
  b: GraphBuilder,
  optimizer: Optimizer,
  { lrMult, wdMult }: Parameter,
  given: { readonly weight: Node; readonly gradient: Node; readonly states: readonly Node[] },
  scalars: Readonly<Record<string, Node>>,
): Assign[] => {
  const m = arithmetic(b);
  const { learningRate, wd, rescale, clip, ...own } = scalars;
  const scaled = (x: Node, by: number): Node => (by === 1 ? x : m.mul(x, b.lit(by, x)));
  const raw = m.mul(b.cast(given.gradient, 'float32'), rescale!);
  const result = optimizer.update(m, {
    weight: b.cast(given.weight, 'float32'),
    gradient: optimizer.clipGradient === undefined ? raw : m.clip(raw, clip!),
    states: given.states,
    rate: scaled(learningRate!, lrMult),
    decay: optimizer.wd === 0 || wdMult === 0 ? undefined : scaled(wd!, wdMult),
    scalars: own,
  });
  return [
    { target: given.weight, value: b.cast(result.weight, given.weight.type.dtype) },
    ...given.states.map((target, i) => ({ target, value: result.states[i]! })),
  ];
};
