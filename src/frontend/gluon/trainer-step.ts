/**
 * The graph of an optimizer step over many parameters.
 *
 * Invariant: what may change from step to step is an input of role `scalar`; weights are computed in float32 (float64 ones
 * and all numbers beside them in float64) and stored in their own dtype; with a loss scaler, a step with a gradient that is not finite changes nothing but the scaler.
 */
import { type DType, isNarrowFloat, summedIn } from '../../ir/dtype.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Assign, Node } from '../../ir/graph/graph.ts';
import { tensor } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import type { NDArray } from '../ndarray.ts';
import { type Update, updateOf } from '../update.ts';
import { type Arithmetic, arithmetic } from './optim/arithmetic.ts';
import type { Correction, Optimizer, State } from './optim/optimizer.ts';
import type { Parameter } from './parameter.ts';

/** Scalars that every rule may use, before the optimizer's own. */
const SCALARS = ['learningRate', 'wd', 'rescale', 'clip'] as const;

/** What a loss scaler sees of a step, and what the step sees of it. */
export interface ScaledStep {
  /** Whether all gradients are finite, shape []. */
  readonly finite: Node;
  /** What gradients are to be divided by, shape []; undefined when that was done. */
  readonly scale: Node | undefined;
  /** Steps that were skipped before, shape []. */
  readonly skipped: Node;
  /** New values of its arrays. */
  readonly assigns: readonly Assign[];
}

/** What a loss scaler gets to build its part of a step. */
export interface ScaledOperands {
  /** In float32 or float64. */
  readonly gradients: readonly Node[];
  readonly arrays: readonly Node[];
  readonly numbers: readonly Node[];
  readonly unscaled: boolean;
}

/** A loss scaler, as a trainer needs it. */
export interface StepScaling {
  /** Its arrays on a device, float32 of shape []: as many each time. */
  arrays(device: Device): readonly NDArray[];
  /** Its numbers, as many each time, read at each step. */
  numbers(): readonly number[];
  /** A step is being made or traced. True: its gradients have been divided by the scale. */
  begin(): boolean;
  build(b: GraphBuilder, given: ScaledOperands): ScaledStep;
  /** Its arrays by name, on all devices that it is on: for files. */
  states(device: Device): ReadonlyMap<string, readonly NDArray[]>;
}

/** Name of the float32 values kept for a parameter of 16 bits. */
const MASTER = 'master';

/** The arrays kept for a parameter, in the order of the step's operands. */
export const statesFor = (optimizer: Optimizer, { shape, dtype }: Parameter): readonly State[] => {
  const own = optimizer.statesFor(shape);
  return optimizer.multiPrecision && isNarrowFloat(dtype)
    ? [...own, { name: MASTER, shape, from: 'weight' }]
    : own;
};

/** Names of the scalars of each group, in order. */
const scalarNames = (optimizer: Optimizer, scaled: boolean): readonly string[] => [
  ...SCALARS,
  ...Object.keys(optimizer.scalars(1)),
  ...Object.keys(optimizer.corrections()).map((name) => (scaled ? `log.${name}` : name)),
  ...(scaled ? ['count'] : []),
];

/** The scalars of a group for update number `count` of its parameters, `latest` being the largest number of any. */
export const scalarsAt = (
  optimizer: Optimizer,
  batchSize: number,
  count: number,
  latest: number,
  scaled: boolean,
): number[] => {
  const { wd, rescaleGrad, clipGradient = 0 } = optimizer;
  return [
    ...[optimizer.rateAt(latest), wd, rescaleGrad / batchSize, clipGradient],
    ...Object.values(optimizer.scalars(count)),
    ...Object.values(optimizer.corrections()).map((c) =>
      scaled ? Math.log(c.base) : correctionAt(c, count),
    ),
    ...(scaled ? [count] : []),
  ];
};

const correctionAt = ({ base, root = false }: Correction, count: number): number => {
  const whole = 1 / (1 - base ** count);
  return root ? Math.sqrt(whole) : whole;
};

/** What each group of parameters is computed in. */
export const dtypesOf = (
  parameters: readonly Parameter[],
  groups: readonly number[],
): readonly DType[] =>
  Array.from({ length: Math.max(...groups) + 1 }, (_, g) =>
    summedIn(parameters[groups.indexOf(g)]!.dtype),
  );

/**
 * The step for `parameters`, those of one group (computed in one dtype, updated equally often) with the same scalars.
 * Operands: for each parameter its data, gradient, states and (for noisy optimizers) noise; the arrays of the scaler; then
 * the scalars of each group, and the numbers of the scaler.
 */
export const stepOf = (
  optimizer: Optimizer,
  parameters: readonly Parameter[],
  groups: readonly number[],
  scaling: StepScaling | undefined,
  unscaled: boolean,
): Update =>
  updateOf(`${optimizer.name}.step`, (b) => {
    const given = parameters.map((parameter) => arraysOf(b, optimizer, parameter));
    const one = tensor('float32', []);
    const own = (scaling?.arrays(parameters[0]!.listDevices()[0]!) ?? []).map((_, i) =>
      b.input(one, { name: `scaler${i}` }),
    );
    const names = scalarNames(optimizer, scaling !== undefined);
    const dtypes = dtypesOf(parameters, groups);
    const groupScalars = dtypes.map((dtype, g) =>
      Object.fromEntries(
        names.map((name) => [
          name,
          b.input(tensor(dtype, []), { name: `${name}${g}`, role: 'scalar' }),
        ]),
      ),
    );
    const numbers = (scaling?.numbers() ?? []).map((_, i) =>
      b.input(one, { name: `scaling${i}`, role: 'scalar' }),
    );
    const maths = dtypes.map((dtype) => arithmetic(b, dtype));
    const gradients = given.map(({ gradient }) => b.cast(gradient, summedIn(gradient.type.dtype)));
    const scaled = scaling?.build(b, { gradients, arrays: own, numbers, unscaled });
    const shared = groupScalars.map((s, g) => rulesOf(maths[g]!, b, optimizer, s, scaled));
    const assigns = parameters.flatMap((parameter, i): Assign[] => {
      const group = groups[i]!;
      const own = [given[i]!, gradients[i]!] as const;
      return assignsOf(b, maths[group]!, optimizer, parameter, ...own, shared[group]!);
    });
    if (scaled === undefined) return assigns;
    const m = arithmetic(b);
    const kept = assigns.map(({ target, value }) => ({
      target,
      value: m.select(scaled.finite, value, target),
    }));
    return [...kept, ...scaled.assigns];
  });

interface Given {
  readonly weight: Node;
  readonly gradient: Node;
  /** The optimizer's own. */
  readonly states: readonly Node[];
  readonly master: Node | undefined;
  readonly noise: Node | undefined;
}

const arraysOf = (b: GraphBuilder, optimizer: Optimizer, parameter: Parameter): Given => {
  const { type } = parameter.listData()[0]!;
  const input = (what: string, t = type): Node => b.input(t, { name: `${parameter.name}.${what}` });
  const weight = input('data');
  const gradient = input('grad');
  const specs = statesFor(optimizer, parameter);
  const states = specs.map(({ name, shape }) => input(name, tensor(summedIn(type.dtype), shape)));
  const master = specs.at(-1)?.name === MASTER ? states.pop() : undefined;
  const noise = optimizer.noisy
    ? input('noise', tensor(summedIn(type.dtype), type.shape))
    : undefined;
  return { weight, gradient, states, master, noise };
};

/** What all parameters of a group share. */
interface Shared {
  readonly rescale: Node;
  readonly learningRate: Node;
  readonly wd: Node;
  readonly clip: Node;
  readonly scalars: Readonly<Record<string, Node>>;
}

const rulesOf = (
  m: Arithmetic,
  b: GraphBuilder,
  optimizer: Optimizer,
  inputs: Readonly<Record<string, Node>>,
  scaled: ScaledStep | undefined,
): Shared => {
  const scalars: Record<string, Node> = {};
  for (const name of Object.keys(optimizer.scalars(1))) scalars[name] = inputs[name]!;
  const one = m.number(1);
  for (const [name, { root = false }] of Object.entries(optimizer.corrections())) {
    if (scaled === undefined) {
      scalars[name] = inputs[name]!;
      continue;
    }
    // Only the device knows how many steps were skipped: 1 - base ** n, without rounding 1 - small.
    const count = m.max(m.sub(inputs['count']!, scaled.skipped), one);
    const left = b.op('neg', b.op('expm1', m.mul(count, inputs[`log.${name}`]!)));
    scalars[name] = m.div(one, root ? m.sqrt(left) : left);
  }
  const rescale = inputs['rescale']!;
  return {
    rescale: scaled?.scale === undefined ? rescale : m.mul(rescale, m.div(one, scaled.scale)),
    learningRate: inputs['learningRate']!,
    wd: inputs['wd']!,
    clip: inputs['clip']!,
    scalars,
  };
};

const assignsOf = (
  b: GraphBuilder,
  m: Arithmetic,
  optimizer: Optimizer,
  { lrMult, wdMult }: Parameter,
  { weight, states, master, noise }: Given,
  gradient: Node,
  { rescale, learningRate, wd, clip, scalars }: Shared,
): Assign[] => {
  const { dtype } = weight.type;
  const scaled = (x: Node, by: number): Node => (by === 1 ? x : m.mul(x, m.number(by)));
  const raw = m.mul(gradient, rescale);
  const stored = b.cast(weight, summedIn(dtype));
  const result = optimizer.update(m, {
    // a parameter that was set meanwhile is what it was set to
    weight:
      master === undefined
        ? stored
        : m.select(b.op('eq', b.cast(master, dtype), weight), master, stored),
    gradient: optimizer.clipGradient === undefined ? raw : m.clip(raw, clip),
    states,
    rate: scaled(learningRate, lrMult),
    decay: optimizer.wd === 0 || wdMult === 0 ? undefined : scaled(wd, wdMult),
    scalars,
    noise,
  });
  return [
    { target: weight, value: b.cast(result.weight, dtype) },
    ...states.map((target, i) => ({
      target,
      value: b.cast(result.states[i]!, target.type.dtype),
    })),
    ...(master === undefined ? [] : [{ target: master, value: result.weight }]),
  ];
};
