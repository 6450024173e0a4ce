/**
 * The one way to compute: a fragment (a function's graph builder) is called on operands, eagerly or into a trace.
 *
 * Invariant: eager, recorded and traced calls use the same callable, so that they cannot drift apart.
 */
import type { DType } from '../ir/dtype.ts';
import { GraphBuilder } from '../ir/graph/builder.ts';
import type { Node } from '../ir/graph/graph.ts';
import { showType, tensor } from '../ir/type.ts';
import type { Device } from '../runtime/device.ts';
import { attempting, onFailure, onSuccess } from './attempt.ts';
import { type Callable, callableOf, contiguous, type Loaded, loadedFor, run } from './callable.ts';
import { failure, located } from './callsite.ts';
import { type Layout, scalarLayout } from './layout.ts';
import { mode } from './mode.ts';
import { aliasOf, isNDArray, type NDArray, type Operand, rebind, viewOf } from './ndarray.ts';
import { shown } from './options.ts';
import { record } from './tape.ts';
import { checkAssignable } from './trace.ts';

/** A view rule's answer: the same memory seen otherwise. `offset` in bytes. */
export interface View {
  readonly layout: Layout;
  readonly offset: number;
}

export interface Fragment<A extends object = object> {
  readonly name: string;
  readonly build: (b: GraphBuilder, inputs: readonly Node[], attrs: A) => Node | readonly Node[];
  /** For functions of one array that only look at it otherwise; undefined when elements must move. */
  readonly view: ((layout: Layout, attrs: A) => View | undefined) | undefined;
  /** Dtypes of operands that may be numbers, by position, where the function fixes them. */
  readonly scalars: readonly (DType | undefined)[];
  readonly plans: Map<number | string, Plan>;
}

/** What a call with these operand types comes to. */
export interface Plan {
  readonly callable: Callable;
  readonly layouts: readonly Layout[];
  readonly view: View | undefined;
  loaded: Loaded | undefined;
}

/** A policy of precisions: builds the graphs of functions with casts where it wants them. See amp.ts. */
export interface Autocast {
  /** Equal for equal policies: part of the key of compiled functions. */
  readonly key: string;
  /** In place of `Fragment.plans`. */
  plansOf<A extends object>(f: Fragment<A>): Map<number | string, Plan>;
  /** In place of `Fragment.build`. */
  build<A extends object>(
    f: Fragment<A>,
    b: GraphBuilder,
    inputs: readonly Node[],
    attrs: A,
  ): Node | readonly Node[];
}

/** Gets every call of a function: its name, operands and results. */
export type Monitor = (
  name: string,
  operands: readonly Operand[],
  outputs: readonly NDArray[],
) => void;

const plansOf = <A extends object>(f: Fragment<A>): Map<number | string, Plan> =>
  mode.autocast === undefined ? f.plans : mode.autocast.plansOf(f);

/** Defines a function's graph. */
export const fragment = <A extends object = object>(
  name: string,
  build: Fragment<A>['build'],
  more: { readonly view?: Fragment<A>['view']; readonly scalars?: Fragment<A>['scalars'] } = {},
): Fragment<A> => ({
  name,
  build,
  view: more.view,
  scalars: more.scalars ?? [],
  plans: new Map(),
});

/** Shapes without end would make plans without end: past this many, a function starts over. */
const MOST_PLANS = 1024;

/** Throws unless `x` is an array: for functions that look at it before they call. */
export const checkArray = (name: string, x: unknown): void => {
  if (!isNDArray(x)) throw notAnArray(name, x);
};

const notAnArray = (name: string, x: unknown): Error =>
  failure('value', `${name}: ${shown(x)} is not an NDArray`, 'nd.array(values) makes an array');

const show = (x: Operand): string => (typeof x === 'number' ? String(x) : showType(x.type));

const planFor = <A extends object>(
  f: Fragment<A>,
  operands: readonly Operand[],
  layouts: readonly Layout[],
  attrs: A,
  key: number | string,
): Plan => {
  try {
    const builder = new GraphBuilder();
    const inputs = operands.map((x, i) =>
      builder.input(
        typeof x === 'number' ? tensor(layouts[i]!.type.dtype, []) : layouts[i]!.type,
        typeof x === 'number' ? { role: 'scalar' } : {},
      ),
    );
    const built =
      mode.autocast === undefined
        ? f.build(builder, inputs, attrs)
        : mode.autocast.build(f, builder, inputs, attrs);
    const outputs = 'op' in built ? [built] : built;
    const plan: Plan = {
      callable: callableOf(builder.graph(f.name, outputs)),
      layouts,
      view: f.view?.(layouts[0]!, attrs),
      loaded: undefined,
    };
    const plans = plansOf(f);
    if (plans.size >= MOST_PLANS) plans.clear();
    plans.set(key, plan);
    return plan;
  } catch (error) {
    throw located(error, `${f.name}(${operands.map(show).join(', ')})`);
  }
};

const execute = (plan: Plan, operands: readonly Operand[], device?: Device): NDArray[] => {
  let outputs: NDArray[];
  const { trace } = mode;
  if (trace !== undefined) outputs = trace.emit(plan.callable, operands);
  else if (plan.view !== undefined) {
    const x = operands[0] as NDArray;
    outputs = [viewOf(x, plan.view.layout, x.offset + plan.view.offset)];
  } else {
    plan.loaded ??= loadedFor(plan.callable, device ?? plan.layouts[0]!.device, plan.layouts);
    outputs = run(plan.loaded, operands);
  }
  if (mode.taping) record(plan.callable, operands, outputs);
  if (mode.scope !== undefined) mode.scope.push(...outputs);
  if (mode.monitor !== undefined) mode.monitor(plan.callable.name, operands, outputs);
  return outputs;
};

export interface CallOptions<A> {
  readonly attrs: A;
  /** Equal for equal attributes. */
  readonly key: string;
  /** Needed when no operand is an array. */
  readonly device?: Device;
  /** Dtypes of operands that are numbers, where the fragment does not fix them. */
  readonly scalars?: readonly (DType | undefined)[];
}

/** Calls a function of any number of operands. */
export const callAll = <A extends object>(
  f: Fragment<A>,
  operands: readonly Operand[],
  options: CallOptions<A>,
): NDArray[] => {
  let device = options.device;
  for (const x of operands)
    if (typeof x !== 'number') {
      if (x?.layout === undefined) throw notAnArray(f.name, x);
      device ??= x.layout.device;
      if (x.layout.device !== device)
        throw failure(
          'device',
          `${f.name}: operands live on ${device.name} and ${x.layout.device.name}`,
          'make all operands on one device',
        );
    }
  if (device === undefined)
    throw operands.length > 0
      ? notAnArray(f.name, operands[0])
      : failure('value', `${f.name}: needs at least one array`);
  let key = options.key;
  const scalars = options.scalars ?? f.scalars;
  const layouts: Layout[] = [];
  for (let i = 0; i < operands.length; i++) {
    const x = operands[i]!;
    const layout = typeof x === 'number' ? scalarLayout(device, scalars[i] ?? 'float32') : x.layout;
    layouts.push(layout);
    key += `,${layout.id}`;
  }
  // layouts are those of one device; without any, the key names it
  if (layouts.length === 0) key += `,${scalarLayout(device, 'float32').id}`;
  const plan = plansOf(f).get(key) ?? planFor(f, operands, layouts, options.attrs, key);
  return execute(plan, operands, device);
};

/** Calls a function with one result. */
export const call = <A extends object>(
  f: Fragment<A>,
  operands: readonly Operand[],
  options: CallOptions<A>,
): NDArray => callAll(f, operands, options)[0]!;

const NOTHING: object = {};

/** Calls a function of one array without attributes: the short way for small arrays. */
export const call1 = (f: Fragment, x: NDArray): NDArray => {
  const id = x?.layout?.id;
  if (id === undefined) throw notAnArray(f.name, x);
  const plan = plansOf(f).get(id) ?? planFor(f, [x], [x.layout], NOTHING, id);
  return execute(plan, [x])[0]!;
};

/** Calls a function of two operands without attributes. `a` and `b` are the layouts that the operands are keyed as. */
export const call2 = (f: Fragment, x: Operand, y: Operand, a: Layout, b: Layout): NDArray => {
  const key = a.id * 67108864 + b.id;
  const plan = plansOf(f).get(key) ?? planFor(f, [x, y], [a, b], NOTHING, key);
  return execute(plan, [x, y])[0]!;
};

/** Calls any graph, such as a backward graph. */
export const callGraph = (
  callable: Callable,
  operands: readonly Operand[],
  device: Device,
): NDArray[] => {
  const { trace } = mode;
  const outputs =
    trace !== undefined
      ? trace.emit(callable, operands)
      : run(loadedFor(callable, device, layoutsOf(callable, operands, device)), operands);
  if (mode.taping) record(callable, operands, outputs);
  return outputs;
};

export const layoutsOf = (
  callable: Callable,
  operands: readonly Operand[],
  device: Device,
): Layout[] =>
  operands.map((x, i) =>
    typeof x === 'number' ? scalarLayout(device, callable.graph.inputs[i]!.type.dtype) : x.layout,
  );

/** Should the call that is going on throw, `x` has its values of now again. */
const keepValues = (x: NDArray): void => {
  const values = aliasOf(x);
  onFailure(() => rebind(x, values));
  onSuccess(() => values.dispose());
};

/** Makes `x` stand for `value` from now on: at once, or, while tracing, when the program runs. Types must be equal. */
export const assign = (x: NDArray, value: NDArray): void => {
  checkAssignable(x, value.type);
  if (mode.repeating) return;
  if (mode.trace !== undefined) mode.trace.assign(x, value);
  else {
    if (attempting() && x.storage !== undefined) keepValues(x);
    rebind(x, contiguous(value));
  }
};
