/**
 * Which op is there in which way on which device: alone (as eager calls run it), inside a program, its gradient, and the
 * gradient of that.
 *
 * Invariant: a cell is what compiling the op's own examples for the device gave; numbers are what `differential/ops.test.ts`
 * holds every one of them to, on every device, with the same examples.
 */
import type { Caps } from '../../src/codegen/caps.ts';
import { defaultCudaCaps } from '../../src/codegen/cuda/caps.ts';
import { wasmCaps } from '../../src/codegen/wasm/caps.ts';
import { defaultWgslCaps } from '../../src/codegen/wgsl/caps.ts';
import { isFloat } from '../../src/ir/dtype.ts';
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import type { Graph, Op } from '../../src/ir/graph/graph.ts';
import { mapOps } from '../../src/ir/graph/ops/map.ts';
import { verifyProgram } from '../../src/ir/program/verify.ts';
import { compileGraph } from '../../src/passes/pipeline.ts';
import { copyInto } from '../../src/passes/rewrite.ts';
import { type OpCase, opCases } from '../ir/graph/cases.ts';
import { differentiable, gradientGraph } from './gradient-graph.ts';

export const DEVICES: Readonly<Record<'cpu' | 'webgpu' | 'cuda', Caps>> = {
  cpu: wasmCaps(true),
  webgpu: defaultWgslCaps,
  cuda: defaultCudaCaps,
};
export type DeviceName = keyof typeof DEVICES;

export const WAYS = ['forward', 'gradient', 'second order', 'hybridized'] as const;
export type Way = (typeof WAYS)[number];

/** `yes`; `none` with the reason why there is nothing to have; `missing` with the error. */
export type Cell =
  | { readonly is: 'yes' }
  | { readonly is: 'none' | 'missing'; readonly why: string };

export interface Covered {
  readonly op: Op;
  readonly cells: Readonly<Record<DeviceName, Readonly<Record<Way, Cell>>>>;
}

const YES: Cell = { is: 'yes' };
const none = (why: string): Cell => ({ is: 'none', why });

const attempt = (graph: Graph, caps: Caps): Cell => {
  try {
    verifyProgram(compileGraph(graph, caps).program, caps);
    return YES;
  } catch (error) {
    return { is: 'missing', why: (error as Error).message.split('\n')[0]! };
  }
};

/** The op with its results used and its operands computed: what a trace makes of it. */
const within = ({ graph }: OpCase): Graph => {
  const builder = new GraphBuilder();
  const became = copyInto(graph, builder);
  const results = graph.outputs.map((y) => {
    const x = became.get(y)!;
    return isFloat(x.type.dtype)
      ? builder.emit(mapOps.add, [x, builder.emit(mapOps.mul, [x, x], {})], {})
      : x;
  });
  return builder.graph(`${graph.name} in a program`, results);
};

/** Why an op has no gradient by any of its examples, or the example that has one. */
const toDifferentiate = (cases: readonly OpCase[]): OpCase | string => {
  const found = cases.find((c) => differentiable(c).length > 0);
  if (found !== undefined) return found;
  if (cases.every(({ node }) => !isFloat(node.type.dtype))) return 'its result is no float';
  if (cases.every(({ example }) => !example.inputs.some((t) => isFloat(t.dtype))))
    return 'it takes no floats';
  return 'it is constant where it can be differentiated';
};

const cellsOf = (cases: readonly OpCase[], caps: Caps): Record<Way, Cell> => {
  const [first] = cases;
  const chosen = toDifferentiate(cases);
  const forward = attempt(first!.graph, caps);
  const hybridized = attempt(within(first!), caps);
  if (typeof chosen === 'string')
    return { forward, gradient: none(chosen), 'second order': none(chosen), hybridized };
  const wanted = differentiable(chosen);
  const gradient = gradientGraph(chosen.graph, wanted);
  const zero = none('its gradient is zero');
  if (gradient === undefined) return { forward, gradient: zero, 'second order': zero, hybridized };
  const second = gradientGraph(gradient, wanted);
  return {
    forward,
    gradient: attempt(gradient, caps),
    'second order':
      second === undefined ? none('its gradient does not depend on it') : attempt(second, caps),
    hybridized,
  };
};

/** A row for each op of the registry that computes. */
export const coverage = (): Covered[] => {
  const byOp = new Map<Op, OpCase[]>();
  for (const c of opCases()) byOp.set(c.op, [...(byOp.get(c.op) ?? []), c]);
  return [...byOp].map(([op, cases]) => {
    const on = (caps: Caps): Record<Way, Cell> => cellsOf(cases, caps);
    return {
      op,
      cells: { cpu: on(DEVICES.cpu), webgpu: on(DEVICES.webgpu), cuda: on(DEVICES.cuda) },
    };
  });
};
