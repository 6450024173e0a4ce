/**
 * foreach: a loop over the elements of arrays, whose states go from step to step.
 *
 * Imperatively it is a loop in JavaScript over eager calls; traced, it is one call.
 * Invariant: both ways give the same values and the same gradients.
 */
import { showType } from '../../ir/type.ts';
import { failure } from '../callsite.ts';
import { mode } from '../mode.ts';
import { checkFunction } from '../options.ts';
import { at } from './indexing.ts';
import { checkStates, checkStep, type Flat, flat, type Structure, stacked } from './structures.ts';
import { tracedLoop } from './traced-loop.ts';

/**
 * Calls `body(element, states)` for each element of `data` along its first axis; states go from call to call. The body
 * returns `[outputs, states]`.
 *
 * `data` and `states` are arrays, or lists and objects of arrays; so are the results: what the steps gave, stacked along
 * a new first axis, and the states after the last step. The body may use any other arrays and Parameters, and gradients
 * flow to all of them. In a hybridized function the loop is one operation: its body is compiled once, however long the
 * data is.
 *
 * Shapes: data [n, ...] of any dtypes; elements [...], outputs [n, ...]; states keep their shapes and dtypes.
 *
 * @throws {ValueError} for data without elements, and for a body that does not return `[outputs, states]` of one structure
 * @throws {ShapeError} when first axes differ or are missing, and when a state or an output changes its shape
 * @throws {DTypeError} when a state changes its dtype
 *
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
        x.ndim === 0
          ? `foreach: the data has ${showType(x.type)}, which has no axis`
          : `foreach: the data has ${showType(first.type)} and ${showType(x.type)}`,
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

const eachTraced = (body: Body, data: Flat, initial: Flat, trips: number): [unknown, unknown] => {
  const { outputs, states } = tracedLoop(
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
