/**
 * Traces a function into a plan, and replays it: one compiled program per signature.
 *
 * Invariant: a plan is replayed only while everything it captured still has the layout it was traced with; its program
 * reads captured handles at each replay and leaves in them what the function assigned.
 */
import { isFloat } from '../ir/dtype.ts';
import type { Node } from '../ir/graph/graph.ts';
import { findingAttention } from '../passes/attention-family.ts';
import type { GraphPass } from '../passes/pass.ts';
import { PLAIN, type Recipe } from '../passes/recipe.ts';
import { type Partition, partition, partitionJoint } from '../passes/recompute.ts';
import type { Device } from '../runtime/device.ts';
import { attempted } from './attempt.ts';
import { flow } from './backprop.ts';
import { layoutsOf } from './call.ts';
import { type Callable, callableOf, type Loaded, loadedFor, run } from './callable.ts';
import { failure, forget } from './callsite.ts';
import { type Backward, derive } from './differentiate.ts';
import { mode, withMode } from './mode.ts';
import { aliasOf, letGo, type NDArray, type Operand } from './ndarray.ts';
import { mapArrays } from './signature.ts';
import { filledIn, Slot, slotted } from './slots.ts';
import { type Steady, steadyFor } from './steady-family.ts';
import { type Origin, record } from './tape.ts';
import { type Bound, leafOf, NeedsTape, type Observation, Trace } from './trace.ts';

export interface Plan {
  readonly name: string;
  readonly key: string;
  readonly callable: Callable;
  readonly bounds: readonly Bound[];
  readonly hooks: readonly (() => void)[];
  /** Results with a number in place of each array: its position among the outputs. */
  readonly structure: unknown;
  /** Results the user sees; what comes after them is observed, and then saved for backward. */
  readonly visible: number;
  /** What looks at arrays after each replay, and where in the outputs they begin. */
  readonly observers: readonly { readonly seen: Observation; readonly from: number }[];
  /** Handles whose new value stays inside the program. */
  readonly dropped: readonly NDArray[];
  readonly device: Device;
  readonly trace: Trace;
  loaded: Loaded | undefined;
  /** Who runs it, if it keeps what it makes of weights. */
  steady: Steady | undefined;
  /** When it was last used, for eviction. */
  used: number;
}

export interface TraceRequest {
  readonly name: string;
  readonly key: string;
  readonly device: Device;
  readonly body: (...args: unknown[]) => unknown;
  readonly args: readonly unknown[];
  readonly arrays: readonly NDArray[];
  /** Write gradients that the same program has consumed too. */
  readonly keepGradients: boolean;
  /** Passes that are left out. Default: none. */
  readonly recipe?: Recipe;
}

/** Traces `body` on arrays like the given ones. */
export const trace = (request: TraceRequest): Plan => {
  try {
    return attempted(() => traced(request, false));
  } catch (error) {
    if (error instanceof NeedsTape) return attempted(() => traced(request, true));
    throw error;
  }
};

const traced = (request: TraceRequest, tape: boolean): Plan => {
  const { name, device, arrays, args, recipe = PLAIN } = request;
  const recorded = mode.recording;
  const t = new Trace(name, device, recorded, request.keepGradients);
  try {
    return withMode({ trace: t, taping: recorded && tape, scope: undefined }, () => {
      const inside = arrays.map((x, index) => t.argument(index, x));
      const replaced = args.map((arg) => mapArrays(arg, (x) => inside[arrays.indexOf(x)]));
      const result = request.body(...replaced);
      if (result instanceof Promise) {
        forget(result);
        throw failure(
          'trace',
          `${name}: the function returned a promise`,
          'hybridized functions are synchronous: read values outside of them',
        );
      }
      const outputs: NDArray[] = [];
      const structure = slotted(result, outputs);
      const nodes = outputs.map((y) => t.nodeOf(y));
      const visible = nodes.length;
      const observers = t.observed.map((seen) => {
        const from = nodes.length;
        nodes.push(...seen.nodes);
        return { seen, from };
      });
      const assigns = t.assigns();
      const graph = t.builder.graph(name, nodes, assigns);
      const wanted = t.bounds.map((b) => wantsGradient(b, arrays));
      const differentiable = recorded && wanted.includes(true);
      const held = t.heldInputs((i) => differentiable && wanted[i] === true);
      const passes = findingAttention(device.caps, recipe.without, true);
      const callable = !differentiable
        ? callableOf(graph, undefined, { ...recipe, held })
        : tape
          ? jointCallable(t, { graph, recipe, held, passes }, wanted, outputs, inside)
          : splitCallable({ graph, recipe, held, passes }, wanted);
      return {
        name,
        key: request.key,
        callable,
        bounds: t.bounds,
        hooks: t.hooks,
        structure,
        visible,
        observers,
        dropped: [...t.dropped],
        device,
        trace: t,
        loaded: undefined,
        steady: undefined,
        used: 0,
      };
    });
  } finally {
    t.ended = true;
  }
};

const wantsGradient = (bound: Bound, arrays: readonly NDArray[]): boolean => {
  const x =
    bound.kind === 'capture'
      ? bound.array
      : bound.kind === 'argument'
        ? arrays[bound.index]
        : undefined;
  return x?.origin !== undefined && isFloat(x.dtype);
};

const backwardFrom = (p: Partition, recipe: Recipe): Backward => ({
  callable: p.results.every((r) => r === null)
    ? undefined
    : callableOf(p.backward, undefined, recipe),
  takes: [
    ...p.saved.map(({ kind, index }) => ({ from: kind, index })),
    ...p.seeds.map((index) => ({ from: 'dy' as const, index })),
  ],
  gives: p.results.map((r) => r ?? -1),
});

/** A traced graph, how it is compiled, which of its inputs are held, and what is done before it is cut in two. */
interface Made extends Pick<Callable, 'graph' | 'recipe'> {
  readonly held: readonly number[];
  readonly passes: readonly GraphPass[];
}

/** Forward and backward of a graph that is recorded from outside. */
const splitCallable = (made: Made, wanted: readonly boolean[]): Callable =>
  callableFrom(made, wanted, partition(made.graph, wanted, made));

/** The graph cut in two; whoever differentiates its gradient gets one that is computed from its inputs alone. */
const callableFrom = (made: Made, wanted: readonly boolean[], parts: Partition): Callable => {
  const { graph, recipe, held } = made;
  const bits = (flags: readonly boolean[]): string => flags.map((f) => (f ? '1' : '0')).join('');
  const given = graph.outputs.map((_, i) => parts.seeds.includes(i));
  const backward = backwardFrom(parts, recipe);
  let exact: Backward | undefined;
  const split = {
    differentiate: () => backward,
    exact: () => {
      exact ??= derive(made, bits(wanted), bits(given), false);
      return exact;
    },
  };
  return callableOf(parts.forward, split, { ...recipe, held });
};

/** The same where the gradient is on the trace's own tape: checkpoints have put there what is computed again. */
const jointCallable = (
  t: Trace,
  made: Made,
  wanted: readonly boolean[],
  outputs: readonly NDArray[],
  inside: readonly NDArray[],
): Callable => {
  const { graph } = made;
  const seeds: number[] = [];
  const heads = outputs.flatMap((y, i) => {
    const origin = t.originOf(y);
    if (origin === undefined) return [];
    seeds.push(i);
    return [{ origin, dy: t.wrap(t.builder.input(y.type, { name: `dy${i}` })) }];
  });
  const dys: Node[] = heads.map((h) => t.nodeOf(h.dy));
  const found: Map<Origin, NDArray> = flow(heads, undefined, { retain: true, create: false });
  const gradients: Node[] = [];
  const results = t.bounds.slice(0, graph.inputs.length).map((bound) => {
    const x =
      bound.kind === 'capture'
        ? bound.array
        : bound.kind === 'argument'
          ? inside[bound.index]
          : undefined;
    const origin = x === undefined ? undefined : t.originOf(x);
    const g = origin === undefined ? undefined : found.get(origin);
    return g === undefined ? null : gradients.push(t.nodeOf(g)) - 1;
  });
  if (t.bounds.length > graph.inputs.length)
    throw failure(
      'trace',
      `${t.name}: what checkpoint ran a second time uses arrays or random numbers that the first run did not`,
      'let the function do the same each time it is called',
    );
  const joint = { ...graph, dys, gradients, seeds, results };
  return callableFrom(made, wanted, partitionJoint(joint, made.passes));
};

/** False when something the plan captured has changed its type, its device or its part in recording, or a guard fails. */
export const isFresh = (plan: Plan): boolean => {
  for (const bound of plan.bounds)
    if (
      bound.kind === 'capture' &&
      (bound.array.layout !== bound.layout ||
        (bound.array.origin !== undefined) !== bound.differentiable ||
        leafOf(bound.array) !== bound.leaf)
    )
      return false;
  return plan.trace.guards.every((holds) => holds());
};

/** Compiles the plan's program for arguments like `arrays`. */
export const load = (plan: Plan, arrays: readonly NDArray[]): void => {
  const operands = plan.bounds.map((bound): Operand => {
    switch (bound.kind) {
      case 'argument':
      case 'gradient':
        return arrays[bound.index]!;
      case 'capture':
        return bound.array;
      case 'scalar':
        return 0;
      default:
        return bound satisfies never;
    }
  });
  loadFor(plan, operands);
};

/** The plan's program, compiled by now. */
const loadFor = (plan: Plan, operands: readonly Operand[]): Loaded => {
  const { callable, device } = plan;
  if (plan.loaded !== undefined) return plan.loaded;
  const layouts = layoutsOf(callable, operands, device);
  const loaded = loadedFor(callable, device, layouts);
  plan.loaded = loaded;
  if (loaded.filling.kernels > 0)
    plan.steady = steadyFor(loaded, callable, (other) => loadedFor(other, device, layouts));
  return loaded;
};

/** Frees the plan's programs. */
export const unload = ({ loaded, steady }: Plan): void => {
  loaded?.executable.dispose();
  steady?.dispose();
};

/** Runs the plan's program once. */
export const replay = (plan: Plan, arrays: readonly NDArray[]): unknown => {
  const { bounds, callable } = plan;
  for (const { input, test } of plan.trace.checks) {
    const bound = bounds[input]!;
    if (bound.kind === 'argument') test(arrays[bound.index]!);
    else if (bound.kind === 'capture') test(bound.array);
  }
  const operands: Operand[] = new Array(bounds.length);
  const borrowed: NDArray[] = [];
  for (let i = 0; i < bounds.length; i++) {
    const bound = bounds[i]!;
    switch (bound.kind) {
      case 'argument': {
        const x = arrays[bound.index]!;
        if (plan.trace.captured.has(x)) {
          const copy = apart(x);
          borrowed.push(copy);
          operands[i] = copy;
        } else operands[i] = x;
        break;
      }
      case 'capture':
        operands[i] = bound.array;
        break;
      case 'scalar':
        operands[i] = bound.read();
        break;
      case 'gradient':
        operands[i] = bound.of(arrays[bound.index]!);
        break;
      default:
        bound satisfies never;
    }
  }
  for (const hook of plan.hooks) hook();
  const loaded = loadFor(plan, operands);
  const outputs = plan.steady?.run(operands) ?? run(loaded, operands);
  if (mode.taping) record(callable, operands, outputs);
  for (const x of borrowed) x.dispose();
  for (const x of plan.dropped) leaveInside(x, plan.trace);
  if (mode.scope !== undefined) mode.scope.push(...outputs.slice(0, plan.visible));
  const last = plan.observers.at(-1);
  const shown = last === undefined ? plan.visible : last.from + last.seen.nodes.length;
  for (let i = shown; i < outputs.length; i++) {
    const { storage } = outputs[i]!;
    if (storage !== undefined) letGo(storage);
  }
  for (const { seen, from } of plan.observers)
    seen.tell(outputs.slice(from, from + seen.nodes.length));
  return plan.structure instanceof Slot
    ? outputs[plan.structure.index]
    : filledIn(plan.structure, outputs);
};

/** A handle of its own for an argument that the program may also overwrite as a captured array. */
const apart = (x: NDArray): NDArray => {
  const copy = aliasOf(x);
  copy.origin = x.origin;
  return copy;
};

/** A gradient that was used up inside the program: reading it says so. */
const leaveInside = (x: NDArray, trace: Trace): void => {
  if (x.storage === undefined) return;
  letGo(x.storage);
  x.storage = undefined;
  x.traced = trace.remains(x);
};
