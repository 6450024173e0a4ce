/**
 * Control flow over values: foreach, whileLoop and cond.
 *
 * Imperatively, foreach is a loop in JavaScript over eager calls, and the others look at the value and run what it says.
 * Traced, each is one call of a graph with a loop (or with both branches) in it: how long the loop is changes neither
 * the number of kernels nor the time to compile it.
 * Invariant: both ways give the same values and the same gradients.
 */

import { GraphBuilder } from '../../ir/graph/builder.ts';
import { type Node, reachable } from '../../ir/graph/graph.ts';
import { showType, type TensorType, tensor } from '../../ir/type.ts';
import { copyNodes } from '../../passes/rewrite.ts';
import { type BodyTrace, gated, traceBody } from '../body-trace.ts';
import { assign, callGraph } from '../call.ts';
import { callableOf } from '../callable.ts';
import { failure } from '../callsite.ts';
import { CachedFunction } from '../hybridize.ts';
import { makeLoop } from '../loop.ts';
import { mode } from '../mode.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { checkFunction, checkOptions, shown } from '../options.ts';
import { peek } from '../reading.ts';
import { mapArrays } from '../signature.ts';
import { logicalAnd, ne } from './arithmetic.ts';
import { full, zeros } from './creation.ts';
import { at, where } from './indexing.ts';
import { concat, reshape, stack } from './shape.ts';

/** Arrays in lists and plain objects, as deep as you like. */
export type Structure =
  | NDArray
  | null
  | undefined
  | readonly Structure[]
  | { readonly [name: string]: Structure };

/** The arrays of a structure, in order, and how to put others in their places. */
interface Flat {
  readonly arrays: readonly NDArray[];
  /** Equal for structures that differ in their arrays alone. */
  readonly key: string;
  readonly with: (arrays: readonly NDArray[]) => unknown;
}

const flat = (value: unknown): Flat => {
  const arrays: NDArray[] = [];
  const places = mapArrays(value, (x) => {
    arrays.push(x);
    return '%';
  });
  return {
    arrays,
    key: JSON.stringify(places) ?? 'undefined',
    with: (others) => {
      let next = 0;
      return mapArrays(value, () => others[next++]!);
    },
  };
};

const checkStep = (name: string, result: unknown): readonly [unknown, unknown] => {
  if (Array.isArray(result) && result.length === 2) return [result[0], result[1]];
  throw failure(
    'value',
    `${name}: the body returned ${shown(result)}`,
    'return [outputs, states]: what the step gives, and the states for the next one',
  );
};

/** Throws unless states have the structure and the types that they had before. */
const checkStates = (name: string, before: Flat, after: Flat): void => {
  if (before.key !== after.key)
    throw failure(
      'value',
      `${name}: the states are ${before.key} before a step and ${after.key} after it`,
      'return states in the structure in which they came (% is an array)',
    );
  before.arrays.forEach((x, i) => {
    const y = after.arrays[i]!;
    if (x.type !== y.type)
      throw failure(
        x.dtype === y.dtype ? 'shape' : 'dtype',
        `${name}: state ${i} is ${showType(x.type)} before a step and ${showType(y.type)} after it`,
        'a state keeps its shape and dtype',
      );
  });
};

const elementType = ({ dtype, shape }: TensorType): TensorType => tensor(dtype, shape.slice(1));

/**
 * Calls `body(element, states)` for each element of `data` along its first axis; states go from call to call. The body
 * returns `[outputs, states]`.
 *
 * `data` and `states` are arrays, or lists and objects of arrays; so are the results: what the steps gave, stacked along
 * a new first axis, and the states after the last step. The body may use any other arrays and Parameters, and gradients
 * flow to all of them. In a hybridized function the loop is one operation: its body is compiled once, however long the
 * data is.
 *
 * @throws ValueError for data without elements or a body that returns something else; ShapeError when lengths differ or
 *   a state changes its shape.
 * @example
 * const x = nd.array([1, 2, 3]);
 * const [sums, last] = nd.foreach((v, s: nd.NDArray) => [s.add(v), s.add(v)], x, nd.zeros([]));
 * await sums.array();   // [1, 3, 6]
 */
export const foreach = <D extends Structure, S extends Structure, O extends Structure>(
  body: (element: D, states: S) => readonly [outputs: O, states: S],
  data: D,
  states: S,
): [outputs: O, states: S] => {
  checkFunction(
    'foreach',
    body,
    'write nd.foreach((x, states) => [outputs, states], data, states)',
  );
  const sequences = flat(data);
  const first = sequences.arrays[0];
  if (first === undefined)
    throw failure('value', 'foreach: there is no array in the data', 'pass an array to go through');
  const trips = first.shape[0] ?? 0;
  for (const x of sequences.arrays)
    if (x.ndim === 0 || x.shape[0] !== trips)
      throw failure(
        'shape',
        `foreach: the data has ${showType(first.type)} and ${showType(x.type)}`,
        'all arrays of the data need a first axis of the same size',
      );
  if (trips === 0)
    throw failure('value', `foreach: ${showType(first.type)} has no elements`, 'pass at least one');
  const step = body as (element: unknown, states: unknown) => unknown;
  const results =
    mode.trace === undefined
      ? eachNow(step, sequences, flat(states), trips)
      : eachTraced(step, sequences, flat(states), trips);
  return results as [O, S];
};

type Body = (element: unknown, states: unknown) => unknown;

const eachNow = (body: Body, data: Flat, initial: Flat, trips: number): [unknown, unknown] => {
  const given: Flat[] = [];
  let states = initial;
  for (let t = 0; t < trips; t++) {
    const element = data.with(data.arrays.map((x) => at(x, t)));
    const [outputs, next] = checkStep('foreach', body(element, states.with(states.arrays)));
    const after = flat(next);
    checkStates('foreach', states, after);
    states = after;
    given.push(flat(outputs));
  }
  return [stacked('foreach', given), states.with(states.arrays)];
};

/** What the steps gave, array by array. */
const stacked = (name: string, steps: readonly Flat[]): unknown => {
  const [first] = steps;
  const odd = steps.find((s) => s.key !== first!.key);
  if (odd !== undefined)
    throw failure(
      'value',
      `${name}: one step gave ${first!.key}, another one ${odd.key}`,
      'return outputs of the same structure in each step (% is an array)',
    );
  return first!.with(first!.arrays.map((_, i) => stack(steps.map((s) => s.arrays[i]!))));
};

const eachTraced = (body: Body, data: Flat, initial: Flat, trips: number): [unknown, unknown] => {
  const { outputs, states } = loop(
    'foreach',
    data.arrays,
    initial.arrays,
    trips,
    (elements, now) => {
      const result = body(data.with(elements), initial.with(now));
      const [given, next] = checkStep('foreach', result);
      const after = flat(next);
      checkStates('foreach', initial, after);
      const out = flat(given);
      return { outputs: out.arrays, states: after.arrays, rebuild: out.with };
    },
  );
  return [outputs, initial.with(states)];
};

interface StepResult {
  readonly outputs: readonly NDArray[];
  readonly states: readonly NDArray[];
  readonly rebuild: (outputs: readonly NDArray[]) => unknown;
}

/** One loop in the present trace: its body is traced once, apart, and the whole is one call. */
const loop = (
  name: string,
  data: readonly NDArray[],
  initial: readonly NDArray[],
  trips: number,
  body: (elements: readonly NDArray[], states: readonly NDArray[], trace: BodyTrace) => StepResult,
): { readonly outputs: unknown; readonly states: readonly NDArray[] } => {
  const { trace, elements, states, result, outs, next } = traceBody(name, (t) => {
    const given = data.map((x, i) => t.given(elementType(x.type), `x${i}`));
    const now = initial.map((x, i) => t.given(x.type, `s${i}`));
    // The body may assign to what it is given: the inputs are what they stand for now.
    const [elementNodes, stateNodes] = [given.map((x) => t.nodeOf(x)), now.map((x) => t.nodeOf(x))];
    const done = body(given, now, t);
    return {
      trace: t,
      elements: elementNodes,
      states: stateNodes,
      result: done,
      outs: done.outputs.map((y) => t.nodeOf(y)),
      next: done.states.map((y) => t.nodeOf(y)),
    };
  });
  const { assigned, captures } = trace.ends();
  const perSteps = trace.perSteps.map(({ make }) => make(trips));
  const sequences = [...data, ...perSteps];
  const starts = [...initial, ...assigned.map((a) => a.array)];
  const operands = [...sequences, ...starts, ...captures.map((c) => c.array)];
  const graph = trace.graph(
    [
      ...elements,
      ...trace.perSteps.map((p) => p.input),
      ...states,
      ...assigned.map((a) => a.input),
      ...captures.map((c) => c.input),
    ],
    [...next, ...assigned.map((a) => a.value), ...outs],
  );
  const b = new GraphBuilder();
  const inputs = operands.map((x, i) => b.input(x.type, { name: `x${i}` }));
  const [m, n] = [sequences.length, starts.length];
  const made = makeLoop(b, {
    body: graph,
    trips,
    reverse: false,
    sequences: inputs.slice(0, m),
    states: inputs.slice(m, m + n),
    captures: inputs.slice(m + n),
  });
  const roots = [...starts.map((_, j) => made.final(j)), ...outs.map((_, k) => made.output(k))];
  const results = callGraph(callableOf(b.graph(name, roots)), operands, trace.device);
  assigned.forEach(({ target }, i) => {
    assign(target, results[initial.length + i]!);
  });
  return {
    outputs: result.rebuild(results.slice(n)),
    states: results.slice(0, initial.length),
  };
};

export interface WhileOptions {
  /** Steps after which the loop ends in any case, and the size of the outputs' first axis. */
  readonly maxIterations: number;
}

/** What a condition says, where the host can see it; undefined where it cannot. */
const decided = (name: string, value: unknown): boolean | undefined => {
  if (typeof value === 'boolean' || typeof value === 'number')
    return value !== 0 && value !== false;
  if (!isNDArray(value) || value.size !== 1)
    throw failure(
      'value',
      `${name}: the condition is ${isNDArray(value) ? showType(value.type) : shown(value)}`,
      'it must be an array of one element, or true or false',
    );
  if (mode.trace !== undefined) return undefined;
  const seen = peek(value);
  return seen === undefined ? undefined : seen[0] !== 0;
};

const asFlag = (name: string, value: unknown, trace: BodyTrace): NDArray => {
  const known = decided(name, value);
  if (known !== undefined) return full([], known ? 1 : 0, { dtype: 'bool', device: trace.device });
  const x = reshape(value as NDArray, []);
  return x.dtype === 'bool' ? x : ne(x, 0);
};

/**
 * Calls `body(variables)` as long as `condition(variables)` holds, at most `maxIterations` times. The body returns
 * `[outputs, variables]`.
 *
 * The results are the outputs, stacked and filled up with zeros to `maxIterations`, the variables after the last step,
 * and how many steps there were (int32). Variables and outputs are arrays, or lists and objects of arrays.
 *
 * Imperatively the condition is looked at before each step. In a hybridized function, and on devices that cannot be read
 * without waiting, all `maxIterations` steps are computed and those after the end are thrown away: choose it tightly.
 *
 * @throws ValueError without `maxIterations` or when the first condition fails imperatively and the outputs' shapes are
 *   not known.
 * @example
 * const [, [n, sum], steps] = nd.whileLoop(
 *   ([n]) => n.lt(5),
 *   ([n, sum]) => [undefined, [n.add(1), sum.add(n)]],
 *   [nd.array(1), nd.array(0)],
 *   { maxIterations: 10 },
 * );
 * await sum.item();     // 1 + 2 + 3 + 4
 * await steps.item();   // 4
 */
export const whileLoop = <S extends Structure, O extends Structure>(
  condition: (variables: S) => NDArray | boolean,
  body: (variables: S) => readonly [outputs: O, variables: S],
  variables: S,
  options: WhileOptions,
): [outputs: O, variables: S, steps: NDArray] => {
  const write = 'write nd.whileLoop(condition, body, variables, { maxIterations })';
  checkFunction('whileLoop', condition, write);
  checkFunction('whileLoop', body, write);
  checkOptions('whileLoop', options, ['maxIterations']);
  const most = options?.maxIterations;
  if (!Number.isInteger(most) || most < 1)
    throw failure(
      'option',
      `whileLoop: maxIterations is ${shown(most)}`,
      'pass an integer ≥ 1: arrays have fixed sizes, and outputs are filled up to this one',
    );
  const initial = flat(variables);
  const first = initial.arrays[0];
  if (first === undefined)
    throw failure('value', 'whileLoop: there is no array among the variables', write);
  const test = condition as (variables: unknown) => unknown;
  const step = body as (variables: unknown) => unknown;
  if (mode.trace === undefined) {
    const verdict = decided('whileLoop', test(variables));
    const now = verdict === undefined ? undefined : whileNow(test, step, initial, most, verdict);
    if (now !== undefined) return now as [O, S, NDArray];
    const compiled = new CachedFunction(() => whileTraced(test, step, initial, most), {
      name: 'whileLoop',
    });
    return compiled.call([]) as [O, S, NDArray];
  }
  return whileTraced(test, step, initial, most) as [O, S, NDArray];
};

const whileNow = (
  test: (variables: unknown) => unknown,
  body: (variables: unknown) => unknown,
  initial: Flat,
  most: number,
  verdict: boolean,
): unknown => {
  // Without a step nobody knows what one gives: the traced loop finds out.
  if (!verdict) return undefined;
  const given: Flat[] = [];
  let now = initial;
  for (let going = true; going && given.length < most; ) {
    const [outputs, next] = checkStep('whileLoop', body(now.with(now.arrays)));
    const after = flat(next);
    checkStates('whileLoop', now, after);
    now = after;
    given.push(flat(outputs));
    going = given.length < most && decided('whileLoop', test(now.with(now.arrays))) === true;
  }
  const device = initial.arrays[0]!.device;
  const missing = most - given.length;
  const filled = flat(stacked('whileLoop', given));
  const outputs = filled.with(
    filled.arrays.map((y) => {
      if (missing === 0) return y;
      const rest = zeros([missing, ...y.shape.slice(1)], { dtype: y.dtype, device });
      return concat([y, rest], 0);
    }),
  );
  const steps = full([], given.length, { dtype: 'int32', device });
  return [outputs, now.with(now.arrays), steps];
};

const whileTraced = (
  test: (variables: unknown) => unknown,
  body: (variables: unknown) => unknown,
  initial: Flat,
  most: number,
): unknown => {
  const device = mode.trace!.device;
  const active = full([], 1, { dtype: 'bool', device });
  const count = full([], 0, { dtype: 'int32', device });
  const starts = [active, count, ...initial.arrays];
  const { outputs, states } = loop('whileLoop', [], starts, most, (_, now, trace) => {
    const [going, steps, ...variables] = now as [NDArray, NDArray, ...NDArray[]];
    const verdict = test(initial.with(variables));
    const goes = logicalAnd(going, asFlag('whileLoop', verdict, trace));
    const condition = trace.nodeOf(goes);
    const pass = (x: Node): Node => gated(trace, condition, x);
    const safe = variables.map((x) => trace.wrap(pass(trace.nodeOf(x))));
    const given = trace.through(pass, () => body(initial.with(safe)));
    trace.assignIf(condition);
    const [result, next] = checkStep('whileLoop', given);
    const after = flat(next);
    checkStates('whileLoop', initial, after);
    const out = flat(result);
    const chosen = (y: NDArray, otherwise: NDArray | 0): NDArray =>
      where(
        reshape(
          goes,
          y.shape.map(() => 1),
        ),
        y,
        otherwise,
      );
    return {
      states: [
        goes,
        where(goes, steps.add(1), steps),
        ...after.arrays.map((y, i) => chosen(y, variables[i]!)),
      ],
      outputs: out.arrays.map((y) => chosen(y, 0)),
      rebuild: out.with,
    };
  });
  const [, steps, ...last] = states as [NDArray, NDArray, ...NDArray[]];
  return [outputs, initial.with(last), steps];
};

/**
 * What `then()` gives if the condition holds, what `otherwise()` gives if not: arrays, or lists and objects of arrays,
 * of the same structure, shapes and dtypes.
 *
 * Imperatively only the branch that is chosen runs. In a hybridized function, and on devices that cannot be read without
 * waiting, both are computed and the results of one are taken; no gradient comes from the other, not even NaN.
 *
 * @throws ValueError when the branches give different structures, ShapeError or DTypeError when their arrays differ.
 * @example
 * const x = nd.array(3);
 * const y = nd.cond(x.gt(0), () => x.sqrt(), () => x.mul(0));
 * await y.item();   // 1.7320508075688772
 */
export const cond = <T extends Structure>(
  condition: NDArray | boolean | number,
  then: () => T,
  otherwise: () => T,
): T => {
  const write = 'write nd.cond(condition, () => …, () => …)';
  checkFunction('cond', then, write);
  checkFunction('cond', otherwise, write);
  const known = decided('cond', condition);
  if (known !== undefined) return known ? then() : otherwise();
  const flag = condition as NDArray;
  if (mode.trace === undefined)
    return new CachedFunction(() => choose(flag, then, otherwise), { name: 'cond' }).call([]) as T;
  return choose(flag, then, otherwise) as T;
};

/** Both branches as one call, of which one's results are taken. */
const choose = (given: NDArray, then: () => unknown, otherwise: () => unknown): unknown => {
  const shaped = reshape(given, []);
  const flag = shaped.dtype === 'bool' ? shaped : ne(shaped, 0);
  const branch = (body: () => unknown) =>
    traceBody('cond', (trace) => {
      const result = flat(body());
      return { trace, result, nodes: result.arrays.map((y) => trace.nodeOf(y)) };
    });
  const sides = [branch(then), branch(otherwise)] as const;
  const [yes, no] = sides;
  checkBranches(yes.result, no.result);
  const b = new GraphBuilder();
  const condition = b.input(flag.type, { name: 'condition' });
  const operands = [flag];
  const input = (x: NDArray): Node => {
    operands.push(x);
    return b.input(x.type, { name: `x${operands.length - 1}` });
  };
  const not = b.op('not', condition);
  const targets = [...new Set(sides.flatMap((s) => s.trace.ends().assigned.map((a) => a.target)))];
  const parts = sides.map(({ trace, nodes }, side) => {
    const { assigned, captures } = trace.ends();
    const made = new Map<Node, Node>();
    for (const { array, input: inside } of [...captures, ...assigned])
      made.set(inside, gated({ builder: b }, side === 0 ? condition : not, input(array)));
    for (const { input: inside, make } of trace.perSteps)
      made.set(inside, b.reshape(input(make(1)), inside.type.shape));
    const values = targets.map((t) => assigned.find((a) => a.target === t)?.value);
    copyNodes(reachable([...nodes, ...values.filter((v) => v !== undefined)]), b, made);
    return {
      outputs: nodes.map((node) => made.get(node)!),
      values: values.map((v) => v && made.get(v)!),
    };
  });
  const pick = (x: Node, y: Node): Node =>
    b.op('select', b.broadcast(condition, x.type.shape, []), x, y);
  const [one, other] = parts as [(typeof parts)[0], (typeof parts)[0]];
  const outputs = one.outputs.map((x, i) => pick(x, other.outputs[i]!));
  const updates = targets.map((target, i) => {
    const old = one.values[i] === undefined || other.values[i] === undefined;
    const before = old ? input(target) : undefined;
    return pick(one.values[i] ?? before!, other.values[i] ?? before!);
  });
  const graph = b.graph('cond', [...outputs, ...updates]);
  const results = callGraph(callableOf(graph), operands, flag.device);
  targets.forEach((target, i) => {
    assign(target, results[outputs.length + i]!);
  });
  return yes.result.with(results.slice(0, outputs.length));
};

const checkBranches = (yes: Flat, no: Flat): void => {
  if (yes.key !== no.key)
    throw failure(
      'value',
      `cond: one branch gives ${yes.key}, the other ${no.key}`,
      'return the same structure from both (% is an array)',
    );
  yes.arrays.forEach((x, i) => {
    const y = no.arrays[i]!;
    if (x.type !== y.type)
      throw failure(
        x.dtype === y.dtype ? 'shape' : 'dtype',
        `cond: one branch gives ${showType(x.type)}, the other ${showType(y.type)}`,
        'both must give arrays of the same shape and dtype',
      );
  });
};
